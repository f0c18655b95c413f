//! What tells one state of a file from another without reading it.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::SandboxError;

/// How long nobody must have written to a file that is not sound, before it is believed to be finished.
const QUIET: Duration = Duration::from_millis(300);

/// What changes when a file is replaced or written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn read(path: &Path) -> Result<Self, SandboxError> {
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
    pub(super) fn is_fresh(&self) -> bool {
        let (seconds, nanoseconds) = self.changed;
        let (Ok(seconds), Ok(nanoseconds)) = (u64::try_from(seconds), u32::try_from(nanoseconds)) else { return false };
        let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        // A clock that was set back makes everything fresh; the wait is bounded all the same.
        changed.elapsed().map_or(true, |age| age < QUIET)
    }
}
