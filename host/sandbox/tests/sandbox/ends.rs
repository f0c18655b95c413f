//! How calls end that do not end by themselves: deadline, cancel, crash; and that the host stays well meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use host_model::log::LogLevel;
use host_model::port::{StepRunner, StepVoice};
use host_model::{StepError, StepErrorKind, StepSpec};
use serde_json::json;

use crate::support::{Home, Step};

/// Two seconds are promised, and a test machine may be slow to schedule a thread.
const PROMISE: Duration = Duration::from_millis(2_000);

/// Warm: the time of compiling is not the subject.
async fn warm(name: &str) -> Home {
    let home = Home::with(name);
    let checked = home.runner.clone();
    let callable = format!("{name}:run");
    tokio::task::spawn_blocking(move || checked.check(&callable)).await.expect("no panic").expect("a callable");
    home
}

async fn crash(callable: &str) -> StepError {
    let home = Home::with("trap");
    let error = home.run(callable, json!({})).await.expect_err("a crash").error;
    assert_eq!(error.kind, StepErrorKind::Crashed);
    assert!(error.may_retry);
    error
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_loop_ends_at_the_timeout_of_its_step() {
    let home = warm("endless").await;
    let step = Step::new(json!({})).timeout(Duration::from_millis(300));
    let start = Instant::now();
    let failure = home.run_in("endless:run", &step.ctx).await.expect_err("a timeout");
    assert!(start.elapsed() < Duration::from_millis(300) + PROMISE, "{:?}", start.elapsed());
    assert_eq!(failure.error.kind, StepErrorKind::Timeout);
    assert_eq!(failure.error.message, "`endless:run` ran past the timeout of its step, 0.3 s");
    assert!(failure.error.detail.contains("was ended"), "{}", failure.error.detail);
    assert!(failure.error.detail.contains("endless.wasm!"), "a backtrace: {}", failure.error.detail);
    assert!(failure.usage.expect("usage")["cpu_ms"].as_f64().expect("time") > 100.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_of_the_grants_ends_a_call_before_the_timeout_of_its_step() {
    let home = warm("endless").await;
    home.grant("endless", "[limits]\nwall_seconds = 0.2\n");
    let start = Instant::now();
    let error = home.run("endless:run", json!({})).await.expect_err("a timeout").error;
    assert!(start.elapsed() < Duration::from_millis(200) + PROMISE, "{:?}", start.elapsed());
    assert_eq!(error.kind, StepErrorKind::Timeout);
    let expected = "`endless:run` ran past its limit of 0.2 s (`wall_seconds` in `plugins/app/endless.toml`)";
    assert_eq!(error.message, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_loop_ends_soon_after_a_cancel() {
    let home = warm("endless").await;
    let step = Step::new(json!({}));
    let cancel = step.ctx.cancel.clone();
    let canceled = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        cancel.cancel("canceled by user:alice");
        Instant::now()
    });
    let error = home.run_in("endless:run", &step.ctx).await.expect_err("canceled").error;
    let took = canceled.await.expect("no panic").elapsed();
    assert!(took < PROMISE, "{took:?}");
    assert_eq!(error.kind, StepErrorKind::Canceled);
    assert_eq!(error.message, "`endless:run` was stopped: canceled by user:alice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_asks_whether_to_stop_ends_within_its_grace() {
    let home = warm("sleepy").await;
    let step = Step::new(json!({}));
    let (ctx, runner) = (step.ctx.clone(), home.runner.clone());
    let call = tokio::spawn(async move {
        runner.run(&StepSpec::Wasm { callable: "sleepy:run".to_owned(), pins: Default::default() }, &ctx).await
    });
    step.heard("asleep").await;
    let start = Instant::now();
    step.ctx.cancel.cancel("canceled by user:alice");
    let error = call.await.expect("no panic").expect_err("canceled").error;
    assert!(start.elapsed() < Duration::from_millis(900), "it was not killed: {:?}", start.elapsed());
    assert_eq!(error.kind, StepErrorKind::Canceled);
    assert_eq!(error.detail, "it returned `canceled` after it was asked to stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_sleeps_on_is_ended() {
    let home = warm("sleepy").await;
    let step = Step::new(json!({})).timeout(Duration::from_millis(300));
    let start = Instant::now();
    let error = home.run_in("sleepy:deaf", &step.ctx).await.expect_err("a timeout").error;
    assert!(start.elapsed() < Duration::from_millis(300) + PROMISE, "{:?}", start.elapsed());
    assert_eq!(error.kind, StepErrorKind::Timeout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_attempt_is_abandoned_ends_too() {
    let home = warm("sleepy").await;
    let step = Step::new(json!({}));
    {
        let call = home.run_in("sleepy:run", &step.ctx);
        tokio::select! {
            _ = call => panic!("it sleeps until it is stopped"),
            () = step.heard("asleep") => {}
        }
    }
    // The thread of the call holds the voice until it ends.
    let ended = tokio::time::timeout(PROMISE, async {
        while Arc::strong_count(&step.voice) > 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    ended.await.expect("the thread lets go of the voice");
}

/// A log that takes nothing any more.
struct StuckVoice;

#[async_trait::async_trait]
impl StepVoice for StuckVoice {
    async fn log(&self, _: LogLevel, _: &str) {
        std::future::pending::<()>().await;
    }

    fn progress(&self, _: u64, _: Option<u64>, _: &str) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_stuck_holds_the_guest_but_not_its_end() {
    let home = warm("noisy").await;
    for params in [json!({"lines": 1}), json!({"printed": 5000})] {
        let mut step = Step::new(params).timeout(Duration::from_millis(200));
        step.ctx.voice = Arc::new(StuckVoice);
        let start = Instant::now();
        let error = home.run_in("noisy:run", &step.ctx).await.expect_err("a timeout").error;
        assert!(start.elapsed() < Duration::from_millis(200) + PROMISE, "{:?}", start.elapsed());
        assert_eq!(error.kind, StepErrorKind::Timeout);
        assert_eq!(error.detail, "it was waiting in a call of the host and was dropped");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_endless_guests_leave_the_runtime_well() {
    let home = warm("endless").await;
    let step = Step::new(json!({})).timeout(Duration::from_millis(1_000));
    let heartbeat = tokio::spawn(async {
        let mut beats = Vec::new();
        for _ in 0..200 {
            let start = Instant::now();
            tokio::time::sleep(Duration::from_millis(5)).await;
            beats.push(start.elapsed());
        }
        beats.sort();
        beats
    });
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (ctx, runner) = (step.ctx.clone(), home.runner.clone());
        calls.spawn(async move {
            runner.run(&StepSpec::Wasm { callable: "endless:run".to_owned(), pins: Default::default() }, &ctx).await
        });
    }
    // A busy machine may delay a few beats. Guests on the shared workers delay nearly all of them, by 300 ms and more.
    let beats = heartbeat.await.expect("no panic");
    let most = beats[beats.len() * 95 / 100];
    assert!(most < Duration::from_millis(100), "19 of 20 beats of 5 ms took up to {most:?}");
    while let Some(call) = calls.join_next().await {
        let error = call.expect("no panic").expect_err("a timeout").error;
        assert_eq!(error.kind, StepErrorKind::Timeout);
    }
}

#[tokio::test]
async fn a_panic_names_its_place_its_message_and_its_functions() {
    let error = crash("trap:run").await;
    assert!(error.message.starts_with("`trap:run` panicked at "), "{}", error.message);
    assert!(error.message.ends_with("trap/src/lib.rs:7:5: the guest panics on purpose"), "{}", error.message);
    assert!(error.detail.contains("trap::run"), "{}", error.detail);
    assert!(error.detail.contains("core::panicking::panic_fmt"), "without hashes: {}", error.detail);
    assert!(error.detail.contains("last lines of stderr:"), "{}", error.detail);
}

#[tokio::test]
async fn an_exhausted_stack_and_an_exit_are_told_apart() {
    let error = crash("trap:overflow").await;
    assert_eq!(
        error.message,
        "`trap:overflow` ran into its stack limit of 512 KB (`stack_kb` in `plugins/app/trap.toml`) in `trap::overflow::descend`"
    );
    let error = crash("trap:exit").await;
    assert_eq!(error.message, "`trap:exit` called exit(1)");
}

#[tokio::test]
async fn a_crash_leaves_the_next_call_alone() {
    let home = Home::with("trap");
    let echo = crate::support::guest("echo");
    home.put("echo", &std::fs::read(echo).expect("a component"));
    for _ in 0..2 {
        home.run("trap:run", json!({})).await.expect_err("a crash");
        home.run("echo:run", json!({})).await.expect("well");
    }
}
