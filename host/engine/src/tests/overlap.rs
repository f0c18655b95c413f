//! What stands between a fire and its run: jobs it depends on, runs of the job before it.

use super::*;
use crate::DispatchError;
use host_model::run::RunStatus;

fn request(job: &str) -> FireRequest {
    FireRequest::manual(JobId::new(job).unwrap(), Trigger::Cli("bob".into()))
}

#[tokio::test]
async fn a_job_runs_only_after_the_jobs_it_depends_on_succeeded() {
    let mut report = job("report", vec![step("a", "echo")]);
    report.depends_on = vec![JobId::new("extract").unwrap()];
    let bench = bench(vec![job("extract", vec![step("a", "fail-first:1")]), report]).await;

    let refused = |error| match error {
        DispatchError::HeldBack { reason, skipped, .. } => (reason, skipped),
        other => panic!("{other}"),
    };
    let (reason, skipped) = refused(bench.engine.fire(request("report")).await.unwrap_err());
    assert_eq!(reason, "dependency-never-ran: extract");
    let run = bench.run(skipped).await;
    assert_eq!((run.status, run.reason), (RunStatus::Skipped, Some(reason)));

    let failed = bench.fire("extract").await;
    assert_eq!(bench.finished(failed).await.status, RunStatus::Failed);
    let (reason, _) = refused(bench.engine.fire(request("report")).await.unwrap_err());
    assert_eq!(reason, "dependency-failed: extract");

    let good = bench.fire("extract").await;
    assert_eq!(bench.finished(good).await.status, RunStatus::Succeeded);
    let report = bench.fire("report").await;
    assert_eq!(bench.finished(report).await.status, RunStatus::Succeeded);
}
