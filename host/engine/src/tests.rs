//! The engine on a real SQLite store, with a runner whose behaviour is written into the step.

mod faults;
mod overlap;
mod prune;
mod replay;
mod runs;
mod schedules;
mod stops;
mod trouble;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use host_model::job::{CatchUp, JobSchedule, OnRestart, Overlap, Overrides, SourcePlace};
use host_model::log::LogLevel;
use host_model::port::{
    Access, Connectors, Secrets, SqlSession, StepContext, StepFailure, StepOutcome, StepRunner, Store,
};
use host_model::retry::{Backoff, RetryPolicy};
use host_model::run::{Run, StepRun, Trigger};
use host_model::schedule::{Every, ScheduleKind, ScheduleSpec};
use host_model::{CancelToken, Job, JobId, Json, JsonMap, RunId, Step, StepError, StepErrorKind, StepName, StepSpec};
use serde_json::json;

use crate::clock::SystemClock;
use crate::{Engine, EngineParts, FireRequest, Jobs, Runners, is_owner_alive, owner_id};

/// Does what the callable's name says: `echo`, `fail`, `fail-first:N`, `wrong`, `hang`, `deaf`, `panic`, `ghost`, `lines:N`.
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
            "fail-first" if call <= number => return Err(StepError::remote(format!("failure {call}")).into()),
            "fail-first" => {}
            "wrong" => return Err(StepError::definition("no such thing").into()),
            "hang" => {
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
    Step {
        name: name(step),
        enabled: true,
        timeout_seconds: 60,
        retry: None,
        op_kwargs: JsonMap::new(),
        spec: StepSpec::Python { callable: script.to_owned() },
    }
}

pub(crate) fn job(id: &str, steps: Vec<Step>) -> Job {
    Job {
        id: JobId::new(id).unwrap(),
        app: "test".into(),
        description: String::new(),
        tags: vec![],
        enabled: true,
        schedules: vec![],
        presets: vec![],
        params: JsonMap::new(),
        steps,
        retry: RetryPolicy::default(),
        alerts: None,
        log_level: LogLevel::Info,
        timeout_seconds: None,
        overlap: Overlap::Skip,
        catch_up: CatchUp::None,
        catch_up_window_seconds: None,
        depends_on: vec![],
        blackouts: vec![],
        on_restart: OnRestart::Fail,
        source: SourcePlace::default(),
    }
}

/// A schedule named `default`, in UTC.
pub(crate) fn every(text: &str) -> JobSchedule {
    JobSchedule {
        name: "default".into(),
        text: text.into(),
        spec: ScheduleSpec::new(ScheduleKind::Every(Every::parse(text).unwrap()), chrono_tz::Tz::UTC),
        enabled: true,
        jitter_seconds: 0,
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
        owner: owner_id(),
        is_owner_alive,
        default_zone: chrono_tz::Tz::UTC,
        max_concurrent_runs: 8,
        scheduler_enabled: false,
    }
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
        tokio::time::timeout(Duration::from_secs(30), self.engine.wait_idle()).await.expect("the run ends");
        self.run(run).await
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
