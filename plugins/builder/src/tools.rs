//! The toolchains of Python and JavaScript, which are large and so installed only when asked for, into a folder that all
//! projects share; never into the system or a project.
//!
//! Each version has a folder of its own, made beside it and renamed, so an interrupted installation is none.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Tested with the SDK; another version may make other bindings.
const COMPONENTIZE_PY: &str = "0.25.1";
/// SpiderMonkey, and not the much smaller QuickJS of componentize-qjs 0.4.5: that one passes every 64-bit integer as a
/// double, and so changes those beyond 2^53 without a word.
const COMPONENTIZE_JS: &str = "0.23.0";
const ESBUILD: &str = "0.28.2";
const OLDEST_NODE: u32 = 20;
/// The script that drives the two; it lies beside their packages, so that they are found.
const SCRIPT: &str = include_str!("tools/javascript.mjs");

/// What can be made again and is worth keeping: `NOMAFLOW_CACHE`, else `nomaflow` in the cache folder of the user.
///
/// # Errors
/// When the user has none.
pub fn cache_folder() -> Result<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let of_user = || Some(set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?.join("nomaflow"));
    set("NOMAFLOW_CACHE").or_else(of_user).context("there is no folder for caches: set NOMAFLOW_CACHE to one")
}

/// Where the toolchains are.
#[derive(Debug, Clone)]
pub struct Tools {
    folder: PathBuf,
    /// Whether what is missing may be installed.
    install: bool,
}

/// componentize-py with the interpreter that runs it.
pub(crate) struct ComponentizePy(PathBuf);

/// esbuild and componentize-js with the script over both.
pub(crate) struct JavaScript(PathBuf);

impl Tools {
    /// The tools in the cache of the user. With `install`, what a build needs and does not find is installed; otherwise it
    /// fails and says so.
    ///
    /// # Errors
    /// When the user has no cache folder.
    pub fn find(install: bool) -> Result<Self> {
        Ok(Self { folder: cache_folder()?.join("tools"), install })
    }

    /// The tools in `folder`.
    #[must_use]
    pub fn at(folder: &Path, install: bool) -> Self {
        Self { folder: folder.to_owned(), install }
    }

    pub(crate) fn componentize_py(&self) -> Result<ComponentizePy> {
        let what = format!("componentize-py {COMPONENTIZE_PY} (60 MB)");
        let folder = self.ready(&format!("python-{COMPONENTIZE_PY}"), &what, |folder| {
            let mut pip = Command::new(python());
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-warn-script-location"]);
            pip.env("PIP_ROOT_USER_ACTION", "ignore");
            pip.arg("--target").arg(folder).arg(format!("componentize-py=={COMPONENTIZE_PY}"));
            Ok(pip)
        })?;
        Ok(ComponentizePy(folder))
    }

    pub(crate) fn javascript(&self) -> Result<JavaScript> {
        node()?;
        let name = format!("javascript-{COMPONENTIZE_JS}-{ESBUILD}");
        let what = format!("componentize-js {COMPONENTIZE_JS} and esbuild {ESBUILD} (400 MB)");
        let folder = self.ready(&name, &what, |folder| {
            let packages = json!({
                "private": true,
                "dependencies": { "@bytecodealliance/componentize-js": COMPONENTIZE_JS, "esbuild": ESBUILD },
            });
            fs::write(folder.join("package.json"), packages.to_string())?;
            let mut npm = Command::new("npm");
            // No package's own script runs: both come ready for use.
            npm.args([
                "install",
                "--loglevel=error",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--no-package-lock",
            ]);
            npm.current_dir(folder);
            Ok(npm)
        })?;
        // The script belongs to this program, not to the installed version.
        let script = folder.join("nomaflow.mjs");
        if fs::read_to_string(&script).ok().as_deref() != Some(SCRIPT) {
            crate::index::write_file(&script, SCRIPT.as_bytes())?;
        }
        Ok(JavaScript(folder))
    }

    /// The folder called `name`, installed by the command that `installer` gives if need be and allowed.
    fn ready(&self, name: &str, what: &str, installer: impl FnOnce(&Path) -> Result<Command>) -> Result<PathBuf> {
        let ready = self.folder.join(name);
        if ready.is_dir() {
            return Ok(ready);
        }
        if !self.install {
            bail!("{what} is not installed: run the command again with `--install`");
        }
        eprintln!("installing {what} into {}", ready.display());
        let draft = self.folder.join(format!("{name}.{}.new", std::process::id()));
        let cannot = || format!("cannot install {what}");
        fs::create_dir_all(&draft).with_context(cannot)?;
        let mut command = installer(&draft).with_context(cannot)?;
        let done = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .with_context(cannot)
            .map(|status| status.success());
        if !matches!(done, Ok(true)) {
            // What stays behind is only a draft; the failure itself is what matters.
            let _ = fs::remove_dir_all(&draft);
            let program = command.get_program().to_string_lossy().into_owned();
            done?;
            bail!("{}: `{program}` failed (see above); it needs the network, or a mirror it is told of", cannot());
        }
        if fs::rename(&draft, &ready).is_err() {
            // Somebody else was faster; theirs is as good.
            let _ = fs::remove_dir_all(&draft);
        }
        if ready.is_dir() { Ok(ready) } else { bail!("{}: `{}` cannot be made", cannot(), ready.display()) }
    }
}

impl ComponentizePy {
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(python());
        command.args(["-c", "import sys, componentize_py; sys.exit(componentize_py.script())"]);
        // Packages of a virtual environment would end up in the component without anybody asking for them.
        command.env("PYTHONPATH", &self.0).env_remove("VIRTUAL_ENV");
        command
    }

    pub(crate) fn version(&self) -> String {
        format!("componentize-py {COMPONENTIZE_PY}")
    }
}

impl JavaScript {
    pub(crate) fn command(&self, order: &Value) -> Command {
        let mut command = Command::new("node");
        command.arg(self.0.join("nomaflow.mjs")).arg(order.to_string());
        command
    }

    pub(crate) fn version(&self) -> String {
        format!("componentize-js {COMPONENTIZE_JS}")
    }
}

/// The Python that runs tools and tests: `NOMAFLOW_PYTHON_INTERPRETER`, else `python3`.
pub(crate) fn python() -> OsString {
    env::var_os("NOMAFLOW_PYTHON_INTERPRETER").unwrap_or_else(|| "python3".into())
}

/// Node.js, which has to be there and not too old.
pub(crate) fn node() -> Result<&'static str> {
    let Ok(output) = Command::new("node").arg("--version").output() else {
        bail!("Node.js is not installed: JavaScript plugins need version {OLDEST_NODE} or newer");
    };
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < OLDEST_NODE) {
        bail!("Node.js {version} is too old: JavaScript plugins need version {OLDEST_NODE} or newer");
    }
    Ok("node")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toolchain_is_installed_only_when_asked_for_and_half_an_installation_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let shell = |script: &'static str| {
            move |place: &Path| {
                let mut command = Command::new("sh");
                command.args(["-c", script]).current_dir(place);
                Ok(command)
            }
        };
        let refused = Tools::at(folder.path(), false).ready("t-1", "t 1", shell("touch it"));
        assert_eq!(
            refused.expect_err("not allowed").to_string(),
            "t 1 is not installed: run the command again with `--install`"
        );
        let broken = Tools::at(folder.path(), true).ready("t-1", "t 1", shell("touch half; exit 1"));
        assert!(broken.expect_err("fails").to_string().contains("cannot install t 1: `sh` failed (see above)"));
        assert_eq!(fs::read_dir(folder.path()).expect("reads").count(), 0, "no draft stays");
        let ready = Tools::at(folder.path(), true).ready("t-1", "t 1", shell("touch it")).expect("installs");
        assert!(ready.join("it").is_file());
        assert_eq!(Tools::at(folder.path(), false).ready("t-1", "t 1", shell("exit 1")).expect("is there"), ready);
    }
}
