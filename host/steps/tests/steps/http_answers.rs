//! What the `http` step makes of an answer: parts of it, pages of it, large ones; and what it asks for.

use std::time::{Duration, Instant};

use host_model::job::spec::{HttpAuth, HttpSpec, PageBy, Pagination};
use host_model::{Json, StepErrorKind};
use serde_json::json;

use crate::http::{bench, get, reply, run, run_in, serve};

fn json_reply(headers: &str, body: &Json) -> Option<Vec<u8>> {
    reply("200 OK", &format!("content-type: application/json\r\n{headers}"), &body.to_string())
}

fn map(json: Json) -> host_model::JsonMap {
    json.as_object().cloned().unwrap()
}

/// The value of a query parameter of the request line.
fn param<'r>(request: &'r str, name: &str) -> Option<&'r str> {
    let line = request.lines().next()?.split(' ').nth(1)?;
    line.split_once('?')?.1.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn paged(url: String, by: PageBy) -> HttpSpec {
    HttpSpec { pagination: Some(Pagination { by, max_pages: 20 }), ..get(url) }
}

fn by_page() -> PageBy {
    PageBy::Page { param: "page".into(), first: 1 }
}

#[tokio::test]
async fn a_large_body_goes_to_a_file_of_the_run_and_a_small_one_does_not() {
    let text = format!("\"{}é\"", "x".repeat(1_000_000));
    let large = text.clone();
    let server = serve(move |request| {
        let body = if request.starts_with("GET /large") { large.clone() } else { "x".repeat(64 * 1024) };
        reply("200 OK", "content-type: application/json\r\n", &body)
    })
    .await;
    let (home, bench) = (tempfile::tempdir().unwrap(), bench());
    let done = run_in(home.path(), &bench, get(format!("{}/large", server.base))).await.unwrap();
    let file = std::path::Path::new(done.output["body_file"].as_str().unwrap());
    assert_eq!(std::fs::read_to_string(file).unwrap(), text);
    assert_eq!(done.output["body_bytes"], text.len());
    assert!(done.output.get("body").is_none());
    let context = bench.context();
    let folder = home.path().join("data/runs").join(context.run_id.to_string());
    assert_eq!(file, folder.join(format!("{}.{}.json", context.step, context.attempt)));
    let done = run_in(home.path(), &bench, get(format!("{}/small", server.base))).await.unwrap();
    assert_eq!(done.output["body"].as_str().unwrap().len(), 64 * 1024);
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1);
}

#[tokio::test]
async fn a_small_body_that_is_no_text_goes_to_a_file_byte_by_byte() {
    let bytes: Vec<u8> = (0..=255).collect();
    let sent = bytes.clone();
    let server = serve(move |_| {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: 256\r\n\r\n".to_vec();
        Some([head, sent.clone()].concat())
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let done = run_in(home.path(), &bench(), get(server.base.clone())).await.unwrap();
    assert_eq!(std::fs::read(done.output["body_file"].as_str().unwrap()).unwrap(), bytes);
    assert_eq!((&done.output["body_bytes"], done.output.get("body")), (&256.into(), None));
}

#[tokio::test]
async fn numbers_in_an_answer_keep_every_digit() {
    let body =
        "\u{feff}{\"amount\": 12345678901234567.89, \"items\": [123456789012345678901234, 9007199254740993, 19.99]}";
    let server = serve(move |_| reply("200 OK", "content-type: application/json\r\n", body)).await;
    let whole = run(&bench(), get(server.base.clone())).await.unwrap();
    let items = json!(["123456789012345678901234", 9_007_199_254_740_993_i64, 19.99]);
    assert_eq!(whole.output["body"], json!({"amount": "12345678901234567.89", "items": items}));
    let picked = run(&bench(), HttpSpec { pick: Some("items".into()), ..get(server.base.clone()) }).await.unwrap();
    assert_eq!(picked.output["body"], items);
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_no_file() {
    let server = serve(|_| {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n".to_vec();
        Some([head, vec![b'x'; 200_000]].concat())
    })
    .await;
    let (home, bench) = (tempfile::tempdir().unwrap(), bench());
    let error = run_in(home.path(), &bench, get(server.base.clone())).await.unwrap_err();
    assert_eq!((error.kind, error.may_retry), (StepErrorKind::Remote, true), "{error}");
    let folder = home.path().join("data/runs").join(bench.context().run_id.to_string());
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}

#[tokio::test]
async fn more_bytes_than_allowed_end_the_step_whether_they_are_announced_or_not() {
    let server = serve(|request| match request.starts_with("GET /told") {
        true => reply("200 OK", "", &"x".repeat(200_000)),
        false => Some([&b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"[..], &vec![b'x'; 200_000]].concat()),
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    for path in ["told", "untold"] {
        let spec = HttpSpec { max_response_bytes: 100_000, ..get(format!("{}/{path}", server.base)) };
        let error = run_in(home.path(), &bench(), spec).await.unwrap_err();
        assert!(error.message.ends_with("the answer has more than 100000 bytes (`max_response_bytes`)"), "{error}");
        assert!(!error.may_retry);
    }
}

#[tokio::test]
async fn a_part_of_the_answer_can_be_picked() {
    let server = serve(|_| json_reply("", &json!({"data": {"items": [{"id": 7}]}}))).await;
    for (path, found) in [("data.items.0.id", json!(7)), ("/data/items", json!([{"id": 7}]))] {
        let spec = HttpSpec { pick: Some(path.into()), ..get(server.base.clone()) };
        assert_eq!(run(&bench(), spec).await.unwrap().output["body"], found);
    }
    let spec = HttpSpec { pick: Some("data.rows".into()), ..get(server.base.clone()) };
    let error = run(&bench(), spec).await.unwrap_err();
    assert!(error.message.ends_with("the answer has nothing at `data.rows`"), "{error}");
    let plain = serve(|_| reply("200 OK", "", "no JSON")).await;
    let spec = HttpSpec { pick: Some("data".into()), ..get(plain.base.clone()) };
    assert!(run(&bench(), spec).await.unwrap_err().message.contains("answered no JSON"));
}

#[tokio::test]
async fn pages_are_followed_by_their_link_header() {
    let server = serve(|request| match param(request, "after") {
        None => json_reply("link: </x?after=1>; rel=\"next\", </x>; rel=\"first\"\r\n", &json!([1, 2])),
        Some("1") => json_reply("Link: <?after=2>; rel=next\r\n", &json!([])),
        _ => json_reply("", &json!([3])),
    })
    .await;
    let done = run(&bench(), paged(format!("{}/x", server.base), PageBy::Link)).await.unwrap();
    assert_eq!((&done.output["items"], &done.output["count"]), (&json!([1, 2, 3]), &json!(3)));
    assert_eq!((&done.output["pages"], &done.output["status"]), (&json!(3), &json!(200)));
}

#[tokio::test]
async fn pages_are_followed_by_a_cursor_in_the_body() {
    let server = serve(|request| match param(request, "cursor") {
        None => json_reply("", &json!({"rows": [1], "meta": {"next": "a b"}})),
        Some("a+b") => json_reply("", &json!({"rows": [2], "meta": {"next": 7}})),
        Some(_) => json_reply("", &json!({"rows": [3], "meta": {"next": null}})),
    })
    .await;
    let by = PageBy::Cursor { cursor: "meta.next".into(), param: Some("cursor".into()) };
    let mut spec = paged(format!("{}/x?size=1", server.base), by);
    spec.pick = Some("rows".into());
    spec.auth = Some(HttpAuth::Bearer { token: "t0ken".into() });
    assert_eq!(run(&bench(), spec).await.unwrap().output["items"], json!([1, 2, 3]));
    let seen = server.requests.lock().unwrap().clone();
    let lines: Vec<&str> = seen.iter().filter_map(|r| r.lines().next()?.split(' ').nth(1)).collect();
    assert_eq!(lines, ["/x?size=1", "/x?size=1&cursor=a+b", "/x?size=1&cursor=7"]);
    assert!(seen.iter().all(|request| request.contains("authorization: Bearer t0ken")));
}

#[tokio::test]
async fn a_cursor_may_be_the_url_of_the_next_page() {
    let server = serve(|request| match param(request, "n") {
        None => json_reply("", &json!({"value": [1], "@odata.nextLink": "?n=2"})),
        Some(_) => json_reply("", &json!({"value": [2]})),
    })
    .await;
    let by = PageBy::Cursor { cursor: "/@odata.nextLink".into(), param: None };
    let spec = HttpSpec { pick: Some("value".into()), ..paged(server.base.clone(), by) };
    assert_eq!(run(&bench(), spec).await.unwrap().output["items"], json!([1, 2]));
}

#[tokio::test]
async fn pages_are_counted_until_one_has_no_items() {
    let server = serve(|request| match param(request, "page") {
        Some("1") => json_reply("", &json!([1, 2])),
        Some("2") => json_reply("", &json!([3])),
        _ => json_reply("", &json!([])),
    })
    .await;
    let done = run(&bench(), paged(server.base.clone(), by_page())).await.unwrap();
    assert_eq!((&done.output["items"], &done.output["pages"]), (&json!([1, 2, 3]), &json!(3)));
}

#[tokio::test]
async fn many_items_go_to_a_file_that_is_one_list() {
    let server = serve(|request| {
        let page: u64 = param(request, "page").and_then(|text| text.parse().ok()).unwrap();
        let ids = if page > 12 { 0..0 } else { page * 1000..(page + 1) * 1000 };
        json_reply("", &Json::Array(ids.map(|id| json!({"id": id, "name": "x".repeat(20)})).collect()))
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let done = run_in(home.path(), &bench(), paged(server.base.clone(), by_page())).await.unwrap();
    assert_eq!((&done.output["count"], done.output.get("items")), (&json!(12_000), None));
    let text = std::fs::read_to_string(done.output["items_file"].as_str().unwrap()).unwrap();
    assert_eq!(done.output["items_bytes"], text.len());
    let items: Vec<Json> = serde_json::from_str(&text).unwrap();
    assert_eq!((items.len(), &items[0]["id"], &items[11_999]["id"]), (12_000, &json!(1000), &json!(12_999)));
}

#[tokio::test]
async fn pages_that_do_not_end_or_lead_elsewhere_are_refused() {
    let elsewhere = serve(|_| json_reply("", &json!([1]))).await;
    let far = elsewhere.base.clone();
    let server = serve(move |request| match request {
        r if r.starts_with("GET /self") => json_reply("link: </self>; rel=next\r\n", &json!([1])),
        r if r.starts_with("GET /far") => json_reply(&format!("link: <{far}/x>; rel=next\r\n"), &json!([1])),
        r if r.starts_with("GET /object") => json_reply("", &json!({"rows": 1})),
        _ => json_reply("", &json!([1])),
    })
    .await;
    for (path, by, words, may_retry) in [
        ("endless", by_page(), "there are more than 20 pages (`max_pages`)", false),
        ("self", PageBy::Link, "page 1 says that it is its own next page", true),
        ("far", PageBy::Link, "page 2 is on another host", false),
        ("object", PageBy::Link, "the body of page 1 is no list of items", true),
    ] {
        let error = run(&bench(), paged(format!("{}/{path}", server.base), by)).await.unwrap_err();
        assert!(error.message.contains(words), "{path}: {error}");
        assert_eq!(error.may_retry, may_retry, "{path}");
    }
    assert!(elsewhere.requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn query_form_and_a_header_of_its_own_are_sent() {
    let server = serve(|_| reply("204 No Content", "", "")).await;
    let mut spec = get(format!("{}/x?a=1", server.base));
    spec.method = "POST".into();
    spec.query = map(json!({"b": "ü &", "c": [1, true]}));
    spec.form = map(json!({"grant": "client credentials", "scope": ["r", "w"]}));
    spec.auth = Some(HttpAuth::Header { name: "X-Api-Key".into(), value: "s3cret".into() });
    let bench = bench();
    let done = run(&bench, spec).await.unwrap();
    let seen = server.requests.lock().unwrap()[0].clone();
    assert!(seen.starts_with("POST /x?a=1&b=%C3%BC+%26&c=1&c=true HTTP/1.1"), "{seen}");
    assert!(seen.to_lowercase().contains("content-type: application/x-www-form-urlencoded\r\n"), "{seen}");
    assert!(seen.contains("x-api-key: s3cret\r\n") && seen.ends_with("grant=client+credentials&scope=r&scope=w"));
    assert!(!bench.said("s3cret") && !Json::Object(done.output).to_string().contains("s3cret"));
}

#[tokio::test]
async fn a_server_that_asks_for_time_is_heard() {
    let server = serve(|request| match request.starts_with("GET /busy") {
        true => reply("429 Too Many Requests", "Retry-After: 37\r\n", ""),
        false => reply("503 Service Unavailable", "Retry-After: soon\r\n", ""),
    })
    .await;
    for (path, wait) in [("busy", Some(Duration::from_secs(37))), ("down", None)] {
        let error = run(&bench(), get(format!("{}/{path}", server.base))).await.unwrap_err();
        assert_eq!((error.may_retry, error.retry_after), (true, wait), "{path}");
    }
}

#[tokio::test]
async fn one_request_may_have_a_time_of_its_own() {
    let server = serve(|_| None).await;
    let begun = Instant::now();
    let spec = HttpSpec { request_timeout_seconds: Some(1), ..get(server.base.clone()) };
    let error = run(&bench(), spec).await.unwrap_err();
    assert!(error.message.ends_with("no whole answer within 1 s"), "{error}");
    assert_eq!((error.kind, error.may_retry), (StepErrorKind::Remote, true));
    assert!(begun.elapsed() < Duration::from_secs(10));
}
