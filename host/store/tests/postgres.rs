//! The conformance suite on PostgreSQL, and what can go wrong with a server. One private server for each area, one fresh
//! database for each check.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use host_model::RunId;
use host_model::port::{CancelMark, Store, StoreError};
use host_store::conformance::{self, Bench};
use host_store::{OpenError, each_check};
use test_support::{Database, Gate, Postgres, TempHome, free_port, wait_until};
use tokio::task::JoinSet;

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
    // For what a check puts beside the database.
    let home = TempHome::new().unwrap();
    conformance::run(area, name, &Bench::new(database.url(), home.path())).await;
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
    assert_eq!(store.request_cancel(run, "x", host_model::Instant::default()).await.unwrap(), CancelMark::NotFound);
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

/// A fresh database whose server is reached through a gate.
fn behind_gate(server: &Postgres) -> (Gate, Database<'_>, String) {
    let port = server.port().unwrap();
    let (gate, database) = (Gate::to(port).unwrap(), server.database().unwrap());
    let url = database.url().replace(&format!(":{port}/"), &format!(":{}/", gate.port()));
    assert_ne!(url, database.url());
    (gate, database, url)
}

/// Reads and writes, more than there are connections, and how each ended.
async fn sixteen_at_once(store: &Arc<dyn Store>) -> Vec<Result<(), StoreError>> {
    let mut tasks = JoinSet::new();
    for n in 0..16 {
        let (store, run) = (Arc::clone(store), RunId::from_parts(1, n));
        tasks.spawn(async move {
            match n % 2 {
                0 => store
                    .request_cancel(run, "x", host_model::Instant::default())
                    .await
                    .map(|mark| assert_eq!(mark, CancelMark::NotFound)),
                _ => store.find_run(run).await.map(|run| assert!(run.is_none())),
            }
        });
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_falls_silent_costs_its_operation_a_while_and_the_store_nothing() {
    let server = Postgres::start_private().unwrap();
    let (gate, database, url) = behind_gate(&server);
    let store = host_store::open(&url, Path::new("")).await.unwrap();
    let mut other = database.session().unwrap();
    other.rows("begin").unwrap();
    other.rows("lock table ly2_job_runs in access exclusive mode").unwrap();
    let begin = Instant::now();
    let asked = tokio::spawn({
        let store = Arc::clone(&store);
        async move { sixteen_at_once(&store).await }
    });
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() \
                   and application_name = 'nomaflow' and wait_event_type = 'Lock'";
    let all_wait = || database.execute(waiting).unwrap() == "10";
    wait_until(Duration::from_secs(10), all_wait).or_panic("every connection waits in the middle of something");
    gate.forget();
    other.rows("rollback").unwrap();
    let answers = asked.await.unwrap();
    // The others waited for a connection, got a new one when time was up, or gave up before.
    let lost = answers.iter().filter(|answer| matches!(answer, Err(StoreError::Unavailable { .. }))).count();
    assert!(lost >= 10, "{answers:?}");
    assert!(begin.elapsed() < Duration::from_secs(35), "{:?}", begin.elapsed());
    let said = |words: &str| answers.iter().any(|answer| format!("{answer:?}").contains(words));
    assert!(said("no answer within 15 s"), "{answers:?}");

    // Not one place in the pool is lost, and connections that fall silent while idle are replaced without an error.
    for _ in 0..2 {
        let begin = Instant::now();
        let answers = sixteen_at_once(&store).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        assert!(begin.elapsed() < Duration::from_secs(9), "{:?}", begin.elapsed());
        gate.forget();
    }
    // Nor does the end wait for ever.
    let begin = Instant::now();
    store.close().await;
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_that_is_given_up_leaves_its_connection_to_nobody() {
    let server = Postgres::start_private().unwrap();
    let (gate, database, url) = behind_gate(&server);
    let store = host_store::open(&url, Path::new("")).await.unwrap();
    let begin = Instant::now();
    // More than the pool has places for; each is dropped while its connection owes it an answer.
    for _ in 0..12 {
        store.ping().await.unwrap();
        let mut other = database.session().unwrap();
        other.rows("begin").unwrap();
        other.rows("lock table ly2_job_runs in access exclusive mode").unwrap();
        let stuck = store.request_cancel(RunId::from_parts(1, 1), "x", host_model::Instant::default());
        assert!(tokio::time::timeout(Duration::from_millis(300), stuck).await.is_err());
        gate.forget();
    }
    store.ping().await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
    store.close().await;
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for() {
    let server = Postgres::start_private().unwrap();
    let (gate, _database, url) = behind_gate(&server);
    gate.shut();
    let error = open_error(&url).await;
    assert!(matches!(&error, OpenError::Unreachable { message, .. } if message.contains("no answer")), "{error:?}");
}
