//! Backups, restores and the move of a store, as an operator does them: with the program, on SQLite and PostgreSQL.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use test_support::{Host, Postgres, TempHome};

use crate::program::{BINARY, CONNECTOR, Said, command, home_with, nomaflow, serve, sql_job};

const FILE: &str = "night.nomaflow";

/// A home with a job that succeeds and one that fails.
fn home() -> TempHome {
    let jobs = format!("{}{}", sql_job("quick", "select 1 as x"), sql_job("broken", "select * from nowhere"));
    let home = home_with(&jobs);
    home.write("connectors.toml", CONNECTOR).unwrap();
    home.write("plugins/test/lib/notes.txt", "kept along").unwrap();
    home
}

/// Some history: two runs that succeeded, one that failed, a pause, a secret.
fn live(at: &Path) {
    nomaflow(at, &["job", "run", "quick"]).expect(0);
    nomaflow(at, &["job", "run", "broken"]).expect(1);
    nomaflow(at, &["job", "run", "quick"]).expect(0);
    nomaflow(at, &["scheduler", "pause", "--reason", "moving ö \"x\""]).expect(0);
    let mut set = command(at);
    set.args(["secret", "set", "word"]).stdin(std::process::Stdio::piped());
    let mut child = set.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"open sesame").unwrap();
    assert!(child.wait().unwrap().success());
}

/// Everything a page shows of runs, with every step and line.
fn history(at: &Path, local: bool) -> Vec<Value> {
    let ask = |arguments: &[&str]| {
        let local: &[&str] = if local { &["--local"] } else { &[] };
        nomaflow(at, &[&["--json"], local, arguments].concat()).expect(0).json()
    };
    let mut all = Vec::new();
    for job in ["quick", "broken"] {
        let mut runs = ask(&["job", "history", job]);
        for run in runs["runs"].as_array().unwrap().clone() {
            let id = run["id"].as_str().unwrap();
            let mut shown = ask(&["run", "show", id]);
            // Whether it can be replayed and the like is not history.
            all.push(shown["run"].take());
            all.push(shown["steps"].take());
            let lines = nomaflow(at, &[if local { &["--local"][..] } else { &[] }, &["job", "logs", id]].concat());
            all.push(lines.expect(0).out.into());
        }
        all.push(runs["runs"].take());
    }
    all
}

fn restore(file: &Path, into: &Path, more: &[&str]) -> Said {
    nomaflow(into, &[&["restore", file.to_str().unwrap()], more].concat())
}

fn secrets(at: &Path) -> Value {
    nomaflow(at, &["--local", "--json", "secret", "list"]).expect(0).json()["secrets"].clone()
}

#[test]
fn a_backup_taken_from_a_running_server_is_whole_and_restores_everything_but_the_key() {
    let home = home();
    let at = home.path();
    let host = serve(&home);
    live(at);
    let before = history(at, false);
    let file = at.join(FILE);
    let name = file.to_str().unwrap();
    nomaflow(at, &["backup", name]).expect(0).saying(&["the key is NOT in it", "data/secrets.key"]);
    nomaflow(at, &["backup", name]).expect(1).saying(&["is there already", "--force"]);
    let verified = nomaflow(at, &["--json", "backup", "verify", name]).expect(0).json();
    assert_eq!((&verified["ok"], &verified["keys"]), (&Value::Bool(true), &Value::Bool(false)));
    assert!(verified["audit_entries"].as_u64().unwrap() > 4, "{verified}");
    let rows = |table: &str| {
        verified["tables"].as_array().unwrap().iter().find(|t| t["name"] == table).unwrap()["rows"].as_u64().unwrap()
    };
    assert_eq!((rows("ly2_job_runs"), rows("ly2_secrets")), (3, 1));
    // The server of this home goes on, and its home is in the way of a restore.
    restore(&file, at, &["--force"]).expect(1).saying(&["is running at"]);
    nomaflow(at, &["job", "run", "quick"]).expect(0);
    nomaflow(at, &["--json", "store", "status"]).expect(0).saying(&["last_backup_at\":\"2"]);
    host.stop(Duration::from_secs(20)).unwrap();

    let other = TempHome::new().unwrap();
    let there = other.path().join("restored");
    restore(&file, &there, &[]).expect(0).saying(&["restored into", "put data/secrets.key back"]);
    assert_eq!(history(&there, true), before);
    let lib = std::fs::read_to_string(there.join("plugins/test/lib/notes.txt")).unwrap();
    assert_eq!(lib, "kept along");
    nomaflow(&there, &["--local", "audit", "verify"]).expect(0);
    nomaflow(&there, &["store", "check"]).expect(0).saying(&["integrity_check: ok", "the store is sound"]);
    restore(&file, &there, &[]).expect(1).saying(&["is not empty", "--force"]);
    std::fs::write(there.join("plugins/test/jobs.toml"), "changed").unwrap();
    restore(&file, &there, &["--force"]).expect(0);
    assert_eq!(history(&there, true), before);
    let left: Vec<_> = std::fs::read_dir(&there).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_str().unwrap().starts_with(".restore")), "{left:?}");
    // The copy goes on as the original would; what connectors lead to is not part of a backup.
    std::fs::write(there.join("data/test.db"), "").unwrap();
    let again = Host::start_with(BINARY, &there, |_| {}).unwrap();
    nomaflow(&there, &["job", "run", "quick"]).expect(0);
    again.stop(Duration::from_secs(20)).unwrap();
}

#[test]
fn a_backup_with_keys_opens_its_secrets_and_says_that_it_does() {
    let home = home();
    let at = home.path();
    let host = serve(&home);
    live(at);
    host.stop(Duration::from_secs(20)).unwrap();
    let file = at.join(FILE);
    let said = nomaflow(at, &["backup", file.to_str().unwrap(), "--with-keys"]).expect(0);
    said.saying(&["it holds the key file", "can open every secret"]);
    let other = TempHome::new().unwrap();
    restore(&file, other.path(), &[]).expect(0);
    let keys = [at, other.path()].map(|home| std::fs::read(home.join("data/secrets.key")).unwrap());
    assert_eq!(keys[0], keys[1]);
    assert_eq!(secrets(other.path()), secrets(at));
}

#[test]
fn an_archive_that_was_changed_or_cut_off_is_found_and_restores_nothing() {
    let home = home();
    let at = home.path();
    nomaflow(at, &["--local", "job", "run", "quick"]).expect(0);
    let file = at.join(FILE);
    nomaflow(at, &["backup", file.to_str().unwrap()]).expect(0);
    let whole = std::fs::read(&file).unwrap();
    let other = TempHome::new().unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for (name, bytes) in
        [("flipped", flipped.as_slice()), ("cut", &whole[..whole.len() * 2 / 3]), ("text", &b"no archive"[..])]
    {
        let bad = at.join(name);
        std::fs::write(&bad, bytes).unwrap();
        let code = nomaflow(at, &["backup", "verify", bad.to_str().unwrap()]).code;
        assert!([1, 3].contains(&code), "{name}: exit {code}");
        let there = other.path().join(name);
        assert_eq!(restore(&bad, &there, &[]).code, 3, "{name}");
        assert!(!there.exists(), "{name}");
    }
    let missing = at.join("missing");
    for said in
        [nomaflow(at, &["backup", "verify", missing.to_str().unwrap()]), restore(&missing, &at.join("new"), &[])]
    {
        let said = said.expect(4);
        assert!(said.err.contains("there is no archive") && !said.err.contains("help:"), "{}", said.err);
    }
    // Rows that are changed inside a well-formed archive.
    let script = "import sys, tarfile, io, subprocess\n\
        raw = subprocess.run(['zstd', '-dcq', sys.argv[1]], capture_output=True, check=True).stdout\n\
        out = io.BytesIO()\n\
        source = tarfile.open(fileobj=io.BytesIO(raw))\n\
        target = tarfile.open(fileobj=out, mode='w', format=tarfile.GNU_FORMAT)\n\
        for m in source.getmembers():\n    \
            data = source.extractfile(m).read()\n    \
            if m.name.startswith('store/ly2_audit/'):\n        \
                data = data.replace(b'jobs.run', b'jobs.ran')\n    \
            target.addfile(m, io.BytesIO(data))\n\
        target.close()\n\
        subprocess.run(['zstd', '-qf', '-', '-o', sys.argv[2]], input=out.getvalue(), check=True)\n";
    let forged = at.join("forged");
    let have_zstd = std::process::Command::new("zstd").arg("--version").output().is_ok_and(|out| out.status.success());
    if !have_zstd {
        return;
    }
    let made = std::process::Command::new("python3").args(["-c", script]).arg(&file).arg(&forged).status().unwrap();
    assert!(made.success());
    let said = nomaflow(at, &["backup", "verify", forged.to_str().unwrap()]).expect(1);
    said.saying(&["rows of `ly2_audit` were changed", "the audit trail is broken at entry"]);
    restore(&forged, &other.path().join("forged"), &[]).expect(3).saying(&["nothing was restored"]);
}

#[test]
fn a_restore_that_fails_leaves_home_and_store_as_they_were() {
    let home = home();
    let at = home.path();
    nomaflow(at, &["--local", "job", "run", "quick"]).expect(0);
    let file = at.join(FILE);
    nomaflow(at, &["backup", file.to_str().unwrap()]).expect(0);
    nomaflow(at, &["--local", "job", "run", "quick"]).expect(0);
    let before = history(at, true);
    let jobs = at.join("plugins/test/jobs.toml");
    let text = std::fs::read(&jobs).unwrap();
    let said = restore(&file, at, &["--force", "--store", "postgres://nobody@127.0.0.1:1/none"]);
    said.expect(3).saying(&["cannot be reached"]);
    assert_eq!(history(at, true), before);
    assert_eq!(std::fs::read(&jobs).unwrap(), text);
}

#[test]
fn a_store_moves_to_postgres_and_back_with_every_row_and_goes_on_there() {
    let postgres = Postgres::start().unwrap();
    let database = postgres.database().unwrap();
    let home = home();
    let at = home.path();
    let host = serve(&home);
    live(at);
    let before = history(at, false);
    let url = database.url().to_owned();
    nomaflow(at, &["store", "move", "--to", &url]).expect(1).saying(&["is running"]);
    host.stop(Duration::from_secs(20)).unwrap();
    let moved = nomaflow(at, &["store", "move", "--to", &url]).expect(0);
    let moved = moved.saying(&["read back and is the same", "ly2_job_runs"]);
    assert!(!moved.all().contains("pass%20word"), "a password is shown: {}", moved.all());
    nomaflow(at, &["store", "move", "--to", &url]).expect(1).saying(&["is not empty", "--force"]);
    let old_settings = home.read("app.toml").unwrap();
    home.write("app.toml", format!("[store]\nurl = \"{url}\"\n")).unwrap();
    assert_eq!(history(at, true), before);
    nomaflow(at, &["--local", "audit", "verify"]).expect(0);
    nomaflow(at, &["store", "check"]).expect(0).saying(&["the store is sound"]);

    let host = serve(&home);
    assert_eq!(history(at, false), before);
    let status = nomaflow(at, &["scheduler", "status"]).expect(0);
    status.saying(&["paused by", "moving ö \"x\""]);
    // Numbers that the database gives go on behind those that came along.
    nomaflow(at, &["job", "run", "broken"]).expect(1);
    nomaflow(at, &["job", "run", "quick"]).expect(0);
    let events = database.execute("select count(*), count(distinct seq) from ly2_notify_events").unwrap();
    assert!(!events.is_empty());
    nomaflow(at, &["audit", "verify"]).expect(0);
    let grown = history(at, false);
    // Two servers' worth of care: the store that is in use is not moved.
    nomaflow(at, &["store", "move", "--to", "sqlite:data/back.db"]).expect(1).saying(&["is running"]);
    host.stop(Duration::from_secs(20)).unwrap();

    nomaflow(at, &["store", "move", "--to", "sqlite:data/back.db"]).expect(0);
    home.write("app.toml", "[store]\nurl = \"sqlite:data/back.db\"\n").unwrap();
    assert_eq!(history(at, true), grown);
    nomaflow(at, &["--local", "audit", "verify"]).expect(0);
    nomaflow(at, &["--local", "job", "run", "quick"]).expect(0);
    // The store it all began with was left as it was.
    home.write("app.toml", old_settings).unwrap();
    assert_eq!(history(at, true), before);
}

#[test]
fn a_backup_of_one_database_restores_into_the_other() {
    let postgres = Postgres::start().unwrap();
    let database = postgres.database().unwrap();
    let home = home();
    let at = home.path();
    for _ in 0..2 {
        nomaflow(at, &["--local", "job", "run", "quick"]).expect(0);
    }
    let before = history(at, true);
    let file = at.join(FILE);
    nomaflow(at, &["backup", file.to_str().unwrap()]).expect(0);
    let other = TempHome::new().unwrap();
    let there = other.path().join("restored");
    restore(&file, &there, &["--store", database.url()]).expect(0).saying(&["change [store] url"]);
    std::fs::write(there.join("app.toml"), format!("[store]\nurl = \"{}\"\n", database.url())).unwrap();
    assert_eq!(history(&there, true), before);
    std::fs::write(there.join("data/test.db"), "").unwrap();
    nomaflow(&there, &["--local", "job", "run", "quick"]).expect(0);
    let grown = history(&there, true);
    let second = other.path().join("second.nomaflow");
    nomaflow(&there, &["backup", second.to_str().unwrap()]).expect(0);
    let verified = nomaflow(&there, &["--json", "backup", "verify", second.to_str().unwrap()]).expect(0).json();
    assert_eq!(verified["store"]["dialect"], "postgres");
    let last = other.path().join("last");
    restore(&second, &last, &["--store", "sqlite:data/nomaflow.db"]).expect(0);
    std::fs::write(last.join("app.toml"), "").unwrap();
    assert_eq!(history(&last, true), grown);
    nomaflow(&last, &["--local", "audit", "verify"]).expect(0);
    // With rows in it the store is not filled a second time, unless it may be replaced.
    restore(&file, &other.path().join("x"), &["--store", database.url()]).expect(1).saying(&["is not empty"]);
    restore(&file, &other.path().join("x"), &["--store", database.url(), "--force"]).expect(0);
}
