//! The catalogue: list, show, run, reload.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{FromRequest, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::{Extension, Json};
use host_catalogue::{Catalogue, InvalidJob};
use host_engine::FireRequest;
use host_model::job::Overrides;
use host_model::log::LogLevel;
use host_model::placement::PLACEMENTS;
use host_model::run::{RunFilter, RunStatus};
use host_model::{Job, JobId, JsonMap, Placement, Run, StepName};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::runs::{list_active, list_visible};
use crate::App;
use crate::auth::Caller;
use crate::error::{ApiError, Id};
use crate::last_runs::LastRuns;
use crate::next_fires::NextFires;
use crate::view::job::{JobCard, JobDetail, LastRun, Problem, RecentRun};
use crate::view::part::Part;
use crate::view::run::RunAccepted;
use crate::{etag, idempotency};

/// Runs shown with a job.
const RUNS_SHOWN: u32 = 50;
/// Runs of a job in its small history.
const MOST_RECENT: u32 = 20;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobListQuery {
    /// How many of its last runs come with each job, oldest first, at most 20; none without it.
    #[param(minimum = 0, maximum = 20)]
    recent: Option<u32>,
}

async fn recent_of(app: &App, job: &Job) -> Result<Vec<RecentRun>, ApiError> {
    let times = app.history.run_times(&job.id, MOST_RECENT).await?;
    Ok(times.iter().rev().map(RecentRun::from).collect())
}

/// Every declared job.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobList {
    /// By id.
    jobs: Vec<JobCard>,
    /// Not over, in any process.
    active_run_ids: BTreeSet<String>,
    /// About files rather than jobs.
    problems: Vec<Problem>,
}

/// Every declared job, valid or not, by id.
#[utoipa::path(get, path = "/admin/jobs", tag = "jobs", params(JobListQuery),
    responses((status = 200, body = JobList), (status = 304, description = "As it was")))]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Extension(next_fires): Extension<NextFires>,
    Extension(last_runs): Extension<LastRuns>,
    headers: HeaderMap,
    query: Result<Query<JobListQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let may = &caller.permissions;
    let Query(query) = query?;
    let recent = query.recent.unwrap_or(0);
    if recent > MOST_RECENT {
        return Err(ApiError::invalid(format!("recent is {recent}; allowed are 0 to {MOST_RECENT}")));
    }
    let catalogue = app.catalogue.current();
    let jobs = app.engine.jobs();
    let jobs: Vec<Arc<Job>> = jobs.values().filter(|job| may.may_see_job(job.id.as_str())).cloned().collect();
    let broken: Vec<&InvalidJob> = catalogue.invalid.iter().filter(|job| may.may_see_job(&job.id)).collect();
    let declared = jobs.iter().map(|job| job.id.as_str()).chain(broken.iter().map(|job| job.id.as_str()));
    let declared = declared.filter(|id| may.has_job(id)).collect();
    let now = async { Ok((list_visible(&app, may).await?, app.engine.holds().await?)) };
    let (mut shown, (active, holds)) = tokio::try_join!(last_runs.of(&app, &declared, recent), now)?;
    // The newest of a job comes first, and stays.
    let mut newest: HashMap<&str, &Run> = HashMap::new();
    for run in &active {
        newest.entry(run.job_id.as_str()).or_insert(run);
    }
    let active_of = |job: &str| newest.get(job).map(|run| run.id.to_string());
    let mut cards: BTreeMap<String, JobCard> = BTreeMap::new();
    for (job, next) in jobs.iter().zip(next_fires.of(&app.engine, &jobs, holds)) {
        let (last, recent) = shown.remove(job.id.as_str()).map(|shown| (shown.last, shown.recent)).unwrap_or_default();
        let mut card = JobCard::new(job, next, last, active_of(job.id.as_str()));
        card.problems = about(&catalogue, &job.id);
        card.recent = recent;
        cards.insert(job.id.to_string(), card);
    }
    for broken in broken {
        let card = cards.entry(broken.id.clone()).or_default();
        card.id.clone_from(&broken.id);
        card.app.clone_from(&broken.app);
        card.valid = false;
        // Several may have been declared under one id; all their findings count.
        card.problems.extend(broken.diagnostics.iter().map(Problem::from));
        if let Some(shown) = shown.remove(broken.id.as_str()) {
            card.last_run = shown.last.map(|last| last.summary);
        }
        card.active_run_id = active_of(&broken.id);
    }
    // What is wrong with files may quote any job.
    let sees_files = may.has_all_jobs() || may.may_edit_jobs();
    let of_files = catalogue.diagnostics.iter().filter(|_| sees_files);
    let of_files = of_files.filter(|d| d.job.as_ref().is_none_or(|id| !cards.contains_key(id)));
    let problems: Vec<Problem> = of_files.map(Problem::from).collect();
    let ids: BTreeSet<String> = active.iter().map(|run| run.id.to_string()).collect();
    etag::json(&headers, &JobList { jobs: cards.into_values().collect(), active_run_ids: ids, problems })
}

/// Warnings about a job that is valid all the same.
fn about(catalogue: &Catalogue, job: &JobId) -> Vec<Problem> {
    catalogue.diagnostics.iter().filter(|d| d.job.as_deref() == Some(job.as_str())).map(Problem::from).collect()
}

/// One job with its definition and latest runs.
#[utoipa::path(get, path = "/admin/jobs/{id}", tag = "jobs", params(("id" = String, Path, description = "A job")),
    responses((status = 200, body = JobDetail)))]
pub(crate) async fn show(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<Json<JobDetail>, ApiError> {
    let jobs = app.engine.jobs();
    let Some(job) = jobs.get(id.as_str()) else { return Err(no_such_job(&app, &caller, &id)) };
    let filter = RunFilter { jobs: vec![job.id.clone()], limit: RUNS_SHOWN, ..RunFilter::default() };
    let sees_runs = caller.permissions.has_job(&id);
    let runs = if sees_runs { app.engine.store().list_runs(&filter).await? } else { Vec::new() };
    // As in the list: a skipped fire is no news about the job, unless there is no other.
    let last = runs.iter().find(|run| run.status != RunStatus::Skipped).or(runs.first());
    let active = if sees_runs { list_active(&app, vec![job.id.clone()]).await? } else { Vec::new() };
    let active = active.first().map(|run| run.id.to_string());
    let holds = app.engine.holds().await?;
    let mut card = JobCard::new(job, app.engine.next_fire(job, &holds), last.map(LastRun::from), active);
    card.problems = about(&app.catalogue.current(), &job.id);
    if sees_runs {
        card.recent = Part::Value(recent_of(&app, job).await?);
    }
    Ok(Json(JobDetail::new(job, card, (app.engine.now(), &holds), &runs)))
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
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RunBody {
    /// Over the shared parameters.
    #[schema(value_type = Object)]
    params: JsonMap,
    /// Over the keyword arguments, by step.
    #[schema(value_type = HashMap<String, Object>)]
    op_kwargs: BTreeMap<String, JsonMap>,
    /// A preset of the job, whose values apply under those given here.
    #[schema(example = "full-load")]
    preset: Option<String>,
    /// Which steps run, by step.
    step_enabled: BTreeMap<String, bool>,
    /// `INFO` or `DEBUG`.
    #[schema(example = "DEBUG")]
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

/// The body of a request, read by [`read_body`]: what a handler takes as its last argument.
pub(crate) struct Given<B>(pub(crate) B);

impl<B: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for Given<B> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let headers = request.headers().clone();
        let body = Bytes::from_request(request, state).await?;
        read_body(&headers, &body).map(Self)
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
#[utoipa::path(post, path = "/admin/jobs/{id}/run", tag = "jobs", 
    params(("id" = String, Path, description = "A job"),
        ("Idempotency-Key" = Option<String>, Header, description = "Stands for this request for 24 hours: sent again, it \
            gets the same answer and begins nothing")),
    request_body(content = Option<RunBody>), responses((status = 202, body = RunAccepted)))]
pub(crate) async fn run(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let bytes = body?;
    let body: RunBody = read_body(&headers, &bytes)?;
    let jobs = app.engine.jobs();
    let Some(job) = jobs.get(id.as_str()) else { return Err(no_such_job(&app, &caller, &id)) };
    let placement = body.read_placement()?;
    let manual = FireRequest::manual(job.id.clone(), caller.trigger.clone());
    let preset = body.preset.clone();
    let overrides: Overrides = body.try_into()?;
    super::inputs::check(&app, job, &overrides).await?;
    let request = FireRequest { overrides, placement, preset, ..manual };
    let asked = format!("run {id}");
    let engine = app.engine.clone();
    let fire = move |run_id| async move {
        let fired = engine.fire(FireRequest { run_id, ..request }).await?;
        Ok(RunAccepted::new(id, &fired, None))
    };
    idempotency::run_once(&app, &caller, &headers, (&asked, &bytes), fire).await
}

/// What a reload found.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reloaded {
    /// Jobs that can run.
    jobs: usize,
    problems: Vec<Problem>,
}

/// Reads the catalogue again.
#[utoipa::path(post, path = "/admin/reload", tag = "jobs", responses((status = 200, body = Reloaded)))]
pub(crate) async fn reload(State(app): State<App>) -> Json<Reloaded> {
    let catalogue = app.catalogue.reload().await;
    let problems: Vec<Problem> = catalogue.diagnostics.iter().map(Problem::from).collect();
    Json(Reloaded { jobs: catalogue.jobs.len(), problems })
}
