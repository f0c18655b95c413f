//! What the runs of a job were given, and whether what a run is about to be given can be right.

use std::collections::HashSet;

use axum::extract::State;
use axum::{Extension, Json};
use host_catalogue::edit::Content;
use host_model::diagnostic::Severity;
use host_model::job::Overrides;
use host_model::params::{literal, overrides_json};
use host_model::run::{RunFilter, RunStatus};
use host_model::{Job, JobId, Json as Value, JsonMap, StepSpec};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::jobs::no_such_job;
use crate::App;
use crate::auth::Caller;
use crate::error::{ApiError, Id};
use crate::view::concealed::{concealed, marks};
use crate::view::desk::FindingView;
use crate::view::instant;
use crate::view::words::{LogLevelWord, RunStatusWord};

/// Runs that are looked at.
const LOOKED_AT: u32 = 200;
/// Sets that are shown.
const SHOWN: usize = 10;

/// What a run was given.
#[derive(Serialize, ToSchema)]
pub(crate) struct Given {
    /// The newest run that was given it.
    run_id: String,
    #[schema(value_type = RunStatusWord)]
    status: &'static str,
    triggered_by: String,
    #[schema(format = DateTime)]
    queued_at: String,
    /// Shared parameters and, by step, keyword arguments, as they came out.
    #[schema(value_type = Object)]
    params: JsonMap,
    /// What of that was said for this run.
    #[schema(value_type = Object)]
    overrides: JsonMap,
    #[schema(value_type = LogLevelWord)]
    log_level: &'static str,
}

/// The last different sets of values that the runs of a job were given.
#[derive(Serialize, ToSchema)]
pub(crate) struct Inputs {
    job_id: String,
    /// At most 10, newest first.
    inputs: Vec<Given>,
}

/// The last 10 different sets of values that the runs of a job were given, of its last 200 runs but the skipped.
#[utoipa::path(get, path = "/admin/jobs/{id}/inputs", tag = "jobs", params(("id" = String, Path, description = "A job")),
    responses((status = 200, body = Inputs)))]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<Json<Inputs>, ApiError> {
    let job = JobId::new(&id).map_err(|_| no_such_job(&app, &caller, &id))?;
    let filter = RunFilter { jobs: vec![job], limit: LOOKED_AT, ..RunFilter::default() };
    let runs = app.engine.store().list_runs(&filter).await?;
    let mut seen = HashSet::new();
    let mut inputs = Vec::new();
    for run in runs.iter().filter(|run| run.status != RunStatus::Skipped) {
        let steps = run.overrides.get("step_enabled").cloned().unwrap_or(Value::Null);
        let set = json!([run.params, steps, run.log_level.as_str()]).to_string();
        if seen.insert(set) && inputs.len() < SHOWN {
            inputs.push(Given {
                run_id: run.id.to_string(),
                status: run.status.as_str(),
                triggered_by: run.triggered_by.clone(),
                queued_at: instant(run.queued_at),
                params: concealed(&run.params),
                overrides: concealed(&run.overrides),
                log_level: run.log_level.as_str(),
            });
        }
    }
    Ok(Json(Inputs { job_id: id, inputs }))
}

fn refused(detail: String, problems: Value) -> ApiError {
    ApiError::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "params-invalid", detail).with("problems", problems)
}

/// Refuses values for one run of `job` that a callable would not take, before anything is recorded. They are looked at
/// as a preset of the saved job would be, by the code that checks its file.
pub(super) async fn check(app: &App, job: &Job, given: &Overrides) -> Result<(), ApiError> {
    let asked = Value::from(overrides_json(given));
    if let Some(first) = marks(&asked).first() {
        return Err(refused(format!("the value at `{first}` is the mark of a secret, not a value"), json!([])));
    }
    let has_schema = job.steps.iter().any(|step| matches!(step.spec, StepSpec::Wasm { .. }));
    if !has_schema || (given.params.is_empty() && given.op_kwargs.is_empty()) {
        return Ok(());
    }
    let Ok(source) = app.desk.source(job.id.as_str()).await else { return Ok(()) };
    let mut document = source.job;
    let presets = document.entry("presets").or_insert_with(|| json!([]));
    let Some(presets) = presets.as_array_mut() else { return Ok(()) };
    let place = format!("/presets/{}", presets.len());
    let mut preset = overrides_json(&Overrides { step_enabled: Default::default(), log_level: None, ..literal(given) });
    // A name that no file has: names of presets are one line.
    preset.insert("name".to_owned(), "this run\n".into());
    presets.push(preset.into());
    let Ok(checked) = app.desk.check(None, &Content::Job(document), Some(job.id.as_str())).await else { return Ok(()) };
    let wrong: Vec<_> = checked
        .findings
        .into_iter()
        .filter(|found| found.severity == Severity::Error)
        .filter_map(|mut found| {
            found.pointer = found.pointer.strip_prefix(&place)?.to_owned();
            Some(found)
        })
        .collect();
    let Some(first) = wrong.first() else { return Ok(()) };
    let detail = format!("`{}`: {}", first.pointer.trim_start_matches('/').replace('/', "."), first.message);
    Err(refused(detail, json!(wrong.iter().map(FindingView::from).collect::<Vec<_>>())))
}
