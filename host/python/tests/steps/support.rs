//! What every test here needs: a runner on the test data, the context of a step, a voice that keeps what it hears, and
//! a small connector with a memory.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use host_model::log::LogLevel;
use host_model::plugin_port::{PluginState, StateCondition, StateEntry, StateSet};
use host_model::port::{
    Access, Connectors, Secrets, SqlCursor, SqlSession, StepContext, StepOutcome, StepRunner, StepVoice, StoreError,
};
use host_model::value::{Binds, Column, Row, Value};
use host_model::{CancelToken, Instant, JobId, Json, JsonMap, RunId, StepError, StepErrorKind, StepName, StepSpec};
use host_python::{AppInterpreters, PythonConfig, PythonRunner, PythonServices};
use tokio::sync::{Barrier, Notify};

pub(crate) fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/python")
}

pub(crate) fn config() -> PythonConfig {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().unwrap().parent().unwrap().join("examples/python-worker");
    assert!(
        program.exists(),
        "`{}` is missing: cargo builds examples with tests unless `--test` is given",
        program.display()
    );
    PythonConfig {
        program,
        apps: apps(&data()),
        settings: JsonMap::new(),
        max_workers: 4,
        recycle_after: 1_000,
        recycle_memory: u64::MAX,
        step_memory: None,
        services: PythonServices { secrets: Arc::new(OneSecret), state: Arc::new(Keys::default()) },
    }
}

pub(crate) fn interpreter() -> PathBuf {
    std::env::var_os("NOMAFLOW_TEST_PYTHON").unwrap_or_else(|| "python3".into()).into()
}

/// The apps below `plugins`, all on one interpreter.
pub(crate) fn apps(plugins: &Path) -> AppInterpreters {
    AppInterpreters { plugins: plugins.to_owned(), default: interpreter(), named: BTreeMap::new() }
}

/// A house with one secret.
struct OneSecret;

impl Secrets for OneSecret {
    fn find_secret(&self, name: &str) -> Option<String> {
        (name == "erp").then(|| "s3cret".to_owned())
    }
}

/// Durable keys that last as long as their runner.
#[derive(Default)]
struct Keys(Mutex<BTreeMap<(String, String), String>>);

#[async_trait]
impl PluginState for Keys {
    async fn find_value(&self, plugin: &str, key: &str) -> Result<Option<String>, StoreError> {
        Ok(self.0.lock().unwrap().get(&(plugin.to_owned(), key.to_owned())).cloned())
    }

    async fn set_value(
        &self,
        plugin: &str,
        entry: &StateEntry,
        condition: &StateCondition,
        _: u32,
    ) -> Result<StateSet, StoreError> {
        let mut keys = self.0.lock().unwrap();
        let place = (plugin.to_owned(), entry.key.clone());
        let holds = match condition {
            StateCondition::Always => true,
            StateCondition::Absent => !keys.contains_key(&place),
            StateCondition::Holds(value) => keys.get(&place) == Some(value),
        };
        if holds {
            keys.insert(place, entry.value.clone());
        }
        Ok(if holds { StateSet::Done } else { StateSet::Unmet })
    }

    async fn delete_value(&self, plugin: &str, key: &str) -> Result<bool, StoreError> {
        Ok(self.0.lock().unwrap().remove(&(plugin.to_owned(), key.to_owned())).is_some())
    }

    async fn list_values(
        &self,
        plugin: &str,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StateEntry>, StoreError> {
        let keys = self.0.lock().unwrap();
        let wanted = keys.iter().filter(|((space, key), _)| {
            space == plugin && key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after)
        });
        let entry = |((_, key), value): (&(String, String), &String)| StateEntry {
            key: key.clone(),
            value: value.clone(),
            updated_at: Instant::UNIX_EPOCH,
        };
        Ok(wanted.take(limit as usize).map(entry).collect())
    }
}

pub(crate) fn runner() -> PythonRunner {
    PythonRunner::new(config())
}

/// Keeps lines and progress, and wakes whoever waits for a line.
#[derive(Default)]
pub(crate) struct Voice {
    lines: Mutex<Vec<(LogLevel, String)>>,
    progress: Mutex<Vec<(u64, Option<u64>, String)>>,
    heard: Notify,
}

impl Voice {
    pub(crate) fn lines(&self) -> Vec<(LogLevel, String)> {
        self.lines.lock().unwrap().clone()
    }

    pub(crate) fn progress(&self) -> Vec<(u64, Option<u64>, String)> {
        self.progress.lock().unwrap().clone()
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.lines().into_iter().map(|(_, text)| text).collect()
    }

    /// The level of the one line with this text.
    pub(crate) fn level_of(&self, text: &str) -> LogLevel {
        let found: Vec<_> = self.lines().into_iter().filter(|(_, line)| line.contains(text)).collect();
        assert_eq!(found.len(), 1, "{text:?} in {:?}", self.lines());
        found[0].0
    }

    pub(crate) async fn wait_for(&self, text: &str) {
        let heard = async {
            loop {
                let next = self.heard.notified();
                if self.texts().iter().any(|line| line == text) {
                    return;
                }
                next.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), heard).await.unwrap_or_else(|_| panic!("never heard {text:?}"));
    }
}

#[async_trait]
impl StepVoice for Voice {
    async fn log(&self, level: LogLevel, message: &str) {
        self.lines.lock().unwrap().push((level, message.to_owned()));
        self.heard.notify_waiters();
    }

    fn progress(&self, done: u64, total: Option<u64>, note: &str) {
        self.progress.lock().unwrap().push((done, total, note.to_owned()));
    }
}

/// A step about to run, and what it says.
pub(crate) struct Attempt {
    pub(crate) ctx: StepContext,
    pub(crate) voice: Arc<Voice>,
}

/// An attempt whose own parameters are `params`.
pub(crate) fn attempt(params: Json) -> Attempt {
    let Json::Object(params) = params else { panic!("parameters are an object") };
    let voice = Arc::new(Voice::default());
    let ctx = StepContext {
        run_id: RunId::from_parts(1_795_000_000_000, 7),
        job_id: JobId::new("nightly").unwrap(),
        app: "calls".into(),
        step: StepName::new("report").unwrap(),
        index: 1,
        attempt: 2,
        triggered_by: "user:alice".into(),
        scheduled_at: Instant::from_timestamp(1_795_000_000, 0).unwrap(),
        log_level: LogLevel::Info,
        own_keys: params.keys().cloned().collect(),
        params,
        results: Arc::new(HashMap::new()),
        cancel: CancelToken::new(),
        timeout: Duration::from_secs(60),
        voice: voice.clone(),
        connectors: Arc::new(Ledgers::default()),
    };
    Attempt { ctx, voice }
}

impl Attempt {
    pub(crate) async fn run(&self, runner: &PythonRunner, callable: &str) -> Result<StepOutcome, StepError> {
        let spec = StepSpec::Python { callable: callable.into() };
        runner.run(&spec, &self.ctx).await.map_err(|failure| failure.error)
    }

    /// The error the step ends with.
    pub(crate) async fn fail(&self, runner: &PythonRunner, callable: &str) -> StepError {
        match self.run(runner, callable).await {
            Ok(outcome) => panic!("`{callable}` should fail and returned {:?}", outcome.output),
            Err(error) => error,
        }
    }
}

/// Runs `callable` with `params`.
pub(crate) async fn call(runner: &PythonRunner, callable: &str, params: Json) -> JsonMap {
    let attempt = attempt(params);
    match attempt.run(runner, callable).await {
        Ok(outcome) => outcome.output,
        Err(error) => panic!("`{callable}`: {error}\n{}\n{:?}", error.detail, attempt.voice.lines()),
    }
}

pub(crate) async fn failure(runner: &PythonRunner, callable: &str, params: Json) -> StepError {
    attempt(params).fail(runner, callable).await
}

/// Connectors with one name, `ledger`, that remembers the binds of each `insert` and gives them back as rows.
pub(crate) struct Ledgers {
    rows: Arc<Mutex<Vec<Binds>>>,
    meeting: Arc<Barrier>,
}

impl Default for Ledgers {
    fn default() -> Self {
        Self { rows: Arc::default(), meeting: Arc::new(Barrier::new(2)) }
    }
}

struct Ledger {
    rows: Arc<Mutex<Vec<Binds>>>,
    meeting: Arc<Barrier>,
    cancel: CancelToken,
    access: Access,
}

struct Rows {
    columns: Vec<Column>,
    rows: std::vec::IntoIter<Row>,
}

#[async_trait]
impl Connectors for Ledgers {
    async fn open(&self, name: &str, access: Access, cancel: &CancelToken) -> Result<Box<dyn SqlSession>, StepError> {
        if name != "ledger" {
            return Err(StepError::definition(format!("no connector `{name}`; known: `ledger`")));
        }
        let (rows, meeting) = (Arc::clone(&self.rows), Arc::clone(&self.meeting));
        Ok(Box::new(Ledger { rows, meeting, cancel: cancel.clone(), access }))
    }
}

impl Ledger {
    async fn rows_of(&self, statement: &str, binds: Binds) -> Result<Vec<Binds>, StepError> {
        let one = |name: &str, value| vec![(name.to_owned(), value)];
        Ok(match statement {
            "select" => self.rows.lock().unwrap().clone(),
            "empty" => Vec::new(),
            "series" => {
                let Some((_, Value::Int(n))) = binds.first() else { panic!("series wants n") };
                (0..*n).map(|i| one("i", Value::Int(i))).collect()
            }
            "meet" => {
                self.meeting.wait().await;
                vec![one("met", Value::Bool(true))]
            }
            "huge" => (0..80).map(|_| one("text", Value::Text("x".repeat(1 << 20)))).collect(),
            "wait" => {
                self.cancel.canceled().await;
                return Err(StepError::new(StepErrorKind::Canceled, self.cancel.reason().unwrap_or_default()));
            }
            other => return Err(StepError::remote(format!("the ledger does not know `{other}`"))),
        })
    }
}

#[async_trait]
impl SqlSession for Ledger {
    fn dialect(&self) -> &'static str {
        "ledger"
    }

    async fn query(&self, statement: &str, binds: Binds) -> Result<Box<dyn SqlCursor>, StepError> {
        let rows = self.rows_of(statement, binds).await?;
        let names = rows.first().map(|row| row.iter().map(|(name, _)| name.clone()).collect()).unwrap_or_else(Vec::new);
        let columns = names.into_iter().map(|name| Column { name, kind: "any".into(), nullable: true }).collect();
        let rows: Vec<Row> = rows.into_iter().map(|row| row.into_iter().map(|(_, value)| value).collect()).collect();
        Ok(Box::new(Rows { columns, rows: rows.into_iter() }))
    }

    async fn execute(&self, statement: &str, binds: Binds) -> Result<u64, StepError> {
        assert_eq!(self.access, Access::ReadWrite);
        if statement != "insert" {
            return Err(StepError::remote(format!("the ledger refuses `{statement}`")));
        }
        self.rows.lock().unwrap().push(binds);
        Ok(1)
    }

    async fn insert_rows(&self, table: &str, columns: &[String], rows: Vec<Row>) -> Result<u64, StepError> {
        if table != "sales" {
            return Err(StepError::remote(format!("the ledger has no table `{table}`")));
        }
        let (named, n) = (|row: Row| columns.iter().cloned().zip(row).collect(), rows.len());
        self.rows.lock().unwrap().extend(rows.into_iter().map(named));
        Ok(n as u64)
    }

    async fn begin(&self) -> Result<(), StepError> {
        Ok(())
    }

    async fn commit(&self) -> Result<(), StepError> {
        Ok(())
    }

    async fn rollback(&self) -> Result<(), StepError> {
        Ok(())
    }
}

#[async_trait]
impl SqlCursor for Rows {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    async fn next_batch(&mut self, max: usize) -> Result<Vec<Row>, StepError> {
        Ok(self.rows.by_ref().take(max).collect())
    }
}
