//! Threads of their own for reading and compiling components, so that neither the runtime nor a reading of the catalogue
//! waits for it, and a process that ends does not either: nobody joins them.
//!
//! There are two lanes, each with one piece of work at a time. What takes long goes into the slow one, whose threads give
//! way to everything else, so that a small component dropped in beside a large one need not wait for it.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::SandboxError;

/// The compiler spreads one component over so many threads.
const THREADS: usize = 2;
/// How far the slow lane stands back: it gets a third of what others get who want the same processor.
const NICENESS: i32 = 5;

type Work = Box<dyn FnOnce() + Send>;

/// Where components are prepared.
pub(super) struct Lanes {
    /// For what takes a second at the most.
    pub(super) quick: Lane,
    /// For compiling what is large.
    pub(super) slow: Lane,
}

impl Lanes {
    pub(super) fn start() -> Result<Self, SandboxError> {
        Ok(Self { quick: Lane::start("sandbox-quick", 0)?, slow: Lane::start("sandbox-slow", NICENESS)? })
    }
}

/// One piece of work after another.
pub(super) struct Lane(Sender<Work>);

impl Lane {
    fn start(name: &'static str, niceness: i32) -> Result<Self, SandboxError> {
        let failed = |error: &dyn std::fmt::Display| SandboxError::Engine {
            message: format!("the threads of the compiler do not start: {error}"),
        };
        let n_threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(THREADS);
        let pool: ThreadPool = ThreadPoolBuilder::new()
            .num_threads(n_threads)
            .thread_name(move |at| format!("{name}-{at}"))
            .start_handler(move |_| {
                if niceness > 0 {
                    // On Linux this is about the present thread alone. Where it is refused, work only competes.
                    let _ = rustix::process::setpriority_process(None, niceness);
                }
            })
            .build()
            .map_err(|error| failed(&error))?;
        let (sender, receiver) = channel::<Work>();
        let work = move || {
            for work in receiver {
                // In the pool, because the compiler takes the threads of the pool it is called in.
                let done = catch_unwind(AssertUnwindSafe(|| pool.install(work)));
                if done.is_err() {
                    tracing::error!("preparing a component panicked");
                }
            }
        };
        std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(|error| failed(&error))?;
        Ok(Self(sender))
    }

    /// Has it done when everything before it is.
    pub(super) fn run(&self, work: impl FnOnce() + Send + 'static) {
        // The other end lives as long as this one.
        let _ = self.0.send(Box::new(work));
    }
}
