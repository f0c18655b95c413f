//! The command line without a server: init, check, local runs, exit codes.

use crate::program::{CONNECTOR, home_with, latest_run, nomaflow, sql_job};
use serde_json::json;

#[test]
fn init_lays_out_a_home_and_a_second_time_changes_nothing() {
    let home = home_with("");
    home.write("app.toml", "# mine\n").unwrap();
    let token = home.read("data/bootstrap.token").unwrap();
    let dir = home.path().display().to_string();
    nomaflow(home.path(), &["init", &dir]).expect(0).saying(&["nothing to do"]);
    assert_eq!(home.read("app.toml").unwrap(), "# mine\n");
    assert_eq!(home.read("data/bootstrap.token").unwrap(), token);
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(home.path().join("data/bootstrap.token")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "the token is for the owner only");
}

#[test]
fn first_starts_at_once_end_with_one_token() {
    for _ in 0..5 {
        let home = test_support::TempHome::new().unwrap();
        let start = || std::process::Command::new(crate::program::BINARY).arg("init").arg(home.path()).spawn().unwrap();
        let started: Vec<_> = (0..8).map(|_| start()).collect();
        for mut child in started {
            assert!(child.wait().unwrap().success());
        }
        let files = std::fs::read_dir(home.path().join("data")).unwrap().count();
        assert_eq!((files, home.read("data/bootstrap.token").unwrap().trim().len()), (1, 64), "no draft is left");
    }
}

#[test]
fn a_fresh_home_is_valid_and_empty() {
    let home = home_with("");
    nomaflow(home.path(), &["check"]).expect(0).saying(&["0 of 0 jobs valid; 0 errors, 0 warnings"]);
    let list = nomaflow(home.path(), &["--json", "--local", "job", "list"]).expect(0).json();
    let ids: Vec<&str> = list["jobs"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["_internal-prune-runs"], "only what is built in");
}

#[test]
fn a_local_run_shows_its_steps_and_is_recorded_as_the_shell_users() {
    let home =
        home_with(&sql_job("sums", "create table t (x); insert into t values (:a), (:b); select sum(x) as s from t"));
    home.write("connectors.toml", CONNECTOR).unwrap();
    let jobs = home.read("plugins/test/jobs.toml").unwrap() + "params = { a = 1, b = \"${params.b}\" }\n";
    home.write("plugins/test/jobs.toml", jobs.replace("id = \"sums\"\n", "id = \"sums\"\nparams = { b = 41 }\n"))
        .unwrap();
    nomaflow(home.path(), &["job", "run", "sums", "--local"]).expect(0).saying(&[
        "1. q (sql_query)",
        "SUCCEEDED",
        "1 of 1 steps succeeded",
    ]);
    let run = latest_run(home.path(), true, "sums");
    assert_eq!(run["triggered_by"], "cli:bob");
    let id = run["id"].as_str().unwrap();
    let shown = nomaflow(home.path(), &["--json", "--local", "run", "show", id]).expect(0).json();
    assert_eq!(shown["steps"][0]["output"]["first_row"], json!({"s": 42}));
    assert_eq!(shown["run"]["params"]["params"], json!({"b": 41}));
    let log = nomaflow(home.path(), &["--local", "job", "logs", "sums"]).expect(0);
    assert!(
        log.out.contains("run started: job `sums`, triggered by cli:bob") && log.out.contains("run succeeded"),
        "{}",
        log.out
    );
}

#[test]
fn parameters_of_one_run_stay_with_that_run() {
    let home = home_with(&(sql_job("echo", "select :x as x") + "params = { x = \"${params.x}\" }\n"));
    home.write("connectors.toml", CONNECTOR).unwrap();
    let jobs =
        home.read("plugins/test/jobs.toml").unwrap().replace("id = \"echo\"\n", "id = \"echo\"\nparams = { x = 1 }\n");
    home.write("plugins/test/jobs.toml", jobs).unwrap();
    for (arguments, x) in
        [(vec!["--param", "x=\"two\""], json!("two")), (vec!["--param", "x=2"], json!(2)), (vec![], json!(1))]
    {
        let run = [&["--local", "job", "run", "echo"][..], &arguments].concat();
        nomaflow(home.path(), &run).expect(0);
        let id = latest_run(home.path(), true, "echo")["id"].as_str().unwrap().to_owned();
        let shown = nomaflow(home.path(), &["--json", "--local", "run", "show", &id]).expect(0).json();
        assert_eq!(shown["steps"][0]["output"]["first_row"]["x"], x);
    }
}

#[test]
fn json_answers_are_one_document_a_line() {
    let home = home_with(&sql_job("one", "select 1 as x"));
    home.write("connectors.toml", CONNECTOR).unwrap();
    let said = nomaflow(home.path(), &["--json", "--local", "job", "run", "one"]).expect(0);
    let lines: Vec<serde_json::Value> = said.out.lines().map(|l| serde_json::from_str(l).expect(l)).collect();
    assert_eq!(lines.last().unwrap()["status"], "SUCCEEDED");
    let job = nomaflow(home.path(), &["--json", "--local", "job", "show", "one"]).expect(0).json();
    assert_eq!(job["steps"][0]["type"], "sql_query");
}

#[test]
fn exit_codes_say_what_went_wrong() {
    let home = home_with(&(sql_job("bad", "select * from nowhere") + &sql_job("good", "select 1 as x")));
    home.write("connectors.toml", CONNECTOR).unwrap();
    nomaflow(home.path(), &["--local", "job", "run", "bad"]).expect(1).saying(&["FAILED", "nowhere"]);
    nomaflow(home.path(), &["--local", "job", "run", "good"]).expect(0);
    nomaflow(home.path(), &["job", "rnu"]).expect(2).saying(&["rnu"]);
    nomaflow(home.path(), &["--local", "job", "run", "good", "--param", "novalue"]).expect(2).saying(&["key=value"]);
    nomaflow(home.path(), &["--local", "job", "run", "goood"])
        .expect(4)
        .saying(&["there is no job `goood`", "did you mean `good`?"]);
    nomaflow(home.path(), &["--local", "job", "show", "no such/job?"])
        .expect(4)
        .saying(&["there is no job `no such/job?`"]);
    nomaflow(home.path(), &["--local", "run", "show", "0000000000000"]).expect(4).saying(&["there is no run"]);
    nomaflow(home.path(), &["--server", "http://127.0.0.1:1", "job", "list"])
        .expect(5)
        .saying(&["cannot be reached", "nomaflow serve"]);
    nomaflow(&home.path().join("nowhere"), &["check"]).expect(3).saying(&["does not exist"]);
    nomaflow(home.path(), &["--help"]).expect(0).saying(&["serve", "job", "check"]);
}

#[test]
fn who_asks_for_json_is_told_in_json_why_a_command_failed() {
    let home = home_with(&sql_job("good", "select 1 as x"));
    home.write("connectors.toml", CONNECTOR).unwrap();
    let failed = |arguments: &[&str], code: i32| -> serde_json::Value {
        let said = nomaflow(home.path(), &[&["--json"], arguments].concat()).expect(code);
        assert!(said.out.is_empty(), "{}", said.all());
        let told: serde_json::Value = serde_json::from_str(&said.err).unwrap_or_else(|e| panic!("{e}\n{}", said.all()));
        assert_eq!(told["exit"], code, "{told}");
        told
    };
    let unknown = failed(&["--local", "job", "show", "goood"], 4);
    assert_eq!((&unknown["error"], &unknown["problem"]["status"]), (&"there is no job `goood`".into(), &404.into()));
    assert_eq!(unknown["hint"], "did you mean `good`?");
    assert!(unknown["problem"]["request_id"].is_string(), "{unknown}");
    let away = failed(&["--server", "http://127.0.0.1:1", "job", "list"], 5);
    assert!(away["error"].as_str().unwrap().contains("cannot be reached") && away["problem"].is_null(), "{away}");
    let usage = failed(&["job", "rnu"], 2);
    assert!(usage["error"].as_str().unwrap().starts_with("unrecognized subcommand 'rnu'"), "{usage}");
    home.write("data/nomaflow.db", "no database, but long enough to be read as one".repeat(20)).unwrap();
    let store = failed(&["--local", "job", "list"], 3);
    let causes = store["causes"].as_array().unwrap();
    assert!(causes.iter().any(|cause| cause.as_str().unwrap().contains("nomaflow.db")), "{store}");
}

#[test]
fn a_refusal_says_once_what_is_wrong_and_where() {
    let home = home_with(&sql_job("good", "select 1 as x"));
    home.write("connectors.toml", CONNECTOR).unwrap();
    home.write("snapshot.json", "{\"format\": \"something else\"}").unwrap();
    let file = home.path().join("snapshot.json");
    let said = nomaflow(home.path(), &["--local", "import", file.to_str().unwrap()]).expect(3);
    let told = "error: this is no snapshot of the catalogue: `format` must be `nomaflow-catalogue` and `version` 1\n";
    assert_eq!(said.err, told);
    let said = nomaflow(home.path(), &["--local", "job", "rename", "good", "a b"]).expect(3);
    assert!(said.err.contains("`a b` has ' '") && said.err.lines().count() == 1, "{}", said.err);
}

#[test]
fn a_run_is_aborted_under_the_old_word_too() {
    let home = home_with(&sql_job("good", "select 1 as x"));
    nomaflow(home.path(), &["--local", "job", "abort", "good"]).expect(4).saying(&["nor a job with a run in flight"]);
}

#[test]
fn a_closed_pipe_ends_a_command_quietly() {
    let home = home_with(&(0..200).map(|n| sql_job(&format!("j{n}"), "select 1 as x")).collect::<String>());
    home.write("connectors.toml", CONNECTOR).unwrap();
    let mut child = crate::program::command(home.path())
        .args(["--local", "job", "list"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panic"), "{}", String::from_utf8_lossy(&output.stderr));
}
