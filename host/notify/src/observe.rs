//! What no run tells by itself: that it still runs, and that none has succeeded. Pure: from what is known now to notices,
//! and to what is to be remembered so that each is told once.

use std::collections::{BTreeMap, HashMap};

use chrono::TimeDelta;
use host_model::job::Alerts;
use host_model::notify::store::Mark;
use host_model::notify::{EventKind, Notice};
use host_model::{Instant, Job, JobId, Json, Run};

use crate::message::facts;

/// What is known.
pub(crate) struct View<'a> {
    pub(crate) now: Instant,
    pub(crate) jobs: &'a BTreeMap<JobId, std::sync::Arc<Job>>,
    /// Runs that have begun and not ended.
    pub(crate) running: &'a [Run],
    /// The newest run that succeeded, of jobs that are watched for silence.
    pub(crate) succeeded: &'a HashMap<JobId, Run>,
    pub(crate) marks: &'a BTreeMap<String, Instant>,
}

/// What comes of it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Found {
    pub(crate) notices: Vec<Notice>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) unmarked: Vec<String>,
}

const LONG_RUN: &str = "long-run:";
const SEEN: &str = "seen:";
const SILENT: &str = "silent:";

/// The mark of a job that was told to be silent.
pub(crate) fn silent_mark(job: &JobId) -> String {
    format!("{SILENT}{job}")
}

fn alerts(job: &Job) -> Option<&Alerts> {
    job.alerts.as_ref()
}

/// Hours after which the job's silence is told. A job that is switched off is silent on purpose.
pub(crate) fn silence_hours(job: &Job) -> Option<u32> {
    alerts(job).filter(|_| job.enabled)?.no_success_within_hours
}

/// Minutes after which a run of the job is long.
pub(crate) fn long_run_minutes(job: &Job) -> Option<u32> {
    alerts(job)?.on_long_run_minutes
}

/// Everything that is to be told now.
pub(crate) fn observe(view: &View<'_>) -> Found {
    let mut found = Found::default();
    find_long_runs(view, &mut found);
    find_silent_jobs(view, &mut found);
    found
}

fn notice(job: &Job, kind: EventKind, at: Instant, text: String) -> Notice {
    let facts = Default::default();
    Notice { kind, job_id: job.id.clone(), tags: job.tags.clone(), at, run_id: None, text, facts }
}

fn find_long_runs(view: &View<'_>, found: &mut Found) {
    for run in view.running {
        let Some(job) = view.jobs.get(&run.job_id) else { continue };
        let (Some(minutes), Some(started_at)) = (long_run_minutes(job), run.started_at) else { continue };
        let name = format!("{LONG_RUN}{}", run.id);
        if started_at + TimeDelta::minutes(minutes.into()) > view.now || view.marks.contains_key(&name) {
            continue;
        }
        let text = format!("still running after {minutes} min; the run goes on");
        let told = Notice { run_id: Some(run.id), ..notice(job, EventKind::LongRun, view.now, text) };
        found.notices.push(Notice { facts: facts(run, None), ..told });
        found.marks.push(Mark { name, at: view.now });
    }
    let is_over = |name: &&String| {
        let id = name.strip_prefix(LONG_RUN);
        id.is_some_and(|id| !view.running.iter().any(|run| run.id.to_string() == id))
    };
    found.unmarked.extend(view.marks.keys().filter(is_over).cloned());
}

fn find_silent_jobs(view: &View<'_>, found: &mut Found) {
    for job in view.jobs.values() {
        let Some(hours) = silence_hours(job) else { continue };
        let (seen_name, silent_name) = (format!("{SEEN}{}", job.id), silent_mark(&job.id));
        // A job is given its time from the first look at it on.
        let Some(seen) = view.marks.get(&seen_name).copied() else {
            found.marks.push(Mark { name: seen_name, at: view.now });
            continue;
        };
        let success = view.succeeded.get(&job.id);
        let succeeded_at = success.and_then(|run| run.finished_at);
        let since = succeeded_at.map_or(seen, |at| at.max(seen));
        match (view.marks.get(&silent_name), success) {
            (Some(told), Some(run)) if since > *told => {
                let text = format!("the first run that succeeded since {}", shown(*told));
                let back = Notice { run_id: Some(run.id), ..notice(job, EventKind::Recovered, since, text) };
                found.notices.push(Notice { facts: facts(run, None), ..back });
                found.unmarked.push(silent_name);
            }
            (None, _) if since + TimeDelta::hours(hours.into()) <= view.now => {
                let last = match succeeded_at {
                    Some(at) => format!("the last one ended at {}", shown(at)),
                    None => format!("none has since {}", shown(since)),
                };
                let text = format!("no run has succeeded within {hours} h; {last}");
                let mut silent = notice(job, EventKind::NoSuccess, view.now, text);
                silent
                    .facts
                    .insert("last_success_at".to_owned(), succeeded_at.map(shown).map_or(Json::Null, Json::from));
                found.notices.push(silent);
                found.marks.push(Mark { name: silent_name, at: since });
            }
            _ => {}
        }
    }
    let is_watched = |name: &str| view.jobs.get(name).is_some_and(|job| silence_hours(job).is_some());
    let is_left = |name: &&String| {
        let job = name.strip_prefix(SEEN).or_else(|| name.strip_prefix(SILENT));
        job.is_some_and(|job| !is_watched(job))
    };
    found.unmarked.extend(view.marks.keys().filter(is_left).cloned());
}

fn shown(at: Instant) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

#[cfg(test)]
#[path = "observe_tests.rs"]
mod tests;
