//! Answers, typed errors, and the sentences an operator reads.

use super::*;
use serde_json::json;

fn report() -> CallReport {
    CallReport { usage: JsonMap::new(), refused_memory: false, refused_table: false, stderr_tail: Vec::new() }
}

fn concluded(ending: Ending<Answer>, report: CallReport) -> Result<StepOutcome, StepError> {
    let limits = Limits { output_bytes: 40, ..Limits::default() };
    let deadline = "the timeout of its step, 5 s";
    let grants_file = "plugins/a/p.toml";
    Over { callable: "p:f", report: &report, limits: &limits, deadline, grants_file }.conclude(ending)
}

fn answered(text: &str) -> Result<StepOutcome, StepError> {
    concluded(Ending { stop: None, result: Some(Ok(Ok(text.to_owned()))) }, report())
}

fn failed(code: &str, retryable: bool) -> StepError {
    typed_error(Error { code: code.to_owned(), message: "m".to_owned(), retryable, detail: None })
}

#[test]
fn an_object_is_the_output_and_its_rows_are_counted() {
    let outcome = answered(r#"{"rows_affected": 3, "x": null}"#).expect("fine");
    assert_eq!(outcome.rows_affected, Some(3));
    assert_eq!(Json::Object(outcome.output), json!({"rows_affected": 3, "x": null}));
}

#[test]
fn any_other_json_is_put_under_result() {
    let outcome = answered("[1, 2]").expect("fine");
    assert_eq!(Json::Object(outcome.output), json!({"result": [1, 2]}));
    assert_eq!(outcome.rows_affected, None);
}

#[test]
fn text_that_is_not_json_or_too_long_is_a_crash() {
    assert_eq!(answered("{oops").expect_err("crash").kind, StepErrorKind::Crashed);
    let error = answered(&format!("\"{}\"", "x".repeat(39))).expect_err("crash");
    assert_eq!(error.message, "`p:f` returned 41 bytes, its limit is 40 (`output_bytes` in `plugins/a/p.toml`)");
}

#[test]
fn the_code_decides_the_kind_and_the_flag_whether_to_retry() {
    assert_eq!(failed("denied", true).kind, StepErrorKind::Denied);
    assert!(!failed("denied", true).may_retry);
    assert_eq!(failed("remote.timeout", true).kind, StepErrorKind::Remote);
    assert!(failed("remote.timeout", true).may_retry);
    assert!(!failed("remote", false).may_retry);
    assert_eq!(failed("invalid.bind", true).kind, StepErrorKind::Failed);
    assert!(!failed("invalid.bind", true).may_retry);
    assert!(failed("flights.odd", true).may_retry);
    assert_eq!(failed("canceled", true).kind, StepErrorKind::Failed);
}

#[test]
fn a_result_after_a_stop_does_not_count() {
    let ending = |stop| Ending { stop: Some(stop), result: Some(Ok(Ok("{}".to_owned()))) };
    let error = concluded(ending(Stop::Canceled("canceled by user:alice".into())), report()).expect_err("canceled");
    assert_eq!(error.kind, StepErrorKind::Canceled);
    assert_eq!(error.message, "`p:f` was stopped: canceled by user:alice");
    let error = concluded(ending(Stop::Deadline), report()).expect_err("timed out");
    assert_eq!(error.kind, StepErrorKind::Timeout);
    assert_eq!(error.message, "`p:f` ran past the timeout of its step, 5 s");
}

#[test]
fn a_refused_limit_explains_the_trap_that_follows() {
    let trapped = || Ending { stop: None, result: Some(Err(Trap::UnreachableCodeReached.into())) };
    let refused = CallReport { refused_memory: true, ..report() };
    assert_eq!(
        concluded(trapped(), refused).expect_err("crash").message,
        "`p:f` ran into its memory limit of 256 MB (`memory_mb` in `plugins/a/p.toml`)"
    );
    let stderr_tail = vec!["thread '<unnamed>' panicked at src/lib.rs:1:1:".to_owned(), "no luck".to_owned()];
    let error = concluded(trapped(), CallReport { stderr_tail, ..report() }).expect_err("crash");
    assert_eq!(error.message, "`p:f` panicked at src/lib.rs:1:1: no luck");
}

#[test]
fn the_function_of_a_crash_is_the_innermost_one_of_the_guest() {
    let trace = "error while executing at wasm backtrace:\n    0:   0x1 - trap.wasm!abort\n    \
                 1:   0x2 - trap.wasm!std::panicking::begin\n    2:   0x3 - trap.wasm!trap::run\n";
    assert_eq!(own_function(trace), Some("trap::run"));
    let sdk = "    3:   0x3 - trap.wasm!<nomaflow_guest::step::Step>::new\n    4:   0x4 - trap.wasm!nomaflow:step/steps@0.1.0#run";
    assert_eq!(own_function(sdk), None);
    assert_eq!(without_hashes("<a[d38755159852ea3f]::B>::c[..]"), "<a::B>::c[..]");
}
