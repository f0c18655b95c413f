//! Connectors changed through the API and the command line: sealed passwords that are kept, tested and never told, names in
//! every file, comments that stay. Against an LDAP server that looks at passwords, and PostgreSQL.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::{Host, Postgres, Slapd, TempHome, wait_until};

use crate::ask::ask;
use crate::connector::LDIF;
use crate::program::{self, home_with, serve};

const FILE: &str = "connectors.toml";
const SOON: Duration = Duration::from_secs(30);

fn stage<'r>(report: &'r Value, name: &str) -> &'r Value {
    let found = report["stages"].as_array().unwrap().iter().find(|stage| stage["name"] == name);
    found.unwrap_or_else(|| panic!("no stage {name}: {report:#}"))
}

/// On a connector whose name is also a word in addresses.
fn sql_job(id: &str, query: &str) -> String {
    program::sql_job(id, query).replace("connector = \"db\"", "connector = \"test\"")
}

const DECLARED: &str = "# The team's databases.

[pools.test]   # small
url = \"sqlite:data/test.db\"

[connectors.test]
type = \"sql\"
";

fn house() -> (TempHome, Host) {
    let home = home_with(&format!("# nightly\n{}", sql_job("first", "select 1 as x")));
    home.write(FILE, DECLARED).unwrap();
    let host = serve(&home);
    (home, host)
}

#[test]
fn a_password_is_sealed_kept_by_saves_and_tests_that_do_not_touch_it_and_never_told() {
    let slapd = Slapd::start(LDIF, 100).unwrap();
    let (home, host) = house();
    let values = json!({ "type": "ldap", "url": slapd.url(), "base": Slapd::SUFFIX, "bind_dn": Slapd::ACCOUNT });
    let people =
        json!({ "name": "people", "connector": values, "secrets": { "password": { "set": Slapd::PASSWORD } } });
    // Tested before anything is saved.
    let report = ask(&home, &host, "POST", "/admin/connector-tests", None, Some(&people));
    assert_eq!((report.status, &report.body["ok"]), (200, &json!(true)), "{:#}", report.body);
    assert!(!home.read(FILE).unwrap().contains("people"));
    let made = ask(&home, &host, "POST", "/admin/connectors", None, Some(&people));
    assert_eq!(made.status, 201, "{:#}", made.body);
    assert_eq!(made.body["secrets"]["password"]["state"], "set");
    assert_eq!(made.body["secrets"]["password"]["by"], "admin", "{:#}", made.body);
    let text = home.read(FILE).unwrap();
    assert!(
        text.starts_with(DECLARED) && text.contains("password = \"ENC:1:") && !text.contains(Slapd::PASSWORD),
        "{text}"
    );
    // Saved and tested with other values, the password untouched.
    let mut other = json!({ "connector": values });
    other["connector"]["base"] = format!("ou=other,{}", Slapd::SUFFIX).into();
    let saved = ask(&home, &host, "PUT", "/admin/connectors/people", Some(&made.etag), Some(&other));
    assert_eq!(saved.status, 200, "{:#}", saved.body);
    let sealed = |text: &str| text.lines().find(|line| line.starts_with("password")).map(str::to_owned);
    assert_eq!(sealed(&home.read(FILE).unwrap()), sealed(&text), "the password did not change");
    let mut untouched = json!({ "name": "people", "connector": values, "secrets": { "password": { "keep": true } } });
    let report = ask(&home, &host, "POST", "/admin/connector-tests", None, Some(&untouched));
    assert_eq!(report.body["ok"], true, "{:#}", report.body);
    untouched["secrets"] = json!({ "password": { "set": "wr0ng-one" } });
    let report = ask(&home, &host, "POST", "/admin/connector-tests", None, Some(&untouched));
    assert_eq!((&report.body["ok"], &stage(&report.body, "sign-in")["ok"]), (&json!(false), &json!(false)));
    // Nobody hears it.
    for path in ["/admin/connectors", "/admin/connectors/people", "/admin/pools", "/admin/audit?limit=100"] {
        let told = ask(&home, &host, "GET", path, None, None).body.to_string();
        assert!(!told.contains(Slapd::PASSWORD) && !told.contains("ENC:1"), "{path}: {told}");
    }
    // Cleared with its account.
    let clear = json!({ "connector": { "type": "ldap", "url": slapd.url(), "base": Slapd::SUFFIX },
        "secrets": { "password": { "clear": true } } });
    let cleared = ask(&home, &host, "PUT", "/admin/connectors/people", Some(&saved.etag), Some(&clear));
    assert_eq!((cleared.status, &cleared.body["secrets"]["password"]["state"]), (200, &json!("unset")));
    assert!(!home.read(FILE).unwrap().contains("ENC:"));
    assert!(host.stop(SOON).unwrap().success());
}

#[test]
fn a_pool_is_made_tested_stage_by_stage_and_refused_with_what_check_says() {
    let server = Postgres::start().unwrap();
    let (home, host) = house();
    let body = json!({ "name": "erp", "connector": { "type": "sql", "queries": { "one": { "sql": "select 1 as n" } } },
        "pool": { "url": server.url_without_password("postgres"), "pool_size": 3 },
        "secrets": { "password": { "set": Postgres::PASSWORD } } });
    let report = ask(&home, &host, "POST", "/admin/connector-tests", None, Some(&body)).body;
    let names: Vec<&str> = report["stages"].as_array().unwrap().iter().filter_map(|s| s["name"].as_str()).collect();
    assert_eq!(
        names,
        ["declaration", "resolve", "connect", "tls", "sign-in", "query", "version", "time"],
        "{report:#}"
    );
    assert!(stage(&report, "time")["detail"].as_str().unwrap().ends_with("like the clock here"));
    let made = ask(&home, &host, "POST", "/admin/connectors", None, Some(&body));
    assert_eq!(made.status, 201, "{:#}", made.body);
    assert_eq!(ask(&home, &host, "POST", "/admin/connectors", None, Some(&body)).status, 409);
    // In force at once.
    let queries = ask(&home, &host, "GET", "/admin/connectors/erp/queries", None, None).body;
    assert_eq!(queries["queries"][0]["name"], "one");
    assert_eq!(ask(&home, &host, "POST", "/admin/connectors/erp/test", None, None).body["ok"], true);
    // What is wrong is refused at its field, and changes nothing.
    let before = home.read(FILE).unwrap();
    let mut bad = body.clone();
    bad["pool"]["pool_size"] = 0.into();
    bad["pool"]["pol_size"] = 1.into();
    bad["connector"]["queries"]["one"] = json!({ "writable": true });
    bad.as_object_mut().unwrap().remove("name");
    let refused = ask(&home, &host, "PUT", "/admin/connectors/erp", Some(&made.etag), Some(&bad));
    assert_eq!(refused.status, 422);
    let problems = refused.body["problems"].as_array().unwrap();
    for pointer in ["/pool/pool_size", "/pool/pol_size", "/connector/queries/one/sql"] {
        assert!(problems.iter().any(|found| found["pointer"] == pointer), "{pointer}: {problems:#?}");
    }
    let mut open = body.clone();
    open["pool"]["url"] = "postgres://bob:s3cret@db.example:5432/d".into();
    open.as_object_mut().unwrap().remove("name");
    let refused = ask(&home, &host, "PUT", "/admin/connectors/erp", Some(&made.etag), Some(&open));
    assert_eq!((refused.status, &refused.body["problems"][0]["pointer"]), (422, &json!("/pool/url")));
    assert!(!refused.body.to_string().contains("s3cret"));
    assert_eq!(home.read(FILE).unwrap(), before);
    // A stale save hears what is saved now.
    let mut larger = json!({ "connector": made.body["connector"], "pool": made.body["pool"]["values"] });
    larger["pool"]["pool_size"] = 9.into();
    let saved = ask(&home, &host, "PUT", "/admin/connectors/erp", Some(&made.etag), Some(&larger));
    assert_eq!(saved.status, 200, "{:#}", saved.body);
    let stale = ask(&home, &host, "PUT", "/admin/connectors/erp", Some(&made.etag), Some(&larger));
    assert_eq!((stale.status, &stale.body["current"]["pool"]["values"]["pool_size"]), (409, &json!(9)));
    assert_eq!(ask(&home, &host, "PUT", "/admin/connectors/erp", None, Some(&larger)).status, 428);
    assert_eq!(ask(&home, &host, "DELETE", "/admin/connectors/erp", None, None).status, 200);
    assert_eq!(home.read(FILE).unwrap(), DECLARED);
    assert!(host.stop(SOON).unwrap().success());
}

#[test]
fn a_name_that_is_used_is_locked_and_changes_everywhere_or_nowhere() {
    let (home, host) = house();
    let used = ask(&home, &host, "DELETE", "/admin/connectors/test", None, None);
    assert_eq!((used.status, &used.body["used_by"][0]["name"]), (409, &json!("first")), "{:#}", used.body);
    let dry = json!({ "to": "books", "dry_run": true });
    let told = ask(&home, &host, "POST", "/admin/connectors/test/rename", None, Some(&dry)).body;
    assert_eq!(told["references"][0]["places"], json!(["/steps/0/connector"]), "{told:#}");
    assert_eq!(home.read(FILE).unwrap(), DECLARED);
    let done = ask(&home, &host, "POST", "/admin/connectors/test/rename", None, Some(&json!({ "to": "books" })));
    assert_eq!((done.status, &done.body["applied"]), (200, &json!(true)), "{:#}", done.body);
    let text = home.read(FILE).unwrap();
    assert_eq!(text, DECLARED.replace("pools.test", "pools.books").replace("connectors.test", "connectors.books"));
    let jobs = home.read("plugins/test/jobs.toml").unwrap();
    assert!(jobs.starts_with("# nightly\n") && jobs.contains("connector = \"books\""), "{jobs}");
    let job = ask(&home, &host, "GET", "/admin/jobs/first", None, None).body;
    assert_eq!(job["valid"].as_bool().or(Some(job["problems"].as_array().is_none_or(Vec::is_empty))), Some(true));
    // The new name is taken, and a job that cannot be read stops everything.
    home.write("plugins/other/jobs.toml", "[[jobs]\n").unwrap();
    let stopped = ask(&home, &host, "POST", "/admin/connectors/books/rename", None, Some(&json!({ "to": "more" })));
    assert_eq!(stopped.status, 409, "{:#}", stopped.body);
    assert_eq!(home.read(FILE).unwrap(), text);
    assert!(host.stop(SOON).unwrap().success());
}

#[test]
fn steps_that_wait_for_a_connection_are_in_the_history_of_the_pool() {
    let server = Postgres::start().unwrap();
    let jobs: String = ["a", "b", "c"].map(|id| sql_job(id, "select pg_sleep(1.5)")).concat();
    let home = home_with(&jobs);
    let url = server.url("postgres");
    home.write(FILE, format!("[pools.test]\nurl = \"{url}\"\npool_size = 1\n[connectors.test]\ntype = \"sql\"\n"))
        .unwrap();
    let host = serve(&home);
    for id in ["a", "b", "c"] {
        assert_eq!(ask(&home, &host, "POST", &format!("/admin/jobs/{id}/run"), None, None).status, 202);
    }
    let mut most = 0;
    let queued = wait_until(SOON, || {
        let list = ask(&home, &host, "GET", "/admin/connectors", None, None).body;
        most = most.max(list["connectors"][0]["pool"]["waiting"].as_u64().unwrap());
        let history = ask(&home, &host, "GET", "/admin/connectors/test/history", None, None).body;
        let samples = history["samples"].as_array().unwrap();
        samples.iter().filter_map(|sample| sample["queued"].as_u64()).sum::<u64>() == 2
    });
    queued.or_panic("queued steps in the history");
    assert!(most >= 1, "nobody was seen waiting");
    assert!(host.stop(SOON).unwrap().success());
}

#[test]
fn the_command_line_adds_changes_renames_and_removes() {
    let (home, host) = house();
    let run = |args: &[&str]| crate::program::nomaflow(home.path(), &[&["connector"], args].concat());
    run(&["add", "lake", "--url", "sqlite:data/lake.db", "--key", "pool_size=2"]).expect(0).saying(&["is declared"]);
    run(&["set", "lake", "--key", "pool_size=7", "--key", "read_only=true"]).expect(0);
    let text = home.read(FILE).unwrap();
    assert!(text.contains("[pools.lake]\nurl = \"sqlite:data/lake.db\"\npool_size = 7\nread_only = true\n"), "{text}");
    run(&["set", "lake", "--key", "pool_size=0"]).expect(3).saying(&["pool_size"]);
    run(&["rename", "lake", "sea"]).expect(0).saying(&["is called `sea` now"]);
    run(&["remove", "test"]).expect(1).saying(&["is used by job `first`"]);
    run(&["remove", "sea"]).expect(0);
    run(&["remove", "sea"]).expect(4);
    assert_eq!(home.read(FILE).unwrap(), DECLARED);
    assert!(host.stop(SOON).unwrap().success());
}
