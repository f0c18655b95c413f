//! One worker process: started, greeted, signalled, killed with everything it started, and its end put into words.
//!
//! The socket to the host is the worker's standard input, so starting one needs no code between fork and exec. There is
//! no parent-death signal either: the kernel sends that when the *thread* that forked ends, which for a runtime's thread
//! says nothing about the process. A worker sees the end of the host on its socket instead (`embed/src/channel.rs`).
#![allow(unsafe_code, reason = "kill(2) has no safe form in the standard library")]

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use host_model::JsonMap;
use serde_json::json;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};

use crate::frame::{FrameReader, Outgoing};
use crate::interpreter::Interpreter;
use crate::limits;
use crate::output::Output;
use crate::worker;

/// How long a worker may take until it is ready; a cold disk and a slow `site` need seconds.
const START_TIME: Duration = Duration::from_secs(30);

/// What a worker is started with; a worker serves only calls that want the same.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Environment {
    pub(crate) interpreter: Arc<Interpreter>,
    /// The import path in front of the interpreter's own; files below are watched for changes.
    pub(crate) roots: Vec<String>,
    /// What the parameter `settings` of a callable receives.
    pub(crate) settings: JsonMap,
    /// When the packages of a virtual environment last changed.
    pub(crate) packages_changed_at: Option<SystemTime>,
}

/// Why a worker did not come up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("the Python worker cannot be started: {0}")]
    Spawn(#[from] io::Error),
    #[error("the Python worker ended before it was ready ({status}){}", last_line(words))]
    Ended { status: String, words: String },
    #[error("the Python worker was not ready within {} s", START_TIME.as_secs())]
    Late,
}

fn last_line(words: &str) -> String {
    words.lines().last().map(|line| format!(": {line}")).unwrap_or_default()
}

impl StartError {
    /// What the worker said before it ended.
    pub(crate) fn detail(&self) -> &str {
        if let Self::Ended { words, .. } = self { words } else { "" }
    }
}

/// A running worker. Dropping it kills it and every process it started.
pub(crate) struct Worker {
    child: Child,
    pub(crate) environment: Arc<Environment>,
    pub(crate) reader: FrameReader<OwnedReadHalf>,
    pub(crate) writer: OwnedWriteHalf,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
    /// Steps it has run.
    pub(crate) steps: u32,
}

impl Worker {
    /// Starts `program` as a worker and waits until it is ready.
    pub(crate) async fn start(program: &Path, environment: Arc<Environment>) -> Result<Self, StartError> {
        let mut worker = Self::spawn(program, environment)?;
        match tokio::time::timeout(START_TIME, worker.greet()).await {
            Ok(Ok(())) => Ok(worker),
            Ok(Err(_)) => {
                let status = worker.end().await;
                worker.stderr.drain();
                Err(StartError::Ended { status: describe(status), words: worker.stderr.tail().trim().to_owned() })
            }
            Err(_) => Err(StartError::Late),
        }
    }

    fn spawn(program: &Path, environment: Arc<Environment>) -> io::Result<Self> {
        let (ours, theirs) = StdStream::pair()?;
        ours.set_nonblocking(true)?;
        let (stdout_end, stdout) = Output::pipe()?;
        let (stderr_end, stderr) = Output::pipe()?;
        let mut command = Command::new(program);
        command
            .arg(worker::COMMAND)
            .arg(&environment.interpreter.executable)
            .arg(&environment.interpreter.library)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(stdout_end))
            .stderr(Stdio::from(stderr_end))
            .process_group(0);
        let child = command.spawn()?;
        // The command holds the worker's ends; they must close for the end of the worker to be seen.
        drop(command);
        let (reader, writer) = UnixStream::from_std(ours)?.into_split();
        Ok(Self { child, environment, reader: FrameReader::new(reader), writer, stdout, stderr, steps: 0 })
    }

    /// Sends the import path and waits for the first sign of life.
    async fn greet(&mut self) -> io::Result<()> {
        let hello = json!({"roots": self.environment.roots, "settings": self.environment.settings});
        let mut outgoing = Outgoing::default();
        outgoing.append(0, hello.to_string().as_bytes(), None);
        while !outgoing.is_empty() {
            outgoing.write(&self.writer).await?;
        }
        self.reader.next().await?.map(drop).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Whether it is still there, as far as the kernel knows.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None)) && !self.is_ending()
    }

    /// A killed process cannot be waited for before its last thread has gone, but is a zombie at once (proc(5), `stat`,
    /// field 3). Without this a worker killed a moment ago would be given the next step.
    fn is_ending(&self) -> bool {
        let stat = self.child.id().and_then(|id| std::fs::read_to_string(format!("/proc/{id}/stat")).ok());
        // The program's name, before the last parenthesis, may hold anything.
        stat.as_deref().and_then(|text| text.rsplit_once(") ")).is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
    }

    /// A handle for signals, good until the worker is waited for or dropped.
    pub(crate) fn handle(&self) -> Handle {
        // A child that has been waited for has no id any more, so the number cannot belong to another process.
        Handle(self.child.id().and_then(|id| i32::try_from(id).ok()))
    }

    /// The status of a worker whose socket has ended. What is left of its group is killed first: the status of a
    /// process is settled before its socket closes, so this changes nothing about a worker that ended by itself.
    pub(crate) async fn end(&mut self) -> Option<ExitStatus> {
        self.handle().kill();
        self.child.wait().await.ok()
    }
}

/// Where signals for one worker go.
#[derive(Clone, Copy)]
pub(crate) struct Handle(Option<i32>);

impl Handle {
    /// The process.
    pub(crate) fn pid(self) -> Option<i32> {
        self.0
    }

    /// Asks the step to stop.
    pub(crate) fn interrupt(self) {
        self.signal(|pid| pid, libc::SIGUSR1);
    }

    /// Ends the worker, every process of its group, and those of its descendants that left the group. A worker adopts
    /// the descendants whose parents have ended (`worker.rs`), so while it lives none is out of sight.
    pub(crate) fn kill(self) {
        let family = self.0.map(limits::family).unwrap_or_default();
        self.signal(|pid| -pid, libc::SIGKILL);
        for pid in family {
            Self(Some(pid)).signal(|pid| pid, libc::SIGKILL);
        }
    }

    fn signal(self, target: impl Fn(i32) -> i32, signal: i32) {
        if let Some(pid) = self.0 {
            // SAFETY: sends a signal to our own child, to the group it leads, or to a descendant seen a moment ago; no
            // memory is involved.
            unsafe { libc::kill(target(pid), signal) };
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The runtime reaps the child later; until then its id stays taken.
        self.handle().kill();
    }
}

/// `killed by signal 11 (SIGSEGV)`, `exit status 7`.
pub(crate) fn describe(status: Option<ExitStatus>) -> String {
    let Some(status) = status else { return "unknown status".to_owned() };
    match (status.signal(), status.code()) {
        (Some(signal), _) => match signal_name(signal) {
            Some(name) => format!("killed by signal {signal} ({name})"),
            None => format!("killed by signal {signal}"),
        },
        (None, Some(code)) => format!("exit status {code}"),
        (None, None) => status.to_string(),
    }
}

fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGHUP => "SIGHUP",
        libc::SIGILL => "SIGILL",
        libc::SIGINT => "SIGINT",
        libc::SIGKILL => "SIGKILL: from outside, or out of memory",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGSYS => "SIGSYS",
        libc::SIGTERM => "SIGTERM",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGXCPU => "SIGXCPU",
        _ => return None,
    })
}
