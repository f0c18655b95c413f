//! What somebody chose for the page goes with their account.

use serde_json::json;

use crate::access::caller;
use crate::support::house;

const PATH: &str = "/auth/preferences";

#[tokio::test]
async fn preferences_are_kept_for_each_account() {
    let house = house().await;
    let (ann, bob) = (caller(&house, "ann", &["job:*"]).await, caller(&house, "bob", &[]).await);
    let none = json!({ "preferences": {}, "kept": true });
    assert_eq!(house.ask_as(&ann, "GET", PATH, "").await.json(), none);
    let dark = json!({ "preferences": { "theme": "dark", "zone": "utc" } });
    let kept = house.ask_as(&ann, "PUT", PATH, &dark.to_string()).await;
    assert_eq!(kept.json()["preferences"], dark["preferences"]);
    assert_eq!(house.ask_as(&ann, "GET", PATH, "").await.json()["preferences"], dark["preferences"]);
    assert_eq!(house.ask_as(&bob, "GET", PATH, "").await.json(), none);
}

#[tokio::test]
async fn preferences_without_an_account_or_without_measure_are_refused() {
    let house = house().await;
    assert_eq!(house.ask("GET", PATH, "").await.json(), json!({ "preferences": {}, "kept": false }));
    house.ask("PUT", PATH, "{\"preferences\":{}}").await.problem(409, "no account");
    let ann = caller(&house, "ann", &[]).await;
    for preferences in [json!({ "theme": "x".repeat(201) }), json!({ "theme": 3 })] {
        let body = json!({ "preferences": preferences }).to_string();
        house.ask_as(&ann, "PUT", PATH, &body).await.problem(422, &body);
    }
}
