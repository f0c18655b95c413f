//! A PostgreSQL cluster of our own in a temporary folder: made, started, stopped in each of the ways in which a server goes
//! away, and started again on the same port with the same data.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

use super::{PASSWORD, Programs, USER};
use crate::port::free_port;
use crate::process::OwnedProcess;
use crate::wait::{Waited, wait_until};

/// Another process may take the port between our look and the server's start.
const PORT_ATTEMPTS: u32 = 5;
/// How long a server may take to start, recovery after a crash included, and to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a server goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// As an administrator stops it: clients are thrown out, transactions rolled back, everything written.
    Fast,
    /// All processes end at once; the next start recovers.
    Immediate,
    /// `kill -9` of the first process; those that serve the clients find out by themselves.
    Kill,
}

/// The cluster and its server, if that runs.
#[derive(Debug)]
pub(super) struct Cluster {
    programs: Programs,
    account: Account,
    port: u16,
    // Ended before its folder goes: fields drop in this order.
    server: Mutex<Option<OwnedProcess>>,
    folder: TempDir,
}

impl Cluster {
    /// Makes one and starts its server.
    pub(super) fn start(programs: Programs) -> anyhow::Result<Self> {
        let account = Account::for_server()?;
        let folder =
            tempfile::Builder::new().prefix("nomaflow-pg-").tempdir().context("making a folder for PostgreSQL")?;
        account.own(folder.path())?;
        let mut cluster = Self { programs, account, port: 0, server: Mutex::new(None), folder };
        cluster.make()?;
        let mut last = None;
        for _ in 0..PORT_ATTEMPTS {
            cluster.port = free_port()?;
            match cluster.start_server() {
                Ok(()) => return Ok(cluster),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| anyhow::anyhow!("no port was tried")))
    }

    /// Where the server listens.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The server's process id; `None` while it is stopped.
    pub(super) fn id(&self) -> Option<u32> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(OwnedProcess::id)
    }

    fn make(&self) -> anyhow::Result<()> {
        let folder = self.folder.path();
        let password_file = folder.join("password");
        std::fs::write(&password_file, PASSWORD)?;
        self.account.own(&password_file)?;
        let mut command = self.programs.command("initdb");
        command
            .args(["--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "--username", USER])
            .arg("--pwfile")
            .arg(&password_file)
            .arg("--pgdata")
            .arg(folder.join("data"))
            .current_dir(folder);
        self.account.apply(&mut command);
        let output = command.output().context("starting initdb")?;
        ensure!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(())
    }

    /// Starts the server, again if need be, and waits until it takes clients.
    pub(super) fn start_server(&self) -> anyhow::Result<()> {
        let mut running = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(running.is_none(), "PostgreSQL runs already");
        let end = Instant::now() + PATIENCE;
        loop {
            match self.try_start() {
                Ok(server) => {
                    *running = Some(server);
                    return Ok(());
                }
                // What a killed server left behind: its children hold its memory until they notice.
                Err(error) if Instant::now() < end && error.to_string().contains("is still in use") => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn try_start(&self) -> anyhow::Result<OwnedProcess> {
        let folder = self.folder.path();
        let (data, log_path) = (folder.join("data"), folder.join("log"));
        let log = std::fs::File::create(&log_path)?;
        let mut command = self.programs.command("postgres");
        command.arg("-D").arg(&data).args(["-p", &self.port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "fsync=off",
            "full_page_writes=off",
            "shared_buffers=16MB",
            "max_connections=300",
            "autovacuum=off",
            "timezone=Pacific/Chatham",
        ] {
            command.args(["-c", setting]);
        }
        command.arg("-c").arg(format!("unix_socket_directories={}", folder.display()));
        command.current_dir(folder).stdout(Stdio::null()).stderr(log);
        self.account.apply(&mut command);
        // SIGINT is PostgreSQL's "fast", SIGQUIT its "immediate" shutdown; SIGKILL would leave shared memory behind.
        let mut server = OwnedProcess::start(&mut command, libc::SIGINT, libc::SIGQUIT)?;
        // The file of a server that was killed still says "ready", of another process.
        let (state, id) = (data.join("postmaster.pid"), server.id().to_string());
        let ready = || {
            std::fs::read_to_string(&state).is_ok_and(|text| {
                text.lines().next() == Some(id.as_str()) && text.lines().any(|line| line.trim() == "ready")
            })
        };
        let waited = wait_until(PATIENCE, || ready() || server.exit_status().is_some());
        if waited == Waited::InVain || server.exit_status().is_some() {
            bail!("PostgreSQL did not start: {}", std::fs::read_to_string(&log_path).unwrap_or_default().trim());
        }
        Ok(server)
    }

    /// Stops the server and returns when its first process is gone.
    pub(super) fn stop_server(&self, how: Shutdown) -> anyhow::Result<()> {
        let running = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut server = running.context("PostgreSQL does not run")?;
        server.signal(match how {
            Shutdown::Fast => libc::SIGINT,
            Shutdown::Immediate => libc::SIGQUIT,
            Shutdown::Kill => libc::SIGKILL,
        });
        server.wait(PATIENCE).map(drop).context("PostgreSQL does not stop")
    }
}

/// Who the server runs as.
#[derive(Debug)]
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

    fn own(&self, path: &Path) -> anyhow::Result<()> {
        if let Some((uid, gid)) = self.ids {
            std::os::unix::fs::chown(path, Some(uid), Some(gid))
                .with_context(|| format!("giving `{}` to the user postgres", path.display()))?;
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
