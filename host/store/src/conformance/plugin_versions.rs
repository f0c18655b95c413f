//! Versions of plugins, and what calls of them used.

use std::time::Duration;

use host_model::plugin_version::{SeenPlugin, excess_over};
use host_model::transition::{RunChange, StepChange};
use host_model::{Instant, JsonMap, StepError};

use super::{Bench, ME, at, first_attempt, started, took};

fn digest(mark: char) -> String {
    mark.to_string().repeat(64)
}

fn seen(plugin: &str, mark: char, asked: &[&str], second: i64) -> SeenPlugin {
    SeenPlugin {
        plugin: plugin.to_owned(),
        digest: digest(mark),
        app: "shop".to_owned(),
        bytes: 12_345,
        asked: asked.iter().map(|ask| (*ask).to_owned()).collect(),
        at: at(second),
        by: "file".to_owned(),
    }
}

pub(super) async fn the_first_version_of_a_plugin_is_approved_by_who_put_it_there(bench: &Bench) {
    let store = bench.open_plugin_versions().await;
    let first = store.note_plugin(&seen("words", 'a', &["sql"], 1)).await.unwrap();
    assert_eq!(first[0].approved, Some((at(1), "file".to_owned())));
    let later = store.note_plugin(&seen("words", 'b', &["http", "sql"], 2)).await.unwrap();
    assert_eq!(later.len(), 2);
    assert_eq!((&later[0].seen, &later[0].approved), (&seen("words", 'b', &["http", "sql"], 2), &None));
    assert_eq!(excess_over(&later[0].seen.asked, &later), ["http"]);
    assert!(!store.approve_plugin("words", &digest('c'), at(3), "ann").await.unwrap());
    assert!(store.approve_plugin("words", &digest('b'), at(3), "ann").await.unwrap());
    assert!(store.approve_plugin("words", &digest('b'), at(4), "bob").await.unwrap());
    let approved = store.list_plugin_versions(Some("words")).await.unwrap();
    assert_eq!(approved[0].approved, Some((at(3), "ann".to_owned())), "who approved it first stays");
    assert!(excess_over(&approved[0].seen.asked, &approved).is_empty());
    store.note_plugin(&seen("other", 'a', &[], 5)).await.unwrap();
    let all = bench.open_plugin_versions().await.list_plugin_versions(None).await.unwrap();
    let names: Vec<&str> = all.iter().map(|version| version.seen.plugin.as_str()).collect();
    assert_eq!(names, ["other", "words", "words"]);
}

pub(super) async fn a_file_that_comes_back_is_the_newest_again_and_keeps_its_approval(bench: &Bench) {
    let store = bench.open_plugin_versions().await;
    store.note_plugin(&seen("words", 'a', &["sql"], 1)).await.unwrap();
    let again = store.note_plugin(&seen("words", 'a', &["sql"], 9)).await.unwrap();
    assert_eq!(again[0].seen.at, at(1), "it was in force all the time");
    store.note_plugin(&seen("words", 'b', &[], 2)).await.unwrap();
    let back = SeenPlugin { by: "ann".to_owned(), ..seen("words", 'a', &["sql"], 3) };
    let versions = store.note_plugin(&back).await.unwrap();
    let order: Vec<&str> = versions.iter().map(|version| &version.seen.digest[..1]).collect();
    assert_eq!(order, ["a", "b"]);
    assert_eq!((versions[0].seen.at, versions[0].seen.by.as_str()), (at(3), "ann"));
    assert_eq!(versions[0].approved, Some((at(1), "file".to_owned())));
}

pub(super) async fn calls_are_found_by_the_digest_that_ran(bench: &Bench) {
    let store = bench.open().await;
    let usage = |mark: char, wall: f64| -> JsonMap {
        let text = format!(
            r#"{{"component_sha256": "{}", "wall_ms": {wall}, "cpu_ms": 2.5, "peak_memory_bytes": 65536}}"#,
            digest(mark)
        );
        serde_json::from_str(&text).unwrap()
    };
    let run = bench.running(&*store, "nightly").await;
    bench.execute("update ly2_step_runs set step_type = 'wasm'").await.unwrap();
    let key = |index| first_attempt(run.id, index);
    let error = StepError::definition("no");
    took(&*store, &[started(run.id, 0)]).await;
    took(&*store, &[StepChange::succeed(key(0), at(1), JsonMap::new(), None, Some(usage('a', 12.0))).into()]).await;
    took(&*store, &[started(run.id, 1)]).await;
    took(&*store, &[StepChange::fail(key(1), at(2), error, Some(usage('b', 1.0))).into()]).await;
    took(&*store, &[RunChange::fail(run.id, ME, at(3), "no".to_owned()).into()]).await;
    let versions = bench.open_plugin_versions().await;
    let calls = versions.list_plugin_calls(&[digest('a')], Instant::UNIX_EPOCH, 10).await.unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].failed.as_deref(), calls[0].wall), (None, Duration::from_millis(12)));
    assert_eq!((calls[0].cpu, calls[0].peak_memory), (Duration::from_micros(2500), 65_536));
    let both = versions.list_plugin_calls(&[digest('a'), digest('b')], Instant::UNIX_EPOCH, 10).await.unwrap();
    assert_eq!(both.iter().filter_map(|call| call.failed.as_deref()).collect::<Vec<_>>(), ["definition"]);
    assert_eq!(versions.list_plugin_calls(&[digest('a')], at(10_000_000_000), 10).await.unwrap(), []);
    assert_eq!(versions.list_plugin_calls(&[], Instant::UNIX_EPOCH, 10).await.unwrap(), []);
}
