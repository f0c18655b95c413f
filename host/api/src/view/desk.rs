//! The catalogue while it is written, on the wire: sources, findings, saves, plans, and why nothing was saved.

use axum::http::StatusCode;
use host_catalogue::edit::EditError;
use host_model::version::JobVersion;
use serde_json::{Value, json};

use super::instant;
use crate::desk::{AppJobs, Checked, DeskError, Finding, ImportPlan, JobSource, SaveDone};
use crate::error::ApiError;

pub(crate) fn source(source: &JobSource) -> Value {
    json!({
        "id": source.id, "app": source.app, "path": source.path, "vendor": source.is_vendor, "etag": source.etag,
        "text": source.text, "local": source.local, "whole": source.whole, "job": source.job,
    })
}

pub(crate) fn finding(found: &Finding) -> Value {
    json!({
        "pointer": found.pointer, "line": found.line, "column": found.column, "length": found.length,
        "severity": found.severity.as_str(), "code": found.code, "message": found.message, "found": found.found,
        "allowed": found.allowed, "hint": found.hint,
    })
}

fn findings(list: &[Finding]) -> Value {
    list.iter().map(finding).collect()
}

pub(crate) fn saved(done: &SaveDone) -> Value {
    json!({
        "id": done.id, "etag": done.etag, "version": done.version, "path": done.path,
        "warnings": findings(&done.warnings),
    })
}

pub(crate) fn checked(checked: &Checked) -> Value {
    let is_error = |found: &Finding| found.severity == host_model::diagnostic::Severity::Error;
    let next = checked.next.iter().map(|next| {
        let at: Vec<String> = next.at.iter().copied().map(instant).collect();
        json!({ "schedule": next.schedule, "timezone": next.timezone, "next": at })
    });
    json!({
        "valid": !checked.findings.iter().any(is_error),
        "problems": findings(&checked.findings),
        "next": next.collect::<Vec<_>>(),
    })
}

pub(crate) fn version(found: &JobVersion) -> Value {
    let version = &found.version;
    json!({
        "version": found.number, "at": instant(version.at), "by": version.by, "change": version.change.as_str(),
        "etag": version.etag,
    })
}

pub(crate) fn app_jobs(jobs: &AppJobs) -> Value {
    json!({ "app": jobs.app, "path": jobs.path, "etag": jobs.etag, "meta": { "version": 1 }, "jobs": jobs.jobs })
}

pub(crate) fn plan(plan: &ImportPlan) -> Value {
    let changed = plan.changed.iter().map(|(id, diff)| json!({ "id": id, "diff": diff }));
    let invalid = plan.invalid.iter().map(|(id, found)| json!({ "id": id, "problems": findings(found) }));
    let next = plan.next.iter().map(|(id, at)| json!({ "id": id, "at": instant(*at) }));
    json!({
        "new": plan.new, "changed": changed.collect::<Vec<_>>(), "same": plan.same, "removed": plan.removed,
        "invalid": invalid.collect::<Vec<_>>(), "next": next.collect::<Vec<_>>(),
        "connectors_missing": plan.connectors_missing, "secrets_missing": plan.secrets_missing, "applied": plan.applied,
    })
}

impl From<DeskError> for ApiError {
    fn from(error: DeskError) -> Self {
        let detail = error.to_string();
        let conflict = |code| Self::new(StatusCode::CONFLICT, code, detail.clone());
        match error {
            DeskError::NoJob(_) | DeskError::NoVersion { .. } => Self::not_found(detail),
            DeskError::Exists { .. } => conflict("duplicate-job-id"),
            DeskError::Stale { current, by, at } => conflict("stale")
                .with("current", source(&current))
                .with("by", by)
                .with("at", at.map(instant))
                .with("hint", "read the job again, and save what you want to keep of yours"),
            DeskError::Invalid(found) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "job-invalid", detail).with("problems", findings(&found))
            }
            DeskError::InvalidImport(found) => {
                let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "import-invalid", detail);
                let Value::Object(found) = plan(&found) else { return problem };
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
