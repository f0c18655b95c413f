//! How long the runs of a job take.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::{Extension, Json};
use host_model::history::{RunTime, StepTime};
use host_model::run::RunStatus;
use host_model::{JobId, RunId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::jobs::no_such_job;
use crate::App;
use crate::auth::Caller;
use crate::error::{ApiError, Id};
use crate::view::job::RecentRun;

/// Runs that are looked at.
const LOOKED_AT: u32 = 200;
/// Runs whose steps are looked at.
const STEPS_OF: u32 = 20;

/// How long the runs of a job take.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobStats {
    job_id: String,
    /// The last 200 runs but the skipped, oldest first.
    runs: Vec<RecentRun>,
    /// Of those that succeeded; null when none did.
    median_seconds: Option<f64>,
    /// As above: 95 of 100 were done by then.
    p95_seconds: Option<f64>,
    succeeded: usize,
    failed: usize,
    canceled: usize,
    /// Of the last 20 runs that succeeded, before the run that was named.
    steps: Vec<StepMedian>,
}

/// How long a step takes.
#[derive(Serialize, ToSchema)]
struct StepMedian {
    name: String,
    median_seconds: f64,
    /// Runs that is the median of.
    runs: usize,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatsQuery {
    /// A run: the times of steps are those of runs before it.
    before: Option<String>,
}

/// The durations of the last runs of a job, with median and 95th percentile. Also of a job that is no longer in the
/// catalogue, as long as it has runs.
#[utoipa::path(get, path = "/admin/jobs/{id}/stats", tag = "jobs", params(("id" = String, Path, description = "A job"), StatsQuery),
    responses((status = 200, body = JobStats)))]
pub(crate) async fn show(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    query: Result<Query<StatsQuery>, QueryRejection>,
) -> Result<Json<JobStats>, ApiError> {
    let job = JobId::new(&id).map_err(|_| no_such_job(&app, &caller, &id))?;
    let times = app.history.run_times(&job, LOOKED_AT).await?;
    if times.is_empty() && !app.engine.jobs().contains_key(&job) {
        return Err(no_such_job(&app, &caller, &id));
    }
    let Query(query) = query?;
    let before = query.before.as_deref().map(RunId::parse).transpose();
    let before = before.map_err(|error| ApiError::invalid(error.to_string()))?;
    let steps = app.history.step_times(&job, before, STEPS_OF).await?;
    let count = |status| times.iter().filter(|time| time.status == status).count();
    let durations = durations(times.iter());
    Ok(Json(JobStats {
        job_id: id,
        median_seconds: percentile(&durations, 50),
        p95_seconds: percentile(&durations, 95),
        succeeded: count(RunStatus::Succeeded),
        failed: count(RunStatus::Failed),
        canceled: count(RunStatus::Canceled),
        steps: medians(&steps),
        runs: times.iter().rev().map(RecentRun::from).collect(),
    }))
}

/// `times` come by step.
fn medians(times: &[StepTime]) -> Vec<StepMedian> {
    let of_step = |times: &[StepTime]| {
        let mut seconds: Vec<f64> = times.iter().map(|time| time.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        let median_seconds = percentile(&seconds, 50)?;
        Some(StepMedian { name: times.first()?.step.to_string(), median_seconds, runs: times.len() })
    };
    times.chunk_by(|a, b| a.step == b.step).filter_map(of_step).collect()
}

/// Seconds of the runs that succeeded, in rising order.
pub(super) fn durations<'t>(times: impl Iterator<Item = &'t RunTime>) -> Vec<f64> {
    let succeeded = times.filter(|time| time.status == RunStatus::Succeeded);
    let mut seconds: Vec<f64> = succeeded.filter_map(RunTime::seconds).collect();
    seconds.sort_by(f64::total_cmp);
    seconds
}

/// By the nearest rank: a value that really was.
pub(super) fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn a_percentile_is_a_value_that_was() {
        assert_eq!(percentile(&[], 50), None);
        assert_eq!((percentile(&[3.0], 50), percentile(&[3.0], 95)), (Some(3.0), Some(3.0)));
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!((percentile(&hundred, 50), percentile(&hundred, 95)), (Some(50.0), Some(95.0)));
    }
}
