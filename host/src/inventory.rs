//! What the API may ask of the inventory: connectors tested and looked into, files of plugins with what they may touch. They only join what
//! the crates below offer.

mod history;
mod staged;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use host_model::connector::{Connector, Dialect};
use host_model::desk::{
    ConnectorDesk, ConnectorEntry, PluginDesk, PluginFacts, PoolGauge, PoolSample, PoolStretch, QueryEntry,
    StatementReport, TableEntry, TestReport,
};
use host_model::value::Value;
use host_model::{CancelToken, StepError};
use host_sandbox::ComponentRunner;
use host_steps::{Answer, ConnectorPools, Question};
use sha2::{Digest as _, Sha256};

use crate::command::plugin::grants;
use crate::command::plugin::inspect::needed;

pub(crate) use history::PoolHistory;
pub(crate) use staged::staged;

/// Rows asked for at once.
const BATCH: usize = 500;

/// Connectors, over the pools that steps use.
pub(crate) struct Connectors {
    pub(crate) pools: Arc<ConnectorPools>,
    pub(crate) history: Arc<PoolHistory>,
}

impl Connectors {
    fn entry(&self, declared: &Connector) -> ConnectorEntry {
        let set = self.pools.declared();
        let pool = set.pools.get(&declared.pool);
        let query = |(name, query): (&String, &host_model::connector::NamedQuery)| QueryEntry {
            name: name.clone(),
            sql: query.sql.for_dialect(declared.dialect).map(str::to_owned),
            writable: query.writable,
        };
        ConnectorEntry {
            name: declared.name.to_string(),
            dialect: Some(declared.dialect),
            target: self.pools.address(declared.name.as_str()).ok(),
            read_only: pool.is_some_and(|pool| pool.read_only),
            pool: pool.map(|pool| PoolGauge {
                name: pool.name.clone(),
                size: pool.pool_size,
                in_use: self.pools.in_use(&pool.name),
                waiting: self.pools.waiting(&pool.name),
            }),
            queries: declared.queries.iter().map(query).collect(),
        }
    }
}

#[async_trait]
impl ConnectorDesk for Connectors {
    fn list_connectors(&self) -> Vec<ConnectorEntry> {
        let set = self.pools.declared();
        let directories = set.directories.values().map(|directory| ConnectorEntry {
            name: directory.name.to_string(),
            dialect: None,
            target: Some(format!("{}/{}", directory.url.trim_end_matches('/'), directory.base)),
            read_only: true,
            pool: None,
            queries: Vec::new(),
        });
        let mut all: Vec<_> = set.connectors.values().map(|one| self.entry(one)).chain(directories).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    async fn test_connector(&self, name: &str, cancel: &CancelToken) -> Option<TestReport> {
        staged(&self.pools, name, cancel).await
    }

    fn pool_history(&self, pool: &str) -> Vec<PoolSample> {
        self.history.of(pool)
    }

    async fn check_query(
        &self,
        name: &str,
        query: &str,
        cancel: &CancelToken,
    ) -> Result<Vec<StatementReport>, StepError> {
        self.pools.prove(name, query, cancel).await
    }

    fn pool_day(&self, pool: &str) -> Vec<PoolStretch> {
        self.history.day_of(pool)
    }

    async fn list_tables(&self, name: &str, like: &str, most: usize) -> Result<Vec<TableEntry>, StepError> {
        let set = self.pools.declared();
        let Some(dialect) = set.connectors.get(name).map(|connector| connector.dialect) else {
            return Err(StepError::definition(format!("there is no SQL connector `{name}`")));
        };
        let cancel = CancelToken::new();
        let binds = Vec::new();
        let question = Question { connector: name, text: tables_of(dialect), binds: &binds, may_write: false };
        let Answer::Rows(mut rows) = self.pools.ask(question, &cancel).await? else { return Ok(Vec::new()) };
        let (like, mut found) = (like.to_lowercase(), Vec::new());
        loop {
            let batch = rows.next_batch(BATCH).await?;
            if batch.is_empty() {
                return Ok(found);
            }
            for row in batch {
                let text = |at: usize| match row.get(at) {
                    Some(Value::Text(text)) => Some(text.trim_end().to_owned()),
                    _ => None,
                };
                let Some(table) = text(1) else { continue };
                if like.is_empty() || table.to_lowercase().contains(&like) {
                    let is_view = text(2).is_some_and(|kind| kind.to_lowercase().contains("view"));
                    found.push(TableEntry { schema: text(0), name: table, is_view });
                    if found.len() == most {
                        return Ok(found);
                    }
                }
            }
        }
    }
}

/// Schema, name and kind, in order.
fn tables_of(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => {
            "select null as s, name as n, type as k from sqlite_schema \
             where type in ('table', 'view') and name not like 'sqlite~_%' escape '~' order by name"
        }
        Dialect::Postgres => {
            "select table_schema::text as s, table_name::text as n, table_type::text as k from information_schema.tables \
             where table_schema not in ('pg_catalog', 'information_schema') order by 1, 2"
        }
        Dialect::MySql => {
            "select table_schema as s, table_name as n, table_type as k from information_schema.tables \
             where table_schema = database() order by table_name"
        }
        Dialect::SqlServer => {
            "select table_schema as s, table_name as n, table_type as k from information_schema.tables order by 1, 2"
        }
        Dialect::Oracle => {
            "select owner as s, table_name as n, 'TABLE' as k from all_tables \
             where owner not in ('SYS', 'SYSTEM', 'XDB', 'MDSYS', 'CTXSYS') \
             union all select owner, view_name, 'VIEW' from all_views \
             where owner not in ('SYS', 'SYSTEM', 'XDB', 'MDSYS', 'CTXSYS') order by 1, 2"
        }
        // Each driver has a catalogue of its own; many have this one.
        Dialect::Odbc => {
            "select table_schema as s, table_name as n, table_type as k from information_schema.tables order by 1, 2"
        }
    }
}

/// Files of plugins.
pub(crate) struct Plugins {
    pub(crate) root: PathBuf,
    pub(crate) sandbox: ComponentRunner,
}

#[async_trait]
impl PluginDesk for Plugins {
    fn plugins_root(&self) -> &Path {
        &self.root
    }

    async fn facts_of(&self, file: &Path, is_component: bool) -> PluginFacts {
        let (file, sandbox) = (file.to_owned(), self.sandbox.clone());
        let looked = tokio::task::spawn_blocking(move || {
            if is_component { facts_of_component(&sandbox, &file) } else { facts_of_file(&file) }
        });
        looked.await.unwrap_or_default()
    }
}

fn facts_of_file(file: &Path) -> PluginFacts {
    match std::fs::read(file) {
        Ok(bytes) => PluginFacts {
            digest: Some(hex::encode(Sha256::digest(&bytes))),
            size: bytes.len() as u64,
            ..PluginFacts::default()
        },
        Err(_) => PluginFacts::default(),
    }
}

fn facts_of_component(sandbox: &ComponentRunner, file: &Path) -> PluginFacts {
    let mut facts = facts_of_file(file);
    if let Ok(inspection) = sandbox.inspect(file) {
        facts.asked = inspection.imports.iter().filter_map(|name| needed(name)).map(str::to_owned).collect();
    }
    facts.excess = sandbox.excess_of(file);
    match grants::read(file) {
        Ok(found) => {
            facts.granted = found.as_ref().map(grants::granted).unwrap_or_default();
            facts.limits = found.as_ref().map(grants::limits).unwrap_or_default();
            facts.grants = found;
        }
        Err(error) => facts.problem = Some(error.to_string()),
    }
    facts
}
