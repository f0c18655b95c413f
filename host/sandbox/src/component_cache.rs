//! Compiled components: in memory by file, on disk (`disk`) by content; one cache for each size of stack, because that
//! belongs to the engine. Files are read and compiled in `lane`s; whoever asks waits as long as it has patience (`place`).
//!
//! Invariants: a file that changed is noticed at the next call (its stamp first, its digest second), and calls that
//! run keep what they began with; while a new file is compiled, the one before it stays in force; a file that is just
//! being written is not judged by its first half; a file is prepared once, however many ask for it.

mod disk;
mod lane;
mod place;
mod stamp;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::SandboxError;
use crate::capability::wasi::watch_denials;
use crate::contract;
use crate::engine::start_engine;
use crate::file_kind::read_component;
use crate::inspect::{ComponentFile, Prepared, prepare};
use crate::limits::Limits;
use crate::state::CallState;
use disk::CompiledCode;
use lane::Lanes;
use place::{Duty, Place, Work};
use stamp::Stamp;

/// The longest wait for somebody who is writing a file; who writes slower is heard again when the watcher sees the rest.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How often the file is looked at while somebody writes.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Times a file may change while it is prepared.
const MOST_ROUNDS: u32 = 8;
/// Bytes of a component that is compiled in half a second even by a debug build.
const SMALL: usize = 1024 * 1024;
/// How long a new file keeps calls waiting while there is one in force.
const CALL_PATIENCE: Duration = Duration::from_millis(500);

/// How long somebody waits for a component that has to be compiled.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Patience {
    Endless,
    Until(Instant),
    /// Endless as long as there is none in force; else a moment.
    OfCall,
}

/// What there is of a component.
pub(crate) enum Loaded {
    /// The file as it is now.
    Ready(Arc<Prepared>),
    /// It is being compiled; this was there before it.
    Compiling(Option<Arc<Prepared>>),
}

/// The caches of a process, by size of stack.
pub(crate) struct ComponentCaches {
    folder: PathBuf,
    lanes: Arc<Lanes>,
    /// See [`ComponentCaches::compiled`].
    compiled: Arc<Notify>,
    by_stack: Mutex<BTreeMap<usize, Arc<ComponentCache>>>,
}

impl ComponentCaches {
    /// Caches that keep compiled code in `folder`. The usual engine is started at once, so that a machine where it does
    /// not work is found out here.
    pub(crate) fn open(folder: &Path) -> Result<Self, SandboxError> {
        let lanes = Arc::new(Lanes::start()?);
        let caches = Self { folder: folder.to_owned(), lanes, compiled: Arc::default(), by_stack: Mutex::default() };
        caches.with_stack(Limits::default().stack_bytes)?;
        Ok(caches)
    }

    /// The cache whose guests have at least so much stack.
    pub(crate) fn with_stack(&self, stack_bytes: u64) -> Result<Arc<ComponentCache>, SandboxError> {
        // Few sizes, hence few engines, whatever people write.
        let stack = usize::try_from(stack_bytes).unwrap_or(usize::MAX / 2).next_power_of_two();
        let mut by_stack = lock(&self.by_stack);
        if let Some(cache) = by_stack.get(&stack) {
            return Ok(Arc::clone(cache));
        }
        let workshop = Workshop::open(&start_engine(stack)?, &self.folder)?;
        let (lanes, compiled) = (Arc::clone(&self.lanes), Arc::clone(&self.compiled));
        let cache =
            Arc::new(ComponentCache { workshop: Arc::new(workshop), lanes, compiled, places: Mutex::default() });
        by_stack.insert(stack, Arc::clone(&cache));
        Ok(cache)
    }

    /// Lets go of what is known of a file that is gone.
    pub(crate) fn forget(&self, path: &Path) {
        lock(&self.by_stack).values().for_each(|cache| drop(lock(&cache.places).remove(path)));
    }

    /// Returns when a component is done that somebody was told is being compiled.
    pub(crate) async fn compiled(&self) {
        self.compiled.notified().await;
    }
}

/// The components of one engine.
pub(crate) struct ComponentCache {
    workshop: Arc<Workshop>,
    lanes: Arc<Lanes>,
    compiled: Arc<Notify>,
    places: Mutex<HashMap<PathBuf, Arc<Place>>>,
}

impl ComponentCache {
    /// The component in the file, as it is now or will be. Blocks: a component that is new to the cache is compiled, which
    /// takes a tenth of a second for a small one and many seconds for one that holds an interpreter, as far as `patience`
    /// goes; and a file that is not sound is waited for as long as somebody writes it, up to a second.
    pub(crate) fn load(&self, path: &Path, patience: Patience) -> Result<Loaded, SandboxError> {
        let place = Arc::clone(lock(&self.places).entry(path.to_owned()).or_default());
        let began = Instant::now();
        let mut rounds = 0;
        let mut state = place.lock();
        loop {
            let stamp = match Stamp::read(path) {
                Ok(stamp) => stamp,
                Err(error) => {
                    lock(&self.places).remove(path);
                    return Err(error);
                }
            };
            if let Some((_, prepared)) = state.in_force.as_ref().filter(|(known, _)| *known == stamp) {
                return Ok(Loaded::Ready(Arc::clone(prepared)));
            }
            if let Some((_, error)) = state.refused.as_ref().filter(|(known, _)| *known == stamp) {
                let error = error.clone();
                if began.elapsed() >= LONGEST_WAIT || !(error.is_of_file() && stamp.is_fresh()) {
                    state.in_force = None;
                    // Such an error may pass, and nothing of the file will tell.
                    if !error.is_of_file() {
                        state.refused = None;
                    }
                    return Err(error);
                }
                state = place.wait(state, Some(Instant::now() + LOOK_AGAIN));
                continue;
            }
            if state.at_work.is_none() {
                rounds += 1;
                if rounds > MOST_ROUNDS && began.elapsed() >= LONGEST_WAIT {
                    return Err(SandboxError::Unsettled { path: path.to_owned() });
                }
                state.at_work = Some(Work { begun: Instant::now(), is_awaited: false });
                let known = state.prepared();
                self.begin(Duty::new(Arc::clone(&place), stamp, Arc::clone(&self.compiled)), path, known);
            }
            let in_force = state.prepared();
            let begun = state.at_work.as_ref().map_or(began, |work| work.begun);
            let until = match patience {
                Patience::Endless => None,
                Patience::Until(until) => Some(until),
                Patience::OfCall => in_force.is_some().then(|| begun + CALL_PATIENCE),
            };
            if until.is_some_and(|until| until <= Instant::now()) {
                if let Some(work) = &mut state.at_work {
                    work.is_awaited = true;
                }
                return Ok(Loaded::Compiling(in_force));
            }
            state = place.wait(state, until);
        }
    }

    /// The component in the file, if it is ready as the file is now. Begins nothing and waits for nothing.
    pub(crate) fn peek(&self, path: &Path) -> Option<Arc<Prepared>> {
        let place = Arc::clone(lock(&self.places).get(path)?);
        let stamp = Stamp::read(path).ok()?;
        let state = place.lock();
        state.in_force.as_ref().filter(|(known, _)| *known == stamp).map(|(_, prepared)| Arc::clone(prepared))
    }

    /// The component in the file, however long it takes.
    pub(crate) fn load_now(&self, path: &Path) -> Result<Arc<Prepared>, SandboxError> {
        loop {
            if let Loaded::Ready(prepared) = self.load(path, Patience::Endless)? {
                return Ok(prepared);
            }
        }
    }

    /// Reads the file in the quick lane, and compiles it there if it is small.
    fn begin(&self, duty: Duty, path: &Path, known: Option<Arc<Prepared>>) {
        let (workshop, lanes, path) = (Arc::clone(&self.workshop), Arc::downgrade(&self.lanes), path.to_owned());
        self.lanes.quick.run(move || {
            let read = match workshop.read(&path, known) {
                Ok(Read::Done(prepared)) => Ok(prepared),
                Ok(Read::New { bytes, digest }) if bytes.len() <= SMALL => workshop.compile(&path, &bytes, &digest),
                Ok(Read::New { .. }) => {
                    // Read again when it is its turn: what waits there must not take memory.
                    if let Some(lanes) = lanes.upgrade() {
                        lanes.slow.run(move || {
                            let compiled = workshop.compile_large(&path);
                            duty.done(&path, compiled);
                        });
                    }
                    return;
                }
                Err(error) => Err(error),
            };
            duty.done(&path, read);
        });
    }
}

/// What it takes to make a component of a file.
struct Workshop {
    engine: Engine,
    linker: Linker<CallState>,
    code: CompiledCode,
}

/// A file that was read.
enum Read {
    Done(Arc<Prepared>),
    /// It has to be compiled.
    New {
        bytes: Vec<u8>,
        digest: String,
    },
}

impl Workshop {
    fn open(engine: &Engine, folder: &Path) -> Result<Self, SandboxError> {
        let mut linker: Linker<CallState> = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)
            .and_then(|()| watch_denials(&mut linker))
            .and_then(|()| contract::add_to_linker(&mut linker))
            .map_err(|error| SandboxError::Engine { message: format!("{error:#}") })?;
        let code = CompiledCode::open(engine, folder)?;
        Ok(Self { engine: engine.clone(), linker, code })
    }

    fn read(&self, path: &Path, known: Option<Arc<Prepared>>) -> Result<Read, SandboxError> {
        let bytes = read_component(path)?;
        let digest = hex::encode(Sha256::digest(&bytes));
        if let Some(known) = known.filter(|known| known.file.digest == digest) {
            return Ok(Read::Done(known));
        }
        match self.code.find(&digest) {
            Some(component) => self.link(path, &component, &bytes, &digest).map(Read::Done),
            None => Ok(Read::New { bytes, digest }),
        }
    }

    fn compile_large(&self, path: &Path) -> Result<Arc<Prepared>, SandboxError> {
        match self.read(path, None)? {
            Read::Done(prepared) => Ok(prepared),
            Read::New { bytes, digest } => {
                let began = Instant::now();
                tracing::info!(component.path = %path.display(), component.bytes = bytes.len(), "compiling a component");
                let prepared = self.compile(path, &bytes, &digest);
                let took = began.elapsed().as_millis();
                tracing::info!(component.path = %path.display(), duration_ms = took, "component compiled");
                prepared
            }
        }
    }

    fn compile(&self, path: &Path, bytes: &[u8], digest: &str) -> Result<Arc<Prepared>, SandboxError> {
        let component = self.code.compile(path, bytes, digest)?;
        self.link(path, &component, bytes, digest)
    }

    fn link(
        &self,
        path: &Path,
        component: &Component,
        bytes: &[u8],
        digest: &str,
    ) -> Result<Arc<Prepared>, SandboxError> {
        let file = ComponentFile { path: path.to_owned(), digest: digest.to_owned(), bytes: bytes.len() };
        Ok(Arc::new(prepare(&self.engine, &self.linker, component, file)?))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
