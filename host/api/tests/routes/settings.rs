//! Settings that are written from outside: what counts, what will count, what cannot be changed.

use serde_json::json;

use crate::support::{House, house};

async fn put(house: &House, key: &str, value: serde_json::Value) -> crate::support::Answer {
    house.ask("PUT", &format!("/admin/settings/{key}"), &json!({ "value": value }).to_string()).await
}

#[tokio::test]
async fn a_setting_is_written_and_told_to_count_after_a_restart() {
    let house = house().await;
    let kept = put(&house, "jobs.history_days", json!(30)).await;
    assert_eq!(kept.status, 200, "{}", kept.body);
    let listed = house.ask("GET", "/admin/settings", "").await.json();
    let days = listed["settings"].as_array().unwrap().iter().find(|one| one["key"] == "jobs.history_days").unwrap();
    assert_eq!(*days, kept.json());
    assert_eq!((&days["value"], &days["next"], &days["changeable"]), (&json!(90), &json!(30), &json!(true)));
    let reset = put(&house, "jobs.history_days", json!(null)).await.json();
    assert_eq!((&reset["value"], &reset["next"]), (&json!(90), &json!(null)));
    let trail = house.ask("GET", "/admin/audit?action=settings", "").await.json();
    let newest = &trail["entries"][0];
    assert_eq!((&newest["object"], &newest["outcome"]), (&json!("jobs.history_days"), &json!("done")), "{trail}");
}

#[tokio::test]
async fn what_would_keep_a_process_from_starting_is_refused() {
    let house = house().await;
    for (key, value) in
        [("jobs.history_days", json!(0)), ("jobs.history_days", json!("30")), ("jobs.scheduler_enabled", json!(1))]
    {
        put(&house, key, value).await.problem(422, key);
    }
    for key in ["store.url", "server.listen", "jobs.nothing"] {
        put(&house, key, json!("x")).await.problem(404, key);
    }
    house.ask("PUT", "/admin/settings/jobs.history_days", "{}").await.problem(422, "no value");
}
