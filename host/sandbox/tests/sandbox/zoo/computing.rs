//! Time, memory, stack, and ends that are none.

use super::*;

use crate::support::plugin_text_with_list;

const MB_32: &str = "[limits]\nmemory_mb = 32\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_loop_ends_at_each_of_its_three_limits() {
    let zoo = Zoo::with("").await;
    let allowed = Duration::from_millis(300);
    let fate = zoo.fate_within("spin", json!({}), allowed).await;
    assert_eq!(
        fate.error(StepErrorKind::Timeout, allowed).message,
        "`zoo:spin` ran past the timeout of its step, 0.3 s"
    );
    zoo.home.grant("zoo", "[limits]\nwall_seconds = 0.3\n");
    let fate = zoo.fate("spin", json!({})).await;
    assert!(fate.error(StepErrorKind::Timeout, allowed).message.contains("(`wall_seconds` in "));
    zoo.home.grant("zoo", "[limits]\ncpu_seconds = 0.2\n");
    let fate = zoo.fate("spin", json!({})).await;
    assert!(fate.error(StepErrorKind::Crashed, allowed).message.contains("(`cpu_seconds` in "));
}

#[tokio::test]
async fn an_allocation_beyond_the_limit_is_refused_before_it_is_made() {
    let zoo = Zoo::with(MB_32).await;
    let fate = zoo.fate("bomb", json!({})).await;
    fate.crash("ran into its memory limit of 32 MB (`memory_mb` in `plugins/app/zoo.toml`)");
    assert!(fate.peak() < 32 << 20, "{}", fate.peak());
}

#[tokio::test]
async fn memory_taken_by_the_spoonful_ends_at_the_limit() {
    let zoo = Zoo::with(MB_32).await;
    let fate = zoo.fate("creep", json!({})).await;
    fate.crash("memory limit of 32 MB");
    assert!((16 << 20..=32 << 20).contains(&fate.peak()), "{}", fate.peak());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_that_is_asked_for_again_and_again_is_refused_each_time_and_time_ends_it() {
    let module = "(func $run (result i32)
        (loop $more (drop (memory.grow $memory (i32.const 1))) (br $more)) (unreachable))";
    let home = Home::with_text(module);
    home.grant("text", "[limits]\nmemory_mb = 8\ncpu_seconds = 0.2\n");
    let begun = Instant::now();
    let failure = home.run("text:run", json!({})).await.expect_err("contained");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert!(failure.error.message.contains("processor time limit"), "{}", failure.error.message);
    assert!(failure.usage.expect("usage")["peak_memory_bytes"].as_u64().expect("bytes") <= 8 << 20);
}

#[tokio::test]
async fn a_recursion_without_end_ends_at_the_stack() {
    let zoo = Zoo::with("").await;
    zoo.fate("descend", json!({})).await.crash("ran into its stack limit of 512 KB (`stack_kb` in ");
}

#[tokio::test]
async fn a_panic_an_abort_and_an_exit_end_the_call_and_not_the_host() {
    let zoo = Zoo::with("").await;
    zoo.fate("panic", json!({})).await.crash("the zoo panics on purpose");
    zoo.fate("abort", json!({})).await.crash("`zoo:abort` aborted");
    zoo.fate("exit", json!({"code": 0})).await.crash("`zoo:exit` called exit(0)");
    zoo.fate("exit", json!({"code": 7})).await.crash("`zoo:exit` called exit(1)");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sleep_of_a_day_ends_soon_after_a_cancel() {
    let zoo = Zoo::with("").await;
    let step = zoo.step(json!({}), Duration::from_secs(60));
    let call = zoo.home.run_in("zoo:sleep", &step.ctx);
    let cancel = async {
        step.heard("asleep").await;
        step.ctx.cancel.cancel("canceled by user:alice");
        Instant::now()
    };
    let (ended, canceled_at) = tokio::join!(call, cancel);
    assert!(canceled_at.elapsed() < PROMISE, "{:?}", canceled_at.elapsed());
    let error = ended.expect_err("canceled").error;
    assert_eq!(
        (error.kind, error.message.as_str()),
        (StepErrorKind::Canceled, "`zoo:sleep` was stopped: canceled by user:alice")
    );
    zoo.expect_well().await;
}

/// A plugin whose core module is made `n` times more, each with an empty memory and an empty table.
fn many_instances(n: usize) -> Vec<u8> {
    let text = plugin_text_with_list("(func $run (result i32) (i32.const 96))", "(i32.const 16)");
    let more = "(core instance (instantiate $small))".repeat(n);
    let small = format!("(core module $small (memory 0) (table 0 funcref)) {more} (core module $m");
    wat::parse_str(text.replacen("(core module $m", &small, 1)).expect("sound text")
}

#[tokio::test]
async fn memories_without_a_byte_are_counted_because_each_takes_address_space() {
    let home = Home::empty();
    home.put("text", &many_instances(20));
    home.run("text:run", json!({})).await.expect("a few are fine");
    home.put("text", &many_instances(200));
    let begun = Instant::now();
    let error = home.run("text:run", json!({})).await.expect_err("contained").error;
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert!(error.message.contains("memory count too high"), "{}", error.message);
}
