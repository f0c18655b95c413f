//! Closing and opening again, and schemas that do not fit.

use host_model::JsonMap;
use host_model::fire::NewRun;
use host_model::port::StoreError;
use host_model::run::RunFilter;
use host_model::transition::{RunChange, StepChange};
use tokio::task::JoinSet;

use super::{Bench, ME, at, first_attempt, line, slot, started, took};
use crate::OpenError;

pub(super) async fn a_reopened_store_holds_everything(bench: &Bench) {
    let filter = RunFilter { limit: 99, ..RunFilter::default() };
    let store = bench.open().await;
    let new = NewRun { slot: Some(slot("nightly", 1)), ..bench.new_run("nightly") };
    store.record_fire(&new).await.unwrap();
    let end = StepChange::succeed(first_attempt(new.id, 0), at(2), JsonMap::new(), Some(1), None);
    took(&*store, &[RunChange::start(new.id, ME, at(1)).into(), started(new.id, 0), end.into()]).await;
    store.append_logs(&[line(new.id, 0, "kept")]).await.unwrap();
    let before = (
        store.list_runs(&filter).await.unwrap(),
        store.list_steps(new.id).await.unwrap(),
        store.list_logs(new.id, 0, 9).await.unwrap(),
        store.list_slots(&new.job_id, 9).await.unwrap(),
    );
    store.close().await;

    let store = bench.open().await;
    let after = (
        store.list_runs(&filter).await.unwrap(),
        store.list_steps(new.id).await.unwrap(),
        store.list_logs(new.id, 0, 9).await.unwrap(),
        store.list_slots(&new.job_id, 9).await.unwrap(),
    );
    assert_eq!(before, after);
    assert_eq!((after.0.len(), after.1.len(), after.2.len(), after.3.len()), (1, 2, 1, 1));
    took(&*store, &[RunChange::succeed(new.id, ME, at(9)).into()]).await;
}

pub(super) async fn starters_at_once_apply_the_schema_once(bench: &Bench) {
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (url, home) = (bench.url.clone(), bench.home.clone());
        tasks.spawn(async move { crate::open(&url, &home).await.unwrap() });
    }
    let stores = tasks.join_all().await;
    for (n, store) in stores.iter().enumerate() {
        bench.queued(&**store, &format!("job-{n}")).await;
    }
    for store in stores {
        store.close().await;
    }
}

async fn reopen_error(bench: &Bench) -> OpenError {
    match crate::open(&bench.url, &bench.home).await {
        Ok(_) => panic!("the store was opened"),
        Err(error) => error,
    }
}

pub(super) async fn a_newer_schema_is_refused(bench: &Bench) {
    bench.open().await.close().await;
    bench.execute("insert into ly2_migrations (version, name, checksum) values (9999, 'future', 'x')").await.unwrap();
    let error = reopen_error(bench).await;
    assert!(matches!(error, OpenError::Newer { found: 9999, .. }), "{error:?}");
    assert!(error.hint().is_some());
}

pub(super) async fn a_changed_migration_is_refused(bench: &Bench) {
    bench.open().await.close().await;
    bench.execute("update ly2_migrations set checksum = 'x' where version = 1").await.unwrap();
    let error = reopen_error(bench).await;
    assert!(matches!(error, OpenError::Changed { version: 1, .. }), "{error:?}");
}

pub(super) async fn a_closed_store_refuses_and_may_be_closed_again(bench: &Bench) {
    let store = bench.open().await;
    let new = bench.queued(&*store, "nightly").await;
    store.close().await;
    store.close().await;
    let write = store.apply(&[RunChange::start(new.id, ME, at(1)).into()]).await;
    assert!(matches!(write, Err(StoreError::Unavailable { operation: "apply a change", .. })), "{write:?}");
    assert!(matches!(store.find_run(new.id).await, Err(StoreError::Unavailable { .. })));
}
