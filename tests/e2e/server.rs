//! A running server: sign-in, runs over REST, live events, cancel, reload, stop, restart.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::program::{CONNECTOR, ENDLESS_SELECT, command, home_with, latest_run, nomaflow, serve, sql_job};
use serde_json::{Value, json};
use test_support::{TempHome, wait_until};

const SOON: Duration = Duration::from_secs(30);

/// A plain HTTP request; the answer's status, headers and body.
pub(crate) fn http(url: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String, String) {
    use std::io::{Read, Write};
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    // Names of headers are not case-sensitive; a cookie is.
    let lower = |line: &str| match line.split_once(':') {
        Some((name, value)) => format!("{}:{value}", name.to_ascii_lowercase()),
        None => line.to_owned(),
    };
    (status, head.lines().map(lower).collect::<Vec<_>>().join("\n"), body.to_owned())
}

pub(crate) fn json_body(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}"))
}

pub(crate) fn bearer(home: &TempHome) -> String {
    format!("Bearer {}", home.read("data/bootstrap.token").unwrap().trim())
}

fn home() -> TempHome {
    let jobs = sql_job("quick", "select 1 as x") + &sql_job("slow", ENDLESS_SELECT);
    let home = home_with(&jobs);
    home.write("connectors.toml", CONNECTOR).unwrap();
    home
}

#[test]
fn nobody_gets_in_without_the_token() {
    let home = home();
    let host = serve(&home);
    let (status, _, body) = http(host.url(), "GET", "/healthz", &[], "");
    assert_eq!((status, json_body(&body)["status"].clone()), (200, json!("ok")));
    let closed = [
        ("GET", "/admin/jobs"),
        ("GET", "/admin/jobs/quick"),
        ("POST", "/admin/jobs/quick/run"),
        ("GET", "/admin/jobs/runs"),
        ("GET", "/admin/jobs/runs/0000000000000"),
        ("GET", "/admin/jobs/runs/0000000000000/logs"),
        ("POST", "/admin/jobs/runs/0000000000000/cancel"),
        ("POST", "/admin/jobs/runs/0000000000000/abort"),
        ("POST", "/admin/reload"),
        ("GET", "/admin/jobs/health"),
        ("GET", "/admin/events"),
        ("GET", "/auth/me"),
        ("POST", "/auth/logout-all"),
    ];
    for (method, path) in closed {
        let (status, head, body) = http(host.url(), method, path, &[], "");
        assert_eq!(status, 401, "{method} {path}: {body}");
        assert!(head.contains("application/problem+json"), "{head}");
        let wrong = http(host.url(), method, path, &[("Cookie", "nomaflow_session=00")], "").0;
        assert_eq!(wrong, 401, "{method} {path} with a made-up session");
    }
    let wrong =
        crate::program::command(home.path()).env("NOMAFLOW_TOKEN", "wrong").args(["job", "list"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(6));
    assert!(nomaflow(home.path(), &["job", "list"]).expect(0).out.contains("quick"));
}

fn me_of_the_token() -> Value {
    json!({
        "user": "admin", "display_name": "", "source": "token", "permissions": ["superuser"],
        "must_change_password": false,
    })
}

#[test]
fn the_page_signs_in_with_the_token_and_out_again() {
    let home = home();
    let host = serve(&home);
    let json = ("Content-Type", "application/json");
    let login = |token: &str| http(host.url(), "POST", "/auth/login", &[json], &json!({ "token": token }).to_string());
    assert_eq!(login("wrong").0, 401);
    let (status, head, _) = login(home.read("data/bootstrap.token").unwrap().trim());
    assert_eq!(status, 200);
    let cookie = head.lines().find_map(|l| l.strip_prefix("set-cookie: ")).unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let session = cookie.split(';').next().unwrap().to_owned();
    let me = http(host.url(), "GET", "/auth/me", &[("Cookie", &session)], "");
    assert_eq!((me.0, json_body(&me.2)), (200, me_of_the_token()));
    let run = |origin: &str| {
        http(host.url(), "POST", "/admin/jobs/quick/run", &[("Cookie", &session), ("Origin", origin), json], "{}")
    };
    assert_eq!(run("http://elsewhere.test").0, 403, "a cookie counts for our own page only");
    let (status, _, body) = run(host.url());
    assert_eq!((status, json_body(&body)["triggered_by"].clone()), (202, json!("user:admin")));
    assert_eq!(http(host.url(), "POST", "/auth/logout", &[("Cookie", &session)], "").0, 200);
    assert_eq!(http(host.url(), "GET", "/auth/me", &[("Cookie", &session)], "").0, 401);
}

#[test]
fn a_run_over_rest_is_accepted_at_once_and_told_in_full() {
    let home = home();
    let host = serve(&home);
    let token = bearer(&home);
    let get = |path: &str| http(host.url(), "GET", path, &[("Authorization", &token)], "");
    let post = |path: &str, body: &str| {
        http(host.url(), "POST", path, &[("Authorization", &token), ("Content-Type", "application/json")], body)
    };
    let (status, _, body) = post("/admin/jobs/quick/run", "{}");
    assert_eq!(status, 202, "{body}");
    let answer = json_body(&body);
    assert_eq!((answer["triggered_by"].clone(), answer["status"].clone()), (json!("api"), json!("QUEUED")));
    let id = answer["run_id"].as_str().unwrap().to_owned();
    let document = || json_body(&get(&format!("/admin/jobs/runs/{id}")).2);
    wait_until(SOON, || document()["run"]["status"] == "SUCCEEDED").or_panic("the run succeeds");
    let run = document();
    assert_eq!((run["steps"][0]["status"].clone(), run["steps"][0]["attempt"].clone()), (json!("SUCCEEDED"), json!(1)));
    let logs = json_body(&get(&format!("/admin/jobs/runs/{id}/logs?from=1&limit=2")).2);
    assert_eq!((logs["lines"][0]["seq"].clone(), logs["lines"].as_array().unwrap().len()), (json!(1), 2));
    for (path, body, status, part) in [
        ("/admin/jobs/nope/run", "{}", 404, "there is no job `nope`"),
        ("/admin/jobs/quick/run", "{\"parms\":{}}", 422, "parms"),
        ("/admin/jobs/quick/run", "{\"step_enabled\":{\"zz\":false}}", 422, "zz"),
        ("/admin/jobs/quick/run", "{\"log_level\":\"LOUD\"}", 422, "LOUD"),
        ("/admin/jobs/quick/run", "{", 422, ""),
        ("/admin/jobs/runs/0000000000000/cancel", "", 404, "there is no run"),
        ("/admin/nothing", "", 404, "nothing"),
    ] {
        let (got, head, said) = post(path, body);
        assert_eq!(got, status, "{path} {body}: {said}");
        assert!(head.contains("application/problem+json") && said.contains(part), "{said}");
    }
    assert_eq!(get("/admin/jobs/runs?status=sleeping").0, 422);
    let listed = json_body(&get("/admin/jobs/runs?job=quick&status=succeeded&limit=5").2);
    assert_eq!(listed["runs"][0]["id"], json!(id));
    let job = json_body(&get("/admin/jobs/quick").2);
    assert_eq!((job["step_count"].clone(), job["runs"][0]["id"].clone()), (json!(1), json!(id)));
    let health = get("/admin/jobs/health");
    assert_eq!((health.0, json_body(&health.2)["scheduler"].clone()), (200, json!("active")));
}

#[test]
fn one_run_at_a_time_over_rest_and_cancel_names_who_asked() {
    let home = home();
    let host = serve(&home);
    let token = bearer(&home);
    let post = |path: &str| http(host.url(), "POST", path, &[("Authorization", &token)], "");
    let first = json_body(&post("/admin/jobs/slow/run").2)["run_id"].as_str().unwrap().to_owned();
    let (status, _, body) = post("/admin/jobs/slow/run");
    let problem = json_body(&body);
    assert_eq!((status, problem["active_run_id"].clone()), (409, json!(first)));
    let asked = Instant::now();
    nomaflow(home.path(), &["job", "cancel", "slow"]).expect(0).saying(&[&first]);
    let latest = |status: &str| {
        let path = format!("/admin/jobs/runs?job=slow&status={status}&limit=1");
        json_body(&http(host.url(), "GET", &path, &[("Authorization", &token)], "").2)["runs"][0].clone()
    };
    let state = || latest("CANCELED");
    wait_until(SOON, || state()["status"] == "CANCELED").or_panic("the run is cancelled");
    assert!(asked.elapsed() < Duration::from_secs(6), "within 2 s of the request, plus the commands");
    assert_eq!(state()["reason"], "canceled by cli:bob");
    assert_eq!(post(&format!("/admin/jobs/runs/{first}/cancel")).0, 409, "it is final now");
    let skipped = latest("SKIPPED");
    assert_eq!(skipped["reason"], json!(format!("previous run {first} still running")));
}

#[test]
fn logs_follow_streams_until_the_run_ends() {
    let home = home();
    let _host = serve(&home);
    let run = nomaflow(home.path(), &["job", "run", "slow", "--detach"]).expect(0).out.trim().to_owned();
    let mut follow =
        command(home.path()).args(["job", "logs", "--follow", &run]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("run started: job `slow`"), "{first}");
    nomaflow(home.path(), &["job", "cancel", &run]).expect(0);
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(rest.last().unwrap().contains("run canceled by cli:bob"), "{rest:?}");
    assert_eq!(follow.wait().unwrap().code(), Some(0));
}

#[test]
fn reload_takes_up_a_changed_file_and_keeps_what_is_valid() {
    let home = home();
    let _host = serve(&home);
    let jobs = sql_job("quick", "select 2 as x") + &sql_job("quickly", "select 3 as x") + "oops = 1\n";
    home.write("plugins/test/jobs.toml", jobs).unwrap();
    nomaflow(home.path(), &["reload"]).expect(3).saying(&["oops"]);
    nomaflow(home.path(), &["job", "run", "quick"]).expect(0);
    nomaflow(home.path(), &["job", "run", "quickly"]).expect(3).saying(&["job `quickly` is invalid", "oops"]);
    assert!(nomaflow(home.path(), &["job", "list"]).expect(0).out.contains("INVALID"));
}

#[test]
fn a_stop_signal_ends_the_server_cleanly_and_records_what_it_cancelled() {
    let home = home();
    home.write("app.toml", "[server]\ndrain_seconds = 1\n").unwrap();
    let host = serve(&home);
    nomaflow(home.path(), &["job", "run", "slow", "--detach"]).expect(0);
    assert_eq!(host.stop(SOON).unwrap().code(), Some(0));
    let run = latest_run(home.path(), true, "slow");
    assert_eq!((run["status"].clone(), run["reason"].clone()), (json!("CANCELED"), json!("canceled by shutdown")));
    assert!(!home.path().join("data/server.address").exists());
}

#[test]
fn a_killed_server_leaves_no_run_running_after_its_restart() {
    let home = home();
    let host = serve(&home);
    let run = nomaflow(home.path(), &["job", "run", "slow", "--detach"]).expect(0).out.trim().to_owned();
    // A run that has not begun is no loss: it would be given back and begin anew.
    let shown = || nomaflow(home.path(), &["--json", "run", "show", &run]).expect(0).json();
    wait_until(SOON, || shown()["steps"][0]["status"] == "RUNNING").or_panic("the step begins");
    host.kill();
    let note = home.read("data/server.address").unwrap();
    nomaflow(home.path(), &["--server", note.lines().next().unwrap(), "job", "list"])
        .expect(5)
        .saying(&["cannot be reached"]);
    let _again = serve(&home);
    let shown = shown();
    assert_eq!(
        (shown["run"]["status"].clone(), shown["run"]["reason"].clone()),
        (json!("FAILED"), json!("lost in restart"))
    );
    nomaflow(home.path(), &["job", "run", "quick"]).expect(0);
}

#[test]
fn a_local_run_beside_a_server_is_left_alone() {
    let home = home();
    let mut local =
        command(home.path()).args(["--local", "job", "run", "slow"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(local.stdout.take().unwrap()).lines();
    while !lines.next().expect("the step starts").unwrap().contains("started") {}
    let _host = serve(&home);
    let run = latest_run(home.path(), false, "slow");
    assert_eq!(run["status"], "RUNNING", "its owner lives");
    nomaflow(home.path(), &["job", "cancel", run["id"].as_str().unwrap()]).expect(0);
    assert_eq!(local.wait().unwrap().code(), Some(1), "the other process heard of the cancel through the store");
}

#[test]
fn a_taken_port_is_said_before_anything_else() {
    let home = home();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    nomaflow(home.path(), &["serve", "--listen", &address]).expect(3).saying(&["cannot listen on", "--listen"]);
}

#[test]
fn a_followed_run_whose_reader_has_gone_ends_quietly_and_is_recorded() {
    let home = home();
    let mut local =
        command(home.path()).args(["--local", "job", "run", "slow"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(local.stdout.take().unwrap()).lines();
    while !lines.next().expect("the step starts").unwrap().contains("started") {}
    drop(lines);
    nomaflow(home.path(), &["--local", "job", "cancel", "slow"]).expect(0);
    let mut status = None;
    wait_until(SOON, || {
        status = local.try_wait().unwrap();
        status.is_some()
    })
    .or_panic("the command ends");
    assert_eq!(status.unwrap().code(), Some(0), "nobody was told of a failure");
    assert_eq!(latest_run(home.path(), true, "slow")["status"], "CANCELED");
}

#[test]
fn a_stop_signal_during_a_slow_start_is_obeyed() {
    let home = home();
    // A database that takes the connection and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://u:p@{}/nothing", silent.local_addr().unwrap());
    home.write("app.toml", format!("[store]\nurl = \"{url}\"\n")).unwrap();
    let mut host =
        command(home.path()).args(["serve", "--listen", "127.0.0.1:0"]).stderr(Stdio::null()).spawn().unwrap();
    let _connection = silent.accept().unwrap();
    assert!(std::process::Command::new("kill").arg(host.id().to_string()).status().unwrap().success());
    let mut status = None;
    let waited = wait_until(Duration::from_secs(5), || {
        status = host.try_wait().unwrap();
        status.is_some()
    });
    if status.is_none() {
        host.kill().unwrap();
        host.wait().unwrap();
    }
    waited.or_panic("the start is given up");
    assert_eq!(status.unwrap().code(), Some(0));
}
