//! A job with one step that does nothing, from the request to the final row in the store: the time of the house itself.
//! Beside it, in the same run, the bare transactions of such a run on the same kind of store, as the peer. Prints.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use host_engine::clock::SystemClock;
use host_engine::{Engine, EngineParts, FireRequest, Runners, is_owner_alive, owner_id};
use host_model::fire::NewRun;
use host_model::job::Overlap;
use host_model::log::{LogLevel, LogLine};
use host_model::port::{
    Access, Clock, Connectors, Secrets, SqlSession, StepContext, StepFailure, StepOutcome, StepRunner, Store,
};
use host_model::run::Trigger;
use host_model::transition::{AttemptKey, RunChange, StepChange};
use host_model::{CancelToken, Job, JobId, Json, JsonMap, RunId, Step, StepError, StepName, StepSpec};

struct Nothing;

#[async_trait]
impl StepRunner for Nothing {
    async fn run(&self, _: &StepSpec, _: &StepContext) -> Result<StepOutcome, StepFailure> {
        Ok(StepOutcome::default())
    }
}

#[async_trait]
impl Connectors for Nothing {
    async fn open(&self, name: &str, _: Access, _: &CancelToken) -> Result<Box<dyn SqlSession>, StepError> {
        Err(StepError::definition(name))
    }
}

impl Secrets for Nothing {
    fn find_secret(&self, _: &str) -> Option<String> {
        None
    }
}

fn job() -> Job {
    let step = Step::new(StepName::new("s").expect("a name"), StepSpec::Python { callable: "a:b".into() });
    Job::new(JobId::new("noop").expect("an id"), "bench", vec![step])
}

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
    let step = StepName::new("s").expect("a name");
    let new = NewRun {
        id,
        job_id: JobId::new("bare").expect("an id"),
        overlap: Overlap::Skip,
        depends_on: vec![],
        replay: None,
        triggered_by: "api".into(),
        slot: None,
        queued_at: at,
        owner: owner.into(),
        log_level: LogLevel::Info,
        params: JsonMap::new(),
        overrides: JsonMap::new(),
        steps: vec![(step.clone(), "python")],
    };
    store.record_fire(&new).await.expect("recorded");
    let key = AttemptKey { run_id: id, index: 0, attempt: 1, owner };
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
    let store = host_store::open("sqlite:runs.db", folder.path()).await.expect("a store");
    let jobs: BTreeMap<JobId, Arc<Job>> = [(job().id, Arc::new(job()))].into();
    let engine = Engine::start(EngineParts {
        store: store.clone(),
        clock: Arc::new(SystemClock),
        runners: Runners::new().with("python", Arc::new(Nothing)),
        connectors: Arc::new(Nothing),
        secrets: Arc::new(Nothing),
        env: Arc::new(|_| None),
        jobs: Arc::new(jobs),
        owner: owner_id(),
        is_owner_alive,
        default_zone: chrono_tz::Tz::UTC,
        max_concurrent_runs: 8,
        scheduler_enabled: false,
    })
    .await
    .expect("an engine");
    let (mut runs, mut peers) = (Vec::new(), Vec::new());
    for n in 0..rounds {
        let began = Instant::now();
        engine.fire(FireRequest::manual(job().id, Trigger::Api)).await.expect("fired");
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
