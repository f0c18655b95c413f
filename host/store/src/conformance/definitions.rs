//! What runs do, kept beside them.

use host_model::RunId;
use host_model::fire::{NewRun, Recorded};
use host_model::job::Overlap;
use host_model::port::{PrunePass, Store};
use host_model::transition::RunChange;

use super::{Bench, ME, at, definition, took};

const COUNT: &str = "select count(*) from ly2_job_definitions";
const HOUR: i64 = 3_600_000;

/// A run accepted at `at` that has ended.
async fn ended(bench: &Bench, store: &dyn Store, accepted: i64) -> RunId {
    let new = bench.new_run("nightly");
    let id =
        RunId::from_parts(at(accepted).timestamp_millis() as u64, (new.queued_at - at(0)).num_milliseconds() as u32);
    let new = NewRun { id, queued_at: at(accepted), ..new };
    assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    took(store, &[RunChange::cancel(id, ME, at(accepted), "x".into()).into()]).await;
    id
}

pub(super) async fn a_run_keeps_what_it_does(bench: &Bench) {
    let store = bench.open().await;
    let run = bench.queued(&*store, "nightly").await;
    assert_eq!(store.find_definition(run.id).await.unwrap(), Some(definition("nightly")));
    let skipped = bench.new_run("nightly");
    assert_eq!(store.record_fire(&skipped).await.unwrap(), Recorded::Skipped { active: run.id });
    assert_eq!(store.find_definition(skipped.id).await.unwrap(), None, "it does nothing");
    assert_eq!(store.find_definition(RunId::from_parts(1, 1)).await.unwrap(), None);
}

pub(super) async fn a_text_is_kept_once(bench: &Bench) {
    let stores = [bench.open().await, bench.open().await];
    for n in 0..4 {
        let new = NewRun { overlap: Overlap::Allow, ..bench.new_run("nightly") };
        stores[n % 2].record_fire(&new).await.unwrap();
    }
    assert_eq!(bench.number(COUNT).await, 1);
    let other = NewRun { overlap: Overlap::Allow, definition: "{}".into(), ..bench.new_run("nightly") };
    stores[0].record_fire(&other).await.unwrap();
    assert_eq!(bench.number(COUNT).await, 2);
    assert_eq!(stores[1].find_definition(other.id).await.unwrap().as_deref(), Some("{}"));
}

pub(super) async fn a_definition_is_marked_as_used_at_most_once_an_hour(bench: &Bench) {
    let store = bench.open().await;
    let used_at = |used| format!("{COUNT} where used_at = '{}'", crate::sql::render_at(at(used)));
    for (fired, used) in [(0, 0), (HOUR - 1, 0), (HOUR, HOUR), (HOUR + 1, HOUR), (2 * HOUR, 2 * HOUR)] {
        // A fresh handle remembers nothing, so it goes by the row.
        for store in [&store, &bench.open().await] {
            ended(bench, &**store, fired).await;
            assert_eq!(bench.number(&used_at(used)).await, 1, "{fired}");
        }
    }
}

pub(super) async fn a_definition_goes_with_the_last_run_that_does_it(bench: &Bench) {
    let store = bench.open().await;
    ended(bench, &*store, 0).await;
    ended(bench, &*store, 50).await;
    let prune = async |before| store.prune(PrunePass::Runs, at(before), 9).await.unwrap().run_rows;
    assert_eq!((prune(40).await, bench.number(COUNT).await), (1, 1), "another run does it");
    assert_eq!((prune(100).await, bench.number(COUNT).await), (1, 0));
    // Used after the cutoff, though by no run that is still there.
    ended(bench, &*store, 2 * HOUR).await;
    bench.execute("delete from ly2_job_runs").await.unwrap();
    assert_eq!((prune(2 * HOUR).await, bench.number(COUNT).await), (0, 1));
    assert_eq!((prune(2 * HOUR + 1).await, bench.number(COUNT).await), (0, 0));
}

pub(super) async fn a_fire_finds_that_its_definition_was_pruned(bench: &Bench) {
    let store = bench.open().await;
    ended(bench, &*store, 0).await;
    store.prune(PrunePass::Runs, at(100), 9).await.unwrap();
    assert_eq!(bench.number(COUNT).await, 0);
    // This handle has written the text down a moment ago.
    let run = ended(bench, &*store, 200).await;
    assert_eq!(store.find_definition(run).await.unwrap(), Some(definition("nightly")));
}
