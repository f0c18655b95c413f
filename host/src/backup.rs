//! Backups of everything: the files of a home and the rows of its store in one archive, tar in zstd.
//!
//! An archive begins with `nomaflow-backup.json` (what it is), then come `home/…` and `store/<table>/<part>.ndjson`, and
//! `manifest.json` with counts and digests ends it: an archive without one was cut off. `archive` writes and reads that
//! form, `files` knows the files of a home, `verify` goes through an archive without writing, `restore` puts one in place,
//! `copy` carries rows from one store to another.

pub(crate) mod archive;
pub(crate) mod copy;
pub(crate) mod desk;
pub(crate) mod files;
pub(crate) mod manifest;
pub(crate) mod restore;
pub(crate) mod unused;
pub(crate) mod verify;

use crate::exit::{Exit, Failure};
use host_store::portable::PortableError;

/// A failed copy as a command ends with it.
pub(crate) fn failure(error: PortableError, doing: &'static str) -> Failure {
    let hint = error.hint();
    let exit = match error {
        PortableError::Open(_) => Exit::Invalid,
        PortableError::Missing { .. } => Exit::NotFound,
        _ => Exit::RunFailed,
    };
    let failure = Failure { exit, error: anyhow::Error::new(error).context(doing), hint: None };
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// `1.5 MiB`, for people.
pub(crate) fn bytes(count: u64) -> String {
    let mut size = count as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if size < 1024.0 {
            return if unit == "B" { format!("{count} B") } else { format!("{size:.1} {unit}") };
        }
        size /= 1024.0;
    }
    format!("{size:.1} TiB")
}
