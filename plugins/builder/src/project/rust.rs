//! Rust projects: cargo, with the toolchain that `toolchain` finds for the component and the usual one for the tests.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Project, run};
use crate::toolchain::{TARGET, Toolchain, cargo};
use crate::tools::cache_folder;

pub(super) fn build(project: &Project) -> Result<(PathBuf, String)> {
    let toolchain = Toolchain::find()?;
    let target = target_folder(project, &toolchain)?;
    let mut command = Command::new(cargo());
    command.current_dir(&project.folder).args(["build", "--quiet", "--release"]).env("CARGO_TARGET_DIR", &target);
    toolchain.apply(&mut command)?;
    let made = if toolchain.builds_std() {
        // Other projects are built in the same folder; what is made goes where it is nobody else's.
        let own = project.build_folder();
        command.args(["-Z", "unstable-options", "--artifact-dir"]).arg(&own);
        own
    } else {
        target.join(TARGET).join("release")
    };
    if !run(&mut command).context("is Rust installed?")? {
        bail!("`{}` does not compile (see above)", project.name);
    }
    Ok((made.join(format!("{}.wasm", project.name.replace('-', "_"))), toolchain.version().to_owned()))
}

/// Where cargo works: never in the folder of the tests, where another rustc would make each rebuild for the other. Where the
/// standard library is built along, which takes a minute or two, all projects share a folder, so that it is built once.
fn target_folder(project: &Project, toolchain: &Toolchain) -> Result<PathBuf> {
    if let Some(set) = env::var_os("NOMAFLOW_COMPONENT_TARGET").filter(|set| !set.is_empty()) {
        return Ok(set.into());
    }
    Ok(if toolchain.builds_std() { cache_folder()?.join("rust") } else { project.build_folder() })
}

pub(super) fn test(project: &Project) -> Result<bool> {
    run(Command::new(cargo()).current_dir(&project.folder).args(["test", "--quiet"])).context("is Rust installed?")
}
