//! Signing in and out without scripts: forms that a browser sends by itself, and setup links.

use serde_json::json;

use crate::support::{Answer, House, TOKEN, house};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const HOST: (&str, &str) = ("host", "a:1");
const OURS: (&str, &str) = ("origin", "http://a:1");

async fn post(house: &House, path: &str, more: &[(&str, &str)], body: &str) -> Answer {
    let headers = [&[FORM, HOST, OURS], more].concat();
    house.plain("POST", path, &headers, body).await
}

/// The cookies of an answer, as a browser sends them back.
fn jar(answer: &Answer) -> String {
    let set = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    set.map(|cookie| cookie.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

/// An account with a one-time password, which comes back with the setup link.
async fn invited(house: &House, name: &str) -> (String, String) {
    let made = house.ask("POST", "/admin/users", &json!({ "name": name, "permissions": ["job:*"] }).to_string()).await;
    let (made, status) = (made.json(), made.status);
    assert_eq!(status, 201, "{made}");
    (made["one_time_password"].as_str().unwrap().to_owned(), made["setup_path"].as_str().unwrap().to_owned())
}

#[track_caller]
fn is_page(answer: &Answer, status: u16, says: &[&str]) {
    assert_eq!((answer.status, answer.header("content-type")), (status, "text/html; charset=utf-8"), "{}", answer.body);
    for part in says {
        assert!(answer.body.contains(part), "{part} is missing in\n{}", answer.body);
    }
    assert!(answer.body.len() < 10_000 && !answer.body.contains("<script"), "{}", answer.body);
    let csp = answer.header("content-security-policy");
    assert!(csp.starts_with("default-src 'none'") && csp.contains("form-action 'self'"), "{csp}");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_form_signs_in_leads_on_and_signs_out_again() {
    let house = house().await;
    let (once, link) = invited(&house, "ann").await;
    assert_eq!(link, format!("/auth/setup?user=ann&code={once}"));
    let page = house.plain("GET", "/auth/login?to=/runs", &[HOST], "").await;
    is_page(&page, 200, &["method=\"post\" action=\"login\"", "autocomplete=\"current-password\"", "value=\"/runs\""]);
    let french = house.plain("GET", "/auth/login", &[HOST, ("accept-language", "fr-FR,en;q=0.5")], "").await;
    is_page(&french, 200, &["<html lang=\"fr\">", "Mot de passe"]);
    let style = house.plain("GET", "/auth/plain.css", &[], "").await;
    assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
    // With the one-time password to the page that replaces it, then with the chosen one to where one wanted to go.
    let first = post(&house, "/auth/login", &[], &format!("username=ann&password={once}&to=%2Fruns")).await;
    assert_eq!((first.status, first.header("location")), (303, "/auth/setup?user=ann&to=/runs"), "{}", first.body);
    let cookies = jar(&first);
    let page = house.plain("GET", "/auth/login", &[HOST, ("cookie", &cookies)], "").await;
    is_page(&page, 200, &["action=\"setup\"", "value=\"ann\""]);
    let chosen = "username=ann&new=seven+green+bottles&again=seven+green+bottles&to=%2Fruns";
    let chosen = post(&house, "/auth/setup", &[], &format!("{chosen}&code={once}")).await;
    assert_eq!((chosen.status, chosen.header("location")), (303, "/runs"), "{}", chosen.body);
    let again =
        post(&house, "/auth/login", &[], "username=ANN+&password=seven+green+bottles&to=%2F%2Fevil.example").await;
    assert_eq!((again.status, again.header("location")), (303, "/"), "{}", again.body);
    let cookies = jar(&again);
    let me = house.plain("GET", "/auth/me", &[("cookie", &cookies)], "").await.json();
    assert_eq!((&me["user"], &me["must_change_password"]), (&json!("ann"), &json!(false)));
    let page = house.plain("GET", "/auth/login", &[HOST, ("cookie", &cookies)], "").await;
    is_page(&page, 200, &["<strong>ann</strong>", "action=\"logout\""]);
    let out = post(&house, "/auth/logout", &[("cookie", &cookies)], "").await;
    is_page(&out, 200, &["href=\"login\""]);
    assert!(jar(&out).contains("nomaflow_session=;"), "{}", jar(&out));
    house.plain("GET", "/auth/me", &[("cookie", &cookies)], "").await.problem(401, "after signing out");
    let trail = house.ask("GET", "/admin/audit?action=auth.login", "").await.json();
    let entries: Vec<_> = trail["entries"].as_array().unwrap().iter().map(|e| (&e["user"], &e["outcome"])).collect();
    assert_eq!(entries, [(&json!("ann"), &json!("done")); 2], "{trail}");
}

#[tokio::test]
async fn a_form_that_is_refused_comes_back_without_the_password_and_counts_like_every_try() {
    let house = house().await;
    invited(&house, "ann").await;
    let wrong = post(&house, "/auth/login", &[], "username=%22%3E%3Cb%3E&password=pl4nted&to=%2Fruns").await;
    is_page(&wrong, 401, &["role=\"alert\"", "value=\"&quot;&gt;&lt;b&gt;\"", "value=\"/runs\""]);
    assert!(!wrong.body.contains("pl4nted"), "{}", wrong.body);
    for _ in 0..10 {
        assert_eq!(post(&house, "/auth/login", &[], "username=ann&password=guess").await.status, 401);
    }
    let slowed = post(&house, "/auth/login", &[], "username=ann&password=guess").await;
    is_page(&slowed, 429, &["Too many attempts"]);
    assert!(slowed.header("retry-after").parse::<u32>().unwrap() > 0);
    // One count for all ways: a setup link, and the page's own request.
    assert_eq!(post(&house, "/auth/setup", &[], "username=ann&code=x&new=y&again=y").await.status, 429);
    let body = json!({ "user": "ann", "password": "guess" }).to_string();
    house.plain("POST", "/auth/login", &[("content-type", "application/json")], &body).await.problem(429, "the same");
    let trail = house.ask("GET", "/admin/audit?action=auth.login&outcome=refused", "").await.json();
    let newest = &trail["entries"][1];
    assert_eq!((&newest["user"], &newest["detail"]["problem"]), (&json!("ann"), &json!("too-many-tries")), "{trail}");
    assert!(!trail.to_string().contains("pl4nted"), "{trail}");
}

#[tokio::test]
async fn a_form_of_another_page_neither_signs_in_nor_out_nor_sets_a_password() {
    let house = house().await;
    let (once, _) = invited(&house, "ann").await;
    let login = format!("username=ann&password={once}");
    let setup = format!("username=ann&code={once}&new=seven+green+bottles&again=seven+green+bottles");
    let others: [&[(&str, &str)]; 4] = [
        &[("origin", "http://b:1")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("origin", "http://a:2"), ("sec-fetch-site", "same-site")],
    ];
    for other in others {
        for (path, body) in [("/auth/login", &*login), ("/auth/setup", &*setup), ("/auth/logout", "")] {
            let answer = house.plain("POST", path, &[&[FORM, HOST], other].concat(), body).await;
            answer.problem(403, path);
            assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 0, "{path}");
        }
    }
    assert_eq!(post(&house, "/auth/login", &[], &login).await.status, 303, "the one-time password is as it was");
}

#[tokio::test]
async fn a_setup_link_is_looked_at_as_often_as_one_likes_and_works_once() {
    let house = house().await;
    let (once, link) = invited(&house, "ann").await;
    for _ in 0..3 {
        let page = house.plain("GET", &link, &[HOST], "").await;
        is_page(&page, 200, &["value=\"ann\"", &once, "autocomplete=\"new-password\"", "minlength=\"12\""]);
    }
    let choose = async |new: &str, again: &str| {
        post(&house, "/auth/setup", &[], &format!("username=ann&code={once}&new={new}&again={again}")).await
    };
    is_page(&choose("short", "short").await, 422, &["too weak", &once]);
    is_page(&choose(&once, &once).await, 422, &["too weak"]);
    is_page(&choose("seven+green+bottles", "eight+green+bottles").await, 422, &["not the same"]);
    let done = choose("seven+green+bottles", "seven+green+bottles").await;
    assert_eq!((done.status, done.header("location")), (303, "/"), "{}", done.body);
    let me = house.plain("GET", "/auth/me", &[("cookie", &jar(&done))], "").await.json();
    assert_eq!((&me["user"], &me["must_change_password"]), (&json!("ann"), &json!(false)));
    is_page(&choose("eight+green+bottles", "eight+green+bottles").await, 401, &["role=\"alert\""]);
    // The password itself is no link: what somebody has chosen is changed where they are signed in.
    let known = "username=ann&code=seven+green+bottles&new=eight+green+bottles&again=eight+green+bottles";
    is_page(&post(&house, "/auth/setup", &[], known).await, 409, &["has been used"]);
    let reset = house.ask("POST", "/admin/users/ann/password", "").await.json();
    assert!(reset["setup_path"].as_str().unwrap().starts_with("/auth/setup?user=ann&code="), "{reset}");
    house.plain("GET", "/auth/me", &[("cookie", &jar(&done))], "").await.problem(401, "a new one ends the sessions");
    for (kind, body) in [("application/json", "{}"), ("text/plain", "username=ann")] {
        house.plain("POST", "/auth/setup", &[("content-type", kind)], body).await.problem(415, kind);
    }
    post(&house, "/auth/setup", &[], "colour=red").await.problem(422, "unknown fields");
    assert!(!house.plain("GET", &link, &[HOST], "").await.body.contains(TOKEN));
}
