//! The processes that share a store.

use host_model::replica::{Presence, Replica};
use host_model::transition::RunChange;

use super::{Bench, ME, at, presence, took};

pub(super) async fn a_process_is_known_from_its_first_sign_of_life(bench: &Bench) {
    let store = bench.open().await;
    assert!(store.list_replicas().await.unwrap().is_empty());
    let other = Presence {
        role: "worker".to_owned(),
        labels: vec!["big".to_owned(), "a \"b\"".to_owned()],
        url: Some("http://127.0.0.1:8000".to_owned()),
        scheduler_enabled: false,
        room: 3,
        started_at: at(-5),
        ..presence("host/0/9")
    };
    assert!(!store.beat(&presence(ME), at(1)).await.unwrap(), "it is new");
    assert!(!store.beat(&other, at(2)).await.unwrap());
    assert!(bench.open().await.beat(&presence(ME), at(3)).await.unwrap());
    let changed = Presence { room: 1, ..presence(ME) };
    assert!(store.beat(&changed, at(4)).await.unwrap());
    let expected =
        [Replica { presence: other, beat: 1, seen_at: at(2) }, Replica { presence: changed, beat: 3, seen_at: at(4) }];
    assert_eq!(store.list_replicas().await.unwrap(), expected);
}

pub(super) async fn a_process_is_forgotten_only_if_it_gave_no_sign_since(bench: &Bench) {
    let store = bench.open().await;
    for n in 0..3 {
        store.beat(&presence(ME), at(n)).await.unwrap();
    }
    assert!(!store.forget_replica(ME, Some(2)).await.unwrap());
    assert!(!store.forget_replica("host/9/9", None).await.unwrap());
    assert_eq!(store.list_replicas().await.unwrap()[0].beat, 3);
    assert!(store.forget_replica(ME, Some(3)).await.unwrap());
    assert!(!store.forget_replica(ME, Some(3)).await.unwrap());
    assert!(!store.beat(&presence(ME), at(9)).await.unwrap(), "it has to introduce itself again");
    assert_eq!(store.list_replicas().await.unwrap()[0].beat, 1);
    assert!(store.forget_replica(ME, None).await.unwrap());
}

pub(super) async fn owners_are_listed_once_and_nobody_is_not_among_them(bench: &Bench) {
    let store = bench.open().await;
    assert!(store.list_owners().await.unwrap().is_empty());
    let done = bench.running(&*store, "done").await;
    bench.queued(&*store, "a").await;
    store.record_fire(&bench.for_anybody("b")).await.unwrap();
    let mut other = bench.new_run("c");
    other.owner = "host/0/0".to_owned();
    store.record_fire(&other).await.unwrap();
    assert_eq!(store.list_owners().await.unwrap(), ["host/0/0", ME]);
    took(&*store, &[RunChange::cancel(other.id, "host/0/0", at(1), "x".into()).into()]).await;
    took(&*store, &[RunChange::succeed(done.id, ME, at(1)).into()]).await;
    assert_eq!(store.list_owners().await.unwrap(), [ME]);
}
