//! `call_job` as an operator sees it: a run that waits for another, takes its output, and takes it along when it is
//! canceled.

use std::time::Duration;

use serde_json::json;
use test_support::{TempHome, wait_until};

use crate::program::{CONNECTOR, ENDLESS_SELECT, home_with, latest_run, nomaflow, serve, sql_job};

const SOON: Duration = Duration::from_secs(30);

/// `outer` calls `job` and then runs a query on what came back.
fn home(job: &str) -> TempHome {
    let caller = format!(
        "[[jobs]]\nid = \"outer\"\n[[jobs.steps]]\nname = \"call\"\ntype = \"call_job\"\njob = \"{job}\"\n\
         [[jobs.steps]]\nname = \"after\"\ntype = \"sql_query\"\nconnector = \"db\"\nquery = \"select :n as n\"\n\
         params = {{ n = \"${{steps.call.rows_affected}}\" }}\n"
    );
    let home =
        home_with(&(sql_job("inner", "select 1 as x union all select 2") + &sql_job("slow", ENDLESS_SELECT) + &caller));
    home.write("connectors.toml", CONNECTOR).unwrap();
    home
}

#[test]
fn a_job_calls_another_and_goes_on_with_what_it_gave_back() {
    let home = home("inner");
    let host = serve(&home);
    nomaflow(home.path(), &["job", "run", "outer"]).expect(0);
    let (outer, inner) = (latest_run(home.path(), false, "outer"), latest_run(home.path(), false, "inner"));
    assert_eq!(inner["triggered_by"], json!(format!("job:{}", outer["id"].as_str().unwrap())));
    let shown = nomaflow(home.path(), &["--json", "run", "show", outer["id"].as_str().unwrap()]).expect(0).json();
    assert_eq!(shown["steps"][0]["output"]["run_id"], inner["id"]);
    assert_eq!(shown["steps"][1]["output"]["rows"], json!([{ "n": 2 }]));
    assert_eq!(host.stop(SOON).unwrap().code(), Some(0));
}

#[test]
fn a_canceled_caller_takes_the_run_it_waits_for_along() {
    let home = home("slow");
    let _host = serve(&home);
    let outer = nomaflow(home.path(), &["job", "run", "outer", "--detach"]).expect(0).out.trim().to_owned();
    let status = |job: &str| latest_run(home.path(), false, job)["status"].clone();
    wait_until(SOON, || status("slow") == json!("RUNNING")).or_panic("the called run begins");
    nomaflow(home.path(), &["job", "cancel", &outer]).expect(0);
    wait_until(SOON, || status("slow") == json!("CANCELED")).or_panic("the called run is canceled");
    wait_until(SOON, || status("outer") == json!("CANCELED")).or_panic("and its caller");
}

#[test]
fn jobs_that_call_each_other_in_a_circle_are_refused_by_check() {
    let call = |id: &str, job: &str| {
        format!("[[jobs]]\nid = \"{id}\"\n[[jobs.steps]]\nname = \"call\"\ntype = \"call_job\"\njob = \"{job}\"\n")
    };
    let home = home_with(&(call("a", "b") + &call("b", "a")));
    nomaflow(home.path(), &["check"]).expect(3).saying(&["plugins/test/jobs.toml:6:7", "in a circle: a → b → a"]);
}
