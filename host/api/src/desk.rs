//! The desk where the catalogue is written: what the API asks of it, and what it answers. The crate that assembles
//! everything implements it. Texts and jobs that come out have no secret in clear; those that go in may have
//! `host_catalogue::edit::MARK` where the saved one is to stay.

use std::collections::BTreeMap;

use async_trait::async_trait;
use host_catalogue::edit::{Content, EditError};
use host_model::diagnostic::Severity;
use host_model::port::StoreError;
use host_model::version::{JobVersion, VersionChange};
use host_model::{Instant, Json, JsonMap};

/// What is saved for a job.
#[derive(Debug, Clone)]
pub struct JobSource {
    /// The id.
    pub id: String,
    /// The app.
    pub app: String,
    /// The file, as shown to people.
    pub path: String,
    /// Whether the file is a vendor's.
    pub is_vendor: bool,
    /// Changes with every byte saved for the job.
    pub etag: String,
    /// The job as it stands in the file.
    pub text: String,
    /// What lies over it.
    pub local: Option<String>,
    /// Both together, as one text.
    pub whole: String,
    /// Both together, with the keys of the file.
    pub job: JsonMap,
}

/// Something found about a submitted job.
#[derive(Debug, Clone)]
pub struct Finding {
    /// JSON Pointer into the job.
    pub pointer: String,
    /// In the text, from 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// In characters.
    pub length: u32,
    /// How bad.
    pub severity: Severity,
    /// As `nomaflow check` has it.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// The value that is there, if it may be shown.
    pub found: Option<Json>,
    /// What may be there, if that is a short list.
    pub allowed: Vec<String>,
    /// What to do.
    pub hint: Option<String>,
}

/// A save that was done. The job is in force.
#[derive(Debug, Clone)]
pub struct SaveDone {
    /// The id.
    pub id: String,
    /// What is saved now.
    pub etag: String,
    /// Its version.
    pub version: u32,
    /// The file that was written, or would have been.
    pub path: String,
    /// What is not wrong enough to refuse.
    pub warnings: Vec<Finding>,
}

/// When a schedule of a submitted job would fire.
#[derive(Debug, Clone)]
pub struct NextFires {
    /// Its name.
    pub schedule: String,
    /// Its zone.
    pub timezone: String,
    /// The next instants.
    pub at: Vec<Instant>,
}

/// What became of looking at a submitted job.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// Everything found.
    pub findings: Vec<Finding>,
    /// When it would fire; empty for a job that is not valid.
    pub next: Vec<NextFires>,
}

/// Which job a save is about.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// One there is not yet, of this app.
    New(&'a str),
    /// One that is saved, as it was when the caller read it.
    Saved(&'a str, &'a str),
}

/// The small changes of a card.
#[derive(Debug, Clone, Default)]
pub struct JobPatch {
    /// Whether its schedules fire.
    pub enabled: Option<bool>,
    /// Its tags.
    pub tags: Option<Vec<String>>,
    /// Its description.
    pub description: Option<String>,
    /// Schedules by name, and whether they fire.
    pub schedules: BTreeMap<String, bool>,
}

/// The jobs of one app.
#[derive(Debug, Clone)]
pub struct AppJobs {
    /// The app.
    pub app: String,
    /// Its file, as shown to people.
    pub path: String,
    /// Changes with every job of it.
    pub etag: String,
    /// Each with the keys of the file.
    pub jobs: Vec<JsonMap>,
}

/// How an import meets the jobs that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportOptions {
    /// Jobs that the snapshot does not have are removed.
    pub replace: bool,
    /// Only say what would happen.
    pub dry_run: bool,
}

/// What an import does.
#[derive(Debug, Clone, Default)]
pub struct ImportPlan {
    /// Ids of jobs that are not there yet.
    pub new: Vec<String>,
    /// Ids of jobs that become others, with what changes.
    pub changed: Vec<(String, String)>,
    /// Ids of jobs that stay as they are.
    pub same: Vec<String>,
    /// Ids of jobs that go.
    pub removed: Vec<String>,
    /// Jobs that are wrong, with why.
    pub invalid: Vec<(String, Vec<Finding>)>,
    /// The next fire of every job that is new or changed and has one.
    pub next: Vec<(String, Instant)>,
    /// Connectors that jobs name and this home does not have.
    pub connectors_missing: Vec<String>,
    /// Secrets that were left out of the snapshot and have to be set: `nomaflow secret set NAME`.
    pub secrets_missing: Vec<String>,
    /// Whether it was done.
    pub applied: bool,
}

/// Why nothing was saved.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// There is no such job.
    #[error("there is no job `{0}`")]
    NoJob(String),
    /// There is no such version.
    #[error("job `{id}` has no version {number}; the last 20 are kept")]
    NoVersion {
        /// The job.
        id: String,
        /// The version.
        number: u32,
    },
    /// There is a job of this id.
    #[error("duplicate job id `{id}`: there is one in {path}")]
    Exists {
        /// The id.
        id: String,
        /// Its file.
        path: String,
    },
    /// Somebody saved the job since the caller read it.
    #[error("job `{}` was saved by somebody else meanwhile", current.id)]
    Stale {
        /// What is saved now.
        current: Box<JobSource>,
        /// Who saved it.
        by: Option<String>,
        /// When.
        at: Option<Instant>,
    },
    /// What was submitted is wrong.
    #[error("{}", first_of(.0))]
    Invalid(Vec<Finding>),
    /// What was to be imported is no snapshot at all.
    #[error("{}", .0.message)]
    NoSnapshot(Box<Finding>),
    /// An import was wrong somewhere: nothing of it was done.
    #[error("the import has invalid jobs; nothing was changed")]
    InvalidImport(Box<ImportPlan>),
    /// It does not go together with something else.
    #[error("{message}")]
    Conflict {
        /// For programs.
        code: &'static str,
        /// What.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A file could not be changed.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn first_of(findings: &[Finding]) -> String {
    let errors: Vec<&Finding> = findings.iter().filter(|found| found.severity == Severity::Error).collect();
    match errors.as_slice() {
        [] => "the job is invalid".to_owned(),
        [only] => format!("the job is invalid: {}", only.message),
        [first, rest @ ..] => format!("the job is invalid: {} (and {} more)", first.message, rest.len()),
    }
}

/// See the module's note. `by` is who asks; every change is kept as a version with that name.
#[async_trait]
pub trait CatalogueDesk: Send + Sync + 'static {
    /// What is saved for a job.
    async fn source(&self, id: &str) -> Result<JobSource, DeskError>;
    /// Looks at a job as if it were saved, in place of `replaces` or as a new one.
    async fn check(&self, app: Option<&str>, content: &Content, replaces: Option<&str>) -> Result<Checked, DeskError>;
    /// Saves a whole job.
    async fn save(
        &self,
        target: Target<'_>,
        content: &Content,
        by: &str,
        change: VersionChange,
    ) -> Result<SaveDone, DeskError>;
    /// Sets what a card sets; with `etag`, only if that is what is saved.
    async fn patch(&self, id: &str, patch: &JobPatch, etag: Option<&str>, by: &str) -> Result<SaveDone, DeskError>;
    /// Takes a job out of the catalogue; its history stays.
    async fn delete(&self, id: &str, etag: Option<&str>, by: &str) -> Result<(), DeskError>;
    /// Gives a job another id; history, slots and versions follow, and so do the jobs that name it.
    async fn rename(&self, id: &str, to: &str, by: &str) -> Result<SaveDone, DeskError>;
    /// The versions of a job, newest first; also of one that was deleted.
    async fn versions(&self, id: &str) -> Result<Vec<JobVersion>, DeskError>;
    /// Puts a version back; with `etag`, only if that is what is saved. A deleted job comes back.
    async fn restore(&self, id: &str, number: u32, etag: Option<&str>, by: &str) -> Result<SaveDone, DeskError>;
    /// The jobs of an app; of the only one when none is named.
    async fn jobs_of(&self, app: Option<&str>) -> Result<AppJobs, DeskError>;
    /// Puts these jobs in place of all of an app, or none.
    async fn replace_jobs_of(&self, app: &str, jobs: &[JsonMap], etag: &str, by: &str) -> Result<AppJobs, DeskError>;
    /// The whole catalogue as a snapshot.
    async fn export(&self) -> Result<Json, DeskError>;
    /// Takes a snapshot over, all of it or nothing.
    async fn import(&self, snapshot: &Json, options: ImportOptions, by: &str) -> Result<ImportPlan, DeskError>;
}
