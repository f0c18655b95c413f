//! Runs that go their way: order, templates, retries, disabled steps, failures, overlap.

use super::*;
use crate::DispatchError;
use host_model::event::Event;
use host_model::run::{RunFilter, RunStatus, StepStatus};

#[tokio::test]
async fn steps_run_in_order_and_pass_their_output_on() {
    let mut second = step("second", "echo");
    second.op_kwargs = map(json!({"rows": "${steps.first.apps_id}", "note": "after ${previous_step.apps_id}"}));
    let mut job = job("chain", vec![step("first", "echo"), second]);
    job.params = map(json!({"apps_id": 10}));
    let bench = bench(vec![job]).await;
    let run = bench.fire("chain").await;
    let done = bench.finished(run).await;
    assert_eq!((done.status, done.rows_affected, done.steps_done), (RunStatus::Succeeded, 4, 2));
    assert_eq!(done.triggered_by, "cli:bob");
    assert_eq!(Json::from(done.params)["params"], json!({"apps_id": 10}));
    let steps = bench.steps(run).await;
    let output = Json::from(steps[1].output.clone().unwrap());
    assert_eq!(output, json!({"apps_id": 10, "rows": 10, "note": "after 10"}));
    assert!(steps[0].finished_at <= steps[1].started_at, "one after the other");
    let log = bench.log(run).await;
    assert!(log[0].starts_with("run started") && log.last().unwrap() == "run succeeded", "{log:?}");
}

#[tokio::test]
async fn a_disabled_step_is_recorded_and_the_run_goes_on() {
    let mut off = step("off", "fail");
    off.enabled = false;
    let bench = bench(vec![job("j", vec![off, step("on", "echo")])]).await;
    let run = bench.fire("j").await;
    assert_eq!(bench.finished(run).await.status, RunStatus::Succeeded);
    assert_eq!(bench.states(run).await, ["off/1 CANCELED skipped: disabled", "on/1 SUCCEEDED"]);
}

#[tokio::test]
async fn a_step_that_may_fail_is_tried_as_often_as_it_says_and_the_run_goes_on_and_succeeds() {
    let mut loose = step("loose", "fail");
    loose.continue_on_error = true;
    loose.retry = Some(RetryPolicy { attempts: 2, backoff: Backoff::Fixed, base_seconds: 0 });
    let mut only_then = step("only-then", "echo");
    only_then.when = when("${steps.loose.rows} is empty");
    let bench = bench(vec![job("j", vec![loose, only_then, step("last", "echo")])]).await;
    let run = bench.fire("j").await;
    let done = bench.finished(run).await;
    assert_eq!((done.status, done.steps_done), (RunStatus::Succeeded, 3));
    assert_eq!((done.reason.as_deref(), done.error), (Some("went on after `loose` failed"), None));
    let expected = ["loose/1 FAILED", "loose/2 FAILED", "only-then/1 SUCCEEDED", "last/1 SUCCEEDED"];
    assert_eq!(bench.states(run).await, expected);
    let log = bench.log(run).await;
    assert!(log.iter().any(|line| line == "step `loose` failed, the run goes on"), "{log:?}");
    assert_eq!(log.last().unwrap(), "run succeeded: went on after `loose` failed");
}

#[tokio::test]
async fn a_step_that_may_fail_passes_on_nothing_and_what_stops_the_run_stops_it_all_the_same() {
    let mut loose = step("loose", "fail");
    loose.continue_on_error = true;
    let mut asks = step("asks", "echo");
    asks.op_kwargs = map(json!({"rows": "${steps.loose.rows}"}));
    let bench = bench(vec![job("j", vec![loose, asks, step("last", "echo")])]).await;
    let run = bench.fire("j").await;
    let done = bench.finished(run).await;
    assert_eq!((done.status, done.reason), (RunStatus::Failed, None));
    assert!(done.error.unwrap().contains("step `asks`"));
    let states = bench.states(run).await;
    assert_eq!(states, ["loose/1 FAILED", "asks/1 FAILED", "last/1 CANCELED skipped: earlier step failed"]);
}

#[tokio::test]
async fn a_fire_may_switch_a_step_off_and_set_values() {
    let bench = bench(vec![job("j", vec![step("a", "fail"), step("b", "echo")])]).await;
    let overrides = Overrides {
        params: map(json!({"x": "${env.CITY} ${secret.pw}"})),
        step_enabled: [(name("a"), false)].into(),
        ..Overrides::default()
    };
    let run = bench.fire_with("j", overrides).await;
    let done = bench.finished(run).await;
    assert_eq!(done.status, RunStatus::Succeeded);
    assert_eq!(Json::from(done.overrides)["step_enabled"], json!({"a": false}));
    let output = bench.steps(run).await[1].output.clone().unwrap();
    assert_eq!(output["x"], "${env.CITY} ${secret.pw}", "what an operator types in is data");
}

#[tokio::test]
async fn a_step_is_tried_again_by_its_policy_and_every_attempt_has_a_row() {
    let mut flaky = step("flaky", "fail-first:2");
    flaky.retry = Some(RetryPolicy { attempts: 3, backoff: Backoff::Fixed, base_seconds: 0 });
    let bench = bench(vec![job("j", vec![flaky])]).await;
    let run = bench.fire("j").await;
    let done = bench.finished(run).await;
    assert_eq!((done.status, done.steps_done, done.rows_affected), (RunStatus::Succeeded, 1, 2));
    assert_eq!(bench.states(run).await, ["flaky/1 FAILED", "flaky/2 FAILED", "flaky/3 SUCCEEDED"]);
    let errors: Vec<String> = bench.steps(run).await.into_iter().filter_map(|s| s.error).map(|e| e.message).collect();
    assert_eq!(errors, ["failure 1", "failure 2"]);
}

#[tokio::test]
async fn a_step_that_exhausts_its_attempts_fails_the_run_and_the_rest_is_recorded() {
    let mut job = job("j", vec![step("a", "fail"), step("b", "echo"), step("c", "echo")]);
    job.retry = RetryPolicy { attempts: 2, backoff: Backoff::Fixed, base_seconds: 0 };
    let bench = bench(vec![job]).await;
    let run = bench.fire("j").await;
    let done = bench.finished(run).await;
    assert_eq!(done.status, RunStatus::Failed);
    assert_eq!(done.error.as_deref(), Some("step `a`: no route to host"));
    let skipped = "CANCELED skipped: earlier step failed";
    let expected = ["a/1 FAILED".to_owned(), "a/2 FAILED".into(), format!("b/1 {skipped}"), format!("c/1 {skipped}")];
    assert_eq!(bench.states(run).await, expected);
}

#[tokio::test]
async fn what_a_retry_cannot_mend_is_not_retried() {
    let mut job = job("j", vec![step("a", "wrong")]);
    job.retry = RetryPolicy { attempts: 5, backoff: Backoff::Fixed, base_seconds: 0 };
    let bench = bench(vec![job]).await;
    let run = bench.fire("j").await;
    bench.finished(run).await;
    assert_eq!(bench.states(run).await, ["a/1 FAILED"]);
}

#[tokio::test]
async fn history_never_holds_what_env_and_secret_tokens_stand_for() {
    let mut tell = step("tell", "lines:1");
    tell.op_kwargs = map(json!({"password": "${secret.pw}", "city": "${env.CITY}"}));
    let bench = bench(vec![job("j", vec![tell, step("b", "echo")])]).await;
    let run = bench.fire("j").await;
    let done = bench.finished(run).await;
    let steps = bench.steps(run).await;
    let input = steps[0].input.clone().unwrap();
    assert_eq!(input["op_kwargs"], json!({"password": "${secret.pw}", "city": "${env.CITY}"}));
    assert_eq!(steps[0].output.clone().unwrap()["password"], "s3cret", "the runner itself got the value");
    assert!(!format!("{:?} {:?}", done.params, bench.log(run).await).contains("s3cret"));
}

#[tokio::test]
async fn a_template_without_a_value_fails_its_step_with_the_token_named() {
    let mut bad = step("bad", "echo");
    bad.op_kwargs = map(json!({"x": "${steps.first.nothing}"}));
    let bench = bench(vec![job("j", vec![step("first", "echo"), bad])]).await;
    let run = bench.fire("j").await;
    let done = bench.finished(run).await;
    assert_eq!(done.status, RunStatus::Failed);
    assert!(done.error.as_deref().unwrap().contains("${steps.first.nothing}"), "{:?}", done.error);
    assert_eq!(bench.steps(run).await[1].error.as_ref().unwrap().kind, StepErrorKind::Definition);
}

#[tokio::test]
async fn one_run_at_a_time_and_the_refused_fire_is_recorded() {
    let bench = bench(vec![job("j", vec![step("a", "hang")])]).await;
    let first = bench.fire("j").await;
    let request = FireRequest::manual(JobId::new("j").unwrap(), Trigger::Api);
    let Err(DispatchError::AlreadyRunning { active, skipped, .. }) = bench.engine.fire(request).await else {
        panic!("the second fire is refused");
    };
    assert_eq!(active, first);
    let record = bench.run(skipped).await;
    assert_eq!((record.status, record.triggered_by.as_str()), (RunStatus::Skipped, "api"));
    assert_eq!(record.reason, Some(format!("previous run {first} still running")));
    bench.engine.cancel(first, "user:alice").await.unwrap();
    bench.finished(first).await;
}

#[tokio::test]
async fn unknown_jobs_and_steps_are_refused_with_the_nearest_name() {
    let bench = bench(vec![job("nightly", vec![step("a", "echo")])]).await;
    let unknown = FireRequest::manual(JobId::new("nigthly").unwrap(), Trigger::Api);
    let error = bench.engine.fire(unknown).await.unwrap_err();
    assert!(matches!(&error, DispatchError::UnknownJob { near: Some(near), .. } if near == "nightly"), "{error}");
    let overrides = Overrides { step_enabled: [(name("zz"), false)].into(), ..Overrides::default() };
    let request = FireRequest { overrides, ..FireRequest::manual(JobId::new("nightly").unwrap(), Trigger::Api) };
    let error = bench.engine.fire(request).await.unwrap_err();
    assert!(error.to_string().contains("`zz`"), "{error}");
    assert!(bench.store.list_runs(&RunFilter { limit: 10, ..RunFilter::default() }).await.unwrap().is_empty());
}

#[tokio::test]
async fn many_log_lines_arrive_all_in_order_before_the_run_is_final() {
    let bench = bench(vec![job("j", vec![step("a", "lines:12000")])]).await;
    let run = bench.fire("j").await;
    bench.finished(run).await;
    let said: Vec<String> = bench.log(run).await.into_iter().filter(|l| l.starts_with("line ")).collect();
    let expected: Vec<String> = (0..12_000).map(|n| format!("line {n}")).collect();
    assert_eq!(said, expected);
}

#[tokio::test]
async fn events_tell_the_story_in_order_and_only_stored_facts() {
    let bench = bench(vec![job("j", vec![step("a", "echo")])]).await;
    let mut live = bench.engine.bus().subscribe(None).live;
    let run = bench.fire("j").await;
    bench.finished(run).await;
    let mut story = Vec::new();
    while let Ok((_, event)) = live.try_recv() {
        story.push(match &*event {
            Event::Run(run) => format!("run {}", run.status.as_str()),
            Event::Step { step, .. } => format!("step {}", step.status.as_str()),
            Event::Progress { .. } => "progress".into(),
            Event::Log { .. } => continue,
            Event::Catalogue { .. } => "catalogue".into(),
            Event::Slots { .. } => "slots".into(),
            Event::Health(_) => "health".into(),
            Event::Holds => "holds".into(),
            Event::Delivery { .. } => "delivery".into(),
        });
    }
    let expected = ["run QUEUED", "step RUNNING", "run RUNNING", "progress", "step SUCCEEDED", "run SUCCEEDED"];
    assert_eq!(story, expected);
    assert_eq!(bench.steps(run).await[0].status, StepStatus::Succeeded);
}

#[tokio::test]
async fn runs_beyond_the_limit_wait_their_turn() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let jobs: Vec<Job> = (0..5).map(|n| job(&format!("j{n}"), vec![step("a", "lines:3")])).collect();
    let engine =
        Engine::start(EngineParts { presence: presence(1, false), ..parts(store.clone(), jobs) }).await.unwrap();
    let bench = Bench { engine, store, folder };
    let mut runs = Vec::new();
    for n in 0..5 {
        runs.push(bench.fire(&format!("j{n}")).await);
    }
    bench.finished(runs[4]).await;
    let mut spans = Vec::new();
    for run in runs {
        let run = bench.run(run).await;
        assert_eq!(run.status, RunStatus::Succeeded);
        spans.push((run.started_at.unwrap(), run.finished_at.unwrap()));
    }
    spans.sort();
    assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "never two at once: {spans:?}");
}

fn when(text: &str) -> Option<host_model::condition::Condition> {
    Some(host_model::condition::Condition::parse(text).unwrap())
}

#[tokio::test]
async fn a_step_whose_condition_does_not_hold_is_recorded_with_what_it_came_to_and_the_run_goes_on() {
    let mut skipped = step("skipped", "fail");
    skipped.when = when("${params.mode} == 'full' and ${secret.pw} != 'x'");
    let mut after = step("after", "echo");
    after.when = when("${previous_step.rows} is empty and ${steps.first.mode} in ['delta', 'full']");
    let mut job = job("j", vec![step("first", "echo"), skipped, after]);
    job.params = map(json!({"mode": "delta"}));
    let bench = bench(vec![job]).await;
    let run = bench.fire("j").await;
    let done = bench.finished(run).await;
    assert_eq!((done.status, done.steps_done), (RunStatus::Succeeded, 3));
    let expected = ["first/1 SUCCEEDED", "skipped/1 CANCELED skipped: condition", "after/1 SUCCEEDED"];
    assert_eq!(bench.states(run).await, expected);
    let steps = bench.steps(run).await;
    let judged = &steps[1].input.as_ref().unwrap()["when"];
    assert_eq!(judged["condition"], "${params.mode} == 'full' and ${secret.pw} != 'x'");
    assert_eq!(judged["values"], json!({"${params.mode}": "delta", "${secret.pw}": "${secret.pw}"}));
    assert_eq!(judged["result"], false);
    assert_eq!(steps[1].started_at, None);
    let judged = &steps[2].input.as_ref().unwrap()["when"];
    assert_eq!((&judged["result"], &judged["values"]["${steps.first.mode}"]), (&json!(true), &json!("delta")));
    let log = bench.log(run).await.join("\n");
    assert!(log.contains("step `skipped` skipped: condition: ${params.mode} == 'full'"), "{log}");
}

#[tokio::test]
async fn a_condition_that_cannot_be_judged_fails_its_step() {
    let mut unclear = step("unclear", "echo");
    unclear.when = when("${params.mode} > 3");
    let mut job = job("j", vec![unclear]);
    job.params = map(json!({"mode": "delta"}));
    job.retry = RetryPolicy { attempts: 3, backoff: Backoff::Fixed, base_seconds: 0 };
    let bench = bench(vec![job]).await;
    let run = bench.fire("j").await;
    assert_eq!(bench.finished(run).await.status, RunStatus::Failed);
    assert_eq!(bench.states(run).await, ["unclear/1 FAILED"], "the same again would come to the same");
    let error = bench.steps(run).await[0].error.clone().unwrap();
    assert_eq!(error.message, "`when`: text (`${params.mode}`) and a number (`3`) cannot be compared");
}

#[tokio::test]
async fn a_preset_lies_between_the_job_and_what_a_fire_sets() {
    let mut job = job("j", vec![step("a", "echo"), step("b", "fail")]);
    job.params = map(json!({"x": 1, "y": 1, "z": 1}));
    let overrides = Overrides {
        params: map(json!({"y": "${params.x}", "z": 2})),
        step_enabled: [(name("b"), false)].into(),
        ..Overrides::default()
    };
    job.presets.push(host_model::job::Preset { name: "light".into(), overrides });
    let bench = bench(vec![job]).await;
    let request = |preset: &str| FireRequest {
        preset: Some(preset.into()),
        overrides: Overrides { params: map(json!({"z": 3})), ..Overrides::default() },
        ..FireRequest::manual(JobId::new("j").unwrap(), Trigger::Cli("bob".into()))
    };
    let run = bench.engine.fire(request("light")).await.unwrap().run_id;
    let done = bench.finished(run).await;
    assert_eq!(done.status, RunStatus::Succeeded);
    assert_eq!(Json::from(done.overrides), json!({"params": {"z": 3}, "preset": "light"}));
    assert_eq!(bench.states(run).await, ["a/1 SUCCEEDED", "b/1 CANCELED skipped: disabled"]);
    let output = Json::from(bench.steps(run).await[0].output.clone().unwrap());
    assert_eq!((&output["x"], &output["y"], &output["z"]), (&json!(1), &json!(1), &json!(3)));
    for current in [false, true] {
        let again = crate::ReplayRequest { run, from_step: None, current, trigger: Trigger::Api, run_id: None };
        let again = bench.engine.replay(again).await.unwrap().run_id;
        assert_eq!(bench.finished(again).await.status, RunStatus::Succeeded, "current: {current}");
        assert_eq!(bench.states(again).await[1], "b/1 CANCELED skipped: disabled");
    }
    match bench.engine.fire(request("heavy")).await {
        Err(DispatchError::UnknownPreset { known, .. }) => assert_eq!(known, ["light"]),
        other => panic!("{other:?}"),
    }
}
