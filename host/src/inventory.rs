//! What the API may ask of the inventory: connectors tested and looked into, files of plugins with what they may touch. They only join what
//! the crates below offer.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use host_model::connector::{Connector, Dialect};
use host_model::desk::{
    ConnectorDesk, ConnectorEntry, PluginDesk, PluginFacts, PoolGauge, QueryEntry, TableEntry, TestReport, TestStage,
};
use host_model::value::Value;
use host_model::{CancelToken, StepError};
use host_sandbox::ComponentRunner;
use host_steps::{Answer, ConnectorPools, Question};
use sha2::{Digest as _, Sha256};

use crate::command::plugin::grants;
use crate::command::plugin::inspect::needed;

/// What a name server and a first connection get.
const REACH: Duration = Duration::from_secs(5);
/// Rows asked for at once.
const BATCH: usize = 500;

/// Connectors, over the pools that steps use.
pub(crate) struct Connectors(pub(crate) Arc<ConnectorPools>);

impl Connectors {
    fn entry(&self, declared: &Connector) -> ConnectorEntry {
        let set = self.0.declared();
        let pool = set.pools.get(&declared.pool);
        let query = |(name, query): (&String, &host_model::connector::NamedQuery)| QueryEntry {
            name: name.clone(),
            sql: query.sql.for_dialect(declared.dialect).map(str::to_owned),
            writable: query.writable,
        };
        ConnectorEntry {
            name: declared.name.to_string(),
            dialect: Some(declared.dialect),
            target: self.0.address(declared.name.as_str()).ok(),
            read_only: pool.is_some_and(|pool| pool.read_only),
            pool: pool.map(|pool| PoolGauge {
                name: pool.name.clone(),
                size: pool.pool_size,
                in_use: self.0.in_use(&pool.name),
            }),
            queries: declared.queries.iter().map(query).collect(),
        }
    }

    /// Up to the server's door, by means of the address alone, so that it is clear which part of the way is blocked.
    async fn reach(&self, place: &str, report: &mut TestReport) -> bool {
        let Some((host, port)) = host_of(place) else { return true };
        let begun = Instant::now();
        let found = tokio::time::timeout(REACH, tokio::net::lookup_host((host.as_str(), port))).await;
        let addresses = match found {
            Ok(Ok(found)) => found.collect::<Vec<_>>(),
            Ok(Err(error)) => return report.fail("resolve", begun, format!("`{host}` has no address: {error}")),
            Err(_) => return report.fail("resolve", begun, format!("no answer about `{host}` within {REACH:?}")),
        };
        let shown = addresses.iter().map(|at| at.ip().to_string()).collect::<Vec<_>>().join(", ");
        report.pass("resolve", begun, shown);
        let begun = Instant::now();
        match tokio::time::timeout(REACH, tokio::net::TcpStream::connect(addresses.as_slice())).await {
            Ok(Ok(stream)) => {
                let to = stream.peer_addr().map_or_else(|_| place.to_owned(), |at| at.to_string());
                report.pass("connect", begun, to);
                true
            }
            Ok(Err(error)) => report.fail("connect", begun, format!("port {port} cannot be reached: {error}")),
            Err(_) => report.fail("connect", begun, format!("port {port} does not answer within {REACH:?}")),
        }
    }
}

/// Records stages.
trait Stages {
    fn pass(&mut self, name: &'static str, begun: Instant, detail: String);
    /// Returns false, for the sake of whoever has to stop.
    fn fail(&mut self, name: &'static str, begun: Instant, detail: String) -> bool;
}

impl Stages for TestReport {
    fn pass(&mut self, name: &'static str, begun: Instant, detail: String) {
        self.stages.push(TestStage { name, ok: true, took: begun.elapsed(), detail });
    }

    fn fail(&mut self, name: &'static str, begun: Instant, detail: String) -> bool {
        self.stages.push(TestStage { name, ok: false, took: begun.elapsed(), detail });
        false
    }
}

/// Host and port of `scheme://user@host:port/…`; none of what is no server.
fn host_of(place: &str) -> Option<(String, u16)> {
    let (scheme, rest) = place.split_once("://")?;
    let authority = rest.split('/').next().unwrap_or_default();
    let address = authority.rsplit('@').next().unwrap_or_default();
    let usual = match scheme {
        "ldap" => 389,
        "ldaps" => 636,
        _ => return split_port(address).and_then(|(host, port)| Some((host, port?))),
    };
    split_port(address).map(|(host, port)| (host, port.unwrap_or(usual)))
}

/// `host`, `host:port`, `[::1]:port`.
fn split_port(address: &str) -> Option<(String, Option<u16>)> {
    if let Some(rest) = address.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        return Some((host.to_owned(), port.strip_prefix(':').and_then(|port| port.parse().ok())));
    }
    match address.rsplit_once(':') {
        Some((host, port)) => Some((host.to_owned(), Some(port.parse().ok()?))),
        None => Some((address.to_owned(), None)).filter(|(host, _)| !host.is_empty()),
    }
}

#[async_trait]
impl ConnectorDesk for Connectors {
    fn list_connectors(&self) -> Vec<ConnectorEntry> {
        let set = self.0.declared();
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
        let set = self.0.declared();
        let begun = Instant::now();
        let place = match set.directories.get(name) {
            Some(directory) => Ok(directory.url.clone()),
            None if set.connectors.contains_key(name) => self.0.address(name),
            None => return None,
        };
        let mut report = TestReport { stages: Vec::new(), server_version: None, is_encrypted: None };
        let place = match place {
            Ok(place) => place,
            Err(error) => {
                report.fail("declaration", begun, error.message);
                return Some(report);
            }
        };
        report.pass("declaration", begun, place.clone());
        if !self.reach(&place, &mut report).await {
            return Some(report);
        }
        let begun = Instant::now();
        match self.0.test(name, cancel).await {
            Ok(found) => {
                let tls = match found.tls {
                    Some(true) => "encrypted, ",
                    Some(false) => "not encrypted, ",
                    None => "",
                };
                report.pass("sign-in", begun, format!("{tls}{}", found.version));
                report.server_version = Some(found.version);
                report.is_encrypted = found.tls;
            }
            Err(error) => drop(report.fail("sign-in", begun, error.message)),
        }
        Some(report)
    }

    async fn list_tables(&self, name: &str, like: &str, most: usize) -> Result<Vec<TableEntry>, StepError> {
        let set = self.0.declared();
        let Some(dialect) = set.connectors.get(name).map(|connector| connector.dialect) else {
            return Err(StepError::definition(format!("there is no SQL connector `{name}`")));
        };
        let cancel = CancelToken::new();
        let binds = Vec::new();
        let question = Question { connector: name, text: tables_of(dialect), binds: &binds, may_write: false };
        let Answer::Rows(mut rows) = self.0.ask(question, &cancel).await? else { return Ok(Vec::new()) };
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

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn host_and_port_are_found_in_what_leads_to_a_server() {
        let found = |place| host_of(place).map(|(host, port)| format!("{host} {port}"));
        for (place, expected) in [
            ("postgres://bob@db.example:5432/ops", Some("db.example 5432")),
            ("postgres://bob@[::1]:5432/ops", Some("::1 5432")),
            ("ldaps://dir.example", Some("dir.example 636")),
            ("ldap://dir.example:1389", Some("dir.example 1389")),
            ("sqlite:/var/lib/x.db", None),
        ] {
            assert_eq!(found(place).as_deref(), expected, "{place}");
        }
    }
}
