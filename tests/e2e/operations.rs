//! Looking after a server from the shell and from afar: the diagnostic bundle, and how old the last backup and export are.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::program::{CONNECTOR, home_with, nomaflow, serve, sql_job};
use crate::server::{bearer, http, json_body};

fn names(all: &Value) -> Vec<&str> {
    all.as_array().unwrap().iter().map(|each| each["name"].as_str().unwrap()).collect()
}

#[test]
fn a_diagnostic_bundle_tells_what_the_server_is_and_what_it_logged() {
    let home = home_with(&sql_job("quick", "select 1 as x"));
    home.write("connectors.toml", CONNECTOR).unwrap();
    let host = serve(&home);
    let file = home.path().join("bundle.json");
    let written = nomaflow(home.path(), &["diagnostics", file.to_str().unwrap()]).expect(0);
    written.saying(&["bundle.json: ", "lines of the log", "secrets that the server knows are masked"]);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let told: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let lines: Vec<&str> = told["log"]["lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert!(lines.iter().any(|line| line.contains("catalogue read") && line.contains("INFO")), "{lines:#?}");
    assert_eq!((names(&told["connectors"]), &told["missing"]), (vec!["db"], &json!([])));
    assert_eq!(told["connectors"][0]["target"].as_str().map(|at| at.starts_with("sqlite:")), Some(true), "{told:#}");
    assert_eq!(told["about"]["store"], "sqlite");
    let listen = told["settings"].as_array().unwrap().iter().find(|one| one["key"] == "server.listen").unwrap();
    assert_eq!(listen["source"], "flag", "{listen}");
    let runs = told["store"]["tables"].as_array().unwrap().iter().find(|table| table["name"] == "ly2_job_runs");
    assert!(runs.is_some_and(|runs| runs["rows"] == 0), "{:#}", told["store"]);
    let disk = told["health"]["checks"].as_array().unwrap().iter().find(|check| check["name"] == "disk").unwrap();
    assert!(disk["figure"].as_f64().unwrap() > 0.0 && told["process"]["disk_free_bytes"].as_u64() > Some(0), "{disk}");
    assert!(told["process"]["resident_bytes"].as_u64().unwrap() > 1 << 20, "{:#}", told["process"]);

    // Whoever may not do everything gets none of it.
    let made = ["--json", "token", "create", "few", "-p", "job:quick", "--user", "admin"];
    let made = nomaflow(home.path(), &made).expect(0).json();
    let token = format!("Bearer {}", made["secret"].as_str().unwrap());
    let (status, _, body) = http(host.url(), "GET", "/admin/diagnostics", &[("Authorization", &token)], "");
    assert!(status == 403 && !body.contains("catalogue read"), "{status}: {body}");
    // Without a server the process itself tells.
    drop(host);
    let alone = nomaflow(home.path(), &["--local", "diagnostics"]).expect(0).json();
    assert_eq!((&alone["about"]["role"], names(&alone["connectors"])), (&json!("command"), vec!["db"]));
}

#[test]
fn how_old_the_last_backup_and_export_are_is_known_wherever_somebody_looks() {
    let home = home_with(&sql_job("quick", "select 1 as x"));
    home.write("connectors.toml", CONNECTOR).unwrap();
    let (archive, snapshot) = (home.path().join("a.tar.zst"), home.path().join("snapshot.json"));
    let host = serve(&home);
    let get = |path: &str| {
        let (status, _, body) = http(host.url(), "GET", path, &[("Authorization", &bearer(&home))], "");
        assert_eq!(status, 200, "{path}: {body}");
        body
    };
    let never = json_body(&get("/admin/backup"));
    assert_eq!((&never["last_backup_at"], &never["last_export_at"]), (&Value::Null, &Value::Null));
    nomaflow(home.path(), &["backup", archive.to_str().unwrap()]).expect(0);
    nomaflow(home.path(), &["export", snapshot.to_str().unwrap()]).expect(0);
    // Asked for the first time now: what health and metrics know counts for a minute.
    let saved = json_body(&get("/admin/backup"));
    let health = json_body(&get("/admin/jobs/health"));
    let check = health["checks"].as_array().unwrap().iter().find(|check| check["name"] == "backup").unwrap();
    assert_eq!((&check["at"], &check["export_at"]), (&saved["last_backup_at"], &saved["last_export_at"]), "{saved}");
    assert_eq!(check["text"], "the last backup is 0 hours old");
    assert_eq!(saved["last_export_by"], "admin");
    let metrics = get("/metrics");
    for name in ["nomaflow_backup_last_timestamp_seconds", "nomaflow_catalogue_export_last_timestamp_seconds"] {
        let line = metrics.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{metrics}"));
        let at: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(at > 1_700_000_000.0, "{line}");
    }
    nomaflow(home.path(), &["audit", "list", "--action", "catalogue.export"]).expect(0).saying(&["done", "cli:bob"]);
    nomaflow(home.path(), &["doctor"])
        .saying(&["the last one is 0 hours old", "the catalogue was exported 0 hours ago"]);
}
