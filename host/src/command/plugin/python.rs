//! The Python side of `nomaflow plugin`: functions that jobs can name, and the virtual environments of apps.

use std::path::Path;

use anyhow::Context as _;
use host_catalogue::{Flags, Settings};
use host_model::Json;
use host_python::{PythonCallable, PythonModule, VenvError, list_modules};
use serde_json::json;

use crate::assemble::app_interpreters;
use crate::cli::Global;
use crate::command::table::{or_dash, render};
use crate::exit::{Exit, Failure, Outcome};
use crate::home::Home;
use crate::say;

/// The Python modules of a home, or why they are not known.
pub(super) struct Found(Result<Vec<PythonModule>, String>);

/// Parses every Python file of every app; imports none.
pub(super) async fn find(plugins: &Path, settings: &Settings) -> Found {
    Found(list_modules(&app_interpreters(plugins, settings)).await.map_err(|error| error.to_string()))
}

impl Found {
    pub(super) fn is_fine(&self) -> bool {
        self.0.as_ref().is_ok_and(|modules| modules.iter().all(|module| module.problem.is_none()))
    }

    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.0.as_ref().is_ok_and(|modules| modules.iter().all(is_empty))
    }

    pub(super) fn render(&self) -> String {
        let modules = match &self.0 {
            Ok(modules) => modules,
            Err(problem) => return problem.clone(),
        };
        let rows: Vec<Vec<String>> = modules
            .iter()
            .flat_map(|module| module.callables.iter().map(move |callable| row(module, callable)))
            .collect();
        let table = if rows.is_empty() {
            String::new()
        } else {
            render(&["CALLABLE", "APP", "PARAMETERS", "WHAT IT DOES"], &rows)
        };
        let problems = modules.iter().filter_map(|module| {
            let problem = module.problem.as_ref()?;
            Some(format!("\n{}/{}.py: {problem}", module.app, module.module.replace('.', "/")))
        });
        std::iter::once(table).chain(problems).collect()
    }

    pub(super) fn to_json(&self) -> Json {
        match &self.0 {
            Ok(modules) => {
                json!({ "problem": null, "modules": modules.iter().filter(|m| !is_empty(m)).collect::<Vec<_>>() })
            }
            Err(problem) => json!({ "problem": problem, "modules": [] }),
        }
    }
}

fn is_empty(module: &PythonModule) -> bool {
    module.callables.is_empty() && module.problem.is_none()
}

fn row(module: &PythonModule, callable: &PythonCallable) -> Vec<String> {
    let mut params: Vec<String> = (callable.params.iter())
        .map(|param| {
            let kind = if param.kind.is_empty() { String::new() } else { format!(": {}", param.kind) };
            let default = param.default.as_ref().map(|default| format!(" = {default}")).unwrap_or_default();
            format!("{}{kind}{default}", param.name)
        })
        .collect();
    if callable.takes_any {
        params.push("…".to_owned());
    }
    let name = format!("{}:{}", module.module, callable.name);
    vec![name, module.app.clone(), or_dash(&params.join(", ")), or_dash(&callable.doc)]
}

/// `nomaflow plugin venv APP`.
pub(super) async fn make_venv(app: &str, python: Option<&Path>, global: &Global) -> Outcome {
    let home = Home::new(&global.home);
    let settings = home.settings(&Flags::default())?.settings;
    let apps = app_interpreters(&settings.plugins_dir(home.path()), &settings);
    let (base, name) = (python.map_or_else(|| apps.default.clone(), Path::to_owned), app.to_owned());
    let making = tokio::task::spawn_blocking(move || host_python::make_venv(&apps, &name, &base));
    let venv = making.await.context("making the virtual environment broke off")?.map_err(|error| {
        let exit = match error {
            VenvError::NoApp(_) => Exit::NotFound,
            VenvError::Named { .. } => Exit::Invalid,
            VenvError::Failed { .. } | VenvError::Note { .. } => Exit::RunFailed,
        };
        Failure::new(exit, error)
    })?;
    let shown = venv.display();
    say(&if global.json { json!({ "app": app, "path": venv }).to_string() } else { format!("made {shown}") })?;
    Ok(Exit::Fine)
}
