//! `ldap_sync` when something is wrong: the server, the account, the entries, the table.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use host_model::job::spec::{LdapScope, LdapSyncSpec, Referrals};
use host_model::port::StepRunner as _;
use host_model::{StepErrorKind, StepSpec};
use host_steps::LdapSyncRunner;
use serde_json::json;
use test_support::{Slapd, SlapdTls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::authority::Authority;
use crate::kit::{Bench, Set};
use crate::ldap_sync::{people, person, spec, sync, units, with_directory};

const TABLE: &str = "create table people (login varchar(40) primary key, name varchar(80), email varchar(200))";

struct Lite {
    bench: Bench,
    folder: tempfile::TempDir,
}

async fn lite(directory: &str) -> Lite {
    let folder = tempfile::tempdir().unwrap();
    let bench = with_directory(Set::default().sqlite("lite", &folder.path().join("t.db")), directory).build();
    bench.execute("lite", &[TABLE, "insert into people (login) values ('before')"]).await;
    Lite { bench, folder }
}

impl Lite {
    async fn is_untouched(&self) -> bool {
        let rows = self.bench.rows("lite", "select login from people").await;
        rows == [[crate::kit::text("before")]]
    }
}

fn inline(server: &str) -> LdapSyncSpec {
    LdapSyncSpec {
        directory: String::new(),
        server: server.into(),
        bind_dn: Slapd::ACCOUNT.into(),
        bind_password: Slapd::PASSWORD.into(),
        search_base: Slapd::SUFFIX.into(),
        ..spec("lite")
    }
}

/// Passes bytes on to `url`, and hangs up after so many of the answer.
async fn hanging_up_after(url: &str, most: usize) -> (String, Arc<AtomicUsize>, tokio::task::JoinHandle<()>) {
    let target = url.trim_start_matches("ldap://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = format!("ldap://{}", listener.local_addr().unwrap());
    let passed = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&passed);
    let task = tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = TcpStream::connect(&target).await.unwrap();
            let (mut up, mut down) = ([0; 4096], [0; 4096]);
            let mut left = most;
            while left > 0 {
                tokio::select! {
                    read = near.read(&mut up) => match read {
                        Ok(n) if n > 0 => far.write_all(&up[..n]).await.unwrap(),
                        _ => break,
                    },
                    read = far.read(&mut down) => match read {
                        Ok(n) if n > 0 => {
                            let n = n.min(left);
                            left -= n;
                            counted.fetch_add(n, Ordering::SeqCst);
                            if near.write_all(&down[..n]).await.is_err() { break }
                        }
                        _ => break,
                    },
                }
            }
        }
    });
    (here, passed, task)
}

#[tokio::test]
async fn a_server_that_goes_away_in_the_middle_of_a_page_changes_nothing() {
    let directory = Slapd::start(&(units() + &people(0..2000)), 10_000).unwrap();
    let (url, passed, task) = hanging_up_after(directory.url(), 150_000).await;
    let lite = lite(&url).await;
    let error = sync(&lite.bench, &spec("lite")).await.unwrap_err();
    assert_eq!((error.kind, error.may_retry), (StepErrorKind::Remote, true), "{error}");
    assert!(error.message.starts_with(&format!("LDAP connector `people` ({url}): ")), "{error}");
    assert_eq!(passed.load(Ordering::SeqCst), 150_000, "some pages had arrived");
    assert!(lite.is_untouched().await);
    task.abort();
}

#[tokio::test]
async fn an_account_that_is_refused_is_not_tried_again() {
    let directory = Slapd::start(&(units() + &people(0..2)), 1000).unwrap();
    let lite = lite(directory.url()).await;
    let error = sync(&lite.bench, &LdapSyncSpec { bind_password: "wr0ng".into(), ..inline(directory.url()) })
        .await
        .unwrap_err();
    assert!(!error.may_retry && error.message.contains("49 (invalidCredentials)"), "{error}");
    assert!(!error.message.contains("wr0ng"), "{error}");
    let nobody = format!("ldap://127.0.0.1:{}", test_support::free_port().unwrap());
    let error = sync(&lite.bench, &inline(&nobody)).await.unwrap_err();
    assert!(error.may_retry && error.message.starts_with(&format!("LDAP server {nobody}: no connection")), "{error}");
    assert!(lite.is_untouched().await);
}

#[tokio::test]
async fn an_encrypted_connection_trusts_the_bundle_it_is_given_and_nobody_else() {
    let authority = Authority::new();
    let tls = SlapdTls {
        authority: authority.pem.clone(),
        certificate: authority.certificate.pem(),
        key: authority.key.serialize_pem(),
    };
    let directory = Slapd::start_with(&(units() + &people(0..3)), 1000, "", Some(&tls)).unwrap();
    let lite = lite(directory.url()).await;
    std::fs::write(lite.folder.path().join("ca.pem"), &authority.pem).unwrap();
    let runner = LdapSyncRunner::new(lite.bench.pools.clone(), lite.folder.path());
    let run = async |spec: LdapSyncSpec| {
        let spec = StepSpec::LdapSync(Box::new(spec));
        runner.run(&spec, &lite.bench.context()).await.map_err(|failure| failure.error)
    };
    let ca_file = Some("ca.pem".to_owned());
    let ldaps = LdapSyncSpec { ca_file: ca_file.clone(), ..inline(directory.tls_url()) };
    let start_tls = LdapSyncSpec { ca_file, start_tls: true, ..inline(directory.url()) };
    for spec in [ldaps, start_tls] {
        assert_eq!(run(spec.clone()).await.unwrap().output["fetched"], 3);
        let error = run(LdapSyncSpec { ca_file: None, ..spec.clone() }).await.unwrap_err();
        assert!(error.message.to_lowercase().contains("certificate"), "{error}");
        let error = run(LdapSyncSpec { ca_file: Some("none.pem".into()), ..spec }).await.unwrap_err();
        assert_eq!(error.kind, StepErrorKind::Definition);
        assert!(error.message.contains("the CA file `") && error.message.contains("none.pem"), "{error}");
    }
}

#[tokio::test]
async fn referrals_are_not_followed_and_one_in_place_of_an_answer_is_a_failure() {
    let suffix = Slapd::SUFFIX;
    let elsewhere = format!(
        "dn: ou=far,{suffix}\nobjectClass: referral\nobjectClass: extensibleObject\nou: far\nref: ldap://far.example/ou=far,{suffix}\n\n"
    );
    let directory = Slapd::start(&(units() + &people(0..3) + &elsewhere), 1000).unwrap();
    let lite = lite(directory.url()).await;
    assert_eq!(sync(&lite.bench, &spec("lite")).await.unwrap().output["fetched"], 3);
    assert!(lite.bench.said("1 references to other servers were not followed"));
    let far = LdapSyncSpec { search_base: format!("ou=far,{suffix}"), ..spec("lite") };
    let error = sync(&lite.bench, &far).await.unwrap_err();
    assert!(error.message.contains("held by another server, ldap://far.example/ou=far,"), "{error}");
    assert_eq!(error.kind, StepErrorKind::Definition);
}

#[tokio::test]
async fn references_are_followed_or_fail_the_step_when_it_says_so() {
    let suffix = Slapd::SUFFIX;
    let far = Slapd::start(&(units() + &people(100..150)), 1000).unwrap();
    let reference = |name: &str, to: &str| {
        format!(
            "dn: ou={name},{suffix}\nobjectClass: referral\nobjectClass: extensibleObject\nou: {name}\nref: {to}\n\n"
        )
    };
    // Two addresses of one place, the same place again, and the way back.
    let nobody = format!("ldap://127.0.0.1:{}", test_support::free_port().unwrap());
    let there = format!("{}/ou=people,{suffix}??sub", far.url());
    let entries = units()
        + &people(0..3)
        + &reference("far", &format!("{nobody}/ou=people,{suffix}??sub\nref: {there}"))
        + &reference("again", &there);
    let near = Slapd::start(&entries, 1000).unwrap();
    let lite = lite(near.url()).await;
    let with = |referrals: Referrals| LdapSyncSpec { referrals, page_size: 20, ..spec("lite") };
    let done = sync(&lite.bench, &with(Referrals::Follow)).await.unwrap();
    assert_eq!(done.output["fetched"], 53);
    let rows = lite.bench.rows("lite", "select count(*) from people where login like 'p001%'").await;
    assert_eq!(rows, [[host_model::value::Value::Int(50)]]);
    let error = sync(&lite.bench, &with(Referrals::Fail)).await.unwrap_err();
    assert!(error.message.contains("and `referrals` is `fail`"), "{error}");
    // In place of an answer.
    let base = format!("ou=again,{suffix}");
    let done = sync(&lite.bench, &LdapSyncSpec { search_base: base, ..with(Referrals::Follow) }).await.unwrap();
    assert_eq!(done.output["fetched"], 50);
    // A server that does not answer must not look like an empty one.
    drop(far);
    let error = sync(&lite.bench, &with(Referrals::Follow)).await.unwrap_err();
    assert!(error.may_retry && error.message.contains(", referred to ldap://127.0.0.1:"), "{error}");
}

#[tokio::test]
async fn what_does_not_fit_is_named_before_anything_is_written() {
    let twins = person("others", 1, "mail: p1@nomaflow.test\n") + &person("people", 7, "");
    let directory = Slapd::start(&(units() + &people(0..3) + &twins), 1000).unwrap();
    let lite = lite(directory.url()).await;
    let map = |json: serde_json::Value| json.as_object().cloned().unwrap();
    let key = |columns: &[&str]| columns.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
    let fewer = LdapSyncSpec { search_filter: "(mail=*)".into(), ..spec("lite") };
    let cases = [
        (
            LdapSyncSpec { mapping: map(json!({"uid": "login", "cn": "nam"})), ..spec("lite") },
            "table `people` has no column `nam`; did you mean `name`?",
        ),
        (
            LdapSyncSpec { key_columns: key(&["login", "other"]), ..spec("lite") },
            "`key_columns` names `login`, `other`, which are not all mapped",
        ),
        (
            LdapSyncSpec { key_columns: key(&["email"]), ..spec("lite") },
            "entry `uid=p00007,ou=people,dc=nomaflow,dc=test` has no value for the key column `email`",
        ),
        (LdapSyncSpec { key_columns: key(&["email"]), ..fewer }, "two entries have the same key \"p1@nomaflow.test\""),
        (LdapSyncSpec { search_filter: "(uid=".into(), ..spec("lite") }, "the filter is malformed"),
        (
            LdapSyncSpec { search_base: "ou=none,dc=nomaflow,dc=test".into(), ..spec("lite") },
            "there is no entry `ou=none,dc=nomaflow,dc=test`",
        ),
        (
            LdapSyncSpec { directory: "peple".into(), ..spec("lite") },
            "there is no LDAP connector `peple`; did you mean `people`?",
        ),
        (LdapSyncSpec { target_table: "nowhere".into(), ..spec("lite") }, "nowhere"),
    ];
    for (spec, words) in cases {
        let error = sync(&lite.bench, &spec).await.unwrap_err();
        assert!(error.message.contains(words), "{error}");
        assert!(lite.is_untouched().await, "{words}");
    }
    let one = LdapSyncSpec {
        scope: LdapScope::Base,
        search_base: format!("uid=p00002,ou=people,{}", Slapd::SUFFIX),
        ..spec("lite")
    };
    assert_eq!(sync(&lite.bench, &one).await.unwrap().output["fetched"], 1);
}

#[tokio::test]
async fn a_cancel_ends_a_search_at_once_and_changes_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let lite = lite(&format!("ldap://{}", silent.local_addr().unwrap())).await;
    let begun = Instant::now();
    let canceling = async {
        let (mut socket, _) = silent.accept().await.unwrap();
        socket.read_exact(&mut [0; 1]).await.unwrap();
        lite.bench.cancel.cancel("canceled by user:alice");
        socket
    };
    let spec = spec("lite");
    let (done, _socket) = tokio::join!(sync(&lite.bench, &spec), canceling);
    assert_eq!(done.unwrap_err().kind, StepErrorKind::Canceled);
    assert!(begun.elapsed() < Duration::from_secs(2));
}
