//! Finding a compiler for `wasm32-wasip2`, and telling cargo to use it.
//!
//! First choice: the rustc in use, when its standard library for the target is installed. Second choice: another rustc
//! that has its own library sources (Debian packages `rustc-web` and `rust-web-src`), whose standard library cargo builds
//! along. No version is written down: Debian moves it with its security updates. The linkers always come from the
//! rustc in use, which ships `wasm-component-ld` and `wasm-ld` with every toolchain of rustup.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The target of every guest.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// A wasi-libc with a wasip2 build (Debian 13 and later) goes first; the wasip1 one links all but `std::net`.
const LIBC_FOLDERS: &[&str] = &["/usr/lib/wasm32-wasip2", "/usr/lib/wasm32-wasi"];

/// As `rust-version` of the SDK says.
const OLDEST_RUST: &str = env!("CARGO_PKG_RUST_VERSION");

const HOW_TO_INSTALL: &str = "no compiler for wasm32-wasip2 on this machine. Install one of:
  rustup target add wasm32-wasip2
  apt-get install --no-install-recommends rustc-web rust-web-src wasi-libc    (Debian 12 and later)";

/// How guests are compiled here.
#[derive(Debug)]
pub(crate) enum Toolchain {
    /// The rustc in use has the target installed.
    Installed { version: String },
    /// Another rustc with library sources; cargo builds the standard library too.
    BuildStd(BuildStd),
}

#[derive(Debug)]
pub(crate) struct BuildStd {
    rustc: PathBuf,
    version: String,
    libc: PathBuf,
    /// `lib/rustlib/<host>/bin` of the rustc in use: `wasm-component-ld` and `gcc-ld/wasm-ld`.
    linkers: PathBuf,
}

/// The compiler for plugins in Rust, in one line.
///
/// # Errors
/// When there is none: what to install.
pub fn describe_toolchain() -> Result<String> {
    Ok(Toolchain::find()?.describe())
}

impl Toolchain {
    /// Looks for a compiler. Fails with one text that says what to install and why each candidate was no good.
    pub(crate) fn find() -> Result<Self> {
        let has_rust = Command::new("rustc").arg("--version").output().is_ok();
        if !has_rust {
            bail!("Rust is not installed: plugins in Rust need Rust {OLDEST_RUST} or newer (https://rustup.rs)");
        }
        let sysroot = PathBuf::from(ask(Path::new("rustc"), &["--print", "sysroot"])?);
        if let Some(installed) = Self::installed(Path::new("rustc"), &sysroot)? {
            return Ok(installed);
        }
        let named = env::var_os("PLUGIN_RUSTC").map(PathBuf::from);
        let mut refused = Vec::new();
        for rustc in named.into_iter().chain([PathBuf::from("/usr/bin/rustc")]) {
            match BuildStd::inspect(&rustc, &sysroot) {
                Ok(found) => return Ok(Self::BuildStd(found)),
                Err(why) => refused.push(format!("  {}: {why:#}", rustc.display())),
            }
        }
        bail!("{HOW_TO_INSTALL}\nlooked at:\n  {}: no {TARGET} library\n{}", sysroot.display(), refused.join("\n"))
    }

    /// The first choice, if the library of the target lies in this sysroot of `rustc`.
    fn installed(rustc: &Path, sysroot: &Path) -> Result<Option<Self>> {
        if !sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir() {
            return Ok(None);
        }
        Ok(Some(Self::Installed { version: ask(rustc, &["--version"])? }))
    }

    /// The first line of `rustc --version`.
    pub(crate) fn version(&self) -> &str {
        match self {
            Self::Installed { version } | Self::BuildStd(BuildStd { version, .. }) => version,
        }
    }

    /// Whether the standard library is built along.
    pub(crate) fn builds_std(&self) -> bool {
        matches!(self, Self::BuildStd(_))
    }

    /// One line for the person who waits.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Installed { version } => format!("{version}, installed {TARGET}"),
            Self::BuildStd(found) => {
                format!("{}, standard library built from source, libc in {}", found.version, found.libc.display())
            }
        }
    }

    /// Adds to a `cargo build` what this toolchain needs.
    pub(crate) fn apply(&self, command: &mut Command) -> Result<()> {
        // Flags from outside beat the target's own (a CI that sets `-D warnings` would lose the libc path) and a compiler
        // cache does not know this rustc.
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_RUSTFLAGS",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
        ] {
            command.env_remove(name);
        }
        command.args(["--target", TARGET]);
        let Self::BuildStd(found) = self else {
            return Ok(());
        };
        command
            .args(["-Z", "build-std=std,panic_abort", "-Z", "build-std-features="])
            .env("RUSTC", &found.rustc)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_WASIP2_LINKER", found.linkers.join("wasm-component-ld"))
            .env("CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", format!("-Lnative={}", found.libc.display()))
            .env("PATH", found.path_with_linkers()?);
        Ok(())
    }
}

impl BuildStd {
    fn inspect(rustc: &Path, sysroot_in_use: &Path) -> Result<Self> {
        if !rustc.is_file() {
            bail!("not there");
        }
        let sysroot = PathBuf::from(ask(rustc, &["--print", "sysroot"])?);
        if !sysroot.join("lib/rustlib/src/rust/library/Cargo.lock").is_file() {
            bail!("has no library sources (Debian package rust-web-src)");
        }
        if !ask(rustc, &["--print", "target-list"])?.lines().any(|line| line == TARGET) {
            bail!("does not know {TARGET}");
        }
        let libc = LIBC_FOLDERS
            .iter()
            .map(PathBuf::from)
            .find(|folder| folder.join("libc.a").is_file())
            .context("there is no wasi-libc (Debian package wasi-libc)")?;
        let about = ask(Path::new("rustc"), &["-vV"])?;
        let host = about.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
        let linkers = sysroot_in_use.join("lib/rustlib").join(host).join("bin");
        if !linkers.join("wasm-component-ld").is_file() {
            bail!("the rustc in use brings no wasm-component-ld (a toolchain of rustup does)");
        }
        Ok(Self { rustc: rustc.to_path_buf(), version: ask(rustc, &["--version"])?, libc, linkers })
    }

    /// `wasm-component-ld` looks for `wasm-ld` on the path.
    fn path_with_linkers(&self) -> Result<OsString> {
        let path = env::var_os("PATH").unwrap_or_default();
        Ok(env::join_paths([self.linkers.join("gcc-ld")].into_iter().chain(env::split_paths(&path)))?)
    }
}

/// The cargo that runs us, else the one on the path.
pub(crate) fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn ask(program: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("cannot start `{}`", program.display()))?;
    if !output.status.success() {
        bail!(
            "`{} {}` failed: {}",
            program.display(),
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only the choice is tried here: whether the target is installed for real, the machine decides.
    #[test]
    fn an_installed_target_is_used_as_it_is_and_its_absence_is_seen() {
        let sysroot = tempfile::tempdir().expect("a folder");
        let host = sysroot.path().join("lib/rustlib/x86_64-unknown-linux-gnu/lib");
        std::fs::create_dir_all(host).expect("a folder");
        let installed = || Toolchain::installed(Path::new("rustc"), sysroot.path()).expect("rustc answers");
        assert!(installed().is_none());
        std::fs::create_dir_all(sysroot.path().join("lib/rustlib").join(TARGET).join("lib")).expect("a folder");
        let toolchain = installed().expect("it is there");
        assert!(toolchain.version().starts_with("rustc 1.") && !toolchain.builds_std());
        let mut command = Command::new("cargo");
        toolchain.apply(&mut command).expect("nothing can go wrong");
        assert_eq!(command.get_args().collect::<Vec<_>>(), ["--target", TARGET]);
        // What it takes away of the environment, and nothing it adds: the toolchain's own compiler and linkers serve.
        assert!(command.get_envs().count() > 0 && command.get_envs().all(|(_, value)| value.is_none()));
    }
}
