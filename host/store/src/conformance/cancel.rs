//! Marks of runs to be canceled.

use host_model::port::CancelMark;
use host_model::transition::RunChange;
use host_model::{RunId, RunStatus};

use super::{Bench, ME, at, get, took};

pub(super) async fn a_mark_is_found_by_the_owner_alone(bench: &Bench) {
    let store = bench.open().await;
    let queued = bench.queued(&*store, "a").await.id;
    let running = bench.running(&*store, "b").await.id;
    bench.running(&*store, "unmarked").await;
    assert_eq!(store.request_cancel(queued, "user:ann").await.unwrap(), CancelMark::Marked);
    assert_eq!(store.request_cancel(running, "cli:bob").await.unwrap(), CancelMark::Marked);
    let expected = [(queued, "user:ann".to_owned()), (running, "cli:bob".to_owned())];
    assert_eq!(store.list_cancel_marks(ME).await.unwrap(), expected);
    assert!(store.list_cancel_marks("somebody/else/0").await.unwrap().is_empty());
    let run = get(&*store, running).await;
    assert_eq!((run.status, run.cancel_requested_by.as_deref()), (RunStatus::Running, Some("cli:bob")));
    took(&*store, &[RunChange::cancel(running, ME, at(3), "x".into()).into()]).await;
    assert_eq!(store.list_cancel_marks(ME).await.unwrap(), expected[..1]);
}

pub(super) async fn the_first_to_cancel_is_named(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.running(&*store, "a").await.id;
    for by in ["user:ann", "user:bob"] {
        assert_eq!(store.request_cancel(id, by).await.unwrap(), CancelMark::Marked);
    }
    assert_eq!(get(&*store, id).await.cancel_requested_by.as_deref(), Some("user:ann"));
}

pub(super) async fn a_final_run_cannot_be_marked(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.running(&*store, "a").await.id;
    took(&*store, &[RunChange::succeed(id, ME, at(3)).into()]).await;
    let answer = store.request_cancel(id, "user:ann").await.unwrap();
    assert_eq!(answer, CancelMark::AlreadyFinal(RunStatus::Succeeded));
    assert_eq!(get(&*store, id).await.cancel_requested_by, None);
}

pub(super) async fn an_unknown_run_cannot_be_marked(bench: &Bench) {
    let store = bench.open().await;
    assert_eq!(store.request_cancel(RunId::from_parts(1, 1), "x").await.unwrap(), CancelMark::NotFound);
}
