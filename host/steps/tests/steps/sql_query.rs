//! The `sql_query` step.

use host_model::StepErrorKind;
use host_model::connector::Dialect;
use host_model::log::LogLevel;
use host_model::value::Value;
use serde_json::json;
use tempfile::TempDir;
use test_support::Postgres;

use crate::kit::{Bench, Set};

/// What a `sql_query` is, whatever the database.
pub(crate) async fn check(bench: &mut Bench) {
    // Several statements are one transaction; only what changes rows counts as affected.
    let done = bench
        .run_query(
            "ops",
            "create table t (i integer, x text); insert into t values (:a, 'a;b'), (2, :x); select i, x from t order by i;",
            json!({"a": 1, "x": "two"}),
        )
        .await
        .unwrap();
    assert_eq!(done.rows_affected, Some(2));
    assert_eq!(done.output["row_count"], 2);
    assert_eq!(done.output["rows_affected"], 2);
    assert_eq!(done.output["columns"], json!(["i", "x"]));
    assert_eq!(done.output["first_row"], json!({"i": 1, "x": "a;b"}));
    assert_eq!(done.output["rows"], json!([{"i": 1, "x": "a;b"}, {"i": 2, "x": "two"}]));

    // The failure of one undoes the others.
    let failed = bench
        .run_query("ops", "insert into t values (3, 'x'); insert into nowhere values (1)", json!({}))
        .await
        .unwrap_err();
    assert!(failed.message.contains("nowhere"), "{failed}");
    assert_eq!((failed.kind, failed.may_retry), (StepErrorKind::Remote, false));
    assert_eq!(bench.rows("ops", "select count(*) from t").await, [[Value::Int(2)]]);

    // Rows are counted to the last; a hundred are kept.
    let sql = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2500) select i from n";
    let counted = bench.run_query("ops", sql, json!({})).await.unwrap();
    assert_eq!(counted.output["row_count"], 2500);
    assert_eq!(counted.output["rows"].as_array().unwrap().len(), 100);
    assert_eq!(counted.rows_affected, Some(2500));
    assert!(bench.said("2500 rows returned"));
    assert!(!bench.said("recursive"), "the text of the query is for DEBUG only");
    bench.level = LogLevel::Debug;

    // Rows and a count from one statement.
    let returned = bench.run_query("ops", "insert into t values (9, 'nine') returning i", json!({})).await.unwrap();
    assert_eq!((&returned.output["first_row"], returned.rows_affected), (&json!({"i": 9}), Some(1)));
    assert!(bench.said("insert into t values (9"));
    assert_eq!(
        bench.run_query("ops", "update t set x = '' where i > 100", json!({})).await.unwrap().rows_affected,
        Some(0)
    );

    // Named queries.
    let named = bench.run_query("ops", "count-rows", json!({"low": 2})).await.unwrap();
    assert_eq!(named.output["first_row"], json!({"n": 2}));
    let written = bench.run_query("ops", "clear:write", json!({})).await.unwrap();
    assert_eq!(written.rows_affected, Some(3));
    for (query, kind, words) in [
        ("clear", StepErrorKind::Denied, "read"),
        ("count-rows:write", StepErrorKind::Denied, "not declared `writable`"),
        ("count-row", StepErrorKind::Definition, "did you mean `count-rows`?"),
        ("foreign", StepErrorKind::Definition, "no text for"),
        ("select :missing", StepErrorKind::Definition, "`:missing`"),
        ("select 'abc", StepErrorKind::Definition, "no end for the `'`"),
        ("-- nothing", StepErrorKind::Definition, "empty"),
        ("delete from t; commit; delete from t", StepErrorKind::Definition, "one transaction already"),
    ] {
        let error = bench.run_query("ops", query, json!({"low": 1})).await.unwrap_err();
        let denied_by_database = query == "clear" && error.message.contains("read-only");
        assert!(error.kind == kind || denied_by_database, "{query}: {error:?}");
        assert!(error.message.contains(words), "{query}: {error}");
    }
    let unknown = bench.run_query("opps", "select 1", json!({})).await.unwrap_err();
    assert!(unknown.message.contains("did you mean `ops`?"), "{unknown}");
}

pub(crate) fn with_queries(set: Set, foreign: Dialect) -> Bench {
    set.query("ops", "count-rows", "select count(*) as n from t where i >= :low", false)
        .query("ops", "clear", "delete from t", true)
        .query_for("ops", "foreign", foreign, "select 1")
        .build()
}

#[tokio::test]
async fn sql_query_on_sqlite() {
    let folder = TempDir::new().unwrap();
    let set = Set::default().sqlite("ops", &folder.path().join("a.db"));
    check(&mut with_queries(set, Dialect::Postgres)).await;
}

#[tokio::test]
async fn sql_query_on_postgres() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    check(&mut with_queries(Set::default().postgres("ops", database.url()), Dialect::Sqlite)).await;
}

#[tokio::test]
async fn reading_a_sqlite_file_that_does_not_exist_fails_and_makes_none() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.db");
    let bench = Set::default().sqlite("ops", &path).build();
    let error = bench.run_query("ops", "select 1", json!({})).await.unwrap_err();
    assert!(error.message.contains("does not exist"), "{error}");
    assert!(!path.exists());
}

#[tokio::test]
async fn one_statement_alone_runs_outside_a_transaction() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    let bench = Set::default().postgres("pg", database.url()).sqlite("lite", &folder.path().join("a.db")).build();
    bench.run_query("pg", "create table t (i int)", json!({})).await.unwrap();
    bench.run_query("pg", "vacuum t", json!({})).await.unwrap();
    bench.run_query("pg", "create index concurrently on t (i)", json!({})).await.unwrap();
    bench.run_query("lite", "create table t (i int)", json!({})).await.unwrap();
    bench.run_query("lite", "vacuum main", json!({})).await.unwrap();
}

#[tokio::test]
async fn what_the_driver_of_postgres_cannot_do_is_said_in_words() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let bench = Set::default().postgres("erp", database.url()).build();
    for (sql, words) in [
        ("select '{[1,2)}'::int4multirange as r", "multirange type"),
        ("copy (select 1) to stdout", "`sql_copy` moves rows"),
        ("copy pg_class from stdin", "`sql_copy` moves rows"),
    ] {
        let error = bench.run_query("erp", sql, json!({})).await.unwrap_err();
        assert!(error.message.contains(words) && error.kind == StepErrorKind::Definition, "{sql}: {error}");
    }
    let readable = bench.run_query("erp", "select '{[1,2)}'::int4multirange::text as r", json!({})).await.unwrap();
    assert_eq!(readable.output["first_row"]["r"], "{[1,2)}");
}
