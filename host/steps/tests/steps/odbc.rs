//! ODBC against a real driver: psqlodbc, with the tests' PostgreSQL behind it. Only in a build with the feature `odbc`, on a
//! machine with unixODBC and that driver (Debian: unixodbc-dev, odbc-postgresql).

use std::time::{Duration, Instant};

use host_model::StepErrorKind;
use host_model::connector::{Hidden, PoolAddress};
use host_model::job::spec::CopyMode;
use host_model::port::{Access, Connectors as _};
use host_model::value::Value;
use serde_json::json;
use tempfile::TempDir;
use test_support::{Database, Postgres, wait_until_async};

use crate::kit::{Bench, Set, all_rows, copy, text};

/// `odbc` and `pg` are the same database, `lite` is a SQLite file.
fn bench(url: &str, folder: &TempDir) -> Bench {
    let (account, place) = url.trim_start_matches("postgres://").split_once('@').unwrap();
    let (user, password) = account.split_once(':').unwrap();
    let (server, database) = place.split_once('/').unwrap();
    let (host, port) = server.split_once(':').unwrap();
    let password = percent_encoding::percent_decode_str(password).decode_utf8().unwrap();
    let driver = "Driver={PostgreSQL Unicode};ByteaAsLongVarBinary=1;BoolsAsChar=0";
    let string = format!("{driver};Server={host};Port={port};Database={database};UID={user}");
    let address = PoolAddress::Odbc { text: Hidden::new(string), password: Some(Hidden::new(&*password)) };
    let set = Set::default().postgres("pg", url).sqlite("lite", &folder.path().join("a.db"));
    set.add("odbc", address, |_| {}).build()
}

const TABLE: &str = "(id bigint, amount numeric(38,10), name varchar(40), day date, at timestamp(6), flag boolean, \
                     part double precision, bytes bytea)";
const ROW: &str = "(1, 1234567890123456789012345678.0123456789, 'Größe 🦀', '2026-01-02', '2026-01-02 03:04:05.123456', \
                   true, 0.1, '\\x00ff'), (2, null, null, null, null, null, null, null)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_travel_through_odbc_digit_by_digit_and_back() {
    let (postgres, folder) = (Postgres::start().unwrap(), TempDir::new().unwrap());
    let database = postgres.database().unwrap();
    let bench = bench(database.url(), &folder);
    bench.execute("pg", &[&format!("create table t {TABLE}"), &format!("insert into t values {ROW}")]).await;
    bench.execute("pg", &[&format!("create table back {TABLE}")]).await;
    let rows = bench.rows("odbc", "select id, amount, name, day, at, part, bytes from t order by id").await;
    let amount = "1234567890123456789012345678.0123456789";
    assert_eq!(
        rows[0],
        [
            Value::Int(1),
            Value::Decimal(amount.into()),
            text("Größe 🦀"),
            Value::Date("2026-01-02".into()),
            Value::Timestamp("2026-01-02T03:04:05.123456".into()),
            Value::Float(0.1),
            Value::Bytes(vec![0, 255]),
        ]
    );
    assert!(rows[1][1..].iter().all(|value| *value == Value::Null), "{:?}", rows[1]);
    // Out of it and into it.
    bench.run_copy(copy("odbc", "t", "lite", "t", CopyMode::Overwrite)).await.unwrap();
    let done = bench.run_copy(copy("odbc", "t", "odbc", "back", CopyMode::Overwrite)).await;
    let done = done.unwrap_or_else(|error| panic!("{error}\n{}", error.detail));
    assert_eq!((done.rows_affected, &done.output["target_rows"]), (Some(2), &json!(2)));
    let same = bench.rows("pg", "select count(*) from (select * from t except select * from back) d").await;
    assert_eq!(same, [[Value::Int(0)]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_counts_transactions_and_refusals_are_those_of_any_connector() {
    let (postgres, folder) = (Postgres::start().unwrap(), TempDir::new().unwrap());
    let database = postgres.database().unwrap();
    let bench = bench(database.url(), &folder);
    bench.execute("pg", &["create table n (i int primary key)", "insert into n select generate_series(1, 2000)"]).await;
    let session = bench.session("odbc", Access::ReadWrite).await;
    let found = all_rows(&*session, "select i from n where i > :a order by i", vec![("a".into(), Value::Int(5))]).await;
    assert_eq!(found.len(), 1_995);
    let binds = vec![("x".to_owned(), Value::Int(10)), ("y".to_owned(), Value::Null)];
    assert_eq!(session.execute("delete from n where i <= :x or i = :y", binds).await.unwrap(), 10);
    session.begin().await.unwrap();
    assert_eq!(session.execute("delete from n", Vec::new()).await.unwrap(), 1_990);
    session.rollback().await.unwrap();
    assert_eq!(bench.rows("pg", "select count(*) from n").await, [[Value::Int(1_990)]]);
    let error = session.execute("insert into n values (11)", Vec::new()).await.unwrap_err();
    assert!(error.message.contains("duplicate key") && error.detail.contains("23505"), "{error}: {}", error.detail);
    let reading = bench.session("odbc", Access::Read).await;
    assert!(reading.execute("delete from n", Vec::new()).await.is_err());
    let wrong = Set::default().add(
        "odbc",
        PoolAddress::Odbc { text: Hidden::new("DSN=nobody;PWD=s3cret"), password: None },
        |_| {},
    );
    let wrong = wrong.build();
    let error = wrong.pools.open("odbc", Access::Read, &wrong.cancel).await.err().unwrap();
    assert!(error.message.contains("odbc:DSN=nobody") && !error.message.contains("s3cret"), "{error}");
}

const IN_TIME: Duration = Duration::from_secs(2);

/// What the server's own list of sessions says of this statement: how many work on it.
fn working(database: &Database<'_>, statement: &str) -> String {
    let sql = format!(
        "select count(*) from pg_stat_activity where state = 'active' and query like '%{statement}%' \
         and datname = current_database() and pid <> pg_backend_pid()"
    );
    database.execute(&sql).unwrap()
}

async fn wait_for_working(database: &Database<'_>, statement: &str, want: &str, bound: Duration) {
    let is_so = || std::future::ready(working(database, statement) == want);
    wait_until_async(bound, tokio::time::sleep, is_so).await.or_panic(&format!("{want} working on `{statement}`"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_call_is_canceled_on_the_server() {
    let (postgres, folder) = (Postgres::start().unwrap(), TempDir::new().unwrap());
    let database = postgres.database().unwrap();
    database.execute("create table locked (i int); insert into locked values (1); create table live (i int)").unwrap();
    let mut locker = database.session().unwrap();
    locker.rows("begin; update locked set i = 2").unwrap();
    // A query, a change that waits for a lock, several statements, rows that come one by one.
    for (sql, statement) in [
        ("select pg_sleep(600)", "select pg_sleep(600)"),
        ("update locked set i = 3", "update locked set i = 3"),
        ("insert into live values (1); delete from locked", "delete from locked"),
        ("select i, pg_sleep(0.05) from generate_series(1, 10000) i", "select i, pg_sleep"),
    ] {
        let bench = bench(database.url(), &folder);
        let work = bench.run_query("odbc", sql, json!({}));
        tokio::pin!(work);
        tokio::select! {
            done = &mut work => panic!("{sql}: it ended before the cancel: {done:?}"),
            () = wait_for_working(&database, statement, "1", Duration::from_secs(20)) => {}
        }
        let begun = Instant::now();
        bench.cancel.cancel("canceled by user:test");
        let error = work.await.unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (StepErrorKind::Canceled, "canceled by user:test"), "{sql}");
        assert!(begun.elapsed() < IN_TIME, "{sql}: {:?}", begun.elapsed());
        let left = IN_TIME.saturating_sub(begun.elapsed());
        wait_for_working(&database, statement, "0", left).await;
    }
    assert_eq!(database.execute("select count(*) from live").unwrap(), "0", "what was canceled is undone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_call_that_nobody_waits_for_is_ended_on_the_server_too() {
    let (postgres, folder) = (Postgres::start().unwrap(), TempDir::new().unwrap());
    let database = postgres.database().unwrap();
    let bench = bench(database.url(), &folder);
    {
        let work = bench.run_query("odbc", "select pg_sleep(600)", json!({}));
        tokio::pin!(work);
        tokio::select! {
            done = &mut work => panic!("it ended by itself: {done:?}"),
            () = wait_for_working(&database, "select pg_sleep", "1", Duration::from_secs(20)) => {}
        }
    }
    wait_for_working(&database, "select pg_sleep", "0", Duration::from_secs(20)).await;
    // The place in the pool is free again.
    for _ in 0..10 {
        assert_eq!(bench.rows("odbc", "select 1").await, [[Value::Int(1)]]);
    }
}
