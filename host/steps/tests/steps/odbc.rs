//! ODBC against a real driver: psqlodbc, with the tests' PostgreSQL behind it. Only in a build with the feature `odbc`, on a
//! machine with unixODBC and that driver (Debian: unixodbc-dev, odbc-postgresql).

use host_model::connector::{Hidden, PoolAddress};
use host_model::job::spec::CopyMode;
use host_model::port::{Access, Connectors as _};
use host_model::value::Value;
use serde_json::json;
use tempfile::TempDir;
use test_support::Postgres;

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
