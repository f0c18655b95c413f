//! Python projects: componentize-py makes a component of the modules in `src/`, the SDK and pure Python packages in
//! `vendor/`; `unittest` runs the tests.
//!
//! Only what is imported while the component is made is in it, so an import inside a function would work in the tests and
//! fail in a job: the SDK's lint refuses it first.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};

use super::{Project, inputs, run};
use crate::sdk;
use crate::tools::{Tools, python};

const OLDEST_PYTHON: &str = "3.10";

/// The module componentize-py is pointed at: the author's, then the exports over what it registered.
const ENTRY: &str = "import plugin\nfrom nomaflow.component import Callables\n";

pub(super) fn build(project: &Project, tools: &Tools) -> Result<(PathBuf, String)> {
    let sdk = sdk_folder(project)?;
    let mut lint = Command::new(python());
    lint.arg(sdk.join("nomaflow/lint.py")).arg("src").current_dir(&project.folder);
    if !run_python(&mut lint)? {
        bail!("`{}` would not run in the sandbox (see above)", project.name);
    }
    let tool = tools.componentize_py()?;
    let folder = project.build_folder();
    fs::write(folder.join("nomaflow_entry.py"), ENTRY).context("cannot write the entry module")?;
    let made = folder.join(format!("{}.wasm", project.name));
    let wit = project.wit()?;
    let places = [project.folder.join("src"), sdk, project.folder.join("vendor")];
    let mut inputs: Vec<PathBuf> = places.into_iter().filter(|place| place.is_dir()).collect();
    let mut command = tool.command();
    command.current_dir(&project.folder).arg("--quiet").arg("-d").arg(&wit);
    command.args(["-w", "plugin", "componentize", "nomaflow_entry"]);
    for place in std::iter::once(&folder).chain(&inputs) {
        command.arg("-p").arg(place);
    }
    inputs.push(wit);
    let digest = inputs::digest(&[&tool.version(), ENTRY], &inputs)?;
    if !inputs::is_made_from(&made, &digest) {
        inputs::noting(&made, &digest, || match run(command.arg("-o").arg(&made))? {
            true => Ok(()),
            false => bail!("`{}` cannot be made a component (see above)", project.name),
        })?;
    }
    Ok((made, tool.version()))
}

pub(super) fn test(project: &Project) -> Result<bool> {
    let sdk = sdk_folder(project)?;
    let places = ["src", "vendor"].map(|name| project.folder.join(name)).into_iter().chain([sdk]);
    let path: OsString = env::join_paths(places)?;
    let mut command = Command::new(python());
    command.current_dir(&project.folder).args(["-m", "unittest", "discover", "-q", "-s", "tests"]);
    run_python(command.env("PYTHONPATH", path).env("PYTHONDONTWRITEBYTECODE", "1"))
}

fn run_python(command: &mut Command) -> Result<bool> {
    let program = command.get_program().to_string_lossy().into_owned();
    run(command).map_err(|error| match error.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::NotFound) => {
            anyhow!("there is no `{program}`: Python plugins need Python {OLDEST_PYTHON} or newer, with pip")
        }
        _ => error,
    })
}

/// The project's own copy of the SDK, else the one this program carries.
fn sdk_folder(project: &Project) -> Result<PathBuf> {
    let own = project.folder.join("sdk/python");
    if own.is_dir() {
        return Ok(own);
    }
    let folder = project.build_folder();
    sdk::write_python(&folder)?;
    Ok(folder.join("python"))
}
