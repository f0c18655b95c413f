//! The desk where components of plugins are put in force: looked at, installed, approved, taken back, tried. The API's port;
//! who assembles everything implements it.
//!
//! Invariant: a component is not in force before it was found to be sound, and before whoever installs it was told which
//! jobs it would break and what it asks for beyond what was approved.

use std::time::Duration;

use async_trait::async_trait;
use axum::body::Bytes;
use host_model::log::LogLevel;
use host_model::plugin_version::{PluginStats, PluginVersion};
use host_model::port::{StepFailure, StepOutcome, StoreError};
use host_model::{Instant, JsonMap};

/// A component that somebody wants in force.
#[derive(Debug, Clone)]
pub struct PluginUpload {
    /// The plugin's name.
    pub plugin: String,
    /// The app it belongs to; `None`: where it is already.
    pub app: Option<String>,
    /// The file.
    pub bytes: Bytes,
    /// Whether and how it may be put in force.
    pub consent: Consent,
    /// Who asks.
    pub by: String,
}

/// What whoever installs a component agrees to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Consent {
    /// Nothing is changed.
    pub dry_run: bool,
    /// What it asks for beyond what was approved is approved.
    pub approve: bool,
    /// Jobs may break.
    pub break_jobs: bool,
}

/// A job that would not be valid any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenJob {
    /// Its id.
    pub id: String,
    /// What would be wrong with it.
    pub problems: Vec<String>,
}

/// What was found out about an upload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginReport {
    /// The plugin.
    pub plugin: String,
    /// Its app.
    pub app: String,
    /// Its file, as shown to people.
    pub path: String,
    /// SHA-256 in hexadecimal.
    pub digest: String,
    /// Size in bytes.
    pub bytes: u64,
    /// The digest in force until now.
    pub previous: Option<String>,
    /// What it asks for.
    pub asked: Vec<String>,
    /// What of that goes beyond what was approved.
    pub excess: Vec<String>,
    /// What it can run.
    pub callables: Vec<String>,
    /// What the one in force could run, and this one cannot.
    pub removed: Vec<String>,
    /// Jobs that would break.
    pub breaks: Vec<BrokenJob>,
    /// Jobs that are invalid and would be valid.
    pub mends: Vec<String>,
    /// Whether it is in force now.
    pub installed: bool,
}

/// A version, with whether there is a way back to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptVersion {
    /// What is known of it.
    pub version: PluginVersion,
    /// Whether its file is the one in force.
    pub is_in_force: bool,
    /// Whether its file is kept.
    pub is_kept: bool,
    /// What it asks for beyond what was approved.
    pub excess: Vec<String>,
}

/// What came of a trial.
#[derive(Debug)]
pub struct Trial {
    /// How it ended.
    pub outcome: Result<StepOutcome, StepFailure>,
    /// Its first lines.
    pub lines: Vec<(LogLevel, String)>,
    /// Lines that were left out.
    pub lines_left_out: usize,
    /// How long it took.
    pub took: Duration,
}

/// What a plugin used since.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginUsage {
    /// Since when runs are counted.
    pub since: Instant,
    /// Whether there were more calls than are counted; then the newest are.
    pub is_cut: bool,
    /// All calls.
    pub all: PluginStats,
    /// Calls by digest, in the order of the versions.
    pub by_digest: Vec<(String, PluginStats)>,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// There is no such component.
    #[error("there is no component `{0}`")]
    NoPlugin(String),
    /// There is no such version, or its file is not kept any more.
    #[error("component `{plugin}` has no version `{version}` to go back to; the last 5 are kept")]
    NoVersion {
        /// The plugin.
        plugin: String,
        /// What was asked for.
        version: String,
    },
    /// It cannot be called so, or not there.
    #[error("{message}")]
    Place {
        /// Why.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// It is not what it should be.
    #[error("{message}")]
    Unsound {
        /// What is wrong with it.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// It asks for more than was approved; nothing was changed.
    #[error("component `{}` asks for more than was approved: `{}`", .0.plugin, .0.excess.join("`, `"))]
    Unapproved(Box<PluginReport>),
    /// Jobs would break; nothing was changed.
    #[error("{} would break: `{}`", count_of_jobs(.0.breaks.len()), names_of(&.0.breaks))]
    Breaks(Box<PluginReport>),
    /// The version that was looked at is not in force any more.
    #[error("component `{plugin}` is another by now: `{digest}` is in force")]
    Stale {
        /// The plugin.
        plugin: String,
        /// What is in force.
        digest: String,
    },
    /// A file could not be written or read.
    #[error("cannot {operation} `{path}`: {why}")]
    File {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: String,
        /// Why not.
        why: String,
    },
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn count_of_jobs(n: usize) -> String {
    if n == 1 { "a job".to_owned() } else { format!("{n} jobs") }
}

fn names_of(jobs: &[BrokenJob]) -> String {
    jobs.iter().map(|job| job.id.as_str()).collect::<Vec<_>>().join("`, `")
}

/// See the module's note.
#[async_trait]
pub trait PluginVersions: Send + Sync + 'static {
    /// Looks at a component, and puts it in force if it may be.
    async fn install(&self, upload: PluginUpload) -> Result<PluginReport, PluginError>;
    /// Puts an earlier version in force again: the one whose digest begins so, or the one before.
    async fn roll_back(
        &self,
        plugin: &str,
        digest: Option<&str>,
        consent: Consent,
        by: &str,
    ) -> Result<PluginReport, PluginError>;
    /// Approves what the version in force asks for; with `digest`, only if that is in force.
    async fn approve(&self, plugin: &str, digest: Option<&str>, by: &str) -> Result<KeptVersion, PluginError>;
    /// The versions of a plugin, newest first.
    async fn versions(&self, plugin: &str) -> Result<Vec<KeptVersion>, PluginError>;
    /// Calls a callable, as a step writes it, so that nothing is changed.
    async fn try_call(&self, callable: &str, params: JsonMap, by: &str) -> Result<Trial, PluginError>;
    /// What calls of a plugin used in the last 30 days.
    async fn usage(&self, plugin: &str) -> Result<PluginUsage, PluginError>;
}
