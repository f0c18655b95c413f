//! Keys of requests.

use std::sync::Arc;

use host_model::RunId;
use host_model::idempotency::{IdempotencyKeys, KeptAnswer, KeyState, KeyedRequest};

use super::{Bench, at};

impl Bench {
    async fn open_keys(&self) -> Arc<dyn IdempotencyKeys> {
        crate::open_roles(&self.url, &self.home).await.unwrap().idempotency
    }
}

fn request(caller: &str, key: &str, run: u64) -> KeyedRequest {
    KeyedRequest {
        caller: caller.to_owned(),
        key: key.to_owned(),
        request: format!("digest {run}"),
        run: RunId::from_parts(run, 0),
        owner: "host/1/1".to_owned(),
        at: at(run as i64),
    }
}

fn known(request: &KeyedRequest, answer: Option<&KeptAnswer>) -> KeyState {
    KeyState::Known {
        request: request.request.clone(),
        run: request.run,
        owner: request.owner.clone(),
        answer: answer.cloned(),
    }
}

pub(super) async fn a_key_stands_for_its_first_request_until_it_expires(bench: &Bench) {
    let keys = bench.open_keys().await;
    let (first, later) = (request("ann", "k", 1), request("ann", "k", 2));
    assert_eq!(keys.reserve_key(&first, at(0)).await.unwrap(), KeyState::New);
    assert_eq!(keys.reserve_key(&later, at(0)).await.unwrap(), known(&first, None));
    assert_eq!(keys.reserve_key(&request("bob", "k", 3), at(0)).await.unwrap(), KeyState::New);
    let answer = KeptAnswer { status: 202, body: "{}".to_owned() };
    keys.answer_key(&first, &answer).await.unwrap();
    // The first answer stays.
    keys.answer_key(&first, &KeptAnswer { status: 409, body: "no".to_owned() }).await.unwrap();
    keys.release_key(&first).await.unwrap();
    assert_eq!(bench.open_keys().await.reserve_key(&later, at(0)).await.unwrap(), known(&first, Some(&answer)));
    assert_eq!(keys.reserve_key(&later, at(2)).await.unwrap(), KeyState::New);
}

pub(super) async fn a_key_goes_on_with_one_process_only(bench: &Bench) {
    let keys = bench.open_keys().await;
    let first = request("ann", "k", 1);
    keys.reserve_key(&first, at(0)).await.unwrap();
    let other = |owner: &str| KeyedRequest { owner: owner.to_owned(), ..first.clone() };
    assert!(keys.take_key_over(&other("host/2/2"), "host/1/1").await.unwrap());
    assert!(!keys.take_key_over(&other("host/3/3"), "host/1/1").await.unwrap());
    keys.answer_key(&first, &KeptAnswer { status: 202, body: "{}".to_owned() }).await.unwrap();
    assert!(!keys.take_key_over(&other("host/4/4"), "host/2/2").await.unwrap());
    let fresh = request("ann", "other", 5);
    keys.reserve_key(&fresh, at(0)).await.unwrap();
    keys.release_key(&fresh).await.unwrap();
    assert_eq!(keys.reserve_key(&fresh, at(0)).await.unwrap(), KeyState::New);
}

pub(super) async fn one_of_many_gets_a_key(bench: &Bench) {
    let keys = bench.open_keys().await;
    let mut asking = tokio::task::JoinSet::new();
    for n in 1..=8 {
        let keys = keys.clone();
        asking.spawn(async move { keys.reserve_key(&request("ann", "k", n), at(0)).await.unwrap() });
    }
    let states = asking.join_all().await;
    assert_eq!(states.iter().filter(|state| **state == KeyState::New).count(), 1, "{states:?}");
}
