//! Many at once: tasks on one store, and two stores on one database as two processes would have them.

use std::sync::Arc;

use host_model::fire::{NewRun, Recorded, SlotOutcome};
use host_model::job::Overlap;
use host_model::port::Store;
use host_model::run::RunFilter;
use host_model::transition::{Applied, RunChange, StepChange};
use host_model::{JsonMap, RunStatus};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::{Bench, ME, at, first_attempt, get, job_id, line, slot, started, took};

/// Records all of `fires` at the same moment, each on its store.
async fn at_once(fires: Vec<(Arc<dyn Store>, NewRun)>) -> Vec<Recorded> {
    let barrier = Arc::new(Barrier::new(fires.len()));
    let mut tasks = JoinSet::new();
    for (store, new) in fires {
        let barrier = Arc::clone(&barrier);
        tasks.spawn(async move {
            barrier.wait().await;
            store.record_fire(&new).await.unwrap()
        });
    }
    tasks.join_all().await
}

fn assert_one_queued(answers: &[Recorded]) {
    assert_eq!(answers.iter().filter(|answer| **answer == Recorded::Queued).count(), 1, "{answers:?}");
    let others: Vec<_> = answers.iter().filter(|answer| **answer != Recorded::Queued).collect();
    assert!(others.windows(2).all(|pair| pair[0] == pair[1]), "all name the same run: {answers:?}");
}

pub(super) async fn sixteen_starters_make_one_run(bench: &Bench) {
    let store = bench.open().await;
    for _ in 0..5 {
        let answers = at_once((0..16).map(|_| (Arc::clone(&store), bench.new_run("nightly"))).collect()).await;
        assert_one_queued(&answers);
        let filter = RunFilter { statuses: vec![RunStatus::Queued], limit: 99, ..RunFilter::default() };
        let queued = store.list_runs(&filter).await.unwrap();
        assert_eq!(queued.len(), 1);
        took(&*store, &[RunChange::cancel(queued[0].id, ME, at(9), "next round".into()).into()]).await;
    }
}

pub(super) async fn two_handles_on_one_database_make_one_run(bench: &Bench) {
    let stores = [bench.open().await, bench.open().await];
    let answers = at_once((0..16).map(|n| (Arc::clone(&stores[n % 2]), bench.new_run("nightly"))).collect()).await;
    assert_one_queued(&answers);
    let filter = RunFilter { limit: 99, ..RunFilter::default() };
    let seen = (stores[0].list_runs(&filter).await.unwrap(), stores[1].list_runs(&filter).await.unwrap());
    assert_eq!(seen.0.len(), 16);
    assert_eq!(seen.0, seen.1);
    stores[0].close().await;
    bench.queued(&*stores[1], "other").await;
}

pub(super) async fn sixteen_starters_of_one_slot_make_one_row(bench: &Bench) {
    let stores = [bench.open().await, bench.open().await];
    for (due, overlap) in [(1, Overlap::Allow), (2, Overlap::Skip)] {
        let fire = |n: usize| {
            let new = NewRun { overlap, slot: Some(slot("nightly", due)), ..bench.new_run("nightly") };
            (Arc::clone(&stores[n % 2]), new)
        };
        let answers = at_once((0..16).map(fire).collect()).await;
        assert_one_queued(&answers);
        assert_eq!(answers.iter().filter(|answer| **answer == Recorded::SlotTaken).count(), 15);
    }
    let slots = stores[0].list_slots(&job_id("nightly"), 99).await.unwrap();
    assert_eq!(slots.iter().map(|slot| slot.outcome).collect::<Vec<_>>(), [SlotOutcome::Fired; 2]);
    assert_eq!(stores[0].list_runs(&RunFilter { limit: 99, ..RunFilter::default() }).await.unwrap().len(), 2);
}

pub(super) async fn many_runs_at_once_all_end(bench: &Bench) {
    let store = bench.open().await;
    let mut tasks = JoinSet::new();
    for n in 0..64 {
        let (store, new) = (Arc::clone(&store), bench.new_run(&format!("job-{n}")));
        tasks.spawn(async move {
            let (store, id) = (&*store, new.id);
            assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
            took(store, &[RunChange::start(id, ME, at(1)).into()]).await;
            for index in 0..2 {
                took(store, &[started(id, index)]).await;
                store.append_logs(&[line(id, u64::from(index), "working")]).await.unwrap();
                let end = StepChange::succeed(first_attempt(id, index), at(2), JsonMap::new(), Some(n), None);
                took(store, &[end.into()]).await;
            }
            took(store, &[RunChange::succeed(id, ME, at(3)).into()]).await;
            let run = get(store, id).await;
            assert_eq!((run.status, run.steps_done, run.rows_affected), (RunStatus::Succeeded, 2, 2 * n));
            assert_eq!(store.count_logs(id).await.unwrap(), 2);
        });
    }
    assert_eq!(tasks.join_all().await.len(), 64);
}

pub(super) async fn two_deciders_of_one_run_have_one_winner(bench: &Bench) {
    let stores = [bench.open().await, bench.open().await];
    for n in 0..20 {
        let id = bench.running(&*stores[0], &format!("job-{n}")).await.id;
        let succeed = [RunChange::succeed(id, ME, at(5)).into()];
        let cancel = [RunChange::cancel(id, ME, at(5), "stop".into()).into()];
        let (first, second) = tokio::join!(stores[0].apply(&succeed), stores[1].apply(&cancel));
        let stale = |found: &str| Applied::Stale { index: 0, found: found.to_owned() };
        match (first.unwrap(), second.unwrap()) {
            (Applied::Yes, other) => assert_eq!(other, stale("SUCCEEDED")),
            (other, Applied::Yes) => assert_eq!(other, stale("CANCELED")),
            neither => panic!("nobody won: {neither:?}"),
        }
    }
}

pub(super) async fn readers_see_whole_batches_only(bench: &Bench) {
    let store = bench.open().await;
    let mut runs = Vec::new();
    for n in 0..30 {
        runs.push(bench.running(&*store, &format!("job-{n}")).await.id);
    }
    let writer = {
        let (store, runs) = (Arc::clone(&store), runs.clone());
        tokio::spawn(async move {
            for id in runs {
                let end = StepChange::succeed(first_attempt(id, 0), at(2), JsonMap::new(), Some(7), None);
                took(&*store, &[started(id, 0), end.into(), RunChange::succeed(id, ME, at(3)).into()]).await;
            }
        })
    };
    while !writer.is_finished() {
        for id in &runs {
            let run = get(&*store, *id).await;
            let expected = if run.status == RunStatus::Running { (0, 0) } else { (1, 7) };
            assert_eq!((run.steps_done, run.rows_affected), expected, "{run:?}");
        }
    }
    writer.await.unwrap();
}

pub(super) async fn batches_in_opposite_order_do_not_block_each_other(bench: &Bench) {
    let stores = [bench.open().await, bench.open().await];
    let a = bench.running(&*stores[0], "a").await.id;
    let b = bench.running(&*stores[0], "b").await.id;
    let attempts = 30;
    let swing = |store: Arc<dyn Store>, first, second| async move {
        let mut taken = 0;
        for _ in 0..attempts {
            // The guard refuses every batch at its last change; the locks are taken all the same.
            let batch = [started(first, 0), started(second, 0), started(second, 0)];
            let answer = store.apply(&batch).await.unwrap();
            assert_eq!(answer, Applied::Stale { index: 2, found: "RUNNING".to_owned() });
            taken += 1;
        }
        taken
    };
    let [one, two] = stores;
    let both = tokio::join!(tokio::spawn(swing(one, a, b)), tokio::spawn(swing(two, b, a)));
    assert_eq!((both.0.unwrap(), both.1.unwrap()), (attempts, attempts));
}
