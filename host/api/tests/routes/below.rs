//! The same server below the path of its public address: the page, redirects and cookies lead back there.

use serde_json::json;

use crate::support::{TOKEN, house};

const FORM: [(&str, &str); 3] =
    [("content-type", "application/x-www-form-urlencoded"), ("host", "a:1"), ("origin", "http://a:1")];

#[tokio::test]
async fn the_page_and_the_api_answer_below_the_public_path_and_without_it() {
    let house = house().await;
    let bare = house.plain("GET", "/ops?x=1", &[], "").await;
    assert_eq!((bare.status, bare.header("location")), (307, "/ops/?x=1"));
    for (path, base) in [("/ops/", "/ops/"), ("/ops/jobs/a?tab=runs", "/ops/"), ("/jobs/a", "/"), ("/opsy", "/")] {
        let page = house.plain("GET", path, &[], "").await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.body.contains(&format!("<base href=\"{base}\" />")), "{path}: {}", page.body);
        assert!(page.header("content-security-policy").contains("base-uri 'self'"), "{path}");
    }
    let token = format!("Bearer {TOKEN}");
    for path in ["/ops/admin/jobs", "/admin/jobs"] {
        assert_eq!(house.plain("GET", path, &[("authorization", &token)], "").await.status, 200, "{path}");
        house.plain("GET", path, &[], "").await.problem(401, path);
    }
    house.plain("GET", "/ops/admin/nothing", &[("authorization", &token)], "").await.problem(404, "below the path");
}

#[tokio::test]
async fn signing_in_below_the_path_stays_below_it() {
    let house = house().await;
    let made = house.ask("POST", "/admin/users", &json!({ "name": "ann", "permissions": ["job:*"] }).to_string()).await;
    let once = made.json()["one_time_password"].as_str().unwrap().to_owned();
    let first = format!("username=ann&password={once}&to=%2Fruns");
    let first = house.plain("POST", "/ops/auth/login", &FORM, &first).await;
    assert_eq!((first.status, first.header("location")), (303, "/ops/auth/setup?user=ann&to=/runs"), "{}", first.body);
    let cookies: Vec<&str> = first.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(!cookies.is_empty());
    for cookie in cookies {
        assert!(cookie.contains("; Path=/ops/;") || cookie.contains("; Path=/ops/auth;"), "{cookie}");
    }
    let chosen = format!("username=ann&code={once}&new=seven+green+bottles&again=seven+green+bottles&to=%2Fruns");
    let chosen = house.plain("POST", "/ops/auth/setup", &FORM, &chosen).await;
    assert_eq!((chosen.status, chosen.header("location")), (303, "/ops/runs"), "{}", chosen.body);
    let page = house.plain("GET", "/ops/auth/login?to=/runs", &[("host", "a:1")], "").await;
    assert!(page.body.contains("action=\"login\"") && page.body.contains("href=\"plain.css\""), "{}", page.body);
}
