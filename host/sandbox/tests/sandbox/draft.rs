//! Two versions of the contract side by side: a component built against the draft runs on the host of the present version,
//! in the same process as one of today.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::sqlite::database;
use crate::support::{Home, Step, guest, json};

#[tokio::test]
async fn a_component_built_against_the_draft_runs_beside_one_of_today() {
    let home = Home::with("draft");
    home.put("echo", &std::fs::read(guest("echo")).expect("a component"));
    home.grant("draft", "[grants.connectors]\nc = \"read-write\"\n");
    let inspection = home.runner.inspect(&home.path("draft")).expect("it fits");
    assert_eq!(inspection.exports, ["nomaflow:step/steps@0.1.0"]);
    assert!(inspection.imports.iter().any(|name| name == "nomaflow:step/sql@0.1.0"), "{:?}", inspection.imports);
    assert_eq!(inspection.callables[0].title, "The draft's run");
    let mut step = Step::new(json!({}));
    let pools = database(home.folder.path()).await;
    step = step.connectors(pools);
    let outcome = home.run_in("draft:run", &step.ctx).await.expect("it runs");
    assert_eq!(json(outcome.output), json!({"by_row": 1, "by_column": 1, "step": "call"}));
    assert_eq!(step.voice.lines(), ["INFO from the draft answer=42"]);
    let today = home.run("echo:run", json!({"x": 1})).await.expect("so does the other");
    assert_eq!(json(today.output), json!({"x": 1}));
}

#[tokio::test]
async fn the_draft_keeps_its_spelling_of_a_cancel() {
    let home = Arc::new(Home::with("draft"));
    home.grant("draft", "[grants.connectors]\nc = \"read\"\n");
    let step = Step::new(json!({}));
    let (runner, ctx) = (Arc::clone(&home), step.ctx.clone());
    let call = tokio::spawn(async move { runner.run_in("draft:wait", &ctx).await });
    step.heard("waiting").await;
    let begun = Instant::now();
    step.ctx.cancel.cancel("canceled by user:alice");
    call.await.expect("no panic").expect_err("canceled");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(step.voice.lines().last().expect("a line"), "INFO the code is cancelled");
}
