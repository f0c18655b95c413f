//! Signing in with a password, refreshing, signing out, and everything that only looks like a sign-in.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{Answer, House, KEY, TOKEN, house};

const PASSWORD: &str = "correct horse battery";

/// The cookies of an answer, as a browser would send them to `/auth`.
fn cookies(answer: &Answer) -> Vec<(String, String)> {
    let all = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    all.map(|text| {
        let pair = text.split(';').next().unwrap().split_once('=').unwrap();
        (pair.0.to_owned(), pair.1.to_owned())
    })
    .collect()
}

fn jar(cookies: &[(String, String)], names: &[&str]) -> String {
    let some = cookies.iter().filter(|(name, _)| names.contains(&name.as_str()));
    some.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
}

async fn login(house: &House, user: &str, password: &str) -> Answer {
    let body = json!({ "user": user, "password": password }).to_string();
    house.plain("POST", "/auth/login", &[("content-type", "application/json")], &body).await
}

/// Makes an account whose password is `PASSWORD`, already changed, and signs in.
async fn signed_in(house: &House, name: &str, permissions: &[&str]) -> Vec<(String, String)> {
    let body = json!({ "name": name, "permissions": permissions }).to_string();
    let made = house.ask("POST", "/admin/users", &body).await;
    let once = made.json()["one_time_password"].as_str().unwrap().to_owned();
    let first = login(house, name, &once).await;
    assert_eq!(first.status, 200, "{}", first.body);
    assert_eq!(first.json()["must_change_password"], true);
    let bearer = first.json()["access_token"].as_str().unwrap().to_owned();
    house.ask_as(&bearer, "GET", "/admin/tokens", "").await.problem(403, "before the change");
    let change = json!({ "old": once, "new": PASSWORD }).to_string();
    assert_eq!(house.ask_as(&bearer, "POST", "/auth/password", &change).await.status, 200);
    assert_eq!(house.ask_as(&bearer, "GET", "/admin/tokens", "").await.status, 200, "the session goes on");
    login(house, name, &once).await.problem(401, "the one-time password");
    cookies(&login(house, name, PASSWORD).await)
}

async fn me(house: &House, cookies: &[(String, String)]) -> Answer {
    house.plain("GET", "/auth/me", &[("cookie", &jar(cookies, &["nomaflow_session"]))], "").await
}

async fn refresh(house: &House, cookies: &[(String, String)], more: &[(&str, &str)]) -> Answer {
    let jar = jar(cookies, &["nomaflow_refresh"]);
    let headers = [&[("cookie", jar.as_str()), ("host", "a:1")], more].concat();
    house.plain("POST", "/auth/refresh", &headers, "").await
}

#[tokio::test]
async fn a_one_time_password_opens_nothing_but_its_change() {
    let house = house().await;
    let cookies = signed_in(&house, "ann", &["job:quick"]).await;
    let found = me(&house, &cookies).await.json();
    assert_eq!(
        found,
        json!({
            "user": "ann", "display_name": "", "source": "local", "permissions": ["job:quick"],
            "must_change_password": false,
        })
    );
    let wrong = login(&house, "ann", "wrong").await;
    let unknown = login(&house, "nobody", "wrong").await;
    let told = |answer: &Answer| {
        let mut problem = answer.json();
        assert!(problem.as_object_mut().unwrap().remove("request_id").is_some(), "{problem}");
        problem
    };
    assert_eq!((wrong.status, told(&wrong)), (401, told(&unknown)), "nothing tells one from the other");
    house.ask("PATCH", "/admin/users/ann", &json!({ "disabled": true }).to_string()).await;
    assert_eq!(told(&login(&house, "ann", PASSWORD).await), told(&wrong));
    me(&house, &cookies).await.problem(401, "disabled");
    house.ask("PATCH", "/admin/users/ann", &json!({ "disabled": false }).to_string()).await;
    me(&house, &cookies).await.problem(401, "what was signed before stays closed");
}

#[tokio::test]
async fn cookies_are_for_this_server_alone_and_secure_behind_tls() {
    let house = house().await;
    signed_in(&house, "ann", &[]).await;
    let body = json!({ "user": "ANN ", "password": PASSWORD }).to_string();
    for (origin, is_secure) in [("http://a:1", false), ("https://a:1", true)] {
        let headers = [("content-type", "application/json"), ("host", "a:1"), ("origin", origin)];
        let answer = house.plain("POST", "/auth/login", &headers, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let set: Vec<&str> = answer.headers.get_all("set-cookie").iter().map(|v| v.to_str().unwrap()).collect();
        assert_eq!(set.len(), 3, "{set:?}");
        for cookie in set {
            assert!(cookie.contains("; HttpOnly; SameSite=Strict; Max-Age="), "{cookie}");
            assert_eq!(cookie.ends_with("; Secure"), is_secure, "{cookie}");
            assert_eq!(cookie.contains("Path=/auth"), !cookie.starts_with("nomaflow_session"), "{cookie}");
        }
    }
}

#[tokio::test]
async fn a_refresh_token_works_once_and_a_second_time_ends_the_session() {
    let house = house().await;
    let first = signed_in(&house, "ann", &[]).await;
    let answer = refresh(&house, &first, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let second = cookies(&answer);
    assert_eq!(me(&house, &second).await.status, 200);
    // Two tabs at once: the slower one is told so, and nothing ends.
    let tab = refresh(&house, &first, &[("origin", "http://a:1")]).await;
    tab.problem(409, "another tab");
    assert_eq!(me(&house, &second).await.status, 200);
    refresh(&house, &second, &[("origin", "http://evil.example")]).await.problem(403, "another page");
    let reused = refresh(&house, &first, &[]).await.problem(401, "a copy");
    assert_eq!(reused["type"], "urn:nomaflow:problem:refresh-reused");
    me(&house, &second).await.problem(401, "the session has ended");
    refresh(&house, &second, &[]).await.problem(401, "with all its tokens");
    refresh(&house, &[], &[]).await.problem(401, "without a token");
    // An access token is no refresh token, and the other way round.
    let third = cookies(&login(&house, "ann", PASSWORD).await);
    let swapped =
        [("nomaflow_refresh".to_owned(), third[0].1.clone()), ("nomaflow_session".to_owned(), third[1].1.clone())];
    refresh(&house, &swapped, &[]).await.problem(401, "an access token");
    me(&house, &swapped).await.problem(401, "a refresh token");
}

#[tokio::test]
async fn signing_out_ends_one_session_or_all() {
    let house = house().await;
    let here = signed_in(&house, "ann", &[]).await;
    let there = cookies(&login(&house, "ann", PASSWORD).await);
    let third = cookies(&login(&house, "ann", PASSWORD).await);
    let jar_here = jar(&here, &["nomaflow_session"]);
    let listed = house.plain("GET", "/admin/sessions", &[("cookie", &jar_here)], "").await.json();
    let rows = listed["sessions"].as_array().unwrap();
    assert_eq!(rows.iter().filter(|row| row["current"] == true).count(), 1, "{listed}");
    let jar_third = jar(&third, &["nomaflow_refresh"]);
    assert_eq!(house.plain("POST", "/auth/logout", &[("cookie", &jar_third)], "").await.status, 200);
    me(&house, &third).await.problem(401, "signed out by its refresh token");
    let other = signed_in(&house, "bob", &[]).await;
    let id = |rows: &[Value], current: bool| {
        rows.iter().find(|row| row["current"] == current).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let path = format!("/admin/sessions/{}", id(rows, true));
    let jar_bob = jar(&other, &["nomaflow_session"]);
    house.plain("DELETE", &path, &[("cookie", &jar_bob)], "").await.problem(404, "somebody else's session");
    assert_eq!(me(&house, &here).await.status, 200);
    assert_eq!(
        house.plain("POST", "/auth/logout-all", &[("cookie", &jar_here), ("nomaflow-client", "page")], "").await.status,
        200
    );
    for cookies in [&here, &there] {
        me(&house, cookies).await.problem(401, "signed out everywhere");
        refresh(&house, cookies, &[]).await.problem(401, "signed out everywhere");
    }
    assert_eq!(me(&house, &other).await.status, 200);
    let fresh = cookies(&login(&house, "ann", PASSWORD).await);
    assert_eq!(me(&house, &fresh).await.status, 200);
}

#[tokio::test]
async fn a_token_that_is_forged_expired_or_for_something_else_opens_nothing() {
    let house = house().await;
    let cookies = signed_in(&house, "ann", &["superuser"]).await;
    let good = &cookies[0].1;
    let claims: Value = {
        let part = good.split('.').nth(1).unwrap();
        serde_json::from_slice(&decode(part)).unwrap()
    };
    let sign = |change: &dyn Fn(&mut Value), key: &[u8], algorithm: Algorithm| {
        let mut claims = claims.clone();
        change(&mut claims);
        jsonwebtoken::encode(&Header::new(algorithm), &claims, &EncodingKey::from_secret(key)).unwrap()
    };
    let same = sign(&|_| {}, KEY, Algorithm::HS256);
    assert_eq!(house.ask_as(&same, "GET", "/auth/me", "").await.status, 200, "the test signs as the server does");
    let parts: Vec<&str> = good.split('.').collect();
    let none = encode(br#"{"alg":"none","typ":"JWT"}"#);
    let hs384 = encode(br#"{"alg":"HS384","typ":"JWT"}"#);
    let mut other = claims.clone();
    other["sub"] = "root".into();
    let other = encode(other.to_string().as_bytes());
    let forged = [
        ("alg none", format!("{none}.{}.", parts[1])),
        ("alg none with the signature", format!("{none}.{}.{}", parts[1], parts[2])),
        ("another algorithm", format!("{hs384}.{}.{}", parts[1], parts[2])),
        ("other claims", format!("{}.{other}.{}", parts[0], parts[2])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("the wrong key", sign(&|_| {}, b"another key of thirty-two bytes!", Algorithm::HS256)),
        ("an empty key", sign(&|_| {}, b"", Algorithm::HS256)),
        ("the wrong audience", sign(&|c| c["aud"] = "nomaflow-refresh".into(), KEY, Algorithm::HS256)),
        ("no audience", sign(&|c| drop(c.as_object_mut().unwrap().remove("aud")), KEY, Algorithm::HS256)),
        ("the wrong issuer", sign(&|c| c["iss"] = "elsewhere".into(), KEY, Algorithm::HS256)),
        ("expired", sign(&|c| c["exp"] = (c["iat"].as_i64().unwrap() - 1).into(), KEY, Algorithm::HS256)),
        ("an expiry that is a text", sign(&|c| c["exp"] = "9999999999".into(), KEY, Algorithm::HS256)),
        ("no expiry", sign(&|c| drop(c.as_object_mut().unwrap().remove("exp")), KEY, Algorithm::HS256)),
        ("no such session", sign(&|c| c["sid"] = "00".into(), KEY, Algorithm::HS256)),
        ("cut off", good[..good.len() - 1].to_owned()),
        ("nothing", "..".to_owned()),
    ];
    for (what, token) in forged {
        house.ask_as(&token, "GET", "/auth/me", "").await.problem(401, what);
        let cookie = format!("nomaflow_session={token}");
        house.plain("GET", "/auth/me", &[("cookie", &cookie)], "").await.problem(401, what);
    }
}

#[tokio::test]
async fn a_stranger_who_guesses_is_slowed_down_and_keeps_nobody_out() {
    let house = house().await;
    let cookies = signed_in(&house, "ann", &[]).await;
    let device = jar(&cookies, &["nomaflow_device"]);
    let mut refused = 0;
    for _ in 0..12 {
        let answer = login(&house, "ann", "guess").await;
        assert!(matches!(answer.status, 401 | 429), "{}", answer.body);
        if answer.status == 429 {
            answer.problem(429, "too many");
            assert!((1..=60).contains(&answer.header("retry-after").parse::<u32>().unwrap()));
            refused += 1;
        }
    }
    assert!(refused >= 2, "{refused}");
    login(&house, "ann", PASSWORD).await.problem(429, "also with the right one, from a browser nobody knows");
    let body = json!({ "user": "ann", "password": PASSWORD }).to_string();
    let known =
        house.plain("POST", "/auth/login", &[("content-type", "application/json"), ("cookie", &device)], &body).await;
    assert_eq!(known.status, 200, "her own browser: {}", known.body);
    assert_eq!(house.ask("GET", "/auth/me", "").await.status, 200, "the token of the home always works");
}

#[tokio::test]
async fn what_is_no_sign_in_is_refused_with_the_right_status() {
    let house = house().await;
    let json = [("content-type", "application/json")];
    for (headers, body, status) in [
        (&json[..], "{", 422),
        (&json, "[]", 422),
        (&json, "{}", 422),
        (&json, r#"{"user":"ann"}"#, 422),
        (&json, r#"{"user":1,"password":"x"}"#, 422),
        (&json, r#"{"user":"ann","password":"x","admin":true}"#, 422),
        (&json, r#"{"user":"ann","password":"x","token":"y"}"#, 422),
        (&json, r#"{"user":"' or 1=1 --","password":"x"}"#, 401),
        (&json, r#"{"user":"../admin","password":"x"}"#, 401),
        (&json, r#"{"user":"","password":""}"#, 401),
        (&json, r#"{"token":"nmf_x"}"#, 401),
        (&[], r#"{"user":"ann","password":"x"}"#, 415),
        (
            &[("content-type", "application/json"), ("host", "a:1"), ("origin", "http://b:1")],
            r#"{"user":"a","password":"x"}"#,
            403,
        ),
        (
            &[("content-type", "application/json"), ("sec-fetch-site", "cross-site")],
            r#"{"user":"a","password":"x"}"#,
            403,
        ),
    ] {
        let answer = house.plain("POST", "/auth/login", headers, body).await;
        answer.problem(status, body);
        assert!(answer.headers.get("set-cookie").is_none(), "{body}");
        assert!(!answer.body.contains(TOKEN));
    }
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
