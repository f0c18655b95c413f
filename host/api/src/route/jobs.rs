//! The catalogue: list, show, run, reload.

use std::collections::{BTreeMap, HashMap};

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use host_engine::FireRequest;
use host_model::job::Overrides;
use host_model::log::LogLevel;
use host_model::run::RunFilter;
use host_model::{JobId, JsonMap, Run, StepName};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::view::job::{JobCard, JobDetail, Problem};

/// Runs shown with a job.
const RUNS_SHOWN: u32 = 50;

fn active_run(app: &App, job: &JobId) -> Option<String> {
    app.engine.active_runs().into_iter().find(|(_, id)| id == job).map(|(run, _)| run.to_string())
}

/// Every declared job, valid or not, by id.
pub(crate) async fn list(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    let latest = app.engine.store().list_latest_runs().await?;
    let latest: HashMap<&str, &Run> = latest.iter().map(|run| (run.job_id.as_str(), run)).collect();
    let active: HashMap<JobId, String> =
        app.engine.active_runs().into_iter().map(|(run, job)| (job, run.to_string())).collect();
    let catalogue = app.catalogue.current();
    let mut cards: BTreeMap<String, JobCard> = BTreeMap::new();
    for job in app.engine.jobs().values() {
        let last = latest.get(job.id.as_str()).copied();
        let mut card = JobCard::new(job, &app.engine, last, active.get(&job.id).cloned());
        let about = catalogue.diagnostics.iter().filter(|d| d.job.as_deref() == Some(job.id.as_str()));
        card.problems = about.map(Problem::from).collect();
        cards.insert(job.id.to_string(), card);
    }
    for broken in &catalogue.invalid {
        let card = cards.entry(broken.id.clone()).or_default();
        card.id.clone_from(&broken.id);
        card.app.clone_from(&broken.app);
        card.valid = false;
        card.problems = broken.diagnostics.iter().map(Problem::from).collect();
        card.last_run = latest.get(broken.id.as_str()).map(|run| (*run).into());
    }
    let mut ids: Vec<String> = active.into_values().collect();
    ids.sort();
    Ok(Json(json!({ "jobs": cards.into_values().collect::<Vec<_>>(), "active_run_ids": ids })))
}

/// One job with its definition and latest runs.
pub(crate) async fn show(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let jobs = app.engine.jobs();
    let Some(job) = jobs.get(id.as_str()) else { return Err(no_such_job(&app, &id)) };
    let filter = RunFilter { jobs: vec![job.id.clone()], limit: RUNS_SHOWN, ..RunFilter::default() };
    let runs = app.engine.store().list_runs(&filter).await?;
    let card = JobCard::new(job, &app.engine, runs.first(), active_run(&app, &job.id));
    let detail = JobDetail::new(job, card, app.engine.now(), &runs);
    serde_json::to_value(detail).map(Json).map_err(|error| {
        tracing::error!(%error, job.id = id, "a job could not be rendered");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "render", "the job cannot be shown")
    })
}

/// 404, or 422 with the findings when the job is declared but broken.
fn no_such_job(app: &App, id: &str) -> ApiError {
    let catalogue = app.catalogue.current();
    if let Some(broken) = catalogue.invalid.iter().find(|j| j.id == id) {
        let problems: Vec<Problem> = broken.diagnostics.iter().map(Problem::from).collect();
        let first = broken.diagnostics.first().map(|d| format!(": {}", d.message)).unwrap_or_default();
        let problem = ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "job-invalid", format!("job `{id}` is invalid{first}"));
        return problem.with("problems", serde_json::to_value(problems).unwrap_or_default());
    }
    let jobs = app.engine.jobs();
    let problem = ApiError::not_found(format!("there is no job `{id}`"));
    match host_model::diagnostic::nearest(id, jobs.keys().map(JobId::as_str)) {
        Some(near) => problem.with("hint", format!("did you mean `{near}`?")),
        None => problem,
    }
}

/// The body of `POST …/run`: values for this fire only.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RunBody {
    params: JsonMap,
    op_kwargs: BTreeMap<String, JsonMap>,
    step_enabled: BTreeMap<String, bool>,
    log_level: Option<String>,
}

impl TryFrom<RunBody> for Overrides {
    type Error = ApiError;

    fn try_from(body: RunBody) -> Result<Self, ApiError> {
        fn by_step<T>(map: BTreeMap<String, T>) -> Result<BTreeMap<StepName, T>, ApiError> {
            let named = map.into_iter().map(|(name, value)| Ok((StepName::new(&name)?, value)));
            named.collect::<Result<_, host_model::id::IdError>>().map_err(|e| ApiError::invalid(e.to_string()))
        }
        let log_level = match body.log_level.as_deref() {
            None => None,
            Some(text) => match LogLevel::parse(text) {
                Some(level @ (LogLevel::Info | LogLevel::Debug)) => Some(level),
                _ => return Err(ApiError::invalid(format!("log_level is `{text}`; allowed are `INFO` and `DEBUG`"))),
            },
        };
        Ok(Self {
            params: body.params,
            op_kwargs: by_step(body.op_kwargs)?,
            step_enabled: by_step(body.step_enabled)?,
            log_level,
        })
    }
}

/// Begins a run and answers at once.
pub(crate) async fn run(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Result<Json<RunBody>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let body = match body {
        Ok(Json(body)) => body,
        // No body at all means no overrides.
        Err(JsonRejection::MissingJsonContentType(_)) => RunBody::default(),
        Err(rejection) => return Err(rejection.into()),
    };
    let jobs = app.engine.jobs();
    let Some(job) = jobs.get(id.as_str()) else { return Err(no_such_job(&app, &id)) };
    let request =
        FireRequest { overrides: body.try_into()?, ..FireRequest::manual(job.id.clone(), caller.trigger.clone()) };
    let fired = app.engine.fire(request).await?;
    let answer = json!({
        "job_id": id,
        "run_id": fired.run_id.to_string(),
        "triggered_by": fired.triggered_by,
        "status": "QUEUED",
    });
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

/// Reads the catalogue again.
pub(crate) async fn reload(State(app): State<App>) -> Json<Value> {
    let catalogue = app.catalogue.reload().await;
    let problems: Vec<Problem> = catalogue.diagnostics.iter().map(Problem::from).collect();
    Json(json!({ "jobs": catalogue.jobs.len(), "problems": problems }))
}
