//! Plugins as their authors meet them: projects in three languages, made, tested, built and run by the program. The
//! toolchains of Python and JavaScript are installed by `tests/run` into `target/plugin-cache`; nothing is downloaded here.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::{TempHome, Waited, wait_until};

use crate::program::{CONNECTOR, Said, command, home_with, nomaflow, root};

/// Toolchains and compiled code, kept between tests and runs.
fn cache() -> PathBuf {
    root().join("target/plugin-cache")
}

/// `nomaflow plugin …` in a home, with the shared cache.
fn plugin(home: &Path, arguments: &[&str]) -> Said {
    Said::from(prepared(home).arg("plugin").args(arguments).output().expect("the program starts"))
}

fn prepared(home: &Path) -> Command {
    let mut command = command(home);
    // What was compiled for the guests of this repository serves here too.
    command.env("NOMAFLOW_CACHE", cache()).env("NOMAFLOW_COMPONENT_TARGET", root().join("target/plugins"));
    command.env("CARGO_TARGET_DIR", root().join("target/guests-native"));
    command
}

/// A home with a table of texts behind the connector `db`.
fn home_with_texts() -> TempHome {
    let fill = "create table notes (id integer, body text); insert into notes values (1, 'To be, or not to be:'), \
        (2, 'that is the question.'), (3, null), (4, 'Être ou ne pas être'), (9007199254740993, '''Naïve'' CAFÉ')";
    let job = format!(
        "[[jobs]]\nid = \"fill\"\n[[jobs.steps]]\nname = \"q\"\ntype = \"sql_query\"\nconnector = \"db\"\nquery = \"\"\"{fill}\"\"\"\n"
    );
    let home = home_with(&job);
    home.write("connectors.toml", CONNECTOR).unwrap();
    nomaflow(home.path(), &["--local", "job", "run", "fill"]).expect(0);
    home
}

/// The component of an example, built from its sources.
fn build_example(name: &str) -> PathBuf {
    let project = root().join("plugins").join(name);
    // The one in Rust is a crate of the guest workspace.
    if name != "words" {
        let home = TempHome::new().unwrap();
        plugin(home.path(), &["build", project.to_str().unwrap()]).expect(0).saying(&["built", name]);
    }
    let component = project.join(format!("{name}.wasm"));
    assert!(component.is_file(), "`{}` is missing: cargo run -p plugin-builder", component.display());
    component
}

#[test]
fn the_same_callable_in_three_languages_gives_the_same_result() {
    let mut answers: Vec<(Value, Value)> = Vec::new();
    for name in ["words", "words-py", "words-js"] {
        let component = build_example(name);
        let home = home_with_texts();
        let params = ["--param", "connector=db", "--param", "source_table=notes", "--param", "text_column=body"];
        let mut arguments =
            vec!["--json", "run", component.to_str().unwrap(), "word_counts", "--param", "target_table=counted"];
        arguments.extend(params);
        plugin(home.path(), &arguments).expect(6).saying(&["db", "[grants.connectors]"]);
        arguments.extend(["--grant", "connectors.db=read-write"]);
        let result = plugin(home.path(), &arguments).expect(0).json();
        assert_eq!(result, json!({"rows_read": 5, "words": 17, "rows_affected": 14}), "{name}");

        let look = "[[jobs]]\nid = \"look\"\n[[jobs.steps]]\nname = \"q\"\ntype = \"sql_query\"\nconnector = \"db\"\n\
            query = \"select group_concat(word || ':' || occurrences, ' ') as all_words from (select * from counted order by word)\"\n";
        home.write("plugins/test/jobs.toml", look).unwrap();
        nomaflow(home.path(), &["--local", "job", "run", "look"]).expect(0);
        let run = crate::program::latest_run(home.path(), true, "look");
        let shown =
            nomaflow(home.path(), &["--json", "--local", "run", "show", run["id"].as_str().unwrap()]).expect(0).json();
        let words = shown["steps"][0]["output"]["first_row"]["all_words"].clone();
        assert!(words.as_str().unwrap().contains("be:2 café:1 is:1 naïve:1"), "{words}");

        let inspected = plugin(home.path(), &["--json", "inspect", component.to_str().unwrap()]).expect(0).json();
        let schema = &inspected["callables"][0]["params_schema"];
        let mut required = schema["required"].clone();
        required.as_array_mut().unwrap().sort_by_key(Value::to_string);
        assert_eq!(required, json!(["connector", "source_table", "target_table", "text_column"]), "{name}");
        assert_eq!(schema["properties"]["min_length"]["default"], 1, "{name}");
        assert_eq!(inspected["callables"][0]["title"], "Counts the words in a column of texts", "{name}");
        answers.push((result, words));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

#[test]
fn a_new_rust_plugin_is_tested_built_and_run_by_a_job() {
    let home = home_with("");
    let project = home.path().join("plugins/visits");
    let folder = project.to_str().unwrap();
    plugin(home.path(), &["new", "visits", "--dir", folder]).expect(0).saying(&["nomaflow plugin test"]);
    plugin(home.path(), &["new", "visits", "--dir", folder]).expect(2).saying(&["is there already"]);
    plugin(home.path(), &["test", folder]).expect(0).saying(&[
        "2 passed",
        "ok      short words",
        "4 of 4 cases hold in the sandbox",
    ]);

    nomaflow(home.path(), &["check"]).expect(0).saying(&["1 of 1 jobs valid"]);
    nomaflow(home.path(), &["--local", "job", "run", "visits-example"]).expect(0).saying(&["SUCCEEDED"]);
    let list = plugin(home.path(), &["--json", "list"]).expect(0).json();
    assert_eq!(list["plugins"][0]["callables"], json!(["count_words"]));
    plugin(home.path(), &["inspect", &format!("{folder}/visits.wasm")]).expect(0).saying(&[
        "- min_length: integer = 1",
        "Words with fewer characters are left out.",
        "> longest: string or null",
        "nomaflow:step/log@1.0.0",
    ]);

    let cases = home.read("plugins/visits/tests/cases.json").unwrap().replace("\"distinct\": 4", "\"distinct\": 5");
    home.write("plugins/visits/tests/cases.json", cases).unwrap();
    plugin(home.path(), &["test", folder]).expect(1).saying(&["the tests of `visits` fail"]);
}

#[test]
fn dev_builds_again_after_a_change_and_runs_the_cases() {
    let home = home_with("");
    let project = home.path().join("visits");
    plugin(home.path(), &["new", "visits", "--dir", project.to_str().unwrap()]).expect(0);
    let log = home.path().join("dev.log");
    let out = std::fs::File::create(&log).unwrap();
    let mut dev = prepared(home.path())
        .args(["plugin", "dev"])
        .arg(&project)
        .stdout(out.try_clone().unwrap())
        .stderr(out)
        .spawn()
        .unwrap();
    let said = |part: &str, times: usize| {
        let came = wait_until(Duration::from_secs(600), || {
            std::fs::read_to_string(&log).unwrap().matches(part).count() >= times
        });
        assert!(
            came == Waited::Came,
            "`{part}` did not come {times} times:\n{}",
            std::fs::read_to_string(&log).unwrap()
        );
    };
    said("waiting for a change", 1);
    let source = home.read("visits/src/lib.rs").unwrap();
    home.write("visits/src/lib.rs", source.replace("counted.words += 1;", "counted.words += 2;")).unwrap();
    said("FAILED  short words are left out: the result is", 1);
    home.write("visits/src/lib.rs", source.replace("counted.words += 1;", "counted.words += ;")).unwrap();
    said("not built: `visits` does not compile", 1);
    home.write("visits/src/lib.rs", source).unwrap();
    said("4 of 4 cases hold in the sandbox", 2);
    let ended = Command::new("kill").args(["-INT", &dev.id().to_string()]).status().unwrap();
    assert!(ended.success() && dev.wait().unwrap().success(), "an interrupt ends it well");
}

#[test]
fn what_is_missing_is_said_in_one_line_with_what_to_do() {
    let home = home_with("");
    let nowhere = home.path().join("no-cache");
    for (language, tool) in [("python", "componentize-py"), ("js", "componentize-js")] {
        let project = home.path().join(language);
        plugin(home.path(), &["new", "visits", "--lang", language, "--dir", project.to_str().unwrap()]).expect(0);
        let mut build = prepared(home.path());
        build.env("NOMAFLOW_CACHE", &nowhere).args(["plugin", "build"]).arg(&project);
        let said = Said::from(build.output().unwrap()).expect(1).saying(&[tool, "is not installed", "`--install`"]);
        assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    }
    plugin(home.path(), &["build", home.path().to_str().unwrap()]).expect(4).saying(&["is no plugin project"]);
    plugin(home.path(), &["new", "Visits"]).expect(2).saying(&["cannot name a plugin"]);
    plugin(home.path(), &["run", "nowhere.wasm", "f"]).expect(4).saying(&["there is no component"]);
    plugin(home.path(), &["inspect", home.path().join("connectors.toml").to_str().unwrap()])
        .expect(3)
        .saying(&["not a component"]);
}

#[test]
fn an_import_inside_a_function_is_refused_before_it_fails_in_a_job() {
    let home = home_with("");
    let project = home.path().join("late");
    plugin(home.path(), &["new", "late", "--lang", "python", "--dir", project.to_str().unwrap()]).expect(0);
    let source = home.read("late/src/plugin.py").unwrap();
    home.write(
        "late/src/plugin.py",
        source.replace("    if min_length < 1:", "    import json\n    if min_length < 1:"),
    )
    .unwrap();
    plugin(home.path(), &["build", project.to_str().unwrap()])
        .expect(1)
        .saying(&["src/plugin.py:", "import at the top of the module"]);
}
