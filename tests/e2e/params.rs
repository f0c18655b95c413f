//! What a component says its callables take holds: at the check, where the caret stands under the param, at the run, where
//! templates are known, and in `plugin run`. The component is the example in Rust.

use std::time::Duration;

use crate::bad_input::guest;
use crate::program::{CONNECTOR, home_with, nomaflow, serve};
use crate::server::{bearer, http, json_body};
use test_support::{TempHome, wait_until};

const CALL: &str = "[[jobs.steps]]\nname = \"s\"\ntype = \"wasm\"\ncallable = \"words:word_counts\"\n";

fn home(jobs: &str) -> TempHome {
    let home = home_with(jobs);
    home.write("connectors.toml", CONNECTOR).unwrap();
    home.write("plugins/test/words.wasm", guest("words")).unwrap();
    home
}

#[test]
fn params_that_do_not_fit_are_found_by_the_check_each_at_its_place() {
    let kwargs = "op_kwargs = { connector = \"db\", source_table = \"notes\", text_column = 7, min_lenght = 2, min_length = -1 }\n";
    let home = home(&format!(
        "[[jobs]]\nid = \"bad\"\nschedule = \"0 5 * * *\"\nparams = {{ of_another_step = 1 }}\n{CALL}{kwargs}"
    ));
    let column = |part: &str| kwargs.find(part).unwrap() + 1;
    nomaflow(home.path(), &["check"]).expect(3).saying(&[
        "error[param-invalid]: param `text_column` of `words:word_counts` must be a string, found the number `7`",
        &format!("plugins/test/jobs.toml:9:{}", column("7,")),
        "error[unknown-param]: `words:word_counts` has no param `min_lenght`",
        &format!("plugins/test/jobs.toml:9:{}", column("min_lenght")),
        "did you mean `min_length`?",
        "param `min_length` of `words:word_counts` must be at least 0, found the number `-1`",
        &format!("plugins/test/jobs.toml:9:{}", column("-1")),
        "error[missing-param]: `words:word_counts` is not given its param `target_table`",
        "4 errors",
    ]);
    nomaflow(home.path(), &["--local", "job", "run", "bad"]).expect(3).saying(&["is invalid", "must be a string"]);
}

#[test]
fn a_param_that_only_the_run_can_know_fails_the_run_before_the_component_sees_it() {
    let kwargs = "op_kwargs = { connector = \"db\", source_table = \"notes\", text_column = \"body\", target_table = \"t\", min_length = \"${params.least}\" }\n";
    let home = home(&format!("[[jobs]]\nid = \"late\"\nparams = {{ least = \"two\" }}\n{CALL}{kwargs}"));
    nomaflow(home.path(), &["check"]).expect(0);
    let said = nomaflow(home.path(), &["--local", "job", "run", "late"]).expect(1);
    let said = said.saying(&["FAILED", "param `min_length` of `words:word_counts` must be a whole number"]);
    assert!(!said.all().contains("two`") && !said.all().contains("found"), "no value: {}", said.all());
}

#[test]
fn plugin_run_holds_params_against_the_schema_too() {
    let home = home("");
    let file = home.path().join("plugins/test/words.wasm");
    let run = |params: &[&str]| {
        let mut arguments = vec!["plugin", "run", file.to_str().unwrap(), "word_counts"];
        params.iter().for_each(|param| arguments.extend(["--param", param]));
        nomaflow(home.path(), &arguments)
    };
    run(&["conector=db"]).expect(3).saying(&[
        "has no param `conector`",
        "did you mean `connector`?",
        "is not given its param `source_table`",
    ]);
}

#[test]
fn values_for_one_run_are_held_against_the_schema_before_it_begins() {
    let kwargs =
        "op_kwargs = { connector = \"db\", source_table = \"notes\", text_column = \"body\", target_table = \"t\" }\n";
    let home = home(&format!("[[jobs]]\nid = \"counts\"\n{CALL}{kwargs}"));
    let host = serve(&home);
    let token = bearer(&home);
    let ask = |method: &str, path: &str, body: &str| {
        let headers = [("Authorization", token.as_str()), ("Content-Type", "application/json")];
        let (status, _, text) = http(host.url(), method, path, &headers, body);
        (status, json_body(&text))
    };
    let is_known = || ask("GET", "/admin/jobs/callables", "").1.to_string().contains("words:word_counts");
    wait_until(Duration::from_secs(120), is_known).or_panic("the component is compiled");
    let body = r#"{"op_kwargs": {"s": {"min_length": -1, "min_lenght": 2}}}"#;
    let (status, problem) = ask("POST", "/admin/jobs/counts/run", body);
    assert_eq!((status, problem["type"].as_str()), (422, Some("urn:nomaflow:problem:params-invalid")), "{problem}");
    let mut told: Vec<_> = problem["problems"].as_array().unwrap().iter().map(|it| it["pointer"].as_str()).collect();
    told.sort_unstable();
    assert_eq!(told, [Some("/op_kwargs/s/min_lenght"), Some("/op_kwargs/s/min_length")], "{problem}");
    let (status, problem) = ask("POST", "/admin/jobs/counts/run", r#"{"op_kwargs": {"s": {"min_length": "two"}}}"#);
    assert_eq!(status, 422, "{problem}");
    // Nothing was recorded.
    assert_eq!(ask("GET", "/admin/jobs/runs?job=counts", "").1["runs"], serde_json::json!([]));
    assert_eq!(ask("POST", "/admin/jobs/counts/run", r#"{"op_kwargs": {"s": {"min_length": 3}}}"#).0, 202);
}
