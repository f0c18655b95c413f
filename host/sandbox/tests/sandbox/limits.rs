//! Limits: the hog among the guests, and components as text, which reach each limit by the shortest way.

use std::time::{Duration, Instant};

use host_model::{StepError, StepErrorKind};
use serde_json::json;

use crate::support::{Home, Step, plugin_text_with_list};

async fn crash(module: &str, grants: &str) -> StepError {
    let home = Home::with_text(module);
    home.grant("text", grants);
    let error = home.run("text:run", json!({})).await.expect_err("a limit").error;
    assert_eq!(error.kind, StepErrorKind::Crashed);
    error
}

#[tokio::test]
async fn a_hog_is_contained_and_told_which_limit_it_met() {
    let home = Home::with("hog");
    home.grant("hog", "[limits]\nmemory_mb = 32\n");
    let failure = home.run("hog:run", json!({})).await.expect_err("a limit");
    assert_eq!(failure.error.kind, StepErrorKind::Crashed);
    let expected = "`hog:run` ran into its memory limit of 32 MB (`memory_mb` in `plugins/app/hog.toml`)";
    let message = &failure.error.message;
    let (start, end) = expected.split_once(" (").expect("two parts");
    assert!(message.starts_with(start) && message.contains(end), "{message}");
    let peak = failure.usage.expect("usage")["peak_memory_bytes"].as_u64().expect("bytes");
    assert!((16 << 20..=32 << 20).contains(&peak), "{peak}");
}

#[tokio::test]
async fn a_component_as_text_runs() {
    let home = Home::with_text("(func $run (result i32) (i32.const 96))");
    let outcome = home.run("text:run", json!({})).await.expect("an empty object");
    assert!(outcome.output.is_empty());
}

#[tokio::test]
async fn all_memories_of_a_component_count_together() {
    // Each alone stays below 8 MB.
    let module = "(memory $second 1)
        (func $run (result i32)
          (drop (memory.grow $memory (i32.const 100)))
          (if (i32.eq (memory.grow $second (i32.const 100)) (i32.const -1)) (then (unreachable)))
          (i32.const 96))";
    let error = crash(module, "[limits]\nmemory_mb = 8\n").await;
    assert!(error.message.contains("memory limit of 8 MB"), "{}", error.message);
    let home = Home::with_text(module);
    home.run("text:run", json!({})).await.expect("there is room without the limit");
}

#[tokio::test]
async fn a_table_that_grows_without_end_meets_its_limit() {
    let module = "(table $t 0 funcref)
        (func $run (result i32)
          (loop $more (br_if $more (i32.ne (table.grow $t (ref.null func) (i32.const 50000)) (i32.const -1))))
          (unreachable))";
    let error = crash(module, "").await;
    assert!(error.message.contains("table limit"), "{}", error.message);
}

#[tokio::test]
async fn a_result_beyond_the_limit_is_refused() {
    let module = "(func $run (result i32)
        (i32.store (i32.const 100) (i32.const 1024)) (i32.store (i32.const 104) (i32.const 60000)) (i32.const 96))";
    let error = crash(module, "[limits]\noutput_bytes = 50000\n").await;
    let expected = "`text:run` returned 60000 bytes, its limit is 50000 (`output_bytes` in `plugins/app/text.toml`)";
    assert_eq!(error.message, expected);
}

#[tokio::test]
async fn a_result_outside_of_memory_is_a_trap() {
    let module = "(func $run (result i32)
        (i32.store (i32.const 100) (i32.const 0)) (i32.store (i32.const 104) (i32.const -1)) (i32.const 96))";
    let error = crash(module, "").await;
    assert!(error.message.starts_with("`text:run` crashed"), "{}", error.message);
}

#[tokio::test]
async fn a_trap_of_the_machine_is_named() {
    let error = crash("(func $run (result i32) (i32.div_s (i32.const 1) (i32.const 0)))", "").await;
    assert!(error.message.contains("integer divide by zero"), "{}", error.message);
}

#[tokio::test]
async fn a_memory_that_begins_beyond_the_limit_is_refused_by_name() {
    let error = crash("(memory 200) (func $run (result i32) (i32.const 96))", "[limits]\nmemory_mb = 8\n").await;
    assert!(error.message.contains("memory limit of 8 MB"), "{}", error.message);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_component_as_text_is_killed_at_its_deadline() {
    let home = Home::with_text("(func $run (result i32) (loop $more (br $more)) (unreachable))");
    let step = Step::new(json!({})).timeout(Duration::from_millis(300));
    let start = Instant::now();
    let error = home.run_in("text:run", &step.ctx).await.expect_err("a timeout").error;
    assert_eq!(error.kind, StepErrorKind::Timeout);
    assert!(start.elapsed() < Duration::from_millis(2_300), "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_callables_that_never_comes_is_given_up_after_a_second() {
    let home = Home::empty();
    let text =
        plugin_text_with_list("(func $run (result i32) (i32.const 96))", "(loop $more (br $more)) (unreachable)");
    home.put("text", &wat::parse_str(text).expect("sound text"));
    let start = Instant::now();
    let error = home.run("text:run", json!({})).await.expect_err("no list").error;
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    assert_eq!(error.kind, StepErrorKind::Definition);
    assert!(error.message.ends_with("failed to list its callables: no answer within 1 s"), "{}", error.message);
}

#[tokio::test]
async fn processor_time_ends_a_guest_that_only_computes() {
    let home = Home::with("endless");
    home.grant("endless", "[limits]\ncpu_seconds = 0.2\n");
    let begun = Instant::now();
    let failure = home.run("endless:run", json!({})).await.expect_err("a limit");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!(failure.error.kind, StepErrorKind::Crashed);
    let start =
        "`endless:run` ran into its processor time limit of 0.2 s (`cpu_seconds` in `plugins/app/endless.toml`)";
    assert!(failure.error.message.starts_with(start), "{}", failure.error.message);
    let used = failure.usage.expect("usage")["cpu_ms"].as_f64().expect("milliseconds");
    assert!((200.0..600.0).contains(&used), "{used}");
}

#[tokio::test]
async fn time_asleep_is_no_processor_time() {
    let home = Home::with("sleepy");
    home.grant("sleepy", "[limits]\ncpu_seconds = 0.5\n");
    let step = Step::new(json!({})).timeout(Duration::from_millis(700));
    let failure = home.run_in("sleepy:run", &step.ctx).await.expect_err("its step's timeout");
    assert_eq!(failure.error.kind, StepErrorKind::Timeout, "{:?}", failure.error);
}

/// Calls itself so often, 64 bytes of stack and more each time.
fn descend(times: u32) -> String {
    format!(
        "(func $down (param i32) (result i32) (local i64 i64 i64 i64 i64 i64)
           (if (result i32) (local.get 0)
             (then (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))
             (else (i32.const 0))))
         (func $run (result i32) (drop (call $down (i32.const {times}))) (i32.const 96))"
    )
}

#[tokio::test]
async fn the_stack_is_as_large_as_the_grants_say() {
    let small = crash(&descend(6_000), "[limits]\nstack_kb = 64\n").await;
    let start = "`text:run` ran into its stack limit of 64 KB (`stack_kb` in `plugins/app/text.toml`)";
    assert!(small.message.starts_with(start), "{}", small.message);
    let home = Home::with_text(&descend(6_000));
    home.run("text:run", json!({})).await.expect("the usual stack is enough");
    let deep = crash(&descend(100_000), "").await;
    assert!(deep.message.contains("stack limit of 512 KB"), "{}", deep.message);
    let home = Home::with_text(&descend(100_000));
    home.grant("text", "[limits]\nstack_kb = 16384\n");
    home.run("text:run", json!({})).await.expect("a large one is enough");
}

#[tokio::test]
async fn a_table_has_the_elements_the_grants_say() {
    let module = "(table $t 0 funcref)
        (func $run (result i32)
          (if (i32.eq (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)) (then (unreachable)))
          (i32.const 96))";
    let error = crash(module, "[limits]\ntable_elements = 999\n").await;
    let expected = "table limit of 999 elements (`table_elements` in `plugins/app/text.toml`)";
    assert!(error.message.contains(expected), "{}", error.message);
    Home::with_text(module).run("text:run", json!({})).await.expect("there is room without the limit");
}

#[tokio::test]
async fn a_flood_of_lines_is_slowed_down_and_nothing_is_lost() {
    let home = Home::with("noisy");
    home.run("noisy:run", json!({})).await.expect("compiled");
    home.grant("noisy", "[limits]\nlog_lines_per_second = 100\n");
    let step = Step::new(json!({"lines": 250}));
    let begun = Instant::now();
    home.run_in("noisy:run", &step.ctx).await.expect("it ends");
    assert_eq!(step.voice.lines().len(), 250);
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(2) && took < Duration::from_secs(6), "{took:?}");
    let step = Step::new(json!({"lines": 100_000})).timeout(Duration::from_millis(500));
    let begun = Instant::now();
    home.run_in("noisy:run", &step.ctx).await.expect_err("its time is up");
    assert!(begun.elapsed() < Duration::from_millis(2500), "{:?}", begun.elapsed());
    assert!(step.voice.lines().len() < 500, "{}", step.voice.lines().len());
}

#[tokio::test]
async fn two_hundred_instances_at_once_all_work_and_all_end() {
    let home = std::sync::Arc::new(Home::with("sleepy"));
    let steps: Vec<Step> = (0..200).map(|_| Step::new(json!({}))).collect();
    let mut calls = tokio::task::JoinSet::new();
    for step in &steps {
        let (home, ctx) = (std::sync::Arc::clone(&home), step.ctx.clone());
        calls.spawn(async move { home.run_in("sleepy:run", &ctx).await });
    }
    for step in &steps {
        step.heard("asleep").await;
    }
    let begun = Instant::now();
    for step in &steps {
        step.ctx.cancel.cancel("canceled by user:alice");
    }
    while let Some(ended) = calls.join_next().await {
        let failure = ended.expect("no panic").expect_err("canceled");
        assert_eq!(failure.error.kind, StepErrorKind::Canceled);
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}
