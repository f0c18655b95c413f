//! The conformance suite on PostgreSQL, and what can go wrong with a server. One private server for each area, one fresh
//! database for each check.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::Path;

use host_model::RunId;
use host_store::conformance::{self, Bench};
use host_store::{OpenError, each_check};
use test_support::{Postgres, free_port};

macro_rules! tests {
    ($($area:ident: $($name:ident)*;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $area() {
            let server = Postgres::start().unwrap();
            $(check(&server, stringify!($area), stringify!($name)).await;)*
        })*
    };
}

each_check!(tests);

async fn check(server: &Postgres, area: &str, name: &str) {
    println!("{name}");
    let database = server.database().unwrap();
    conformance::run(area, name, &Bench::new(database.url(), "")).await;
}

async fn open_error(url: &str) -> OpenError {
    match host_store::open(url, Path::new("")).await {
        Ok(_) => panic!("`{url}` was opened"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_named_without_the_password() {
    let url = format!("postgres://u:secret@127.0.0.1:{}/d", free_port().unwrap());
    let error = open_error(&url).await;
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
    let text = format!("{error} {error:?}");
    assert!(text.contains("u:***@127.0.0.1") && !text.contains("secret"), "{text}");
}

#[tokio::test]
async fn every_refusal_has_its_own_error_and_none_shows_the_password() {
    let server = Postgres::start_private().unwrap();
    let database = server.database().unwrap();
    let sql = format!(
        "create role reader login password 'secret'; \
         revoke create on schema public from public; revoke all on database {0} from public; \
         grant connect on database {0} to reader",
        database.name()
    );
    database.execute(&sql).unwrap();
    let place = database.url().rsplit_once('@').unwrap().1;
    let wrong = open_error(&format!("postgres://reader:secret2@{place}")).await;
    assert!(matches!(&wrong, OpenError::Refused { message, .. } if message.contains("reader")), "{wrong:?}");
    let none = open_error(&server.url("nowhere")).await;
    assert!(matches!(none, OpenError::NoDatabase { .. }), "{none:?}");
    let forbidden = open_error(&format!("postgres://reader:secret@{place}")).await;
    assert!(
        matches!(&forbidden, OpenError::Migration { message, .. } if message.contains("permission")),
        "{forbidden:?}"
    );
    server.admin("create database latin encoding 'SQL_ASCII' template template0").unwrap();
    let latin = open_error(&server.url("latin")).await;
    assert!(matches!(&latin, OpenError::Encoding { encoding, .. } if encoding == "SQL_ASCII"), "{latin:?}");
    for error in [wrong, none, forbidden, latin] {
        let text = format!("{error} {error:?}");
        assert!(!text.contains("secret") && !text.contains("pass%20word"), "{text}");
        assert!(error.hint().is_some());
    }
}

#[tokio::test]
async fn a_prepared_schema_needs_no_right_to_create() {
    let server = Postgres::start_private().unwrap();
    let database = server.database().unwrap();
    host_store::open(database.url(), Path::new("")).await.unwrap().close().await;
    let sql = "create role worker login password 'w'; \
               revoke create on schema public from public; grant all on all tables in schema public to worker";
    database.execute(sql).unwrap();
    let place = database.url().rsplit_once('@').unwrap().1;
    let store = host_store::open(&format!("postgres://worker:w@{place}"), Path::new("")).await.unwrap();
    let run = RunId::from_parts(1, 1);
    assert_eq!(store.request_cancel(run, "x").await.unwrap(), host_model::port::CancelMark::NotFound);
    store.close().await;
}

#[tokio::test]
async fn a_lost_connection_is_replaced() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let store = host_store::open(database.url(), Path::new("")).await.unwrap();
    for _ in 0..3 {
        store.ping().await.unwrap();
        let ended = database
            .execute(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                 where datname = current_database() and application_name = 'nomaflow'",
            )
            .unwrap();
        assert_ne!(ended, "0");
        assert!(store.find_run(RunId::from_parts(1, 1)).await.unwrap().is_none());
    }
    store.close().await;
}
