//! Components that come, change and go while the host runs.

use std::fs;
use std::time::{Duration, Instant};

use host_model::port::StepOutcome;
use host_sandbox::Readiness;
use serde_json::json;

use crate::plugin_text::large_plugin;
use crate::support::{Home, guest, json, plugin_text};

fn text(answer: &str) -> Vec<u8> {
    let module = format!("(data (i32.const 136) \"{answer}\") (func $run (result i32) (i32.const 96))");
    wat::parse_str(plugin_text(&module)).expect("sound text")
}

/// Writes the first part of a file, waits, and writes the rest, as a slow copy does.
fn copy_slowly(path: std::path::PathBuf, bytes: Vec<u8>, pause: Duration) -> std::thread::JoinHandle<()> {
    let half = bytes.len() / 2;
    fs::write(&path, &bytes[..half]).expect("writes");
    std::thread::spawn(move || {
        std::thread::sleep(pause);
        let mut file = fs::OpenOptions::new().append(true).open(path).expect("opens");
        std::io::Write::write_all(&mut file, &bytes[half..]).expect("writes");
    })
}

#[test]
fn a_component_that_is_just_being_copied_is_waited_for() {
    let home = Home::empty();
    let bytes = fs::read(guest("echo")).expect("a component");
    let copying = copy_slowly(home.path("echo"), bytes, Duration::from_millis(200));
    home.runner.check("echo:run").expect("the whole component was seen");
    copying.join().expect("no panic");
}

#[test]
fn a_copy_that_stops_half_way_is_reported_soon_and_harms_nothing_else() {
    let home = Home::with("echo");
    let bytes = fs::read(guest("echo")).expect("a component");
    fs::write(home.path("half"), &bytes[..bytes.len() / 2]).expect("writes");
    let begun = Instant::now();
    let error = home.runner.check("half:run").expect_err("damaged");
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    assert!(error.to_string().contains("`plugins/app/half.wasm` is damaged"), "{error}");
    home.runner.check("echo:run").expect("the other one");
    let whole = home.runner.check_file(&home.path("echo"), "plugins/app/echo.toml", None);
    whole.expect("nothing is wrong with it");
    let damaged = home.runner.check_file(&home.path("half"), "plugins/app/half.toml", None);
    assert_eq!(damaged.expect_err("damaged").to_string(), error.to_string());
}

#[tokio::test]
async fn a_component_that_is_overwritten_in_place_is_never_seen_half() {
    let home = Home::empty();
    let answers = [text("{}"), text("[]")];
    home.put("text", &answers[0]);
    let path = home.path("text");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = std::thread::spawn({
        let stop = stop.clone();
        move || {
            for answer in answers.iter().cycle().skip(1) {
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                // Truncated first, then written in two parts.
                fs::write(&path, &answer[..answer.len() / 3]).expect("writes");
                fs::write(&path, answer).expect("writes");
                std::thread::sleep(Duration::from_millis(120));
            }
        }
    });
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let outcome = home.run("text:run", json!({})).await.expect("one of the two");
        seen.insert(json(outcome.output).to_string());
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().expect("no panic");
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["{\"result\":[]}", "{}"]);
}

#[tokio::test]
async fn a_component_that_is_removed_is_gone_at_the_next_call_and_may_come_back() {
    let home = Home::with("echo");
    home.run("echo:run", json!({})).await.expect("it is there");
    let away = home.path("echo").with_extension("away");
    fs::rename(home.path("echo"), &away).expect("renames");
    let error = home.run("echo:run", json!({})).await.expect_err("gone").error;
    assert!(error.message.contains("there is no component `echo.wasm`"), "{}", error.message);
    fs::rename(away, home.path("echo")).expect("renames");
    home.run("echo:run", json!({})).await.expect("it is there again");
}

#[tokio::test]
async fn the_digest_that_ran_is_that_of_the_file_at_the_time() {
    let home = Home::empty();
    let mut digests = Vec::new();
    for answer in ["{}", "[]", "{}"] {
        home.put("text", &text(answer));
        let inspected = home.runner.inspect(&home.path("text")).expect("sound").digest;
        let usage = home.run("text:run", json!({})).await.expect("runs").usage.expect("usage");
        assert_eq!(usage["component_sha256"], json!(inspected));
        digests.push(inspected);
    }
    assert!(digests[0] == digests[2] && digests[0] != digests[1], "{digests:?}");
}

#[tokio::test]
async fn while_a_large_component_is_compiled_the_one_before_it_runs_and_others_come_and_go() {
    let cache = tempfile::tempdir().expect("a folder");
    let home = Home::with_cache(cache.path());
    home.put("text", &text("{}"));
    let before = home.run("text:run", json!({})).await.expect("the first one");
    let large = large_plugin("[]");
    home.put("text", &large);
    let soon = || Some(Instant::now() + Duration::from_millis(20));
    assert_eq!(home.runner.check_until("text:run", &Default::default(), soon()).expect("sound"), Readiness::Compiling);
    home.put("other", &text("{}"));
    let begun = Instant::now();
    home.runner.check("other:run").expect("compiled beside it");
    let took = begun.elapsed();
    let state = home.runner.check_file(&home.path("text"), "plugins/app/text.toml", soon()).expect("sound so far");
    assert_eq!(state, Readiness::Compiling, "the other one took {took:?}");
    let during = home.run("text:run", json!({})).await.expect("the one in force");
    assert_eq!(digest(&during), digest(&before));
    tokio::time::timeout(Duration::from_secs(120), home.runner.compiled()).await.expect("it is ready");
    assert_eq!(home.runner.check_until("text:run", &Default::default(), soon()).expect("sound"), Readiness::Ready);
    let after = home.run("text:run", json!({})).await.expect("the new one");
    assert_eq!(json(after.output), json!({"result": []}));
    // From the cache nobody has to wait.
    let again = Home::with_cache(cache.path());
    again.put("text", &large);
    let begun = Instant::now();
    again.runner.check("text:run").expect("compiled before");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_large_component_that_does_not_compile_is_told_once_it_is_known_and_stays_known() {
    let home = Home::empty();
    let mut bytes = large_plugin("{}");
    // The body of a function, half way: its sections are whole.
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xff);
    home.put("text", &bytes);
    let check = |until| home.runner.check_file(&home.path("text"), "plugins/app/text.toml", until);
    if check(Some(Instant::now())).is_ok_and(|state| state == Readiness::Compiling) {
        tokio::time::timeout(Duration::from_secs(120), home.runner.compiled()).await.expect("it is known");
    }
    let begun = Instant::now();
    let error = check(Some(Instant::now() + Duration::from_secs(5))).expect_err("damaged").to_string();
    assert!(error.contains("component `plugins/app/text.wasm` is damaged"), "{error}");
    assert_eq!(check(Some(Instant::now())).expect_err("damaged").to_string(), error);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let call = home.run("text:run", json!({})).await.expect_err("damaged").error;
    assert_eq!(call.message, error);
}

#[tokio::test]
async fn many_that_ask_for_a_component_have_it_compiled_once() {
    let cache = tempfile::tempdir().expect("a folder");
    let home = Home::with_cache(cache.path());
    home.put("text", &large_plugin("{}"));
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| home.runner.check("text:run"))).collect();
        asked.into_iter().for_each(|thread| thread.join().expect("no panic").expect("sound"));
    });
    let entries = fs::read_dir(cache.path()).expect("a folder").count();
    assert_eq!(entries, 2, "code and checksum");
}

#[test]
fn a_bad_file_of_grants_is_found_when_it_arrives() {
    let home = Home::empty();
    home.put("text", &text("{}"));
    home.grant("text", "[grants]\nsecret = [\"x\"]\n");
    let error = home.runner.check_file(&home.path("text"), "plugins/app/text.toml", None).expect_err("a key is wrong");
    assert_eq!(error.to_string(), "plugins/app/text.toml:2:1: unknown key `secret`");
}

fn digest(outcome: &StepOutcome) -> serde_json::Value {
    outcome.usage.as_ref().expect("usage")["component_sha256"].clone()
}
