//! The connection test behind `nomaflow connector test` and the settings page: one round trip, timed.

use std::time::{Duration, Instant};

use host_model::port::{Access, Connectors};
use host_model::{CancelToken, StepError};

use super::ConnectorPools;

/// What a successful test found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorTest {
    /// `sqlite`, `postgres`, …
    pub dialect: &'static str,
    /// The server's own version text.
    pub version: String,
    /// Connecting and asking, together.
    pub elapsed: Duration,
}

impl ConnectorPools {
    /// Connects and asks for the version.
    ///
    /// # Errors
    /// Those of [`Connectors::open`], and `remote` when the server does not answer.
    pub async fn test(&self, name: &str, cancel: &CancelToken) -> Result<ConnectorTest, StepError> {
        let begun = Instant::now();
        let session = self.open(name, Access::Read, cancel).await?;
        let dialect = session.dialect();
        let question = match dialect {
            "sqlite" => "select sqlite_version()",
            "sqlserver" => "select @@version",
            "oracle" => "select banner from v$version",
            _ => "select version()",
        };
        let mut answer = session.query(question, Vec::new()).await?;
        let row = answer.next_batch(1).await?;
        let version = match row.first().and_then(|cells| cells.first()) {
            Some(host_model::value::Value::Text(text)) => text.clone(),
            _ => String::new(),
        };
        Ok(ConnectorTest { dialect, version, elapsed: begun.elapsed() })
    }
}
