//! `ctx.get_connector`: statements run on the host's connectors, values cross exactly.

use host_model::StepErrorKind::{Definition, Failed};
use serde_json::json;

use crate::support::{attempt, call, failure, runner};

#[tokio::test]
async fn every_kind_of_value_comes_back_as_it_left() {
    let output = call(&runner(), "erp:round_trip", json!({})).await;
    assert_eq!(output["columns"], 14);
}

#[tokio::test]
async fn scalar_and_query_tell_an_empty_result() {
    let output = call(&runner(), "erp:scalars", json!({})).await;
    assert_eq!(json!(output), json!({"first": 1, "none": null, "rows": []}));
}

#[tokio::test]
async fn a_stream_comes_in_batches_and_may_be_left_early() {
    let output = call(&runner(), "erp:batches", json!({})).await;
    assert_eq!(json!(output), json!({"sizes": [10, 10, 5], "first": [{"i": 0}, {"i": 1}], "again": []}));
}

#[tokio::test]
async fn async_code_awaits_the_same_methods_and_asks_side_by_side() {
    let output = call(&runner(), "erp:side_by_side", json!({})).await;
    let met = json!([{"met": true}]);
    assert_eq!(json!(output), json!({"both": [met, met], "sizes": [2, 2, 1], "gave_up": true, "rows": 1}));
}

#[tokio::test]
async fn a_refusal_is_an_exception_with_its_kind_and_an_uncaught_one_keeps_it() {
    let runner = runner();
    let output = call(&runner, "erp:refused", json!({})).await;
    assert_eq!(json!(output), json!({"type": "HostError", "kind": "remote", "text": "the ledger refuses `fail`"}));
    let error = failure(&runner, "erp:unknown", json!({})).await;
    let message = "HostError: no connector `nobody`; known: `ledger`";
    assert_eq!((error.kind, error.message.as_str()), (Definition, message));
    assert_eq!(error.detail.matches("  File ").count(), 1, "{}", error.detail);
}

#[tokio::test]
async fn what_cannot_cross_is_named() {
    let runner = runner();
    let error = failure(&runner, "erp:cannot_bind", json!({})).await;
    assert_eq!(error.message, "TypeError: parameter `thing`: a `object` cannot be bound to a statement");
    let error = failure(&runner, "erp:large", json!({})).await;
    let message = "HostError: the rows pass 64 MiB, the most that may cross at once; read it in batches with `stream`";
    assert_eq!((error.kind, error.message.as_str()), (Failed, message));
}

#[tokio::test]
async fn a_connector_speaks_again_after_a_step_that_was_refused() {
    let runner = runner();
    let attempt = attempt(json!({}));
    attempt.fail(&runner, "erp:unknown").await;
    assert!(attempt.run(&runner, "erp:scalars").await.is_ok());
}
