//! Permissions: the table walked by every kind of caller, lists that show what may be seen, tokens that do no more than
//! their owner.

use axum::body::Body;
use axum::http::Request;
use host_api::Need;
use host_model::access::{Permission, Permissions};
use host_model::account::{Account, AccountSource, ApiToken};
use host_model::{Instant, RunId};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use crate::support::{Answer, House, TOKEN, house};

fn of(texts: &[&str]) -> Permissions {
    texts.iter().map(|text| Permission::parse(text).unwrap()).collect()
}

/// Makes an account.
pub(crate) async fn user(house: &House, name: &str, granted: &[&str]) {
    let account = Account {
        name: name.into(),
        display_name: String::new(),
        source: AccountSource::Local,
        subject: None,
        granted: of(granted),
        from_groups: Permissions::default(),
        disabled: false,
        must_change_password: false,
        epoch: 0,
        created_at: Instant::default(),
        created_by: "test".into(),
        last_sign_in_at: None,
    };
    assert!(house.accounts.create_account(&account, None).await.unwrap());
}

/// Makes a token of an account, and gives back its text.
async fn token(house: &House, user: &str, permissions: &[&str], expires_at: Option<Instant>) -> String {
    let text = format!("nmf_{user}-{}", permissions.join("-"));
    let token = ApiToken {
        id: text.clone(),
        name: "test".into(),
        user: user.into(),
        permissions: of(permissions),
        created_at: Instant::default(),
        expires_at,
        last_used_at: None,
        last_used_from: None,
    };
    house.accounts.create_token(&token, &Sha256::digest(text.as_bytes()).into()).await.unwrap();
    text
}

/// An account with a token that may do all it may.
pub(crate) async fn caller(house: &House, name: &str, granted: &[&str]) -> String {
    user(house, name, granted).await;
    token(house, name, &["superuser"], None).await
}

/// What an answer means for the gate.
#[derive(Debug, PartialEq, Clone, Copy)]
enum Door {
    Open,
    /// 401.
    Stranger,
    /// 403 with what is needed.
    Denied,
    /// 404, as if there were no such run.
    Hidden,
}

async fn knock(house: &House, token: Option<&str>, method: &str, path: &str) -> (Door, Value) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = house.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    assert!(status < 500, "{method} {path}: {status}");
    // A stream does not end by itself.
    let is_problem = response.headers().get("content-type").is_some_and(|kind| kind == "application/problem+json");
    let body = if is_problem {
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    } else {
        Value::Null
    };
    let door = match status {
        401 => Door::Stranger,
        403 if body["needs"].is_string() => Door::Denied,
        404 if body["detail"].as_str().is_some_and(|text| text.starts_with("there is no run")) => Door::Hidden,
        _ => Door::Open,
    };
    (door, body)
}

/// Who may what: in the order of `CALLERS`, about a job they may see (`quick`), and about another (`chatty`).
const CALLERS: [&str; 9] = [
    "stranger",
    "nobody",
    "job:quick",
    "job:*",
    "settings:jobs",
    "settings:notifications",
    "superuser",
    "disabled superuser",
    "expired token",
];

fn expected(need: Need, is_other_job: bool) -> [Door; 9] {
    use Door::{Denied as D, Hidden as H, Open as O, Stranger as S};
    match (need, is_other_job) {
        (Need::Nothing, _) => [O; 9],
        (Need::OwnAccount | Need::SignedIn, _) => [S, O, O, O, O, O, O, S, S],
        (Need::SomeJob, _) => [S, D, O, O, O, D, O, S, S],
        (Need::Job, false) => [S, D, O, O, O, D, O, S, S],
        (Need::Job, true) => [S, D, D, O, O, D, O, S, S],
        (Need::RunJob | Need::Run, false) => [S, D, O, O, D, D, O, S, S],
        (Need::RunJob, true) => [S, D, D, O, D, D, O, S, S],
        (Need::Run, true) => [S, D, H, O, D, D, O, S, S],
        (Need::AllJobs, _) => [S, D, D, O, D, D, O, S, S],
        (Need::EditJobs, _) => [S, D, D, D, O, D, O, S, S],
        (Need::Notifications, _) => [S, D, D, D, D, O, O, S, S],
        (Need::Superuser, _) => [S, D, D, D, D, D, O, S, S],
    }
}

async fn finished(house: &House, job: &str) -> RunId {
    let run = house.fire(job).await;
    if job == "slow" {
        house.ask("POST", &format!("/admin/jobs/runs/{run}/cancel"), "").await;
    }
    house.idle().await;
    run
}

#[tokio::test]
async fn every_route_lets_in_exactly_those_whom_the_seeds_name() {
    let house = house().await;
    let mut tokens = vec![None];
    tokens.push(Some(caller(&house, "nobody", &[]).await));
    for permission in &CALLERS[2..7] {
        let name = format!("u{}", tokens.len());
        tokens.push(Some(caller(&house, &name, &[permission]).await));
    }
    tokens.push(Some(caller(&house, "gone", &["superuser"]).await));
    house.ask("PATCH", "/admin/users/gone", &json!({ "disabled": true }).to_string()).await;
    user(&house, "late", &["superuser"]).await;
    tokens.push(Some(token(&house, "late", &["superuser"], Some(Instant::default())).await));
    // A superuser's token for one job is one who may see that job.
    user(&house, "root", &["superuser"]).await;
    let narrow = token(&house, "root", &["job:quick"], None).await;
    let runs = [finished(&house, "quick").await, finished(&house, "chatty").await].map(|run| run.to_string());
    let table = host_api::table();
    let mut seen = 0;
    for line in table.iter().filter(|line| line.need != Need::Nothing) {
        for (n, job) in ["quick", "chatty"].into_iter().enumerate() {
            let id = if line.need == Need::Run { runs[n].as_str() } else { job };
            let path = line.path.replace("{id}", id).replace("{name}", "zzz").replace("{n}", "1");
            let doors = expected(line.need, n == 1);
            for ((who, token), door) in CALLERS.iter().zip(&tokens).zip(doors) {
                let (found, body) = knock(&house, token.as_deref(), &line.method, &path).await;
                assert_eq!(found, door, "{who}: {} {path}: {body}", line.method);
                seen += 1;
            }
            let (found, body) = knock(&house, Some(&narrow), &line.method, &path).await;
            assert_eq!(found, doors[2], "narrow token: {} {path}: {body}", line.method);
            let (all, _) = knock(&house, Some(TOKEN), &line.method, &path).await;
            assert_eq!(all, Door::Open, "bootstrap token: {} {path}", line.method);
        }
    }
    assert!(seen > 500, "{seen}");
    house.stop.cancel("test");
    house.idle().await;
}

#[tokio::test]
async fn lists_show_what_may_be_seen_and_nothing_tells_of_the_rest() {
    let house = house().await;
    let (quick, slow) = (finished(&house, "quick").await, finished(&house, "slow").await);
    let one = caller(&house, "one", &["job:quick"]).await;
    let editor = caller(&house, "editor", &["settings:jobs"]).await;
    let ids = |answer: &Value, list: &str, key: &str| {
        answer[list].as_array().unwrap().iter().map(|row| row[key].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let ask = async |token: &str, path: &str| {
        let answer = house.ask_as(token, "GET", path, "").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer
    };
    let jobs = ask(&one, "/admin/jobs").await;
    assert_eq!(ids(&jobs.json(), "jobs", "id"), ["quick"]);
    assert!(!jobs.body.contains("slow") && !jobs.body.contains("chatty"), "{}", jobs.body);
    let cards = ask(&editor, "/admin/jobs").await.json();
    assert_eq!(ids(&cards, "jobs", "id"), ["chatty", "quick", "slow"]);
    assert!(cards["jobs"].as_array().unwrap().iter().all(|card| card["last_run"].is_null()), "{cards}");
    assert!(!ask(&editor, "/admin/jobs/quick").await.body.contains(&quick.to_string()));
    for (path, expected) in [
        ("/admin/jobs/runs", vec![quick.to_string()]),
        ("/admin/jobs/runs?job=slow", vec![]),
        ("/admin/jobs/runs?job=slow,quick", vec![quick.to_string()]),
    ] {
        let runs = ask(&one, path).await;
        assert_eq!(ids(&runs.json(), "runs", "id"), expected, "{path}");
        assert!(!runs.body.contains("slow"), "{}", runs.body);
    }
    assert_eq!(ids(&ask(&editor, "/admin/jobs/runs").await.json(), "runs", "id"), Vec::<String>::new());
    let hanging = house.fire("slow").await;
    for (token, count) in [(one.as_str(), 0), (&editor, 0), (TOKEN, 1)] {
        assert_eq!(ask(token, "/admin/jobs/health").await.json()["runs_in_flight"], count);
    }
    house.ask("POST", &format!("/admin/jobs/runs/{hanging}/cancel"), "").await;
    house.idle().await;
    // Neither a job nor a run that may not be seen differs from one that does not exist.
    let [there, nowhere] = ["slow", "nosuch"].map(|id| format!("/admin/jobs/{id}"));
    let (there, nowhere) = (house.ask_as(&one, "GET", &there, "").await, house.ask_as(&one, "GET", &nowhere, "").await);
    let said = |answer: &Answer, id: &str| {
        let mut problem = answer.json();
        problem.as_object_mut().unwrap().remove("request_id");
        problem.to_string().replace(id, "x")
    };
    assert_eq!(said(&there, "slow"), said(&nowhere, "nosuch"));
    let near = caller(&house, "near", &["job:slo"]).await;
    let missing = house.ask_as(&near, "GET", "/admin/jobs/slo", "").await;
    assert!(missing.status == 404 && !missing.body.contains("slow"), "{}", missing.body);
    let hidden = house.ask_as(&one, "GET", &format!("/admin/jobs/runs/{slow}/logs"), "").await;
    hidden.problem(404, "the lines of another job");
    let cancel = house.ask_as(&one, "POST", &format!("/admin/jobs/runs/{slow}/cancel"), "").await;
    cancel.problem(404, "the run of another job");
}

#[tokio::test]
async fn a_listener_hears_its_jobs_and_no_more_of_one_it_loses() {
    let house = house().await;
    let one = caller(&house, "one", &["job:quick", "job:chatty"]).await;
    let mut ear = house.listen_as(&one, "", None).await.unwrap();
    assert_eq!(ear.next().await.unwrap().event, "hello");
    let slow = house.fire("slow").await;
    let quick = house.fire("quick").await;
    let heard = ear.until(|h| h.event == "run" && h.data["status"] == "SUCCEEDED").await;
    assert!(!format!("{heard:?}").contains(&slow.to_string()), "{heard:?}");
    assert!(format!("{heard:?}").contains(&quick.to_string()), "{heard:?}");
    let less = json!({ "revoke": ["job:quick"] }).to_string();
    assert_eq!(house.ask("PATCH", "/admin/users/one", &less).await.status, 200);
    let second = house.fire("quick").await;
    let chatty = house.fire("chatty").await;
    let heard = ear.until(|h| h.event == "run" && h.data["status"] == "SUCCEEDED").await;
    assert_eq!((heard[0].event.as_str(), &heard[0].data["why"]), ("resync", &json!("permissions")), "{heard:?}");
    assert!(!format!("{heard:?}").contains(&second.to_string()), "{heard:?}");
    assert!(format!("{heard:?}").contains(&chatty.to_string()), "{heard:?}");
    assert_eq!(house.ask("PATCH", "/admin/users/one", &json!({ "disabled": true }).to_string()).await.status, 200);
    house.fire("quick").await;
    assert_eq!(ear.next().await.unwrap().event, "bye");
    assert_eq!(ear.next().await, None);
    house.ask("POST", &format!("/admin/jobs/runs/{slow}/cancel"), "").await;
    house.idle().await;
}

#[tokio::test]
async fn log_lines_of_a_job_that_may_not_be_seen_are_not_sent_even_when_asked_for() {
    let house = house().await;
    let one = caller(&house, "one", &["job:quick"]).await;
    let run = house.fire("chatty").await;
    let mut ear = house.listen_as(&one, &format!("?run={run}"), None).await.unwrap();
    assert_eq!(ear.next().await.unwrap().event, "hello");
    house.idle().await;
    house.fire("quick").await;
    let heard = ear.until(|h| h.event == "run" && h.data["status"] == "SUCCEEDED").await;
    assert!(!format!("{heard:?}").contains(&run.to_string()), "{heard:?}");
    house.idle().await;
}

#[tokio::test]
async fn a_token_does_no_more_than_its_owner_may_and_is_revoked_at_once() {
    let house = house().await;
    assert_eq!(
        house
            .ask("POST", "/admin/users", &json!({ "name": "Ann", "permissions": ["job:quick"] }).to_string())
            .await
            .status,
        201
    );
    let more = json!({ "name": "t", "user": "ann", "permissions": ["job:quick", "settings:jobs"] }).to_string();
    let refused = house.ask("POST", "/admin/tokens", &more).await.problem(422, "more than its owner");
    assert_eq!(refused["needs"], "settings:jobs");
    let made = house.ask("POST", "/admin/tokens", &json!({ "name": "t", "user": "ann" }).to_string()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let made = made.json();
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.len() == 68 && secret.starts_with("nmf_") && made["expires_at"].is_string(), "{made}");
    assert_eq!(house.ask_as(secret, "GET", "/auth/me", "").await.json()["permissions"], json!(["job:quick"]));
    assert_eq!(house.ask_as(secret, "POST", "/admin/jobs/quick/run", "").await.status, 202);
    house.idle().await;
    let listed = house.ask("GET", "/admin/tokens?all=true", "").await;
    assert!(
        !listed.body.contains(secret) && listed.json()["tokens"][0]["last_used_from"] == "local",
        "{}",
        listed.body
    );
    // What the owner loses, the token loses; what the owner gets later, it does not have.
    let change = json!({ "permissions": ["job:slow"] }).to_string();
    assert_eq!(house.ask("PATCH", "/admin/users/ann", &change).await.status, 200);
    assert_eq!(house.ask_as(secret, "GET", "/auth/me", "").await.json()["permissions"], json!([]));
    house.ask_as(secret, "GET", "/admin/jobs/slow", "").await.problem(403, "not among its own");
    for (method, path) in [("POST", "/admin/tokens"), ("DELETE", "/admin/sessions/x"), ("POST", "/auth/logout-all")] {
        let body = json!({ "name": "child" }).to_string();
        let body = if method == "POST" && path == "/admin/tokens" { body.as_str() } else { "" };
        house.ask_as(secret, method, path, body).await.problem(403, path);
    }
    house.ask_as(secret, "GET", "/admin/tokens?all=true", "").await.problem(403, "those of everybody");
    let id = made["id"].as_str().unwrap();
    assert_eq!(house.ask("DELETE", &format!("/admin/tokens/{id}"), "").await.status, 200);
    house.ask_as(secret, "GET", "/auth/me", "").await.problem(401, "revoked");
    house.ask("DELETE", &format!("/admin/tokens/{id}"), "").await.problem(404, "gone");
}

#[tokio::test]
async fn the_last_superuser_stays_and_bad_input_changes_nothing() {
    let house = house().await;
    user(&house, "ann", &["superuser"]).await;
    let before = house.ask("GET", "/admin/users", "").await.body;
    for (method, path, body, status) in [
        ("PATCH", "/admin/users/ann", json!({ "disabled": true }), 409),
        ("PATCH", "/admin/users/ann", json!({ "permissions": [] }), 409),
        ("PATCH", "/admin/users/ann", json!({ "revoke": ["superuser"] }), 409),
        ("PATCH", "/admin/users/ann", json!({ "disabled": "yes" }), 422),
        ("PATCH", "/admin/users/ann", json!({ "admin": true }), 422),
        ("PATCH", "/admin/users/ann", json!({ "grant": ["root"] }), 422),
        ("PATCH", "/admin/users/bob", json!({ "disabled": true }), 404),
        ("PATCH", "/admin/users/..%2f..%2fann", json!({ "disabled": true }), 404),
        ("POST", "/admin/users", json!({ "name": "../ann" }), 422),
        ("POST", "/admin/users", json!({ "name": "a\u{0}b" }), 422),
        ("POST", "/admin/users", json!({ "name": "ANN" }), 409),
        ("POST", "/admin/users", json!({ "name": "bob", "password": "short" }), 422),
        ("POST", "/admin/users", json!({ "name": "bob", "password": "x".repeat(2000) }), 422),
        ("POST", "/admin/users", json!({ "name": "bob", "password_hash": "x" }), 422),
        ("POST", "/admin/users", json!([]), 422),
        ("POST", "/admin/tokens", json!({ "name": "", "user": "ann" }), 422),
        ("POST", "/admin/tokens", json!({ "name": "t", "user": "ann", "expires_in_days": 0 }), 422),
        (
            "POST",
            "/admin/tokens",
            json!({ "name": "t", "user": "ann", "expires_in_days": 1, "never_expires": true }),
            422,
        ),
        ("POST", "/admin/tokens", json!({ "name": "t", "user": "nobody" }), 409),
        ("POST", "/admin/users/ann/password", json!({}), 200),
    ] {
        let answer = house.ask(method, path, &body.to_string()).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.body);
        if status >= 400 {
            assert_eq!(house.ask("GET", "/admin/users", "").await.body, before, "{method} {path} {body}");
        }
    }
    house.ask("DELETE", "/admin/users/ann", "").await.problem(409, "the last one");
    assert_eq!(house.ask("GET", "/admin/tokens?all=true", "").await.json()["tokens"], json!([]));
}

#[tokio::test]
async fn bodies_that_are_too_large_or_cut_off_are_refused_before_anything_is_done() {
    let house = house().await;
    let large = "x".repeat(100 * 1024);
    let json = ("content-type", "application/json");
    let login = json!({ "user": "ann", "password": large }).to_string();
    house.plain("POST", "/auth/login", &[json], &login).await.problem(413, "a stranger's body");
    let huge = format!("{{\"params\":{{\"x\":\"{}\"}}}}", "x".repeat(3 << 20));
    house.ask("POST", "/admin/jobs/quick/run", &huge).await.problem(413, "3 MB");
    let announced = [json, ("authorization", &format!("Bearer {TOKEN}")), ("content-length", "104857600")];
    house.plain("POST", "/admin/jobs/quick/run", &announced, "{}").await.problem(413, "100 MB are announced");
    assert_eq!(house.ask("GET", "/admin/jobs/runs", "").await.json()["runs"], json!([]));
    // A body that never ends is not waited for.
    tokio::time::pause();
    let endless = futures_util::stream::pending::<Result<axum::body::Bytes, std::io::Error>>();
    let request = Request::builder().method("POST").uri("/auth/login").header("content-type", "application/json");
    house.send(request.body(Body::from_stream(endless)).unwrap()).await.problem(408, "too slow");
}
