//! Runs of one job that wait for one another.

use std::sync::Arc;

use host_model::fire::{MOST_WAITING, NewRun, Recorded, overlap_of, queue_full, still_running};
use host_model::job::Overlap;
use host_model::port::Store;
use host_model::run::RunFilter;
use host_model::transition::RunChange;
use host_model::{Owner, RunId, RunStatus};
use sqlx::{Connection, PgConnection};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::cancel::marks;
use super::{Bench, ME, at, claim, claimer, get, job_id, took};
use crate::gate;
use crate::loan::{OPERATION, Watch};
use crate::sql::Conn;
use crate::url::Target;

fn waiting(bench: &Bench, overlap: Overlap) -> NewRun {
    NewRun { overlap, ..bench.for_anybody("nightly") }
}

async fn queued(bench: &Bench, store: &dyn Store, overlap: Overlap) -> RunId {
    let new = waiting(bench, overlap);
    assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    new.id
}

/// Of a run that was never taken up.
const NOBODY: Owner<'static> = Owner { name: "", term: 0 };

/// Takes up the next run there is, which must be this one, and starts it.
async fn start(store: &dyn Store, run: RunId) {
    assert_eq!(claim(store, &claimer(store, ME, 1).await).await, [run]);
    took(store, &[RunChange::start(run, ME, at(1)).into()]).await;
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

pub(super) async fn waiting_runs_are_taken_up_one_at_a_time_oldest_first(bench: &Bench) {
    let store = bench.open().await;
    let mut runs = Vec::new();
    for _ in 0..4 {
        runs.push(queued(bench, &*store, Overlap::Queue).await);
    }
    let mine = claimer(&*store, ME, 9).await;
    assert_eq!(claim(&*store, &mine).await, runs[..1]);
    assert!(claim(&*store, &mine).await.is_empty(), "the first has not begun, but it has its process");
    took(&*store, &[RunChange::start(runs[0], ME, at(1)).into()]).await;
    assert!(claim(&*store, &mine).await.is_empty());
    // Whoever is cancelled while waiting is no longer ahead of anybody.
    took(&*store, &[RunChange::cancel(runs[1], NOBODY, at(2), "canceled by user:alice".into()).into()]).await;
    took(&*store, &[RunChange::succeed(runs[0], ME, at(3)).into()]).await;
    assert_eq!(claim(&*store, &mine).await, runs[2..3]);
    // One that is given back is the oldest again.
    took(&*store, &[RunChange::give_back(runs[2], ME, at(4), "any", "lost".into()).into()]).await;
    assert_eq!(claim(&*store, &mine).await, runs[2..3]);
    let run = get(&*store, runs[2]).await;
    took(&*store, &[RunChange::start(run.id, run.owner(), at(5)).into()]).await;
    took(&*store, &[RunChange::fail(run.id, run.owner(), at(6), "x".into()).into()]).await;
    assert_eq!(claim(&*store, &mine).await, runs[3..]);
}

pub(super) async fn sixteen_queued_fires_are_taken_up_in_order(bench: &Bench) {
    let stores = [bench.open().await, bench.open().await];
    let runs = sixteen(bench, &stores, Overlap::Queue).await;
    for next in &runs[..4] {
        let mut tasks = JoinSet::new();
        for n in 0..8 {
            let store = Arc::clone(&stores[n % 2]);
            tasks.spawn(async move {
                let mine = claimer(&*store, &format!("host/{n}/0"), 9).await;
                store.claim_runs(&mine).await.unwrap()
            });
        }
        let claimed = tasks.join_all().await.concat();
        assert_eq!(claimed.iter().map(|claimed| claimed.run.id).collect::<Vec<_>>(), [*next]);
        let owner = claimed[0].run.owner();
        took(&*stores[0], &[RunChange::start(*next, owner, at(8)).into()]).await;
        took(&*stores[0], &[RunChange::succeed(*next, owner, at(9)).into()]).await;
    }
}

pub(super) async fn a_run_that_comes_late_with_an_older_id_waits_for_the_one_taken_up(bench: &Bench) {
    let store = bench.open().await;
    let late = waiting(bench, Overlap::Queue);
    let first = queued(bench, &*store, Overlap::Queue).await;
    let mine = claimer(&*store, ME, 9).await;
    assert_eq!(claim(&*store, &mine).await, [first]);
    assert_eq!(store.record_fire(&late).await.unwrap(), Recorded::Queued);
    assert!(late.id < first && claim(&*store, &mine).await.is_empty());
    took(&*store, &[RunChange::cancel(first, ME, at(2), "x".into()).into()]).await;
    assert_eq!(claim(&*store, &mine).await, [late.id]);
}

/// An older run of the job may be on its way into the store: its fire holds the lock of the job meanwhile.
pub(super) async fn a_run_of_a_job_that_is_being_fired_is_passed_over(bench: &Bench) {
    let store = bench.open().await;
    let waits = queued(bench, &*store, Overlap::Queue).await;
    let other = bench.for_anybody("other");
    store.record_fire(&other).await.unwrap();
    let mine = claimer(&*store, ME, 9).await;
    let Target::Postgres { options, .. } = Target::parse(&bench.url, &bench.home).unwrap() else {
        // One writer at a time: a fire and a claim cannot meet.
        assert_eq!(claim(&*store, &mine).await, [waits, other.id]);
        return;
    };
    let mut fire = PgConnection::connect_with(&options).await.unwrap();
    let mut transaction = fire.begin().await.unwrap();
    let mut watch = Watch::lasting(OPERATION);
    gate::lock_job(&mut Conn::Postgres(&mut transaction, &mut watch), &job_id("nightly")).await.unwrap();
    assert_eq!(claim(&*store, &mine).await, [other.id]);
    transaction.rollback().await.unwrap();
    assert_eq!(claim(&*store, &mine).await, [waits]);
}

pub(super) async fn a_full_queue_is_a_skipped_run(bench: &Bench) {
    let store = bench.open().await;
    let first = queued(bench, &*store, Overlap::Queue).await;
    start(&*store, first).await;
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
    start(&*store, first).await;
    let second = queued(bench, &*store, Overlap::CancelRunning).await;
    let third = queued(bench, &*store, Overlap::CancelRunning).await;
    assert_eq!(marks(&*store, ME).await, [(first, overlap_of(second)), (second, overlap_of(third))]);
    let asked_at = get(&*store, first).await.cancel_requested_at;
    assert_eq!(asked_at, Some(get(&*store, second).await.queued_at));
    assert!(claim(&*store, &claimer(&*store, ME, 9).await).await.is_empty());
    for (run, owner) in [(first, ME.into()), (second, NOBODY)] {
        took(&*store, &[RunChange::cancel(run, owner, at(2), "canceled".into()).into()]).await;
    }
    start(&*store, third).await;
    assert_eq!(get(&*store, other.id).await.cancel_requested_by, None);
}

pub(super) async fn sixteen_that_take_over_leave_the_last_unmarked(bench: &Bench) {
    let stores = [bench.open().await, bench.open().await];
    let runs = sixteen(bench, &stores, Overlap::CancelRunning).await;
    let marks = marks(&*stores[0], ME).await;
    assert_eq!(marks.len(), 15, "{marks:?}");
    let left: Vec<_> = runs.iter().filter(|run| !marks.iter().any(|(marked, _)| marked == *run)).collect();
    assert!(marks.iter().any(|(_, by)| *by == overlap_of(*left[0])), "the last one to be recorded marked others");
}

/// As when two processes have not yet read the same files, and their clocks differ.
pub(super) async fn of_runs_fired_under_different_rules_one_is_taken_up_at_a_time(bench: &Bench) {
    let store = bench.open().await;
    let older = waiting(bench, Overlap::Queue);
    let newer = waiting(bench, Overlap::Skip);
    for new in [&newer, &older] {
        assert_eq!(store.record_fire(new).await.unwrap(), Recorded::Queued);
    }
    let mine = claimer(&*store, ME, 9).await;
    for run in [older.id, newer.id] {
        assert_eq!(claim(&*store, &mine).await, [run]);
        assert!(claim(&*store, &mine).await.is_empty(), "the other one has its process");
        took(&*store, &[RunChange::start(run, ME, at(1)).into()]).await;
        took(&*store, &[RunChange::succeed(run, ME, at(2)).into()]).await;
    }
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
