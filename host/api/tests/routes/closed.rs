//! Who may come in.

use serde_json::json;

use crate::support::{TOKEN, house};

/// Every route, with what it answers to the right caller.
const ROUTES: &[(&str, &str, u16)] = &[
    ("GET", "/auth/me", 200),
    ("GET", "/admin/jobs", 200),
    ("GET", "/admin/jobs/health", 200),
    ("GET", "/admin/jobs/cron-preview?expression=0+4+*+*+*", 200),
    ("GET", "/admin/jobs/quick", 200),
    ("GET", "/admin/jobs/quick/next", 200),
    ("GET", "/admin/jobs/quick/slots", 200),
    ("GET", "/admin/jobs/quick/why", 200),
    ("GET", "/admin/scheduler", 200),
    ("POST", "/admin/scheduler/pause", 200),
    ("POST", "/admin/scheduler/resume", 200),
    ("GET", "/admin/maintenance", 200),
    ("POST", "/admin/maintenance", 422),
    ("DELETE", "/admin/maintenance/nope", 404),
    ("POST", "/admin/jobs/quick/schedules/nope/skip", 404),
    ("DELETE", "/admin/jobs/quick/schedules/nope/skip?due_at=2026-11-24T02:00", 404),
    ("GET", "/admin/schedule.ics", 200),
    ("GET", "/admin/jobs/nope", 404),
    ("POST", "/admin/jobs/quick/run", 202),
    ("POST", "/admin/jobs/nope/run", 404),
    ("GET", "/admin/jobs/runs", 200),
    ("GET", "/admin/jobs/runs/0000000000000", 404),
    ("GET", "/admin/jobs/runs/0000000000000/logs", 404),
    ("GET", "/admin/jobs/runs/0000000000000/definition", 404),
    ("POST", "/admin/jobs/runs/0000000000000/replay", 404),
    ("POST", "/admin/jobs/runs/0000000000000/cancel", 404),
    ("POST", "/admin/jobs/runs/0000000000000/abort", 404),
    ("POST", "/admin/reload", 200),
    ("GET", "/admin/secrets", 200),
    ("PUT", "/admin/secrets/token", 422),
    ("DELETE", "/admin/secrets/token", 404),
    ("HEAD", "/admin/jobs", 200),
    ("GET", "/admin/events?run=nonsense", 422),
    ("GET", "/admin/users", 200),
    ("GET", "/admin/tokens", 200),
    ("GET", "/admin/sessions", 200),
    ("GET", "/admin/audit", 200),
    ("GET", "/admin/audit/verify", 200),
    ("GET", "/admin/audit/export", 200),
];

#[tokio::test]
async fn every_route_is_closed_to_everybody_but_the_signed_in() {
    let house = house().await;
    let strangers: [&[(&str, &str)]; 7] = [
        &[],
        &[("authorization", "Bearer wrong")],
        &[("authorization", "Bearer ")],
        &[("authorization", TOKEN)],
        &[("authorization", "Basic YWRtaW46YWRtaW4=")],
        &[("cookie", "nomaflow_session=00")],
        &[("cookie", "nomaflow_session=")],
    ];
    for &(method, path, status) in ROUTES {
        for headers in strangers {
            let answer = house.plain(method, path, headers, "").await;
            if method == "HEAD" {
                assert_eq!(answer.status, 401, "{method} {path}");
            } else {
                answer.problem(401, path);
            }
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
        let answer = house.ask(method, path, "").await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert!(!answer.body.contains(TOKEN), "{path} tells the token");
    }
    let open = house.plain("GET", "/healthz", &[], "").await;
    assert_eq!((open.status, open.json()), (200, json!({"status": "ok", "version": "1.2.3"})));
    let scheme = house.plain("GET", "/auth/me", &[("authorization", &format!("bearer {TOKEN}"))], "").await;
    assert_eq!(scheme.status, 200, "the scheme's name is not case-sensitive");
    house.idle().await;
}

#[tokio::test]
async fn whatever_the_table_says_is_not_open_is_closed_to_strangers() {
    let house = house().await;
    let table = host_api::table();
    assert!(table.len() > 25, "{}", table.len());
    for line in table.iter().filter(|line| line.need != host_api::Need::Nothing) {
        let path = line.path.replace("{id}", "x").replace("{name}", "x");
        house.plain(&line.method, &path, &[], "").await.problem(401, &path);
    }
    let open: Vec<&str> = table.iter().filter(|l| l.need == host_api::Need::Nothing).map(|l| l.path.as_str()).collect();
    assert_eq!(
        open,
        [
            "/healthz",
            "/openapi.json",
            "/docs",
            "/docs/docs.js",
            "/docs/docs.css",
            "/auth/providers",
            "/auth/login",
            "/auth/login",
            "/auth/setup",
            "/auth/setup",
            "/auth/plain.css",
            "/auth/refresh",
            "/auth/logout",
            "/auth/oidc/{provider}/start",
            "/auth/oidc/{provider}/callback",
            "/auth/oidc/{provider}/signed-out",
            // Asks for the token in its address by itself; `every_route_is_closed_…` has it, too.
            "/admin/schedule.ics"
        ]
    );
    house.idle().await;
}

#[tokio::test]
async fn a_session_opens_the_same_doors_for_our_own_page_only() {
    let house = house().await;
    let json = ("content-type", "application/json");
    let body = json!({ "token": TOKEN }).to_string();
    let foreign = house.plain("POST", "/auth/login", &[json, ("host", "a:1"), ("origin", "http://b:1")], &body).await;
    foreign.problem(403, "a sign-in from another page");
    let login = house.plain("POST", "/auth/login", &[json], &body).await;
    let cookie = login.header("set-cookie").to_owned();
    assert_eq!(login.status, 200);
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && cookie.contains("Path=/"), "{cookie}");
    let cookie = ("cookie", cookie.split(';').next().unwrap());
    assert_eq!(
        house.plain("GET", "/auth/me", &[cookie], "").await.json(),
        json!({
            "user": "admin", "display_name": "", "source": "token", "permissions": ["superuser"],
            "must_change_password": false,
        })
    );
    let run = async |origin: &str| {
        house.plain("POST", "/admin/jobs/quick/run", &[cookie, ("host", "a:1"), ("origin", origin), json], "").await
    };
    for kind in ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let headers = [cookie, ("host", "a:1"), ("origin", "http://a:1"), ("content-type", kind)];
        house.plain("POST", "/admin/jobs/quick/run", &headers, "").await.problem(403, "what a form can send");
    }
    run("http://a:2").await.problem(403, "another port");
    run("null").await.problem(403, "a sandboxed page");
    assert_eq!(run("http://a:1").await.json()["triggered_by"], "user:admin");
    house.idle().await;
    assert_eq!(house.plain("POST", "/auth/logout", &[cookie], "").await.status, 200);
    house.plain("GET", "/auth/me", &[cookie], "").await.problem(401, "after signing out");
}

#[tokio::test]
async fn a_flood_of_wrong_tokens_is_slowed_down_and_locks_nobody_out() {
    let house = house().await;
    let login = async |token: &str| {
        let body = json!({ "token": token }).to_string();
        house.plain("POST", "/auth/login", &[("content-type", "application/json")], &body).await
    };
    for _ in 0..20 {
        login("guess").await.problem(401, "a wrong token");
    }
    let slowed = login("guess").await;
    slowed.problem(429, "one too many");
    assert_eq!(slowed.header("retry-after"), "60");
    assert_eq!(login(TOKEN).await.status, 200);
    assert_eq!(house.ask("GET", "/auth/me", "").await.status, 200);
}

#[tokio::test]
async fn every_answer_is_closed_to_sniffing_and_caching() {
    let house = house().await;
    for (method, path) in
        [("GET", "/healthz"), ("GET", "/admin/jobs"), ("GET", "/admin/zzz"), ("PUT", "/healthz"), ("GET", "/")]
    {
        let answer = house.plain(method, path, &[], "").await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(matches!(answer.header("cache-control"), "no-store" | "no-cache"), "{path}");
        if answer.header("content-type").starts_with("text/html") {
            assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{path}");
        }
    }
}
