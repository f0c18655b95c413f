//! The catalogue: list, show, run, reload.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::{Extension, Json};
use host_catalogue::Catalogue;
use host_engine::FireRequest;
use host_model::job::Overrides;
use host_model::log::LogLevel;
use host_model::placement::PLACEMENTS;
use host_model::run::{RunFilter, RunStatus};
use host_model::{JobId, JsonMap, Placement, Run, StepName};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::runs::{list_active, list_visible};
use crate::App;
use crate::auth::Caller;
use crate::error::{ApiError, Id};
use crate::view::job::{JobCard, JobDetail, Problem};

/// Runs shown with a job.
const RUNS_SHOWN: u32 = 50;

/// Every declared job, valid or not, by id.
#[utoipa::path(get, path = "/admin/jobs", tag = "jobs", responses((status = 200)))]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, ApiError> {
    let may = &caller.permissions;
    let latest = app.engine.store().list_latest_runs().await?;
    let latest = latest.iter().filter(|run| may.has_job(run.job_id.as_str()));
    let latest: HashMap<&str, &Run> = latest.map(|run| (run.job_id.as_str(), run)).collect();
    let active = list_visible(&app, may).await?;
    // The newest of a job comes first, and stays.
    let mut newest: HashMap<&str, &Run> = HashMap::new();
    for run in &active {
        newest.entry(run.job_id.as_str()).or_insert(run);
    }
    let active_of = |job: &str| newest.get(job).map(|run| run.id.to_string());
    let catalogue = app.catalogue.current();
    let mut cards: BTreeMap<String, JobCard> = BTreeMap::new();
    for job in app.engine.jobs().values().filter(|job| may.may_see_job(job.id.as_str())) {
        let last = latest.get(job.id.as_str()).copied();
        let mut card = JobCard::new(job, &app.engine, last, active_of(job.id.as_str()));
        card.problems = about(&catalogue, &job.id);
        cards.insert(job.id.to_string(), card);
    }
    for broken in catalogue.invalid.iter().filter(|broken| may.may_see_job(&broken.id)) {
        let card = cards.entry(broken.id.clone()).or_default();
        card.id.clone_from(&broken.id);
        card.app.clone_from(&broken.app);
        card.valid = false;
        // Several may have been declared under one id; all their findings count.
        card.problems.extend(broken.diagnostics.iter().map(Problem::from));
        let last = latest.get(broken.id.as_str());
        card.last_run = last.map(|run| (*run).into());
        card.active_run_id = active_of(&broken.id);
    }
    // What is wrong with files may quote any job.
    let sees_files = may.has_all_jobs() || may.may_edit_jobs();
    let of_files = catalogue.diagnostics.iter().filter(|_| sees_files);
    let of_files = of_files.filter(|d| d.job.as_ref().is_none_or(|id| !cards.contains_key(id)));
    let problems: Vec<Problem> = of_files.map(Problem::from).collect();
    let ids: BTreeSet<String> = active.iter().map(|run| run.id.to_string()).collect();
    Ok(Json(json!({ "jobs": cards.into_values().collect::<Vec<_>>(), "active_run_ids": ids, "problems": problems })))
}

/// Warnings about a job that is valid all the same.
fn about(catalogue: &Catalogue, job: &JobId) -> Vec<Problem> {
    catalogue.diagnostics.iter().filter(|d| d.job.as_deref() == Some(job.as_str())).map(Problem::from).collect()
}

/// One job with its definition and latest runs.
#[utoipa::path(get, path = "/admin/jobs/{id}", tag = "jobs", params(("id" = String, Path)), responses((status = 200)))]
pub(crate) async fn show(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<Json<Value>, ApiError> {
    let jobs = app.engine.jobs();
    let Some(job) = jobs.get(id.as_str()) else { return Err(no_such_job(&app, &caller, &id)) };
    let filter = RunFilter { jobs: vec![job.id.clone()], limit: RUNS_SHOWN, ..RunFilter::default() };
    let sees_runs = caller.permissions.has_job(&id);
    let runs = if sees_runs { app.engine.store().list_runs(&filter).await? } else { Vec::new() };
    // As in the list: a skipped fire is no news about the job, unless there is no other.
    let last = runs.iter().find(|run| run.status != RunStatus::Skipped).or(runs.first());
    let active = if sees_runs { list_active(&app, vec![job.id.clone()]).await? } else { Vec::new() };
    let active = active.first().map(|run| run.id.to_string());
    let mut card = JobCard::new(job, &app.engine, last, active);
    card.problems = about(&app.catalogue.current(), &job.id);
    let detail = JobDetail::new(job, card, app.engine.now(), &runs);
    serde_json::to_value(detail).map(Json).map_err(|error| {
        tracing::error!(%error, job.id = id, "a job could not be rendered");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "render", "the job cannot be shown")
    })
}

/// 404, or 422 with the findings when the job is declared but broken.
pub(super) fn no_such_job(app: &App, caller: &Caller, id: &str) -> ApiError {
    let catalogue = app.catalogue.current();
    if let Some(broken) = catalogue.invalid.iter().find(|j| j.id == id) {
        let problems: Vec<Problem> = broken.diagnostics.iter().map(Problem::from).collect();
        let first = broken.diagnostics.first().map(|d| format!(": {}", d.message)).unwrap_or_default();
        let problem =
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "job-invalid", format!("job `{id}` is invalid{first}"));
        return problem.with("problems", serde_json::to_value(problems).unwrap_or_default());
    }
    let jobs = app.engine.jobs();
    let problem = ApiError::not_found(format!("there is no job `{id}`"));
    let visible = jobs.keys().map(JobId::as_str).filter(|id| caller.may_see(id));
    match host_model::diagnostic::nearest(id, visible) {
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
    /// Where the run goes, over the job's: `here` is the process that answers.
    placement: Option<String>,
}

impl RunBody {
    fn read_placement(&self) -> Result<Option<Placement>, ApiError> {
        let Some(text) = self.placement.as_deref() else { return Ok(None) };
        let wrong = || ApiError::invalid(format!("placement is `{text}`; allowed are {PLACEMENTS}"));
        Placement::parse(text).map(Some).ok_or_else(wrong)
    }
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

/// No body at all means the default. A body that is not said to be JSON is refused, never ignored.
pub(super) fn read_body<B: DeserializeOwned + Default>(headers: &HeaderMap, body: &[u8]) -> Result<B, ApiError> {
    if body.is_empty() {
        return Ok(B::default());
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let detail = format!("the body has the type `{kind}`; it must be `application/json`");
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid-body", detail));
    }
    // Through an object, because a struct may also be read from a list.
    let object = serde_json::from_slice::<JsonMap>(body);
    object.and_then(|object| serde_json::from_value(object.into())).map_err(|error| {
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-body", format!("the body cannot be read: {error}"))
    })
}

/// Begins a run and answers at once.
#[utoipa::path(post, path = "/admin/jobs/{id}/run", tag = "jobs", params(("id" = String, Path)), responses((status = 202)))]
pub(crate) async fn run(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let body: RunBody = read_body(&headers, &body?)?;
    let jobs = app.engine.jobs();
    let Some(job) = jobs.get(id.as_str()) else { return Err(no_such_job(&app, &caller, &id)) };
    let placement = body.read_placement()?;
    let manual = FireRequest::manual(job.id.clone(), caller.trigger.clone());
    let request = FireRequest { overrides: body.try_into()?, placement, ..manual };
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
#[utoipa::path(post, path = "/admin/reload", tag = "jobs", responses((status = 200)))]
pub(crate) async fn reload(State(app): State<App>) -> Json<Value> {
    let catalogue = app.catalogue.reload().await;
    let problems: Vec<Problem> = catalogue.diagnostics.iter().map(Problem::from).collect();
    Json(json!({ "jobs": catalogue.jobs.len(), "problems": problems }))
}
