//! Cancel and timeout stop everything within 2 s. The runner sees both as the same token.

use std::time::{Duration, Instant};

use host_model::{StepError, StepErrorKind};
use serde_json::json;

use crate::support::{Attempt, attempt, call, runner};

const PROMISE: Duration = Duration::from_secs(2);

async fn stop(callable: &str, reason: &str) -> (Attempt, StepError) {
    let runner = runner();
    let attempt = attempt(json!({}));
    let mut step = Box::pin(attempt.fail(&runner, callable));
    tokio::select! {
        early = &mut step => panic!("`{callable}` ended before it was stopped: {early}\n{}", early.detail),
        () = attempt.voice.wait_for("begun") => {}
    }
    let stopped_at = Instant::now();
    attempt.ctx.cancel.cancel(reason);
    let error = (&mut step).await;
    let took = stopped_at.elapsed();
    drop(step);
    assert_eq!((error.kind, error.message.as_str()), (StepErrorKind::Canceled, reason));
    assert!(took < PROMISE, "`{callable}` took {took:?}");
    // The next step is served as if nothing had been.
    call(&runner, "basics:nothing", json!({})).await;
    (attempt, error)
}

#[tokio::test]
async fn a_sleeping_function_is_woken_and_may_clean_up() {
    let (attempt, error) = stop("stopping:sleeps", "canceled by user:alice").await;
    assert!(attempt.voice.texts().contains(&"cleaned up".to_owned()), "{:?}", attempt.voice.texts());
    assert!(error.detail.contains("in sleeps") && error.detail.contains("StepCanceled"), "{}", error.detail);
}

#[tokio::test]
async fn a_timeout_stops_like_a_cancel_and_keeps_its_reason() {
    stop("stopping:sleeps", "timed out after 1 s").await;
}

#[tokio::test]
async fn a_task_is_cancelled_and_may_clean_up() {
    let (attempt, _) = stop("stopping:waits", "canceled by user:alice").await;
    assert!(attempt.voice.texts().contains(&"cleaned up, cancelled=True".to_owned()), "{:?}", attempt.voice.texts());
}

#[tokio::test]
async fn a_task_that_blocks_gets_the_exception_at_the_second_signal() {
    let (_, error) = stop("stopping:blocks", "canceled by shutdown").await;
    assert!(error.detail.contains("StepCanceled"), "{}", error.detail);
}

#[tokio::test]
async fn a_task_that_waits_for_a_sleeping_thread_is_stopped() {
    stop("stopping:thread_behind", "canceled by user:alice").await;
}

#[tokio::test]
async fn a_loop_in_c_is_killed() {
    let (_, error) = stop("stopping:counts_in_c", "canceled by user:alice").await;
    assert!(error.detail.contains("was killed"), "{}", error.detail);
}

#[tokio::test]
async fn a_catastrophic_regular_expression_is_stopped() {
    stop("stopping:backtracks", "canceled by user:alice").await;
}

#[tokio::test]
async fn code_that_swallows_every_exception_is_killed() {
    stop("stopping:swallows", "canceled by user:alice").await;
}

#[tokio::test]
async fn a_loop_in_python_is_stopped() {
    stop("stopping:spins", "canceled by user:alice").await;
}

#[tokio::test]
async fn a_function_that_waits_for_a_connector_is_stopped() {
    stop("stopping:asks_forever", "canceled by user:alice").await;
}

#[tokio::test]
async fn a_function_that_returns_because_it_was_stopped_is_canceled_all_the_same() {
    stop("stopping:polls", "canceled by user:alice").await;
}

#[tokio::test]
async fn a_step_that_waits_for_a_free_worker_can_be_cancelled() {
    use host_python::{PythonConfig, PythonRunner};
    let runner = PythonRunner::new(PythonConfig { max_workers: 1, ..crate::support::config() });
    let (busy, waiting) = (attempt(json!({})), attempt(json!({})));
    let (first, second, ()) =
        tokio::join!(busy.fail(&runner, "stopping:sleeps"), waiting.fail(&runner, "stopping:sleeps"), async {
            busy.voice.wait_for("begun").await;
            waiting.ctx.cancel.cancel("canceled by user:bob");
            tokio::task::yield_now().await;
            busy.ctx.cancel.cancel("canceled by user:alice");
        });
    assert_eq!(first.message, "canceled by user:alice");
    assert_eq!(second.message, "canceled by user:bob");
    assert!(waiting.voice.texts().is_empty(), "it never began");
}
