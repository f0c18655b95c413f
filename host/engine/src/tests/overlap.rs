//! What stands between a fire and its run: jobs it depends on, runs of the job before it.

use super::*;
use crate::DispatchError;
use host_model::fire::NewRun;
use host_model::run::RunStatus;
use host_model::transition::{Applied, RunChange};

const OTHER: &str = "another-machine/1/1";

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

fn overlapping(overlap: Overlap, script: &str) -> Job {
    Job { overlap, ..job("j", vec![step("a", script)]) }
}

#[tokio::test]
async fn a_queued_run_waits_for_the_one_before_it_and_takes_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let jobs = vec![overlapping(Overlap::Queue, "hang"), job("other", vec![step("a", "echo")])];
    let parts = EngineParts { presence: presence(2, false), ..parts(store.clone(), jobs) };
    let bench = Bench { engine: Engine::start(parts).await.unwrap(), store, folder };

    let runs = [bench.fire("j").await, bench.fire("j").await, bench.fire("j").await];
    bench.heard(runs[0], "hanging").await;
    let other = bench.fire("other").await;
    bench.heard(other, "run succeeded").await;
    assert_eq!(bench.run(runs[1]).await.status, RunStatus::Queued);

    // A run that waits can be cancelled, and never begins.
    bench.engine.cancel(runs[1], "user:alice").await.unwrap();
    bench.heard(runs[1], "run canceled by user:alice").await;
    assert_eq!(bench.states(runs[1]).await, ["a/1 CANCELED skipped: run canceled"]);
    assert_eq!(bench.run(runs[2]).await.status, RunStatus::Queued);

    bench.engine.cancel(runs[0], "user:bob").await.unwrap();
    bench.heard(runs[2], "hanging").await;
    let (before, after) = (bench.run(runs[0]).await, bench.run(runs[2]).await);
    assert!(after.started_at >= before.finished_at, "{before:?} {after:?}");
    bench.engine.cancel(runs[2], "user:bob").await.unwrap();
    bench.finished(runs[2]).await;
}

#[tokio::test]
async fn a_hundred_queued_runs_end_in_order() {
    let bench = bench(vec![overlapping(Overlap::Queue, "echo")]).await;
    let mut runs = Vec::new();
    for _ in 0..100 {
        runs.push(bench.fire("j").await);
    }
    bench.finished(runs[99]).await;
    let mut last = None;
    for run in runs {
        let run = bench.run(run).await;
        assert_eq!(run.status, RunStatus::Succeeded);
        assert!(run.started_at >= last, "{run:?}");
        last = run.finished_at;
    }
}

#[tokio::test]
async fn a_run_that_takes_over_cancels_those_before_it() {
    let bench = bench(vec![overlapping(Overlap::CancelRunning, "hang")]).await;
    let first = bench.fire("j").await;
    bench.heard(first, "hanging").await;
    let second = bench.fire("j").await;
    bench.heard(second, "hanging").await;
    let done = bench.run(first).await;
    let by = format!("canceled by overlap of run {second}");
    assert_eq!((done.status, done.reason), (RunStatus::Canceled, Some(by)));
    bench.engine.cancel(second, "user:bob").await.unwrap();
    bench.finished(second).await;
}

#[tokio::test]
async fn a_run_of_another_process_is_waited_for_too() {
    let bench = bench(vec![overlapping(Overlap::Queue, "echo")]).await;
    let elsewhere = NewRun {
        overlap: Overlap::Queue,
        owner: OTHER.into(),
        queued_at: bench.engine.now(),
        ..new_run(RunId::from_parts(1, 1), "j")
    };
    bench.store.beat(&presence_of(OTHER), bench.engine.now()).await.unwrap();
    bench.store.record_fire(&elsewhere).await.unwrap();
    let at = bench.engine.now();
    let change = RunChange::start(elsewhere.id, &*elsewhere.owner, at);
    assert_eq!(bench.store.apply(&[change.into()]).await.unwrap(), Applied::Yes);
    let run = bench.fire("j").await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(bench.run(run).await.status, RunStatus::Queued);
    let change = RunChange::succeed(elsewhere.id, &*elsewhere.owner, at);
    assert_eq!(bench.store.apply(&[change.into()]).await.unwrap(), Applied::Yes);
    assert_eq!(bench.finished(run).await.status, RunStatus::Succeeded);
}
