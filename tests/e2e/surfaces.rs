//! What an operator sees of several processes, and types about them: flags and settings of a worker, health, the status of
//! the scheduler, where a run goes, and the definition a run keeps. On SQLite; `replicas` has the same on PostgreSQL.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use test_support::{Host, TempHome, wait_until};

use crate::program::{CONNECTOR, command, home_with, latest_run, nomaflow, serve, sql_job};
use crate::server::{bearer, http, json_body};

const SOON: Duration = Duration::from_secs(30);

fn home(jobs: &str) -> TempHome {
    let home = home_with(jobs);
    home.write("connectors.toml", CONNECTOR).unwrap();
    home
}

/// `GET path` with the token of the home.
fn get(home: &TempHome, host: &Host, path: &str) -> (u16, Value) {
    let (status, _, body) = http(host.url(), "GET", path, &[("Authorization", &bearer(home))], "");
    (status, json_body(&body))
}

/// A worker without a port, ended with its test.
struct Worker {
    process: Child,
    announced: Vec<String>,
}

impl Worker {
    /// Starts one and reads `lines` lines of what it announces.
    fn start(home: &TempHome, flags: &[&str], lines: usize) -> Self {
        let mut start = command(home.path());
        start.args(["serve", "--role", "worker"]).args(flags).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = start.spawn().unwrap();
        let out = BufReader::new(process.stdout.take().unwrap());
        let announced = out.lines().take(lines).map(Result::unwrap).collect();
        Self { process, announced }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_second_server_stands_by_and_both_say_who_has_the_lease() {
    let home = home(&sql_job("quick", "select 1 as x"));
    let first = serve(&home);
    let acquired = "scheduler: acquired lock · this replica is the scheduler primary";
    first.wait_for_line(acquired, SOON).or_panic(acquired);
    let second = serve(&home);
    let stands_by = "scheduler: failed to acquire lock · running scheduler-disabled";
    second.wait_for_line(stands_by, SOON).or_panic(stands_by);

    let health = |host: &Host| get(&home, host, "/admin/jobs/health");
    let ((here, active), (there, standby)) = (health(&first), health(&second));
    assert_eq!((here, there), (200, 200), "both are healthy: {active}\n{standby}");
    assert_eq!((&active["scheduler"], &standby["scheduler"]), (&json!("active"), &json!("standby")));
    assert_eq!((&active["lease"]["holder"], &standby["lease"]["holder"]), (&active["replica"], &active["replica"]));
    assert_eq!((&standby["scheduler_enabled"], &standby["problems"]), (&json!(true), &json!([])));
    let holder = active["replica"].as_str().unwrap().to_owned();
    assert_eq!(standby["notes"], json!([format!("2 processes ask for the scheduler; {holder} has it")]));
    assert_eq!(standby["replicas"].as_array().unwrap().len(), 2);

    let status = nomaflow(home.path(), &["scheduler", "status"]).expect(0);
    let status = status.saying(&[&format!("lease: {holder}, term 1"), "2 processes ask", "SCHEDULER", "LISTENS ON"]);
    let row = |host: &Host| status.out.lines().find(|line| line.contains(host.url())).unwrap().to_owned();
    assert!(row(&first).contains("active") && row(&second).contains("standby"), "{}", status.all());
    assert!(row(&first).contains("server") && row(&first).contains("0/16"), "{}", status.all());

    assert!(first.stop(SOON).unwrap().success());
    wait_until(SOON, || health(&second).1["scheduler"] == "active").or_panic("the standby takes over");
    let health = health(&second).1;
    assert_eq!((&health["lease"]["term"], health["replicas"].as_array().unwrap().len()), (&json!(2), 1), "{health}");
}

#[test]
fn a_worker_without_a_port_runs_what_is_placed_at_its_label_and_is_followed_from_the_server() {
    let home = home(&sql_job("quick", "select 1 as x"));
    let server = serve(&home);
    let note = home.read("data/server.address").unwrap();
    let worker = Worker::start(&home, &["--label", "big", "--label", "gpu"], 2);
    let said = worker.announced.join("\n");
    for part in ["is a worker", "`any`, `label:big`, `label:gpu`", "16 at once", "the SQLite file", "opens no port"] {
        assert!(said.contains(part), "`{part}` is missing in {said}");
    }
    assert_eq!(home.read("data/server.address").unwrap(), note, "commands still go to the server");
    nomaflow(home.path(), &["job", "run", "quick", "--placement", "label:gpu", "--verbose"]).expect(0).saying(&[
        "SUCCEEDED",
        "run started: job `quick`",
        "1 of 1 steps succeeded",
    ]);
    let id = latest_run(home.path(), false, "quick")["id"].as_str().unwrap().to_owned();
    let run = nomaflow(home.path(), &["--json", "run", "show", &id]).expect(0).json()["run"].clone();
    let pid = run["owner"].as_str().unwrap().split('/').nth(1).unwrap().to_owned();
    assert_eq!(pid, worker.process.id().to_string(), "{run}");
    assert_eq!((&run["placement"], &run["term"]), (&json!("label:gpu"), &json!(1)));
    nomaflow(home.path(), &["scheduler", "status"]).expect(0).saying(&["worker", "off", "big,gpu"]);
    drop(server);
}

#[test]
fn a_worker_has_a_port_when_it_is_given_one_and_says_all_of_it_as_json() {
    let home = home("");
    home.write("app.toml", "[server]\nrole = \"worker\"\nlabels = [\"big\"]\n[jobs]\nmax_concurrent_runs = 3\n")
        .unwrap();
    let worker = serve(&home);
    worker.wait_for_line("is a worker: takes up runs placed `any`, `label:big`, 3 at once", SOON).or_panic("its role");
    let (status, health) = get(&home, &worker, "/admin/jobs/health");
    assert_eq!((status, &health["scheduler"], &health["scheduler_enabled"]), (200, &json!("standby"), &json!(false)));
    assert_eq!(health["notes"], json!(["no process asks for the scheduler: schedules do not fire"]));
    assert_eq!(health["replicas"][0]["url"], json!(worker.url()));
    nomaflow(home.path(), &["scheduler", "status"]).expect(0).saying(&["scheduler: standby", "lease: nobody"]);
    let portless = Worker::start(&home, &["--json"], 1);
    let said: Value = serde_json::from_str(&portless.announced[0]).unwrap();
    assert_eq!((&said["role"], &said["listening"], &said["room"]), (&json!("worker"), &Value::Null, &json!(3)));
    assert_eq!(said["labels"], json!(["big"]));
}

#[test]
fn who_asks_for_a_label_that_no_process_has_is_told_that_the_run_waits() {
    let home = home(&(sql_job("quick", "select 1 as x") + &sql_job("here", "select 1 as x")));
    let server = serve(&home);
    let said = nomaflow(home.path(), &["job", "run", "quick", "--placement", "label:big", "--detach"]).expect(0);
    let run = said.out.trim();
    assert_eq!(said.err, format!("note: run {run} waits for a process with the label `big`, and there is none\n"));
    nomaflow(home.path(), &["job", "cancel", run]).expect(0);
    let said = nomaflow(home.path(), &["job", "run", "here", "--detach"]).expect(0);
    assert_eq!(said.err, "");
    drop(server);
}

#[test]
fn a_worker_leaves_the_address_of_the_file_to_the_server_that_shares_it() {
    let home = home("");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    home.write("app.toml", format!("[server]\nlisten = \"{port}\"\n")).unwrap();
    let worker = Worker::start(&home, &["--json"], 1);
    let said: Value = serde_json::from_str(&worker.announced[0]).unwrap();
    assert_eq!((&said["role"], &said["listening"]), (&json!("worker"), &Value::Null));
}

#[test]
fn wrong_roles_labels_placements_and_limits_are_named_with_what_is_allowed() {
    let home = home(&sql_job("quick", "select 1 as x"));
    nomaflow(home.path(), &["serve", "--role", "boss"]).expect(3).saying(&["--role", "neither `server` nor `worker`"]);
    nomaflow(home.path(), &["serve", "--label", "a b"]).expect(3).saying(&["--label", "`a b` is no label"]);
    for placement in ["nowhere", "label:"] {
        nomaflow(home.path(), &["--local", "job", "run", "quick", "--placement", placement])
            .expect(2)
            .saying(&[&format!("placement is `{placement}`"), "`here`, `any` or `label:<name>`"]);
    }
    home.write("app.toml", "[limits.connectors]\ndb = 1\nbd = 2\n[limits.tags]\nnone = 1\n").unwrap();
    nomaflow(home.path(), &["check"]).expect(0).saying(&[
        "app.toml:3:1",
        "unknown connector `bd`",
        "did you mean `db`?",
        "no job has the tag `none`",
        "0 errors, 2 warnings",
    ]);
    home.write("app.toml", "[server]\nlabels = [\"x y\"]\n[limits.tags]\netl = 0\n[limits.cpu]\n").unwrap();
    nomaflow(home.path(), &["check"]).expect(3).saying(&[
        "app.toml:2:11",
        "app.toml:4:7",
        "app.toml:5:9",
        "1 to 10000",
    ]);
    nomaflow(home.path(), &["serve"]).expect(3).saying(&["the settings are invalid"]);
}

#[test]
fn a_job_says_where_its_runs_go_and_what_a_restart_does_with_them() {
    let keys = "placement = \"label:big\"\non_restart = \"resume\"\n[[jobs.schedules]]\nname = \"near\"\nevery = \"1h\"\nplacement = \"here\"\n";
    let jobs = sql_job("spread", "select 1 as x").replacen("[[jobs.steps]]", &format!("{keys}[[jobs.steps]]"), 1);
    let home = home(&(jobs + "resumable = false\n" + &sql_job("plain", "select 1 as x")));
    nomaflow(home.path(), &["--local", "job", "show", "spread"])
        .expect(0)
        .saying(&["placement label:big; on restart resume", "placement here, next"]);
    nomaflow(home.path(), &["--local", "job", "show", "plain"])
        .expect(0)
        .saying(&["placement here by hand, any by schedule; on restart fail"]);
    let shown = nomaflow(home.path(), &["--local", "--json", "job", "show", "spread"]).expect(0).json();
    assert_eq!((&shown["placement"], &shown["on_restart"]), (&json!("label:big"), &json!("resume")));
    assert_eq!((&shown["schedules"][0]["placement"], &shown["steps"][0]["resumable"]), (&json!("here"), &json!(false)));
}

#[test]
fn a_replay_does_what_the_run_did_although_the_file_has_changed_since() {
    let home = home(&sql_job("report", "select 1 as n"));
    let run = |arguments: &[&str]| {
        nomaflow(home.path(), &[&["--local"], arguments].concat()).expect(0);
        let id = latest_run(home.path(), true, "report")["id"].as_str().unwrap().to_owned();
        let shown = nomaflow(home.path(), &["--local", "--json", "run", "show", &id]).expect(0).json();
        (id, shown["steps"][0]["output"]["first_row"]["n"].clone())
    };
    let (first, n) = run(&["job", "run", "report"]);
    assert_eq!(n, 1);
    home.write("plugins/test/jobs.toml", sql_job("report", "select 2 as n")).unwrap();
    assert_eq!(run(&["run", "replay", &first]).1, 1, "as it was");
    assert_eq!(run(&["run", "replay", &first, "--current"]).1, 2, "as it is");

    home.write("plugins/test/jobs.toml", "").unwrap();
    let (again, n) = run(&["run", "replay", &first, "--from", "q"]);
    assert_eq!(n, 1, "the job is gone, its run is not");
    nomaflow(home.path(), &["--local", "run", "replay", &first, "--current"]).expect(4).saying(&["no job `report`"]);
    let server = serve(&home);
    let (status, definition) = get(&home, &server, &format!("/admin/jobs/runs/{again}/definition"));
    assert_eq!((status, &definition["steps"][0]["spec"]["sql_query"]["query"]), (200, &json!("select 1 as n")));
    let shown = get(&home, &server, &format!("/admin/jobs/runs/{again}")).1;
    assert_eq!((&shown["run"]["replay_of"], &shown["run"]["replay_from"]), (&json!(first), &json!("q")));
    assert_eq!(get(&home, &server, "/admin/jobs/runs/0000000000000/definition").0, 404);
}
