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

async fn preview(house: &crate::support::House, body: &Value) -> crate::support::Answer {
    house.ask("POST", &format!("{BASE}/previews"), &body.to_string()).await
}

#[tokio::test]
async fn a_preview_tells_of_a_real_run_sends_nothing_and_says_that_links_are_missing() {
    let house = house().await;
    let body =
        json!({ "kind": "slack", "settings": { "to": "#ops" }, "secrets": { "webhook_url": { "set": PLANTED } } });
    assert_eq!(house.ask("PUT", &format!("{BASE}/transports/chat"), &body.to_string()).await.status, 200);
    let made_up = preview(&house, &json!({ "name": "chat", "event": "no_success" })).await;
    assert_eq!(made_up.status, 200, "{}", made_up.body);
    let made_up = made_up.json();
    assert_eq!(
        (&made_up["sample"], &made_up["run_id"], &made_up["recipient"]),
        (&json!(true), &Value::Null, &json!("#ops"))
    );
    let run = house.fire("quick").await.to_string();
    house.idle().await;
    let found = preview(&house, &json!({ "name": "chat", "event": "succeeded" })).await.json();
    assert_eq!((&found["sample"], &found["run_id"], &found["job_id"]), (&json!(false), &json!(run), &json!("quick")));
    assert_eq!((&found["title"], &found["links_missing"]), (&json!("[Nomaflow] SUCCEEDED quick"), &json!(true)));
    let part = &found["parts"][0];
    assert_eq!(part["media_type"], "application/json");
    let sent = parse(part["text"].as_str().unwrap());
    assert_eq!(sent["channel"], "#ops");
    assert!(!found.to_string().contains("pl4nted"), "{found}");
    let deliveries = house.ask("GET", &format!("{BASE}/deliveries"), "").await.json();
    assert_eq!(deliveries["deliveries"], json!([]));
    // With values that are not saved, and with what the run came to.
    let mail = json!({ "host": "mail.test", "from": "jobs@a.test", "to": "ops@a.test" });
    let mail = preview(&house, &json!({ "kind": "smtp", "settings": mail, "run_id": run })).await.json();
    assert_eq!((&mail["event"], &mail["parts"][1]["media_type"]), (&json!("succeeded"), &json!("text/html")));
    for (body, status) in [
        (json!({ "name": "nope" }), 404),
        (json!({ "name": "chat", "run_id": "nope" }), 404),
        (json!({ "name": "chat", "event": "nope" }), 422),
        (json!({ "name": "chat", "settings": { "to": "#x" } }), 422),
        (json!({ "kind": "smtp" }), 422),
    ] {
        assert_eq!(preview(&house, &body).await.status, status, "{body}");
    }
}

#[tokio::test]
async fn a_template_that_cannot_be_filled_in_is_told_with_line_and_column() {
    let house = house().await;
    let try_body = async |body: Value| {
        let settings = json!({ "url": "https://pager.test", "body": body });
        preview(&house, &json!({ "kind": "webhook", "settings": settings })).await
    };
    let refused = try_body(json!("{\n  \"summary\": \"${title}\",\n  \"job\": \"${jobid}\"\n}")).await;
    let problem = refused.problem(422, "an unknown word");
    let found = &problem["problems"][0];
    assert_eq!(
        (&found["pointer"], &found["line"], &found["column"]),
        (&json!("/settings/body"), &json!(3), &json!(11))
    );
    assert!(found["message"].as_str().unwrap().contains("did you mean `${job_id}`?"), "{found}");
    let table = try_body(json!({ "a": [{ "b": "${nope}" }] })).await.problem(422, "in a table");
    assert_eq!(table["problems"][0]["pointer"], "/settings/body/a/0/b");
    let text = try_body(json!("{ \"summary\": \"${title}\", }")).await.json();
    assert_eq!(text["parts"][0]["media_type"], "text/plain");
    assert!(text["warnings"][0].as_str().unwrap().contains("line 1 column"), "{text}");
    let good = try_body(json!({ "summary": "${title}", "n": "${count}" })).await.json();
    let sent = parse(good["parts"][0]["text"].as_str().unwrap());
    assert_eq!((&sent["n"], good["sample"].as_bool()), (&json!(1), Some(true)));
}

#[tokio::test]
async fn a_preview_shows_no_run_of_a_job_that_may_not_be_seen() {
    let house = house().await;
    let run = house.fire("quick").await.to_string();
    house.idle().await;
    let made =
        house.ask("POST", "/admin/users", r#"{"name":"bob","permissions":["settings:notifications"]}"#).await.json();
    let once = made["one_time_password"].as_str().unwrap();
    let form = format!("username=bob&code={once}&new=seven+green+bottles&again=seven+green+bottles");
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let signed_in = house.plain("POST", "/auth/setup", &[kind], &form).await;
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
    let ask = async |body: Value| {
        let headers = [("cookie", cookie.as_str()), ("content-type", "application/json")];
        house.plain("POST", &format!("{BASE}/previews"), &headers, &body.to_string()).await
    };
    let settings = json!({ "url": "https://pager.test" });
    let found = ask(json!({ "kind": "webhook", "settings": settings, "event": "succeeded" })).await.json();
    assert_eq!((&found["sample"], &found["run_id"]), (&json!(true), &Value::Null), "{found}");
    ask(json!({ "kind": "webhook", "settings": settings, "run_id": run })).await.problem(404, "a run of another job");
}
