//! REST against the running program: a stranger's tool that reads the OpenAPI document and tries everything it can think of
//! (schemathesis), a trigger that survives `kill -9`, and the settings of `/metrics`.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use test_support::{Host, TempHome, wait_until};

use crate::packages::{environment, run};
use crate::program::{CONNECTOR, home_with, root, serve, sql_job};
use crate::server::{bearer, http, json_body};

const SOON: Duration = Duration::from_secs(30);

/// Two jobs that run, as often at once as anybody likes, one that is off, a connector.
fn home() -> TempHome {
    let jobs = sql_job("quick", "select 1 as x") + &sql_job("other", "select 2 as x");
    let jobs = jobs.replace("[[jobs.steps]]", "overlap = \"allow\"\n[[jobs.steps]]");
    let scheduled = "[[jobs]]\nid = \"nightly\"\nschedule = \"0 3 * * *\"\nenabled = false\n\
                     [[jobs.steps]]\nname = \"s\"\ntype = \"sql_query\"\nconnector = \"db\"\nquery = \"select 1\"\n";
    let home = home_with(&(jobs + scheduled));
    home.write("connectors.toml", CONNECTOR).unwrap();
    home
}

fn ask(home: &TempHome, host: &Host, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
    let token = bearer(home);
    let mut all = vec![("Authorization", token.as_str())];
    all.extend_from_slice(headers);
    if !body.is_empty() {
        all.push(("Content-Type", "application/json"));
    }
    let (status, _, text) = http(host.url(), method, path, &all, body);
    (status, json_body(&text))
}

/// Every request it can make out of the document, for a while; a failure names one with the `curl` to repeat it.
#[test]
fn schemathesis_finds_no_server_error_and_no_answer_outside_the_document() {
    let home = home();
    let host = serve(&home);
    let (status, fired) = ask(&home, &host, "POST", "/admin/jobs/quick/run", &[], "");
    assert_eq!(status, 202, "{fired}");
    let requirements = root().join("tests/schemathesis/requirements.txt");
    let python = environment("schemathesis", &requirements, &["--no-deps"]);
    let mut check = Command::new(python);
    check.args(["-E", "-s", "-B"]).arg(root().join("tests/schemathesis/check.py"));
    check.args(["--url", host.url(), "--token", bearer(&home).trim_start_matches("Bearer ")]);
    check.args(["--job", "quick", "--run", fired["run_id"].as_str().unwrap(), "--seconds", "45"]);
    match run(&mut check) {
        Ok(said) => println!("{said}"),
        Err(said) => panic!("{said}"),
    }
    let (status, health) = ask(&home, &host, "GET", "/admin/jobs/health", &[], "");
    assert_eq!(status, 200, "it is as well as before: {health}");
}

fn runs(home: &TempHome, host: &Host) -> Vec<Value> {
    let (status, page) = ask(home, host, "GET", "/admin/jobs/runs?job=quick", &[], "");
    assert_eq!(status, 200, "{page}");
    page["runs"].as_array().unwrap().clone()
}

#[test]
fn a_request_with_a_key_begins_one_run_however_often_it_is_sent_and_whenever_the_server_dies() {
    let home = home();
    let mut host = serve(&home);
    let key = [("Idempotency-Key", "nightly-2026-11-23")];
    let (status, first) = ask(&home, &host, "POST", "/admin/jobs/quick/run", &key, "{}");
    assert_eq!(status, 202, "{first}");
    let (_, again) = ask(&home, &host, "POST", "/admin/jobs/quick/run", &key, "{}");
    assert_eq!(again["run_id"], first["run_id"]);
    let (status, other) = ask(&home, &host, "POST", "/admin/jobs/quick/run", &key, "{\"log_level\":\"DEBUG\"}");
    assert_eq!((status, other["type"].as_str()), (422, Some("urn:nomaflow:problem:idempotency-key-reused")), "{other}");
    // Cut off in the middle of as many requests as fit, again and again: each key has at most one run.
    for round in 0..5 {
        let keys: Vec<String> = (0..8).map(|n| format!("{round}-{n}")).collect();
        std::thread::scope(|scope| {
            for key in &keys {
                let (home, url) = (&home, host.url().to_owned());
                scope.spawn(move || {
                    let token = bearer(home);
                    let headers = [("Authorization", token.as_str()), ("Idempotency-Key", key.as_str())];
                    // It may be cut off.
                    let _ = std::panic::catch_unwind(|| http(&url, "POST", "/admin/jobs/quick/run", &headers, ""));
                });
            }
            host.kill();
        });
        host = serve(&home);
        for key in &keys {
            let sent = |_| {
                let headers = [("Idempotency-Key", key.as_str())];
                ask(&home, &host, "POST", "/admin/jobs/quick/run", &headers, "")
            };
            // Until the process that died is given up for lost, its requests count as being answered.
            let (status, answer) = (0..100).map(sent).find(|(_, answer)| !is_in_progress(answer)).unwrap();
            assert_eq!(status, 202, "{answer}");
            let (_, answer_again) = sent(0);
            assert_eq!(answer["run_id"], answer_again["run_id"], "{answer} {answer_again}");
        }
    }
    wait_until(SOON, || runs(&home, &host).iter().all(|run| run["finished_at"].is_string())).or_panic("the runs end");
    let ids: std::collections::BTreeSet<_> = runs(&home, &host).iter().map(|run| run["id"].to_string()).collect();
    assert_eq!(ids.len(), 41, "one for each key");
}

fn is_in_progress(answer: &Value) -> bool {
    answer["type"] == "urn:nomaflow:problem:request-in-progress"
}

#[test]
fn metrics_are_for_the_superuser_unless_the_settings_say_otherwise() {
    let home = home();
    for (setting, stranger, superuser) in [("token", 401, 200), ("open", 200, 200), ("off", 404, 404)] {
        home.write("app.toml", format!("[server]\nmetrics = \"{setting}\"\n")).unwrap();
        let host = serve(&home);
        let (status, ..) = http(host.url(), "GET", "/metrics", &[], "");
        assert_eq!(status, stranger, "{setting}");
        let (status, _, page) = http(host.url(), "GET", "/metrics", &[("Authorization", &bearer(&home))], "");
        assert_eq!(status, superuser, "{setting}");
        if superuser == 200 {
            for metric in
                ["nomaflow_runs_in_flight{status=\"QUEUED\"} 0", "nomaflow_scheduler_state", "nomaflow_pool_size"]
            {
                assert!(page.contains(metric), "{metric} is missing: {page}");
            }
        }
    }
}
