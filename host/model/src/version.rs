//! Versions of a job: what was saved for it, when, by whom and how; and a job that goes on under another id.

use async_trait::async_trait;

use crate::job::word_enum;
use crate::port::StoreError;
use crate::{Instant, JobId};

/// Versions kept of each job.
pub const VERSIONS_KEPT: u32 = 20;

word_enum!(
    /// How a version came about.
    VersionChange {
        /// The job was created.
        Create = "create",
        /// It was saved from an editor.
        Edit = "edit",
        /// Only a switch, its tags or its description were set.
        Enable = "enable",
        /// An earlier version was put back.
        Restore = "restore",
        /// It came with an import.
        Import = "import",
        /// It got another id.
        Rename = "rename",
        /// Somebody changed the file by hand.
        File = "file",
        /// It was deleted; the text is that of its last day.
        Delete = "delete",
    }
);

/// A version to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    /// The job.
    pub job_id: JobId,
    /// The app it belongs to.
    pub app: String,
    /// When it was saved, or found.
    pub at: Instant,
    /// Who saved it, as a trigger is written: `manual:ann`, `cli:bob`, `api`; `file` for a change by hand.
    pub by: String,
    /// How.
    pub change: VersionChange,
    /// Digest of everything that is saved for the job.
    pub etag: String,
    /// The whole job in TOML, without secrets in clear.
    pub text: String,
}

/// A version that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobVersion {
    /// Counts from 1, without gaps, over the life of the job.
    pub number: u32,
    /// What was kept.
    pub version: NewVersion,
}

/// What became of a change of id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renamed {
    /// Everything of the job goes by the new id.
    Done,
    /// A run of the job waits or runs; nothing was changed.
    Active,
    /// There is history under the new id; nothing was changed.
    Taken,
}

/// Where versions are kept. The oldest beyond [`VERSIONS_KEPT`] of a job go when a new one comes.
#[async_trait]
pub trait VersionStore: Send + Sync {
    /// Keeps a version and gives it the next number. One that says what the newest says already is not kept again, unless
    /// `change` is one that says something by itself ([`VersionChange::Delete`], [`VersionChange::Rename`]); the newest
    /// number is given back then.
    async fn add_version(&self, version: &NewVersion) -> Result<u32, StoreError>;
    /// The same for many, in one transaction; how many were kept.
    async fn add_versions(&self, versions: &[NewVersion]) -> Result<u32, StoreError>;
    /// The versions of a job, newest first.
    async fn list_versions(&self, job: &str) -> Result<Vec<JobVersion>, StoreError>;
    /// The digest of the newest version of every job.
    async fn list_newest_etags(&self) -> Result<Vec<(String, String)>, StoreError>;
    /// Gives everything of a job to another id, in one transaction: runs, slots, schedules, versions. `must` does so
    /// whatever is under way, to finish what was begun.
    async fn rename_job(&self, from: &JobId, to: &JobId, must: bool) -> Result<Renamed, StoreError>;
}
