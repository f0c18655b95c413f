//! The engine on a real SQLite store, with a runner whose behaviour is written into the step.

mod calls;
mod faults;
mod late;
mod overlap;
mod prune;
mod replay;
mod replicas;
mod runs;
mod schedules;
mod stops;
mod trouble;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use host_model::fire::NewRun;
use host_model::job::{CatchUp, JobSchedule, Overlap, Overrides};
use host_model::log::LogLevel;
use host_model::placement::Limits;
use host_model::port::{
    Access, Connectors, Secrets, SqlSession, StepContext, StepFailure, StepOutcome, StepRunner, Store,
};
use host_model::replica::Presence;
use host_model::retry::{Backoff, RetryPolicy};
use host_model::run::{Run, StepRun, Trigger};
use host_model::schedule::{Every, ScheduleKind, ScheduleSpec};
use host_model::{CancelToken, Job, JobId, Json, JsonMap, RunId, Step, StepError, StepErrorKind, StepName, StepSpec};
use serde_json::json;

use crate::clock::SystemClock;
use crate::{Engine, EngineParts, FireRequest, Jobs, Pace, Runners, is_owner_alive, owner_id};

/// Does what the callable's name says: `echo`, `nap`, `fail`, `fail-first:N`, `busy`, `wrong`, `hang`, `hang-once` (the first attempt),
/// `deaf`, `panic`, `ghost`, `lines:N`.
#[derive(Default)]
struct Scripted {
    calls: AtomicU32,
}

#[async_trait]
impl StepRunner for Scripted {
    async fn run(&self, spec: &StepSpec, ctx: &StepContext) -> Result<StepOutcome, StepFailure> {
        let StepSpec::Python { callable } = spec else { return Err(StepError::definition("not scripted").into()) };
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let (word, number) = callable.split_once(':').unwrap_or((callable, "0"));
        let number: u32 = number.parse().unwrap_or(0);
        match word {
            "echo" => {}
            "fail" => return Err(StepError::remote("no route to host").into()),
            "busy" => {
                let mut error = StepError::remote("too many requests");
                error.retry_after = Some(Duration::from_secs(3600));
                return Err(error.into());
            }
            "fail-first" if call <= number => return Err(StepError::remote(format!("failure {call}")).into()),
            "fail-first" => {}
            "wrong" => return Err(StepError::definition("no such thing").into()),
            "nap" => tokio::time::sleep(Duration::from_millis(150)).await,
            "hang-once" if ctx.attempt > 1 => {}
            "hang" | "hang-once" => {
                ctx.info("hanging").await;
                ctx.cancel.canceled().await;
                return Err(StepError::new(StepErrorKind::Canceled, "heard it").into());
            }
            "deaf" => std::future::pending().await,
            "panic" => panic!("boom"),
            "ghost" => {
                let ghost = ctx.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    ghost.info("boo").await;
                    ghost.voice.progress(99, None, "boo");
                });
            }
            "lines" => {
                for n in 0..number {
                    ctx.info(format!("line {n}")).await;
                }
            }
            other => return Err(StepError::definition(format!("unknown script `{other}`")).into()),
        }
        ctx.voice.progress(1, Some(1), "");
        Ok(StepOutcome { output: ctx.params.clone(), rows_affected: Some(2), usage: None })
    }
}

struct NoConnectors;

#[async_trait]
impl Connectors for NoConnectors {
    async fn open(&self, name: &str, _: Access, _: &CancelToken) -> Result<Box<dyn SqlSession>, StepError> {
        Err(StepError::definition(format!("there is no connector `{name}`")))
    }
}

struct OneSecret;

impl Secrets for OneSecret {
    fn find_secret(&self, name: &str) -> Option<String> {
        (name == "pw").then(|| "s3cret".to_owned())
    }
}

/// An engine in a folder of its own.
struct Bench {
    engine: Engine,
    store: Arc<dyn Store>,
    folder: tempfile::TempDir,
}

fn map(json: Json) -> JsonMap {
    json.as_object().cloned().unwrap()
}

fn name(text: &str) -> StepName {
    StepName::new(text).unwrap()
}

pub(crate) fn step(step: &str, script: &str) -> Step {
    Step { timeout_seconds: 60, ..Step::new(name(step), StepSpec::Python { callable: script.to_owned() }) }
}

pub(crate) fn job(id: &str, steps: Vec<Step>) -> Job {
    Job::new(JobId::new(id).unwrap(), "test", steps)
}

/// A schedule named `default`, in UTC.
pub(crate) fn every(text: &str) -> JobSchedule {
    JobSchedule {
        name: "default".into(),
        text: text.into(),
        spec: ScheduleSpec::new(ScheduleKind::Every(Every::parse(text).unwrap()), chrono_tz::Tz::UTC),
        enabled: true,
        jitter_seconds: 0,
        placement: None,
        overrides: Overrides::default(),
    }
}

pub(crate) fn jobs_of(jobs: Vec<Job>) -> Jobs {
    let jobs: BTreeMap<JobId, Arc<Job>> = jobs.into_iter().map(|j| (j.id.clone(), Arc::new(j))).collect();
    Arc::new(jobs)
}

fn parts(store: Arc<dyn Store>, jobs: Vec<Job>) -> EngineParts {
    EngineParts {
        store,
        clock: Arc::new(SystemClock),
        runners: Runners::new().with("python", Arc::new(Scripted::default())),
        connectors: Arc::new(NoConnectors),
        secrets: Arc::new(OneSecret),
        env: Arc::new(|name| (name == "CITY").then(|| "Lyon".to_owned())),
        jobs: jobs_of(jobs),
        presence: presence(8, false),
        pace: Pace {
            beat: Duration::from_millis(200),
            lease_lost_after: Duration::from_millis(800),
            owner_lost_after: Duration::from_millis(1500),
        },
        is_owner_alive,
        limits: Limits::new(),
        default_zone: chrono_tz::Tz::UTC,
    }
}

/// This process, with room for so many runs.
fn presence(room: u32, scheduler_enabled: bool) -> Presence {
    Presence {
        owner: owner_id(),
        role: "server".into(),
        labels: Vec::new(),
        url: None,
        version: "0".into(),
        scheduler_enabled,
        room,
        started_at: host_model::Instant::UNIX_EPOCH,
    }
}

/// A run of this process, of two steps, without anything it need not have.
fn new_run(id: RunId, job_id: &str) -> NewRun {
    NewRun {
        id,
        job_id: JobId::new(job_id).unwrap(),
        overlap: Overlap::Skip,
        depends_on: Vec::new(),
        triggered_by: "cron".into(),
        slot: None,
        replay: None,
        as_of: None,
        queued_at: host_model::Instant::UNIX_EPOCH,
        owner: owner_id(),
        placement: "any".into(),
        limits: Vec::new(),
        definition: "{}".into(),
        lease: None,
        log_level: LogLevel::Info,
        params: JsonMap::new(),
        overrides: JsonMap::new(),
        steps: vec![(name("a"), "python"), (name("b"), "python")],
    }
}

/// A process of another name.
fn presence_of(owner: &str) -> Presence {
    Presence { owner: owner.into(), ..presence(8, false) }
}

async fn open(folder: &tempfile::TempDir) -> Arc<dyn Store> {
    host_store::open("sqlite:runs.db", folder.path()).await.unwrap()
}

async fn bench(jobs: Vec<Job>) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let engine = Engine::start(parts(store.clone(), jobs)).await.unwrap();
    Bench { engine, store, folder }
}

impl Bench {
    async fn fire(&self, job: &str) -> RunId {
        self.fire_with(job, Overrides::default()).await
    }

    async fn fire_with(&self, job: &str, overrides: Overrides) -> RunId {
        let request =
            FireRequest { overrides, ..FireRequest::manual(JobId::new(job).unwrap(), Trigger::Cli("bob".into())) };
        self.engine.fire(request).await.unwrap().run_id
    }

    async fn run(&self, run: RunId) -> Run {
        self.store.find_run(run).await.unwrap().unwrap()
    }

    async fn finished(&self, run: RunId) -> Run {
        for _ in 0..1200 {
            let found = self.run(run).await;
            if found.status.is_final() {
                self.engine.wait_idle().await;
                return found;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("run {run} does not end: {:?}", self.run(run).await);
    }

    async fn steps(&self, run: RunId) -> Vec<StepRun> {
        self.store.list_steps(run).await.unwrap()
    }

    /// `name/attempt STATUS reason` of every attempt.
    async fn states(&self, run: RunId) -> Vec<String> {
        let state = |s: &StepRun| {
            let reason = s.reason.as_deref().map(|r| format!(" {r}")).unwrap_or_default();
            format!("{}/{} {}{reason}", s.name, s.attempt, s.status.as_str())
        };
        self.steps(run).await.iter().map(state).collect()
    }

    async fn log(&self, run: RunId) -> Vec<String> {
        let lines = self.store.list_logs(run, 0, 100_000).await.unwrap();
        assert!(lines.iter().zip(0..).all(|(line, n)| line.seq == n), "numbers have no gap");
        lines.into_iter().map(|l| l.message).collect()
    }

    /// Waits until a line of the run's log holds `text`.
    async fn heard(&self, run: RunId, text: &str) {
        for _ in 0..600 {
            if self.log(run).await.iter().any(|l| l.contains(text)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("no line with `{text}` in {:?}", self.log(run).await);
    }
}
