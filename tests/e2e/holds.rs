//! What holds schedules back: a fire that is skipped once, a maintenance window; and the calendar that others subscribe to,
//! read by a library that knows the format.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use test_support::{Host, TempHome, wait_until};

use crate::packages::environment;
use crate::program::{CONNECTOR, home_with, nomaflow, root, serve, sql_job};
use crate::server::{bearer, http, json_body};

const SOON: Duration = Duration::from_secs(30);

fn scheduled(id: &str, schedule: &str) -> String {
    let keys =
        format!("description = \"À lire, ou pas; c'est selon\"\nschedule = \"{schedule}\"\ntimezone = \"UTC\"\n");
    sql_job(id, "select 1 as x").replacen("[[jobs.steps]]", &format!("{keys}[[jobs.steps]]"), 1)
}

fn home(jobs: &str) -> TempHome {
    let home = home_with(jobs);
    home.write("connectors.toml", CONNECTOR).unwrap();
    home
}

fn ask(home: &TempHome, host: &Host, method: &str, path: &str, body: &str) -> (u16, Value) {
    let bearer = bearer(home);
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let (status, _, body) = http(host.url(), method, path, &headers, body);
    (status, json_body(&body))
}

fn next(home: &TempHome, job: &str, count: usize) -> Vec<String> {
    let count = count.to_string();
    let answer = nomaflow(home.path(), &["--json", "job", "next", job, "-n", &count]).expect(0).json();
    answer["next"].as_array().unwrap().iter().map(|fire| fire["at"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_next_fire_is_skipped_once_and_stays_skipped_when_the_server_starts_again() {
    let home = home(&scheduled("nightly", "0 3 * * *"));
    let host = serve(&home);
    let fires = next(&home, "nightly", 3);
    // The fire that is skipped and the next one stand in one line, so by the same clock.
    let told = nomaflow(home.path(), &["--json", "job", "next", "nightly", "-n", "2"]).expect(0).json();
    let clock = [0, 1].map(|n| told["next"][n]["local"].as_str().unwrap().to_owned());
    let parts = [format!("the fire of {} will be skipped", clock[0]), format!("next fire {}", clock[1])];
    nomaflow(home.path(), &["job", "show", "nightly"]).expect(0).saying(&[&format!("next {}, {}", clock[0], clock[1])]);
    nomaflow(home.path(), &["job", "skip-next", "nightly"]).expect(0).saying(&[&parts[0], &parts[1]]);
    assert_eq!(next(&home, "nightly", 2), fires[1..3]);
    drop(host);
    let host = serve(&home);
    assert_eq!(next(&home, "nightly", 2), fires[1..3]);
    let job = ask(&home, &host, "GET", "/admin/jobs/nightly", "").1;
    assert_eq!(job["next_run_at"], fires[1].as_str());
    assert_eq!(job["schedules"][0]["skipped"][0]["due_at"], fires[0].as_str());
    let ledger = ask(&home, &host, "GET", "/admin/jobs/nightly/slots", "").1;
    assert_eq!(ledger["slots"][0]["outcome"], "skipped");
    assert_eq!(ledger["slots"][0]["reason"], "skipped once by cli:bob");
    let calendar = ask(&home, &host, "GET", "/admin/schedule", "").1;
    assert_eq!(calendar["slots"][0]["reason"], "skipped once by cli:bob");
    nomaflow(home.path(), &["job", "why", "nightly"])
        .expect(0)
        .saying(&["it will be skipped: skipped once by cli:bob"]);
    // Once more is refused, and so is what is not due then.
    let path = "/admin/jobs/nightly/schedules/default/skip";
    let (status, refused) = ask(&home, &host, "POST", path, &format!("{{\"due_at\":\"{}\"}}", fires[0]));
    assert!(status == 409 && refused["type"].as_str().unwrap().ends_with("slot-decided"), "{refused}");
    let (status, refused) = ask(&home, &host, "POST", path, "{\"due_at\":\"2030-01-01T04:00:00Z\"}");
    assert_eq!(status, 422, "{refused}");
    assert_eq!(ask(&home, &host, "POST", "/admin/jobs/nightly/schedules/nope/skip", "").0, 404);
    nomaflow(home.path(), &["job", "skip-next", "nightly", "--at", &fires[0], "--undo"])
        .expect(0)
        .saying(&["is not skipped any more"]);
    assert_eq!(next(&home, "nightly", 3), fires);
    assert_eq!(ask(&home, &host, "DELETE", &format!("{path}?due_at={}", fires[0]), "").0, 409);
}

#[test]
fn a_window_that_had_not_begun_is_taken_back() {
    let home = home(&scheduled("nightly", "0 3 * * *"));
    let day = |days| (chrono::Utc::now() + chrono::TimeDelta::days(days)).to_rfc3339();
    let add = ["--json", "--local", "scheduler", "maintenance", "add", "--from", &day(1), "--to", &day(2)];
    let window = nomaflow(home.path(), &add).expect(0).json();
    let end = ["--local", "scheduler", "maintenance", "end", window["id"].as_str().unwrap()];
    nomaflow(home.path(), &end).expect(0).saying(&["is taken back: it had not begun"]);
}

#[test]
fn no_schedule_fires_in_a_maintenance_window_and_manual_runs_go_on() {
    let home = home(&scheduled("often", "* * * * * *"));
    let host = serve(&home);
    let slots = || ask(&home, &host, "GET", "/admin/jobs/often/slots?limit=5", "").1["slots"].clone();
    wait_until(SOON, || slots()[0]["outcome"] == "fired").or_panic("the job fires");
    let said = nomaflow(home.path(), &["scheduler", "maintenance", "add", "--to", "2099-01-01"]).expect(2);
    said.saying(&["92 days at most"]);
    let until = chrono::Utc::now() + chrono::TimeDelta::hours(1);
    let until = until.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let add = ["--json", "scheduler", "maintenance", "add", "--to", &until, "--reason", "upgrade"];
    let window = nomaflow(home.path(), &add).expect(0).json();
    assert_eq!((&window["state"], &window["created_by"]), (&"active".into(), &"cli:bob".into()));
    let reason = Value::from("maintenance: upgrade");
    wait_until(SOON, || slots()[0]["reason"] == reason).or_panic("the slots are skipped");
    nomaflow(home.path(), &["scheduler", "status"]).expect(0).saying(&["maintenance", "(active)", "upgrade"]);
    nomaflow(home.path(), &["job", "run", "often"]).expect(0);
    let calendar = ask(&home, &host, "GET", "/admin/schedule", "").1;
    assert_eq!(calendar["maintenance"][0]["reason"], "upgrade");
    nomaflow(home.path(), &["scheduler", "maintenance", "end", window["id"].as_str().unwrap()]).expect(0);
    wait_until(SOON, || slots()[0]["outcome"] == "fired").or_panic("the job fires again");
    nomaflow(home.path(), &["scheduler", "maintenance", "list"]).expect(0).saying(&["over", "upgrade"]);
    let trail = ask(&home, &host, "GET", "/admin/audit?action=maintenance", "").1;
    assert!(trail.to_string().contains("upgrade"), "{trail}");
}

/// Reads a calendar file with the library.
fn read(text: &str) -> Value {
    let folder = root().join("tests/icalendar");
    let python = environment("icalendar", &folder.join("requirements.txt"), &["--require-hashes", "--no-deps"]);
    let mut reader = Command::new(python);
    reader.args(["-E", "-s", "-B"]).arg(folder.join("read.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut reader = reader.stderr(Stdio::inherit()).spawn().unwrap();
    reader.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = reader.wait_with_output().unwrap();
    assert!(output.status.success(), "{text}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_calendar_is_read_by_others_with_a_token_that_opens_nothing_else() {
    let jobs = [scheduled("nightly", "0 3 * * *"), scheduled("often", "*/5 * * * *"), scheduled("yearly", "0 0 1 1 *")];
    let home = home(&jobs.concat());
    let host = serve(&home);
    let make = |permission: &str| {
        let made =
            nomaflow(home.path(), &["--json", "token", "create", "calendar", "-p", permission, "--user", "admin"]);
        made.expect(0).json()["secret"].as_str().unwrap().to_owned()
    };
    let (token, strong) = (make("schedule:read"), make("job:*"));
    let fires = next(&home, "nightly", 2);
    nomaflow(home.path(), &["job", "skip-next", "nightly"]).expect(0);
    let window = ["scheduler", "maintenance", "add", "--from", "2099-01-01", "--to", "2099-01-02"];
    nomaflow(home.path(), &window).expect(0);
    let get = |path: &str| http(host.url(), "GET", path, &[], "");
    let (status, head, text) = get(&format!("/admin/schedule.ics?token={token}"));
    assert_eq!(status, 200, "{text}");
    assert!(head.to_lowercase().contains("content-type: text/calendar; charset=utf-8"), "{head}");
    let calendar = read(&text);
    let events = calendar["events"].as_array().unwrap();
    assert!(calendar["about"].as_str().unwrap().ends_with(": often"), "{calendar}");
    assert!((28..=30).contains(&events.len()), "{}", events.len());
    assert!(events.iter().all(|event| event["summary"] == "nightly"), "{calendar}");
    assert_eq!(events[0]["start"], fires[1].replace(".000Z", "+00:00"));
    let about = "À lire, ou pas; c'est selon\n0 3 * * * UTC";
    assert_eq!((&events[0]["description"], &events[0]["seconds"]), (&about.into(), &300.0.into()));
    let (_, _, again) = get(&format!("/admin/schedule.ics?token={token}&job=nightly"));
    assert_eq!(read(&again)["events"][0]["uid"], events[0]["uid"], "a fire keeps its name");
    assert_eq!(read(&get(&format!("/admin/schedule.ics?token={token}&job=yearly")).2)["events"], Value::Array(vec![]));
    // The token opens nothing else, a stronger one is not taken in an address, and a stranger gets nothing.
    let with =
        |token: &str, path: &str| http(host.url(), "GET", path, &[("Authorization", &format!("Bearer {token}"))], "").0;
    assert_eq!(with(&token, "/admin/jobs"), 403);
    assert_eq!(with(&token, "/admin/schedule"), 403);
    assert_eq!(with(&strong, "/admin/schedule.ics"), 200);
    assert_eq!(get(&format!("/admin/schedule.ics?token={strong}")).0, 403);
    assert_eq!(get("/admin/schedule.ics").0, 401);
    assert_eq!(get("/admin/schedule.ics?token=nmf_nonsense").0, 401);
    assert!(host.lines().iter().all(|line| !line.contains(&token)), "the token is in the log");
}

#[test]
fn a_condition_and_a_preset_decide_which_steps_run() {
    let jobs = r#"
[[jobs]]
id = "load"
params = { mode = "delta" }
[[jobs.presets]]
name = "full-load"
params = { mode = "full" }
[[jobs.steps]]
name = "ask"
type = "sql_query"
connector = "db"
query = "select 3 as n"
[[jobs.steps]]
name = "rebuild"
type = "sql_query"
connector = "db"
query = "select 1 as one"
when = "${params.mode} == 'full' and ${steps.ask.rows.0.n} > 2"
"#;
    let home = home(jobs);
    let host = serve(&home);
    let run = |more: &[&str]| {
        let id = nomaflow(home.path(), &[&["job", "run", "load", "--detach"], more].concat()).expect(0).out;
        let path = format!("/admin/jobs/runs/{}", id.trim());
        let document = || ask(&home, &host, "GET", &path, "").1;
        wait_until(SOON, || document()["run"]["status"] == "SUCCEEDED").or_panic("the run succeeds");
        document()
    };
    let delta = run(&[]);
    let step = &delta["steps"][1];
    assert_eq!((&step["status"], &step["reason"]), (&"CANCELED".into(), &"skipped: condition".into()));
    assert_eq!(step["input"]["when"]["values"]["${params.mode}"], "delta");
    let full = run(&["--preset", "full-load"]);
    assert_eq!(full["steps"][1]["status"], "SUCCEEDED", "{full}");
    assert_eq!(full["steps"][1]["input"]["when"]["result"], true);
    assert_eq!(ask(&home, &host, "GET", "/admin/jobs/load", "").1["presets"][0]["name"], "full-load");
    nomaflow(home.path(), &["job", "run", "load", "--preset", "fulload"]).expect(2).saying(&["full-load"]);
    home.write("plugins/test/jobs.toml", jobs.replace("== 'full'", "= 'full'")).unwrap();
    nomaflow(home.path(), &["check"]).expect(3).saying(&["condition-invalid", "write `==`"]);
}
