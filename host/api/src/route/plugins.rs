//! Plugins and what steps can call of them.

use axum::extract::State;
use axum::{Extension, Json};
use host_model::callable::{CallableEntry, CallableKind, CallableList, CallableSource};
use host_model::desk::PluginFacts;
use host_model::{Job, StepSpec};
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::auth::Caller;
use crate::view::words::CallableKindWord;

/// Something a step can name.
#[derive(Serialize, ToSchema)]
pub(crate) struct CallableView {
    /// As a step writes it.
    #[schema(example = "sales.totals:refresh")]
    callable: String,
    #[schema(value_type = CallableKindWord)]
    kind: &'static str,
    /// The `type` of a step that runs it.
    #[schema(value_type = String)]
    step_type: &'static str,
    /// One line; may be empty.
    title: String,
    /// Markdown; may be empty.
    doc: String,
    /// JSON Schema of its parameters.
    params: serde_json::Value,
    /// JSON Schema of what it returns; null where nobody knows.
    result: Option<serde_json::Value>,
}

/// Everything steps can call.
#[derive(Serialize, ToSchema)]
pub(crate) struct CallablePage {
    /// The folder with a folder for each app.
    plugins_root: String,
    callables: Vec<CallableView>,
    /// Why some apps or files could not be looked at.
    problems: Vec<String>,
}

fn view(kind: CallableKind, entry: &CallableEntry) -> CallableView {
    CallableView {
        callable: entry.callable.clone(),
        kind: kind.as_str(),
        step_type: kind.step_type(),
        title: entry.title.clone(),
        doc: entry.doc.clone(),
        params: entry.params.clone(),
        result: entry.result.clone(),
    }
}

/// Everything steps can call, for an editor.
#[utoipa::path(get, path = "/admin/jobs/callables", tag = "plugins", responses((status = 200, body = CallablePage)))]
pub(crate) async fn callables(State(app): State<App>) -> Json<CallablePage> {
    let CallableList { sources, mut problems } = app.callables.list_callables().await;
    let named = |source: &CallableSource| source.problem.as_ref().map(|why| format!("{}: {why}", source.name));
    problems.extend(sources.iter().filter_map(named));
    let each = sources.iter().flat_map(|source| source.callables.iter().map(|entry| view(source.kind, entry)));
    Json(CallablePage {
        plugins_root: app.plugins.plugins_root().display().to_string(),
        callables: each.collect(),
        problems,
    })
}

/// A step that calls something of a plugin.
#[derive(Serialize, ToSchema)]
pub(crate) struct PluginUse {
    job: String,
    step: String,
    callable: String,
}

/// What a plugin may touch. Each list has a line per item, in the words of its file.
#[derive(Serialize, ToSchema)]
pub(crate) struct PluginGrants {
    /// What its interfaces need before their calls do anything.
    asked: Vec<String>,
    granted: Vec<String>,
    limits: Vec<String>,
    /// The file of grants; null when there is none.
    file: Option<serde_json::Value>,
}

/// A plugin: a component, or a module of Python.
#[derive(Serialize, ToSchema)]
pub(crate) struct PluginView {
    name: String,
    app: String,
    #[schema(value_type = CallableKindWord)]
    kind: &'static str,
    path: String,
    /// SHA-256 of the file.
    digest: Option<String>,
    /// In bytes.
    size: u64,
    /// Who put it there: `file` for whoever changed the folder; null where nobody knows.
    installed_by: Option<String>,
    /// `loaded`, `compiling`, `blocked` (it asks for more than was approved) or `failed`.
    #[schema(value_type = String)]
    state: &'static str,
    /// Why it is not loaded.
    error: Option<String>,
    /// What it asks for beyond what was approved; its calls fail until that is empty.
    unapproved: Vec<String>,
    callables: Vec<CallableView>,
    grants: PluginGrants,
    /// As far as the caller may see those jobs.
    used_by: Vec<PluginUse>,
}

/// Every plugin.
#[derive(Serialize, ToSchema)]
pub(crate) struct PluginList {
    /// By app, kind and name.
    plugins: Vec<PluginView>,
    /// Why some apps could not be looked at.
    problems: Vec<String>,
}

fn uses<'j>(job: &'j Job, source: &'j CallableSource) -> impl Iterator<Item = PluginUse> + 'j {
    job.steps.iter().filter_map(move |step| {
        let (kind, callable) = match &step.spec {
            StepSpec::Python { callable } => (CallableKind::Python, callable),
            StepSpec::Wasm { callable, .. } => (CallableKind::Component, callable),
            _ => return None,
        };
        let module = callable.split(':').next().unwrap_or_default();
        // A component is named before the first point of what a step calls, a Python module by all of it.
        let is_of = module == source.name || (kind == CallableKind::Component && is_below(module, &source.name));
        let is_ours = kind == source.kind && is_of && (kind == CallableKind::Component || job.app == source.app);
        is_ours.then(|| PluginUse { job: job.id.to_string(), step: step.name.to_string(), callable: callable.clone() })
    })
}

fn is_below(module: &str, name: &str) -> bool {
    module.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
}

/// Who put the component there that is in force, as far as the store tells.
async fn who_installed(app: &App, source: &CallableSource) -> Option<String> {
    if source.kind != CallableKind::Component {
        return None;
    }
    let versions = app.plugin_versions.versions(&source.name).await.ok()?;
    versions.into_iter().find(|it| it.is_in_force).map(|it| it.version.seen.by)
}

/// Every plugin with what it offers, what it may touch and who uses it.
#[utoipa::path(get, path = "/admin/plugins", tag = "plugins", responses((status = 200, body = PluginList)))]
pub(crate) async fn list(State(app): State<App>, Extension(caller): Extension<Caller>) -> Json<PluginList> {
    let CallableList { sources, problems } = app.callables.list_callables().await;
    let jobs = app.engine.jobs();
    let mut plugins = Vec::with_capacity(sources.len());
    for source in &sources {
        let facts = app.plugins.facts_of(&source.path, source.kind == CallableKind::Component).await;
        let PluginFacts { digest, size, asked, granted, limits, grants, problem, excess } = facts;
        let error = source.problem.clone().or(problem);
        let installed_by = who_installed(&app, source).await;
        let seen = jobs.values().filter(|job| caller.permissions.has_job(job.id.as_str()));
        plugins.push(PluginView {
            name: source.name.clone(),
            app: source.app.clone(),
            kind: source.kind.as_str(),
            path: source.path.display().to_string(),
            digest,
            size,
            installed_by,
            state: match (&error, source.is_pending) {
                (Some(_), _) => "failed",
                (None, true) => "compiling",
                (None, false) if !excess.is_empty() => "blocked",
                (None, false) => "loaded",
            },
            error,
            unapproved: excess,
            callables: source.callables.iter().map(|entry| view(source.kind, entry)).collect(),
            grants: PluginGrants { asked, granted, limits, file: grants },
            used_by: seen.flat_map(|job| uses(job, source)).collect(),
        });
    }
    Json(PluginList { plugins, problems })
}
