//! Notifications over HTTP: secrets go in and do not come out, mistakes have their place, a stale list is refused.

use serde_json::{Value, json};

use crate::support::house;

const BASE: &str = "/admin/notifications";
const PLANTED: &str = "https://hooks.test/pl4nted";

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test]
async fn a_transport_is_written_shown_without_its_secret_and_deleted() {
    let house = house().await;
    let body =
        json!({ "kind": "slack", "settings": { "to": "#ops" }, "secrets": { "webhook_url": { "set": PLANTED } } });
    let path = format!("{BASE}/transports/chat");
    let put = house.ask("PUT", &path, &body.to_string()).await;
    assert_eq!(put.status, 200, "{}", put.body);
    let list = house.ask("GET", &format!("{BASE}/transports"), "").await;
    for answer in [&put.body, &list.body] {
        assert!(!answer.contains("pl4nted"), "{answer}");
    }
    let card = parse(&list.body)["transports"][0].clone();
    assert_eq!((card["name"].clone(), card["default_recipient"].clone()), (json!("chat"), json!("#ops")));
    let secret = &card["secrets"]["webhook_url"];
    assert_eq!((secret["state"].clone(), secret["by"].clone()), (json!("set"), json!("api")));
    assert!(secret["changed_at"].is_string());
    assert_eq!(house.ask("DELETE", &path, "").await.status, 200);
    assert_eq!(house.ask("DELETE", &path, "").await.status, 404);
}

#[tokio::test]
async fn what_is_wrong_with_a_transport_is_told_with_its_place() {
    let house = house().await;
    for (name, body, pointers) in [
        ("chat", json!({ "kind": "slack" }), vec!["/secrets/webhook_url"]),
        ("chat", json!({ "kind": "pigeon" }), vec!["/kind"]),
        ("chat", json!({ "kind": "slack", "secrets": { "webhook_url": "x" } }), vec!["/secrets/webhook_url"]),
        ("a b", json!({ "kind": "teams", "secrets": { "webhook_url": { "set": PLANTED } } }), vec!["/name"]),
        (
            "mail",
            json!({ "kind": "smtp", "settings": { "host": "h", "from": "a@b", "to": "x\r\nBcc: y" } }),
            vec!["/settings/to"],
        ),
        (
            "hook",
            json!({ "kind": "webhook", "settings": { "url": "ftp://x", "headers": { "A": "b\r\nC: d" } } }),
            vec!["/settings/url", "/settings/headers"],
        ),
    ] {
        let path = format!("{BASE}/transports/{}", name.replace(' ', "%20"));
        let answer = house.ask("PUT", &path, &body.to_string()).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.body);
        let problems = parse(&answer.body)["problems"].clone();
        let told: Vec<&str> = problems.as_array().unwrap().iter().map(|it| it["pointer"].as_str().unwrap()).collect();
        assert_eq!(told, pointers, "{}", answer.body);
    }
    assert_eq!(house.ask("PUT", &format!("{BASE}/transports/x"), "{\"kindd\":1}").await.status, 422);
    assert_eq!(house.ask("POST", &format!("{BASE}/transports/nope/test"), "{}").await.status, 404);
}

#[tokio::test]
async fn routes_need_their_etag_and_a_stale_one_is_refused() {
    let house = house().await;
    let path = format!("{BASE}/routes");
    let first = house.ask("GET", &path, "").await;
    let etag = first.headers["etag"].to_str().unwrap().to_owned();
    let body = json!({ "routes": [{ "name": "all", "recipients": ["#ops"] }] }).to_string();
    assert_eq!(house.ask("PUT", &path, &body).await.status, 428);
    let token = format!("Bearer {}", crate::support::TOKEN);
    let put = async |etag: &str| {
        let headers = [("authorization", token.as_str()), ("content-type", "application/json"), ("if-match", etag)];
        house.plain("PUT", &path, &headers, &body).await
    };
    let written = put(&etag).await;
    assert_eq!((written.status, parse(&written.body)["routes"][0]["name"].clone()), (200, json!("all")));
    let stale = put(&etag).await;
    assert_eq!(stale.status, 409, "{}", stale.body);
    assert_eq!(parse(&stale.body)["current"]["etag"], written.headers["etag"].to_str().unwrap());
    let simulated = house.ask("POST", &format!("{path}/simulate"), r#"{"job":"quick","event":"failed"}"#).await;
    let told = parse(&simulated.body)["recipients"][0].clone();
    assert_eq!(told["route"], "all");
    assert!(told["failure"].as_str().unwrap().contains("no transport of kind `slack`"), "{told}");
    assert_eq!(house.ask("POST", &format!("{path}/simulate"), r#"{"job":"quick","event":"x"}"#).await.status, 422);
}

#[tokio::test]
async fn deliveries_are_listed_by_page_and_unknown_ones_are_not_found() {
    let house = house().await;
    let answer = house.ask("GET", &format!("{BASE}/deliveries?outcome=failed,sent&limit=2"), "").await;
    assert_eq!(parse(&answer.body), json!({ "deliveries": [], "next_cursor": null }));
    for (query, status) in [("outcome=lost", 422), ("cursor=x", 422), ("colour=red", 422)] {
        assert_eq!(house.ask("GET", &format!("{BASE}/deliveries?{query}"), "").await.status, status, "{query}");
    }
    for id in ["7", "x", "99999999999999999999"] {
        assert_eq!(house.ask("GET", &format!("{BASE}/deliveries/{id}"), "").await.status, 404, "{id}");
        assert_eq!(house.ask("POST", &format!("{BASE}/deliveries/{id}/resend"), "").await.status, 404, "{id}");
    }
}
