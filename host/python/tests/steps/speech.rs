//! What a callable says reaches the log of its own run, whatever way it takes.

use host_model::log::LogLevel::{Debug, Error, Info, Warning};
use serde_json::json;

use crate::support::{attempt, runner};

#[tokio::test]
async fn every_way_of_speaking_reaches_the_log_with_its_level() {
    let attempt = attempt(json!({}));
    attempt.run(&runner(), "speech:all_ways").await.unwrap();
    let voice = &attempt.voice;
    let expected = [
        ("from ctx 1", Info),
        ("from logging", Warning),
        ("third.party: from another package", Error),
        ("from print", Info),
        ("two ", Info),
        ("lines", Info),
        ("from stderr", Warning),
        ("no line break", Info),
        ("from a thread", Info),
        ("from descriptor 1", Info),
        ("from descriptor 2", Warning),
        ("from a child", Info),
        ("from C", Info),
    ];
    for (text, level) in expected {
        let found: Vec<_> = voice.lines().into_iter().filter(|(_, line)| line == text).collect();
        assert_eq!(found, [(level, text.to_owned())], "{:?}", voice.lines());
    }
    assert_eq!(voice.level_of("UserWarning: from warnings"), Warning);
    assert!(!voice.texts().iter().any(|line| line.contains("hidden")));
    assert_eq!(voice.progress(), [(3, Some(4), "three of four".to_owned())]);
}

#[tokio::test]
async fn debug_lines_come_when_the_run_wants_them_and_warnings_come_in_every_step() {
    let runner = runner();
    for _ in 0..2 {
        let mut attempt = attempt(json!({}));
        attempt.ctx.log_level = Debug;
        attempt.run(&runner, "speech:all_ways").await.unwrap();
        assert_eq!(attempt.voice.level_of("hidden unless asked for"), Debug);
        assert_eq!(attempt.voice.level_of("UserWarning: from warnings"), Warning);
    }
}

#[tokio::test]
async fn concurrent_runs_are_never_mixed() {
    let runner = runner();
    let (a, b, c) = (
        attempt(json!({"tag": "a", "n": 200})),
        attempt(json!({"tag": "b", "n": 200})),
        attempt(json!({"tag": "c", "n": 200})),
    );
    let all = tokio::join!(a.run(&runner, "speech:many"), b.run(&runner, "speech:many"), c.run(&runner, "speech:many"));
    assert!(all.0.is_ok() && all.1.is_ok() && all.2.is_ok());
    for (attempt, tag) in [(&a, "a"), (&b, "b"), (&c, "c")] {
        let expected: Vec<String> = (0..200).map(|i| format!("{tag} {i}")).collect();
        assert_eq!(attempt.voice.texts(), expected);
    }
}

#[tokio::test]
async fn a_thread_that_breaks_leaves_its_traceback_in_the_log() {
    let attempt = attempt(json!({}));
    attempt.run(&runner(), "speech:thread_that_breaks").await.unwrap();
    assert_eq!(attempt.voice.level_of("ValueError: in a thread"), Warning);
}
