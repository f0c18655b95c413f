//! A PostgreSQL server for tests, never one that already runs on the machine: a fresh cluster in a temporary folder, on
//! a free loopback port, without waiting for the disk, with password logins as a real server has.
//!
//! `NOMAFLOW_TEST_POSTGRES` may hold the URL of an administrator instead (`postgres://user:password@host/postgres`); then
//! that server is used, and each [`Database`] is dropped at its end. The programs are looked for in `PATH` and in
//! `/usr/lib/postgresql/*/bin`; the server refuses to run as root, so root starts it as the user `postgres`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

use crate::port::free_port;
use crate::process::OwnedProcess;
use crate::wait::{Waited, wait_until};

const USER: &str = "nomaflow";
const PASSWORD: &str = "pass word/1";
const PASSWORD_IN_URL: &str = "pass%20word%2F1";
/// Another process may take the port between our look and the server's start.
const PORT_ATTEMPTS: u32 = 5;

/// A server; give [`Postgres::database`] to each test.
#[derive(Debug)]
pub struct Postgres {
    programs: Programs,
    /// URL up to and without the database, and what follows it.
    base: String,
    query: String,
    admin_database: String,
    // Ended before its folder goes: fields drop in this order.
    server: Option<OwnedProcess>,
    _folder: Option<TempDir>,
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
        Ok(Self { programs, base: base.to_owned(), query, admin_database, server: None, _folder: None })
    }

    fn private(programs: Programs) -> anyhow::Result<Self> {
        let account = Account::for_server()?;
        let folder =
            tempfile::Builder::new().prefix("nomaflow-pg-").tempdir().context("making a folder for PostgreSQL")?;
        account.own(folder.path())?;
        let data = folder.path().join("data");
        init_cluster(&programs, &account, folder.path(), &data)?;
        let mut last = None;
        for _ in 0..PORT_ATTEMPTS {
            let port = free_port()?;
            match start_server(&programs, &account, folder.path(), &data, port) {
                Ok(server) => {
                    let base = format!("postgres://{USER}:{PASSWORD_IN_URL}@127.0.0.1:{port}");
                    let admin_database = "postgres".to_owned();
                    let (server, folder) = (Some(server), Some(folder));
                    return Ok(Self { programs, base, query: String::new(), admin_database, server, _folder: folder });
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| anyhow::anyhow!("no port was tried")))
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
        self.server.is_some()
    }

    /// Its process id, when it is our own.
    pub fn id(&self) -> Option<u32> {
        self.server.as_ref().map(OwnedProcess::id)
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

/// Who the server runs as.
struct Account {
    ids: Option<(u32, u32)>,
}

impl Account {
    fn for_server() -> anyhow::Result<Self> {
        let id = |arguments: &[&str]| -> anyhow::Result<u32> {
            let output = Command::new("id").args(arguments).output().context("running `id`")?;
            ensure!(output.status.success(), "`id {}` failed", arguments.join(" "));
            Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
        };
        if id(&["-u"])? != 0 {
            return Ok(Self { ids: None });
        }
        let ids = id(&["-u", "postgres"]).and_then(|uid| Ok((uid, id(&["-g", "postgres"])?)));
        Ok(Self { ids: Some(ids.context("PostgreSQL does not run as root, and there is no user `postgres`")?) })
    }

    fn own(&self, folder: &Path) -> anyhow::Result<()> {
        if let Some((uid, gid)) = self.ids {
            std::os::unix::fs::chown(folder, Some(uid), Some(gid))
                .with_context(|| format!("giving `{}` to the user postgres", folder.display()))?;
        }
        Ok(())
    }

    fn apply(&self, command: &mut Command) {
        use std::os::unix::process::CommandExt;
        if let Some((uid, gid)) = self.ids {
            command.uid(uid).gid(gid);
        }
    }
}

fn init_cluster(programs: &Programs, account: &Account, folder: &Path, data: &Path) -> anyhow::Result<()> {
    let password_file = folder.join("password");
    std::fs::write(&password_file, PASSWORD)?;
    account.own(&password_file)?;
    let mut command = programs.command("initdb");
    command
        .args(["--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "--username", USER])
        .arg("--pwfile")
        .arg(&password_file)
        .arg("--pgdata")
        .arg(data)
        .current_dir(folder);
    account.apply(&mut command);
    let output = command.output().context("starting initdb")?;
    ensure!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

fn start_server(
    programs: &Programs,
    account: &Account,
    folder: &Path,
    data: &Path,
    port: u16,
) -> anyhow::Result<OwnedProcess> {
    let log_path = folder.join("log");
    let log = std::fs::File::create(&log_path)?;
    let mut command = programs.command("postgres");
    command.arg("-D").arg(data).args(["-p", &port.to_string()]);
    for setting in [
        "listen_addresses=127.0.0.1",
        "fsync=off",
        "full_page_writes=off",
        "shared_buffers=16MB",
        "max_connections=100",
        "autovacuum=off",
        "timezone=Pacific/Chatham",
    ] {
        command.args(["-c", setting]);
    }
    command.arg("-c").arg(format!("unix_socket_directories={}", folder.display()));
    command.current_dir(folder).stdout(Stdio::null()).stderr(log);
    account.apply(&mut command);
    // SIGINT is PostgreSQL's "fast", SIGQUIT its "immediate" shutdown; SIGKILL would leave shared memory behind.
    let mut server = OwnedProcess::start(&mut command, libc::SIGINT, libc::SIGQUIT)?;
    let state = data.join("postmaster.pid");
    let ready = || std::fs::read_to_string(&state).is_ok_and(|text| text.lines().any(|line| line.trim() == "ready"));
    let waited = wait_until(Duration::from_secs(60), || ready() || server.exit_status().is_some());
    if waited == Waited::InVain || server.exit_status().is_some() {
        bail!("PostgreSQL did not start: {}", std::fs::read_to_string(&log_path).unwrap_or_default().trim());
    }
    Ok(server)
}

#[cfg(test)]
mod tests {
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
}
