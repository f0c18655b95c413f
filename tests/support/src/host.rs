//! The built program, running on a home: started on a free port, awaited until it says where it listens, ended when dropped.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::process::OwnedProcess;
use crate::wait::{Waited, wait_until};

/// How long the program may take until it listens: a debug build on a busy machine, with plug-ins to compile.
const START: Duration = Duration::from_secs(60);

/// A running host.
#[derive(Debug)]
pub struct Host {
    process: OwnedProcess,
    output: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
    url: String,
}

impl Host {
    /// Runs `<binary> serve --home <home> --listen 127.0.0.1:0` and waits for the line with its address.
    ///
    /// # Errors
    /// When it ends or stays silent; the message holds what it printed.
    pub fn start(binary: impl AsRef<Path>, home: &Path) -> anyhow::Result<Self> {
        Self::start_with(binary, home, |_| {})
    }

    /// Like [`Host::start`], after `adjust` has added flags or variables.
    ///
    /// # Errors
    /// As [`Host::start`].
    pub fn start_with(
        binary: impl AsRef<Path>,
        home: &Path,
        adjust: impl FnOnce(&mut Command),
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(binary.as_ref());
        command.arg("--home").arg(home).args(["serve", "--listen", "127.0.0.1:0"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        adjust(&mut command);
        let mut process = OwnedProcess::start(&mut command, libc::SIGTERM, libc::SIGKILL)?;
        let output = Arc::new(Mutex::new(Vec::new()));
        let child = process.child();
        let stdout = child.stdout.take().context("the host has no standard output")?;
        let stderr = child.stderr.take().context("the host has no standard error")?;
        let readers = vec![collect(stdout, Arc::clone(&output)), collect(stderr, Arc::clone(&output))];
        let mut host = Self { process, output, readers, url: String::new() };
        let mut found = None;
        let waited = wait_until(START, || {
            found = host.lines().iter().find_map(|line| listening_url(line));
            found.is_some() || host.process.exit_status().is_some()
        });
        match (waited, found) {
            (Waited::Came, Some(url)) => {
                host.url = url;
                Ok(host)
            }
            _ => {
                host.process.end();
                host.join_readers();
                bail!("the host did not listen; it printed:\n{}", host.lines().join("\n"))
            }
        }
    }

    /// Where it listens: `http://127.0.0.1:<port>`, without a final slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it has printed so far, both streams together.
    pub fn lines(&self) -> Vec<String> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until some printed line holds `part`.
    pub fn wait_for_line(&self, part: &str, bound: Duration) -> Waited {
        wait_until(bound, || self.lines().iter().any(|line| line.contains(part)))
    }

    /// Asks it to end (SIGTERM) and waits for that.
    ///
    /// # Errors
    /// When it is still there after `bound`; the message holds what it printed.
    pub fn stop(mut self, bound: Duration) -> anyhow::Result<ExitStatus> {
        self.process.signal(libc::SIGTERM);
        match self.process.wait(bound) {
            Some(status) => Ok(status),
            None => bail!("the host does not end; it printed:\n{}", self.lines().join("\n")),
        }
    }

    /// Lets it stand still (SIGSTOP) until [`Host::resume`]: it lives, holds its connections, and gives no sign of life.
    pub fn pause(&mut self) {
        self.process.signal(libc::SIGSTOP);
    }

    /// Lets it go on after [`Host::pause`].
    pub fn resume(&mut self) {
        self.process.signal(libc::SIGCONT);
    }

    /// Whether it has not ended by itself.
    pub fn is_running(&mut self) -> bool {
        self.process.exit_status().is_none()
    }

    /// Kills it as a power cut would (SIGKILL).
    pub fn kill(mut self) {
        self.process.signal(libc::SIGKILL);
        self.process.end();
    }

    /// Lets it crash (SIGABRT), as a panic of the machine code in it would.
    pub fn crash(&mut self) {
        self.process.signal(libc::SIGABRT);
    }

    fn join_readers(&mut self) {
        for reader in self.readers.drain(..) {
            // A reader that panicked has nothing to add.
            let _ = reader.join();
        }
    }
}

/// The pipe is read to its end, or the program would block on it.
fn collect(pipe: impl Read + Send + 'static, output: Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n') {
            let Ok(line) = line else { return };
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            output.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    })
}

/// `… listening … http://127.0.0.1:8123 …`
fn listening_url(line: &str) -> Option<String> {
    if !line.contains("listening") {
        return None;
    }
    let start = line.find("http://")?;
    let rest = &line[start..];
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | ',' | '\u{1b}')).unwrap_or(rest.len());
    Some(rest[..end].trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::TempHome;

    fn script(home: &TempHome, text: &str) -> std::path::PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = home.write("host.sh", format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn the_address_is_read_from_the_line_that_says_listening() {
        for (line, url) in [
            ("INFO listening on http://127.0.0.1:81", Some("http://127.0.0.1:81")),
            ("{\"message\":\"listening\",\"url\":\"http://127.0.0.1:81/\",\"n\":1}", Some("http://127.0.0.1:81")),
            ("see http://example.test", None),
        ] {
            assert_eq!(listening_url(line).as_deref(), url, "{line}");
        }
    }

    #[test]
    fn a_program_is_awaited_stopped_and_its_output_kept() {
        let home = TempHome::new().unwrap();
        let text =
            "trap 'exit 7' TERM\necho args $*\necho listening on http://127.0.0.1:1234\nwhile :; do sleep 0.05; done";
        let host = Host::start(script(&home, text), home.path()).unwrap();
        assert_eq!(host.url(), "http://127.0.0.1:1234");
        host.wait_for_line("serve --listen 127.0.0.1:0", Duration::from_secs(5)).or_panic("the arguments");
        assert_eq!(host.stop(Duration::from_secs(10)).unwrap().code(), Some(7));
    }

    #[test]
    fn a_paused_program_does_nothing_until_it_is_resumed() {
        let home = TempHome::new().unwrap();
        let text =
            "echo listening on http://127.0.0.1:1\nn=0\nwhile :; do n=$((n + 1)); echo tick $n; sleep 0.02; done";
        let mut host = Host::start(script(&home, text), home.path()).unwrap();
        host.wait_for_line("tick 2", Duration::from_secs(5)).or_panic("it ticks");
        host.pause();
        // What was on its way in the pipe may still come; then nothing does.
        let still = || {
            let before = host.lines().len();
            wait_until(Duration::from_millis(200), || host.lines().len() > before) == Waited::InVain
        };
        wait_until(Duration::from_secs(5), still).or_panic("it stands still");
        let before = host.lines().len();
        host.resume();
        wait_until(Duration::from_secs(5), || host.lines().len() > before).or_panic("it goes on");
        assert!(host.is_running());
    }

    #[test]
    fn a_program_that_ends_early_is_an_error_with_its_words() {
        let home = TempHome::new().unwrap();
        let error = Host::start(script(&home, "echo no such setting >&2; exit 3"), home.path()).unwrap_err();
        assert!(error.to_string().contains("no such setting"), "{error}");
    }
}
