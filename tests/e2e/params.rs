//! What a component says its callables take holds: at the check, where the caret stands under the param, at the run, where
//! templates are known, and in `plugin run`. The component is the example in Rust.

use crate::bad_input::guest;
use crate::program::{CONNECTOR, home_with, nomaflow};
use test_support::TempHome;

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
