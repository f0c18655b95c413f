//! Every problem has the id of its request: in the document and in the header, for whoever looks for it in the log.

use crate::support::{Answer, TOKEN, house};

#[track_caller]
fn is_named(answer: &Answer, id: &str, what: &str) -> bool {
    if answer.status < 400 {
        return false;
    }
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}: {}", answer.body);
    assert_eq!((answer.json()["request_id"].as_str(), answer.header("x-request-id")), (Some(id), id), "{what}");
    true
}

/// Routes that answer with a page to a browser.
const PAGES: [&str; 3] = ["/auth/login", "/auth/setup", "/auth/plain.css"];

#[tokio::test]
async fn every_problem_of_every_route_has_the_id_of_its_request() {
    let house = house().await;
    let bearer = format!("Bearer {TOKEN}");
    let mut problems = 0;
    for (n, line) in host_api::table().iter().enumerate() {
        // The stream lasts as long as the connection; that it is refused with an id is asked below.
        if line.path == "/admin/events" {
            continue;
        }
        let mut path = line.path.clone();
        while let Some((before, rest)) = path.split_once('{') {
            let after = rest.split_once('}').unwrap().1;
            path = format!("{before}nope{after}");
        }
        let what = format!("{} {path}", line.method);
        let id = format!("walk-{n}");
        let named = ("x-request-id", id.as_str());
        let json = ("content-type", "application/json");
        // As a stranger; with an unknown id; with a body that is none; as another kind of body.
        let tries: [(&[(&str, &str)], &str); 4] = [
            (&[named], ""),
            (&[named, ("authorization", &bearer), json], "{\"no-such-field\":1}"),
            (&[named, ("authorization", &bearer), json], "{"),
            (&[named, ("authorization", &bearer), ("content-type", "text/plain")], "x"),
        ];
        for (headers, body) in tries {
            let answer = house.plain(&line.method, &path, headers, body).await;
            if PAGES.contains(&line.path.as_str()) && answer.header("content-type").starts_with("text/html") {
                continue;
            }
            problems += usize::from(is_named(&answer, &id, &what));
        }
    }
    assert!(problems > 200, "{problems}");
    house.idle().await;
}

#[tokio::test]
async fn what_no_route_answers_has_an_id_as_well() {
    let house = house().await;
    let bearer = format!("Bearer {TOKEN}");
    for (method, path) in [
        ("POST", "/admin/jobs/nope/run"),
        ("GET", "/admin/nowhere"),
        ("PUT", "/healthz"),
        ("GET", "/assets/gone.js"),
        ("POST", "/jobs"),
        ("GET", "/admin/events?run=nonsense"),
        ("DELETE", "/admin/users/nobody"),
    ] {
        let answer = house.plain(method, path, &[("authorization", &bearer)], "").await;
        let id = answer.header("x-request-id").to_owned();
        assert_eq!(id.len(), 24, "{method} {path}");
        assert!(is_named(&answer, &id, path), "{method} {path}: {}", answer.status);
    }
}

#[tokio::test]
async fn a_query_that_cannot_be_read_is_told_by_its_key_and_in_our_words() {
    let house = house().await;
    let bearer = format!("Bearer {TOKEN}");
    for (path, part) in [
        ("/admin/jobs/runs?limit=abc", "the query cannot be read: limit: "),
        ("/admin/jobs/runs?from=yesterday", "the query cannot be read: from: `yesterday` is not an instant such as "),
        ("/admin/audit?to=2026", "the query cannot be read: to: `2026` is not an instant such as "),
        ("/admin/logs/search?q=a&from=x", "the query cannot be read: from: `x` is not an instant such as "),
    ] {
        let answer = house.plain("GET", path, &[("authorization", &bearer)], "").await;
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(answer.status == 422 && detail.starts_with(part), "{path}: {detail}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_called_so_however_it_is_sent() {
    let house = house().await;
    let (bearer, long) = (format!("Bearer {TOKEN}"), " ".repeat(3 << 20));
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let answer = house.plain("POST", "/admin/jobs/validate", &headers, &long).await;
    assert_eq!((answer.status, answer.json()["type"].as_str()), (413, Some("urn:nomaflow:problem:too-large")));
}
