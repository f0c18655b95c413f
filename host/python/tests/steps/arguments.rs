//! What goes into a callable and what comes out.

use std::sync::Arc;

use host_model::port::StepRunner;
use host_model::template::StepResult;
use host_model::{JsonMap, StepErrorKind, StepName, StepSpec, StepStatus};
use host_python::{PythonConfig, PythonRunner};
use serde_json::json;

use crate::support::{attempt, call, config, failure, runner};

#[tokio::test]
async fn a_plain_function_gets_ctx_and_its_parameters() {
    let mut attempt = attempt(json!({"table": "orders", "limit": "5", "dry_run": true}));
    attempt.ctx.own_keys.retain(|key| key != "dry_run");
    let outcome = attempt.run(&runner(), "basics:echo_ctx").await.unwrap();
    let expected = json!({
        "table": "orders", "limit": 5, "run": attempt.ctx.run_id.to_string(), "job": "nightly", "step": "report",
        "attempt": 2, "triggered_by": "user:alice", "params": {"table": "orders", "limit": "5", "dry_run": true},
        "dry_run": true, "log_level": "INFO", "cancelled": false,
    });
    assert_eq!(json!(outcome.output), expected);
    assert_eq!(outcome.rows_affected, None);
}

#[tokio::test]
async fn an_async_function_runs_in_a_loop_and_its_rows_are_counted() {
    let outcome = attempt(json!({"n": 3})).run(&runner(), "basics:later").await.unwrap();
    assert_eq!(json!(outcome.output), json!({"n": 3, "rows_affected": 3}));
    assert_eq!(outcome.rows_affected, Some(3));
}

#[tokio::test]
async fn none_is_an_empty_object_and_a_whole_number_is_rows() {
    let runner = runner();
    assert_eq!(call(&runner, "basics:nothing", json!({})).await, JsonMap::new());
    assert_eq!(attempt(json!({})).run(&runner, "basics:rows").await.unwrap().rows_affected, Some(42));
    // Database drivers say -1 when they do not know.
    assert_eq!(attempt(json!({})).run(&runner, "basics:unknown_rows").await.unwrap().rows_affected, Some(0));
    assert_eq!(json!(call(&runner, "basics:Loader.load", json!({})).await), json!({"loaded": true}));
}

#[tokio::test]
async fn anything_else_that_is_returned_is_a_clear_failure() {
    let runner = runner();
    let cases = [
        ("basics:truth", "`basics:truth` returned a `bool`; return an object, a number of rows or nothing"),
        ("basics:some_text", "`basics:some_text` returned a `str`; return an object, a number of rows or nothing"),
        (
            "basics:strange",
            "`basics:strange` returned what cannot be kept: `output.deep[1].x` is a `object`, which has no JSON form",
        ),
        ("basics:float_rows", "`basics:float_rows` returned 1.5 as `rows_affected`, which is a whole number"),
    ];
    for (callable, message) in cases {
        let error = failure(&runner, callable, json!({})).await;
        assert_eq!((error.kind, error.message.as_str()), (StepErrorKind::Failed, message));
    }
}

#[tokio::test]
async fn an_output_keeps_values_json_lacks_as_text() {
    let output = call(&runner(), "basics:rich", json!({})).await;
    let expected = json!({
        "decimal": "1.10", "date": "2026-11-22", "instant": "2026-11-22T10:00:00+00:00", "bytes": "00ff",
        "uuid": "00000000-0000-0000-0000-000000000001", "nan": "NaN", "infinite": "-inf", "none": null,
        "tuple": [1, 2], "half a pair": "?",
    });
    assert_eq!(json!(output), expected);
}

#[tokio::test]
async fn parameters_become_what_the_annotation_says() {
    let given = json!({
        "whole": "12", "real": "1.5", "yes": "On", "no": 0, "word": 7, "maybe": null, "either": "3", "day": "2026-11-22",
        "price": "1.10", "path": "/x/y", "as_is": [1, "2"],
    });
    let runner = runner();
    let output = call(&runner, "basics:typed", given.clone()).await;
    let expected = json!({
        "whole": "int 12", "real": "float 1.5", "yes": "bool True", "no": "bool False", "word": "str 7",
        "maybe": "NoneType None", "either": "int 3", "day": "date 2026-11-22", "price": "Decimal 1.10",
        "path": "PosixPath /x/y", "as_is": "list [1, '2']",
    });
    assert_eq!(json!(output), expected);
    for (key, bad) in
        [("whole", json!("1.5")), ("yes", json!("perhaps")), ("day", json!("today")), ("whole", json!(true))]
    {
        let mut wrong = given.clone();
        wrong[key] = bad;
        let error = failure(&runner, "basics:typed", wrong).await;
        assert_eq!(error.kind, StepErrorKind::Definition);
        assert!(error.message.starts_with(&format!("parameter `{key}` of `basics:typed` must be `")), "{error}");
    }
}

#[tokio::test]
async fn ctx_connectors_and_settings_are_given_by_name_and_a_parameter_of_that_name_wins() {
    let settings = json!({"region": "eu"}).as_object().cloned().unwrap();
    let runner = PythonRunner::new(PythonConfig { settings, ..config() });
    let output = call(&runner, "basics:wants", json!({"name": "x"})).await;
    assert_eq!(output["connectors"], "Connectors");
    assert_eq!(output["settings"], json!({"region": "eu"}));
    let output = call(&runner, "basics:wants", json!({"name": "x", "settings": 5})).await;
    assert_eq!(output["settings"], 5);
    let output = call(&runner, "basics:context_first", json!({"table": "t"})).await;
    assert_eq!(output["table"], "t");
}

#[tokio::test]
async fn a_shared_parameter_may_be_ignored_and_an_own_one_may_not() {
    let runner = runner();
    let mut shared = attempt(json!({"table": "t", "region": "eu"}));
    shared.ctx.own_keys = vec!["table".into()];
    assert!(shared.run(&runner, "basics:echo_ctx").await.is_ok());
    assert_eq!(
        json!(shared.run(&runner, "basics:takes_all").await.unwrap().output),
        json!({"table": "t", "region": "eu"})
    );

    let error = failure(&runner, "basics:echo_ctx", json!({"tabel": "t"})).await;
    let message = "`basics:echo_ctx` has no parameter `tabel`; did you mean `table`?; it takes `ctx`, `table`, `limit`";
    assert_eq!((error.kind, error.message.as_str()), (StepErrorKind::Definition, message));
    let error = failure(&runner, "basics:echo_ctx", json!({})).await;
    assert_eq!(error.message, "`basics:echo_ctx` needs `table`, and the step gives no such parameter");
}

#[tokio::test]
async fn a_callable_that_cannot_be_found_says_what_is_missing_and_where_it_was_looked_for() {
    let runner = runner();
    let cases = [
        ("basics", "callable `basics` is not of the form `pkg.module:function`"),
        ("nowhere:f", "module `nowhere` of callable `nowhere:f` was not found in `"),
        ("basics.deeper:f", "module `basics.deeper` of callable `basics.deeper:f` was not found in `"),
        ("basics:echo_ctz", "callable `basics:echo_ctz`: module `basics` has no `echo_ctz`; did you mean `echo_ctx`?"),
        ("basics:Loader.loda", "callable `basics:Loader.loda`: `Loader` has no `loda`; did you mean `load`?"),
        ("basics:CONSTANT", "`basics:CONSTANT` is a `int`, not a function"),
    ];
    for (callable, message) in cases {
        let error = failure(&runner, callable, json!({})).await;
        assert_eq!(error.kind, StepErrorKind::Definition, "{error}");
        assert!(error.message.starts_with(message), "{error}");
    }
    assert!(failure(&runner, "nowhere:f", json!({})).await.message.contains("tests/python/calls`"));
}

#[tokio::test]
async fn earlier_steps_can_be_read() {
    let runner = runner();
    let mut attempt = attempt(json!({}));
    let output = json!({"rows": 336_776}).as_object().cloned().unwrap();
    let result = StepResult { status: StepStatus::Succeeded, output };
    attempt.ctx.results = Arc::new([(StepName::new("extract").unwrap(), result)].into());
    let output = attempt.run(&runner, "basics:before").await.unwrap().output;
    assert_eq!(json!(output), json!({"status": "SUCCEEDED", "rows": 336_776}));
    let error = attempt.fail(&runner, "basics:before_unknown").await;
    assert_eq!(error.message, "LookupError: no step `nobody` ran before this one; known: `extract`");
}

#[tokio::test]
async fn a_step_of_another_type_is_refused() {
    let attempt = attempt(json!({}));
    let spec = StepSpec::Wasm { callable: "x:y".into(), pins: Default::default() };
    let failure = runner().run(&spec, &attempt.ctx).await.unwrap_err();
    assert_eq!(failure.error.kind, StepErrorKind::Definition);
}
