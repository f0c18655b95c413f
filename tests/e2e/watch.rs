//! Files that change under a running server: live within a second, a broken one takes nothing else down, and nothing
//! is read for files that are not ours.

use std::time::{Duration, Instant};

use crate::bad_input::guest;
use crate::plugin_text::large_plugin;
use crate::program::{CONNECTOR, ENDLESS_SELECT, home_with, latest_run, nomaflow, serve, sql_job};
use crate::server::{bearer, http, json_body};
use serde_json::{Value, json};
use test_support::{Host, TempHome, wait_until};

const SOON: Duration = Duration::from_secs(30);
/// The promise is a second; the rest is for a debug build on a busy machine.
const LIVE: Duration = Duration::from_secs(3);
/// Longer than any change takes to be noticed.
const NEVER: Duration = Duration::from_millis(1_500);

const ECHOES: &str =
    "[[jobs]]\nid = \"echoes\"\n[[jobs.steps]]\nname = \"s\"\ntype = \"wasm\"\ncallable = \"echo:run\"\n";

fn home(jobs: &str) -> TempHome {
    let home = home_with(jobs);
    home.write("connectors.toml", CONNECTOR).unwrap();
    home
}

/// A job's card.
fn card(host: &Host, home: &TempHome, id: &str) -> Option<Value> {
    let (status, _, body) = http(host.url(), "GET", "/admin/jobs", &[("Authorization", &bearer(home))], "");
    assert_eq!(status, 200, "{body}");
    json_body(&body)["jobs"].as_array().unwrap().iter().find(|card| card["id"] == id).cloned()
}

fn is_valid(host: &Host, home: &TempHome, id: &str) -> bool {
    card(host, home, id).is_some_and(|card| card["valid"] == true)
}

/// Fails unless `id` comes to be valid soon enough; how long it took.
#[track_caller]
fn goes_live(host: &Host, home: &TempHome, id: &str) -> Duration {
    let saved = Instant::now();
    wait_until(SOON, || is_valid(host, home, id)).or_panic(&format!("`{id}` goes live\n{}", host.lines().join("\n")));
    let took = saved.elapsed();
    assert!(took < LIVE, "`{id}` went live after {took:?}");
    took
}

fn readings(host: &Host) -> usize {
    host.lines().iter().filter(|line| line.contains("catalogue read")).count()
}

/// As careful editors save: beside the file, then over it.
fn save_by_rename(home: &TempHome, file: &str, text: &str) {
    let beside = home.write(&format!("{file}.new"), text).unwrap();
    std::fs::rename(beside, home.path().join(file)).unwrap();
}

#[test]
fn a_saved_file_is_live_within_a_second_however_it_is_saved() {
    let home = home(&sql_job("first", "select 1 as x"));
    let host = serve(&home);
    home.write("plugins/test/jobs.toml", sql_job("written", "select 2 as x")).unwrap();
    let written = goes_live(&host, &home, "written");
    assert_eq!(card(&host, &home, "first"), None, "what is no longer declared is gone");
    save_by_rename(&home, "plugins/test/jobs.toml", &sql_job("renamed", "select 3 as x"));
    let renamed = goes_live(&host, &home, "renamed");
    println!("live after {written:?} and {renamed:?}");
    nomaflow(home.path(), &["job", "run", "renamed"]).expect(0);
}

#[test]
fn a_broken_save_keeps_the_others_running_and_shows_the_finding_until_it_is_mended() {
    let home = home(&sql_job("good", "select 1 as x"));
    let host = serve(&home);
    let half = sql_job("good", "select 1 as x") + "\n[[jobs]]\nid = \"half\"\n[[jobs.steps]]\nname = \"q\nty";
    home.write("plugins/test/jobs.toml", half).unwrap();
    host.wait_for_line("not valid TOML", SOON).or_panic("the log tells");
    wait_until(SOON, || card(&host, &home, "half").is_some()).or_panic("the broken job is shown");
    let broken = card(&host, &home, "half").unwrap();
    assert_eq!(broken["valid"], false);
    assert_eq!(broken["problems"][0]["file"], "plugins/test/jobs.toml", "{broken}");
    assert!(is_valid(&host, &home, "good"));
    nomaflow(home.path(), &["job", "run", "good"]).expect(0);
    home.write("plugins/test/jobs.toml", sql_job("good", "select 1 as x") + &sql_job("half", "select 2 as x")).unwrap();
    goes_live(&host, &home, "half");
}

#[test]
fn a_component_dropped_in_makes_its_job_valid() {
    let home = home(ECHOES);
    let host = serve(&home);
    assert_eq!(card(&host, &home, "echoes").unwrap()["valid"], false, "its component is missing");
    home.write("plugins/test/echo.wasm", guest("echo")).unwrap();
    wait_until(SOON, || is_valid(&host, &home, "echoes")).or_panic("the job becomes valid");
    nomaflow(home.path(), &["job", "run", "echoes"]).expect(0);
    std::fs::remove_file(home.path().join("plugins/test/echo.wasm")).unwrap();
    wait_until(SOON, || !is_valid(&host, &home, "echoes")).or_panic("and invalid when it goes");
}

/// Codes of what is found about a job.
fn findings(host: &Host, home: &TempHome, id: &str) -> Vec<String> {
    let card = card(host, home, id).unwrap_or_default();
    card["problems"].as_array().into_iter().flatten().map(|it| it["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn while_a_large_component_is_compiled_everything_else_goes_on_and_a_stop_does_not_wait() {
    let text = "[[jobs]]\nid = \"large\"\n[[jobs.steps]]\nname = \"s\"\ntype = \"wasm\"\ncallable = \"text:run\"\n";
    let home = home(&(sql_job("good", "select 1 as x") + text));
    let host = serve(&home);
    home.write("plugins/test/text.wasm", large_plugin("{}")).unwrap();
    wait_until(SOON, || findings(&host, &home, "large") == ["component-compiling"]).or_panic("it is being compiled");
    assert!(is_valid(&host, &home, "large"), "nothing is wrong with it so far");
    home.write("plugins/test/jobs.toml", sql_job("added", "select 2 as x") + text).unwrap();
    goes_live(&host, &home, "added");
    let ready = wait_until(4 * SOON, || findings(&host, &home, "large").is_empty());
    ready.or_panic(&format!("it is ready, and nobody had to ask\n{}", host.lines().join("\n")));
    nomaflow(home.path(), &["job", "run", "large"]).expect(0);
    home.write("plugins/test/text.wasm", large_plugin("[]")).unwrap();
    wait_until(SOON, || findings(&host, &home, "large") == ["component-compiling"]).or_panic("the next one is");
    let asked = Instant::now();
    assert!(host.stop(SOON).unwrap().success());
    println!("stopped after {:?}", asked.elapsed());
    let finished = std::fs::read_dir(home.path().join("data/components")).unwrap().flatten();
    let n_entries = finished.filter(|entry| entry.path().extension().is_some_and(|it| it == "cwasm")).count();
    assert_eq!(n_entries, 1, "the second one was not waited for");
}

#[test]
fn a_bad_component_nobody_names_is_reported_and_harms_nothing() {
    let home = home(&(sql_job("good", "select 1 as x") + ECHOES));
    home.write("plugins/test/echo.wasm", guest("echo")).unwrap();
    let host = serve(&home);
    goes_live(&host, &home, "echoes");
    nomaflow(home.path(), &["check"]).expect(0);
    let whole = guest("rows");
    home.write("plugins/test/late.wasm", &whole[..whole.len() / 2]).unwrap();
    host.wait_for_line("component `plugins/test/late.wasm` is damaged", SOON).or_panic("the log tells");
    let checked = nomaflow(home.path(), &["check"]);
    assert_ne!(checked.code, 0, "{}", checked.all());
    checked.saying(&["plugins/test/late.wasm", "is damaged", "build or copy the file again"]);
    home.write("plugins/test/echo.toml", "[grants]\nstat = true\n").unwrap();
    host.wait_for_line("plugins/test/echo.toml:2:1: unknown key `stat`", SOON).or_panic("so do its grants");
    wait_until(SOON, || !is_valid(&host, &home, "echoes")).or_panic("a job that needs them is invalid");
    nomaflow(home.path(), &["job", "run", "good"]).expect(0);
    home.write("plugins/test/late.wasm", &whole).unwrap();
    home.write("plugins/test/echo.toml", "[grants]\nstate = true\n").unwrap();
    goes_live(&host, &home, "echoes");
    nomaflow(home.path(), &["job", "run", "echoes"]).expect(0);
    nomaflow(home.path(), &["check"]).expect(0);
}

#[test]
fn connectors_and_python_modules_count_too() {
    let python =
        "[[jobs]]\nid = \"py\"\n[[jobs.steps]]\nname = \"s\"\ntype = \"python\"\ncallable = \"late.work:run\"\n";
    let home = home_with(&(sql_job("asks", "select 1 as x") + python));
    let host = serve(&home);
    assert!(!is_valid(&host, &home, "asks") && !is_valid(&host, &home, "py"));
    home.write("connectors.toml", CONNECTOR).unwrap();
    goes_live(&host, &home, "asks");
    // In a package that was not there before.
    home.write("plugins/test/late/work.py", "def run(ctx):\n    return {}\n").unwrap();
    goes_live(&host, &home, "py");
}

#[test]
fn apps_come_and_go_with_their_folders() {
    let home = home(&sql_job("first", "select 1 as x"));
    let host = serve(&home);
    home.write("plugins/second/jobs.toml", sql_job("second", "select 2 as x")).unwrap();
    goes_live(&host, &home, "second");
    home.write("plugins/second/jobs.toml", sql_job("changed", "select 2 as x")).unwrap();
    goes_live(&host, &home, "changed");
    let (second, away) = (home.path().join("plugins/second"), home.path().join("data/away"));
    std::fs::rename(&second, &away).unwrap();
    wait_until(SOON, || card(&host, &home, "changed").is_none()).or_panic("the app is gone");
    std::fs::rename(&away, &second).unwrap();
    goes_live(&host, &home, "changed");
    home.write("plugins/second/jobs.toml", sql_job("again", "select 2 as x")).unwrap();
    goes_live(&host, &home, "again");
    std::fs::remove_dir_all(home.path().join("plugins")).unwrap();
    wait_until(SOON, || card(&host, &home, "first").is_none()).or_panic("no app is left");
    home.write("plugins/third/jobs.toml", sql_job("third", "select 2 as x")).unwrap();
    goes_live(&host, &home, "third");
}

#[test]
fn a_linked_app_is_watched_where_it_really_is() {
    let home = home("");
    let elsewhere = TempHome::new().unwrap();
    elsewhere.write("one/jobs.toml", sql_job("one", "select 1 as x")).unwrap();
    elsewhere.write("two/jobs.toml", sql_job("two", "select 1 as x")).unwrap();
    let host = serve(&home);
    let link = home.path().join("plugins/linked");
    std::os::unix::fs::symlink(elsewhere.path().join("one"), &link).unwrap();
    goes_live(&host, &home, "one");
    elsewhere.write("one/jobs.toml", sql_job("one-more", "select 1 as x")).unwrap();
    goes_live(&host, &home, "one-more");
    // The link turned to another folder, as a deployment does.
    let beside = home.path().join("data/beside");
    std::os::unix::fs::symlink(elsewhere.path().join("two"), &beside).unwrap();
    std::fs::rename(&beside, &link).unwrap();
    goes_live(&host, &home, "two");
    elsewhere.write("two/jobs.toml", sql_job("two-more", "select 1 as x")).unwrap();
    goes_live(&host, &home, "two-more");
    // The folder itself goes and comes back, which only its parent could tell.
    std::fs::remove_dir_all(elsewhere.path().join("two")).unwrap();
    wait_until(SOON, || card(&host, &home, "two-more").is_none()).or_panic("the app is gone");
    elsewhere.write("two/jobs.toml", sql_job("back", "select 1 as x")).unwrap();
    wait_until(SOON, || is_valid(&host, &home, "back")).or_panic("the app is back");
}

#[test]
fn a_run_in_flight_keeps_its_definition() {
    let home = home(&sql_job("slow", ENDLESS_SELECT));
    let host = serve(&home);
    let run = nomaflow(home.path(), &["job", "run", "slow", "--detach"]).expect(0).out.trim().to_owned();
    home.write("plugins/test/jobs.toml", sql_job("other", "select 1 as x")).unwrap();
    goes_live(&host, &home, "other");
    let state = |run: &str| nomaflow(home.path(), &["--json", "run", "show", run]).expect(0).json();
    wait_until(SOON, || state(&run)["run"]["status"] == "RUNNING").or_panic("it goes on");
    nomaflow(home.path(), &["job", "cancel", &run]).expect(0);
    wait_until(SOON, || state(&run)["run"]["status"] == "CANCELED").or_panic("and can be stopped");
    nomaflow(home.path(), &["job", "run", "other"]).expect(0);
    assert_eq!(latest_run(home.path(), false, "other")["status"], json!("SUCCEEDED"));
}

#[test]
fn files_that_are_not_ours_cause_no_reading() {
    let home = home(&sql_job("good", "select 1 as x"));
    let host = serve(&home);
    nomaflow(home.path(), &["job", "run", "good"]).expect(0);
    let before = readings(&host);
    for file in ["test/.jobs.toml.swp", "test/jobs.toml~", "test/4913", "test/__pycache__/x.toml", ".git/x.toml"] {
        home.write(&format!("plugins/{file}"), "x").unwrap();
    }
    home.write("data/note.toml", "x").unwrap();
    home.write("app.toml", "").unwrap();
    assert_eq!(wait_until(NEVER, || readings(&host) > before), test_support::Waited::InVain, "{:?}", host.lines());
    home.write("plugins/test/jobs.toml", sql_job("better", "select 1 as x")).unwrap();
    goes_live(&host, &home, "better");
}

#[test]
fn a_burst_of_changes_is_read_a_few_times_only() {
    let home = home(&sql_job("good", "select 1 as x"));
    let host = serve(&home);
    let before = readings(&host);
    for n in 0..200 {
        home.write(&format!("plugins/app-{n}/jobs.toml"), sql_job(&format!("job-{n}"), "select 1 as x")).unwrap();
    }
    wait_until(SOON, || is_valid(&host, &home, "job-0") && is_valid(&host, &home, "job-199")).or_panic("all are live");
    let times = readings(&host) - before;
    assert!(times <= 5, "{times} readings for one burst");
}

#[test]
fn watching_can_be_turned_off() {
    let home = home(&sql_job("good", "select 1 as x"));
    home.write("app.toml", "[server]\nwatch = false\n").unwrap();
    let host = serve(&home);
    home.write("plugins/test/jobs.toml", sql_job("later", "select 1 as x")).unwrap();
    assert_eq!(wait_until(NEVER, || is_valid(&host, &home, "later")), test_support::Waited::InVain);
    nomaflow(home.path(), &["reload"]).expect(0);
    assert!(is_valid(&host, &home, "later"));
}
