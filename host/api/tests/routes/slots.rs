//! The ledger, "why did it (not) run?", and the pause of the scheduler.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{SecondsFormat, TimeDelta};
use host_model::fire::{NewRun, Slot, SlotOutcome, SlotRecord};
use host_model::job::{JobSchedule, Overlap, Overrides};
use host_model::log::LogLevel;
use host_model::schedule::{ScheduleRequest, read_zone};
use host_model::{Instant, Job, JobId, JsonMap, RunId};
use serde_json::{Value, json};

use crate::support::{House, house, job};

/// A job `hourly`, due every full hour.
fn hourly() -> Job {
    let utc = read_zone("UTC").unwrap();
    let request = ScheduleRequest { expression: Some("0 * * * *"), ..ScheduleRequest::default() };
    let schedule = JobSchedule {
        name: "default".into(),
        text: "0 * * * *".into(),
        spec: request.read(utc).unwrap(),
        enabled: true,
        jitter_seconds: 0,
        placement: None,
        overrides: Overrides::default(),
    };
    Job { schedules: vec![schedule], ..job("hourly", "echo") }
}

fn take(house: &House, job: Job) {
    house.engine.replace_jobs(Arc::new(BTreeMap::from([(job.id.clone(), Arc::new(job))])), 0);
}

/// The full hour `hours` from the last one.
fn hour(house: &House, hours: i64) -> Instant {
    let seconds = house.engine.now().timestamp();
    chrono::DateTime::from_timestamp(seconds - seconds % 3600, 0).unwrap() + TimeDelta::hours(hours)
}

fn text(at: Instant) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn slot(due_at: Instant) -> Slot {
    Slot { job_id: JobId::new("hourly").unwrap(), schedule: "default".into(), due_at }
}

async fn decided(house: &House, due_at: Instant, outcome: SlotOutcome, reason: &str) {
    let reason = Some(reason.to_owned());
    let record = SlotRecord { slot: slot(due_at), outcome, reason, run_id: None, decided_at: due_at };
    assert!(house.store.record_slot(&record).await.unwrap());
}

async fn why(house: &House, at: &str) -> Value {
    let answer = house.ask("GET", &format!("/admin/jobs/hourly/why?at={at}"), "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

#[tokio::test]
async fn every_kind_of_instant_has_its_answer() {
    let house = house().await;
    take(&house, hourly());
    let run = RunId::parse("0123456789abc").unwrap();
    let new = NewRun {
        id: run,
        job_id: slot(hour(&house, -3)).job_id,
        overlap: Overlap::Skip,
        depends_on: vec![],
        replay: None,
        as_of: None,
        triggered_by: "cron".into(),
        slot: Some(slot(hour(&house, -3))),
        queued_at: hour(&house, -3),
        owner: "elsewhere/1/1".into(),
        placement: "here:elsewhere/1/1".into(),
        limits: vec![],
        definition: "{}".into(),
        lease: None,
        log_level: LogLevel::Info,
        params: JsonMap::new(),
        overrides: JsonMap::new(),
        steps: vec![],
    };
    house.store.record_fire(&new).await.unwrap();
    decided(&house, hour(&house, -2), SlotOutcome::Missed, "nobody was there").await;
    decided(&house, hour(&house, -1), SlotOutcome::Skipped, "blackout: backup").await;
    for (hours, verdict, part) in [
        (-3, "fired", "run 0123456789abc is QUEUED"),
        (-2, "missed", "nobody was there"),
        (-1, "skipped", "blackout: backup"),
        (-9, "unknown", "the ledger has no row"),
        (2, "not_yet", "not yet"),
    ] {
        let answer = why(&house, &text(hour(&house, hours))).await;
        let found = &answer["answers"][0];
        assert_eq!(found["verdict"], verdict, "{answer}");
        assert!(found["text"].as_str().unwrap().contains(part), "{answer}");
        assert_eq!(answer["nearest"]["before"]["at"], text(hour(&house, hours - 1)), "{answer}");
        assert_eq!(answer["nearest"]["after"]["at"], text(hour(&house, hours + 1)), "{answer}");
    }
    let between = why(&house, &text(hour(&house, -2) + TimeDelta::minutes(5))).await;
    assert_eq!(between["answers"][0]["verdict"], "not_due");
    assert_eq!(between["nearest"]["before"]["at"], text(hour(&house, -2)));
    let day = text(hour(&house, -2))[..10].to_owned();
    let whole_day = why(&house, &day).await;
    let dues: Vec<&str> =
        whole_day["answers"].as_array().unwrap().iter().map(|a| a["due_at"].as_str().unwrap()).collect();
    assert!(dues.len() >= 23 && dues.is_sorted() && dues.contains(&text(hour(&house, -2)).as_str()), "{whole_day}");
    let latest = house.ask("GET", "/admin/jobs/hourly/why?limit=2", "").await.json();
    let verdicts: Vec<&str> =
        latest["answers"].as_array().unwrap().iter().map(|a| a["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["skipped", "missed"]);

    take(&house, Job { enabled: false, ..hourly() });
    let off = why(&house, &text(hour(&house, 2))).await;
    assert_eq!(off["answers"][0]["text"], "not yet, and it will not fire as things are: job `hourly` is disabled");
    assert_eq!(off["nearest"]["after"]["enabled"], false);
    house.ask("GET", "/admin/jobs/hourly/why?at=soon", "").await.problem(422, "an instant");
    house.ask("GET", "/admin/jobs/hourly/why?at=soon&when=1", "").await.problem(422, "an unknown key");
    house.ask("GET", "/admin/jobs/nope/why", "").await.problem(404, "a job");
}

#[tokio::test]
async fn the_ledger_is_read_page_by_page() {
    let house = house().await;
    take(&house, hourly());
    for hours in 1..=5 {
        decided(&house, hour(&house, -hours), SlotOutcome::Missed, "x").await;
    }
    let mut found = Vec::new();
    let mut path = "/admin/jobs/hourly/slots?limit=2".to_owned();
    loop {
        let page = house.ask("GET", &path, "").await.json();
        found.extend(page["slots"].as_array().unwrap().iter().map(|s| s["due_at"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/admin/jobs/hourly/slots?limit=2&before={next}");
    }
    assert_eq!(found, (1..=5).map(|hours| text(hour(&house, -hours))).collect::<Vec<_>>());
    for (query, part) in [("limit=0", "limit is 0"), ("before=then", "`then` is not an instant")] {
        let problem = house.ask("GET", &format!("/admin/jobs/hourly/slots?{query}"), "").await.problem(422, query);
        assert!(problem["detail"].as_str().unwrap().contains(part), "{problem}");
    }
    house.ask("GET", "/admin/jobs/nope/slots", "").await.problem(404, "a job without rows");
}

#[tokio::test]
async fn a_pause_names_who_when_and_why_until_it_is_over() {
    let house = house().await;
    let health = house.ask("GET", "/admin/jobs/health", "").await.json();
    assert_eq!((&health["paused_by"], &health["paused_at"]), (&Value::Null, &Value::Null));
    let paused = house.ask("POST", "/admin/scheduler/pause", r#"{"reason":" moving house "}"#).await.json();
    assert_eq!((&paused["paused_by"], &paused["pause_reason"]), (&json!("api"), &json!("moving house")));
    let again = house.ask("POST", "/admin/scheduler/pause", r#"{"reason":"other"}"#).await.json();
    assert_eq!(again, paused, "the first one stays");
    let health = house.ask("GET", "/admin/jobs/health", "").await.json();
    assert_eq!((&health["scheduler"], &health["paused_by"]), (&json!("standby"), &json!("api")));
    assert_eq!(health["paused_at"], paused["paused_at"]);
    house.fire("quick").await;
    house.idle().await;
    let resumed = house.ask("POST", "/admin/scheduler/resume", "").await.json();
    assert_eq!(resumed["paused_by"], Value::Null);
    assert_eq!(house.ask("POST", "/admin/scheduler/resume", "").await.json(), resumed, "resuming twice is fine");
    let long = format!("{{\"reason\":\"{}\"}}", "x".repeat(201));
    house.ask("POST", "/admin/scheduler/pause", &long).await.problem(422, "a novel");
    house.ask("POST", "/admin/scheduler/pause", r#"{"why":"x"}"#).await.problem(422, "an unknown key");
}
