//! Removing history.

use host_model::RunId;
use host_model::fire::{NewRun, Recorded};
use host_model::job::Overlap;
use host_model::port::{PrunePass, Pruned, Store};
use host_model::run::RunFilter;
use host_model::transition::RunChange;

use super::{Bench, ME, at, line, slot};

/// A run of `job` with two steps and `lines` log rows that was accepted at `from` and ended at `to`.
async fn ended(bench: &Bench, store: &dyn Store, job: &str, (from, to): (i64, i64), lines: u64) -> RunId {
    let id = accepted(bench, store, job, from, lines).await;
    let end = [RunChange::start(id, ME, at(from)).into(), RunChange::succeed(id, ME, at(to)).into()];
    super::took(store, &end).await;
    id
}

async fn accepted(bench: &Bench, store: &dyn Store, job: &str, from: i64, lines: u64) -> RunId {
    let template = bench.new_run(job);
    let low = (template.queued_at - at(0)).num_milliseconds() as u32;
    let id = RunId::from_parts(at(from).timestamp_millis() as u64, low);
    let new = NewRun { id, queued_at: at(from), overlap: Overlap::Allow, ..template };
    assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    store.append_logs(&(0..lines).map(|seq| line(id, seq, "x")).collect::<Vec<_>>()).await.unwrap();
    id
}

/// Calls until nothing is left to remove; what each call removed.
async fn prune_all(store: &dyn Store, pass: PrunePass, before: i64, limit: u32) -> Vec<Pruned> {
    let mut batches = Vec::new();
    loop {
        let batch = store.prune(pass, at(before), limit).await.unwrap();
        if batch == Pruned::default() {
            return batches;
        }
        batches.push(batch);
    }
}

async fn runs(store: &dyn Store) -> Vec<RunId> {
    let filter = RunFilter { limit: 100_000, ..RunFilter::default() };
    store.list_runs(&filter).await.unwrap().into_iter().map(|run| run.id).collect()
}

pub(super) async fn log_rows_of_old_runs_go_batch_by_batch(bench: &Bench) {
    let store = bench.open().await;
    let old = ended(bench, &*store, "old", (0, 10), 25).await;
    let older = ended(bench, &*store, "older", (-100, -90), 7).await;
    let young = ended(bench, &*store, "young", (1000, 1001), 5).await;
    let batches = prune_all(&*store, PrunePass::Logs, 1000, 10).await;
    let rows: Vec<u64> = batches.iter().map(|batch| batch.log_rows).collect();
    assert_eq!(rows, [10, 10, 10, 2]);
    assert!(batches.iter().all(|batch| batch.total() == batch.log_rows), "{batches:?}");
    for (run, left) in [(old, 0), (older, 0), (young, 5)] {
        assert_eq!(store.count_logs(run).await.unwrap(), left);
    }
    assert_eq!(runs(&*store).await.len(), 3, "the runs are the next pass's");
}

pub(super) async fn old_runs_go_with_their_steps_oldest_first(bench: &Bench) {
    let store = bench.open().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(ended(bench, &*store, "old", (n * 10, n * 10 + 1), 0).await);
    }
    let young = ended(bench, &*store, "young", (1000, 1001), 0).await;
    let first = store.prune(PrunePass::Runs, at(1000), 2).await.unwrap();
    assert_eq!(first, Pruned { step_rows: 4, run_rows: 2, ..Pruned::default() });
    assert_eq!(runs(&*store).await, [young, ids[4], ids[3], ids[2]]);
    let rest = prune_all(&*store, PrunePass::Runs, 1000, 2).await;
    assert_eq!(rest.iter().map(|batch| (batch.step_rows, batch.run_rows)).collect::<Vec<_>>(), [(4, 2), (2, 1)]);
    assert_eq!(runs(&*store).await, [young]);
    assert!(store.list_steps(ids[0]).await.unwrap().is_empty());
    assert_eq!(store.list_steps(young).await.unwrap().len(), 2);
}

pub(super) async fn a_run_in_flight_is_never_pruned(bench: &Bench) {
    let store = bench.open().await;
    let queued = accepted(bench, &*store, "queued", 0, 3).await;
    let running = accepted(bench, &*store, "running", 1, 3).await;
    super::took(&*store, &[RunChange::start(running, ME, at(2)).into()]).await;
    let gone = ended(bench, &*store, "gone", (5, 6), 3).await;
    let mut all = Pruned::default();
    for pass in [PrunePass::Logs, PrunePass::Runs, PrunePass::Slots] {
        for batch in prune_all(&*store, pass, 1_000_000, 1).await {
            all += batch;
        }
    }
    assert_eq!(all, Pruned { log_rows: 3, step_rows: 2, run_rows: 1, slot_rows: 0 });
    for run in [queued, running] {
        assert_eq!(store.count_logs(run).await.unwrap(), 3);
        assert_eq!(store.list_steps(run).await.unwrap().len(), 2);
    }
    assert!(store.find_run(gone).await.unwrap().is_none());
}

pub(super) async fn the_end_of_a_run_counts_not_its_beginning(bench: &Bench) {
    let store = bench.open().await;
    let long = ended(bench, &*store, "long", (0, 2000), 3).await;
    assert!(prune_all(&*store, PrunePass::Logs, 2000, 9).await.is_empty());
    assert!(prune_all(&*store, PrunePass::Runs, 2000, 9).await.is_empty(), "it ended at the cutoff, not before");
    assert_eq!(store.count_logs(long).await.unwrap(), 3);
    assert_eq!(prune_all(&*store, PrunePass::Runs, 2001, 9).await.len(), 1);
}

pub(super) async fn lines_that_outlived_their_run_go(bench: &Bench) {
    let store = bench.open().await;
    let old = ended(bench, &*store, "old", (0, 1), 2).await;
    prune_all(&*store, PrunePass::Runs, 1000, 9).await;
    store.append_logs(&[line(old, 9, "late")]).await.unwrap();
    let fresh = RunId::from_parts(at(5000).timestamp_millis() as u64, 0);
    store.append_logs(&[line(fresh, 0, "its run is not recorded here")]).await.unwrap();
    let batches = prune_all(&*store, PrunePass::Logs, 1000, 9).await;
    assert_eq!(batches.iter().map(|batch| batch.log_rows).sum::<u64>(), 3);
    assert_eq!(store.count_logs(fresh).await.unwrap(), 1);
}

pub(super) async fn old_slots_go_but_the_newest_of_each_schedule(bench: &Bench) {
    let store = bench.open().await;
    for (job, due) in [("daily", 1), ("daily", 2), ("daily", 3), ("daily", 5000), ("monthly", 1), ("monthly", 2)] {
        let new = NewRun { slot: Some(slot(job, due)), overlap: Overlap::Allow, ..bench.new_run(job) };
        assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    }
    let mut other = slot("daily", 2);
    other.schedule = "weekly".into();
    let new = NewRun { slot: Some(other), overlap: Overlap::Allow, ..bench.new_run("daily") };
    store.record_fire(&new).await.unwrap();

    let batches = prune_all(&*store, PrunePass::Slots, 1000, 3).await;
    assert_eq!(batches.iter().map(|batch| batch.slot_rows).collect::<Vec<_>>(), [3, 1]);
    let left = async |job: &str| -> Vec<(String, i64)> {
        let slots = store.list_slots(&super::job_id(job), 99).await.unwrap();
        slots.into_iter().map(|s| (s.slot.schedule, (s.slot.due_at - at(0)).num_milliseconds())).collect()
    };
    assert_eq!(left("daily").await, [("default".to_owned(), 5000), ("weekly".to_owned(), 2)]);
    assert_eq!(left("monthly").await, [("default".to_owned(), 2)]);
}

pub(super) async fn an_empty_store_has_nothing_to_prune(bench: &Bench) {
    let store = bench.open().await;
    for pass in [PrunePass::Logs, PrunePass::Runs, PrunePass::Slots] {
        for before in [at(0), chrono::DateTime::UNIX_EPOCH, chrono::DateTime::<chrono::Utc>::MIN_UTC] {
            assert_eq!(store.prune(pass, before, 10).await.unwrap(), Pruned::default());
        }
    }
}

pub(super) async fn writers_go_on_between_two_batches(bench: &Bench) {
    let store = bench.open().await;
    for n in 0..20 {
        ended(bench, &*store, "old", (n, n + 1), 20).await;
    }
    let pruning = tokio::spawn({
        let store = store.clone();
        async move { prune_all(&*store, PrunePass::Logs, 1000, 5).await.len() }
    });
    let mut begun = 0;
    while !pruning.is_finished() {
        accepted(bench, &*store, "new", 100_000 + begun, 1).await;
        begun += 1;
    }
    assert_eq!(pruning.await.unwrap(), 80);
    assert!(begun > 0);
    assert_eq!(runs(&*store).await.len(), 20 + begun as usize);
}
