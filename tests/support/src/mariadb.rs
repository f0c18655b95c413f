//! A MariaDB server for tests, never one that already runs on the machine: fresh data in a temporary folder, on a free
//! loopback port, without waiting for the disk, with a password, in an odd time zone and with a small character set, so
//! that whoever relies on the server's settings notices.
//!
//! Each server has a folder for temporary tables of its own: a server that starts removes those it finds in its folder, and
//! one that loses a table it is just making crashes (10.11: `ha_maria::drop_table`), and with it every connection.
//!
//! `mariadbd`, `mariadb-install-db` and `mariadb` are looked for in `PATH` and in `/usr/sbin`. Root runs the server as
//! root: it is nobody else's business.

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

/// A running server; give [`Mariadb::database`] to each part of a test.
#[derive(Debug)]
pub struct Mariadb {
    port: u16,
    // Ended before its folder goes: fields drop in this order.
    server: OwnedProcess,
    folder: TempDir,
}

/// A fresh, empty database on a [`Mariadb`].
#[derive(Debug)]
pub struct MariadbDatabase<'s> {
    server: &'s Mariadb,
    name: String,
}

impl Mariadb {
    /// Starts a server. Two to five seconds.
    ///
    /// # Errors
    /// When MariaDB is not installed or does not start; the message holds the server's log.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(|_| Ok(Vec::new()))
    }

    /// The same with more options, which may name files that are made in the server's folder.
    ///
    /// # Errors
    /// As [`Mariadb::start`], and what `options` fails with.
    pub fn start_with(options: impl FnOnce(&Path) -> anyhow::Result<Vec<String>>) -> anyhow::Result<Self> {
        let folder =
            tempfile::Builder::new().prefix("nomaflow-my-").tempdir().context("making a folder for MariaDB")?;
        let options = options(folder.path())?;
        std::fs::create_dir(folder.path().join("tmp")).context("making a folder for temporary tables")?;
        let install = command("mariadb-install-db")?
            .args(common(folder.path()))
            .args(["--auth-root-authentication-method=normal", "--skip-test-db"])
            .output()
            .context("starting mariadb-install-db")?;
        ensure!(
            install.status.success(),
            "mariadb-install-db: {} {}",
            String::from_utf8_lossy(&install.stdout).trim(),
            String::from_utf8_lossy(&install.stderr).trim()
        );
        let users = folder.path().join("users.sql");
        // One user each for sockets and TCP: the anonymous ones of the installation would come first.
        let grants = format!(
            "create user '{USER}'@'%' identified by '{PASSWORD}';\ngrant all on *.* to '{USER}'@'%' with grant option;\n\
             create user '{USER}'@'localhost' identified by '{PASSWORD}';\n\
             grant all on *.* to '{USER}'@'localhost' with grant option;\n"
        );
        std::fs::write(&users, grants).context("writing the users")?;
        let log = folder.path().join("log");
        let mut folder = Some(folder);
        for attempt in 1..=PORT_ATTEMPTS {
            let at = folder.take().context("the folder is gone")?;
            let port = free_port()?;
            let mut mariadbd = command("mariadbd")?;
            mariadbd
                .args(common(at.path()))
                .arg(format!("--port={port}"))
                .arg(format!("--init-file={}", users.display()))
                .args(["--bind-address=127.0.0.1", "--skip-name-resolve", "--default-time-zone=+05:45"])
                .args(["--character-set-server=latin1", "--innodb-flush-log-at-trx-commit=0", "--max-connections=300"])
                .arg("--max-recursive-iterations=1000000")
                .args(&options)
                .stdout(Stdio::null())
                .stderr(std::fs::File::create(&log).context("making the server's log")?);
            // Its data goes with it, so there is nothing to end in good order.
            let server = OwnedProcess::start(&mut mariadbd, libc::SIGKILL, libc::SIGKILL)?;
            let mut started = Self { port, server, folder: at };
            let is_up =
                |started: &mut Self| started.server.exit_status().is_some() || started.admin("select 1").is_ok();
            let waited = wait_until(Duration::from_secs(60), || is_up(&mut started));
            if waited == Waited::Came && started.server.exit_status().is_none() {
                return Ok(started);
            }
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            if attempt == PORT_ATTEMPTS || !said.contains("Address already in use") {
                bail!("MariaDB did not start: {}", said.trim());
            }
            folder = Some(started.folder);
        }
        bail!("MariaDB found no port")
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.server.id()
    }

    /// Kills it, as a crash would.
    pub fn kill(&mut self) {
        self.server.signal(libc::SIGKILL);
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn database(&self) -> anyhow::Result<MariadbDatabase<'_>> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.admin(&format!("create database {name}"))?;
        Ok(MariadbDatabase { server: self, name })
    }

    /// Runs statements as the administrator, outside of any database.
    ///
    /// # Errors
    /// With the server's message.
    pub fn admin(&self, sql: &str) -> anyhow::Result<String> {
        self.run("", sql)
    }

    fn run(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        let mut client = command("mariadb")?
            .arg("--no-defaults")
            .arg(format!("--socket={}", self.folder.path().join("socket").display()))
            .arg(format!("--user={USER}"))
            .args(["--batch", "--skip-column-names", "--default-character-set=utf8mb4"])
            .arg(format!("--database={database}"))
            .env("MYSQL_PWD", PASSWORD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting mariadb")?;
        // A client that could not connect has closed its input.
        let written = client.stdin.take().context("mariadb has no input")?.write_all(sql.as_bytes());
        let output = client.wait_with_output().context("waiting for mariadb")?;
        ensure!(output.status.success(), "mariadb: {}", String::from_utf8_lossy(&output.stderr).trim());
        written.context("writing to mariadb")?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().replace('\t', "|"))
    }
}

impl MariadbDatabase<'_> {
    /// Its URL, password included.
    pub fn url(&self) -> String {
        format!("mysql://{USER}:{PASSWORD_IN_URL}@127.0.0.1:{}/{}", self.server.port, self.name)
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
        self.server.run(&self.name, sql)
    }
}

/// For the installation and the server alike.
fn common(folder: &Path) -> Vec<String> {
    let mut options = vec![
        // First, or it is not understood.
        "--no-defaults".to_owned(),
        format!("--datadir={}", folder.join("data").display()),
        format!("--socket={}", folder.join("socket").display()),
        format!("--tmpdir={}", folder.join("tmp").display()),
        "--innodb-log-file-size=16M".to_owned(),
        "--innodb-buffer-pool-size=64M".to_owned(),
        // The kernel has few contexts for it, and tests start many servers.
        "--innodb-use-native-aio=0".to_owned(),
        // On a busy disk a start waits half a minute for its 800 syncs, and every new table for some more.
        "--debug-no-sync".to_owned(),
        "--innodb-flush-method=nosync".to_owned(),
        "--skip-innodb-doublewrite".to_owned(),
    ];
    if Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0") {
        options.push("--user=root".to_owned());
    }
    options
}

fn command(name: &str) -> anyhow::Result<Command> {
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&in_path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    let program = found.with_context(|| format!("MariaDB is not installed: no `{name}` in PATH or /usr/sbin"))?;
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_fresh_and_the_server_ends_with_its_value() {
        let server = Mariadb::start().unwrap();
        let first = server.database().unwrap();
        first.execute("create table t (x int); insert into t values (1), (2)").unwrap();
        assert_eq!(first.execute("select x, x + 1 from t").unwrap(), "1|2\n2|3");
        let temporary = Path::new(&server.admin("select @@tmpdir").unwrap()).to_owned();
        assert_eq!(temporary, server.folder.path().join("tmp"), "no other server may clean it");
        let second = server.database().unwrap();
        assert!(second.execute("select * from t").unwrap_err().to_string().contains("doesn't exist"));
        drop((first, second));
        let id = server.id();
        drop(server);
        assert!(!Path::new(&format!("/proc/{id}")).exists());
    }
}
