//! Jobs that depend on others.

use host_model::RunStatus;
use host_model::fire::{NewRun, Recorded, SlotOutcome};
use host_model::port::Store;
use host_model::transition::RunChange;

use super::{Bench, ME, at, get, job_id, slot, took};

fn report(bench: &Bench, needs: &[&str]) -> NewRun {
    NewRun { depends_on: needs.iter().map(|id| job_id(id)).collect(), ..bench.new_run("report") }
}

async fn held_back(store: &dyn Store, new: &NewRun) -> String {
    match store.record_fire(new).await.unwrap() {
        Recorded::HeldBack { reason } => reason,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn a_run_waits_for_nobody_whose_latest_run_succeeded(bench: &Bench) {
    let store = bench.open().await;
    for job in ["extract", "load"] {
        let before = bench.running(&*store, job).await;
        took(&*store, &[RunChange::succeed(before.id, ME, at(9)).into()]).await;
    }
    assert_eq!(store.record_fire(&report(bench, &["extract", "load"])).await.unwrap(), Recorded::Queued);
}

pub(super) async fn an_unmet_dependency_is_a_skipped_run_with_its_reason(bench: &Bench) {
    let store = bench.open().await;
    let new = report(bench, &["extract"]);
    assert_eq!(held_back(&*store, &new).await, "dependency-never-ran: extract");
    let run = get(&*store, new.id).await;
    assert_eq!((run.status, run.reason.as_deref()), (RunStatus::Skipped, Some("dependency-never-ran: extract")));
    assert_eq!(run.finished_at, Some(new.queued_at));
    assert!(store.list_steps(new.id).await.unwrap().is_empty());

    let extract = bench.queued(&*store, "extract").await;
    assert_eq!(held_back(&*store, &report(bench, &["extract"])).await, "dependency-still-running: extract");
    took(&*store, &[RunChange::start(extract.id, ME, at(5)).into()]).await;
    assert_eq!(held_back(&*store, &report(bench, &["extract"])).await, "dependency-still-running: extract");
    took(&*store, &[RunChange::fail(extract.id, ME, at(6), "no".into()).into()]).await;
    assert_eq!(held_back(&*store, &report(bench, &["extract", "other"])).await, "dependency-failed: extract");

    let extract = bench.running(&*store, "extract").await;
    took(&*store, &[RunChange::succeed(extract.id, ME, at(9)).into()]).await;
    assert_eq!(store.record_fire(&report(bench, &["extract"])).await.unwrap(), Recorded::Queued);
}

pub(super) async fn a_skipped_run_of_a_dependency_does_not_count(bench: &Bench) {
    let store = bench.open().await;
    let extract = bench.running(&*store, "extract").await;
    let beside = bench.new_run("extract");
    assert_eq!(store.record_fire(&beside).await.unwrap(), Recorded::Skipped { active: extract.id });
    took(&*store, &[RunChange::succeed(extract.id, ME, at(9)).into()]).await;
    assert_eq!(store.record_fire(&report(bench, &["extract"])).await.unwrap(), Recorded::Queued);
}

pub(super) async fn an_unmet_dependency_says_so_in_the_ledger(bench: &Bench) {
    let store = bench.open().await;
    let new = NewRun { slot: Some(slot("report", 1)), ..report(bench, &["extract"]) };
    held_back(&*store, &new).await;
    let slots = store.list_slots(&job_id("report"), 9).await.unwrap();
    assert_eq!(slots.len(), 1);
    assert_eq!((slots[0].outcome, slots[0].run_id), (SlotOutcome::Skipped, Some(new.id)));
    assert_eq!(slots[0].reason.as_deref(), Some("dependency-never-ran: extract"));
}
