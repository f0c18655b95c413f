//! Steps that fail, and steps that take their process with them.

use host_model::StepErrorKind::{Crashed, Definition, Failed};
use host_python::{PythonConfig, PythonRunner};
use serde_json::json;

use crate::support::{attempt, call, config, failure, runner};

#[tokio::test]
async fn an_exception_is_told_with_the_authors_traceback_alone() {
    let error = failure(&runner(), "crashing:raises", json!({"name": "x"})).await;
    assert_eq!((error.kind, error.message.as_str()), (Failed, "RuntimeError: no luck with x"));
    let traceback = &error.detail;
    assert!(traceback.contains("ValueError: invalid literal"), "{traceback}");
    assert!(traceback.contains("The above exception was the direct cause"), "{traceback}");
    assert!(traceback.contains("crashing.py\", line"), "{traceback}");
    assert!(!traceback.contains("nomaflow"), "{traceback}");
    assert_eq!(traceback.matches("  File ").count(), 2, "{traceback}");
}

#[tokio::test]
async fn an_exception_in_a_task_shows_no_frame_of_the_event_loop() {
    let error = failure(&runner(), "crashing:raises_later", json!({})).await;
    assert_eq!(error.message, "KeyError: 'gone'");
    assert_eq!(error.detail.matches("  File ").count(), 1, "{}", error.detail);
    let error = failure(&runner(), "crashing:raises_unprintable", json!({})).await;
    assert!(error.message.starts_with("Unprintable"), "{error}");
}

#[tokio::test]
async fn a_module_that_cannot_be_imported_fails_with_its_own_words() {
    let runner = runner();
    let error = failure(&runner, "broken_syntax:f", json!({})).await;
    assert!(error.kind == Definition && error.message.starts_with("SyntaxError: "), "{error}");
    assert!(error.detail.contains("broken_syntax.py\", line 1"), "{}", error.detail);
    let error = failure(&runner, "needs_more:f", json!({})).await;
    let message = "ModuleNotFoundError: No module named 'a_package_nobody_has'";
    assert_eq!((error.kind, error.message.as_str()), (Definition, message));
    let error = failure(&runner, "plain_trouble:f", json!({})).await;
    assert_eq!((error.kind, error.message.as_str()), (Failed, "ZeroDivisionError: division by zero"));
    assert_eq!(error.detail.matches("  File ").count(), 1, "{}", error.detail);
    // A broken module breaks only its own job.
    call(&runner, "basics:nothing", json!({})).await;
}

#[tokio::test]
async fn a_dead_worker_fails_the_step_with_the_signal_or_status_and_the_next_step_has_a_new_one() {
    let runner = runner();
    let cases = [
        ("crashing:segfault", "killed by signal 11 (SIGSEGV)"),
        ("crashing:exits", "exit status 7"),
        ("crashing:killed", "killed by signal 9 (SIGKILL: from outside, or out of memory)"),
    ];
    for (callable, end) in cases {
        let error = failure(&runner, callable, json!({})).await;
        let message = format!("the Python process of `{callable}` ended before the callable did: {end}");
        assert_eq!((error.kind, error.message), (Crashed, message));
        call(&runner, "basics:nothing", json!({})).await;
    }
    // Python's own account of where it died.
    let error = failure(&runner, "crashing:segfault", json!({})).await;
    assert!(error.detail.contains("Segmentation fault") && error.detail.contains("in segfault"), "{}", error.detail);
}

#[tokio::test]
async fn leaving_by_sys_exit_is_a_failure_and_not_the_end_of_the_worker() {
    let runner = runner();
    let before = call(&runner, "basics:interpreter", json!({})).await["pid"].clone();
    let error = failure(&runner, "crashing:polite_exit", json!({})).await;
    assert_eq!((error.kind, error.message.as_str()), (Failed, "SystemExit: 3"));
    assert_eq!(call(&runner, "basics:interpreter", json!({})).await["pid"], before);
}

#[tokio::test]
async fn a_signal_from_outside_is_a_failure_that_may_be_tried_again() {
    let error = failure(&runner(), "crashing:outside_signal", json!({})).await;
    assert_eq!((error.kind, error.message.as_str()), (Failed, "StepCanceled: the step was stopped"));
    assert!(error.may_retry);
}

#[tokio::test]
async fn a_forked_child_does_not_answer_for_its_parent() {
    let attempt = attempt(json!({}));
    let outcome = attempt.run(&runner(), "crashing:forks").await.unwrap();
    assert_eq!(outcome.output["who"], "parent");
    assert!(attempt.voice.texts().contains(&"the child speaks".to_owned()), "{:?}", attempt.voice.texts());
}

#[tokio::test]
async fn an_output_too_large_to_cross_is_a_clear_failure() {
    let error = failure(&runner(), "crashing:too_much", json!({})).await;
    assert_eq!(error.kind, Failed);
    assert!(error.message.contains("70 MiB at once are too much, at most 64 MiB may cross"), "{error}");
}

#[tokio::test]
async fn a_step_that_takes_too_much_memory_is_killed_with_the_limit_named() {
    let runner = PythonRunner::new(PythonConfig { step_memory: Some(200 << 20), ..config() });
    for callable in ["crashing:hogs", "crashing:hogs_in_a_child", "crashing:hogs_in_a_daemon"] {
        let error = failure(&runner, callable, json!({})).await;
        let message = &error.message;
        assert_eq!(error.kind, Crashed, "{error}");
        assert!(message.starts_with(&format!("the Python process of `{callable}` was killed: it used ")), "{message}");
        assert!(
            message.ends_with(" MiB of memory, and a step may use 200 MiB (`memory_mb` of `[python]`)"),
            "{message}"
        );
        call(&runner, "basics:nothing", json!({})).await;
    }
}

#[tokio::test]
async fn a_step_that_forks_without_end_is_killed() {
    let runner = runner();
    let error = failure(&runner, "crashing:forks_without_end", json!({})).await;
    let message = "the Python process of `crashing:forks_without_end` was killed: it started more than 256 processes";
    assert_eq!((error.kind, error.message.as_str()), (Crashed, message));
    call(&runner, "basics:nothing", json!({})).await;
}

#[tokio::test]
async fn a_worker_that_keeps_much_memory_after_a_step_is_replaced() {
    let runner = PythonRunner::new(PythonConfig { recycle_memory: 90 << 20, ..config() });
    let light = call(&runner, "basics:interpreter", json!({})).await["pid"].clone();
    assert_eq!(call(&runner, "crashing:leaves_much", json!({})).await["pid"], light);
    assert_ne!(call(&runner, "basics:interpreter", json!({})).await["pid"], light);
}
