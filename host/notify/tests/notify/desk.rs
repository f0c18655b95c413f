//! What the API asks: transports with their secrets, routes with their version, tests.

use host_model::connector::Hidden;
use host_model::notify::EventKind;
use host_model::notify::delivery::DeliveryStatus;
use host_model::notify::desk::{DeskError, NotificationDesk as _, SecretWish, TransportWish};
use host_model::notify::transport::TransportKind;
use serde_json::json;

use crate::support::{House, Sink, alerts, settings, webhook};

fn wish(kind: TransportKind, settings: serde_json::Value, secrets: &[(&str, SecretWish)]) -> TransportWish {
    let secrets = secrets.iter().map(|(field, wish)| ((*field).to_owned(), wish.clone())).collect();
    TransportWish { kind, enabled: true, settings: settings.as_object().cloned().unwrap(), secrets }
}

#[tokio::test]
async fn a_secret_is_kept_set_and_cleared_and_never_comes_out() {
    let (house, (sink, url)) = (House::build().await, Sink::open().await);
    let notifier = house.notifier(settings(vec![webhook("of-file", &url)], json!([])));
    let set = SecretWish::Set(Hidden::new("first-secret-key"));
    let made = wish(TransportKind::Webhook, json!({ "url": url }), &[("signing_key", set)]);
    let card = notifier.put_transport("hook", made, "user:ann").await.unwrap();
    assert!(card.secrets.iter().any(|secret| secret.field == "signing_key" && secret.is_set));
    assert!(card.secrets.iter().any(|secret| secret.field == "authorization" && !secret.is_set));
    assert_eq!(card.secrets[0].changed.as_ref().unwrap().1, "user:ann");
    assert!(!format!("{card:?}").contains("first-secret"));
    // Saved without touching: the secret stays, and signs.
    let kept = wish(TransportKind::Webhook, json!({ "url": url }), &[("signing_key", SecretWish::Keep)]);
    notifier.put_transport("hook", kept.clone(), "user:bob").await.unwrap();
    let result = notifier.test("hook", None, None, "user:ann").await.unwrap();
    assert!(result.is_sent, "{result:?}");
    assert_eq!(house.wait(DeliveryStatus::Sent).await.requested_by.as_deref(), Some("user:ann"));
    // Tested without saving and without touching.
    assert!(notifier.test("hook", Some(kept), None, "user:ann").await.unwrap().delivery.is_none());
    let got = sink.wait(2).await;
    assert!(got.iter().all(|got| got.headers.contains_key("x-nomaflow-signature")));
    assert_eq!(got[0].json()["event"], "test");
    let cleared = wish(TransportKind::Webhook, json!({ "url": url }), &[("signing_key", SecretWish::Clear)]);
    let card = notifier.put_transport("hook", cleared, "user:ann").await.unwrap();
    assert!(card.secrets[0].changed.is_none());
    for (name, expected) in [("of-file", "declared in `app.toml`"), ("no such", "what was sent is not valid")] {
        let again = wish(TransportKind::Webhook, json!({ "url": url }), &[]);
        let error = notifier.put_transport(name, again, "x").await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    notifier.delete_transport("hook").await.unwrap();
    assert!(matches!(notifier.delete_transport("hook").await, Err(DeskError::NotFound(_))));
    assert!(house.notify.list_transport_secrets().await.unwrap().is_empty());
    notifier.stop().await;
}

#[tokio::test]
async fn routes_are_written_by_whoever_read_them_last() {
    let house = House::build().await;
    house.declare("nightly", Some(alerts(&["hook"])), &["etl"]);
    let notifier = house.notifier(settings(vec![webhook("hook", "http://127.0.0.1:1/")], json!([])));
    let routes = [json!({ "name": "etl", "tags": ["etl"], "recipients": ["hook"] })];
    let list = notifier.put_routes(0, &routes, "user:ann").await.unwrap();
    assert_eq!((list.version, list.stored.len(), list.changed.unwrap().1.as_str()), (1, 1, "user:ann"));
    assert!(matches!(notifier.put_routes(0, &routes, "user:bob").await, Err(DeskError::Stale(1))));
    let wrong = [json!({ "name": "x", "recipients": ["a b"] }), json!({ "name": "x", "evnts": [] })];
    let Err(DeskError::Invalid(problems)) = notifier.put_routes(1, &wrong, "user:bob").await else { panic!("taken") };
    let told: Vec<String> = problems.iter().map(|problem| problem.pointer()).collect();
    assert_eq!(told, ["/0/recipients", "/1/evnts"]);
    let told = notifier.simulate("nightly", None, EventKind::Failed).await.unwrap();
    assert_eq!(told.len(), 1, "the job and the route say the same: {told:?}");
    let other = notifier.simulate("unknown", Some(vec!["etl".into()]), EventKind::Failed).await.unwrap();
    assert_eq!(other[0].route.as_deref(), Some("etl"));
    notifier.stop().await;
}

#[tokio::test]
async fn slack_and_teams_get_what_they_read() {
    let (house, (sink, url)) = (House::build().await, Sink::open().await);
    let notifier = house.notifier(settings(Vec::new(), json!([])));
    let secret = || SecretWish::Set(Hidden::new(url.as_str()));
    for (name, kind) in [("chat", TransportKind::Slack), ("teams", TransportKind::Teams)] {
        notifier.put_transport(name, wish(kind, json!({}), &[("webhook_url", secret())]), "x").await.unwrap();
    }
    house.declare("nightly", Some(alerts(&["#ops", "teams"])), &[]);
    house.fail("nightly").await;
    let got = sink.wait(2).await;
    notifier.stop().await;
    let slack = got.iter().map(|got| got.json()).find(|body| body["channel"] == "#ops").unwrap();
    assert_eq!((slack["username"].clone(), slack["icon_emoji"].clone()), (json!("Nomaflow"), json!(":gear:")));
    assert_eq!(slack["text"], "[Nomaflow] FAILED nightly");
    assert_eq!(slack["attachments"][0]["color"], "#d13438");
    assert!(slack["attachments"][0]["text"].as_str().unwrap().contains("no such host"));
    let teams = got.iter().map(|got| got.json()).find(|body| body["type"] == "message").unwrap();
    let card = &teams["attachments"][0]["content"];
    assert_eq!((card["type"].clone(), card["version"].clone()), (json!("AdaptiveCard"), json!("1.4")));
    assert!(card["actions"][0]["url"].as_str().unwrap().starts_with("https://jobs.test/runs/"));
}
