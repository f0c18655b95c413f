//! Which component is in force: approvals of what it asks for, installations, versions, trials and what calls used.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::{Host, TempHome, wait_until};

use crate::bad_input::guest;
use crate::program::{home_with, latest_run, nomaflow, root, serve};
use crate::server::{bearer, http, json_body};

const SOON: Duration = Duration::from_secs(30);

const CALLS: &str = "[[jobs]]\nid = \"calls\"\n[[jobs.steps]]\nname = \"s\"\ntype = \"wasm\"\ncallable = \"guest:run\"\nop_kwargs = { a = 1 }\n";

fn component(name: &str) -> PathBuf {
    root().join("target/components").join(name).with_extension("wasm")
}

fn ask(host: &Host, home: &TempHome, method: &str, path: &str, body: &str) -> (u16, Value) {
    let headers = [("Authorization", bearer(home)), ("Content-Type", "application/json".to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (status, _, body) = http(host.url(), method, path, &headers, body);
    (status, json_body(&body))
}

/// The plugin `guest` as the page sees it.
fn guest_of(host: &Host, home: &TempHome) -> Value {
    let (_, answer) = ask(host, home, "GET", "/admin/plugins", "");
    answer["plugins"].as_array().unwrap().iter().find(|it| it["name"] == "guest").cloned().unwrap_or_default()
}

/// The job `calls` as the catalogue shows it.
fn card_of(host: &Host, home: &TempHome) -> Value {
    let (_, answer) = ask(host, home, "GET", "/admin/jobs", "");
    answer["jobs"].as_array().unwrap().iter().find(|it| it["id"] == "calls").cloned().unwrap_or_default()
}

fn becomes(host: &Host, home: &TempHome, state: &str) {
    wait_until(SOON, || guest_of(host, home)["state"] == state)
        .or_panic(&format!("it becomes {state}: {}", guest_of(host, home)));
}

/// Puts a component over the one of `guest`, as somebody does by hand.
fn drop_in(home: &TempHome, name: &str) {
    let beside = home.write("plugins/test/guest.wasm.new", guest(name)).unwrap();
    std::fs::rename(beside, home.path().join("plugins/test/guest.wasm")).unwrap();
}

fn versions(home: &TempHome) -> Vec<Value> {
    let answer = nomaflow(home.path(), &["--json", "plugin", "versions", "guest"]).expect(0).json();
    answer["versions"].as_array().unwrap().clone()
}

#[test]
fn a_dropped_component_that_asks_for_more_is_blocked_until_somebody_approves_it() {
    let home = home_with(CALLS);
    drop_in(&home, "echo");
    let host = serve(&home);
    becomes(&host, &home, "loaded");
    nomaflow(home.path(), &["job", "run", "calls"]).expect(0).saying(&["SUCCEEDED"]);
    wait_until(SOON, || !versions(&home).is_empty() && versions(&home)[0]["kept"] == true).or_panic("it is kept");
    assert_eq!(versions(&home)[0]["approved_by"], "file", "the first is approved by whoever put it there");

    drop_in(&home, "denied");
    becomes(&host, &home, "blocked");
    assert_eq!(guest_of(&host, &home)["unapproved"], json!(["sql"]));
    let card = || card_of(&host, &home);
    wait_until(SOON, || card()["problems"].to_string().contains("asks for more than was approved"))
        .or_panic("the job's card tells");
    assert_eq!(card()["valid"], true, "{}", card());
    nomaflow(home.path(), &["job", "run", "calls"]).expect(1);
    let error = latest_run(home.path(), false, "calls")["error"].as_str().unwrap().to_owned();
    assert!(error.contains("asks for more than was approved: `sql`"), "{error}");

    let digest = guest_of(&host, &home)["digest"].as_str().unwrap().to_owned();
    let stale = ask(&host, &home, "POST", "/admin/plugins/guest/approve", r#"{"digest": "0000"}"#);
    assert_eq!(stale.0, 409, "{}", stale.1);
    nomaflow(home.path(), &["plugin", "approve", "guest", "--digest", &digest])
        .expect(0)
        .saying(&["is approved; it asks for: sql"]);
    becomes(&host, &home, "loaded");
    nomaflow(home.path(), &["job", "run", "calls"]).expect(1);
    let error = latest_run(home.path(), false, "calls")["error"].as_str().unwrap().to_owned();
    assert!(!error.contains("approved"), "now it is its own failure: {error}");
    host.stop(SOON).unwrap();

    // What was approved holds after a restart, and what was approved once for a name stays so.
    drop_in(&home, "echo");
    let host = serve(&home);
    becomes(&host, &home, "loaded");
    drop_in(&home, "denied");
    wait_until(SOON, || guest_of(&host, &home)["digest"] == digest.as_str()).or_panic("it is in force");
    becomes(&host, &home, "loaded");
    host.stop(SOON).unwrap();
}

#[test]
fn an_installation_is_looked_at_before_it_counts_and_can_be_taken_back() {
    let home = home_with(CALLS);
    let host = serve(&home);
    let (echo, denied, zoo) = (component("echo"), component("denied"), component("zoo"));
    let install = |file: &PathBuf, more: &[&str]| {
        let mut arguments = vec!["plugin", "install", file.to_str().unwrap(), "--name", "guest"];
        arguments.extend(more);
        nomaflow(home.path(), &arguments)
    };
    install(&echo, &[]).expect(2).saying(&["its app has to be named"]);
    install(&echo, &["--app", "../elsewhere"]).expect(2).saying(&["is no name of an app"]);
    install(&echo, &["--app", "test", "--dry-run"]).expect(0).saying(&["nothing was changed"]);
    assert!(!home.path().join("plugins/test/guest.wasm").exists());
    install(&echo, &["--app", "test"]).expect(0).saying(&["plugins/test/guest.wasm", "installed"]);
    nomaflow(home.path(), &["job", "run", "calls"]).expect(0).saying(&["SUCCEEDED"]);

    let before = home.path().join("plugins/test/guest.wasm");
    let was = std::fs::read(&before).unwrap();
    let text = home.write("no.wasm", "not a component").unwrap();
    install(&text, &[]).expect(3).saying(&["plugins/test/guest.wasm", "is not a component: it is a text file"]);
    install(&component("wrong-world"), &[]).expect(3).saying(&["does not fit this host"]);
    install(&denied, &[]).expect(1).saying(&["asks for more than was approved: `sql`", "--approve"]);
    install(&zoo, &["--approve"]).expect(1).saying(&["a job would break: `calls`", "--break-jobs"]);
    install(&echo, &["--app", "other"]).expect(2).saying(&["is in app `test` already"]);
    assert_eq!(std::fs::read(&before).unwrap(), was, "nothing of that changed it");
    assert_eq!(
        std::fs::read_dir(home.path().join("plugins/test"))
            .unwrap()
            .filter(|entry| { entry.as_ref().unwrap().file_name().to_string_lossy().contains("new") })
            .count(),
        0
    );
    let uploads = |home: &TempHome| {
        let data = std::fs::read_dir(home.path().join("data")).unwrap();
        data.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("upload-")).count()
    };
    assert_eq!(uploads(&home), 0);

    let told = "breaks job calls: component `plugins/test/guest.wasm` has no callable `run`";
    install(&zoo, &["--approve", "--break-jobs"]).expect(0).saying(&[told, "installed"]);
    // A component that is not compiled in time is looked at when it is.
    wait_until(SOON, || card_of(&host, &home)["valid"] == false).or_panic("the job is shown as broken");
    nomaflow(home.path(), &["plugin", "rollback", "guest", "--dry-run"]).expect(0).saying(&["mends jobs: calls"]);
    nomaflow(home.path(), &["plugin", "rollback", "guest"]).expect(0).saying(&["installed"]);
    assert_eq!(std::fs::read(&before).unwrap(), was);
    nomaflow(home.path(), &["job", "run", "calls"]).expect(0).saying(&["SUCCEEDED"]);
    nomaflow(home.path(), &["plugin", "versions", "guest"]).expect(0).saying(&["in force", "kept"]);
    let list = versions(&home);
    assert_eq!(list.iter().map(|it| it["in_force"].as_bool().unwrap()).collect::<Vec<_>>(), [true, false]);
    nomaflow(home.path(), &["plugin", "rollback", "guest", "--to", "ffffffff"]).expect(4);

    let kept = nomaflow(home.path(), &["--json", "audit", "list", "--limit", "50"]).expect(0).json().to_string();
    for part in ["plugins.component.put", "plugins.rollback", list[0]["digest"].as_str().unwrap()] {
        assert!(kept.contains(part), "`{part}` is not in the trail");
    }
    host.stop(SOON).unwrap();
}

#[test]
fn a_job_that_pins_a_version_calls_it_whatever_is_in_force_and_says_when_it_is_gone() {
    let home = home_with(CALLS);
    drop_in(&home, "echo");
    let host = serve(&home);
    becomes(&host, &home, "loaded");
    wait_until(SOON, || !versions(&home).is_empty() && versions(&home)[0]["kept"] == true).or_panic("it is kept");
    let digest = versions(&home)[0]["digest"].as_str().unwrap().to_owned();
    let pin = |digest: &str| {
        let pinned = CALLS.replacen("[[jobs.steps]]", &format!("[jobs.pins]\nguest = \"{digest}\"\n[[jobs.steps]]"), 1);
        home.write("plugins/test/jobs.toml", pinned).unwrap();
    };
    pin(&digest[..12]);
    nomaflow(home.path(), &["reload"]).expect(0);

    // The one in force has no callable `run`.
    drop_in(&home, "zoo");
    wait_until(SOON, || {
        guest_of(&host, &home)["digest"] != digest.as_str() && guest_of(&host, &home)["state"] == "blocked"
    })
    .or_panic("another is in force");
    nomaflow(home.path(), &["reload"]).expect(0);
    assert_eq!(card_of(&host, &home)["valid"], true, "{}", card_of(&host, &home));
    nomaflow(home.path(), &["job", "run", "calls"]).expect(0).saying(&["SUCCEEDED"]);
    let run = latest_run(home.path(), false, "calls")["id"].as_str().unwrap().to_owned();
    let (_, shown) = ask(&host, &home, "GET", &format!("/admin/jobs/runs/{run}"), "");
    let step = &shown["steps"][0];
    assert_eq!(step["usage"]["component_sha256"], digest.as_str(), "{shown}");
    assert_eq!(step["input"]["pin"], digest[..12], "{shown}");
    let of = |digest: &str| versions(&home).into_iter().find(|it| it["digest"] == digest).unwrap();
    assert_eq!((&of(&digest)["pinned_by"], &of(&digest)["in_force"]), (&json!(["calls"]), &json!(false)));
    nomaflow(home.path(), &["plugin", "versions", "guest"]).expect(0).saying(&["PINNED BY", "calls"]);

    // Without its file the run says so, and a reading of the files does.
    std::fs::remove_file(home.path().join("data/plugin-versions/guest").join(&digest).with_extension("wasm")).unwrap();
    nomaflow(home.path(), &["job", "run", "calls"]).expect(1);
    let error = latest_run(home.path(), false, "calls")["error"].as_str().unwrap().to_owned();
    assert!(error.contains(&format!("component `guest` has no version `{}` here", &digest[..12])), "{error}");
    nomaflow(home.path(), &["check"]).expect(3).saying(&["pin-missing", "nomaflow plugin versions guest"]);
    host.stop(SOON).unwrap();
}

#[test]
fn names_that_lead_elsewhere_install_nothing() {
    let home = home_with("");
    let host = serve(&home);
    for name in ["..", "..%2Fx", "%2Fetc%2Fx", ".hidden", "a%00b", "-x", "_x"] {
        let (status, answer) = ask(&host, &home, "PUT", &format!("/admin/plugins/{name}/component?app=test"), "\0asm");
        assert!(matches!(status, 404 | 405 | 422), "{name}: {status} {answer}");
    }
    for app in ["..", "../..", "%2Ftmp", "", ".git"] {
        let (status, answer) = ask(&host, &home, "PUT", &format!("/admin/plugins/x/component?app={app}"), "\0asm");
        assert_eq!(status, 422, "{app}: {answer}");
    }
    let plugins: Vec<_> = std::fs::read_dir(home.path().join("plugins")).unwrap().collect();
    assert_eq!(plugins.len(), 1, "{plugins:?}");
    host.stop(SOON).unwrap();
}

#[test]
fn a_trial_tells_result_and_log_and_calls_of_jobs_are_counted() {
    let home = home_with(CALLS);
    drop_in(&home, "echo");
    let host = serve(&home);
    becomes(&host, &home, "loaded");
    let body = json!({ "callable": "guest:run", "params": { "a": 7 } }).to_string();
    let (status, trial) = ask(&host, &home, "POST", "/admin/plugins/guest/try", &body);
    assert_eq!((status, &trial["ok"], &trial["error"]), (200, &json!(true), &Value::Null), "{trial}");
    assert_eq!(trial["output"]["a"], 7, "{trial}");
    assert!(trial["usage"]["peak_memory_bytes"].as_u64().unwrap() > 0);
    let other = json!({ "callable": "words:run" }).to_string();
    assert_eq!(ask(&host, &home, "POST", "/admin/plugins/guest/try", &other).0, 422);
    assert_eq!(ask(&host, &home, "GET", "/admin/jobs/runs", "").1["runs"].as_array().unwrap().len(), 0);

    for _ in 0..3 {
        nomaflow(home.path(), &["job", "run", "calls"]).expect(0);
    }
    let stats = nomaflow(home.path(), &["--json", "plugin", "stats", "guest"]).expect(0).json();
    assert_eq!((&stats["all"]["calls"], &stats["all"]["failed"]), (&json!(3), &json!(0)), "{stats}");
    assert!(stats["all"]["wall_p95_ms"].as_f64().unwrap() >= stats["all"]["wall_p50_ms"].as_f64().unwrap());
    assert_eq!(stats["versions"][0]["digest"], guest_of(&host, &home)["digest"]);
    nomaflow(home.path(), &["plugin", "stats", "guest"]).expect(0).saying(&["VERSION", "all", "P95"]);
    host.stop(SOON).unwrap();
}

#[test]
fn a_trial_writes_nothing_although_the_plugin_may() {
    let home = home_with("");
    home.write("connectors.toml", crate::program::CONNECTOR.replace(".db]", ".c]").replace("\"db\"", "\"c\"")).unwrap();
    // An empty file is an empty database.
    home.write("data/test.db", "").unwrap();
    home.write("plugins/test/guest.toml", "[grants.connectors]\nc = \"read-write\"\n").unwrap();
    drop_in(&home, "zoo");
    let host = serve(&home);
    becomes(&host, &home, "loaded");
    let body = json!({ "callable": "guest:booleans", "params": { "n": 1 } }).to_string();
    let (status, trial) = ask(&host, &home, "POST", "/admin/plugins/guest/try", &body);
    assert_eq!((status, &trial["ok"]), (200, &json!(false)), "{trial}");
    assert!(trial["error"]["message"].as_str().unwrap().contains("granted for reading"), "{trial}");
    let body = json!({ "callable": "guest:rows", "params": { "statement": "select 1 as one", "max": 1 } }).to_string();
    let (_, trial) = ask(&host, &home, "POST", "/admin/plugins/guest/try", &body);
    assert_eq!(trial["output"]["sizes"], json!([1]), "reading is what it may: {trial}");
    host.stop(SOON).unwrap();
}
