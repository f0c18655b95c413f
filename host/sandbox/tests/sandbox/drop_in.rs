//! Components that come, change and go while the host runs.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;

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
    let whole = home.runner.check_file(&home.path("echo"), "plugins/app/echo.toml");
    whole.expect("nothing is wrong with it");
    let damaged = home.runner.check_file(&home.path("half"), "plugins/app/half.toml");
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

#[test]
fn a_large_component_nobody_used_is_looked_at_from_outside() {
    let home = Home::empty();
    let mut bytes = text("{}");
    // A custom section of nine megabytes.
    let size: u32 = 9 * 1024 * 1024;
    bytes.push(0);
    let mut rest = size;
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes.push(1);
    bytes.push(b'x');
    bytes.resize(bytes.len() + size as usize - 2, 0);
    home.put("large", &bytes);
    home.runner.check_file(&home.path("large"), "plugins/app/large.toml").expect("whole");
    home.grant("large", "[grants]\nsecret = [\"x\"]\n");
    let error = home.runner.check_file(&home.path("large"), "plugins/app/large.toml").expect_err("a key is wrong");
    assert_eq!(error.to_string(), "plugins/app/large.toml:2:1: unknown key `secret`");
    home.put("large", &bytes[..bytes.len() - 10]);
    home.grant("large", "");
    let error = home.runner.check_file(&home.path("large"), "plugins/app/large.toml").expect_err("cut");
    assert!(error.to_string().contains("at least 10 bytes are missing"), "{error}");
}
