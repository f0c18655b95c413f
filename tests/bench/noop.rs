//! A job with one step that does nothing, from the request to the final row in the store: the time of the house itself.
//! Beside it, in the same run, the bare transactions of such a run on the same kind of store, as the peer. Prints.

use std::time::{Duration, Instant};

use host_engine::FireRequest;
use host_engine::clock::SystemClock;
use host_model::log::{LogLevel, LogLine};
use host_model::port::{Clock, Store};
use host_model::run::Trigger;
use host_model::transition::{AttemptKey, RunChange, StepChange};
use host_model::{Json, JsonMap, RunId};

#[path = "house.rs"]
mod house;

fn print(what: &str, times: &mut [Duration]) -> Duration {
    times.sort();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    println!("{what}: p50 {:?}, p99 {:?}, {} runs", at(50), at(99), times.len());
    at(50)
}

/// The four transactions that the engine's run makes, and nothing else.
async fn bare(store: &dyn Store, n: u64) {
    let (owner, at) = ("bench/1/1", SystemClock.now());
    let id = RunId::from_parts(1_000_000 + n, 0);
    let new = house::new_run(id, "bare", at);
    store.record_fire(&new).await.expect("recorded");
    let key = AttemptKey { run_id: id, index: 0, attempt: 1, owner: owner.into() };
    let begin = [RunChange::start(id, owner, at).into(), StepChange::start(key, at, Json::Null).into()];
    store.apply(&begin).await.expect("begun");
    let line = |seq| LogLine {
        run_id: id,
        seq,
        at,
        level: LogLevel::Info,
        step: None,
        attempt: 0,
        message: "a line of the log".into(),
    };
    store.append_logs(&[line(0), line(1), line(2), line(3)]).await.expect("logged");
    let end =
        [StepChange::succeed(key, at, JsonMap::new(), None, None).into(), RunChange::succeed(id, owner, at).into()];
    store.apply(&end).await.expect("ended");
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let rounds = std::env::var("NOMAFLOW_BENCH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(2000);
    let folder = tempfile::tempdir().expect("a folder");
    let store = house::store(&folder).await;
    let job = house::job("noop");
    let engine = house::engine(&store, vec![job.clone()], 8, false).await;
    let (mut runs, mut peers) = (Vec::new(), Vec::new());
    for n in 0..rounds {
        let began = Instant::now();
        engine.fire(FireRequest::manual(job.id.clone(), Trigger::Api)).await.expect("fired");
        engine.wait_idle().await;
        runs.push(began.elapsed());
        let began = Instant::now();
        bare(&*store, n).await;
        peers.push(began.elapsed());
    }
    let run = print("no-op run, request to final row", &mut runs);
    let peer = print("its four bare transactions    ", &mut peers);
    println!("ratio of the medians: {:.2}", run.as_secs_f64() / peer.as_secs_f64());
}
