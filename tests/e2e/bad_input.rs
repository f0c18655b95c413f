//! Bad input, one test per kind: a clear error that names the place; the run, if one began, is `FAILED` with that
//! reason; other jobs go on; the exit code says which.

use crate::program::{CONNECTOR, Said, home_with, latest_run, nomaflow, root, sql_job};
use test_support::{TempHome, free_port};

const GOOD: &str = "good";

/// A home with the broken jobs, a good one beside them, and the connector `db`.
fn home(broken: &str) -> TempHome {
    let home = home_with(&(broken.to_owned() + &sql_job(GOOD, "select 1 as x")));
    home.write("connectors.toml", CONNECTOR).unwrap();
    home
}

fn step(id: &str, lines: &str) -> String {
    format!("[[jobs]]\nid = \"{id}\"\n[[jobs.steps]]\nname = \"s\"\n{lines}\n")
}

/// `check` finds it at `place`, the broken job is refused with exit 3, and the good one runs.
fn refused(home: &TempHome, job: &str, place: &str, parts: &[&str]) {
    nomaflow(home.path(), &["check"]).expect(3).saying(&[place]).saying(parts);
    nomaflow(home.path(), &["--local", "job", "run", job]).expect(3).saying(&["is invalid"]).saying(parts);
    goes_on(home);
}

fn goes_on(home: &TempHome) {
    nomaflow(home.path(), &["--local", "job", "run", GOOD]).expect(0);
}

/// The run begins, ends `FAILED` with the reason, and the good job runs.
fn fails(home: &TempHome, job: &str, parts: &[&str]) -> Said {
    let said = nomaflow(home.path(), &["--local", "job", "run", job]).expect(1).saying(&["FAILED"]).saying(parts);
    let run = latest_run(home.path(), true, job);
    assert_eq!(run["status"], "FAILED");
    let error = run["error"].as_str().unwrap();
    assert!(parts.iter().any(|part| error.contains(part)), "{error}");
    goes_on(home);
    said
}

#[test]
fn an_unknown_connector_is_found_by_the_check_with_the_nearest_name() {
    let job = step("bad", "type = \"sql_query\"\nconnector = \"bd\"\nquery = \"select 1\"");
    refused(&home(&job), "bad", "plugins/test/jobs.toml:6:13", &["bd", "db"]);
}

#[test]
fn an_unknown_connector_that_only_the_run_can_know_fails_the_run() {
    let job = step("bad", "type = \"sql_query\"\nconnector = \"${params.c}\"\nquery = \"select 1\"")
        .replace("id = \"bad\"\n", "id = \"bad\"\nparams = { c = \"nowhere\" }\n");
    fails(&home(&job), "bad", &["nowhere"]);
}

#[test]
fn an_unreachable_database_fails_the_run_and_names_it_without_the_password() {
    let job = step("bad", "type = \"sql_query\"\nconnector = \"away\"\nquery = \"select 1\"");
    let home = home(&job);
    let port = free_port().unwrap();
    let pool = format!(
        "\n[pools.away]\nurl = \"postgres://me:hunter2@127.0.0.1:{port}/x\"\nacquire_timeout_seconds = 2\n[connectors.away]\ntype = \"sql\"\npool = \"away\"\n"
    );
    home.write("connectors.toml", CONNECTOR.to_owned() + &pool).unwrap();
    nomaflow(home.path(), &["check"]).expect(0);
    let said = fails(&home, "bad", &["away", &port.to_string()]);
    assert!(!said.all().contains("hunter2"), "{}", said.all());
}

fn wasm(callable: &str) -> String {
    step("bad", &format!("type = \"wasm\"\ncallable = \"{callable}\""))
}

/// A component of the test guests, built by the builder before the tests.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    let path = root().join("target/components").join(name).with_extension("wasm");
    std::fs::read(&path)
        .unwrap_or_else(|e| panic!("{}: {e}; build it with: cargo run -p plugin-builder -- --all", path.display()))
}

#[test]
fn a_missing_component_is_named_with_where_it_was_looked_for() {
    refused(&home(&wasm("nothing:run")), "bad", "jobs.toml:6", &["nothing"]);
}

#[test]
fn a_text_file_that_calls_itself_a_component_is_told_apart() {
    let home = home(&wasm("text:run"));
    home.write("plugins/test/text.wasm", "hello").unwrap();
    refused(&home, "bad", "jobs.toml:6", &["text", "not a"]);
}

#[test]
fn a_core_module_is_told_apart_from_a_component() {
    let home = home(&wasm("core:run"));
    home.write("plugins/test/core.wasm", b"\0asm\x01\0\0\0").unwrap();
    refused(&home, "bad", "jobs.toml:6", &["core WebAssembly module"]);
}

#[test]
fn a_component_of_another_world_is_told_apart() {
    let home = home(&wasm("wrong-world:run"));
    home.write("plugins/test/wrong-world.wasm", guest("wrong-world")).unwrap();
    refused(&home, "bad", "jobs.toml:6", &["wrong-world", "nomaflow:step/callables"]);
}

#[test]
fn a_callable_the_component_does_not_have_is_named_with_the_nearest() {
    let home = home(&wasm("echo:ekho"));
    home.write("plugins/test/echo.wasm", guest("echo")).unwrap();
    refused(&home, "bad", "jobs.toml:6", &["ekho", "echo"]);
}

#[test]
fn a_component_that_breaks_after_the_check_fails_the_run() {
    let home = home(&wasm("${params.c}").replace("id = \"bad\"\n", "id = \"bad\"\nparams = { c = \"later:run\" }\n"));
    nomaflow(home.path(), &["check"]).expect(0);
    home.write("plugins/test/later.wasm", "not wasm").unwrap();
    fails(&home, "bad", &["later"]);
}

fn python(callable: &str) -> String {
    step("bad", &format!("type = \"python\"\ncallable = \"{callable}\""))
}

#[test]
fn a_missing_python_module_is_named_with_where_it_was_looked_for() {
    refused(&home(&python("reports.monthly:make")), "bad", "jobs.toml:6", &["reports", "plugins"]);
}

#[test]
fn a_python_function_that_does_not_exist_is_named_with_the_nearest() {
    let home = home(&python("monthly:mak"));
    home.write("plugins/test/monthly.py", "def make():\n    return {}\n").unwrap();
    refused(&home, "bad", "jobs.toml:6", &["mak", "make"]);
}

#[test]
fn python_that_only_the_run_can_judge_fails_the_run() {
    let jobs = python("broken:make") + &python("raises:make").replace("\"bad\"", "\"raises\"");
    let home = home(&jobs);
    home.write("plugins/test/broken.py", "import no_such_library\n\ndef make():\n    return {}\n").unwrap();
    home.write("plugins/test/raises.py", "def make():\n    raise ValueError('the month is 13')\n").unwrap();
    fails(&home, "bad", &["no_such_library"]);
    fails(&home, "raises", &["ValueError", "the month is 13"]).saying(&["raises.py"]);
}

#[test]
fn a_python_step_without_an_interpreter_says_so_and_only_then() {
    let home = home(&python("monthly:make"));
    home.write("plugins/test/monthly.py", "def make():\n    return {}\n").unwrap();
    home.write("app.toml", "[python]\ninterpreter = \"/nowhere/python3\"\n").unwrap();
    nomaflow(home.path(), &["check"]).expect(0);
    fails(&home, "bad", &["/nowhere/python3"]);
}

#[test]
fn a_wrong_type_in_toml_is_shown_with_its_caret() {
    let job = step("bad", "type = \"sql_query\"\nconnector = \"db\"\nquery = \"select 1\"\ntimeout_seconds = \"soon\"");
    let home = home(&job);
    nomaflow(home.path(), &["check"]).expect(3).saying(&["jobs.toml:8:19", "timeout_seconds = \"soon\"", "^^^^^^"]);
    refused(&home, "bad", "jobs.toml:8:19", &["timeout_seconds"]);
}

#[test]
fn two_jobs_with_one_id_are_both_refused_and_both_places_named() {
    let home = home(&sql_job("twin", "select 1"));
    home.write("plugins/other/jobs.toml", sql_job("twin", "select 2")).unwrap();
    nomaflow(home.path(), &["check"]).expect(3).saying(&[
        "duplicate job id",
        "plugins/test/jobs.toml",
        "plugins/other/jobs.toml",
    ]);
    nomaflow(home.path(), &["--local", "job", "run", "twin"]).expect(3).saying(&["duplicate job id"]);
    goes_on(&home);
}

#[test]
fn a_template_that_names_an_unknown_step_is_found_by_the_check() {
    let job = sql_job("bad", "select :x") + "params = { x = \"${steps.nobody.rows}\" }\n";
    refused(&home(&job), "bad", "jobs.toml", &["nobody"]);
}

#[test]
fn a_step_that_reads_what_no_step_left_fails_the_run() {
    let job = sql_job("bad", "select 1 as x")
        + "[[jobs.steps]]\nname = \"r\"\ntype = \"sql_query\"\nconnector = \"db\"\nquery = \"select :y\"\nparams = { y = \"${steps.q.nothing}\" }\n";
    fails(&home(&job), "bad", &["${steps.q.nothing}"]);
}

#[test]
fn a_field_of_a_later_version_is_refused_never_ignored() {
    let job = sql_job("bad", "select 1").replace("id = \"bad\"\n", "id = \"bad\"\ninstall_step = 1\n");
    refused(&home(&job), "bad", "jobs.toml:3", &["install_step", "not supported yet"]);
}

#[test]
fn a_broken_file_takes_only_its_own_jobs_down() {
    let home = home("");
    home.write("plugins/other/jobs.toml", "[[jobs]\nid = ").unwrap();
    nomaflow(home.path(), &["check"]).expect(3).saying(&["plugins/other/jobs.toml:1"]);
    goes_on(&home);
}

#[test]
fn wrong_settings_are_all_said_at_once_and_nothing_starts() {
    let home = home("");
    home.write("app.toml", "[server]\nlisten = \"here\"\n[jobs]\nhistory_days = \"x\"\nretention = 3\n").unwrap();
    nomaflow(home.path(), &["check"]).expect(3).saying(&["app.toml:2", "app.toml:4", "app.toml:5"]);
    nomaflow(home.path(), &["serve"]).expect(3).saying(&["app.toml:2"]);
}

#[test]
fn a_store_that_cannot_be_opened_is_said_with_its_name() {
    let home = home("");
    home.write("data/nomaflow.db", "this is no database, but a text long enough to be read as one".repeat(20)).unwrap();
    let said = nomaflow(home.path(), &["--local", "job", "list"]).expect(3).saying(&["nomaflow.db"]);
    assert!(!said.err.contains("panicked"), "{}", said.err);
    let before = home.read("data/nomaflow.db").unwrap();
    assert!(before.starts_with("this is no database"), "nothing is lost");
}
