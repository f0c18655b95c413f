//! The bell that says that a run may be taken up. It may ring too often, so a check waits until it is quiet before it does
//! what has to ring.

use std::time::Duration;

use event_listener::EventListener;
use host_model::fire::{NewRun, Pause, Recorded, SlotOutcome, SlotRecord};
use host_model::job::Overlap;
use host_model::port::Store;
use host_model::transition::RunChange;
use tokio::time::timeout;

use super::{Bench, ME, at, claimer, slot, took};

async fn heard(listener: EventListener) -> bool {
    timeout(Duration::from_secs(10), listener).await.is_ok()
}

/// Waits until the bell has been silent for a moment, as it is not right after a connection was made.
async fn quiet(store: &dyn Store) {
    while timeout(Duration::from_millis(300), store.bell()).await.is_ok() {}
}

async fn fire(bench: &Bench, store: &dyn Store) {
    let new = NewRun { overlap: Overlap::Allow, ..bench.for_anybody("free") };
    assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
}

/// Fires until `far` hears of it or of its own new connection: both mean that it is connected.
async fn connected(bench: &Bench, near: &dyn Store, far: &dyn Store) {
    for _ in 0..100 {
        let listener = far.bell();
        fire(bench, near).await;
        if timeout(Duration::from_millis(200), listener).await.is_ok() {
            return quiet(far).await;
        }
    }
    panic!("nothing was heard");
}

pub(super) async fn a_fire_for_anybody_rings_here(bench: &Bench) {
    let store = bench.open().await;
    quiet(&*store).await;
    let (listener, second) = (store.bell(), store.bell());
    fire(bench, &*store).await;
    assert!(heard(listener).await && heard(second).await, "everybody hears it");
}

pub(super) async fn a_fire_for_anybody_rings_in_another_process(bench: &Bench) {
    let (near, far) = (bench.open().await, bench.open().await);
    if near.dialect() == "sqlite" {
        return; // Nothing carries a ring from one process to another there; they look once a second.
    }
    connected(bench, &*near, &*far).await;
    for _ in 0..5 {
        let listener = far.bell();
        fire(bench, &*near).await;
        assert!(heard(listener).await);
        quiet(&*far).await;
    }
    // Whoever rings last and leaves is heard all the same.
    let listener = far.bell();
    fire(bench, &*near).await;
    near.close().await;
    assert!(heard(listener).await);
}

pub(super) async fn a_run_given_back_rings(bench: &Bench) {
    let store = bench.open().await;
    let run = bench.running(&*store, "nightly").await;
    quiet(&*store).await;
    let listener = store.bell();
    took(&*store, &[RunChange::give_back(run.id, ME, at(1), "any", "lost".into()).into()]).await;
    assert!(heard(listener).await);
}

pub(super) async fn the_end_of_a_run_that_others_wait_for_rings(bench: &Bench) {
    let store = bench.open().await;
    let waits = NewRun { overlap: Overlap::Queue, ..bench.for_anybody("queue") };
    let limited = NewRun { limits: vec!["tag:etl".to_owned()], ..bench.for_anybody("limited") };
    for new in [&waits, &limited] {
        assert_eq!(store.record_fire(new).await.unwrap(), Recorded::Queued);
    }
    let claimed = store.claim_runs(&claimer(&*store, ME, 9).await).await.unwrap();
    assert_eq!(claimed.len(), 2);
    for claimed in claimed {
        quiet(&*store).await;
        let listener = store.bell();
        let end = RunChange::cancel(claimed.run.id, claimed.run.owner(), at(1), "x".into());
        took(&*store, &[end.into()]).await;
        assert!(heard(listener).await);
    }
}

pub(super) async fn a_bell_works_again_after_the_server_dropped_it(bench: &Bench) {
    let (near, far) = (bench.open().await, bench.open().await);
    if near.dialect() == "sqlite" {
        return; // There is no connection to drop.
    }
    for _ in 0..3 {
        connected(bench, &*near, &*far).await;
        let listener = far.bell();
        let drop_all = "select pg_terminate_backend(pid) from pg_stat_activity \
                        where datname = current_database() and application_name = 'nomaflow'";
        bench.execute(drop_all).await.unwrap();
        assert!(heard(listener).await, "what was missed meanwhile is not known, so it rings");
        connected(bench, &*near, &*far).await;
        let listener = far.bell();
        fire(bench, &*near).await;
        assert!(heard(listener).await);
    }
}

pub(super) async fn news_rings_in_other_processes_and_not_where_it_was_made(bench: &Bench) {
    let (near, far) = (bench.open().await, bench.open().await);
    if near.dialect() == "sqlite" {
        return; // There is one process.
    }
    connected(bench, &*near, &*far).await;
    while timeout(Duration::from_millis(300), far.news()).await.is_ok() {}
    for pause in [true, false] {
        let (here, there) = (near.news(), far.news());
        let pause = pause.then(|| Pause { by: "user:a".into(), at: at(1), reason: String::new() });
        assert!(near.set_pause(pause.as_ref()).await.unwrap());
        assert!(heard(there).await);
        assert!(timeout(Duration::from_millis(300), here).await.is_err(), "its own news is none");
    }
    // A burst is one piece of news, and what ends it is heard.
    for n in 0..50 {
        near.record_slot(&SlotRecord { slot: slot("nightly", n), ..missed() }).await.unwrap();
    }
    let listener = far.news();
    near.record_slot(&SlotRecord { slot: slot("nightly", 99), ..missed() }).await.unwrap();
    assert!(heard(listener).await);
}

fn missed() -> SlotRecord {
    let (outcome, reason) = (SlotOutcome::Missed, Some("nobody was there".to_owned()));
    SlotRecord { slot: slot("nightly", 0), outcome, reason, run_id: None, decided_at: at(1) }
}
