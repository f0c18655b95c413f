//! One plugin project, anywhere on the machine: which language it is in, what its component is called and where it goes.
//!
//! A project is an app folder in the making: the component lies beside its grants (`<name>.toml`) and the jobs that use it
//! (`jobs.toml`), so the folder, or a link to it, goes into `plugins/` of a home as it is. Everything that can be made
//! again is below `target/`. How each language is built and tested is in the files beside this one.

mod inputs;
mod javascript;
mod manifest;
mod python;
mod rust;
mod watch;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::index::write_file;
use crate::sdk;
use crate::tools::Tools;

/// The language of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `Cargo.toml`.
    Rust,
    /// `pyproject.toml`.
    Python,
    /// `package.json`; TypeScript too.
    JavaScript,
}

impl Language {
    /// Every language, with the manifest that gives it away.
    const ALL: [(Self, &'static str); 3] =
        [(Self::Rust, "Cargo.toml"), (Self::Python, "pyproject.toml"), (Self::JavaScript, "package.json")];
}

/// A project that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its folder, absolute.
    pub folder: PathBuf,
    /// The name of the plugin: the component is `<name>.wasm`, jobs call `<name>:<callable>`.
    pub name: String,
    /// What it is written in.
    pub language: Language,
}

/// A component that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The file, beside the manifest.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// What made it, such as `rustc 1.96.0` or `componentize-py 0.25.1`.
    pub compiler: String,
    /// How long that took.
    pub took: Duration,
}

impl Project {
    /// Finds the project in `folder`.
    ///
    /// # Errors
    /// When there is no manifest, more than one, or one without a usable name.
    pub fn open(folder: &Path) -> Result<Self> {
        let folder = folder.canonicalize().with_context(|| format!("there is no folder `{}`", folder.display()))?;
        let mut found = Language::ALL.iter().filter(|(_, manifest)| folder.join(manifest).is_file());
        let Some((language, manifest)) = found.next() else {
            let manifests = Language::ALL.map(|(_, manifest)| manifest);
            bail!("`{}` is no plugin project: it has none of `{}`", folder.display(), manifests.join("`, `"));
        };
        if let Some((_, other)) = found.next() {
            bail!("`{}` has both `{manifest}` and `{other}`; a plugin is in one language", folder.display());
        }
        let name = manifest::read_name(*language, &folder.join(manifest))?;
        check_name(&name)?;
        Ok(Self { folder, name, language: *language })
    }

    /// Where its component goes.
    #[must_use]
    pub fn component(&self) -> PathBuf {
        self.folder.join(format!("{}.wasm", self.name))
    }

    /// Where its grants are, if it needs any.
    #[must_use]
    pub fn grants(&self) -> PathBuf {
        self.folder.join(format!("{}.toml", self.name))
    }

    /// The cases that `nomaflow plugin test` runs in the sandbox, if it has any.
    #[must_use]
    pub fn cases(&self) -> PathBuf {
        self.folder.join("tests/cases.json")
    }

    /// Makes the component and puts it beside the manifest, whole or not at all.
    ///
    /// # Errors
    /// When the toolchain of its language is missing (the message says what to do), or the sources do not compile; the
    /// compiler has printed why, and the component that was there stays.
    pub fn build(&self, tools: &Tools) -> Result<Built> {
        let started = Instant::now();
        self.make_target()?;
        let (made, compiler) = match self.language {
            Language::Rust => rust::build(self)?,
            Language::Python => python::build(self, tools)?,
            Language::JavaScript => javascript::build(self, tools)?,
        };
        let bytes = fs::read(&made).with_context(|| format!("the compiler left no `{}`", made.display()))?;
        let path = self.component();
        // A host that watches the folder must not hear of a component that is the same.
        if fs::read(&path).ok().as_deref() != Some(bytes.as_slice()) {
            write_file(&path, &bytes)?;
        }
        Ok(Built { path, bytes: bytes.len() as u64, compiler, took: started.elapsed() })
    }

    /// Runs the project's own tests on this machine, without WebAssembly. False when some fail; they have printed why.
    ///
    /// # Errors
    /// When they cannot be run.
    pub fn test_natively(&self, tools: &Tools) -> Result<bool> {
        self.make_target()?;
        match self.language {
            Language::Rust => rust::test(self),
            Language::Python => python::test(self),
            Language::JavaScript => javascript::test(self, tools),
        }
    }

    /// Scratch space of the component's build.
    fn build_folder(&self) -> PathBuf {
        self.folder.join("target/component")
    }

    /// The folder of everything that can be made again, marked so that watchers and backups leave it alone.
    fn make_target(&self) -> Result<()> {
        let target = self.folder.join("target");
        fs::create_dir_all(self.build_folder()).with_context(|| format!("cannot make `{}`", target.display()))?;
        let tag = target.join("CACHEDIR.TAG");
        if !tag.exists() {
            fs::write(&tag, "Signature: 8a477f597d28d172789f06886806bc55\n")
                .with_context(|| format!("cannot write `{}`", tag.display()))?;
        }
        Ok(())
    }

    /// The folder with the WIT of this project: its own copy, else the one this program carries, unpacked.
    fn wit(&self) -> Result<PathBuf> {
        let own = self.folder.join("sdk/wit/step");
        if own.is_dir() {
            return Ok(own);
        }
        let unpacked = self.build_folder();
        sdk::write_wit(&unpacked)?;
        Ok(unpacked.join("wit/step"))
    }
}

/// Fails unless `name` can name a plugin: jobs write it before the colon, it is a file and a crate.
///
/// # Errors
/// What is wrong with it.
pub fn check_name(name: &str) -> Result<()> {
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !begins || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_') {
        bail!("`{name}` cannot name a plugin: it begins with a lower-case letter; letters, digits, `-` and `_` follow");
    }
    // A crate of that name, or a module, would hide what every project needs.
    if ["core", "std", "alloc", "test", "nomaflow", "plugin", "sdk", "target"].contains(&name) {
        bail!("`{name}` cannot name a plugin: it is taken");
    }
    Ok(())
}

/// Runs a command of a project with its output passed on, all of it to standard error: standard output is for answers.
/// True when it ended well.
fn run(command: &mut Command) -> Result<bool> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdout(std::io::stderr());
    Ok(command.status().with_context(|| format!("cannot start `{program}`"))?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_a_project_in_the_language_of_its_one_manifest() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        let error = Project::open(path).expect_err("nothing there").to_string();
        assert!(error.contains("`Cargo.toml`, `pyproject.toml`, `package.json`"), "{error}");
        fs::write(path.join("package.json"), r#"{"name": "visits"}"#).expect("writes");
        let project = Project::open(path).expect("opens");
        assert_eq!((project.name.as_str(), project.language), ("visits", Language::JavaScript));
        assert!(project.component().ends_with("visits.wasm"));
        fs::write(path.join("pyproject.toml"), "[project]\nname = \"visits\"\n").expect("writes");
        let error = Project::open(path).expect_err("two").to_string();
        assert!(error.contains("both `pyproject.toml` and `package.json`"), "{error}");
    }

    #[test]
    fn a_name_is_fit_for_a_job_a_file_and_a_crate() {
        for good in ["visits", "a", "visits-2", "my_plugin"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "2visits", "Visits", "../up", "a b", "a:b", "std", "-x", "é"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
