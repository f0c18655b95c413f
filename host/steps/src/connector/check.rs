//! The connection test behind `nomaflow connector test` and the settings page: one round trip, timed. A directory is
//! bound to and its base entry read.

use std::time::{Duration, Instant};

use host_model::connector::Directory;
use host_model::plugin_port::{Directories, DirectoryQuery, DirectoryScope};
use host_model::port::{Access, Connectors};
use host_model::value::Value;
use host_model::{CancelToken, StepError};

use super::ConnectorPools;

/// What a successful test found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorTest {
    /// `sqlite`, `postgres`, …, or `ldap`.
    pub dialect: &'static str,
    /// The server's own version text; of a directory the entry that was read.
    pub version: String,
    /// Whether the connection is encrypted; `None` where there is none or nobody can tell.
    pub tls: Option<bool>,
    /// Connecting and asking, together.
    pub elapsed: Duration,
}

impl ConnectorPools {
    /// Connects to a database and asks for the version, or binds to a directory and reads its base.
    ///
    /// # Errors
    /// Those of [`Connectors::open`], and `remote` when the server does not answer.
    pub async fn test(&self, name: &str, cancel: &CancelToken) -> Result<ConnectorTest, StepError> {
        let begun = Instant::now();
        if let Some(directory) = self.declared().directories.get(name) {
            let version = self.read_base(directory, cancel).await?;
            let tls = Some(directory.start_tls || directory.url.starts_with("ldaps:"));
            return Ok(ConnectorTest { dialect: "ldap", version, tls, elapsed: begun.elapsed() });
        }
        let session = self.open(name, Access::Read, cancel).await?;
        let dialect = session.dialect();
        let Some(question) = question(dialect) else {
            return Ok(ConnectorTest { dialect, version: String::new(), tls: None, elapsed: begun.elapsed() });
        };
        let mut answer = session.query(question, Vec::new()).await?;
        let row = answer.next_batch(1).await?.into_iter().next().unwrap_or_default();
        let version = match row.first() {
            Some(Value::Text(text)) => text.clone(),
            _ => String::new(),
        };
        let tls = match row.get(1) {
            Some(Value::Bool(is_encrypted)) => Some(*is_encrypted),
            _ => None,
        };
        Ok(ConnectorTest { dialect, version, tls, elapsed: begun.elapsed() })
    }

    async fn read_base(&self, directory: &Directory, cancel: &CancelToken) -> Result<String, StepError> {
        let query = DirectoryQuery {
            base: None,
            scope: DirectoryScope::Base,
            filter: "(objectClass=*)".to_owned(),
            // "No attributes" (RFC 4511).
            attributes: vec!["1.1".to_owned()],
            page_size: 1,
        };
        let remote = |error: host_model::plugin_port::ServiceError| StepError::remote(error.message);
        let mut pages = self.search(directory.name.as_str(), query, cancel).await.map_err(remote)?;
        let found = pages.next_page().await.map_err(remote)?;
        let base = &directory.base;
        match found.first() {
            Some(entry) => Ok(entry.dn.clone()),
            None => Err(StepError::remote(format!(
                "LDAP connector `{}` ({}): the entry `{base}` cannot be read with this account",
                directory.name, directory.url
            ))),
        }
    }
}

/// Version and encryption, in one row; `None` where nobody knows which database it is, and signing in has to do.
fn question(dialect: &str) -> Option<&'static str> {
    Some(match dialect {
        "odbc" => return None,
        "sqlite" => "select sqlite_version(), null",
        "postgres" => "select version(), coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false)",
        "sqlserver" => "select @@version, null",
        "oracle" => "select banner, null from v$version",
        _ => "select version(), null",
    })
}
