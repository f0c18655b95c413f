//! What a fire meets: runs of its own job, and jobs it depends on; through every door alike.

use std::time::Duration;

use crate::program::{CONNECTOR, ENDLESS_SELECT, home_with, nomaflow, serve, sql_job};
use serde_json::Value;
use test_support::{TempHome, wait_until};

const SOON: Duration = Duration::from_secs(30);

fn home(jobs: &str) -> TempHome {
    let home = home_with(jobs);
    home.write("connectors.toml", CONNECTOR).unwrap();
    home
}

/// `sql_job` with one more key.
fn job(id: &str, key: &str, query: &str) -> String {
    sql_job(id, query).replacen("[[jobs.steps]]", &format!("{key}\n[[jobs.steps]]"), 1)
}

fn fire(home: &TempHome, job: &str) -> String {
    nomaflow(home.path(), &["job", "run", job, "--detach"]).expect(0).out.trim().to_owned()
}

fn run(home: &TempHome, id: &str) -> Value {
    nomaflow(home.path(), &["--json", "run", "show", id]).expect(0).json()["run"].clone()
}

#[track_caller]
fn comes_to(home: &TempHome, id: &str, status: &str) -> Value {
    wait_until(SOON, || run(home, id)["status"] == status).or_panic(&format!("run {id} comes to {status}"));
    run(home, id)
}

#[test]
fn queued_runs_wait_in_order_and_can_be_cancelled_while_they_wait() {
    let home = home(&job("slow", "overlap = \"queue\"", ENDLESS_SELECT));
    let _host = serve(&home);
    let runs = [fire(&home, "slow"), fire(&home, "slow"), fire(&home, "slow")];
    comes_to(&home, &runs[0], "RUNNING");
    assert_eq!(run(&home, &runs[1])["status"], "QUEUED");
    nomaflow(home.path(), &["job", "cancel", &runs[1]]).expect(0);
    assert_eq!(comes_to(&home, &runs[1], "CANCELED")["started_at"], Value::Null);
    assert_eq!(run(&home, &runs[2])["status"], "QUEUED");
    nomaflow(home.path(), &["job", "cancel", &runs[0]]).expect(0);
    comes_to(&home, &runs[2], "RUNNING");
    nomaflow(home.path(), &["job", "cancel", &runs[2]]).expect(0);
    comes_to(&home, &runs[2], "CANCELED");
}

#[test]
fn a_new_run_takes_the_place_of_the_one_in_flight() {
    let home = home(&job("slow", "overlap = \"cancel_running\"", ENDLESS_SELECT));
    let _host = serve(&home);
    let first = fire(&home, "slow");
    comes_to(&home, &first, "RUNNING");
    let second = fire(&home, "slow");
    let gone = comes_to(&home, &first, "CANCELED");
    assert_eq!(gone["reason"], format!("canceled by overlap of run {second}"));
    comes_to(&home, &second, "RUNNING");
    nomaflow(home.path(), &["job", "cancel", &second]).expect(0);
}

#[test]
fn a_job_is_refused_until_what_it_depends_on_has_succeeded() {
    let jobs = sql_job("extract", "select 1 as x") + &job("report", "depends_on = [\"extract\"]", "select 2 as x");
    let home = home(&jobs);
    let _host = serve(&home);
    nomaflow(home.path(), &["job", "run", "report"]).expect(1).saying(&["dependency-never-ran: extract"]);
    let history = nomaflow(home.path(), &["--json", "job", "history", "report"]).expect(0).json();
    assert_eq!(history["runs"][0]["status"], "SKIPPED");
    assert_eq!(history["runs"][0]["reason"], "dependency-never-ran: extract");
    nomaflow(home.path(), &["job", "run", "extract"]).expect(0);
    nomaflow(home.path(), &["job", "run", "report"]).expect(0);
}

#[test]
fn a_job_with_several_runs_in_flight_wants_to_be_told_which_to_stop() {
    let home = home(&job("long", "overlap = \"queue\"", ENDLESS_SELECT));
    let host = serve(&home);
    let runs = [fire(&home, "long"), fire(&home, "long")];
    comes_to(&home, &runs[0], "RUNNING");
    nomaflow(home.path(), &["job", "cancel", "long"]).expect(2).saying(&[
        "has several runs in flight",
        &format!("{} (RUNNING)", runs[0]),
        &format!("{} (QUEUED)", runs[1]),
    ]);
    nomaflow(home.path(), &["job", "cancel", &runs[1]]).expect(0);
    comes_to(&home, &runs[1], "CANCELED");
    nomaflow(home.path(), &["job", "cancel", "long"]).expect(0).saying(&[&runs[0]]);
    comes_to(&home, &runs[0], "CANCELED");
    drop(host);
}

#[test]
fn a_run_that_was_skipped_has_no_log_and_its_log_says_why() {
    let home = home(&job("long", "overlap = \"skip\"", ENDLESS_SELECT));
    let host = serve(&home);
    let first = fire(&home, "long");
    comes_to(&home, &first, "RUNNING");
    nomaflow(home.path(), &["job", "run", "long"]).expect(1);
    for arguments in [&["job", "logs", "long"][..], &["job", "logs", "long", "--follow"]] {
        let said = nomaflow(home.path(), arguments).expect(0);
        assert!(said.out.is_empty() && said.err.starts_with("note: run "), "{}", said.all());
        said.saying(&["has no log line: it is SKIPPED, previous run", &first]);
    }
    nomaflow(home.path(), &["run", "show", &first])
        .expect(0)
        .saying(&[&format!("run {first} of job long (cli:bob), queued ")]);
    nomaflow(home.path(), &["job", "why", "long"])
        .expect(0)
        .saying(&["the ledger has no slot of this job", "job `long` has no schedule: it runs on demand only"]);
    nomaflow(home.path(), &["job", "cancel", "long"]).expect(0);
    comes_to(&home, &first, "CANCELED");
    drop(host);
}
