//! Compiled components: in memory by file, on disk (`disk`) by content; one cache for each size of stack, because that
//! belongs to the engine.
//!
//! Invariants: a file that changed is noticed at the next call (its stamp first, its digest second), and calls that
//! run keep what they began with; a file that is just being written is not judged by its first half; a file is compiled
//! by one caller at a time, the others wait for it.

mod disk;

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::SandboxError;
use crate::capability::wasi::watch_denials;
use crate::contract;
use crate::engine::start_engine;
use crate::file_kind::read_component;
use crate::inspect::{ComponentFile, Prepared, prepare};
use crate::limits::Limits;
use crate::state::CallState;
use disk::CompiledCode;

/// How long nobody must have written to a file that is not sound, before it is believed to be finished.
const QUIET: Duration = Duration::from_millis(300);
/// The longest wait for that; who writes slower is heard again when the watcher sees the rest.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How often the file is looked at while somebody writes.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The caches of a process, by size of stack.
pub(crate) struct ComponentCaches {
    folder: PathBuf,
    by_stack: Mutex<BTreeMap<usize, Arc<ComponentCache>>>,
}

impl ComponentCaches {
    /// Caches that keep compiled code in `folder`. The usual engine is started at once, so that a machine where it does
    /// not work is found out here.
    pub(crate) fn open(folder: &Path) -> Result<Self, SandboxError> {
        let caches = Self { folder: folder.to_owned(), by_stack: Mutex::default() };
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
        let cache = Arc::new(ComponentCache::open(&start_engine(stack)?, &self.folder)?);
        by_stack.insert(stack, Arc::clone(&cache));
        Ok(cache)
    }
}

/// The components of one engine.
pub(crate) struct ComponentCache {
    engine: Engine,
    linker: Linker<CallState>,
    code: CompiledCode,
    slots: Mutex<HashMap<PathBuf, Arc<Mutex<Option<Slot>>>>>,
}

struct Slot {
    stamp: Stamp,
    prepared: Arc<Prepared>,
}

/// What changes when a file is replaced or written.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl ComponentCache {
    fn open(engine: &Engine, folder: &Path) -> Result<Self, SandboxError> {
        let mut linker: Linker<CallState> = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)
            .and_then(|()| watch_denials(&mut linker))
            .and_then(|()| contract::add_to_linker(&mut linker))
            .map_err(|error| SandboxError::Engine { message: format!("{error:#}") })?;
        let code = CompiledCode::open(engine, folder)?;
        Ok(Self { engine: engine.clone(), linker, code, slots: Mutex::default() })
    }

    /// The component in the file, as it is now. Blocks: a component that is new to the cache is compiled, which takes
    /// a tenth of a second for a small one and many seconds for one that holds an interpreter; and a file that is not
    /// sound is waited for as long as somebody writes it, up to a second.
    pub(crate) fn load(&self, path: &Path) -> Result<Arc<Prepared>, SandboxError> {
        let slot = Arc::clone(lock(&self.slots).entry(path.to_owned()).or_default());
        let mut slot = lock(&slot);
        let begun = Instant::now();
        loop {
            let stamp = match Stamp::read(path) {
                Ok(stamp) => stamp,
                Err(error) => {
                    lock(&self.slots).remove(path);
                    return Err(error);
                }
            };
            if let Some(known) = slot.as_ref().filter(|known| known.stamp == stamp) {
                return Ok(Arc::clone(&known.prepared));
            }
            let prepared = self.prepare(path, slot.as_ref());
            let has_changed = Stamp::read(path)? != stamp;
            let may_wait = begun.elapsed() < LONGEST_WAIT;
            match prepared {
                Ok(prepared) if !has_changed => {
                    *slot = Some(Slot { stamp, prepared: Arc::clone(&prepared) });
                    return Ok(prepared);
                }
                // What was read was sound, and nobody knows whether it was one file or two.
                Ok(_) if may_wait => {}
                Err(error) if may_wait && error.may_be_unfinished() && (has_changed || stamp.is_fresh()) => {}
                Ok(_) => return Err(SandboxError::Unsettled { path: path.to_owned() }),
                Err(error) => return Err(error),
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Whether the file was loaded before, as it is now or as it was.
    pub(crate) fn knows(&self, path: &Path) -> bool {
        lock(&self.slots).contains_key(path)
    }

    fn prepare(&self, path: &Path, known: Option<&Slot>) -> Result<Arc<Prepared>, SandboxError> {
        let bytes = read_component(path)?;
        let digest = hex::encode(Sha256::digest(&bytes));
        if let Some(known) = known.filter(|known| known.prepared.file.digest == digest) {
            return Ok(Arc::clone(&known.prepared));
        }
        let component = self.code.component(path, &bytes, &digest)?;
        let file = ComponentFile { path: path.to_owned(), digest, bytes: bytes.len() };
        Ok(Arc::new(prepare(&self.engine, &self.linker, &component, file)?))
    }
}

impl Stamp {
    fn read(path: &Path) -> Result<Self, SandboxError> {
        Ok(Self::of(&fs::metadata(path).map_err(SandboxError::file("read", path))?))
    }

    fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether somebody wrote a moment ago. A copy may set back the time of modification, never that of the change.
    fn is_fresh(&self) -> bool {
        let (seconds, nanoseconds) = self.changed;
        let (Ok(seconds), Ok(nanoseconds)) = (u64::try_from(seconds), u32::try_from(nanoseconds)) else { return false };
        let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        // A clock that was set back makes everything fresh; the wait is bounded all the same.
        changed.elapsed().map_or(true, |age| age < QUIET)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
