//! The built-in job that removes old history, as an operator meets it.

use std::process::Command;

use crate::program::{CONNECTOR, home_with, latest_run, nomaflow, serve, sql_job};
use serde_json::json;
use test_support::TempHome;

const ID: &str = "_internal-prune-runs";

fn home() -> TempHome {
    let home = home_with(&sql_job("quick", "select 1 as x"));
    home.write("connectors.toml", CONNECTOR).unwrap();
    home
}

/// Makes the latest run of `quick` `days` days old, with its steps and log, and gives it the id of `nth` old run.
fn age(home: &TempHome, nth: u32, days: u32) -> String {
    let old = format!("{nth:013}");
    let script = "import sqlite3, sys\n\
        file, id, days = sys.argv[1:]\n\
        db = sqlite3.connect(file)\n\
        (run,) = db.execute(\"select max(id) from ly2_job_runs where job_id = 'quick'\").fetchone()\n\
        at = f\"strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{days} days')\"\n\
        db.execute(f'update ly2_job_runs set id = ?, queued_at = {at}, started_at = {at}, finished_at = {at} where id = ?', (id, run))\n\
        db.execute('update ly2_step_runs set run_id = ? where run_id = ?', (id, run))\n\
        db.execute('update ly2_job_logs set run_id = ? where run_id = ?', (id, run))\n\
        db.commit()\n";
    let file = home.path().join("data/nomaflow.db");
    let output =
        Command::new("python3").args(["-c", script]).arg(file).args([&old, &days.to_string()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    old
}

#[test]
fn the_pruning_job_is_in_the_catalogue() {
    let home = home();
    let _host = serve(&home);
    let list = nomaflow(home.path(), &["--json", "job", "list"]).expect(0).json();
    let card = list["jobs"].as_array().unwrap().iter().find(|card| card["id"] == ID).unwrap();
    assert_eq!((card["app"].clone(), card["tags"].clone()), (json!("_internal"), json!(["internal"])));
    assert_eq!((card["schedule"].clone(), card["enabled"].clone()), (json!("0 3 * * *"), json!(true)));
    assert!(card["next_run_at"].is_string() && card["valid"] == true, "{card}");
    nomaflow(home.path(), &["job", "show", ID]).expect(0).saying(&["(_internal, built in)", "prune_runs", "0 3 * * *"]);
    home.write("plugins/mine/jobs.toml", sql_job(ID, "select 1 as x")).unwrap();
    nomaflow(home.path(), &["check"]).expect(3).saying(&["is reserved", "plugins/mine/jobs.toml:2:6"]);
    nomaflow(home.path(), &["reload"]).expect(3);
    nomaflow(home.path(), &["job", "run", ID]).expect(0);
}

#[test]
fn history_older_than_the_setting_goes_and_the_run_says_how_much() {
    let home = home();
    home.write("app.toml", "[jobs]\nhistory_days = 30\n").unwrap();
    let local = |arguments: &[&str]| nomaflow(home.path(), &[&["--local"], arguments].concat());
    let mut old = Vec::new();
    for (nth, days) in [(1, 400), (2, 31), (3, 29)] {
        local(&["job", "run", "quick"]).expect(0);
        old.push(age(&home, nth, days));
    }
    local(&["job", "run", "quick"]).expect(0);
    local(&["job", "run", ID, "--verbose"]).expect(0).saying(&["pass 1:", "2 run rows"]);
    let run = latest_run(home.path(), true, ID);
    let shown = local(&["--json", "run", "show", run["id"].as_str().unwrap()]).expect(0).json();
    let output = shown["steps"][0]["output"].clone();
    assert_eq!((output["history_days"].clone(), output["run_rows"].clone()), (json!(30), json!(2)));
    assert_eq!((output["step_rows"].clone(), output["slot_rows"].clone()), (json!(2), json!(0)));
    let total = output["log_rows"].as_i64().unwrap() + 4;
    assert!(total > 6, "{output}");
    assert_eq!(shown["run"]["rows_affected"], json!(total));
    for (id, code) in [(&old[0], 4), (&old[1], 4), (&old[2], 0)] {
        local(&["run", "show", id]).expect(code);
    }
    let left = local(&["--json", "job", "history", "quick"]).expect(0).json();
    assert_eq!(left["runs"].as_array().unwrap().len(), 2);
}

#[test]
fn the_window_may_come_from_the_environment() {
    let home = home();
    nomaflow(home.path(), &["--local", "job", "run", "quick"]).expect(0);
    let id = age(&home, 1, 5);
    let mut prune = crate::program::command(home.path());
    prune.env("LIBERTY_RUN_HISTORY_DAYS", "3").args(["--local", "job", "run", ID]);
    let output = prune.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    nomaflow(home.path(), &["--local", "run", "show", &id]).expect(4);
}
