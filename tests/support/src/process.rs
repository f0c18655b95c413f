//! A child process that cannot outlive its test: ended politely when dropped, then hard, and by the kernel when the
//! starting thread dies without dropping anything.
#![allow(unsafe_code, reason = "signals and the parent-death order have no safe form in the standard library")]

use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::Context;

use crate::wait::{Waited, wait_until};

/// How long a process may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running child and the signal it takes as a request to end.
#[derive(Debug)]
pub(crate) struct OwnedProcess {
    child: Child,
    ended: Option<ExitStatus>,
    end_signal: i32,
}

impl OwnedProcess {
    /// Starts it. `death_signal` comes from the kernel when the starting thread is gone, `end_signal` from [`Self::end`].
    pub(crate) fn start(command: &mut Command, end_signal: i32, death_signal: i32) -> anyhow::Result<Self> {
        #[cfg(target_os = "linux")]
        {
            use std::os::unix::process::CommandExt;
            let order = move || {
                // SAFETY: `prctl` with these arguments reads no memory and is safe between fork and exec.
                match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, death_signal as libc::c_ulong) } {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            };
            // SAFETY: the closure only makes one system call; it allocates nothing and takes no lock.
            unsafe { command.pre_exec(order) };
        }
        let child = command.spawn().with_context(|| format!("starting {:?}", command.get_program()))?;
        Ok(Self { child, ended: None, end_signal })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The child, for its pipes.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Its exit status, once it has one.
    pub(crate) fn exit_status(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Sends a signal to this very process; nothing when it has ended.
    pub(crate) fn signal(&mut self, signal: i32) {
        if self.exit_status().is_none() {
            // SAFETY: the child is not reaped yet, so the id is still its own; `kill` touches no memory.
            unsafe { libc::kill(self.child.id() as libc::pid_t, signal) };
        }
    }

    /// Waits until it has ended; `None` when it has not within `bound`.
    pub(crate) fn wait(&mut self, bound: Duration) -> Option<ExitStatus> {
        match wait_until(bound, || self.exit_status().is_some()) {
            Waited::Came => self.ended,
            Waited::InVain => None,
        }
    }

    /// Asks it to end, and kills it when it does not.
    pub(crate) fn end(&mut self) {
        self.signal(self.end_signal);
        // A process that stands still (SIGSTOP) hears nothing else.
        self.signal(libc::SIGCONT);
        if self.wait(PATIENCE).is_none() {
            self.signal(libc::SIGKILL);
            let _ = self.wait(PATIENCE);
        }
    }
}

impl Drop for OwnedProcess {
    fn drop(&mut self) {
        self.end();
    }
}
