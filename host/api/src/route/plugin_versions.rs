//! Components put in force: upload, approval, versions, the way back, trials and what calls used.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::{Extension, Json};
use host_model::port::StepFailure;
use host_model::{Job, Json as AnyJson, JsonMap, StepSpec};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::jobs::Given;
use crate::App;
use crate::audit::Note;
use crate::auth::Caller;
use crate::error::{ApiError, Id};
use crate::plugin_desk::{Consent, KeptVersion, PluginReport, PluginUpload};
use crate::view::plugin::{PluginReportView, PluginUsageView, PluginVersionList, PluginVersionView};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InstallQuery {
    /// The app it belongs to; a plugin that is there already stays where it is.
    app: Option<String>,
    /// Only look at it.
    dry_run: Option<bool>,
    /// What it asks for beyond what was approved is approved.
    approve: Option<bool>,
    /// Jobs may break.
    break_jobs: Option<bool>,
}

/// Puts a component in force: it is looked at first, and nothing changes unless it is sound, breaks no job and asks for
/// nothing that was not approved.
#[utoipa::path(put, path = "/admin/plugins/{name}/component", tag = "plugins",
    params(("name" = String, Path, description = "The plugin's name, without `.wasm`"), InstallQuery),
    request_body(content_type = "application/wasm", content = Vec<u8>),
    responses((status = 200, body = PluginReportView)))]
pub(crate) async fn install(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Extension(note): Extension<Note>,
    Id(name): Id,
    query: Result<Query<InstallQuery>, QueryRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<PluginReportView>, ApiError> {
    let Query(query) = query?;
    let consent = Consent {
        dry_run: query.dry_run.unwrap_or(false),
        approve: query.approve.unwrap_or(false),
        break_jobs: query.break_jobs.unwrap_or(false),
    };
    note.add("dry_run", consent.dry_run);
    let upload = PluginUpload { plugin: name, app: query.app, bytes: body?, consent, by: caller.user };
    Ok(told(app.plugin_versions.install(upload).await?, &note))
}

/// The body of a way back.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RollBackBody {
    /// How the digest of the version begins; without it, the version before.
    digest: Option<String>,
    /// Only look at it.
    dry_run: bool,
    /// What it asks for beyond what was approved is approved.
    approve: bool,
    /// Jobs may break.
    break_jobs: bool,
}

/// Puts an earlier version in force again.
#[utoipa::path(post, path = "/admin/plugins/{name}/rollback", tag = "plugins",
    params(("name" = String, Path, description = "A plugin")), request_body = RollBackBody,
    responses((status = 200, body = PluginReportView)))]
pub(crate) async fn roll_back(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Extension(note): Extension<Note>,
    Id(name): Id,
    Given(body): Given<RollBackBody>,
) -> Result<Json<PluginReportView>, ApiError> {
    let RollBackBody { digest, dry_run, approve, break_jobs } = body;
    let consent = Consent { dry_run, approve, break_jobs };
    let report = app.plugin_versions.roll_back(&name, digest.as_deref(), consent, &caller.user).await?;
    Ok(told(report, &note))
}

/// A report, of which the trail keeps what file it is about.
fn told(report: PluginReport, note: &Note) -> Json<PluginReportView> {
    note.add("digest", report.digest.clone());
    Json(report.into())
}

/// The body of an approval.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ApproveBody {
    /// What was looked at; refused when another version is in force by now.
    digest: Option<String>,
}

/// Approves what the version in force asks for.
#[utoipa::path(post, path = "/admin/plugins/{name}/approve", tag = "plugins",
    params(("name" = String, Path, description = "A plugin")), request_body = ApproveBody,
    responses((status = 200, body = PluginVersionView)))]
pub(crate) async fn approve(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Extension(note): Extension<Note>,
    Id(name): Id,
    Given(ApproveBody { digest }): Given<ApproveBody>,
) -> Result<Json<PluginVersionView>, ApiError> {
    let approved = app.plugin_versions.approve(&name, digest.as_deref(), &caller.user).await?;
    let view = PluginVersionView::from(approved);
    note.add("digest", view.digest.clone());
    note.add("asked", view.asked.clone());
    Ok(Json(view))
}

/// The versions that were in force, newest first.
#[utoipa::path(get, path = "/admin/plugins/{name}/versions", tag = "plugins",
    params(("name" = String, Path, description = "A plugin")), responses((status = 200, body = PluginVersionList)))]
pub(crate) async fn versions(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(name): Id,
) -> Result<Json<PluginVersionList>, ApiError> {
    let jobs = app.engine.jobs();
    let seen: Vec<&Job> =
        jobs.values().map(|job| &**job).filter(|job| caller.permissions.has_job(job.id.as_str())).collect();
    let view = |kept: KeptVersion| {
        let mut view = PluginVersionView::from(kept);
        let pinning = seen.iter().filter(|job| pins(job, &name, &view.digest));
        view.pinned_by = pinning.map(|job| job.id.to_string()).collect();
        view
    };
    let versions = app.plugin_versions.versions(&name).await?;
    Ok(Json(PluginVersionList { versions: versions.into_iter().map(view).collect() }))
}

/// Whether a job calls this version of a plugin, whatever is in force.
fn pins(job: &Job, plugin: &str, digest: &str) -> bool {
    let is_pin = |spec: &StepSpec| match spec {
        StepSpec::Wasm { pins, .. } => pins.get(plugin).is_some_and(|pin| digest.starts_with(pin.as_str())),
        _ => false,
    };
    job.steps.iter().any(|step| is_pin(&step.spec))
}

/// What calls used in runs of the last 30 days.
#[utoipa::path(get, path = "/admin/plugins/{name}/stats", tag = "plugins",
    params(("name" = String, Path, description = "A plugin")), responses((status = 200, body = PluginUsageView)))]
pub(crate) async fn stats(State(app): State<App>, Id(name): Id) -> Result<Json<PluginUsageView>, ApiError> {
    Ok(Json(app.plugin_versions.usage(&name).await?.into()))
}

/// The body of a trial.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TryBody {
    /// As a step writes it.
    #[schema(example = "visits:count_words")]
    callable: String,
    #[serde(default)]
    #[schema(value_type = Object)]
    params: JsonMap,
}

impl Default for TryBody {
    fn default() -> Self {
        Self { callable: String::new(), params: JsonMap::new() }
    }
}

/// A line a trial wrote.
#[derive(Serialize, ToSchema)]
pub(crate) struct TryLine {
    level: &'static str,
    message: String,
}

/// What came of a trial.
#[derive(Serialize, ToSchema)]
pub(crate) struct TryView {
    ok: bool,
    /// What it returned; null when it failed.
    output: Option<AnyJson>,
    /// `kind`, `message`, `detail`; null when it did not fail.
    error: Option<AnyJson>,
    lines: Vec<TryLine>,
    /// Lines that were left out.
    lines_left_out: usize,
    ms: u64,
    /// As steps record it.
    usage: Option<AnyJson>,
}

/// Calls a callable so that nothing is changed: what it may write it can only read, and what it remembers is forgotten.
#[utoipa::path(post, path = "/admin/plugins/{name}/try", tag = "plugins",
    params(("name" = String, Path, description = "A plugin")), request_body = TryBody,
    responses((status = 200, body = TryView)))]
pub(crate) async fn try_call(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(name): Id,
    Given(TryBody { callable, params }): Given<TryBody>,
) -> Result<Json<TryView>, ApiError> {
    if callable.split(['.', ':']).next() != Some(name.as_str()) {
        return Err(ApiError::invalid(format!("`{callable}` is no callable of plugin `{name}`")));
    }
    let trial = app.plugin_versions.try_call(&callable, params, &caller.user).await?;
    let (output, error, usage) = match trial.outcome {
        Ok(outcome) => (Some(AnyJson::Object(outcome.output)), None, outcome.usage),
        Err(StepFailure { error, usage }) => {
            let told = json!({ "kind": error.kind.as_str(), "message": error.message, "detail": error.detail });
            (None, Some(told), usage)
        }
    };
    let lines = trial.lines.into_iter();
    Ok(Json(TryView {
        ok: error.is_none(),
        output,
        error,
        lines: lines.map(|(level, message)| TryLine { level: level.as_str(), message }).collect(),
        lines_left_out: trial.lines_left_out,
        ms: u64::try_from(trial.took.as_millis()).unwrap_or(u64::MAX),
        usage: usage.map(AnyJson::Object),
    }))
}
