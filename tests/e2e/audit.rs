//! The audit trail from the shell.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::program::{CONNECTOR, home_with, nomaflow, serve, sql_job};

/// Follows the chain with nothing of ours: what `docs/audit.md` shows.
const FOLLOW: &str = r#"
import hashlib, json, sys
last = "0" * 64
for line in sys.stdin:
    e = json.loads(line)
    detail = json.dumps(e["detail"], separators=(",", ":"), ensure_ascii=False)
    fields = [last, e["seq"], e["at"], e["user"], e["source"], e["address"], e["action"], e["object"], e["outcome"], detail, e["closes"]]
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
    assert e["previous"] == last and e["hash"] == hashlib.sha256(text.encode()).hexdigest(), e["seq"]
    last = e["hash"]
print(last)
"#;

#[test]
fn what_is_done_from_a_shell_with_and_without_a_server_is_in_the_trail_and_its_chain_can_be_followed_by_anybody() {
    let home = home_with(&sql_job("quick", "select 1 as x"));
    home.write("connectors.toml", CONNECTOR).unwrap();
    let at = home.path();
    nomaflow(at, &["--local", "job", "run", "quick"]).expect(0);
    nomaflow(at, &["secret", "genkey"]);
    nomaflow(at, &["secret", "rotate"]).expect(0);
    let host = serve(&home);
    nomaflow(at, &["scheduler", "pause", "--reason", "moving ö \"x\""]).expect(0);
    nomaflow(at, &["secret", "delete", "nothing"]).expect(4);
    let listed = nomaflow(at, &["--json", "audit", "list"]).expect(0).json();
    let told = |entry: &Value| {
        let text = |key: &str| entry[key].as_str().unwrap().to_owned();
        [text("action"), text("user"), text("source"), text("outcome")].join(" ")
    };
    let entries: Vec<String> = listed["entries"].as_array().unwrap().iter().map(told).collect();
    let expected = [
        "secrets.delete admin cli:bob failed",
        "scheduler.pause admin cli:bob done",
        "secrets.rotate cli:bob offline done",
        "jobs.run admin cli:bob done",
    ];
    let ours: Vec<&String> = entries.iter().filter(|text| !text.contains(" system start ")).collect();
    assert_eq!(ours, expected, "{listed}");
    assert_eq!(listed["entries"][1]["detail"]["reason"], "moving ö \"x\"");
    assert_eq!(listed["entries"][1]["address"], "127.0.0.1");
    nomaflow(at, &["audit", "list", "--action", "jobs"]).expect(0).saying(&["jobs.run", "quick", "done"]);
    let verdict = nomaflow(at, &["--json", "audit", "verify"]).expect(0).json();
    let last = format!("{}:{}", verdict["last"]["seq"], verdict["last"]["hash"].as_str().unwrap());
    nomaflow(at, &["audit", "verify", "--expect", &last]).expect(0).saying(&["are sound", &last]);
    let file = at.join("trail.ndjson");
    nomaflow(at, &["audit", "export", "--output", file.to_str().unwrap()]).expect(0);
    let mut follow = std::process::Command::new("python3");
    follow.args(["-c", FOLLOW]).stdin(std::fs::File::open(&file).unwrap()).stderr(Stdio::inherit());
    let followed = follow.output().unwrap();
    assert!(followed.status.success());
    assert_eq!(String::from_utf8(followed.stdout).unwrap().trim(), verdict["last"]["hash"]);
    drop(host);
    // Somebody with all rights to the file takes the newest entries away, and changes an older one.
    let tamper = |sql: &str| {
        let script =
            format!("import sqlite3; c = sqlite3.connect('data/nomaflow.db'); c.executescript({sql:?}); c.commit()");
        assert!(
            std::process::Command::new("python3").args(["-c", &script]).current_dir(at).status().unwrap().success()
        );
    };
    let newest = verdict["last"]["seq"].as_u64().unwrap();
    tamper(&format!("drop trigger ly2_audit_kept; delete from ly2_audit where seq = {newest}"));
    nomaflow(at, &["--local", "audit", "verify"]).expect(0);
    nomaflow(at, &["--local", "audit", "verify", "--expect", &last]).expect(1).saying(&["not there any more"]);
    tamper("drop trigger ly2_audit_stays; update ly2_audit set username = 'eve' where seq = 2");
    let broken = nomaflow(at, &["--local", "--json", "audit", "verify"]).expect(1).json();
    assert_eq!((&broken["ok"], &broken["broken_at"]), (&json!(false), &json!(2)));
}
