//! Runs that repeat another, from the command line and over REST.

use crate::program::{CONNECTOR, home_with, latest_run, nomaflow, serve};
use crate::server::{bearer, http, json_body};

/// `second` cannot succeed before the table is there; it needs what `first` returned.
const JOBS: &str = r#"
[[jobs]]
id = "two"
[[jobs.steps]]
name = "first"
type = "sql_query"
connector = "db"
query = "select 7 as n"
[[jobs.steps]]
name = "second"
type = "sql_query"
connector = "db"
query = "select :n + x as sum from later"
params = { n = "${steps.first.rows.0.n}" }

[[jobs]]
id = "make"
[[jobs.steps]]
name = "table"
type = "sql_query"
connector = "db"
query = "create table later as select 35 as x"
"#;

#[test]
fn a_failed_run_is_replayed_from_the_step_that_failed() {
    let home = home_with(JOBS);
    home.write("connectors.toml", CONNECTOR).unwrap();
    let host = serve(&home);
    nomaflow(home.path(), &["job", "run", "two"]).expect(1).saying(&["later"]);
    let failed = latest_run(home.path(), false, "two")["id"].as_str().unwrap().to_owned();
    nomaflow(home.path(), &["job", "run", "make"]).expect(0);

    nomaflow(home.path(), &["run", "replay", &failed, "--from", "sceond"]).expect(2).saying(&["second"]);
    nomaflow(home.path(), &["run", "replay", &failed, "--current", "--from", "sceond"]).expect(2).saying(&["second"]);
    nomaflow(home.path(), &["run", "replay", "0000000000000", "--current"]).expect(4);
    nomaflow(home.path(), &["run", "replay", &failed, "--current", "--from", "second"]).expect(0).saying(&[&failed]);

    let run = latest_run(home.path(), false, "two");
    assert_eq!((run["status"].as_str(), run["replay_of"].as_str()), (Some("SUCCEEDED"), Some(failed.as_str())));
    let id = run["id"].as_str().unwrap();
    let shown = nomaflow(home.path(), &["--json", "run", "show", id]).expect(0).json();
    assert_eq!(shown["steps"][0]["reason"], "skipped: replay from second");
    assert_eq!(shown["steps"][1]["output"]["rows"][0]["sum"], 42, "{shown}");
    nomaflow(home.path(), &["run", "show", id]).expect(0).saying(&[&format!("replay of run {failed}")]);

    let path = format!("/admin/jobs/runs/{failed}/replay");
    let headers = [("Authorization", bearer(&home)), ("Content-Type", "application/json".to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (status, _, body) = http(host.url(), "POST", &path, &headers, r#"{"definition":"current"}"#);
    assert_eq!((status, json_body(&body)["replay_of"].as_str()), (202, Some(failed.as_str())), "{body}");
    let (status, _, body) = http(host.url(), "POST", &path, &headers, r#"{"definition":"older"}"#);
    assert_eq!(status, 422, "{body}");
}
