//! Params that do not fit what a callable says it takes: refused before the component sees them.

use host_model::StepErrorKind;
use serde_json::json;

use crate::support::{Home, Step, plugin_text_with_list};

/// A home with the component `text`, whose `run` takes params of this schema and would trap if it were called.
fn home(schema: &str) -> Home {
    let (text, length) = (schema.replace('"', "\\\""), schema.len());
    let module = format!("(data (i32.const 1024) \"{text}\") (func $run (result i32) unreachable)");
    // Name, title, doc, then the schema.
    let list = format!(
        "(i32.store (i32.const 56) (i32.const 1024)) (i32.store (i32.const 60) (i32.const {length})) (i32.const 16)"
    );
    let home = Home::empty();
    home.put("text", &wat::parse_str(plugin_text_with_list(&module, &list)).expect("sound text"));
    home
}

const SCHEMA: &str = r#"{"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"], "additionalProperties": false}"#;

#[tokio::test]
async fn params_that_do_not_fit_never_reach_the_component() {
    let home = home(SCHEMA);
    for (params, own, message, detail) in [
        (json!({"n": 0}), &[][..], "param `n` of `text:run` must be at least 1", "code: invalid"),
        (json!({}), &[], "`text:run` is not given its param `n`", "code: invalid"),
        (
            json!({"n": "s3cret", "m": 1}),
            &["m"],
            "param `n` of `text:run` must be a whole number; `text:run` has no param `m`",
            "code: invalid\ndid you mean `n`?",
        ),
    ] {
        let mut step = Step::new(params);
        step.ctx.own_keys = own.iter().map(|key| (*key).to_owned()).collect();
        let error = home.run_in("text:run", &step.ctx).await.expect_err("refused").error;
        assert_eq!(
            (error.kind, error.message.as_str(), error.detail.as_str()),
            (StepErrorKind::Definition, message, detail)
        );
        assert!(!error.may_retry);
    }
    let shared = Step::new(json!({"n": 1, "of_another_step": 2}));
    let error = home.run_in("text:run", &shared.ctx).await.expect_err("it traps when it is called").error;
    assert_eq!(error.kind, StepErrorKind::Crashed, "{}", error.message);
}

#[tokio::test]
async fn a_schema_nothing_can_be_checked_against_is_told_when_the_component_arrives() {
    let home = home(r#"{"$ref": "https://example.com/params"}"#);
    let wanted = "component `plugins/app/text.wasm` publishes params of `run` that nothing can be checked against: its `$ref` \
                  `https://example.com/params` leads to nothing within it";
    assert_eq!(home.runner.check("text:run").expect_err("refused").to_string(), wanted);
    let file = home.runner.check_file(&home.path("text"), "plugins/app/text.toml", None);
    assert_eq!(file.expect_err("refused").to_string(), wanted);
    let call = home.run("text:run", json!({})).await.expect_err("refused").error;
    assert_eq!((call.kind, call.message.contains("nothing can be checked against")), (StepErrorKind::Definition, true));
}

#[test]
fn a_component_that_is_ready_is_asked_about_params_and_one_that_is_not_there_says_nothing() {
    let home = home(SCHEMA);
    let params = json!({"n": 0}).as_object().cloned().expect("an object");
    assert_eq!(home.runner.check_params("text:run", &Default::default(), &params, &[]), [], "nobody has looked at it");
    home.runner.check("text:run").expect("sound");
    let problems = home.runner.check_params("text:run", &Default::default(), &params, &[]);
    assert_eq!(problems.len(), 1);
    assert_eq!(
        (problems[0].path.as_slice(), problems[0].rule),
        (&["n".to_owned()][..], host_sandbox::ParamRule::Value)
    );
    assert_eq!(home.runner.check_params("gone:run", &Default::default(), &params, &[]), []);
}
