//! Components that misbehave before anybody calls them: when they start, and when they are asked what they can do.

use super::*;

use host_sandbox::SandboxError;

use crate::support::{plugin_text, plugin_text_with_list};

const RUN: &str = "(func $run (result i32) (i32.const 96))";

/// What an inspection says of a component as text; it says so soon.
async fn refusal(text: String) -> String {
    let home = Home::empty();
    home.put("text", &wat::parse_str(text).expect("sound text"));
    let (runner, path) = (home.runner.clone(), home.path("text"));
    let begun = Instant::now();
    let inspected = tokio::task::spawn_blocking(move || runner.inspect(&path)).await.expect("no panic");
    assert!(begun.elapsed() < Duration::from_secs(1) + PROMISE, "{:?}", begun.elapsed());
    let error = inspected.expect_err("refused");
    assert!(matches!(error, SandboxError::NoList { .. }), "{error:?}");
    home.put("echo", &std::fs::read(guest("echo")).expect("a component"));
    home.run("echo:run", json!({})).await.expect("another guest runs");
    error.to_string()
}

/// A list of `n` callables at 4096, after `before`.
fn list_at(n: u32, before: &str) -> String {
    format!(
        "(i32.store (i32.const 16) (i32.const 4096)) (i32.store (i32.const 20) (i32.const {n})) {before} (i32.const 16)"
    )
}

#[tokio::test]
async fn a_start_that_never_ends_is_given_up_after_a_second() {
    let module = format!("{RUN} (func $forever (loop $more (br $more))) (start $forever)");
    let said = refusal(plugin_text(&module)).await;
    assert!(said.ends_with("no answer within 1 s"), "{said}");
}

#[tokio::test]
async fn a_start_that_traps_is_named() {
    let module = format!("{RUN} (func $trap (unreachable)) (start $trap)");
    let said = refusal(plugin_text(&module)).await;
    assert!(said.ends_with("`unreachable` instruction executed"), "{said}");
}

#[tokio::test]
async fn a_list_without_number_is_refused_before_it_is_made() {
    // Half a million callables of no name, 48 bytes each in the guest.
    let list = list_at(500_000, "(drop (memory.grow $memory (i32.const 400)))");
    let said = refusal(plugin_text_with_list(RUN, &list)).await;
    assert!(said.contains("fuel"), "{said}");
    // A few thousand fit through, and are too many all the same.
    let list = list_at(2_000, "(drop (memory.grow $memory (i32.const 400)))");
    let said = refusal(plugin_text_with_list(RUN, &list)).await;
    assert!(said.ends_with("its list has 2000 callables, 1000 are allowed"), "{said}");
}

#[tokio::test]
async fn a_list_outside_of_memory_is_refused() {
    let said = refusal(plugin_text_with_list(RUN, &list_at(u32::MAX, ""))).await;
    assert!(said.contains("failed to list its callables"), "{said}");
    let said = refusal(plugin_text_with_list(RUN, "(i32.const -4)")).await;
    assert!(said.contains("failed to list its callables"), "{said}");
}

#[tokio::test]
async fn a_list_with_a_name_twice_or_a_name_that_is_none_is_refused() {
    // The one entry of the usual list, copied behind itself.
    let twice = "(memory.copy (i32.const 4096) (i32.const 32) (i32.const 48))
        (memory.copy (i32.const 4144) (i32.const 32) (i32.const 48))
        (i32.store (i32.const 16) (i32.const 4096)) (i32.store (i32.const 20) (i32.const 2)) (i32.const 16)";
    let said = refusal(plugin_text_with_list(RUN, twice)).await;
    assert!(said.ends_with("its list has `run` twice"), "{said}");
    let odd = "(i32.store8 (i32.const 128) (i32.const 27)) (i32.const 16)";
    let said = refusal(plugin_text_with_list(RUN, odd)).await;
    assert!(said.ends_with("`\\u{1b}un` in its list is no name of a callable"), "{said}");
    let not_text = "(i32.store8 (i32.const 128) (i32.const 255)) (i32.const 16)";
    let said = refusal(plugin_text_with_list(RUN, not_text)).await;
    assert!(said.contains("utf-8"), "{said}");
}

#[test]
fn a_file_beyond_all_measure_is_not_read() {
    let home = Home::empty();
    home.put("large", b"");
    // Takes no room on the disk.
    let file = std::fs::OpenOptions::new().write(true).open(home.path("large")).expect("opens");
    file.set_len(300 << 20).expect("grows");
    let error = home.runner.inspect(&home.path("large")).expect_err("refused");
    assert_eq!(error.to_string(), "`plugins/app/large.wasm` is not a component: it is larger than 256 MB");
}
