//! What every test here needs: connectors on temporary databases, a step context that records what was said.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use host_model::connector::{Connector, ConnectorSet, Dialect, Hidden, NamedQuery, Pool, PoolAddress, QueryText};
use host_model::job::SourcePlace;
use host_model::job::spec::{
    CopyMode, CopySource, CopyTarget, DecimalMode, OnBadRow, SourceTable, SqlCopySpec, SqlQuerySpec, TypeCoercion,
    Verify,
};
use host_model::log::LogLevel;
use host_model::port::{Access, Connectors, SqlSession, StepContext, StepOutcome, StepRunner, StepVoice};
use host_model::value::{Row, Value};
use host_model::{CancelToken, ConnectorName, JobId, Json, JsonMap, RunId, StepError, StepName, StepSpec};
use host_steps::{ConnectorPools, SqlCopyRunner, SqlQueryRunner};
use tempfile::TempDir;

/// Everything a step said.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) lines: Mutex<Vec<(LogLevel, String)>>,
    pub(crate) progress: Mutex<Vec<(u64, Option<u64>)>>,
}

#[async_trait]
impl StepVoice for Recorder {
    async fn log(&self, level: LogLevel, message: &str) {
        self.lines.lock().unwrap().push((level, message.to_owned()));
    }
    fn progress(&self, done: u64, total: Option<u64>, _note: &str) {
        self.progress.lock().unwrap().push((done, total));
    }
}

/// A connector set under construction.
#[derive(Default, Clone)]
pub(crate) struct Set(pub(crate) ConnectorSet);

impl Set {
    pub(crate) fn sqlite(self, name: &str, path: &Path) -> Self {
        self.add(name, PoolAddress::Sqlite { path: path.to_owned() }, |_| {})
    }

    pub(crate) fn postgres(self, name: &str, url: &str) -> Self {
        self.add(name, PoolAddress::Postgres { url: Hidden::new(url), password: None }, |_| {})
    }

    pub(crate) fn mysql(self, name: &str, url: &str) -> Self {
        self.add(name, PoolAddress::MySql { url: Hidden::new(url), password: None }, |_| {})
    }

    pub(crate) fn add(mut self, name: &str, address: PoolAddress, change: impl Fn(&mut Pool)) -> Self {
        let source = SourcePlace { file: "connectors.toml".into(), line: 1 };
        let mut pool = Pool { acquire_timeout_seconds: 10, ..Pool::new(name, address, source.clone()) };
        change(&mut pool);
        let connector = Connector {
            name: ConnectorName::new(name).unwrap(),
            pool: name.to_owned(),
            dialect: pool.address.dialect(),
            queries: BTreeMap::new(),
            source,
        };
        self.0.pools.insert(name.to_owned(), pool);
        self.0.connectors.insert(connector.name.clone(), connector);
        self
    }

    pub(crate) fn query(mut self, connector: &str, name: &str, sql: &str, writable: bool) -> Self {
        let connector = self.0.connectors.get_mut(connector).unwrap();
        connector.queries.insert(name.to_owned(), NamedQuery { sql: QueryText::Any(sql.to_owned()), writable });
        self
    }

    pub(crate) fn query_for(mut self, connector: &str, name: &str, dialect: Dialect, sql: &str) -> Self {
        let connector = self.0.connectors.get_mut(connector).unwrap();
        let sql = QueryText::PerDialect(vec![(dialect, sql.to_owned())]);
        connector.queries.insert(name.to_owned(), NamedQuery { sql, writable: false });
        self
    }

    pub(crate) fn build(self) -> Bench {
        Bench {
            pools: Arc::new(ConnectorPools::new(self.0)),
            voice: Arc::default(),
            cancel: CancelToken::new(),
            level: LogLevel::Info,
        }
    }
}

/// Pools, and the context of a step on them.
pub(crate) struct Bench {
    pub(crate) pools: Arc<ConnectorPools>,
    pub(crate) voice: Arc<Recorder>,
    pub(crate) cancel: CancelToken,
    pub(crate) level: LogLevel,
}

impl Bench {
    pub(crate) fn context(&self) -> StepContext {
        StepContext {
            run_id: RunId::from_parts(1, 1),
            job_id: JobId::new("test").unwrap(),
            app: "test".into(),
            step: StepName::new("step").unwrap(),
            index: 0,
            attempt: 1,
            triggered_by: "manual:test".into(),
            scheduled_at: host_model::Instant::UNIX_EPOCH,
            log_level: self.level,
            params: JsonMap::new(),
            own_keys: Vec::new(),
            results: Arc::new(HashMap::new()),
            cancel: self.cancel.clone(),
            timeout: Duration::from_secs(60),
            voice: Arc::clone(&self.voice) as Arc<dyn StepVoice>,
            connectors: Arc::clone(&self.pools) as Arc<dyn Connectors>,
        }
    }

    pub(crate) async fn session(&self, name: &str, access: Access) -> Box<dyn SqlSession> {
        self.pools.open(name, access, &self.cancel).await.unwrap()
    }

    /// Runs SQL through a session, one statement after the other.
    pub(crate) async fn execute(&self, name: &str, statements: &[&str]) {
        let session = self.session(name, Access::ReadWrite).await;
        for sql in statements {
            session.execute(sql, Vec::new()).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        }
    }

    pub(crate) async fn rows(&self, name: &str, sql: &str) -> Vec<Row> {
        let session = self.session(name, Access::Read).await;
        all_rows(&*session, sql, Vec::new()).await
    }

    pub(crate) async fn run_query(&self, connector: &str, query: &str, params: Json) -> Result<StepOutcome, StepError> {
        let spec = SqlQuerySpec {
            connector: connector.into(),
            query: query.into(),
            params: params.as_object().cloned().unwrap_or_default(),
        };
        let runner = SqlQueryRunner::new(Arc::clone(&self.pools));
        runner.run(&StepSpec::SqlQuery(spec), &self.context()).await.map_err(|f| f.error)
    }

    pub(crate) async fn run_copy(&self, spec: SqlCopySpec) -> Result<StepOutcome, StepError> {
        let runner = SqlCopyRunner::new(Arc::clone(&self.pools));
        runner.run(&StepSpec::SqlCopy(spec), &self.context()).await.map_err(|f| f.error)
    }

    pub(crate) fn said(&self, text: &str) -> bool {
        self.voice.lines.lock().unwrap().iter().any(|(_, line)| line.contains(text))
    }
}

pub(crate) async fn all_rows(session: &dyn SqlSession, sql: &str, binds: Vec<(String, Value)>) -> Vec<Row> {
    let mut cursor = session.query(sql, binds).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    let mut rows = Vec::new();
    loop {
        let batch = cursor.next_batch(100).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        if batch.is_empty() {
            return rows;
        }
        rows.extend(batch);
    }
}

pub(crate) fn copy(from: &str, table: &str, to: &str, target: &str, mode: CopyMode) -> SqlCopySpec {
    SqlCopySpec {
        source: CopySource {
            connector: from.into(),
            table: SourceTable::Table { schema: None, table: table.into() },
            columns: Vec::new(),
            filter: None,
            params: JsonMap::new(),
        },
        target: CopyTarget { connector: to.into(), schema: None, table: target.into() },
        mode,
        type_coercion: TypeCoercion::None,
        decimal_mode: DecimalMode::Preserve,
        strip_both_columns: Vec::new(),
        batch_size: 10_000,
        parallel: 1,
        key_columns: Vec::new(),
        julian_columns: Vec::new(),
        decimal_columns: Default::default(),
        data_dictionary: None,
        on_bad_row: OnBadRow::Fail,
        bad_row_table: None,
        verify: Verify::Counts,
    }
}

/// A PostgreSQL database `pg` and a SQLite file `lite`.
pub(crate) fn pair(folder: &TempDir, url: &str) -> Bench {
    Set::default().postgres("pg", url).sqlite("lite", &folder.path().join("a.db")).build()
}

/// The output of a copy that must work.
pub(crate) async fn done(bench: &Bench, spec: SqlCopySpec) -> JsonMap {
    bench.run_copy(spec).await.unwrap_or_else(|e| panic!("{e}\n{}", e.detail)).output
}

pub(crate) fn text(value: &str) -> Value {
    Value::Text(value.into())
}
