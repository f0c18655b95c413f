//! What a guest is given and what it gives back: params, facts, log lines, results, typed errors, usage.

use host_model::StepErrorKind;
use host_model::log::LogLevel;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{Home, Step, guest, json as object};

#[tokio::test]
async fn params_come_back_as_the_guest_got_them() {
    let home = Home::with("echo");
    let params = json!({"text": "näme", "list": [1, 2.5, null], "deep": {"b": true, "a": {}}});
    let outcome = home.run("echo:run", params.clone()).await.expect("echo");
    assert_eq!(object(outcome.output), params);
    let outcome = home.run("echo.deep.module:run", params.clone()).await.expect("echo under a module");
    assert_eq!(object(outcome.output), params);
}

#[tokio::test]
async fn the_rows_a_guest_names_are_counted() {
    let outcome = Home::with("echo").run("echo:run", json!({"rows_affected": 12})).await.expect("echo");
    assert_eq!(outcome.rows_affected, Some(12));
}

#[tokio::test]
async fn a_guest_learns_the_facts_of_its_run_and_no_others() {
    let home = Home::with("echo");
    let step = Step::new(json!({}));
    let facts = home.run_in("echo:facts", &step.ctx).await.expect("facts");
    let expected = json!({
        "run.id": step.ctx.run_id.to_string(), "job.id": "nightly", "step.name": "call", "attempt": "2",
        "triggered_by": "user:alice", "scheduled_at": null, "log_level": "INFO", "no.such.key": null,
    });
    assert_eq!(object(facts.output), expected);
    let mut step = Step::new(json!({}));
    step.ctx.triggered_by = "cron".to_owned();
    let facts = home.run_in("echo:facts", &step.ctx).await.expect("facts");
    assert_eq!(facts.output["scheduled_at"], "2026-01-02T03:04:05.000Z");
}

#[tokio::test]
async fn log_lines_below_the_level_of_the_run_are_dropped() {
    let home = Home::with("echo");
    let step = Step::new(json!({}));
    home.run_in("echo:run", &step.ctx).await.expect("echo");
    let from_info = ["INFO a line of level info", "WARNING a line of level warn", "ERROR a line of level error"];
    assert_eq!(step.voice.lines(), from_info);
    let mut step = Step::new(json!({}));
    step.ctx.log_level = LogLevel::Debug;
    home.run_in("echo:run", &step.ctx).await.expect("echo");
    assert_eq!(step.voice.lines().len(), 5);
    assert_eq!(step.voice.lines()[..2], ["DEBUG a line of level trace", "DEBUG a line of level debug"]);
}

#[tokio::test]
async fn stdout_stderr_and_log_lines_arrive_complete_and_in_their_order() {
    let home = Home::with("noisy");
    let step = Step::new(json!({"printed": 3, "lines": 2000, "width": 1}));
    home.run_in("noisy:run", &step.ctx).await.expect("noisy");
    let lines = step.voice.lines();
    let of = |prefix: &str| lines.iter().filter(|line| line.starts_with(prefix)).cloned().collect::<Vec<_>>();
    // The last line of stdout has no end; the SDK flushes it when the callable returns.
    assert_eq!(of("INFO out"), ["INFO out 0", "INFO out 1", "INFO out 2"]);
    assert_eq!(of("WARNING err"), ["WARNING err 0", "WARNING err 1", "WARNING err 2"]);
    let logged: Vec<String> = (0..2000).map(|i| format!("INFO line {i}x")).collect();
    assert_eq!(of("INFO line"), logged);
}

#[tokio::test]
async fn a_flood_of_lines_ends_at_the_limit_with_one_warning() {
    let home = Home::with("noisy");
    home.grant("noisy", "[limits]\nlog_lines = 50\n");
    let step = Step::new(json!({"lines": 5000, "width": 20000}));
    home.run_in("noisy:run", &step.ctx).await.expect("the step goes on");
    let lines = step.voice.lines();
    assert_eq!(lines.len(), 51);
    assert_eq!(lines[50], "WARNING log_lines limit of 50 lines reached, further lines are dropped");
    assert!(lines[0].len() < 9000 && lines[0].ends_with("… (cut, 20006 bytes)"), "{}", lines[0]);
}

#[tokio::test]
async fn a_typed_error_keeps_its_code_message_and_flag() {
    let home = Home::with("fail");
    let fail = async |code: &str, retryable: bool| {
        let params = json!({"code": code, "message": "no luck", "retryable": retryable, "detail": "more"});
        home.run("fail:run", params).await.expect_err("a failure").error
    };
    let error = fail("flights.odd", true).await;
    assert_eq!((error.kind, error.may_retry), (StepErrorKind::Failed, true));
    assert_eq!((error.message.as_str(), error.detail.as_str()), ("no luck", "code: flights.odd\nmore"));
    assert!(!fail("flights.odd", false).await.may_retry);
    assert!(!fail("invalid", true).await.may_retry);
    assert_eq!(fail("remote.refused", true).await.kind, StepErrorKind::Remote);
    assert_eq!(fail("denied", false).await.kind, StepErrorKind::Denied);
}

#[tokio::test]
async fn the_digest_that_ran_and_what_it_used_are_recorded() {
    let home = Home::with("noisy");
    let usage = home.run("noisy:run", json!({"lines": 5})).await.expect("noisy").usage.expect("usage");
    let digest = hex::encode(Sha256::digest(std::fs::read(guest("noisy")).expect("a component")));
    assert_eq!(usage["component_sha256"], digest);
    assert_eq!(usage["host_calls"], 5);
    assert!(usage["peak_memory_bytes"].as_u64().expect("bytes") > 65_536);
    assert!(usage["wall_ms"].as_f64().expect("time") > 0.0);
    assert!(usage["cpu_ms"].as_f64().expect("time") > 0.0);
    let usage = Home::with("trap").run("trap:run", json!({})).await.expect_err("trap").usage.expect("usage");
    assert!(usage["peak_memory_bytes"].as_u64().expect("bytes") > 65_536);
}

#[tokio::test]
async fn a_call_sees_nothing_of_the_call_before() {
    // Counts its calls in a global and returns the count where the length of the text belongs.
    let home = Home::with_text(
        "(global $calls (mut i32) (i32.const 0))
         (data (i32.const 200) \"12345\")
         (func $run (result i32)
           (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
           (i32.store (i32.const 100) (i32.const 200))
           (i32.store (i32.const 104) (global.get $calls))
           (i32.const 96))",
    );
    for _ in 0..3 {
        let outcome = home.run("text:run", json!({})).await.expect("a number");
        assert_eq!(object(outcome.output), json!({"result": 1}));
    }
}

#[tokio::test]
async fn a_result_that_is_not_json_is_a_crash() {
    let home = Home::with_text(
        "(data (i32.const 200) \"oops\")
         (func $run (result i32)
           (i32.store (i32.const 100) (i32.const 200)) (i32.store (i32.const 104) (i32.const 4)) (i32.const 96))",
    );
    let error = home.run("text:run", json!({})).await.expect_err("no JSON").error;
    assert_eq!(error.kind, StepErrorKind::Crashed);
    assert!(error.message.starts_with("`text:run` returned text that is not JSON"), "{}", error.message);
}
