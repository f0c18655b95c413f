//! What pages ask of connectors and plugins beyond what steps need: whether they work, what is in them, who may use what.
//! The ports are implemented where everybody is introduced; nothing of a password passes through them.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;

use crate::cancel::CancelToken;
use crate::connector::Dialect;
use crate::value::Column;
use crate::{Instant, Json, StepError};

/// A connector as a list shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectorEntry {
    /// Its name.
    pub name: String,
    /// The kind of database; `None` for a directory.
    pub dialect: Option<Dialect>,
    /// Where it leads, without credentials; `None` when its URL cannot be read.
    pub target: Option<String>,
    /// Whether nothing can be written through it.
    pub read_only: bool,
    /// Its pool; `None` for a directory.
    pub pool: Option<PoolGauge>,
    /// Queries by name.
    pub queries: Vec<QueryEntry>,
}

/// How far a pool is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolGauge {
    /// Its name.
    pub name: String,
    /// Most connections at once.
    pub size: u32,
    /// Those that steps have; none while the pool was never used.
    pub in_use: u32,
    /// Steps that wait for one.
    pub waiting: u32,
}

/// What a sample of a pool's history is about, in seconds.
pub const SAMPLE_SECONDS: u32 = 5;
/// Samples that are kept: 15 minutes.
pub const MOST_SAMPLES: usize = 15 * 60 / SAMPLE_SECONDS as usize;

/// Stretches of a pool's day, in seconds: they begin at whole quarters of an hour.
pub const STRETCH_SECONDS: u32 = 15 * 60;
/// Stretches that are kept: a day, and the one that has begun.
pub const MOST_STRETCHES: usize = 24 * 3600 / STRETCH_SECONDS as usize + 1;

/// How a pool was used over [`STRETCH_SECONDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolStretch {
    /// Which: seconds since 1970 divided by its length.
    pub slot: i64,
    /// Connections that steps had, the most at once.
    pub in_use: u32,
    /// Steps that waited, the most at once.
    pub waiting: u32,
}

/// How a pool was used over [`SAMPLE_SECONDS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSample {
    /// When they ended.
    pub at: Instant,
    /// Connections that steps had, the most at once.
    pub in_use: u32,
    /// Steps that waited, the most at once.
    pub waiting: u32,
    /// Steps that had to wait for a connection.
    pub queued: u64,
    /// Those that gave up waiting.
    pub gave_up: u64,
    /// The longest wait that ended, in milliseconds.
    pub longest_ms: u64,
}

/// A query declared on a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryEntry {
    /// Its name.
    pub name: String,
    /// Its text for the connector's database, if there is one.
    pub sql: Option<String>,
    /// Whether `name:write` may be used.
    pub writable: bool,
}

/// One stage of a test.
#[derive(Debug, Clone, PartialEq)]
pub struct TestStage {
    /// `declaration`, `resolve`, `connect`, `tls`, `sign-in`, `query`, `version`, `time`.
    pub name: &'static str,
    /// Whether it was passed; nothing comes after one that was not.
    pub ok: bool,
    /// How long it took.
    pub took: Duration,
    /// What was found, or what is wrong.
    pub detail: String,
}

/// What a test came to.
#[derive(Debug, Clone, PartialEq)]
pub struct TestReport {
    /// In their order, up to the first that failed.
    pub stages: Vec<TestStage>,
    /// The server's own words for its version.
    pub server_version: Option<String>,
    /// Whether the connection is encrypted, where that can be told.
    pub is_encrypted: Option<bool>,
}

impl TestReport {
    /// Whether every stage was passed.
    pub fn is_ok(&self) -> bool {
        self.stages.iter().all(|stage| stage.ok)
    }
}

/// A table or view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableEntry {
    /// Its schema, where there are several.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
    /// Whether it is a view.
    pub is_view: bool,
}

/// What is known of a statement that was not run.
#[derive(Debug, Clone, PartialEq)]
pub struct StatementReport {
    /// Its first word, in lower case; empty where it opens with a parenthesis.
    pub keyword: String,
    /// Where it begins, or where its mistake is: the line in the text, from 1.
    pub line: u32,
    /// The same in characters, from 1.
    pub column: u32,
    /// The names of its `:name` parameters, in order of appearance.
    pub params: Vec<String>,
    /// What the database says of it.
    pub verdict: Verdict,
}

/// See [`StatementReport`].
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It knows everything the statement names.
    Sound {
        /// What it would return; empty when nothing, or when only the run can tell.
        columns: Vec<Column>,
    },
    /// It would refuse it.
    Wrong {
        /// Why, mostly in its own words.
        message: String,
        /// What to do, where it says that.
        hint: Option<String>,
    },
    /// Nobody can tell without running it.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// Whoever knows connectors.
#[async_trait]
pub trait ConnectorDesk: Send + Sync + 'static {
    /// All of them, by name. Opens nothing.
    fn list_connectors(&self) -> Vec<ConnectorEntry>;
    /// Goes all the way to the server and asks for its version; `None` for an unknown name.
    async fn test_connector(&self, name: &str, cancel: &CancelToken) -> Option<TestReport>;
    /// How a pool was used of late, oldest first; at most [`MOST_SAMPLES`].
    fn pool_history(&self, pool: &str) -> Vec<PoolSample>;
    /// How a pool was used over the last day, by this process and since its start, oldest first; at most
    /// [`MOST_STRETCHES`].
    fn pool_day(&self, pool: &str) -> Vec<PoolStretch>;
    /// Tables and views whose name holds `like`, in any case, by schema and name, at most `most`.
    ///
    /// # Errors
    /// What the database says.
    async fn list_tables(&self, name: &str, like: &str, most: usize) -> Result<Vec<TableEntry>, StepError>;
    /// Has the database look at each statement of a query (its name, or its text) without running any.
    ///
    /// # Errors
    /// `definition` for a name that nobody declared or a text that cannot be taken apart; else what keeps the database
    /// from answering.
    async fn check_query(
        &self,
        name: &str,
        query: &str,
        cancel: &CancelToken,
    ) -> Result<Vec<StatementReport>, StepError>;
}

/// What a file of a plugin is, and may.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PluginFacts {
    /// SHA-256 of the file, in hexadecimal; `None` when it cannot be read.
    pub digest: Option<String>,
    /// Its size in bytes.
    pub size: u64,
    /// What it can ask for, a line each; components only.
    pub asked: Vec<String>,
    /// What it was granted, a line each.
    pub granted: Vec<String>,
    /// Limits that were set, a line each.
    pub limits: Vec<String>,
    /// The file of grants as it is; `None` when there is none.
    pub grants: Option<Json>,
    /// What is wrong with that file.
    pub problem: Option<String>,
    /// What it asks for beyond what was approved; its calls fail until that is empty.
    pub excess: Vec<String>,
}

/// Whoever knows files of plugins.
#[async_trait]
pub trait PluginDesk: Send + Sync + 'static {
    /// The folder of all of them.
    fn plugins_root(&self) -> &Path;
    /// What there is to know about one.
    async fn facts_of(&self, file: &Path, is_component: bool) -> PluginFacts;
}
