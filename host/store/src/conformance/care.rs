//! What the port's `StoreCare` tells: sizes, growth, what retention would remove, when schedules fired, how busy it was.

use std::sync::Arc;

use chrono::TimeDelta;
use host_model::RunId;
use host_model::care::{FireTime, LoadSlot, PruneEstimate, StoreCare};
use host_model::fire::{NewRun, Recorded};
use host_model::job::Overlap;
use host_model::log::LogLine;
use host_model::port::{PrunePass, Pruned, Store};
use host_model::transition::RunChange;

use super::{Bench, ME, at, line, slot, took};

impl Bench {
    async fn open_care(&self) -> (Arc<dyn Store>, Arc<dyn StoreCare>) {
        let roles = crate::open_roles(&self.url, &self.home).await.unwrap();
        (roles.store, roles.care)
    }

    /// A run that is queued at a time of its own.
    async fn queued_at(&self, store: &dyn Store, job: &str, millis: i64) -> RunId {
        let template = self.new_run(job);
        let low = u32::try_from((template.queued_at - at(0)).num_milliseconds()).unwrap();
        let id = RunId::from_parts(at(millis).timestamp_millis() as u64, low);
        let new = NewRun { id, queued_at: at(millis), overlap: Overlap::Allow, ..template };
        assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
        id
    }

    async fn ran(&self, store: &dyn Store, job: &str, [queued, started, finished]: [i64; 3]) -> RunId {
        let id = self.queued_at(store, job, queued).await;
        let end = RunChange::succeed(id, ME, at(finished));
        took(store, &[RunChange::start(id, ME, at(started)).into(), end.into()]).await;
        id
    }
}

const DAY: i64 = 86_400_000;

pub(super) async fn tables_are_measured_with_their_growth(bench: &Bench) {
    let (store, care) = bench.open_care().await;
    for n in 0..3 {
        let id = bench.ran(&*store, "daily", [n * 10, n * 10 + 1, n * 10 + 2]).await;
        store.append_logs(&(0..5).map(|seq| line(id, seq, "x")).collect::<Vec<_>>()).await.unwrap();
    }
    bench.ran(&*store, "daily", [-DAY, 1 - DAY, 2 - DAY]).await;
    let sizes = care.table_sizes(at(0), at(2 * DAY)).await.unwrap();
    let of = |name: &str| sizes.iter().find(|size| size.name == name).unwrap_or_else(|| panic!("no {name}: {sizes:?}"));
    let told = |name: &str| (of(name).rows, of(name).rows_per_day);
    assert_eq!(told("ly2_job_runs"), (4, Some(1.5)), "those of the last two days, divided by them");
    assert_eq!(told("ly2_step_runs"), (8, Some(3.0)));
    assert_eq!(told("ly2_job_logs"), (15, Some(7.5)));
    assert_eq!(told("ly2_slots"), (0, Some(0.0)));
    assert_eq!(of("ly2_migrations").rows_per_day, None, "it does not grow with time");
    assert!(sizes.iter().all(|size| size.name.starts_with("ly2_")), "{sizes:?}");
    let bytes: Vec<u64> = sizes.iter().map(|size| size.bytes.unwrap()).collect();
    assert!(bytes.is_sorted_by(|a, b| a >= b) && of("ly2_job_runs").bytes > Some(0), "{sizes:?}");
}

pub(super) async fn an_estimate_is_what_a_pass_then_removes(bench: &Bench) {
    let (store, care) = bench.open_care().await;
    for n in 0..4 {
        let id = bench.ran(&*store, "old", [n, n + 1, n + 2]).await;
        store.append_logs(&(0..=n as u64).map(|seq| line(id, seq, "x")).collect::<Vec<_>>()).await.unwrap();
    }
    // Neither one that ended after the cutoff nor one that has not ended goes.
    bench.ran(&*store, "long", [0, 1, 5000]).await;
    let waits = bench.queued_at(&*store, "waits", 1).await;
    store.append_logs(&[line(waits, 0, "x")]).await.unwrap();
    for due in [1, 2, 3, 5000] {
        let new = NewRun { slot: Some(slot("daily", due)), overlap: Overlap::Allow, ..bench.new_run("daily") };
        assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    }
    assert_eq!(care.estimate_prune(at(0)).await.unwrap(), PruneEstimate::default());
    let estimate = care.estimate_prune(at(1000)).await.unwrap();
    assert_eq!(estimate, PruneEstimate { run_rows: 4, step_rows: 8, log_rows: 10, slot_rows: 3 });
    let mut removed = Pruned::default();
    for pass in [PrunePass::Logs, PrunePass::Runs, PrunePass::Slots] {
        loop {
            let batch = store.prune(pass, at(1000), 100).await.unwrap();
            if batch == Pruned::default() {
                break;
            }
            removed += batch;
        }
    }
    let removed = [removed.run_rows, removed.step_rows, removed.log_rows, removed.slot_rows];
    assert_eq!(removed, [estimate.run_rows, estimate.step_rows, estimate.log_rows, estimate.slot_rows]);
    assert_eq!(care.estimate_prune(at(1000)).await.unwrap(), PruneEstimate::default());
}

pub(super) async fn fires_of_schedules_are_told_by_their_times(bench: &Bench) {
    let (store, care) = bench.open_care().await;
    let mut fired = Vec::new();
    for n in 0..3 {
        let new = NewRun { slot: Some(slot("daily", n * 100)), overlap: Overlap::Allow, ..bench.new_run("daily") };
        assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
        fired.push((new.id, new.queued_at, at(n * 100)));
    }
    // By hand, and skipped: neither says how accurately schedules fire.
    let by_hand = NewRun { triggered_by: "api".to_owned(), ..bench.new_run("other") };
    store.record_fire(&by_hand).await.unwrap();
    let skipped = NewRun { slot: Some(slot("other", 900)), ..bench.new_run("other") };
    assert!(matches!(store.record_fire(&skipped).await.unwrap(), Recorded::Skipped { .. }));
    took(&*store, &[RunChange::start(fired[2].0, ME, at(205)).into()]).await;
    let expected: Vec<FireTime> = fired
        .iter()
        .rev()
        .map(|(id, queued_at, due_at)| FireTime {
            run_id: *id,
            job_id: super::job_id("daily"),
            schedule: "default".to_owned(),
            due_at: *due_at,
            queued_at: *queued_at,
            started_at: (*id == fired[2].0).then(|| at(205)),
        })
        .collect();
    assert_eq!(care.fire_times(at(-1), at(DAY), 10).await.unwrap(), expected);
    assert_eq!(care.fire_times(at(-1), at(DAY), 1).await.unwrap(), expected[..1], "the newest");
    assert!(care.fire_times(at(DAY), at(2 * DAY), 10).await.unwrap().is_empty());
}

/// Ten seconds each, from `at(0)`, which is the beginning of one.
async fn load(care: &dyn StoreCare, to: i64) -> Vec<[u64; 3]> {
    let slots = care.load(at(0), at(to), 10).await.unwrap();
    let first = at(0).timestamp() / 10;
    let numbers: Vec<i64> = slots.iter().map(|slot| slot.slot - first).collect();
    assert_eq!(numbers, (0..=to / 10_000).collect::<Vec<_>>(), "without a gap");
    slots.into_iter().map(|LoadSlot { running, queued, lines, .. }| [running, queued, lines]).collect()
}

pub(super) async fn how_busy_it_was_is_counted_from_runs_and_lines(bench: &Bench) {
    let (store, care) = bench.open_care().await;
    assert_eq!(load(&*care, 15_000).await, [[0, 0, 0]; 2]);
    let first = bench.ran(&*store, "a", [0, 5_000, 25_000]).await;
    bench.ran(&*store, "b", [1_000, 6_000, 8_000]).await;
    // Begins at the instant at which the first ends: the two were never beside each other.
    let third = bench.queued_at(&*store, "c", 12_000).await;
    took(&*store, &[RunChange::start(third, ME, at(25_000)).into()]).await;
    let canceled = bench.queued_at(&*store, "d", 13_000).await;
    took(&*store, &[RunChange::cancel(canceled, ME, at(14_000), "x".to_owned()).into()]).await;
    let active = bench.queued(&*store, "e").await;
    took(&*store, &[RunChange::start(active.id, ME, at(41_000)).into()]).await;
    assert_eq!(store.record_fire(&bench.new_run("e")).await.unwrap(), Recorded::Skipped { active: active.id });
    store.append_logs(&(0..40).map(|seq| line(first, seq, "x")).collect::<Vec<_>>()).await.unwrap();
    store.append_logs(&[LogLine { at: at(21_000), ..line(first, 40, "x") }]).await.unwrap();
    let expected = [[2, 3, 40], [1, 3, 0], [1, 2, 1], [1, 1, 0], [2, 1, 0]];
    assert_eq!(load(&*care, 49_000).await, expected, "running, waiting, lines");
    // One that is under way since long ago counts; one that ended then does not.
    let ago = -(TimeDelta::days(10).num_milliseconds());
    let old = bench.queued_at(&*store, "old", ago).await;
    took(&*store, &[RunChange::start(old, ME, at(ago + 1)).into()]).await;
    bench.ran(&*store, "gone", [-60_000, -50_000, -40_000]).await;
    let one_more = expected.map(|[running, queued, lines]| [running + 1, queued, lines]);
    assert_eq!(load(&*care, 49_000).await, one_more);
}

pub(super) async fn a_store_tells_how_its_connections_are_used(bench: &Bench) {
    let (store, care) = bench.open_care().await;
    store.ping().await.unwrap();
    let pools = care.pools();
    assert!(!pools.is_empty());
    for pool in &pools {
        assert!(pool.most >= 1 && pool.open >= pool.idle && pool.waiting == 0, "{pools:?}");
    }
}
