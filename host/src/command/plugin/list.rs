//! `nomaflow plugin list`: every component of a home, whether it is fit for use, what it can run and what it may touch;
//! and every Python function that a job can name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use host_catalogue::Flags;
use host_model::Json;
use host_sandbox::{ComponentRunner, Inspection};
use serde_json::json;

use super::{grants, inspect, python, size};
use crate::cli::Global;
use crate::command::table::{or_dash, render};
use crate::exit::{Exit, Outcome};
use crate::home::Home;
use crate::say;

/// A component that was looked at.
struct Found {
    plugin: String,
    app: String,
    /// What it is, and what it is granted if anything; or why it is of no use.
    state: Result<(Inspection, Option<Json>), String>,
}

pub(super) async fn list(global: &Global) -> Outcome {
    let home = Home::new(&global.home);
    let settings = home.settings(&Flags::default())?.settings;
    let plugins = settings.plugins_dir(home.path());
    let runner = inspect::runner(&plugins)?;
    let files = find_components(&plugins);
    let look = move || files.iter().map(|file| look_at(&runner, file)).collect::<Vec<_>>();
    let mut found = tokio::task::spawn_blocking(look).await.context("the inspection broke off")?;
    refuse_doubles(&mut found);
    let python = python::find(&plugins, &settings).await;
    say(&if global.json {
        json!({ "plugins": found.iter().map(to_json).collect::<Vec<_>>(), "python": python.to_json() }).to_string()
    } else if found.is_empty() {
        if python.is_empty() { format!("there is no plugin in {}", plugins.display()) } else { python.render() }
    } else {
        let rows: Vec<Vec<String>> = found.iter().map(row).collect();
        let problems = found.iter().filter_map(|it| {
            it.state.as_ref().err().map(|problem| format!("\n{}/{}.wasm: {problem}", it.app, it.plugin))
        });
        let table = render(&["PLUGIN", "APP", "STATE", "CALLABLES", "GRANTS", "SIZE", "SHA256"], &rows);
        let below = if python.is_empty() { String::new() } else { format!("\n\n{}", python.render()) };
        std::iter::once(table).chain(problems).chain([below]).collect()
    })?;
    let is_fine = found.iter().all(|it| it.state.is_ok()) && python.is_fine();
    Ok(if is_fine { Exit::Fine } else { Exit::Invalid })
}

fn look_at(runner: &ComponentRunner, file: &Path) -> Found {
    let text = |part: Option<&std::ffi::OsStr>| part.map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    let inspected = runner.inspect(file).and_then(|inspection| Ok((inspection, grants::read(file)?)));
    Found {
        plugin: text(file.file_stem()),
        app: text(file.parent().and_then(Path::file_name)),
        state: inspected.map_err(|error| error.to_string()),
    }
}

/// Jobs name a component without its app, so there can be one of a name.
fn refuse_doubles(found: &mut [Found]) {
    let mut apps: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for it in &*found {
        apps.entry(it.plugin.clone()).or_default().push(it.app.clone());
    }
    for it in found {
        let Some(others) = apps.get(&it.plugin).filter(|apps| apps.len() > 1) else { continue };
        it.state = Err(format!("there is one of this name in each of the apps `{}`: rename one", others.join("`, `")));
    }
}

fn row(it: &Found) -> Vec<String> {
    let (plugin, app) = (it.plugin.clone(), it.app.clone());
    match &it.state {
        Ok((inspection, grants)) => {
            let names: Vec<&str> = inspection.callables.iter().map(|callable| callable.name.as_str()).collect();
            let granted = grants.as_ref().map(grants::granted).unwrap_or_default().join("; ");
            let digest = inspection.digest.get(..12).unwrap_or(&inspection.digest);
            let bytes = size(inspection.bytes as u64);
            vec![plugin, app, "ok".into(), names.join(", "), or_dash(&granted), bytes, digest.to_owned()]
        }
        Err(_) => vec![plugin, app, "problem".into(), "-".into(), "-".into(), "-".into(), "-".into()],
    }
}

fn to_json(it: &Found) -> Json {
    match &it.state {
        Ok((inspection, grants)) => {
            let names: Vec<&str> = inspection.callables.iter().map(|callable| callable.name.as_str()).collect();
            json!({
                "plugin": it.plugin, "app": it.app, "state": "ok", "problem": null, "callables": names,
                "contract": inspect::contract(inspection), "bytes": inspection.bytes, "sha256": inspection.digest,
                "granted": grants,
            })
        }
        Err(problem) => json!({ "plugin": it.plugin, "app": it.app, "state": "problem", "problem": problem }),
    }
}

/// `<plugins>/*/*.wasm`, sorted.
fn find_components(plugins: &Path) -> Vec<PathBuf> {
    let inside =
        |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|e| e.path());
    let mut files: Vec<PathBuf> = inside(plugins)
        .flat_map(|app| inside(&app).collect::<Vec<_>>())
        .filter(|path| path.extension().is_some_and(|ending| ending == "wasm") && path.is_file())
        .collect();
    files.sort();
    files
}
