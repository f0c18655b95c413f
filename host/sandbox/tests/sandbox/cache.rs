//! The cache of compiled code: hits, changes of the file, entries that are broken.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::{Home, plugin_text};

fn plugin(answer: &str) -> Vec<u8> {
    let length = answer.len();
    let module = format!(
        "(data (i32.const 200) \"{}\")
         (func $run (result i32)
           (i32.store (i32.const 100) (i32.const 200)) (i32.store (i32.const 104) (i32.const {length}))
           (i32.const 96))",
        answer.replace('"', "\\\"")
    );
    wat::parse_str(plugin_text(&module)).expect("sound text")
}

/// The entries; one that is written again is another file.
fn entries(cache: &Path) -> Vec<(PathBuf, u64)> {
    let mut entries: Vec<_> = fs::read_dir(cache)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cwasm"))
        .map(|path| (path.clone(), fs::metadata(&path).expect("a file").ino()))
        .collect();
    entries.sort();
    entries
}

async fn answer(home: &Home) -> serde_json::Value {
    serde_json::Value::Object(home.run("text:run", json!({})).await.expect("an answer").output)
}

#[tokio::test]
async fn a_second_process_reads_what_the_first_compiled() {
    let cache = tempfile::tempdir().expect("a folder");
    for _ in 0..2 {
        let home = Home::with_cache(cache.path());
        home.put("text", &plugin("{\"v\":1}"));
        assert_eq!(answer(&home).await, json!({"v": 1}));
    }
    let before = entries(cache.path());
    assert_eq!(before.len(), 1);
    let home = Home::with_cache(cache.path());
    home.put("text", &plugin("{\"v\":1}"));
    assert_eq!(answer(&home).await, json!({"v": 1}));
    assert_eq!(entries(cache.path()), before, "read, not written again");
}

#[cfg(unix)]
#[test]
fn the_folder_of_compiled_code_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("data/components");
    Home::with_cache(&cache);
    assert_eq!(fs::metadata(&cache).expect("a folder").permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn an_entry_that_is_broken_is_compiled_again() {
    let cache = tempfile::tempdir().expect("a folder");
    let first = Home::with_cache(cache.path());
    first.put("text", &plugin("{\"v\":1}"));
    answer(&first).await;
    // Its code is mapped by a live engine, so the entry is replaced, as another process would.
    let (entry, _) = entries(cache.path()).remove(0);
    let sound = fs::read(&entry).expect("an entry");
    let mut flipped = sound.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0xff;
    for broken in [flipped, sound[..sound.len() / 2].to_vec(), b"not code".to_vec(), Vec::new()] {
        let beside = entry.with_extension("broken");
        fs::write(&beside, &broken).expect("writes");
        fs::rename(&beside, &entry).expect("renames");
        let home = Home::with_cache(cache.path());
        home.put("text", &plugin("{\"v\":1}"));
        assert_eq!(answer(&home).await, json!({"v": 1}));
        assert_ne!(fs::read(&entry).expect("an entry"), broken, "it was replaced");
    }
}

#[tokio::test]
async fn a_replaced_component_runs_from_the_next_call_on() {
    let cache = tempfile::tempdir().expect("a folder");
    let home = Home::with_cache(cache.path());
    for version in [1, 2, 1] {
        home.put("text", &plugin(&format!("{{\"v\":{version}}}")));
        assert_eq!(answer(&home).await, json!({"v": version}));
    }
    assert_eq!(entries(cache.path()).len(), 2);
    home.put("text", b"");
    home.run("text:run", json!({})).await.expect_err("no component any more");
    home.put("text", &plugin("{\"v\":2}"));
    assert_eq!(answer(&home).await, json!({"v": 2}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_call_keeps_the_component_it_began_with() {
    use crate::support::{Step, guest};
    let home = Home::with("sleepy");
    let step = Step::new(json!({}));
    let call = home.run_in("sleepy:run", &step.ctx);
    let replaced = async {
        step.heard("asleep").await;
        home.put("sleepy", &fs::read(guest("echo")).expect("a component"));
        let digest = home.run("sleepy:facts", json!({})).await.expect("echo").usage.expect("usage");
        step.ctx.cancel.cancel("canceled by user:alice");
        digest["component_sha256"].clone()
    };
    let (ended, new_digest) = tokio::join!(call, replaced);
    let old_digest = ended.expect_err("canceled").usage.expect("usage")["component_sha256"].clone();
    assert_ne!(old_digest, new_digest);
}

#[tokio::test]
async fn the_entries_unused_for_longest_go_when_there_are_too_many() {
    let cache = tempfile::tempdir().expect("a folder");
    let home = Home::with_cache(cache.path());
    home.put("text", &plugin("{\"v\":\"first\"}"));
    answer(&home).await;
    let first = entries(cache.path())[0].0.clone();
    for version in 0..70 {
        home.put("text", &plugin(&format!("{{\"v\":{version}}}")));
        assert_eq!(answer(&home).await, json!({"v": version}));
    }
    let left = entries(cache.path());
    assert_eq!(left.len(), 64);
    assert!(left.iter().all(|(entry, _)| *entry != first && entry.with_extension("sha256").exists()));
    home.put("text", &plugin("{\"v\":\"first\"}"));
    assert_eq!(answer(&home).await, json!({"v": "first"}), "compiled again");
}
