//! Long runs and silent jobs, told once each.

use std::sync::Arc;

use host_model::log::LogLevel;
use host_model::run::RunStatus;
use host_model::{JsonMap, RunId};

use super::*;

fn at(minutes: i64) -> Instant {
    "2026-11-23T00:00:00Z".parse::<Instant>().unwrap() + TimeDelta::minutes(minutes)
}

fn job(long: Option<u32>, silent: Option<u32>) -> Job {
    let alerts = Alerts {
        on_failure: true,
        on_recovery: true,
        on_success: false,
        on_canceled: false,
        on_long_run_minutes: long,
        no_success_within_hours: silent,
        recipients: Vec::new(),
    };
    Job { alerts: Some(alerts), ..Job::new(JobId::new("j").unwrap(), "app", Vec::new()) }
}

fn run(status: RunStatus, started: i64, finished: Option<i64>) -> Run {
    Run {
        id: RunId::from_parts(u64::try_from(started).unwrap(), 1),
        job_id: JobId::new("j").unwrap(),
        status,
        reason: None,
        error: None,
        triggered_by: "cron".into(),
        schedule: None,
        scheduled_at: None,
        replay_of: None,
        replay_from: None,
        queued_at: at(started),
        started_at: Some(at(started)),
        finished_at: finished.map(at),
        rows_affected: 0,
        step_count: 1,
        steps_done: 0,
        log_level: LogLevel::Info,
        params: JsonMap::new(),
        overrides: JsonMap::new(),
        owner: "o".into(),
        term: 1,
        placement: "any".into(),
        cancel_requested_by: None,
        cancel_requested_at: None,
    }
}

/// A job looked at again and again, as the notifier does.
struct Watch {
    jobs: BTreeMap<JobId, Arc<Job>>,
    marks: BTreeMap<String, Instant>,
}

impl Watch {
    fn over(job: Job) -> Self {
        Self { jobs: [(job.id.clone(), Arc::new(job))].into(), marks: BTreeMap::new() }
    }

    fn look(&mut self, minute: i64, running: &[Run], success: Option<Run>) -> Vec<EventKind> {
        let succeeded = success.into_iter().map(|run| (run.job_id.clone(), run)).collect();
        let view = View { now: at(minute), jobs: &self.jobs, running, succeeded: &succeeded, marks: &self.marks };
        let found = observe(&view);
        self.marks.extend(found.marks.into_iter().map(|mark| (mark.name, mark.at)));
        for name in found.unmarked {
            self.marks.remove(&name);
        }
        found.notices.iter().map(|notice| notice.kind).collect()
    }
}

#[test]
fn a_long_run_is_told_once_while_it_goes_on() {
    let mut watch = Watch::over(job(Some(30), None));
    let going = [run(RunStatus::Running, 0, None)];
    assert!(watch.look(29, &going, None).is_empty());
    assert_eq!(watch.look(30, &going, None), [EventKind::LongRun]);
    assert!(watch.look(90, &going, None).is_empty());
    assert!(watch.look(91, &[], None).is_empty());
    assert!(watch.marks.is_empty(), "nothing piles up: {:?}", watch.marks);
}

#[test]
fn a_silent_job_is_told_once_and_again_when_it_is_back() {
    let mut watch = Watch::over(job(None, Some(2)));
    // Looked at for the first time: it has two hours, however old its last success is.
    assert!(watch.look(1_000, &[], Some(run(RunStatus::Succeeded, 1, Some(2)))).is_empty());
    assert!(watch.look(1_119, &[], None).is_empty());
    assert_eq!(watch.look(1_120, &[], None), [EventKind::NoSuccess]);
    assert!(watch.look(1_500, &[], None).is_empty());
    let back = run(RunStatus::Succeeded, 1_510, Some(1_520));
    assert_eq!(watch.look(1_521, &[], Some(back.clone())), [EventKind::Recovered]);
    assert!(watch.look(1_639, &[], Some(back.clone())).is_empty());
    assert_eq!(watch.look(1_640, &[], Some(back)), [EventKind::NoSuccess]);
}

#[test]
fn a_job_that_is_switched_off_is_silent_on_purpose() {
    let mut watch = Watch::over(job(None, Some(1)));
    assert!(watch.look(0, &[], None).is_empty());
    let off = Job { enabled: false, ..job(None, Some(1)) };
    watch.jobs = [(off.id.clone(), Arc::new(off))].into();
    assert!(watch.look(600, &[], None).is_empty());
    assert!(watch.marks.is_empty());
    let on = job(None, Some(1));
    watch.jobs = [(on.id.clone(), Arc::new(on))].into();
    assert!(watch.look(601, &[], None).is_empty(), "its time begins anew");
    assert_eq!(watch.look(661, &[], None), [EventKind::NoSuccess]);
}
