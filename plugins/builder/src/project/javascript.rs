//! JavaScript and TypeScript projects: esbuild makes one module of `src/plugin.js` (or `.ts`), the SDK and packages;
//! componentize-js puts it beside SpiderMonkey in a component; `node --test` runs the tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::{Project, run};
use crate::tools::{Tools, node};

pub(super) fn build(project: &Project, tools: &Tools) -> Result<(PathBuf, String)> {
    let tool = tools.javascript()?;
    let sdk = project.folder.join("sdk/javascript");
    if !sdk.is_dir() {
        bail!("`{}` is missing: run `nomaflow plugin update`", sdk.display());
    }
    let entry = ["plugin.ts", "plugin.js", "plugin.mjs"].map(|name| project.folder.join("src").join(name));
    let Some(entry) = entry.into_iter().find(|path| path.is_file()) else {
        bail!("`{}` has neither `src/plugin.js` nor `src/plugin.ts`", project.folder.display());
    };
    let made = project.build_folder().join(format!("{}.wasm", project.name));
    let order = json!({
        "do": "build", "folder": project.folder, "plugin": entry, "component": sdk.join("component.js"),
        "wit": project.wit()?, "world": "plugin", "out": made, "tool": tool.version(),
    });
    if !run(&mut tool.command(&order))? {
        bail!("`{}` cannot be made a component (see above)", project.name);
    }
    Ok((made, tool.version()))
}

pub(super) fn test(project: &Project, tools: &Tools) -> Result<bool> {
    let all = test_files(&project.folder.join("tests"))?;
    if all.is_empty() {
        bail!("`{}` has no test: `tests/*.test.js` or `tests/*.test.ts`", project.folder.display());
    }
    let (typed, mut plain): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|path| path.extension().is_some_and(|e| e == "ts"));
    if !typed.is_empty() {
        let out = project.folder.join("target/tests");
        let order = json!({ "do": "bundle", "folder": project.folder, "files": typed, "out": out });
        if !run(&mut tools.javascript()?.command(&order))? {
            return Ok(false);
        }
        plain.extend(test_files(&out)?);
    }
    let mut command = Command::new(node()?);
    run(command.current_dir(&project.folder).args(["--test", "--test-reporter=spec"]).args(plain))
}

fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.context("cannot read the folder of tests")?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if [".test.js", ".test.mjs", ".test.ts"].iter().any(|ending| name.ends_with(ending)) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
