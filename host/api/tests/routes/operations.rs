//! What somebody needs who looks after the house: checks with since when they are so, how busy it was, the diagnostic bundle,
//! when something was last saved, and searches that are too many.

use std::sync::atomic::Ordering;

use host_model::audit::{AuditDraft, AuditOutcome, AuditTrail as _};
use host_model::port::Clock as _;
use host_model::{Instant, JsonMap};
use serde_json::{Value, json};

use crate::support::{Answer, House, PLANTED, TOKEN, house};

async fn get(house: &House, path: &str) -> Value {
    let answer = house.ask("GET", path, "").await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

fn check<'c>(health: &'c Value, name: &str) -> &'c Value {
    let all = health["checks"].as_array().unwrap();
    all.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name}: {health}"))
}

impl House {
    async fn note(&self, action: &str) -> Instant {
        let at = host_engine::clock::SystemClock.now();
        let draft = AuditDraft {
            at,
            user: "ann".to_owned(),
            source: "offline".to_owned(),
            address: "local".to_owned(),
            action: action.to_owned(),
            object: String::new(),
            outcome: AuditOutcome::Done,
            detail: JsonMap::new(),
            closes: None,
        };
        self.audit.append(&draft).await.unwrap();
        at
    }

    async fn last_entry(&self) -> Value {
        get(self, "/admin/audit?limit=1").await["entries"][0].clone()
    }
}

#[tokio::test]
async fn health_tells_each_thing_that_was_looked_at() {
    let house = house().await;
    let health = get(&house, "/admin/jobs/health").await;
    let names: Vec<&str> = health["checks"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    let expected =
        ["store", "scheduler", "schedules", "catalogue", "plugins", "versions", "clocks", "disk", "streams", "backup"];
    assert_eq!(names, expected);
    let store = check(&health, "store");
    // On a busy machine it may be slow, which is worth a look; it is there.
    assert_ne!(store["state"], "bad", "{store}");
    assert_eq!(store["advice"].is_null(), store["state"] == "ok", "{store}");
    assert!(store["figure"].as_f64().unwrap() > 0.0, "{store}");
    // Nobody asks for the scheduler here, and nothing was ever saved: worth a look, and no trouble.
    for (name, state) in [("scheduler", "look"), ("backup", "look"), ("disk", "ok"), ("streams", "ok")] {
        assert_eq!(check(&health, name)["state"], state, "{health}");
    }
    assert!(check(&health, "backup")["advice"].as_str().unwrap().contains("nomaflow backup"), "{health}");
    let listening = house.listen("", None).await.unwrap();
    let heard = get(&house, "/admin/jobs/health").await;
    assert_eq!(check(&heard, "streams")["figure"], 1.0);
    assert_eq!(check(&heard, "disk")["since"], check(&health, "disk")["since"]);
    drop(listening);
}

#[tokio::test]
async fn when_something_was_last_saved_is_told_by_health_settings_and_metrics() {
    let house = house().await;
    house.note("backup.create").await;
    house.note("backup.createx").await;
    let (backup, export) = (house.note("backup.create").await, house.note("catalogue.export").await);
    let saved = get(&house, "/admin/backup").await;
    let at = |key: &str| saved[key].as_str().unwrap().parse::<Instant>().unwrap().timestamp_millis();
    assert_eq!((at("last_backup_at"), at("last_export_at")), (backup.timestamp_millis(), export.timestamp_millis()));
    assert_eq!((&saved["last_backup_by"], &saved["last_export_by"]), (&json!("ann"), &json!("ann")));
    let told = get(&house, "/admin/jobs/health").await;
    let check = check(&told, "backup");
    assert_eq!((&check["state"], &check["at"]), (&json!("ok"), &saved["last_backup_at"]));
    assert_eq!(check["export_at"], saved["last_export_at"]);
    let page = house.ask("GET", "/metrics", "").await.body;
    let line = |name: &str, at: Instant| format!("\n{name} {}\n", at.timestamp());
    assert!(page.contains(&line("nomaflow_backup_last_timestamp_seconds", backup)), "{page}");
    assert!(page.contains(&line("nomaflow_catalogue_export_last_timestamp_seconds", export)), "{page}");
}

#[tokio::test]
async fn metrics_say_nothing_of_what_was_never_saved() {
    let house = house().await;
    let page = house.ask("GET", "/metrics", "").await.body;
    assert!(!page.contains("backup_last") && !page.contains("export_last"), "{page}");
    assert!(page.contains("\nnomaflow_disk_free_bytes 85899345920\n"), "{page}");
}

#[tokio::test]
async fn how_busy_it_was_comes_in_quarters_of_an_hour_without_a_gap() {
    let house = house().await;
    house.fire("chatty").await;
    house.idle().await;
    let load = get(&house, "/admin/load").await;
    let stretches = load["stretches"].as_array().unwrap();
    assert!((96..=97).contains(&stretches.len()) && load["stretch_seconds"] == 900, "{load}");
    let (lines, most): (u64, u64) = stretches
        .iter()
        .map(|each| (each["lines"].as_u64().unwrap(), each["running"].as_u64().unwrap()))
        .fold((0, 0), |(lines, most), (more, running)| (lines + more, most.max(running)));
    assert!(lines >= 1200 && most == 1, "{lines} lines, {most} runs");
    let pool = &load["pools"][0];
    assert_eq!((&pool["name"], &pool["size"]), (&json!("ops"), &json!(5)));
    assert_eq!((&pool["stretches"][0]["in_use"], &pool["stretches"][0]["waiting"]), (&json!(4), &json!(2)));
    assert!((4..=5).contains(&get(&house, "/admin/load?hours=1").await["stretches"].as_array().unwrap().len()));
    for bad in ["hours=0", "hours=25", "hours=x", "days=1"] {
        house.ask("GET", &format!("/admin/load?{bad}"), "").await.problem(422, bad);
    }
}

async fn bundle(house: &House) -> (Answer, Value) {
    let answer = house.ask("GET", "/admin/diagnostics", "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let told = answer.json();
    (answer, told)
}

#[tokio::test]
async fn a_diagnostic_bundle_has_everything_but_secrets_and_who_took_it_is_known() {
    let house = house().await;
    let (answer, told) = bundle(&house).await;
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"nomaflow-diagnostics.json\"");
    assert_eq!(
        (&told["format"], &told["about"]["version"], &told["missing"]),
        (&json!(1), &json!("1.2.3"), &json!([]))
    );
    assert_eq!(told["log"], json!({ "lines": ["INFO it began", "WARN no way in with ***"], "forgotten": 7 }));
    assert!(!answer.body.contains(PLANTED));
    assert_eq!((&told["connectors"][0]["name"], &told["connectors"][0]["dialect"]), (&json!("ops"), &json!("sqlite")));
    assert!(told["settings"].is_array() && told["store"]["tables"].as_array().is_some_and(|all| all.len() > 5));
    assert_ne!(check(&told["health"], "store")["state"], "bad");
    let entry = house.last_entry().await;
    assert_eq!((&entry["action"], &entry["outcome"]), (&json!("diagnostics"), &json!("done")), "{entry}");
    house.plain("GET", "/admin/diagnostics", &[], "").await.problem(401, "a stranger");
}

#[tokio::test]
async fn a_diagnostic_bundle_is_there_when_other_things_are_not() {
    let house = house().await;
    house.audit.fails.store(true, Ordering::Relaxed);
    assert_eq!(bundle(&house).await.1["missing"], json!([]));
    house.store.close().await;
    let (_, told) = bundle(&house).await;
    assert!(told["missing"][0].as_str().unwrap().starts_with("store: "), "{}", told["missing"]);
    assert_eq!((&told["store"], &told["health"]["scheduler"]), (&Value::Null, &json!("error")));
    assert_eq!(told["log"]["forgotten"], 7);
}

#[tokio::test]
async fn a_search_too_many_is_told_when_to_come_back() {
    let house = house().await;
    house.search.is_busy.store(true, Ordering::Relaxed);
    let answer = house.ask_as(TOKEN, "GET", "/admin/logs/search?q=row", "").await;
    let problem = answer.problem(503, "busy");
    assert_eq!((&problem["type"], answer.header("retry-after")), (&json!("urn:nomaflow:problem:search-busy"), "2"));
    let told = (problem["detail"].as_str().unwrap(), problem["hint"].as_str().unwrap());
    assert_eq!(told, ("too many searches at once: 8 wait for their turn already", "ask again in 2 s"));
    house.search.is_busy.store(false, Ordering::Relaxed);
    assert_eq!(get(&house, "/admin/logs/search?q=row").await["hits"], json!([]));
}
