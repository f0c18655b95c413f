//! Requests that cannot be read or do not make sense: each a problem document, none a surprise.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::http::Request;
use futures_util::StreamExt;
use host_model::run::RunFilter;

use crate::support::{TOKEN, house};

#[tokio::test]
async fn addresses_queries_and_bodies_that_make_no_sense_are_problems() {
    let house = house().await;
    let table = [
        ("GET", "/admin/jobs/%ff", "", 400),
        ("POST", "/admin/jobs/%ff/run", "", 400),
        ("GET", "/admin/jobs/%ff/next", "", 400),
        ("GET", "/admin/jobs/runs/%ff", "", 400),
        ("GET", "/admin/jobs/runs/%ff/logs", "", 400),
        ("POST", "/admin/jobs/runs/%ff/cancel", "", 400),
        ("GET", "/admin/jobs/%2e%2e%2fetc", "", 404),
        ("GET", "/admin/jobs/runs/short", "", 404),
        ("GET", "/admin/jobs/runs?limit=many", "", 422),
        ("GET", "/admin/jobs/runs?limit=-1", "", 422),
        ("GET", "/admin/jobs/runs?status=asleep", "", 422),
        ("GET", "/admin/jobs/runs?job=%20", "", 200),
        ("GET", "/admin/jobs/runs?job=a%20b", "", 422),
        ("GET", "/admin/jobs/runs?before=zz", "", 422),
        ("GET", "/admin/jobs/runs?from=yesterday", "", 422),
        ("GET", "/admin/jobs/runs?sort=id", "", 422),
        ("GET", "/admin/jobs/runs/0000000000000/logs?from=-1", "", 422),
        ("GET", "/admin/jobs/runs?min_seconds=long", "", 422),
        ("GET", "/admin/jobs/runs?min_seconds=NaN", "", 200),
        ("GET", "/admin/jobs/runs?limit=99999999999999999999", "", 422),
        ("GET", "/admin/jobs/runs?q=%ff", "", 200),
        ("GET", "/admin/jobs?recent=-1", "", 422),
        ("GET", "/admin/jobs?sort=id", "", 422),
        ("GET", "/admin/jobs/quick/stats?x=1", "", 422),
        ("GET", "/admin/jobs/quick/stats?before=x", "", 422),
        ("GET", "/admin/jobs/runs/plot?status=LOUD", "", 422),
        ("GET", "/admin/jobs/runs/export.csv?format=csv", "", 422),
        ("GET", "/admin/jobs/%ff/stats", "", 400),
        ("GET", "/admin/jobs/%2e%2e%2fetc/stats", "", 404),
        ("GET", "/admin/jobs/runs/0000000000000/logs/search?q=(", "", 404),
        ("GET", "/admin/jobs/runs/%ff/logs/search", "", 400),
        ("GET", "/admin/jobs/runs/%ff/logs/counts", "", 400),
        ("GET", "/admin/jobs/runs/%ff/logs/download", "", 400),
        ("GET", "/admin/jobs/runs/0000000000000/logs/counts", "", 404),
        ("GET", "/admin/jobs/runs/0000000000000/logs/download", "", 404),
        ("GET", "/admin/jobs/runs/0000000000000/logs/search?regex=perhaps", "", 422),
        ("GET", "/admin/jobs/runs/0000000000000/logs/search?from=18446744073709551616", "", 422),
        ("GET", "/admin/logs/search", "", 422),
        ("GET", "/admin/logs/search?q=", "", 422),
        ("GET", "/admin/logs/search?q=%22open", "", 422),
        ("GET", "/admin/logs/search?q=a*", "", 422),
        ("GET", "/admin/logs/search?q=word&level=LOUD", "", 422),
        ("GET", "/admin/logs/search?q=word&cursor=-1.x", "", 422),
        ("GET", "/admin/logs/search?q=word&from=yesterday", "", 422),
        ("GET", "/admin/logs/search?q=word&job=a%20b", "", 422),
        ("GET", "/admin/logs/search?q=word%27%20OR%201", "", 200),
        ("GET", "/admin/connectors/%ff/tables", "", 400),
        ("GET", "/admin/connectors/..%2f..%2fetc/queries", "", 404),
        ("GET", "/admin/schedule?from=99999999999-01-01", "", 422),
        ("GET", "/openapi.yaml", "", 200),
        ("GET", "/docs/../admin/jobs", "", 404),
        ("GET", "/docs/secret", "", 404),
        ("POST", "/metrics", "", 405),
        ("POST", "/admin/jobs/quick/run", "{\"params\":[]}", 422),
        ("POST", "/admin/jobs/quick/run", "{\"params\":{\"n\":1e999}}", 422),
        ("POST", "/admin/jobs/quick/run", "{\"log_level\":5}", 422),
        ("POST", "/admin/jobs/quick/run", "null", 422),
        ("POST", "/admin/jobs/runs/0000000000000/replay", "{\"from_step\":1}", 422),
        ("POST", "/admin/jobs/runs/0000000000000/replay", "", 404),
        ("POST", "/admin/scheduler/pause", "{\"reason\":null}", 422),
        ("PUT", "/admin/secrets/..%2fx", "{\"value\":\"v\"}", 422),
        ("PUT", "/admin/secrets/x", "{\"value\":\"\"}", 422),
        ("POST", "/admin/jobs/quick/run", "{", 422),
        ("POST", "/admin/jobs/quick/run", "[]", 422),
        ("POST", "/admin/jobs/quick/run", "{\"parms\":{}}", 422),
        ("POST", "/admin/jobs/quick/run", "{\"step_enabled\":{\"zz\":false}}", 422),
        ("POST", "/admin/jobs/quick/run", "{\"step_enabled\":{\"a b\":false}}", 422),
        ("POST", "/admin/jobs/quick/run", "{\"log_level\":\"LOUD\"}", 422),
        ("POST", "/auth/login", "{\"token\":1}", 422),
        ("POST", "/auth/login", "", 415),
        ("GET", "/admin/nothing", "", 404),
        ("POST", "/auth", "", 404),
        ("PUT", "/admin/jobs/quick/next", "", 405),
        ("OPTIONS", "/admin/jobs", "", 405),
        ("DELETE", "/healthz", "", 405),
        ("POST", "/somewhere", "", 405),
    ];
    for (method, path, body, status) in table {
        let answer = house.ask(method, path, body).await;
        if status < 400 {
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        } else {
            answer.problem(status, &format!("{method} {path} {body}"));
        }
    }
    assert_eq!(house.ask("PUT", "/admin/jobs/quick/next", "").await.header("allow"), "GET,HEAD");
    let runs = house.store.list_runs(&RunFilter { limit: 10, ..RunFilter::default() }).await.unwrap();
    assert!(runs.is_empty(), "nothing ran: {runs:?}");
}

#[tokio::test]
async fn patterns_that_are_none_or_too_large_are_refused() {
    let house = house().await;
    let run = house.fire("quick").await;
    house.idle().await;
    let long = "a".repeat(1001);
    let huge = "q=(a%7B1000%7D)%7B1000%7D&regex=true";
    for query in ["q=(&regex=true", huge, &format!("q={long}"), "level=LOUD", "step=a%20b"] {
        house.ask("GET", &format!("/admin/jobs/runs/{run}/logs/search?{query}"), "").await.problem(422, query);
    }
    house.ask("GET", &format!("/admin/jobs/runs/{run}/logs/download?format=pdf"), "").await.problem(422, "pdf");
    let hits = house.ask("GET", &format!("/admin/jobs/runs/{run}/logs/search?q=("), "").await.json();
    assert_eq!(hits["total"], 0, "plain text is no pattern: {hits}");
}

#[tokio::test]
async fn a_body_that_is_not_said_to_be_json_is_refused_and_never_ignored() {
    let house = house().await;
    let token = format!("Bearer {TOKEN}");
    let token = ("authorization", token.as_str());
    let body = "{\"params\":{\"day\":\"2026-01-01\"}}";
    for kind in ["application/x-www-form-urlencoded", "text/plain", ""] {
        let answer = house.plain("POST", "/admin/jobs/quick/run", &[token, ("content-type", kind)], body).await;
        answer.problem(415, kind);
    }
    let kind = ("content-type", "Application/JSON; charset=utf-8");
    let fired = house.plain("POST", "/admin/jobs/quick/run", &[token, kind], body).await;
    assert_eq!(fired.status, 202, "{}", fired.body);
    house.idle().await;
    let run = house.ask("GET", &format!("/admin/jobs/runs/{}", fired.json()["run_id"].as_str().unwrap()), "").await;
    assert_eq!(run.json()["run"]["params"]["params"]["day"], "2026-01-01");
}

#[tokio::test]
async fn a_huge_body_is_refused_before_it_is_read() {
    let house = house().await;
    let read = Arc::new(AtomicUsize::new(0));
    let count = read.clone();
    let chunks = futures_util::stream::iter(0..100).map(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1 << 20]))
    });
    let request = Request::builder().method("POST").uri("/admin/jobs/quick/run");
    let request = request.header("authorization", format!("Bearer {TOKEN}")).header("content-type", "application/json");
    let answer = house.send(request.body(Body::from_stream(chunks)).unwrap()).await;
    answer.problem(413, "100 MB");
    assert!(read.load(Ordering::SeqCst) < 5, "{read:?} MB were read");
}
