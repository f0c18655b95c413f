//! Who did what: nothing that changes is forgotten, and nothing secret is kept.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::support::{House, TOKEN, house};

/// They change nothing and are kept only when they are refused.
const CHANGES_NOTHING: [&str; 6] = [
    "/auth/refresh",
    "/auth/preferences",
    "/admin/jobs/validate",
    "/admin/connectors/{name}/check",
    "/admin/notifications/routes/simulate",
    "/admin/notifications/previews",
];

impl House {
    async fn entries(&self) -> Vec<Value> {
        let page = self.ask("GET", "/admin/audit?limit=1000", "").await;
        assert_eq!(page.status, 200, "{}", page.body);
        page.json()["entries"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn every_route_that_is_not_a_get_leaves_an_entry_also_when_it_is_refused() {
    let house = house().await;
    let changes: Vec<_> = host_api::table().into_iter().filter(|line| line.method != "GET").collect();
    assert!(changes.len() > 8, "{changes:?}");
    for line in changes.iter().filter(|line| !CHANGES_NOTHING.contains(&line.path.as_str())) {
        let path = line.path.replace(['{', '}'], "");
        for (token, what) in [(TOKEN, "allowed"), ("wrong", "a stranger")] {
            let before = house.entries().await;
            let bearer = format!("Bearer {token}");
            let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
            let answer = house.plain(&line.method, &path, &headers, "{}").await;
            let after = house.entries().await;
            // A stranger has nothing to sign out of.
            let is_nothing = path == "/auth/logout" && token != TOKEN;
            assert_eq!(after.len() - before.len(), usize::from(!is_nothing), "{} {path}: {what}", line.method);
            if !is_nothing {
                assert_eq!(after[0]["detail"]["status"], answer.status, "{}", after[0]);
                assert_ne!(after[0]["outcome"], "begun", "{}", after[0]);
            }
        }
    }
    let verdict = house.ask("GET", "/admin/audit/verify", "").await.json();
    assert_eq!((&verdict["ok"], &verdict["broken_at"]), (&json!(true), &Value::Null), "{verdict}");
}

#[tokio::test]
async fn an_entry_says_who_what_where_and_what_came_of_it() {
    let house = house().await;
    let run = house.ask("POST", "/admin/jobs/quick/run", "").await.json();
    let bearer = format!("Bearer {TOKEN}");
    let cli = [("authorization", bearer.as_str()), ("nomaflow-client", "cli/ann")];
    house.plain("DELETE", "/admin/secrets/nothing", &cli, "").await.problem(404, "there is none");
    let entries = house.entries().await;
    let (deleted, ran) = (&entries[0], &entries[1]);
    assert_eq!(ran["action"], "jobs.run");
    assert_eq!((&ran["user"], &ran["source"]), (&json!("admin"), &json!("api")));
    assert_eq!((&ran["object"], &ran["outcome"]), (&json!("quick"), &json!("done")));
    assert_eq!(ran["detail"]["run_id"], run["run_id"]);
    assert_eq!((&deleted["action"], &deleted["source"]), (&json!("secrets.delete"), &json!("cli:ann")));
    assert_eq!((&deleted["object"], &deleted["outcome"]), (&json!("nothing"), &json!("failed")));
    assert_eq!(deleted["detail"]["problem"], "not-found");
    house.idle().await;
}

#[tokio::test]
async fn no_secret_password_or_token_gets_into_the_trail() {
    let house = house().await;
    let planted = "planted-93kd02";
    house.ask("PUT", "/admin/secrets/db", &json!({ "value": planted }).to_string()).await;
    for body in [json!({ "token": planted }), json!({ "user": planted, "password": planted })] {
        let kind = [("content-type", "application/json")];
        house.plain("POST", "/auth/login", &kind, &body.to_string()).await;
    }
    let login = json!({ "token": TOKEN }).to_string();
    let session = house.plain("POST", "/auth/login", &[("content-type", "application/json")], &login).await;
    assert_eq!(session.status, 200);
    let export = house.ask("GET", "/admin/audit/export", "").await;
    assert!(export.body.contains("secrets.put") && export.body.contains("auth.login"), "{}", export.body);
    assert!(!export.body.contains(planted) && !export.body.contains(TOKEN), "{}", export.body);
}

#[tokio::test]
async fn a_change_that_cannot_be_kept_is_refused_and_does_not_happen() {
    let house = house().await;
    house.audit.fails.store(true, Ordering::Relaxed);
    let refused = house.ask("PUT", "/admin/secrets/db", &json!({ "value": "v" }).to_string()).await;
    assert_eq!(refused.problem(503, "no trail")["type"], "urn:nomaflow:problem:audit-unavailable");
    house.ask("POST", "/admin/jobs/quick/run", "").await.problem(503, "no trail");
    let login = json!({ "token": TOKEN }).to_string();
    let withheld = house.plain("POST", "/auth/login", &[("content-type", "application/json")], &login).await;
    withheld.problem(503, "a sign-in without an entry");
    assert_eq!(withheld.header("set-cookie"), "");
    assert_eq!(house.ask("GET", "/admin/secrets", "").await.json()["secrets"], json!([]));
    assert_eq!(house.ask("GET", "/admin/jobs/runs", "").await.json()["runs"], json!([]));
    house.audit.fails.store(false, Ordering::Relaxed);
    assert_eq!(house.ask("PUT", "/admin/secrets/db", &json!({ "value": "v" }).to_string()).await.status, 200);
}

#[tokio::test]
async fn the_trail_is_paged_filtered_and_exported_whole() {
    let house = house().await;
    for n in 0..7 {
        house.ask("DELETE", &format!("/admin/secrets/s{n}"), "").await;
    }
    let first = house.ask("GET", "/admin/audit?limit=4&action=secrets", "").await.json();
    assert_eq!(first["entries"].as_array().unwrap().len(), 4);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = house.ask("GET", &format!("/admin/audit?limit=4&action=secrets&cursor={cursor}"), "").await.json();
    assert_eq!((rest["entries"].as_array().unwrap().len(), &rest["next_cursor"]), (3, &Value::Null));
    let one = house.ask("GET", "/admin/audit?object=s3&outcome=failed&user=admin", "").await.json();
    assert_eq!(one["entries"].as_array().unwrap().len(), 1);
    let export = house.ask("GET", "/admin/audit/export", "").await;
    assert_eq!(export.header("content-type"), "application/x-ndjson");
    let lines: Vec<Value> = export.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 14, "a beginning and an end of each");
    assert!(lines.windows(2).all(|two| two[1]["previous"] == two[0]["hash"]));
    let last = lines.last().unwrap();
    let expect = format!("/admin/audit/verify?expect={}:{}", last["seq"], last["hash"].as_str().unwrap());
    assert_eq!(house.ask("GET", &expect, "").await.json()["ok"], true);
    let gone = house.ask("GET", "/admin/audit/verify?expect=99:00", "").await.json();
    assert_eq!((&gone["ok"], &gone["broken_at"]), (&json!(false), &json!(99)));
    for query in ["limit=0", "cursor=x", "outcome=good", "from=yesterday", "color=red"] {
        house.ask("GET", &format!("/admin/audit?{query}"), "").await.problem(422, query);
    }
}
