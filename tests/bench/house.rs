//! An engine on a store in a folder of its own, with a step that does nothing; shared by the benches of the engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use host_engine::clock::SystemClock;
use host_engine::{Engine, EngineParts, Pace, Runners, is_owner_alive, owner_id};
use host_model::fire::NewRun;
use host_model::job::Overlap;
use host_model::log::LogLevel;
use host_model::placement::Limits;
use host_model::port::{
    Access, Connectors, Secrets, SqlSession, StepContext, StepFailure, StepOutcome, StepRunner, Store,
};
use host_model::replica::Presence;
use host_model::{CancelToken, Instant, Job, JobId, JsonMap, RunId, Step, StepError, StepName, StepSpec};

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

/// A job of one step that does nothing.
pub(crate) fn job(id: &str) -> Job {
    let step = Step::new(StepName::new("s").expect("a name"), StepSpec::Python { callable: "a:b".into() });
    Job::new(JobId::new(id).expect("an id"), "bench", vec![step])
}

/// A store in `folder`.
pub(crate) async fn store(folder: &tempfile::TempDir) -> Arc<dyn Store> {
    host_store::open("sqlite:runs.db", folder.path()).await.expect("a store")
}

/// An engine with room for `room` runs at once.
pub(crate) async fn engine(store: &Arc<dyn Store>, jobs: Vec<Job>, room: u32, scheduler_enabled: bool) -> Engine {
    let jobs: BTreeMap<JobId, Arc<Job>> = jobs.into_iter().map(|job| (job.id.clone(), Arc::new(job))).collect();
    let presence = Presence {
        owner: owner_id(),
        role: "server".into(),
        labels: Vec::new(),
        url: None,
        version: "bench".into(),
        scheduler_enabled,
        room,
        started_at: Instant::UNIX_EPOCH,
    };
    let parts = EngineParts {
        store: store.clone(),
        clock: Arc::new(SystemClock),
        runners: Runners::new().with("python", Arc::new(Nothing)),
        connectors: Arc::new(Nothing),
        secrets: Arc::new(Nothing),
        env: Arc::new(|_| None),
        jobs: Arc::new(jobs),
        presence,
        pace: Pace::of("sqlite"),
        is_owner_alive,
        limits: Limits::new(),
        default_zone: chrono_tz::Tz::UTC,
    };
    Engine::start(parts).await.expect("an engine")
}

/// A run as the engine records it, for the bare transactions of a peer.
pub(crate) fn new_run(id: RunId, job: &str, at: Instant) -> NewRun {
    let owner = "bench/1/1";
    NewRun {
        id,
        job_id: JobId::new(job).expect("an id"),
        overlap: Overlap::Skip,
        depends_on: vec![],
        replay: None,
        as_of: None,
        triggered_by: "api".into(),
        slot: None,
        queued_at: at,
        owner: owner.into(),
        placement: format!("here:{owner}"),
        limits: vec![],
        definition: "{}".into(),
        lease: None,
        log_level: LogLevel::Info,
        params: JsonMap::new(),
        overrides: JsonMap::new(),
        steps: vec![(StepName::new("s").expect("a name"), "python")],
    }
}
