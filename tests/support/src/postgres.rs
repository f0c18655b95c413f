//! A PostgreSQL server for tests, never one that already runs on the machine: a fresh cluster in a temporary folder, on
//! a free loopback port, without waiting for the disk, with password logins as a real server has.
//!
//! `NOMAFLOW_TEST_POSTGRES` may hold the URL of an administrator instead (`postgres://user:password@host/postgres`); then
//! that server is used, and each [`Database`] is dropped at its end. The programs are looked for in `PATH` and in
//! `/usr/lib/postgresql/*/bin`; the server refuses to run as root, so root starts it as the user `postgres`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, ensure};

use cluster::Cluster;

mod cluster;
mod session;

pub use cluster::Shutdown;
pub use session::Session;

const USER: &str = "nomaflow";
const PASSWORD: &str = "pass word/1";
const PASSWORD_IN_URL: &str = "pass%20word%2F1";

/// A server; give [`Postgres::database`] to each test.
#[derive(Debug)]
pub struct Postgres {
    programs: Programs,
    /// URL up to and without the database, and what follows it.
    base: String,
    query: String,
    admin_database: String,
    cluster: Option<Cluster>,
}

/// A fresh, empty database on a [`Postgres`].
#[derive(Debug)]
pub struct Database<'s> {
    server: &'s Postgres,
    name: String,
    url: String,
}

impl Postgres {
    /// Starts a private server, or takes the one the environment names. About a second.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start; the message holds the server's log.
    pub fn start() -> anyhow::Result<Self> {
        let programs = Programs::find()?;
        match std::env::var("NOMAFLOW_TEST_POSTGRES") {
            Ok(url) if !url.is_empty() => Self::existing(programs, &url),
            _ => Self::private(programs),
        }
    }

    /// Starts a private server whatever the environment says, for tests that need its password rules or its roles.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn start_private() -> anyhow::Result<Self> {
        Self::private(Programs::find()?)
    }

    fn existing(programs: Programs, url: &str) -> anyhow::Result<Self> {
        let (plain, query) =
            url.split_once('?').map_or((url, String::new()), |(plain, query)| (plain, format!("?{query}")));
        let after_scheme = plain.find("://").context("NOMAFLOW_TEST_POSTGRES is not a URL")? + 3;
        let (base, database) = match plain[after_scheme..].find('/') {
            Some(slash) => (&plain[..after_scheme + slash], &plain[after_scheme + slash + 1..]),
            None => (plain, ""),
        };
        let admin_database = if database.is_empty() { "postgres" } else { database }.to_owned();
        Ok(Self { programs, base: base.to_owned(), query, admin_database, cluster: None })
    }

    fn private(programs: Programs) -> anyhow::Result<Self> {
        let cluster = Cluster::start(programs.clone())?;
        let base = format!("postgres://{USER}:{PASSWORD_IN_URL}@127.0.0.1:{}", cluster.port());
        let admin_database = "postgres".to_owned();
        Ok(Self { programs, base, query: String::new(), admin_database, cluster: Some(cluster) })
    }

    /// Stops the server, as one way of losing it; [`Postgres::start_server`] brings it back with what was committed.
    ///
    /// # Errors
    /// When it is not our own, not running, or does not end.
    pub fn stop_server(&self, how: Shutdown) -> anyhow::Result<()> {
        self.own_cluster()?.stop_server(how)
    }

    /// Starts the server that [`Postgres::stop_server`] stopped, on the same port.
    ///
    /// # Errors
    /// When it runs, or does not start; the message holds its log.
    pub fn start_server(&self) -> anyhow::Result<()> {
        self.own_cluster()?.start_server()
    }

    fn own_cluster(&self) -> anyhow::Result<&Cluster> {
        self.cluster.as_ref().context("this server is not ours to stop")
    }

    /// Makes an empty database in UTF-8, dropped with the value.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn database(&self) -> anyhow::Result<Database<'_>> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("nomaflow_test_{}_{number}", std::process::id());
        self.admin(&format!("create database {name} encoding 'UTF8' template template0"))?;
        let url = self.url(&name);
        Ok(Database { server: self, name, url })
    }

    /// The password in its URLs, as somebody types it.
    pub const PASSWORD: &str = PASSWORD;

    /// [`Postgres::url`] for where the password stands elsewhere.
    pub fn url_without_password(&self, database: &str) -> String {
        self.url(database).replacen(&format!(":{PASSWORD_IN_URL}@"), "@", 1)
    }

    /// The URL of a database on this server.
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}{}", self.base, self.query)
    }

    /// Runs statements as the administrator.
    ///
    /// # Errors
    /// With the server's message.
    pub fn admin(&self, sql: &str) -> anyhow::Result<String> {
        self.programs.psql(&self.url(&self.admin_database), sql)
    }

    /// Whether this server is our own and may be stopped.
    pub fn is_private(&self) -> bool {
        self.cluster.is_some()
    }

    /// Where it listens, when it is our own.
    pub fn port(&self) -> Option<u16> {
        self.cluster.as_ref().map(Cluster::port)
    }

    /// Its process id, when it is our own and runs.
    pub fn id(&self) -> Option<u32> {
        self.cluster.as_ref().and_then(Cluster::id)
    }
}

impl Database<'_> {
    /// Its URL, password included.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name on the server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs statements and returns what they print, one row a line, columns separated by `|`.
    ///
    /// # Errors
    /// With the server's message.
    pub fn execute(&self, sql: &str) -> anyhow::Result<String> {
        self.server.programs.psql(&self.url, sql)
    }

    /// Opens a connection that stays.
    ///
    /// # Errors
    /// When `psql` cannot be started; a server that refuses shows at the first statement.
    pub fn session(&self) -> anyhow::Result<Session> {
        let mut psql = self.server.programs.command("psql");
        psql.arg("--dbname").arg(&self.url);
        Session::open(psql)
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        // A private cluster goes as a whole.
        if !self.server.is_private()
            && let Err(error) = self.server.admin(&format!("drop database if exists {} with (force)", self.name))
        {
            eprintln!("database {} stays behind: {error:#}", self.name);
        }
    }
}

/// Where the programs of PostgreSQL are.
#[derive(Debug, Clone)]
struct Programs {
    folder: PathBuf,
}

impl Programs {
    fn find() -> anyhow::Result<Self> {
        let in_path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::env::split_paths(&in_path).collect();
        let mut installed: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
            .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect())
            .unwrap_or_default();
        installed.sort();
        folders.extend(installed.into_iter().rev());
        let found = folders.into_iter().find(|folder| folder.join("initdb").is_file() && folder.join("psql").is_file());
        found
            .map(|folder| Self { folder })
            .context("PostgreSQL is not installed: no `initdb` in PATH or /usr/lib/postgresql/*/bin")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join(name));
        // A locale or connection setting of the machine must not leak in.
        for (key, _) in std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("PG")) {
            command.env_remove(key);
        }
        command.env("LC_ALL", "C").stdin(Stdio::null());
        command
    }

    fn psql(&self, url: &str, sql: &str) -> anyhow::Result<String> {
        let mut child = self
            .command("psql")
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--dbname"])
            .arg(url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting psql")?;
        child.stdin.take().context("psql has no input")?.write_all(sql.as_bytes()).context("writing to psql")?;
        let output = child.wait_with_output().context("waiting for psql")?;
        ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_database_is_fresh_and_the_server_ends_with_its_value() {
        let server = Postgres::start().unwrap();
        let first = server.database().unwrap();
        first.execute("create table t (x int)").unwrap();
        let second = server.database().unwrap();
        assert_eq!(second.execute("select count(*) from pg_tables where tablename = 't'").unwrap(), "0");
        assert!(second.execute("select nonsense").unwrap_err().to_string().contains("nonsense"));
        drop((first, second));
        if let Some(id) = server.id() {
            drop(server);
            assert!(!Path::new(&format!("/proc/{id}")).exists());
        }
    }

    #[test]
    fn a_session_answers_again_and_again_and_says_what_was_wrong() {
        let server = Postgres::start().unwrap();
        let database = server.database().unwrap();
        let mut session = database.session().unwrap();
        assert_eq!(
            session.rows("select 1, null union all select 2, 'x' order by 1;").unwrap(),
            [["1", ""], ["2", "x"]]
        );
        assert!(session.value("select nonsense").unwrap_err().to_string().contains("nonsense"));
        assert_eq!(session.value("select 3").unwrap(), "3");
        assert_eq!(session.value("select 3 where false").unwrap(), "");
    }

    #[test]
    fn a_server_comes_back_with_what_was_committed_however_it_was_stopped() {
        let server = Postgres::start_private().unwrap();
        let database = server.database().unwrap();
        database.execute("create table t (x int)").unwrap();
        for how in [Shutdown::Fast, Shutdown::Immediate, Shutdown::Kill] {
            let mut session = database.session().unwrap();
            session.rows("insert into t values (1)").unwrap();
            server.stop_server(how).unwrap();
            assert_eq!(server.id(), None);
            assert!(session.rows("insert into t values (1)").is_err(), "{how:?}");
            server.stop_server(how).unwrap_err();
            server.start_server().unwrap();
        }
        assert_eq!(database.execute("select count(*) from t").unwrap(), "3");
    }
}
