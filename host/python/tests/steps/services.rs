//! What a callable may ask of the house besides statements, and the package it is written against.

use host_model::StepErrorKind::{Definition, Failed};
use host_model::log::LogLevel::Info;
use serde_json::json;

use crate::support::{attempt, call, failure, runner};

#[tokio::test]
async fn a_secret_reaches_the_callable_and_nobody_else() {
    let attempt = attempt(json!({}));
    let output = attempt.run(&runner(), "services:tells_a_secret").await.unwrap().output;
    assert_eq!(json!(output), json!({"length": 6, "nested": [{"•••": "<•••>"}]}));
    assert_eq!(attempt.voice.lines(), [(Info, "the password is •••!".to_owned())]);
    assert_eq!(attempt.voice.progress(), [(1, None, "•••".to_owned())]);
    let error = attempt.fail(&runner(), "services:raises_a_secret").await;
    assert_eq!(error.message, "RuntimeError: with •••");
    assert!(!error.detail.contains("s3cret"), "{}", error.detail);
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_named() {
    let error = failure(&runner(), "services:wants_an_unknown_secret", json!({})).await;
    assert_eq!((error.kind, error.message.as_str()), (Definition, "HostError: there is no secret `nobody`"));
}

#[tokio::test]
async fn state_lasts_beyond_the_step_and_belongs_to_the_app() {
    let runner = runner();
    for seen in 1..=3 {
        assert_eq!(call(&runner, "services:counts", json!({})).await["seen"], seen);
    }
    let mut other = attempt(json!({}));
    other.ctx.app = "other".into();
    assert_eq!(other.run(&runner, "services:counts").await.unwrap().output["seen"], 1);
}

#[tokio::test]
async fn keys_are_set_compared_listed_and_removed() {
    let runner = runner();
    let output = call(&runner, "services:uses_every_key", json!({})).await;
    let expected = json!({
        "first": true, "again": false, "swapped": true, "listed": ["b/1", "b/2"], "after": ["b/2"], "gone": [true, false],
        "left": [], "default": "none",
    });
    assert_eq!(json!(output), expected);
    let error = failure(&runner, "services:keeps_what_json_lacks", json!({})).await;
    assert!(error.message.starts_with("TypeError: the value of key `k` is not what JSON can say"), "{error}");
    let error = failure(&runner, "services:keeps_too_much", json!({})).await;
    assert_eq!(error.message, "HostError: the value of `k` has 70002 bytes as JSON, at most 65536 are kept");
}

#[tokio::test]
async fn rows_of_the_callable_and_rows_of_a_select_go_into_tables() {
    let runner = runner();
    let output = call(&runner, "services:inserts", json!({})).await;
    assert_eq!(json!(output), json!({"rows": 2, "more": 1, "none": 0, "kept": [1, 2, 3]}));
    let copier = attempt(json!({}));
    let output = copier.run(&runner, "services:copies").await.unwrap().output;
    assert_eq!(json!(output), json!({"copied": 25, "kept": 25, "etl": 0}));
    assert_eq!(copier.voice.progress().last(), Some(&(25, None, "sales".to_owned())));
    assert_eq!(call(&runner, "services:copies_later", json!({})).await["rows_affected"], 2);
    let error = failure(&runner, "services:copies_too_many_columns", json!({})).await;
    let message = "HostError: the query has 1 columns, and 2 are named for the table";
    assert_eq!((error.kind, error.message.as_str()), (Definition, message));
    let error = failure(&runner, "services:inserts_uneven_rows", json!({})).await;
    let message = "ValueError: row 1 has the columns c, the first one a";
    assert_eq!((error.kind, error.message.as_str()), (Failed, message));
}

#[tokio::test]
async fn rows_come_as_one_arrow_stream() {
    let runner = runner();
    let output = call(&runner, "services:arrow", json!({})).await;
    assert_eq!((&output["columns"], &output["head"]), (&json!(["i"]), &json!("ffffffff")));
    assert_eq!(output["tail"], "ffffffff00000000");
    // 2,500 whole numbers in three batches, eight bytes each.
    let bytes = output["bytes"].as_u64().unwrap();
    assert!((20_000..24_000).contains(&bytes), "{bytes}");
    assert_eq!(call(&runner, "services:arrow_later", json!({})).await["head"], "ffffffff");
}

#[tokio::test]
async fn the_package_promises_what_a_worker_has() {
    let output = call(&runner(), "services:package", json!({})).await;
    assert_eq!(json!(output), json!({"wrong": [], "from": "BuiltInSources"}));
}

#[tokio::test]
async fn a_function_that_takes_any_keyword_is_given_what_the_host_has() {
    let output = call(&runner(), "services:everything", json!({"day": 1})).await;
    assert_eq!(output["given"], json!(["connectors", "ctx", "day", "settings"]));
}
