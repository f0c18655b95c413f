//! Marks of runs to be canceled.

use host_model::port::{CancelMark, Store};
use host_model::transition::RunChange;
use host_model::{RunId, RunStatus};

use super::{Bench, ME, at, get, took};

/// Runs and who wants them canceled.
pub(super) async fn marks(store: &dyn Store, owner: &str) -> Vec<(RunId, String)> {
    let runs = store.list_cancel_marks(owner).await.unwrap();
    runs.into_iter().map(|run| (run.id, run.cancel_requested_by.unwrap())).collect()
}

pub(super) async fn a_mark_is_found_by_the_owner_alone(bench: &Bench) {
    let store = bench.open().await;
    let queued = bench.queued(&*store, "a").await.id;
    let running = bench.running(&*store, "b").await.id;
    bench.running(&*store, "unmarked").await;
    assert_eq!(store.request_cancel(queued, "user:ann", at(1)).await.unwrap(), CancelMark::Marked);
    assert_eq!(store.request_cancel(running, "cli:bob", at(2)).await.unwrap(), CancelMark::Marked);
    assert_eq!(marks(&*store, ME).await, [(queued, "user:ann".to_owned()), (running, "cli:bob".to_owned())]);
    assert!(store.list_cancel_marks("somebody/else/0").await.unwrap().is_empty());
    let run = get(&*store, running).await;
    assert_eq!((run.status, run.cancel_requested_by.as_deref()), (RunStatus::Running, Some("cli:bob")));
    assert_eq!(run.cancel_requested_at, Some(at(2)));
    took(&*store, &[RunChange::cancel(running, ME, at(3), "x".into()).into()]).await;
    assert_eq!(marks(&*store, ME).await, [(queued, "user:ann".to_owned())]);
}

pub(super) async fn a_mark_of_a_run_that_nobody_has_is_found_by_everybody(bench: &Bench) {
    let store = bench.open().await;
    let waiting = bench.for_anybody("a");
    store.record_fire(&waiting).await.unwrap();
    let mine = bench.queued(&*store, "b").await.id;
    for run in [waiting.id, mine] {
        assert_eq!(store.request_cancel(run, "user:ann", at(1)).await.unwrap(), CancelMark::Marked);
    }
    let by_ann = |run| (run, "user:ann".to_owned());
    assert_eq!(marks(&*store, ME).await, [by_ann(waiting.id), by_ann(mine)]);
    assert_eq!(marks(&*store, "somebody/else/0").await, [by_ann(waiting.id)]);
    let found = store.list_cancel_marks("somebody/else/0").await.unwrap().remove(0);
    took(&*store, &[RunChange::cancel(found.id, found.owner(), at(3), "canceled".into()).into()]).await;
    assert_eq!(get(&*store, waiting.id).await.status, RunStatus::Canceled);
    assert!(marks(&*store, "somebody/else/0").await.is_empty());
}

pub(super) async fn the_first_to_cancel_is_named(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.running(&*store, "a").await.id;
    for (by, when) in [("user:ann", at(1)), ("user:bob", at(2))] {
        assert_eq!(store.request_cancel(id, by, when).await.unwrap(), CancelMark::Marked);
    }
    let run = get(&*store, id).await;
    assert_eq!((run.cancel_requested_by.as_deref(), run.cancel_requested_at), (Some("user:ann"), Some(at(1))));
    // The mark stays when the run is over.
    took(&*store, &[RunChange::cancel(id, ME, at(3), "x".into()).into()]).await;
    assert_eq!(get(&*store, id).await.cancel_requested_at, Some(at(1)));
}

/// As while an older version of the program works on the same store.
pub(super) async fn a_mark_without_a_time_keeps_who_asked_and_gets_none(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.running(&*store, "a").await.id;
    bench.execute("update ly2_job_runs set cancel_requested_by = 'user:ann'").await.unwrap();
    assert_eq!(store.request_cancel(id, "user:bob", at(2)).await.unwrap(), CancelMark::Marked);
    let run = get(&*store, id).await;
    assert_eq!((run.cancel_requested_by.as_deref(), run.cancel_requested_at), (Some("user:ann"), None));
}

pub(super) async fn a_final_run_cannot_be_marked(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.running(&*store, "a").await.id;
    took(&*store, &[RunChange::succeed(id, ME, at(3)).into()]).await;
    let answer = store.request_cancel(id, "user:ann", at(4)).await.unwrap();
    assert_eq!(answer, CancelMark::AlreadyFinal(RunStatus::Succeeded));
    let run = get(&*store, id).await;
    assert_eq!((run.cancel_requested_by, run.cancel_requested_at), (None, None));
}

pub(super) async fn an_unknown_run_cannot_be_marked(bench: &Bench) {
    let store = bench.open().await;
    assert_eq!(store.request_cancel(RunId::from_parts(1, 1), "x", at(1)).await.unwrap(), CancelMark::NotFound);
}
