//! Looking at jobs that are not saved yet: read among all the others by the catalogue's own code, so that every word is
//! that of `nomaflow check`; and each finding at its field.

use std::collections::BTreeSet;

use host_api::desk::{Checked, DeskError, Finding, NextFires};
use host_catalogue::edit::{Content, EditError, job_json, mask_job, place_of, unmask};
use host_catalogue::{Catalogue, Proposal, Submission};
use host_engine::clock::SystemClock;
use host_model::diagnostic::{Diagnostic, Severity};
use host_model::port::Clock as _;
use host_model::{Instant, Job, Json, JsonMap};

use super::{Desk, blocking};

/// What findings call the text of a submitted job.
const SUBMITTED: &str = "the submitted job";
/// Instants shown of each schedule (the editor shows five).
const NEXT: usize = 5;

/// A job with its secrets put back, ready to be looked at and saved.
pub(super) struct Ready {
    pub(super) content: Content,
    pub(super) job: JsonMap,
    pub(super) text: String,
}

/// Puts back the secrets of `current` that `content` has only marks for.
pub(super) fn ready(content: &Content, current: Option<&JsonMap>) -> Result<Ready, DeskError> {
    let submitted = content.job().map_err(invalid)?;
    let mut job = submitted.clone();
    let missing = unmask(&mut job, current);
    if !missing.is_empty() {
        let finding = |pointer: String| Finding {
            pointer,
            line: 0,
            column: 0,
            length: 0,
            severity: Severity::Error,
            code: "secret-missing".to_owned(),
            message: "a secret was left out here, and there is none to keep".to_owned(),
            found: None,
            allowed: Vec::new(),
            hint: Some("enter it again, or name one of `nomaflow secret set`: `${secret.NAME}`".to_owned()),
        };
        return Err(DeskError::Invalid(missing.into_iter().map(finding).collect()));
    }
    let text = content.text().map_err(invalid)?;
    if job == submitted {
        return Ok(Ready { content: content.clone(), job, text });
    }
    let text = host_catalogue::edit::edited(&text, &job).map_err(invalid)?;
    let content = match content {
        Content::Job(_) => Content::Job(job.clone()),
        Content::Text(_) => Content::Text(text.clone()),
    };
    Ok(Ready { content, job, text })
}

/// A submission that cannot even stand in a file, as a finding.
fn invalid(error: EditError) -> DeskError {
    match error {
        EditError::Content { pointer, why } => DeskError::Invalid(vec![Finding {
            pointer,
            line: 1,
            column: 1,
            length: 0,
            severity: Severity::Error,
            code: "syntax".to_owned(),
            message: why,
            found: None,
            allowed: Vec::new(),
            hint: None,
        }]),
        other => other.into(),
    }
}

/// The id a job says it has.
pub(super) fn id_of(job: &JsonMap) -> Option<&str> {
    job.get("id").or_else(|| job.get("name"))?.as_str()
}

/// What one submission comes to among the others.
pub(super) struct Looked {
    pub(super) findings: Vec<Finding>,
    pub(super) is_valid: bool,
}

/// What was found about the submission called `name`.
pub(super) fn findings_of(catalogue: &Catalogue, name: &str, text: &str) -> Looked {
    let job = job_json(text).map(|job| Json::Object(mask_job(&job))).unwrap_or_default();
    let about = catalogue.diagnostics.iter().filter(|found| found.file == name);
    let findings: Vec<Finding> = about.flat_map(|found| findings_at(found, text, &job)).collect();
    let is_valid = findings.iter().all(|found| found.severity != Severity::Error);
    Looked { findings, is_valid }
}

fn findings_at(found: &Diagnostic, text: &str, job: &Json) -> Vec<Finding> {
    let places = place_of(text, found).into_iter();
    places
        .map(|place| Finding {
            found: match found.code {
                "missing-field" => None,
                "unknown-key" => place.pointer.rsplit('/').next().map(|key| key.replace("~1", "/").into()),
                _ => job.pointer(&place.pointer).filter(|value| !value.is_object() && !value.is_array()).cloned(),
            },
            pointer: place.pointer,
            line: found.line,
            column: found.column,
            length: place.length,
            severity: found.severity,
            code: found.code.to_owned(),
            message: found.message.clone(),
            allowed: allowed(&found.message).or_else(|| allowed(found.hint.as_deref()?)).unwrap_or_default(),
            hint: found.hint.clone(),
        })
        .collect()
}

/// The words after `allowed are`, as our messages list them.
pub(super) fn allowed(text: &str) -> Option<Vec<String>> {
    let (_, list) = text.split_once("allowed are ")?;
    let words: Vec<String> = list.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    (!words.is_empty()).then_some(words)
}

/// When the schedules of a job fire next.
pub(super) fn next_fires(job: &Job, now: Instant) -> Vec<NextFires> {
    let fires = job.schedules.iter().map(|schedule| NextFires {
        schedule: schedule.name.clone(),
        timezone: schedule.spec.zone.name().to_owned(),
        at: schedule.spec.upcoming(now).take(NEXT).collect(),
    });
    fires.collect()
}

impl Desk {
    /// Reads the catalogue as it would be.
    pub(super) async fn propose(&self, proposal: Proposal) -> Result<Catalogue, DeskError> {
        let reader = self.keeper.reader().clone();
        blocking(move || reader.read_proposal(&proposal)).await
    }

    /// [`ready`]; a text that is not TOML is read all the same, so that what is wrong with it has a place.
    pub(super) async fn prepare(
        &self,
        app: &str,
        content: &Content,
        current: Option<&JsonMap>,
        replaces: Option<&str>,
    ) -> Result<Ready, DeskError> {
        if let Content::Text(text) = content
            && content.job().is_err()
        {
            let (looked, _) = self.look(app, text, replaces).await?;
            if !looked.is_valid {
                return Err(DeskError::Invalid(looked.findings));
            }
        }
        ready(content, current)
    }

    /// What is found about one job, in place of `replaces`.
    pub(super) async fn look(
        &self,
        app: &str,
        text: &str,
        replaces: Option<&str>,
    ) -> Result<(Looked, Vec<NextFires>), DeskError> {
        let submission = Submission { name: SUBMITTED.to_owned(), app: app.to_owned(), text: text.to_owned() };
        let without: BTreeSet<String> = replaces.map(str::to_owned).into_iter().collect();
        let catalogue = self.propose(Proposal { submissions: vec![submission], without, connectors: None }).await?;
        let looked = findings_of(&catalogue, SUBMITTED, text);
        let job = catalogue.jobs.values().find(|job| &*job.source.file == SUBMITTED);
        Ok((looked, job.map(|job| next_fires(job, SystemClock.now())).unwrap_or_default()))
    }

    pub(super) async fn look_at(
        &self,
        app: Option<&str>,
        content: &Content,
        replaces: Option<&str>,
    ) -> Result<Checked, DeskError> {
        let saved = match replaces {
            Some(id) => Some(self.need(id).await?),
            None => None,
        };
        let app = app.map(str::to_owned).or_else(|| saved.as_ref().map(|saved| saved.app.clone()));
        let app = app.or_else(|| self.files.apps().into_iter().next()).unwrap_or_default();
        let ready = self.prepare(&app, content, saved.as_ref().map(|saved| &saved.job), replaces).await?;
        let (looked, next) = self.look(&app, &ready.text, replaces).await?;
        Ok(Checked { findings: looked.findings, next })
    }
}
