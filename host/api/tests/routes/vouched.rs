//! People a directory vouches for, while their sessions last.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use host_api::auth::PasswordSource;
use host_engine::owner_id;
use host_model::access::Permission;
use host_model::account::{AccountSource, Vouched};
use serde_json::json;

use crate::support::{Answer, House, Vouching, house_of, server};

/// Says what the test wants it to say.
struct Directory(Mutex<Result<Option<Vouched>, String>>);

impl Directory {
    fn says(&self, answer: Result<Option<Vouched>, String>) {
        *self.0.lock().unwrap() = answer;
    }
}

#[async_trait]
impl PasswordSource for Directory {
    fn name(&self) -> &str {
        "corp"
    }

    async fn check(&self, _: &str, password: &str) -> Result<Option<Vouched>, String> {
        if password == "right" { self.0.lock().unwrap().clone() } else { Ok(None) }
    }

    async fn look_up(&self, _: &str) -> Result<Option<Vouched>, String> {
        self.0.lock().unwrap().clone()
    }
}

fn ann(permission: &str) -> Vouched {
    Vouched {
        name: "ann".to_owned(),
        display_name: "Ann".to_owned(),
        source: AccountSource::Ldap,
        subject: "corp:uid=ann".to_owned(),
        from_groups: [Permission::parse(permission).unwrap()].into_iter().collect(),
        may_create: true,
    }
}

/// The cookies of an answer, as a browser sends them back.
fn cookies(answer: &Answer) -> String {
    let set = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    set.map(|cookie| cookie.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

async fn refresh(house: &House, cookies: &str) -> Answer {
    house.plain("POST", "/auth/refresh", &[("cookie", cookies)], "").await
}

#[tokio::test]
async fn a_refresh_asks_the_directory_again_and_an_outage_of_it_throws_nobody_out() {
    let directory = Arc::new(Directory(Mutex::new(Ok(Some(ann("job:*"))))));
    let vouching = Vouching { directories: vec![directory.clone()], ..Vouching::default() };
    let house = house_of(server(&owner_id()), vouching).await;
    let login = json!({ "user": "ann", "password": "right" }).to_string();
    let signed_in = house.plain("POST", "/auth/login", &[("content-type", "application/json")], &login).await;
    assert_eq!((signed_in.status, &signed_in.json()["permissions"]), (200, &json!(["job:*"])), "{}", signed_in.body);
    directory.says(Ok(Some(ann("job:quick"))));
    let changed = refresh(&house, &cookies(&signed_in)).await;
    assert_eq!((changed.status, &changed.json()["permissions"]), (200, &json!(["job:quick"])), "{}", changed.body);
    directory.says(Err("no connection".to_owned()));
    let outage = refresh(&house, &cookies(&changed)).await;
    assert_eq!((outage.status, &outage.json()["permissions"]), (200, &json!(["job:quick"])), "{}", outage.body);
    directory.says(Ok(None));
    let gone = refresh(&house, &cookies(&outage)).await;
    gone.problem(401, "the directory knows her no longer");
    house.plain("GET", "/auth/me", &[("cookie", &cookies(&outage))], "").await.problem(401, "her session has ended");
}
