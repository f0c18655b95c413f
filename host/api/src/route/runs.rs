//! Runs: list, show, cancel, replay. Their log lines are in `logs`.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Extension, Json};
use host_engine::ReplayRequest;
use host_model::access::Permissions;
use host_model::definition::Definition;
use host_model::history::FoundRuns;
use host_model::port::{CancelMark, StoreError};
use host_model::run::{RunFilter, RunStatus};
use host_model::{JobId, Run, RunId, StepName};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::jobs::read_body;
use crate::App;
use crate::auth::Caller;
use crate::error::{ApiError, Id};
use crate::idempotency;
use crate::view::definition::DefinitionView;
use crate::view::definition::masked;
use crate::view::run::{RunAccepted, RunSummary, RunView, StepView};
use crate::view::{instant, read_instant};

const DEFAULT_RUNS: u32 = 50;
const MOST_RUNS: u32 = 500;
/// How long runs are looked for where no index knows what is asked, until a page says how far back it got.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Job ids, separated by commas.
    job: Option<String>,
    /// Status words in any case, separated by commas.
    #[param(example = "failed,canceled")]
    status: Option<String>,
    /// What began them, separated by commas: a kind (`cron`, `api`, `user`, `cli`, `job`) or all of it (`user:alice`).
    #[param(example = "cron,user:alice")]
    trigger: Option<String>,
    /// Runs of jobs that have one of these tags now, separated by commas.
    tag: Option<String>,
    /// Queued at or after.
    #[param(value_type = Option<String>, format = DateTime)]
    #[serde(default, deserialize_with = "read_instant")]
    from: Option<chrono::DateTime<chrono::Utc>>,
    /// Queued before.
    #[param(value_type = Option<String>, format = DateTime)]
    #[serde(default, deserialize_with = "read_instant")]
    to: Option<chrono::DateTime<chrono::Utc>>,
    /// Part of the id, the job's id, the reason or the error, in any case.
    q: Option<String>,
    /// Ran at least so long.
    #[param(minimum = 0)]
    min_seconds: Option<f64>,
    /// `next` of the page before.
    before: Option<String>,
    /// 1 to 500; 50 without one.
    limit: Option<u32>,
}

/// A page of runs.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunPage {
    /// Newest first.
    runs: Vec<RunSummary>,
    /// For `before` of the next page; null on the last.
    next: Option<String>,
    /// The time of the search ran out before the page was full; `next` goes on from there.
    incomplete: bool,
    /// Runs queued before about this instant were not looked at; null unless the page is incomplete.
    #[schema(format = DateTime)]
    searched_to: Option<String>,
}

/// When the run was made that a search ended at.
pub(super) fn searched_to(run: RunId) -> Option<String> {
    let millis = i64::try_from(run.millis()).ok()?;
    host_model::Instant::from_timestamp_millis(millis).map(instant)
}

/// A run with every attempt.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunDocument {
    run: RunView,
    /// By step and attempt.
    steps: Vec<StepView>,
    /// Lines of its log.
    log_total: u64,
    /// The run of its job right before it that was not skipped.
    previous_run_id: Option<String>,
    /// The one right after it.
    next_run_id: Option<String>,
}

/// A request to cancel that was taken.
#[derive(Serialize, ToSchema)]
pub(crate) struct CancelRequested {
    run_id: String,
    canceled_by: String,
    #[schema(value_type = String, example = "requested")]
    status: &'static str,
}

pub(super) fn words(text: Option<&String>) -> impl Iterator<Item = &str> {
    text.map(String::as_str).unwrap_or_default().split(',').map(str::trim).filter(|w| !w.is_empty())
}

pub(super) fn run_id(text: &str) -> Result<RunId, ApiError> {
    RunId::parse(text).map_err(|error| ApiError::not_found(error.to_string()))
}

/// Most runs that are looked at as not over; beyond that, counts are lower bounds.
const MOST_ACTIVE: u32 = 10_000;

/// The runs that are not over, in whichever process or waiting for one, newest first; of `jobs`, or of all when empty.
pub(super) async fn list_active(app: &App, jobs: Vec<JobId>) -> Result<Vec<Run>, StoreError> {
    let statuses = vec![RunStatus::Queued, RunStatus::Running];
    app.engine.store().list_runs(&RunFilter { jobs, statuses, limit: MOST_ACTIVE, ..RunFilter::default() }).await
}

/// Those of them that may be seen.
pub(super) async fn list_visible(app: &App, may: &Permissions) -> Result<Vec<Run>, StoreError> {
    match may.only_jobs() {
        Some(jobs) if jobs.is_empty() => Ok(Vec::new()),
        Some(jobs) => list_active(app, jobs.into_iter().collect()).await,
        None => list_active(app, Vec::new()).await,
    }
}

/// What `query` asks for, among the runs of jobs that `caller` may see; `None` when there can be none. The limit is open.
pub(super) fn read_filter(app: &App, caller: &Caller, query: ListQuery) -> Result<Option<RunFilter>, ApiError> {
    let jobs = words(query.job.as_ref()).map(JobId::new).collect::<Result<Vec<_>, _>>();
    let statuses = words(query.status.as_ref()).map(|word| {
        RunStatus::parse_filter(word).ok_or_else(|| {
            let known: Vec<&str> = RunStatus::ALL.iter().map(|s| s.as_str()).collect();
            ApiError::invalid(format!("status is `{word}`; allowed are {}", known.join(", ")))
        })
    });
    let asked = jobs.map_err(|e| ApiError::invalid(e.to_string()))?;
    let mut only = (!asked.is_empty()).then_some(asked);
    // Of a list that is open, or of those that are in it already.
    let mut keep = |jobs: Vec<JobId>| {
        let kept = jobs.into_iter().filter(|job| only.as_ref().is_none_or(|only| only.contains(job)));
        only = Some(kept.collect());
    };
    let tags: Vec<&str> = words(query.tag.as_ref()).collect();
    if !tags.is_empty() {
        let jobs = app.engine.jobs();
        let tagged = jobs.values().filter(|job| job.tags.iter().any(|tag| tags.contains(&tag.as_str())));
        keep(tagged.map(|job| job.id.clone()).collect());
    }
    // Jobs that may not be seen are as good as jobs that do not exist.
    if let Some(visible) = caller.permissions.only_jobs() {
        keep(visible.into_iter().collect());
    }
    let filter = RunFilter {
        jobs: only.clone().unwrap_or_default(),
        statuses: statuses.collect::<Result<_, _>>()?,
        before: query.before.as_deref().map(RunId::parse).transpose().map_err(|e| ApiError::invalid(e.to_string()))?,
        from: query.from,
        to: query.to,
        triggers: words(query.trigger.as_ref()).map(str::to_owned).collect(),
        text: query.q.filter(|text| !text.is_empty()),
        min_seconds: query.min_seconds.filter(|seconds| seconds.is_finite()),
        limit: u32::MAX,
    };
    Ok(only.is_none_or(|jobs| !jobs.is_empty()).then_some(filter))
}

/// Runs, newest first, a page at a time.
#[utoipa::path(get, path = "/admin/jobs/runs", tag = "runs", params(ListQuery), responses((status = 200, body = RunPage)))]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<RunPage>, ApiError> {
    let Query(query) = query?;
    let limit = query.limit.unwrap_or(DEFAULT_RUNS).clamp(1, MOST_RUNS);
    let FoundRuns { runs, next, is_cut } = match read_filter(&app, &caller, query)? {
        Some(filter) => app.history.find_runs(&RunFilter { limit, ..filter }, PATIENCE).await?,
        None => FoundRuns::default(),
    };
    Ok(Json(RunPage {
        runs: runs.iter().map(RunSummary::from).collect(),
        next: next.map(|run| run.to_string()),
        incomplete: is_cut,
        searched_to: next.filter(|_| is_cut).and_then(searched_to),
    }))
}

/// One run with every attempt.
#[utoipa::path(get, path = "/admin/jobs/runs/{id}", tag = "runs", params(("id" = String, Path, description = "A run")),
    responses((status = 200, body = RunDocument)))]
pub(crate) async fn show(State(app): State<App>, Id(id): Id) -> Result<Json<RunDocument>, ApiError> {
    let store = app.engine.store();
    let id = run_id(&id)?;
    let run = store.find_run(id).await?.ok_or_else(|| no_such_run(id))?;
    let steps = store.list_steps(id).await?;
    let log_total = store.count_logs(id).await?;
    let (previous, next) = app.history.neighbors(&run.job_id, id).await?;
    Ok(Json(RunDocument {
        run: RunView::from(&run),
        steps: steps.iter().map(StepView::from).collect(),
        log_total,
        previous_run_id: previous.map(|run| run.to_string()),
        next_run_id: next.map(|run| run.to_string()),
    }))
}

/// What the run was recorded to do, as it was meant when it fired.
#[utoipa::path(get, path = "/admin/jobs/runs/{id}/definition", tag = "runs", params(("id" = String, Path, description = "A run")),
    responses((status = 200, body = DefinitionView)))]
pub(crate) async fn definition(State(app): State<App>, Id(id): Id) -> Result<Json<Definition>, ApiError> {
    let store = app.engine.store();
    let id = run_id(&id)?;
    store.find_run(id).await?.ok_or_else(|| no_such_run(id))?;
    let Some(text) = store.find_definition(id).await? else {
        return Err(ApiError::not_found(format!("run `{id}` was recorded before definitions were kept")));
    };
    match Definition::parse(&text) {
        Ok(definition) => Ok(Json(masked(definition))),
        Err(error) => {
            Err(StoreError::Corrupt { operation: "read the definition of a run", message: error.to_string() }.into())
        }
    }
}

pub(super) fn no_such_run(id: RunId) -> ApiError {
    ApiError::not_found(format!("there is no run `{id}`"))
}

/// Asks for a run to be cancelled.
#[utoipa::path(post, path = "/admin/jobs/runs/{id}/cancel", tag = "runs", params(("id" = String, Path, description = "A run")),
    responses((status = 202, body = CancelRequested)))]
pub(crate) async fn cancel(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<(StatusCode, Json<CancelRequested>), ApiError> {
    let id = run_id(&id)?;
    let by = caller.trigger.to_string();
    match app.engine.cancel(id, &by).await? {
        CancelMark::Marked => {
            let answer = CancelRequested { run_id: id.to_string(), canceled_by: by, status: "requested" };
            Ok((StatusCode::ACCEPTED, Json(answer)))
        }
        CancelMark::AlreadyFinal(status) => {
            let detail = format!("run `{id}` is already {}", status.as_str());
            Err(ApiError::new(StatusCode::CONFLICT, "already-final", detail).with("status_word", status.as_str()))
        }
        CancelMark::NotFound => Err(no_such_run(id)),
    }
}

/// The same as `cancel`, by the name of the documents.
#[utoipa::path(post, path = "/admin/jobs/runs/{id}/abort", tag = "runs", params(("id" = String, Path, description = "A run")),
    responses((status = 202, body = CancelRequested)))]
pub(crate) async fn abort(
    app: State<App>,
    caller: Extension<Caller>,
    id: Id,
) -> Result<(StatusCode, Json<CancelRequested>), ApiError> {
    cancel(app, caller, id).await
}

/// The body of `POST …/replay`.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReplayBody {
    /// The first step to run; none = all run.
    from_step: Option<String>,
    /// `stored`, the default: the job as it was then; `current`: as it is now.
    definition: Option<String>,
}

/// Begins a run that repeats one, and answers at once.
#[utoipa::path(post, path = "/admin/jobs/runs/{id}/replay", tag = "runs", 
    params(("id" = String, Path, description = "A run"),
        ("Idempotency-Key" = Option<String>, Header, description = "Stands for this request for 24 hours: sent again, it \
            gets the same answer and begins nothing")),
    request_body(content = Option<ReplayBody>), responses((status = 202, body = RunAccepted)))]
pub(crate) async fn replay(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let id = run_id(&id)?;
    let bytes = body?;
    let body: ReplayBody = read_body(&headers, &bytes)?;
    let current = match body.definition.as_deref() {
        None | Some("stored") => false,
        Some("current") => true,
        Some(other) => {
            return Err(ApiError::invalid(format!("definition is `{other}`; allowed are `stored` and `current`")));
        }
    };
    let run = app.engine.store().find_run(id).await?.ok_or_else(|| no_such_run(id))?;
    if current && !app.engine.jobs().contains_key(&run.job_id) {
        return Err(super::jobs::no_such_job(&app, &caller, run.job_id.as_str()));
    }
    let from_step = body.from_step.as_deref().map(StepName::new).transpose();
    let from_step = from_step.map_err(|error| ApiError::invalid(error.to_string()))?;
    let request = ReplayRequest { run: id, from_step, current, trigger: caller.trigger.clone(), run_id: None };
    let engine = app.engine.clone();
    let fire = move |run_id| async move {
        let fired = engine.replay(ReplayRequest { run_id, ..request }).await?;
        Ok(RunAccepted::new(run.job_id.to_string(), &fired, Some(id)))
    };
    idempotency::run_once(&app, &caller, &headers, (&format!("replay {id}"), &bytes), fire).await
}
