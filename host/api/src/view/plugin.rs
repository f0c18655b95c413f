//! Versions of plugins on the wire: what an upload came to, what is kept, what calls used, and why nothing was done.

use axum::http::StatusCode;
use host_model::plugin_version::PluginStats;
use serde::Serialize;
use utoipa::ToSchema;

use super::instant;
use crate::error::ApiError;
use crate::plugin_desk::{BrokenJob, KeptVersion, PluginError, PluginReport, PluginUsage};

/// A job that would not be valid any more.
#[derive(Serialize, ToSchema)]
pub(crate) struct BrokenJobView {
    id: String,
    problems: Vec<String>,
}

/// What was found out about a component.
#[derive(Serialize, ToSchema)]
pub(crate) struct PluginReportView {
    plugin: String,
    app: String,
    path: String,
    /// SHA-256 of the file.
    digest: String,
    /// In bytes.
    size: u64,
    /// The digest in force until now; null for a new plugin.
    previous: Option<String>,
    /// What it asks for, of that which can be granted.
    asked: Vec<String>,
    /// What of that goes beyond what was approved.
    unapproved: Vec<String>,
    callables: Vec<String>,
    /// What the one before could run, and this one cannot.
    removed: Vec<String>,
    /// Jobs that would break.
    breaks: Vec<BrokenJobView>,
    /// Jobs that are invalid and would be valid.
    mends: Vec<String>,
    /// Whether it is in force now.
    installed: bool,
}

impl From<PluginReport> for PluginReportView {
    fn from(report: PluginReport) -> Self {
        let broken = |job: BrokenJob| BrokenJobView { id: job.id, problems: job.problems };
        Self {
            plugin: report.plugin,
            app: report.app,
            path: report.path,
            digest: report.digest,
            size: report.bytes,
            previous: report.previous,
            asked: report.asked,
            unapproved: report.excess,
            callables: report.callables,
            removed: report.removed,
            breaks: report.breaks.into_iter().map(broken).collect(),
            mends: report.mends,
            installed: report.installed,
        }
    }
}

impl From<PluginError> for ApiError {
    fn from(error: PluginError) -> Self {
        let detail = error.to_string();
        let hinted = |status, code, hint: Option<String>| {
            let problem = Self::new(status, code, detail.clone());
            match hint {
                Some(hint) => problem.with("hint", hint),
                None => problem,
            }
        };
        let told = |code, hint: &str, report: PluginReport| {
            let report = serde_json::to_value(PluginReportView::from(report)).unwrap_or_default();
            hinted(StatusCode::CONFLICT, code, Some(hint.to_owned())).with("report", report)
        };
        match error {
            PluginError::NoPlugin(_) | PluginError::NoVersion { .. } => Self::not_found(detail),
            PluginError::Place { hint, .. } => hinted(StatusCode::UNPROCESSABLE_ENTITY, "plugin-place", hint),
            PluginError::Unsound { hint, .. } => hinted(StatusCode::UNPROCESSABLE_ENTITY, "plugin-invalid", hint),
            PluginError::Unapproved(report) => told(
                "plugin-unapproved",
                "`--approve`, over REST `approve=true`, installs it and approves that",
                *report,
            ),
            PluginError::Breaks(report) => told(
                "plugin-breaks-jobs",
                "`--break-jobs`, over REST `break_jobs=true`, installs it all the same",
                *report,
            ),
            PluginError::Stale { .. } => hinted(StatusCode::CONFLICT, "stale", Some("look at it again".to_owned())),
            PluginError::File { .. } => hinted(StatusCode::CONFLICT, "plugin-file", None),
            PluginError::Store(error) => error.into(),
        }
    }
}

/// A version of a plugin.
#[derive(Serialize, ToSchema)]
pub(crate) struct PluginVersionView {
    /// SHA-256 of the file.
    pub(crate) digest: String,
    app: String,
    /// In bytes.
    size: u64,
    pub(crate) asked: Vec<String>,
    /// What of that goes beyond what was approved.
    unapproved: Vec<String>,
    /// When it came into force the last time.
    installed_at: String,
    /// `file` for a change by hand.
    installed_by: String,
    approved_at: Option<String>,
    approved_by: Option<String>,
    in_force: bool,
    /// Whether one can go back to it.
    kept: bool,
    /// Jobs that pin it, as far as the caller may see them.
    pub(crate) pinned_by: Vec<String>,
}

impl From<KeptVersion> for PluginVersionView {
    fn from(kept: KeptVersion) -> Self {
        let seen = kept.version.seen;
        let (approved_at, approved_by) = kept.version.approved.unzip();
        Self {
            digest: seen.digest,
            app: seen.app,
            size: seen.bytes,
            asked: seen.asked.into_iter().collect(),
            unapproved: kept.excess,
            installed_at: instant(seen.at),
            installed_by: seen.by,
            approved_at: approved_at.map(instant),
            approved_by,
            in_force: kept.is_in_force,
            kept: kept.is_kept,
            pinned_by: Vec::new(),
        }
    }
}

/// Versions of a plugin.
#[derive(Serialize, ToSchema)]
pub(crate) struct PluginVersionList {
    /// Newest first.
    pub(crate) versions: Vec<PluginVersionView>,
}

/// What many calls came to.
#[derive(Serialize, ToSchema)]
pub(crate) struct PluginStatsView {
    calls: usize,
    failed: usize,
    /// Traps and limits among them.
    traps: usize,
    wall_p50_ms: f64,
    wall_p95_ms: f64,
    cpu_p50_ms: f64,
    cpu_total_ms: f64,
    peak_memory_bytes: u64,
}

impl From<PluginStats> for PluginStatsView {
    fn from(stats: PluginStats) -> Self {
        let ms = |time: std::time::Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
        Self {
            calls: stats.calls,
            failed: stats.failed,
            traps: stats.traps,
            wall_p50_ms: ms(stats.wall_p50),
            wall_p95_ms: ms(stats.wall_p95),
            cpu_p50_ms: ms(stats.cpu_p50),
            cpu_total_ms: ms(stats.cpu_total),
            peak_memory_bytes: stats.peak_memory,
        }
    }
}

/// What the calls of one version came to.
#[derive(Serialize, ToSchema)]
pub(crate) struct PluginStatsOfVersion {
    digest: String,
    stats: PluginStatsView,
}

/// What calls of a plugin used.
#[derive(Serialize, ToSchema)]
pub(crate) struct PluginUsageView {
    since: String,
    /// There were more calls; the newest are counted.
    truncated: bool,
    all: PluginStatsView,
    /// Versions with calls, newest first.
    versions: Vec<PluginStatsOfVersion>,
}

impl From<PluginUsage> for PluginUsageView {
    fn from(usage: PluginUsage) -> Self {
        let versions = usage.by_digest.into_iter();
        Self {
            since: instant(usage.since),
            truncated: usage.is_cut,
            all: usage.all.into(),
            versions: versions.map(|(digest, stats)| PluginStatsOfVersion { digest, stats: stats.into() }).collect(),
        }
    }
}
