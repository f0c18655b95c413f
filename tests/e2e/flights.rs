//! The example job, whole, on its real data: the counts it leaves are the counts of the source, on SQLite and on
//! PostgreSQL, from the same job file.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{home_with, latest_run, nomaflow, root, serve};
use serde_json::{Value, json};
use test_support::{Postgres, TempHome};

const FLIGHTS: i64 = 336_776;
const PLANES: i64 = 3_322;
const CARRIERS: i64 = 16;

/// The operational database, loaded once from the package that the set-up has fetched.
fn operational() -> PathBuf {
    let database = root().join("target/test-data/operational.db");
    std::fs::create_dir_all(database.parent().unwrap()).unwrap();
    let output = Command::new("python3")
        .arg(root().join("plugins/flights/load_data.py"))
        .arg(&database)
        .output()
        .expect("python3 starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    database
}

fn home(reporting: &str) -> TempHome {
    let home = home_with("");
    std::fs::remove_dir_all(home.path().join("plugins/test")).unwrap();
    // Copied, not linked: what a step writes beside its code stays in this home.
    let app = root().join("plugins/flights");
    assert!(app.join("flights.wasm").exists(), "build it with: cargo run -p plugin-builder");
    copy_app(&app, &home.path().join("plugins/flights"));
    std::os::unix::fs::symlink(operational(), home.path().join("data/operational.db")).unwrap();
    let connectors = format!(
        "[pools.ops]\nurl = \"sqlite:data/operational.db\"\nread_only = true\n[connectors.ops]\ntype = \"sql\"\npool = \"ops\"\n\
         [pools.reporting]\nurl = \"{reporting}\"\n[connectors.reporting]\ntype = \"sql\"\npool = \"reporting\"\n"
    );
    home.write("connectors.toml", connectors).unwrap();
    let check = query_job(
        "check-flights",
        "select count(*) as n, count(distinct carrier) as carriers, sum(distance) as miles from flights",
    ) + &query_job("check-planes", "select count(*) as n from planes")
        + &query_job("check-summary", "select count(*) as n, sum(flights) as flights from carrier_delays")
        + &query_job("check-daily", "select sum(flights) as flights, sum(canceled) as canceled from daily_delays")
        + &query_job(
            "check-ua",
            "select p50_delay, p90_delay, p99_delay, max_delay, mean_delay from carrier_delays where carrier = 'UA'",
        );
    home.write("plugins/checks/jobs.toml", check).unwrap();
    home
}

fn query_job(id: &str, query: &str) -> String {
    format!(
        "[[jobs]]\nid = \"{id}\"\n[[jobs.steps]]\nname = \"q\"\ntype = \"sql_query\"\nconnector = \"reporting\"\nquery = \"{query}\"\n"
    )
}

fn copy_app(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if path.is_dir() {
            if name != "src" && name != "__pycache__" {
                copy_app(&path, &to.join(name));
            }
        } else {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// The first row of a one-step query job.
fn first_row(home: &TempHome, job: &str) -> Value {
    nomaflow(home.path(), &["job", "run", job]).expect(0);
    let id = latest_run(home.path(), false, job)["id"].as_str().unwrap().to_owned();
    let shown = nomaflow(home.path(), &["--json", "run", "show", &id]).expect(0).json();
    shown["steps"][0]["output"]["first_row"].clone()
}

/// Numbers may come back as text where the database's sum is a decimal.
fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| panic!("{value} is no number"))
}

fn the_main_job_runs(reporting: &str) {
    let home = home(reporting);
    let _host = serve(&home);
    nomaflow(home.path(), &["check"]).expect(0);
    nomaflow(home.path(), &["job", "run", "flights-daily"]).expect(0).saying(&["6 of 6 steps succeeded"]);
    let run = latest_run(home.path(), false, "flights-daily");
    let id = run["id"].as_str().unwrap();
    let shown = nomaflow(home.path(), &["--json", "run", "show", id]).expect(0).json();
    let output = |n: usize| shown["steps"][n]["output"].clone();
    assert_eq!((output(0)["source_rows"].clone(), output(0)["target_rows"].clone()), (json!(FLIGHTS), json!(FLIGHTS)));
    assert_eq!(output(1)["target_rows"], json!(PLANES));
    assert_eq!((output(3)["carriers"].clone(), output(3)["rows_read"].clone()), (json!(CARRIERS), json!(FLIGHTS)));
    assert_eq!(output(5)["status"], json!(200));
    let usage = &shown["steps"][3]["usage"];
    assert_eq!(
        usage["component_sha256"].as_str().map(str::len),
        Some(64),
        "the run records which component ran: {usage}"
    );
    // What it left in the reporting database, against the source.
    let flights = first_row(&home, "check-flights");
    assert_eq!(
        (number(&flights["n"]), number(&flights["carriers"]), number(&flights["miles"])),
        (336_776.0, 16.0, 350_217_607.0)
    );
    assert_eq!(number(&first_row(&home, "check-planes")["n"]), 3_322.0);
    let summary = first_row(&home, "check-summary");
    assert_eq!((number(&summary["n"]), number(&summary["flights"])), (16.0, 336_776.0));
    let daily = first_row(&home, "check-daily");
    assert_eq!((number(&daily["flights"]), number(&daily["canceled"])), (336_776.0, 8_255.0));
    // United: exact quantiles of arr_delay over 57,782 flights are -6, 40 and 153; the sketch is within one per cent.
    let united = first_row(&home, "check-ua");
    let report = home.read("data/reports/flights-daily.md").unwrap();
    assert!(report.contains("336,776") || report.contains("336776"), "{report}");
    assert!(report.contains("UA"), "{report}");
    let near = |key: &str, exact: f64| {
        let got = number(&united[key]);
        assert!((got - exact).abs() <= exact.abs() * 0.011 + 0.001, "{key}: {got} against {exact}");
    };
    for (key, exact) in exact_united() {
        near(key, exact);
    }
    // A second run replaces, and adds nothing.
    nomaflow(home.path(), &["job", "run", "flights-daily"]).expect(0);
    assert_eq!(number(&first_row(&home, "check-flights")["n"]), 336_776.0);
}

/// United's quantiles, computed from the source by sorting.
fn exact_united() -> Vec<(&'static str, f64)> {
    let script = "import sqlite3, sys, json\n\
        d = sorted(r[0] for r in sqlite3.connect(sys.argv[1]).execute(\"select arr_delay from flights where carrier = 'UA' and arr_delay is not null\"))\n\
        q = lambda p: d[int(p * (len(d) - 1))]\n\
        print(json.dumps([q(.5), q(.9), q(.99), d[-1], sum(d) / len(d)]))";
    let output = Command::new("python3").args(["-c", script]).arg(operational()).output().unwrap();
    let exact: Vec<f64> = serde_json::from_slice(&output.stdout).unwrap();
    ["p50_delay", "p90_delay", "p99_delay", "max_delay", "mean_delay"].into_iter().zip(exact).collect()
}

#[test]
fn the_main_job_runs_with_reporting_on_sqlite() {
    the_main_job_runs("sqlite:data/reporting.db");
}

#[test]
fn the_main_job_runs_with_reporting_on_postgresql() {
    let postgres = Postgres::start().unwrap();
    let database = postgres.database().unwrap();
    the_main_job_runs(database.url());
}
