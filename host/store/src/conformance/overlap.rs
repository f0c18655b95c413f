//! Runs of one job that wait for one another.

use std::sync::Arc;

use host_model::fire::{MOST_WAITING, NewRun, Recorded, overlap_of, queue_full, still_running};
use host_model::job::Overlap;
use host_model::port::Store;
use host_model::run::RunFilter;
use host_model::transition::{Applied, RunChange};
use host_model::{RunId, RunStatus};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::{Bench, ME, at, get, job_id, took};

fn waiting(bench: &Bench, overlap: Overlap) -> NewRun {
    NewRun { overlap, ..bench.new_run("nightly") }
}

async fn queued(bench: &Bench, store: &dyn Store, overlap: Overlap) -> RunId {
    let new = waiting(bench, overlap);
    assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    new.id
}

async fn start(store: &dyn Store, run: RunId) -> Applied {
    store.apply(&[RunChange::start(run, ME, at(1)).into()]).await.unwrap()
}

fn not_its_turn() -> Applied {
    Applied::Stale { index: 0, found: "QUEUED".to_owned() }
}

/// Records sixteen runs at the same moment; their ids, oldest first.
async fn sixteen(bench: &Bench, stores: &[Arc<dyn Store>; 2], overlap: Overlap) -> Vec<RunId> {
    let barrier = Arc::new(Barrier::new(16));
    let mut tasks = JoinSet::new();
    for n in 0..16 {
        let (store, new) = (Arc::clone(&stores[n % 2]), waiting(bench, overlap));
        let barrier = Arc::clone(&barrier);
        tasks.spawn(async move {
            barrier.wait().await;
            (new.id, store.record_fire(&new).await.unwrap())
        });
    }
    let mut answers = tasks.join_all().await;
    assert!(answers.iter().all(|(_, answer)| *answer == Recorded::Queued), "{answers:?}");
    answers.sort_by_key(|(id, _)| *id);
    answers.into_iter().map(|(id, _)| id).collect()
}

pub(super) async fn waiting_runs_start_one_at_a_time_oldest_first(bench: &Bench) {
    let store = bench.open().await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(queued(bench, &*store, Overlap::Queue).await);
    }
    assert_eq!(store.find_run_ahead(runs[0]).await.unwrap(), None);
    assert_eq!(store.find_run_ahead(runs[2]).await.unwrap(), Some(runs[0]));
    assert_eq!(start(&*store, runs[1]).await, not_its_turn());
    assert_eq!(start(&*store, runs[0]).await, Applied::Yes);
    assert_eq!(start(&*store, runs[1]).await, not_its_turn());
    // Whoever is cancelled while waiting is no longer ahead of anybody.
    took(&*store, &[RunChange::cancel(runs[1], ME, at(2), "canceled by user:alice".into()).into()]).await;
    assert_eq!(start(&*store, runs[2]).await, not_its_turn());
    took(&*store, &[RunChange::succeed(runs[0], ME, at(3)).into()]).await;
    assert_eq!(store.find_run_ahead(runs[2]).await.unwrap(), None);
    assert_eq!(start(&*store, runs[2]).await, Applied::Yes);
    assert_eq!(get(&*store, runs[2]).await.status, RunStatus::Running);
}

pub(super) async fn sixteen_queued_fires_all_wait_and_one_starts(bench: &Bench) {
    let stores = [bench.open().await, bench.open().await];
    let runs = sixteen(bench, &stores, Overlap::Queue).await;
    for next in 0..3 {
        let mut tasks = JoinSet::new();
        for (n, run) in runs.iter().copied().enumerate().skip(next) {
            let store = Arc::clone(&stores[n % 2]);
            tasks.spawn(async move { (run, start(&*store, run).await) });
        }
        let started = tasks.join_all().await.into_iter().filter(|(_, answer)| *answer == Applied::Yes);
        assert_eq!(started.map(|(run, _)| run).collect::<Vec<_>>(), [runs[next]]);
        took(&*stores[0], &[RunChange::succeed(runs[next], ME, at(9)).into()]).await;
    }
}

pub(super) async fn a_full_queue_is_a_skipped_run(bench: &Bench) {
    let store = bench.open().await;
    let first = queued(bench, &*store, Overlap::Queue).await;
    assert_eq!(start(&*store, first).await, Applied::Yes);
    for _ in 0..MOST_WAITING {
        queued(bench, &*store, Overlap::Queue).await;
    }
    let late = waiting(bench, Overlap::Queue);
    assert_eq!(store.record_fire(&late).await.unwrap(), Recorded::HeldBack { reason: queue_full() });
    let run = get(&*store, late.id).await;
    assert_eq!((run.status, run.reason), (RunStatus::Skipped, Some(queue_full())));
    // The queue is one job's.
    bench.queued(&*store, "other").await;
}

pub(super) async fn a_run_that_takes_over_marks_all_before_it(bench: &Bench) {
    let store = bench.open().await;
    let other = bench.running(&*store, "other").await;
    let first = queued(bench, &*store, Overlap::CancelRunning).await;
    assert_eq!(start(&*store, first).await, Applied::Yes);
    let second = queued(bench, &*store, Overlap::CancelRunning).await;
    assert_eq!(start(&*store, second).await, not_its_turn());
    let third = queued(bench, &*store, Overlap::CancelRunning).await;
    let marks = store.list_cancel_marks(ME).await.unwrap();
    assert_eq!(marks, [(first, overlap_of(second)), (second, overlap_of(third))]);
    for run in [first, second] {
        took(&*store, &[RunChange::cancel(run, ME, at(2), "canceled".into()).into()]).await;
    }
    assert_eq!(start(&*store, third).await, Applied::Yes);
    assert_eq!(get(&*store, other.id).await.cancel_requested_by, None);
}

pub(super) async fn sixteen_that_take_over_leave_the_last_unmarked(bench: &Bench) {
    let stores = [bench.open().await, bench.open().await];
    let runs = sixteen(bench, &stores, Overlap::CancelRunning).await;
    let marks = stores[0].list_cancel_marks(ME).await.unwrap();
    assert_eq!(marks.len(), 15, "{marks:?}");
    let left: Vec<_> = runs.iter().filter(|run| !marks.iter().any(|(marked, _)| marked == *run)).collect();
    assert!(marks.iter().any(|(_, by)| *by == overlap_of(*left[0])), "the last one to be recorded marked others");
}

pub(super) async fn a_job_that_no_longer_queues_respects_those_that_wait(bench: &Bench) {
    let store = bench.open().await;
    let first = queued(bench, &*store, Overlap::Queue).await;
    queued(bench, &*store, Overlap::Queue).await;
    let now = waiting(bench, Overlap::Skip);
    assert_eq!(store.record_fire(&now).await.unwrap(), Recorded::Skipped { active: first });
    assert_eq!(get(&*store, now.id).await.reason, Some(still_running(first)));
    let filter = RunFilter { jobs: vec![job_id("nightly")], limit: 9, ..RunFilter::default() };
    assert_eq!(store.list_runs(&filter).await.unwrap().len(), 3);
}
