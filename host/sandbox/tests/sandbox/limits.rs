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
