//! The catalogue while it is written, on the wire: sources, findings, saves, plans, and why nothing was saved.

use axum::http::StatusCode;
use host_catalogue::edit::EditError;
use host_model::version::JobVersion;
use host_model::{Json, JsonMap};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::instant;
use super::words::{SeverityWord, VersionChangeWord};
use crate::desk::{AppJobs, Checked, DeskError, Finding, ImportPlan, JobSource, SaveDone};
use crate::error::ApiError;

/// What is saved for a job.
#[derive(Serialize, ToSchema)]
#[schema(as = JobSource)]
pub(crate) struct SourceView {
    id: String,
    app: String,
    path: String,
    /// The file came with a package; what is changed goes into an overlay.
    vendor: bool,
    etag: String,
    /// The job as it stands in the file.
    text: String,
    /// The overlay, if there is one.
    local: Option<String>,
    /// Both together, as one text.
    whole: String,
    /// Both together, with the keys of the file.
    #[schema(value_type = Object)]
    job: JsonMap,
}

impl From<JobSource> for SourceView {
    fn from(source: JobSource) -> Self {
        let JobSource { id, app, path, is_vendor, etag, text, local, whole, job } = source;
        Self { id, app, path, vendor: is_vendor, etag, text, local, whole, job }
    }
}

/// Something found about a submitted job.
#[derive(Serialize, ToSchema)]
#[schema(as = FieldFinding)]
pub(crate) struct FindingView {
    /// JSON Pointer into the job.
    pointer: String,
    line: u32,
    column: u32,
    length: u32,
    #[schema(value_type = SeverityWord)]
    severity: &'static str,
    code: String,
    message: String,
    /// The value that is there, if it may be shown.
    #[schema(value_type = Value)]
    found: Option<Json>,
    /// What may be there, if that is a short list.
    allowed: Vec<String>,
    hint: Option<String>,
}

impl From<&Finding> for FindingView {
    fn from(found: &Finding) -> Self {
        Self {
            pointer: found.pointer.clone(),
            line: found.line,
            column: found.column,
            length: found.length,
            severity: found.severity.as_str(),
            code: found.code.clone(),
            message: found.message.clone(),
            found: found.found.clone(),
            allowed: found.allowed.clone(),
            hint: found.hint.clone(),
        }
    }
}

fn findings(list: &[Finding]) -> Vec<FindingView> {
    list.iter().map(FindingView::from).collect()
}

/// A save that was done. The job is in force.
#[derive(Serialize, ToSchema)]
#[schema(as = JobSaved)]
pub(crate) struct SavedView {
    id: String,
    etag: String,
    version: u32,
    path: String,
    warnings: Vec<FindingView>,
}

impl From<&SaveDone> for SavedView {
    fn from(done: &SaveDone) -> Self {
        Self {
            id: done.id.clone(),
            etag: done.etag.clone(),
            version: done.version,
            path: done.path.clone(),
            warnings: findings(&done.warnings),
        }
    }
}

/// When a schedule of a submitted job would fire.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckedSchedule {
    schedule: String,
    timezone: String,
    next: Vec<String>,
}

/// What was found about a submitted job.
#[derive(Serialize, ToSchema)]
#[schema(as = JobChecked)]
pub(crate) struct CheckedView {
    valid: bool,
    problems: Vec<FindingView>,
    next: Vec<CheckedSchedule>,
}

impl From<&Checked> for CheckedView {
    fn from(checked: &Checked) -> Self {
        let is_error = |found: &Finding| found.severity == host_model::diagnostic::Severity::Error;
        let next = checked.next.iter().map(|next| CheckedSchedule {
            schedule: next.schedule.clone(),
            timezone: next.timezone.clone(),
            next: next.at.iter().copied().map(instant).collect(),
        });
        Self {
            valid: !checked.findings.iter().any(is_error),
            problems: findings(&checked.findings),
            next: next.collect(),
        }
    }
}

/// Something that was saved for a job before.
#[derive(Serialize, ToSchema)]
#[schema(as = JobVersion)]
pub(crate) struct VersionView {
    version: u32,
    #[schema(format = DateTime)]
    at: String,
    by: String,
    #[schema(value_type = VersionChangeWord)]
    change: &'static str,
    etag: String,
}

impl From<&JobVersion> for VersionView {
    fn from(found: &JobVersion) -> Self {
        let version = &found.version;
        Self {
            version: found.number,
            at: instant(version.at),
            by: version.by.clone(),
            change: version.change.as_str(),
            etag: version.etag.clone(),
        }
    }
}

/// The jobs of an app, with the keys of its file.
#[derive(Serialize, ToSchema)]
#[schema(as = AppJobs)]
pub(crate) struct AppJobsView {
    app: String,
    path: String,
    etag: String,
    #[schema(value_type = Object)]
    meta: Json,
    #[schema(value_type = Vec<Object>)]
    jobs: Vec<JsonMap>,
}

impl From<AppJobs> for AppJobsView {
    fn from(jobs: AppJobs) -> Self {
        Self { app: jobs.app, path: jobs.path, etag: jobs.etag, meta: json!({ "version": 1 }), jobs: jobs.jobs }
    }
}

/// A job that an import changes.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportChange {
    id: String,
    /// In unified form.
    diff: String,
}

/// A job that an import cannot take.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportInvalid {
    id: String,
    problems: Vec<FindingView>,
}

/// The next fire of a job that an import brings.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportNext {
    id: String,
    #[schema(format = DateTime)]
    at: String,
}

/// What an import does.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportPlan)]
pub(crate) struct PlanView {
    new: Vec<String>,
    changed: Vec<ImportChange>,
    same: Vec<String>,
    removed: Vec<String>,
    invalid: Vec<ImportInvalid>,
    next: Vec<ImportNext>,
    connectors_missing: Vec<String>,
    secrets_missing: Vec<String>,
    /// Whether it was done.
    applied: bool,
}

impl From<&ImportPlan> for PlanView {
    fn from(plan: &ImportPlan) -> Self {
        let changed = plan.changed.iter().map(|(id, diff)| ImportChange { id: id.clone(), diff: diff.clone() });
        let invalid = plan.invalid.iter().map(|(id, list)| ImportInvalid { id: id.clone(), problems: findings(list) });
        let next = plan.next.iter().map(|(id, at)| ImportNext { id: id.clone(), at: instant(*at) });
        Self {
            new: plan.new.clone(),
            changed: changed.collect(),
            same: plan.same.clone(),
            removed: plan.removed.clone(),
            invalid: invalid.collect(),
            next: next.collect(),
            connectors_missing: plan.connectors_missing.clone(),
            secrets_missing: plan.secrets_missing.clone(),
            applied: plan.applied,
        }
    }
}

/// As a value of a problem document. Strings, numbers and lists of them always render.
fn json_of(shown: impl Serialize) -> Value {
    serde_json::to_value(shown).unwrap_or_default()
}

impl From<DeskError> for ApiError {
    fn from(error: DeskError) -> Self {
        let detail = error.to_string();
        let conflict = |code| Self::new(StatusCode::CONFLICT, code, detail.clone());
        match error {
            DeskError::NoJob(_) | DeskError::NoVersion { .. } => Self::not_found(detail),
            DeskError::Exists { .. } => conflict("duplicate-job-id"),
            DeskError::Stale { current, by, at } => conflict("stale")
                .with("current", json_of(SourceView::from(*current)))
                .with("by", by)
                .with("at", at.map(instant))
                .with("hint", "read the job again, and save what you want to keep of yours"),
            DeskError::Invalid(found) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "job-invalid", detail)
                .with("problems", json_of(findings(&found))),
            DeskError::NoSnapshot(found) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "import-invalid", detail)
                .with("problems", json_of(findings(std::slice::from_ref(&*found)))),
            DeskError::InvalidImport(found) => {
                let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "import-invalid", detail);
                let Value::Object(found) = json_of(PlanView::from(&*found)) else { return problem };
                found.into_iter().fold(problem, |problem, (key, value)| problem.with(&key, value))
            }
            DeskError::Conflict { code, hint, .. } => match hint {
                Some(hint) => conflict(code).with("hint", hint),
                None => conflict(code),
            },
            DeskError::Edit(error) => of_edit(&error, &detail),
            DeskError::Store(error) => error.into(),
        }
    }
}

fn of_edit(error: &EditError, detail: &str) -> ApiError {
    let conflict = |code, hint: &str| ApiError::new(StatusCode::CONFLICT, code, detail).with("hint", hint);
    match error {
        EditError::Content { pointer, .. } => {
            let problem = json!([{ "pointer": pointer, "severity": "error", "code": "syntax", "message": detail,
                "line": 0, "column": 0, "length": 0, "found": null, "allowed": [], "hint": null }]);
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "job-invalid", detail).with("problems", problem)
        }
        EditError::App { .. } => ApiError::invalid(detail),
        EditError::Unreadable { .. } => conflict("file-unreadable", "look at the file, its rights and its encoding"),
        EditError::Broken { .. } => conflict("file-broken", "mend the file first; `nomaflow check` shows where"),
        EditError::Unfit { .. } => conflict("file-unfit", "edit the file itself"),
        EditError::Ambiguous { .. } => conflict("duplicate-job-id", "give each job an id of its own, in the files"),
        EditError::Changed { .. } => conflict("changed-meanwhile", "read the job again and save once more"),
        EditError::Unwritable { .. } => {
            conflict("file-unwritable", "give the user that nomaflow runs as the right to write in this folder")
        }
        EditError::Misread { .. } => conflict("file-unfit", "edit the file itself, and tell us about it"),
    }
}
