//! How long history is kept, what the last pass removed, and a pass now. The pass is the built-in job, so that it is
//! recorded like any other run.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use host_engine::{FireRequest, internal_jobs};
use host_model::JobId;
use host_model::run::{RunFilter, RunStatus};
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::view::instant;
use crate::view::run::{RunAccepted, RunSummary};

const DAYS: &str = "jobs.history_days";

/// How long history is kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct RetentionPolicy {
    /// Runs that ended longer ago are removed.
    history_days: Option<u64>,
    /// The job that removes them.
    job_id: String,
    #[schema(format = DateTime)]
    next_at: Option<String>,
}

/// A pass of retention.
#[derive(Serialize, ToSchema)]
pub(crate) struct Sweep {
    run: RunSummary,
    /// What it returned: `cutoff`, `log_rows`, `step_rows`, `run_rows`, `slot_rows`; null while it runs.
    #[schema(value_type = Option<Object>)]
    removed: Option<host_model::JsonMap>,
}

/// The policy and its last pass.
#[derive(Serialize, ToSchema)]
pub(crate) struct Retention {
    policy: RetentionPolicy,
    /// Null when there was none yet.
    last_sweep: Option<Sweep>,
}

fn prune_job() -> Result<JobId, ApiError> {
    let none = || ApiError::not_found("this server keeps its history for ever");
    internal_jobs(host_catalogue::system_zone()).into_iter().next().map(|job| job.id).ok_or_else(none)
}

/// How long history is kept, and what the last pass removed.
#[utoipa::path(get, path = "/admin/jobs/retention", tag = "server", responses((status = 200, body = Retention)))]
pub(crate) async fn show(State(app): State<App>) -> Result<Json<Retention>, ApiError> {
    let job_id = prune_job()?;
    let statuses = RunStatus::ALL.iter().copied().filter(|status| *status != RunStatus::Skipped).collect();
    let filter = RunFilter { jobs: vec![job_id.clone()], statuses, limit: 1, ..RunFilter::default() };
    let last_sweep = match app.engine.store().list_runs(&filter).await?.first() {
        Some(run) => {
            let steps = app.engine.store().list_steps(run.id).await?;
            let removed = steps.into_iter().rev().find_map(|step| step.output);
            Some(Sweep { run: RunSummary::from(run), removed })
        }
        None => None,
    };
    let history_days = app.settings.iter().find(|entry| entry.key == DAYS).and_then(|entry| entry.value.as_u64());
    let holds = app.engine.holds().await?;
    let next_at = app.engine.jobs().get(&job_id).and_then(|job| app.engine.next_fire(job, &holds)).map(instant);
    Ok(Json(Retention { policy: RetentionPolicy { history_days, job_id: job_id.to_string(), next_at }, last_sweep }))
}

/// Begins a pass now.
#[utoipa::path(post, path = "/admin/jobs/retention/sweep", tag = "server", responses((status = 202, body = RunAccepted)))]
pub(crate) async fn sweep(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
) -> Result<(StatusCode, Json<RunAccepted>), ApiError> {
    let job_id = prune_job()?;
    let fired = app.engine.fire(FireRequest::manual(job_id.clone(), caller.trigger)).await?;
    Ok((StatusCode::ACCEPTED, Json(RunAccepted::new(job_id.to_string(), &fired, None))))
}
