//! The lease on the right to fire schedules.

use std::sync::Arc;

use host_model::fire::Pause;
use host_model::port::Store;
use host_model::replica::{Held, Lease};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::{Bench, ME, at};

const OTHER: &str = "host/2/0";

fn held(holder: &str, term: u64) -> Held {
    Held { holder: holder.to_owned(), term }
}

pub(super) async fn a_lease_is_taken_kept_and_given_back(bench: &Bench) {
    let store = bench.open().await;
    assert_eq!(store.find_lease().await.unwrap(), None);
    assert!(!store.keep_lease(&held(ME, 1), at(1)).await.unwrap());
    assert_eq!(store.take_lease(ME, None, at(1)).await.unwrap(), Some(1));
    assert_eq!(store.take_lease(OTHER, None, at(2)).await.unwrap(), None);
    assert!(store.keep_lease(&held(ME, 1), at(3)).await.unwrap());
    for wrong in [held(ME, 2), held(OTHER, 1)] {
        assert!(!store.keep_lease(&wrong, at(4)).await.unwrap() && !store.release_lease(&wrong).await.unwrap());
    }
    let expected = Lease { holder: ME.to_owned(), term: 1, beat: 2, seen_at: at(3) };
    assert_eq!(store.find_lease().await.unwrap(), Some(expected));
    assert!(store.release_lease(&held(ME, 1)).await.unwrap());
    assert!(!store.release_lease(&held(ME, 1)).await.unwrap() && !store.keep_lease(&held(ME, 1), at(5)).await.unwrap());
    assert_eq!(store.take_lease(OTHER, None, at(6)).await.unwrap(), Some(2));
    let expected = Lease { holder: OTHER.to_owned(), term: 2, beat: 1, seen_at: at(6) };
    assert_eq!(store.find_lease().await.unwrap(), Some(expected));
}

pub(super) async fn a_lease_is_taken_over_only_from_a_holder_that_gives_no_sign(bench: &Bench) {
    let store = bench.open().await;
    store.take_lease(ME, None, at(1)).await.unwrap();
    let seen = store.find_lease().await.unwrap().unwrap();
    assert!(store.keep_lease(&held(ME, 1), at(2)).await.unwrap());
    assert_eq!(store.take_lease(OTHER, Some(&seen), at(3)).await.unwrap(), None, "it has given one since");
    let seen = store.find_lease().await.unwrap().unwrap();
    assert_eq!(store.take_lease(OTHER, Some(&seen), at(4)).await.unwrap(), Some(2));
    assert_eq!(store.take_lease("host/3/0", Some(&seen), at(5)).await.unwrap(), None, "the term has changed");
    assert!(!store.keep_lease(&held(ME, 1), at(6)).await.unwrap());
    assert!(store.keep_lease(&held(OTHER, 2), at(7)).await.unwrap());
}

/// How often the lease is taken when sixteen want it at the same moment.
async fn race(stores: &[Arc<dyn Store>], seen: Option<Lease>) -> Vec<u64> {
    let barrier = Arc::new(Barrier::new(16));
    let mut tasks = JoinSet::new();
    for n in 0..16 {
        let (store, barrier, seen) = (Arc::clone(&stores[n % stores.len()]), Arc::clone(&barrier), seen.clone());
        tasks.spawn(async move {
            barrier.wait().await;
            store.take_lease(&format!("host/{n}/0"), seen.as_ref(), at(1)).await.unwrap()
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

pub(super) async fn one_of_many_takes_the_lease(bench: &Bench) {
    let stores = [bench.open().await, bench.open().await, bench.open().await];
    assert_eq!(race(&stores, None).await, [1]);
    for term in 2..8 {
        let seen = stores[0].find_lease().await.unwrap();
        assert_eq!(race(&stores, seen).await, [term]);
        assert!(race(&stores, None).await.is_empty());
    }
    let last = stores[0].find_lease().await.unwrap().unwrap();
    assert!(stores[1].release_lease(&held(&last.holder, 7)).await.unwrap());
    assert_eq!(race(&stores, None).await, [8]);
}

pub(super) async fn a_pause_and_the_lease_leave_each_other_alone(bench: &Bench) {
    let store = bench.open().await;
    let pause = Pause { by: "user:ann".to_owned(), at: at(1), reason: "moving".to_owned() };
    assert!(store.set_pause(Some(&pause)).await.unwrap());
    let free = store.find_lease().await.unwrap().unwrap();
    assert_eq!((free.holder.as_str(), free.term), ("", 1));
    assert_eq!(store.take_lease(ME, None, at(2)).await.unwrap(), Some(2));
    assert!(store.keep_lease(&held(ME, 2), at(3)).await.unwrap());
    assert_eq!(store.find_pause().await.unwrap(), Some(pause.clone()));
    assert!(store.set_pause(None).await.unwrap() && store.set_pause(Some(&pause)).await.unwrap());
    let seen = store.find_lease().await.unwrap().unwrap();
    assert_eq!((seen.holder.as_str(), seen.term, seen.beat), (ME, 2, 2));
    assert_eq!(store.take_lease(OTHER, Some(&seen), at(4)).await.unwrap(), Some(3));
    assert!(store.release_lease(&held(OTHER, 3)).await.unwrap());
    assert_eq!(store.find_pause().await.unwrap(), Some(pause));
}
