//! Secrets go in and do not come out.

use serde_json::json;

use crate::support::house;

#[tokio::test]
async fn a_secret_is_listed_without_its_value_and_deleted() {
    let house = house().await;
    let put = house.ask("PUT", "/admin/secrets/db-password", &json!({ "value": "hunter2" }).to_string()).await;
    assert_eq!(put.status, 200, "{}", put.body);
    assert!(!put.body.contains("hunter2"));
    let listed = house.ask("GET", "/admin/secrets", "").await;
    assert!(!listed.body.contains("hunter2"), "{}", listed.body);
    let secrets = listed.json();
    assert_eq!(secrets["secrets"][0]["name"], "db-password");
    assert_eq!(secrets["secrets"][0]["updated_by"], "api");
    assert_eq!(house.ask("DELETE", "/admin/secrets/db-password", "").await.status, 200);
    house.ask("DELETE", "/admin/secrets/db-password", "").await.problem(404, "it is gone");
}

#[tokio::test]
async fn names_and_values_that_make_no_secret_are_refused() {
    let house = house().await;
    for name in ["1st", "a.b", "a%20b", "%C3%A9"] {
        let answer = house.ask("PUT", &format!("/admin/secrets/{name}"), &json!({ "value": "x" }).to_string()).await;
        answer.problem(422, name);
    }
    let big = "x".repeat(64 * 1024 + 1);
    for body in [json!({ "value": "" }), json!({ "value": big }), json!({ "value": 5 }), json!({ "valve": "x" })] {
        house.ask("PUT", "/admin/secrets/fine", &body.to_string()).await.problem(422, "the body");
    }
    assert_eq!(house.ask("GET", "/admin/secrets", "").await.json(), json!({ "secrets": [] }));
}
