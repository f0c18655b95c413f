//! The catalogue written from outside: saved, refused, switched, renamed, exported and taken over, with a server that
//! lives through all of it.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::{Host, TempHome, wait_until};

use crate::ask::ask;
use crate::program::{CONNECTOR, command, home_with, nomaflow, serve, sql_job};

const SOON: Duration = Duration::from_secs(30);

const FILE: &str = "plugins/test/jobs.toml";

/// A home with a comment over its first job, and a server on it.
fn house() -> (TempHome, Host) {
    let jobs =
        format!("# Runs every night.\n{}\n{}", sql_job("first", "select 1 as x"), sql_job("second", "select 2 as x"));
    let home = home_with(&jobs);
    home.write("connectors.toml", CONNECTOR).unwrap();
    let host = serve(&home);
    (home, host)
}

#[test]
fn a_saved_job_is_in_force_in_the_answer_and_its_neighbors_are_untouched() {
    let (home, host) = house();
    let before = home.read(FILE).unwrap();
    let source = ask(&home, &host, "GET", "/admin/jobs/first/source", None, None);
    assert_eq!((source.status, source.body["vendor"].clone()), (200, json!(false)));
    assert!(source.body["text"].as_str().unwrap().starts_with("# Runs every night.\n[[jobs]]\n"));
    let mut job = source.body["job"].clone();
    job["schedule"] = "0 3 * * *".into();
    let without = ask(&home, &host, "PUT", "/admin/jobs/first", None, Some(&json!({ "job": job })));
    assert_eq!(without.status, 428);
    let saved = ask(&home, &host, "PUT", "/admin/jobs/first", Some(&source.etag), Some(&json!({ "job": job })));
    assert_eq!(saved.status, 200, "{:#}", saved.body);
    let shown = ask(&home, &host, "GET", "/admin/jobs/first", None, None).body;
    assert_eq!(shown["schedule"], "0 3 * * *");
    assert!(shown["next_run_at"].is_string(), "the scheduler was told: {shown:#}");
    assert_eq!(home.read(FILE).unwrap().replacen("schedule = \"0 3 * * *\"\n", "", 1), before);
    // Who read before cannot write over it, and hears who was there.
    let stale = ask(&home, &host, "PUT", "/admin/jobs/first", Some(&source.etag), Some(&json!({ "job": job })));
    assert_eq!((stale.status, stale.body["by"].clone()), (409, json!("admin")));
    assert!(stale.body["type"].as_str().unwrap().ends_with(":stale"));
    assert_eq!((stale.body["current"]["etag"].clone(), stale.etag.as_str()), (json!(saved.etag), ""));
    // A new one, and the same once more.
    let new = json!({ "app": "test", "text": sql_job("third", "select 3 as x") });
    assert_eq!(ask(&home, &host, "POST", "/admin/jobs", None, Some(&new)).status, 201);
    assert_eq!(ask(&home, &host, "POST", "/admin/jobs", None, Some(&new)).status, 409);
    nomaflow(home.path(), &["job", "run", "third"]).expect(0);
    for app in ["..", "a/b", ""] {
        let wrong = json!({ "app": app, "text": sql_job("fourth", "select 1") });
        let refused = ask(&home, &host, "POST", "/admin/jobs", None, Some(&wrong)).status;
        assert_eq!(refused, 422, "{app}");
    }
    assert_eq!(ask(&home, &host, "DELETE", "/admin/jobs/third", None, None).body, json!({ "deleted": "third" }));
    assert_eq!(ask(&home, &host, "GET", "/admin/jobs/third", None, None).status, 404);
    assert_eq!(host.stop(SOON).unwrap().code(), Some(0));
}

#[test]
fn a_job_with_an_error_is_not_saved_and_each_finding_names_its_field() {
    let (home, host) = house();
    let before = home.read(FILE).unwrap();
    let job = json!({
        "id": "first", "schedule": "0 25 * * *", "timezone": "Europe/Pariss",
        "steps": [{ "name": "q", "type": "sql_query", "connector": "bd" }, { "name": "q", "type": "sql_query", "qery": 1 }],
    });
    let looked =
        ask(&home, &host, "POST", "/admin/jobs/validate", None, Some(&json!({ "job": job, "replaces": "first" })));
    assert_eq!((looked.status, looked.body["valid"].clone()), (200, json!(false)));
    let problems = looked.body["problems"].as_array().unwrap();
    let at =
        |pointer: &str, code: &str| problems.iter().any(|found| found["pointer"] == pointer && found["code"] == code);
    for (pointer, code) in [
        ("/schedule", "schedule-invalid"),
        ("/timezone", "unknown-timezone"),
        ("/steps/0/connector", "unknown-connector"),
        ("/steps/0/query", "missing-field"),
        ("/steps/1/connector", "missing-field"),
        ("/steps/1/name", "duplicate-name"),
        ("/steps/1/qery", "unknown-key"),
    ] {
        assert!(at(pointer, code), "{pointer} {code} is missing in {problems:#?}");
    }
    let etag = ask(&home, &host, "GET", "/admin/jobs/first/source", None, None).etag;
    let refused = ask(&home, &host, "PUT", "/admin/jobs/first", Some(&etag), Some(&json!({ "job": job })));
    assert_eq!(refused.status, 422);
    assert_eq!(refused.body["problems"], looked.body["problems"]);
    assert_eq!(home.read(FILE).unwrap(), before);
    let torn = json!({ "text": "[[jobs]]\nid = \"first\ntags = []\n", "replaces": "first" });
    let looked = ask(&home, &host, "POST", "/admin/jobs/validate", None, Some(&torn)).body;
    assert_eq!(
        (&looked["problems"][0]["code"], &looked["problems"][0]["line"]),
        (&json!("syntax"), &json!(2)),
        "{looked:#}"
    );
    let fine = json!({ "text": sql_job("first", "select 1").replace("[[jobs.steps]]", "schedule = \"0 0 * * *\"\ntimezone = \"UTC\"\n[[jobs.steps]]"), "replaces": "first" });
    let looked = ask(&home, &host, "POST", "/admin/jobs/validate", None, Some(&fine));
    assert_eq!(
        (looked.body["valid"].clone(), looked.body["next"][0]["next"].as_array().unwrap().len()),
        (json!(true), 5)
    );
    assert_eq!(host.stop(SOON).unwrap().code(), Some(0));
}

#[test]
fn two_operators_who_switch_at_once_make_one_winner_and_one_clear_refusal() {
    let (home, host) = house();
    let etag = ask(&home, &host, "GET", "/admin/jobs/first/source", None, None).etag;
    let switch = |enabled: bool| {
        ask(
            &home,
            &host,
            "PATCH",
            "/admin/jobs/first",
            Some(&etag),
            Some(&json!({ "enabled": enabled, "description": format!("by {enabled}") })),
        )
    };
    let answers = std::thread::scope(|scope| {
        let both = [scope.spawn(|| switch(true)), scope.spawn(|| switch(false))];
        both.map(|one| one.join().unwrap())
    });
    let mut statuses = answers.iter().map(|answer| answer.status).collect::<Vec<_>>();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let refused = answers.iter().find(|answer| answer.status == 409).unwrap();
    assert!(refused.body["detail"].as_str().unwrap().contains("was saved by somebody else"), "{:#}", refused.body);
    assert_eq!(host.stop(SOON).unwrap().code(), Some(0));
}

#[test]
fn versions_tell_who_changed_what_and_come_back() {
    let (home, host) = house();
    nomaflow(home.path(), &["job", "disable", "first"]).expect(0);
    // By hand, noticed by the server.
    home.write(FILE, home.read(FILE).unwrap().replace("select 1 as x", "select 11 as x")).unwrap();
    let changes = || {
        let told = nomaflow(home.path(), &["--json", "job", "versions", "first"]).expect(0).json();
        let list = told["versions"].as_array().unwrap().clone();
        list.iter().map(|version| version["change"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    wait_until(SOON, || changes() == ["file", "enable", "file"]).or_panic("the change by hand is a version");
    nomaflow(home.path(), &["job", "diff", "first", "--from", "1"])
        .expect(0)
        .saying(&["+enabled = false", "-query = '''select 1 as x'''"]);
    nomaflow(home.path(), &["job", "restore", "first", "1"]).expect(0).saying(&["as version 4"]);
    assert!(home.read(FILE).unwrap().contains("'''select 1 as x'''") && !home.read(FILE).unwrap().contains("enabled"));
    nomaflow(home.path(), &["job", "restore", "first", "99"]).expect(4);
    // Deleted and put back into the text it had: both are told.
    nomaflow(home.path(), &["job", "delete", "first"]).expect(0);
    nomaflow(home.path(), &["job", "restore", "first", "4"]).expect(0).saying(&["as version 6"]);
    assert_eq!(changes()[..2], ["restore", "delete"]);
    // An editor that makes a mistake, and one that does not.
    let edit = |script: &str| {
        let mut edit = command(home.path());
        edit.env("EDITOR", format!("sed -i {script}")).env_remove("VISUAL").args(["job", "edit", "first"]);
        edit.output().unwrap()
    };
    let wrong = edit("s/^query/qery/");
    assert_eq!(wrong.status.code(), Some(3), "{}", String::from_utf8_lossy(&wrong.stderr));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("unknown key `qery`"));
    assert_eq!(edit("s/select.1/select\\ 7/").status.code(), Some(0));
    assert!(home.read(FILE).unwrap().contains("select 7 as x"));
    assert_eq!(host.stop(SOON).unwrap().code(), Some(0));
}

#[test]
fn a_renamed_job_keeps_its_history_and_those_that_name_it_follow() {
    let jobs = sql_job("old", "select 1 as x")
        + &sql_job("after", "select 2 as x").replace("[[jobs.steps]]", "depends_on = [\"old\"]\n[[jobs.steps]]");
    let home = home_with(&jobs);
    home.write("connectors.toml", CONNECTOR).unwrap();
    let host = serve(&home);
    nomaflow(home.path(), &["job", "run", "old"]).expect(0);
    nomaflow(home.path(), &["job", "delete", "old"]).expect(1).saying(&["is named by after"]);
    nomaflow(home.path(), &["job", "rename", "old", "not an id"]).expect(3);
    nomaflow(home.path(), &["job", "rename", "old", "after"]).expect(1).saying(&["duplicate job id"]);
    nomaflow(home.path(), &["job", "rename", "old", "new"]).expect(0);
    let runs = nomaflow(home.path(), &["--json", "job", "history", "new"]).expect(0).json();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1);
    assert!(home.read(FILE).unwrap().contains("depends_on = [\"new\"]"));
    nomaflow(home.path(), &["job", "run", "after"]).expect(0);
    let versions = nomaflow(home.path(), &["--json", "job", "versions", "new"]).expect(0).json();
    assert_eq!(versions["versions"][0]["change"], "rename");
    assert_eq!(host.stop(SOON).unwrap().code(), Some(0));
}

#[test]
fn a_rename_that_was_cut_off_is_finished_at_the_next_start() {
    let home = home_with(&sql_job("old", "select 1 as x"));
    home.write("connectors.toml", CONNECTOR).unwrap();
    nomaflow(home.path(), &["--local", "job", "run", "old"]).expect(0);
    // As whoever is killed right after the journal leaves it.
    let folder = home.path().join("plugins/test");
    home.write("plugins/test/.jobs.toml.new", sql_job("new", "select 1 as x")).unwrap();
    let journal = json!({
        "files": [{ "target": folder.join("jobs.toml"), "staged": folder.join(".jobs.toml.new") }],
        "rename": { "from": "old", "to": "new" },
    });
    home.write("data/catalogue.journal", journal.to_string()).unwrap();
    let runs = nomaflow(home.path(), &["--local", "--json", "job", "history", "new"]).expect(0).json();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1);
    assert!(!home.path().join("data/catalogue.journal").exists());
    assert_eq!(home.read(FILE).unwrap(), sql_job("new", "select 1 as x"));
}

#[test]
fn a_catalogue_goes_to_another_home_as_a_whole_or_not_at_all() {
    let secret = "pl4nted-in-the-file";
    let http = format!(
        "[[jobs]]\nid = \"call\"\n[[jobs.steps]]\nname = \"c\"\ntype = \"http\"\nurl = \"http://127.0.0.1:1/\"\n\
         auth = {{ type = \"bearer\", token = \"{secret}\" }}\n"
    );
    let (home, host) = house();
    home.write("plugins/more/jobs.toml", http).unwrap();
    nomaflow(home.path(), &["reload"]).expect(0);
    let shown = ask(&home, &host, "GET", "/admin/jobs/call/source", None, None).body.to_string();
    assert!(!shown.contains(secret) && shown.contains("********"), "{shown}");
    let file = home.path().join("snapshot.json");
    nomaflow(home.path(), &["export", file.to_str().unwrap()]).expect(0).saying(&["3 jobs"]);
    let text = home.read("snapshot.json").unwrap();
    assert!(!text.contains(secret), "{text}");
    // Taken over where it came from, nothing changes, and the secret stays.
    nomaflow(home.path(), &["import", file.to_str().unwrap()]).expect(0).saying(&["3 jobs stay as they are"]);
    assert!(home.read("plugins/more/jobs.toml").unwrap().contains(secret));

    let other = home_with(&sql_job("second", "select 22 as x"));
    let import = |more: &[&str]| {
        let mut arguments = vec!["--local", "import", file.to_str().unwrap()];
        arguments.extend(more);
        nomaflow(other.path(), &arguments)
    };
    let before = other.read(FILE).unwrap();
    // No connector `db` here: none of it is taken, not even the job that is fine.
    import(&[]).expect(3).saying(&["invalid: first", "connector is missing: db"]);
    assert_eq!(other.read(FILE).unwrap(), before);
    assert!(!other.path().join("plugins/more").exists());
    other.write("connectors.toml", CONNECTOR).unwrap();
    import(&["--dry-run"]).expect(0).saying(&["new: first", "changed: second", "nothing was changed"]);
    assert_eq!(other.read(FILE).unwrap(), before);
    import(&[]).expect(0).saying(&["secret has to be set: call_steps_0_auth_token", "done"]);
    assert!(other.read("plugins/more/jobs.toml").unwrap().contains("${secret.call_steps_0_auth_token}"));
    assert!(other.read(FILE).unwrap().contains("# Runs every night."));
    nomaflow(other.path(), &["--local", "job", "run", "first"]).expect(0);
    other.write("plugins/test/extra.toml", "").unwrap();
    other.write("plugins/extra/jobs.toml", sql_job("gone", "select 1")).unwrap();
    import(&["--replace"]).expect(0).saying(&["removed: gone"]);
    assert_eq!(other.read("plugins/extra/jobs.toml").unwrap(), "");
    assert_eq!(host.stop(SOON).unwrap().code(), Some(0));
}

#[test]
fn a_vendors_file_is_never_written_and_its_jobs_change_all_the_same() {
    let (home, host) = house();
    let vendor = "[meta]\nvendor = true\n\n".to_owned()
        + &sql_job("load", "select 1 as x").replace("[[jobs.steps]]", "enabled = false\n[[jobs.steps]]")
        + "[[jobs.schedules]]\nname = \"noon\"\ncron = \"0 12 * * *\"\n";
    home.write("plugins/vendor/jobs.toml", &vendor).unwrap();
    nomaflow(home.path(), &["reload"]).expect(0);
    let patch = json!({ "enabled": true, "tags": ["ours"], "schedules": { "noon": { "enabled": false } } });
    let set = ask(&home, &host, "PATCH", "/admin/jobs/load", None, Some(&patch));
    assert_eq!(set.status, 200, "{:#}", set.body);
    let shown = ask(&home, &host, "GET", "/admin/jobs/load", None, None).body;
    assert_eq!(
        (&shown["enabled"], &shown["tags"], &shown["schedules"][0]["enabled"]),
        (&json!(true), &json!(["ours"]), &json!(false))
    );
    let unknown = json!({ "schedules": { "night": { "enabled": false } } });
    assert_eq!(ask(&home, &host, "PATCH", "/admin/jobs/load", None, Some(&unknown)).status, 422);
    assert_eq!(home.read("plugins/vendor/jobs.toml").unwrap(), vendor);
    nomaflow(home.path(), &["job", "delete", "load"]).expect(1).saying(&["disable it instead"]);
    nomaflow(home.path(), &["job", "rename", "load", "ours"]).expect(1).saying(&["keeps its id"]);
    nomaflow(home.path(), &["job", "restore", "load", "1"]).expect(0);
    assert_eq!(home.read("plugins/vendor/jobs.local.toml").unwrap().trim(), "");
    assert_eq!(host.stop(SOON).unwrap().code(), Some(0));
}

#[test]
fn all_jobs_of_an_app_are_replaced_together_or_not_at_all() {
    let (home, host) = house();
    let path = "/admin/config/jobs/parsed?app=test";
    let parsed = ask(&home, &host, "GET", path, None, None);
    let mut jobs = parsed.body["jobs"].as_array().unwrap().clone();
    assert_eq!(jobs.len(), 2);
    let before = home.read(FILE).unwrap();
    jobs[0]["tags"] = json!(["kept"]);
    jobs[1]["shedule"] = "0 1 * * *".into();
    let put = |etag: Option<&str>, jobs: &[Value]| ask(&home, &host, "PUT", path, etag, Some(&json!({ "jobs": jobs })));
    assert_eq!(put(None, &jobs).status, 428);
    let refused = put(Some(&parsed.etag), &jobs);
    assert_eq!((refused.status, refused.body["invalid"][0]["id"].clone()), (422, json!("second")));
    assert_eq!(home.read(FILE).unwrap(), before);
    let saved = put(Some(&parsed.etag), &jobs[..1]);
    assert_eq!((saved.status, saved.body["saved"].clone()), (200, json!(1)));
    assert_eq!(put(Some(&parsed.etag), &jobs[..1]).status, 409);
    assert!(home.read(FILE).unwrap().contains("tags = [\"kept\"]") && !home.read(FILE).unwrap().contains("second"));
    assert_eq!(ask(&home, &host, "GET", "/admin/jobs/second", None, None).status, 404);
    assert_eq!(host.stop(SOON).unwrap().code(), Some(0));
}
