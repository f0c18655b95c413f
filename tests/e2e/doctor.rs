//! `nomaflow doctor`, completions, manual pages, and the program under the seeds' name.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;
use test_support::{Host, TempHome};

use crate::program::{BINARY, CONNECTOR, home_with, nomaflow};
use crate::secrets::piped;

fn findings(home: &TempHome, code: i32) -> Vec<Value> {
    let answer = nomaflow(home.path(), &["--json", "doctor"]).expect(code).json();
    answer["findings"].as_array().unwrap().clone()
}

fn of<'f>(all: &'f [Value], area: &str) -> Vec<(&'f str, &'f str)> {
    let of_area = all.iter().filter(|found| found["area"] == area);
    of_area.map(|found| (found["state"].as_str().unwrap(), found["text"].as_str().unwrap())).collect()
}

#[test]
fn a_healthy_home_has_nothing_to_mend() {
    let home = home_with("");
    home.write("connectors.toml", CONNECTOR).unwrap();
    let all = findings(&home, 0);
    for area in ["settings", "jobs", "disk", "keys", "store", "python"] {
        assert!(of(&all, area).iter().all(|(state, _)| *state == "ok"), "{area}: {all:?}");
        assert!(!of(&all, area).is_empty(), "{area} was not looked at");
    }
    assert!(of(&all, "connectors")[0].1.contains("answers in"), "{all:?}");
    assert_eq!(of(&all, "server"), [("note", "no server of this home is running")]);
    nomaflow(home.path(), &["doctor"]).expect(0).saying(&["nothing stands in the way"]);
}

#[test]
fn a_running_server_is_asked_how_it_is() {
    let home = home_with("");
    let host = Host::start(BINARY, home.path()).unwrap();
    let all = findings(&home, 0);
    let server = of(&all, "server");
    assert!(server[0].0 == "ok" && server[0].1.contains("0 runs in flight"), "{server:?}");
    drop(host);
}

#[test]
fn whatever_is_wrong_is_named_with_what_to_do() {
    let home = home_with("[[jobs]]\nid = \"broken\"\n\n[[jobs.steps]]\nname = \"a\"\ntype = \"sqlquery\"\n");
    home.write("connectors.toml", "[pools.far]\nurl = \"postgres://nobody@127.0.0.1:1/x\"\n\n[connectors.far]\n")
        .unwrap();
    home.write("app.toml", "[python]\ninterpreter = \"/nowhere/python\"\n").unwrap();
    let all = findings(&home, 1);
    assert!(of(&all, "jobs").contains(&("BAD", "1 of 1 jobs cannot run")), "{all:?}");
    assert!(of(&all, "connectors").iter().any(|(state, text)| *state == "BAD" && text.contains("`far`")), "{all:?}");
    // No job wants Python, so its absence is worth a note only.
    assert!(of(&all, "python")[0].0 == "note" && of(&all, "python")[0].1.contains("/nowhere/python"), "{all:?}");
    let advised = all.iter().filter(|found| found["state"] == "BAD").all(|found| found["advice"].is_string());
    assert!(advised, "{all:?}");
    nomaflow(home.path(), &["doctor"]).expect(1).saying(&["to mend", "→ nomaflow check", "connector test far"]);
    home.write("app.toml", "[jobs]\nhistory_days = -1\n").unwrap();
    let all = findings(&home, 1);
    assert_eq!(of(&all, "settings"), [("BAD", "1 error in app.toml or its environment")]);
    assert_eq!(of(&all, "store"), [("note", "not looked at while the settings are wrong")]);
}

#[test]
fn secrets_that_the_key_of_a_home_does_not_open_are_something_to_mend() {
    let home = home_with("");
    assert!(of(&findings(&home, 0), "keys")[0].1.contains("there is no key yet"));
    piped(home.path(), &["--local", "secret", "set", "DB"], "hunter2").expect(0);
    assert!(of(&findings(&home, 0), "keys")[0].1.starts_with("the key of the secrets is in"));
    let key = home.path().join("data/secrets.key");
    std::fs::rename(&key, home.path().join("elsewhere")).unwrap();
    // As after a restore without the key: there is none, and a server that is started too soon makes another.
    for has_other in [false, true] {
        if has_other {
            nomaflow(home.path(), &["--local", "secret", "genkey"]).expect(0);
        }
        let all = findings(&home, 1);
        let closed = of(&all, "keys").into_iter().find(|(state, _)| *state == "BAD").unwrap();
        assert!(closed.1.starts_with("1 of 1 stored secrets stay closed") && closed.1.ends_with(": `DB`"), "{all:?}");
    }
    nomaflow(home.path(), &["doctor"]).expect(1).saying(&["→ put the key that belongs to this store in its place"]);
    std::fs::rename(home.path().join("elsewhere"), &key).unwrap();
    findings(&home, 0);
}

#[test]
fn one_mistake_is_one_thing_to_mend() {
    let home = home_with("");
    piped(home.path(), &["--local", "secret", "set", "DB"], "hunter2").expect(0);
    let key = home.path().join("data/secrets.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let said = nomaflow(home.path(), &["doctor"]).expect(1);
    said.saying(&[
        "others may read",
        "→ chmod 600 ",
        "not looked at while the key cannot be read",
        "\n1 thing to mend",
    ]);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    home.write("app.toml", "[store]\nurl = \"postgres://nobody@127.0.0.1:1/x\"\n").unwrap();
    nomaflow(home.path(), &["doctor"]).expect(1).saying(&["cannot be reached", "\n1 thing to mend"]);
}

#[test]
fn shells_complete_and_manuals_are_written() {
    let home = home_with("");
    for (shell, mark) in [("bash", "_nomaflow()"), ("zsh", "#compdef nomaflow"), ("fish", "complete -c nomaflow")] {
        nomaflow(home.path(), &["completions", shell]).expect(0).saying(&[mark, "doctor"]);
    }
    let pages = home.path().join("man");
    nomaflow(home.path(), &["man", pages.to_str().unwrap()]).expect(0).saying(&["pages in"]);
    let told = nomaflow(home.path(), &["--json", "man", pages.to_str().unwrap()]).expect(0).json();
    assert!(told["pages"].as_u64().unwrap() > 50 && told["dir"] == pages.to_str().unwrap(), "{told}");
    let page = std::fs::read_to_string(pages.join("nomaflow-job-run.1")).unwrap();
    assert!(page.contains("Run a job and follow it to its end"), "{page}");
}

#[test]
fn the_program_answers_to_the_name_of_the_seeds() {
    let home = home_with("");
    let link = home.path().join("liberty-admin");
    std::os::unix::fs::symlink(BINARY, &link).unwrap();
    let help = Command::new(&link).arg("--help").output().unwrap();
    assert!(String::from_utf8_lossy(&help.stdout).contains("Usage: liberty-admin"));
    let script = Command::new(&link).args(["completions", "bash"]).output().unwrap();
    assert!(String::from_utf8_lossy(&script.stdout).contains("liberty-admin"));
}
