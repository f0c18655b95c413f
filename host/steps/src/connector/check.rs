//! The connection test behind `nomaflow connector test` and the page: signing in, a simple question, the server's version
//! and its clock, each timed. A directory is bound to and its base entry read.

use std::time::{Duration, Instant};

use host_model::connector::Directory;
use host_model::plugin_port::{Directories, DirectoryQuery, DirectoryScope};
use host_model::port::{Access, Connectors, SqlSession};
use host_model::value::{Row, Value};
use host_model::{CancelToken, StepError};

use super::ConnectorPools;

/// What a successful test found.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectorTest {
    /// `sqlite`, `postgres`, …, or `ldap`.
    pub dialect: &'static str,
    /// The server's own version text; of a directory the entry that was read.
    pub version: String,
    /// Whether the connection is encrypted; `None` where there is none or nobody can tell.
    pub tls: Option<bool>,
    /// All of it together.
    pub elapsed: Duration,
    /// Connecting, encrypting and signing in.
    pub sign_in: Duration,
    /// A question whose answer needs no table; none where nobody knows which database it is.
    pub query: Option<Duration>,
    /// The server's clock in milliseconds since 1970, where it can be asked for.
    pub clock_ms: Option<i64>,
}

/// How far a test that failed had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hurdle {
    /// The connection could not be encrypted as asked.
    Tls,
    /// It was not let in.
    SignIn,
    /// It was let in, and then not answered.
    Query,
}

impl ConnectorPools {
    /// [`ConnectorPools::probe`] for whoever does not ask how far it came.
    ///
    /// # Errors
    /// Those of [`Connectors::open`], and `remote` when the server does not answer.
    pub async fn test(&self, name: &str, cancel: &CancelToken) -> Result<ConnectorTest, StepError> {
        self.probe(name, cancel).await.map_err(|(_, error)| error)
    }

    /// Connects to a database and asks it who it is, or binds to a directory and reads its base.
    ///
    /// # Errors
    /// How far it came, with those of [`Connectors::open`], and `remote` when the server does not answer.
    pub async fn probe(&self, name: &str, cancel: &CancelToken) -> Result<ConnectorTest, (Hurdle, StepError)> {
        let begun = Instant::now();
        if let Some(directory) = self.declared().directories.get(name) {
            let version = self.read_base(directory, cancel).await.map_err(at_door)?;
            let tls = Some(directory.start_tls || directory.url.starts_with("ldaps:"));
            let elapsed = begun.elapsed();
            let (dialect, sign_in) = ("ldap", elapsed);
            return Ok(ConnectorTest { dialect, version, tls, elapsed, sign_in, query: None, clock_ms: None });
        }
        let session = self.open(name, Access::Read, cancel).await.map_err(at_door)?;
        let dialect = session.dialect();
        let mut sign_in = begun.elapsed();
        let Some(questions) = Questions::of(dialect) else {
            let (version, elapsed) = (String::new(), begun.elapsed());
            return Ok(ConnectorTest { dialect, version, tls: None, elapsed, sign_in, query: None, clock_ms: None });
        };
        let asked = Instant::now();
        // Some drivers connect with the first statement.
        ask(&*session, questions.simple).await.map_err(at_door)?;
        let mut query = asked.elapsed();
        if dialect == "sqlite" {
            sign_in += query;
            query = Duration::ZERO;
        }
        let after = |error| (Hurdle::Query, error);
        let row = ask(&*session, questions.version).await.map_err(after)?;
        let version = match row.first() {
            Some(Value::Text(text)) => text.clone(),
            _ => String::new(),
        };
        let mut tls = match row.get(1) {
            Some(Value::Bool(is_encrypted)) => Some(*is_encrypted),
            _ => None,
        };
        if dialect == "mysql" {
            // `Ssl_cipher` and its value, empty without TLS. An account that may not ask is no failure.
            let row = ask(&*session, "show session status like 'Ssl_cipher'").await.unwrap_or_default();
            tls = row.get(1).and_then(text_of).map(|cipher| !cipher.is_empty());
        }
        let clock = match questions.clock {
            Some(question) => ask(&*session, question).await.map_err(after)?.first().and_then(number),
            None => None,
        };
        let elapsed = begun.elapsed();
        Ok(ConnectorTest { dialect, version, tls, elapsed, sign_in, query: Some(query), clock_ms: clock })
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

/// Nobody was let in: over the encryption, as the sentences of `fault` and of the drivers name it, or at all.
fn at_door(error: StepError) -> (Hurdle, StepError) {
    let text = error.message.as_str();
    let is_tls = ["the server offers no TLS", "TLS of pool", "certificate", "handshake", "TLS connection"];
    let hurdle = if is_tls.iter().any(|words| text.contains(words)) { Hurdle::Tls } else { Hurdle::SignIn };
    (hurdle, error)
}

async fn ask(session: &dyn SqlSession, question: &str) -> Result<Row, StepError> {
    let mut answer = session.query(question, Vec::new()).await?;
    Ok(answer.next_batch(1).await?.into_iter().next().unwrap_or_default())
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Bytes(bytes) => String::from_utf8(bytes.to_vec()).ok(),
        _ => None,
    }
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

/// What each kind of database is asked.
struct Questions {
    simple: &'static str,
    /// Version and encryption, in one row.
    version: &'static str,
    /// Milliseconds since 1970.
    clock: Option<&'static str>,
}

impl Questions {
    /// `None` where nobody knows which database it is, and signing in has to do.
    fn of(dialect: &str) -> Option<Self> {
        let (simple, version, clock) = match dialect {
            "odbc" => return None,
            // Its clock is the one of this machine.
            "sqlite" => ("select 1", "select sqlite_version(), null", None),
            "postgres" => (
                "select 1",
                "select version(), coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false)",
                Some("select (extract(epoch from clock_timestamp()) * 1000)::bigint"),
            ),
            "sqlserver" => (
                "select 1",
                "select @@version, null",
                Some("select datediff_big(millisecond, '1970-01-01', sysutcdatetime())"),
            ),
            "oracle" => ("select 1 from dual", "select banner, null from v$version", None),
            "mysql" => (
                "select 1",
                "select version(), null",
                Some("select cast(floor(unix_timestamp(now(3)) * 1000) as signed)"),
            ),
            _ => ("select 1", "select version(), null", None),
        };
        Some(Self { simple, version, clock })
    }
}
