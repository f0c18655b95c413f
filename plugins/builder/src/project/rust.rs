//! Rust projects: cargo, with the toolchain that `toolchain` finds for the component and the usual one for the tests.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Project, run};
use crate::toolchain::{TARGET, Toolchain, cargo};

pub(super) fn build(project: &Project) -> Result<(PathBuf, String)> {
    let toolchain = Toolchain::find()?;
    let mut command = Command::new(cargo());
    command.current_dir(&project.folder).args(["build", "--quiet", "--release"]);
    // A folder of its own: another rustc in the folder of the tests would make each rebuild for the other.
    let target = env::var_os("NOMAFLOW_COMPONENT_TARGET").map_or_else(|| project.build_folder(), PathBuf::from);
    command.env("CARGO_TARGET_DIR", &target);
    toolchain.apply(&mut command)?;
    if !run(&mut command).context("is Rust installed?")? {
        bail!("`{}` does not compile (see above)", project.name);
    }
    let artifact = target.join(TARGET).join("release").join(format!("{}.wasm", project.name.replace('-', "_")));
    Ok((artifact, toolchain.version().to_owned()))
}

pub(super) fn test(project: &Project) -> Result<bool> {
    run(Command::new(cargo()).current_dir(&project.folder).args(["test", "--quiet"])).context("is Rust installed?")
}
