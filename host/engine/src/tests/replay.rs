//! Runs that repeat another.

use super::*;
use crate::{ReplayError, ReplayRequest};
use host_model::run::RunStatus;

impl Bench {
    async fn replay(&self, run: RunId, from: Option<&str>) -> Result<RunId, ReplayError> {
        let request = ReplayRequest {
            run,
            from_step: from.map(name),
            current: true,
            trigger: Trigger::User("alice".into()),
            run_id: None,
        };
        self.engine.replay(request).await.map(|fired| fired.run_id)
    }
}

/// `b` fails once; `c` says what the steps before it returned.
fn three_steps() -> Job {
    let mut last = step("c", "echo");
    last.op_kwargs = map(json!({"seen": "${steps.a.city} ${steps.b.city} ${run.scheduled_at}"}));
    Job { params: map(json!({"city": "Lyon"})), ..job("j", vec![step("a", "echo"), step("b", "fail-first:2"), last]) }
}

#[tokio::test]
async fn a_replay_from_a_step_sees_what_the_steps_before_returned() {
    let bench = bench(vec![three_steps()]).await;
    let fire = Overrides { params: map(json!({"city": "Nice"})), ..Overrides::default() };
    let first = bench.fire_with("j", fire).await;
    let failed = bench.finished(first).await;
    assert_eq!(failed.status, RunStatus::Failed);

    let second = bench.replay(first, Some("b")).await.unwrap();
    let done = bench.finished(second).await;
    assert_eq!((done.status, done.replay_of), (RunStatus::Succeeded, Some(first)), "{:?}", done.error);
    assert_eq!(
        (done.triggered_by.as_str(), &done.params, &done.overrides),
        ("user:alice", &failed.params, &failed.overrides)
    );
    assert_eq!(bench.states(second).await, ["a/1 CANCELED skipped: replay from b", "b/1 SUCCEEDED", "c/1 SUCCEEDED"]);
    let at = failed.queued_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let seen = bench.steps(second).await[2].output.clone().unwrap();
    assert_eq!(seen["seen"], json!(format!("Nice Nice {at}")), "the dates are those of the first run");

    // A replay of a replay goes back to where a step really ran.
    let third = bench.replay(second, Some("c")).await.unwrap();
    assert_eq!(bench.finished(third).await.status, RunStatus::Succeeded);
    assert_eq!(bench.steps(third).await[2].output.clone().unwrap()["seen"], seen["seen"]);

    let whole = bench.replay(first, None).await.unwrap();
    assert_eq!(bench.finished(whole).await.status, RunStatus::Succeeded);
    assert_eq!(bench.states(whole).await, ["a/1 SUCCEEDED", "b/1 SUCCEEDED", "c/1 SUCCEEDED"]);
}

#[tokio::test]
async fn what_cannot_be_replayed_says_why() {
    let bench = bench(vec![job("j", vec![step("load", "hang")])]).await;
    let unknown = bench.replay(RunId::from_parts(1, 1), None).await.unwrap_err();
    assert!(matches!(unknown, ReplayError::UnknownRun { .. }), "{unknown}");
    let run = bench.fire("j").await;
    bench.heard(run, "hanging").await;
    let early = bench.replay(run, None).await.unwrap_err();
    assert_eq!(early.to_string(), format!("run `{run}` is still RUNNING"));
    bench.engine.cancel(run, "api").await.unwrap();
    bench.finished(run).await;
    match bench.replay(run, Some("laod")).await.unwrap_err() {
        ReplayError::UnknownStep { near, .. } => assert_eq!(near.as_deref(), Some("load")),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_run_whose_schedule_is_gone_is_not_replayed() {
    let mut ticking = job("tick", vec![step("a", "echo")]);
    ticking.schedules.push(every("1h"));
    let bench = bench(vec![ticking]).await;
    let slot = Some(("default".to_owned(), bench.engine.now()));
    let request = FireRequest { slot, ..FireRequest::manual(JobId::new("tick").unwrap(), Trigger::Cron) };
    let run = bench.engine.fire(request).await.unwrap().run_id;
    let before = bench.finished(run).await;
    let again = bench.replay(run, None).await.unwrap();
    let again = bench.finished(again).await;
    assert_eq!((again.schedule.clone(), again.scheduled_at), (before.schedule.clone(), before.scheduled_at));
    bench.engine.replace_jobs(jobs_of(vec![job("tick", vec![step("a", "echo")])]), 0);
    let gone = bench.replay(run, None).await.unwrap_err();
    assert!(matches!(gone, ReplayError::ScheduleGone { .. }), "{gone}");
}

#[tokio::test]
async fn a_replay_of_what_was_kept_is_as_talkative_as_the_run_was() {
    let bench = bench(vec![Job { log_level: LogLevel::Debug, ..job("j", vec![step("a", "echo")]) }]).await;
    let run = bench.fire("j").await;
    assert_eq!(bench.finished(run).await.log_level, LogLevel::Debug);
    let request = ReplayRequest { run, from_step: None, current: false, trigger: Trigger::Api, run_id: None };
    let again = bench.engine.replay(request).await.unwrap().run_id;
    assert_eq!(bench.finished(again).await.log_level, LogLevel::Debug);
}
