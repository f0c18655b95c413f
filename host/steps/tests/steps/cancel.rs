//! A cancel ends the work on the server, not only the waiting for it: looked at in the server's own list of sessions.

use std::time::{Duration, Instant};

use host_model::StepErrorKind;
use host_model::job::spec::CopyMode;
use host_model::port::Access;
use host_model::value::Value;
use serde_json::json;
use tempfile::TempDir;
use test_support::{Database, Postgres, wait_until_async};

use crate::kit::{Bench, Set, copy};

const FOREVER: &str = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
const IN_TIME: Duration = Duration::from_secs(2);

/// Statements of ours that the server is working on.
fn busy(database: &Database<'_>) -> String {
    let sql = "select count(*) from pg_stat_activity where application_name = 'nomaflow' and datname = current_database() and state <> 'idle'";
    database.execute(sql).unwrap()
}

async fn wait_for(what: &str, condition: impl FnMut() -> bool) {
    let mut condition = condition;
    wait_until_async(Duration::from_secs(20), tokio::time::sleep, || std::future::ready(condition()))
        .await
        .or_panic(what);
}

/// Cancels `work` once `is_under_way` holds, and says how long it took to stop.
async fn cancel_during<T>(
    bench: &Bench,
    work: impl Future<Output = T>,
    is_under_way: impl FnMut() -> bool,
) -> (T, Duration) {
    tokio::pin!(work);
    tokio::select! {
        _ = &mut work => panic!("it ended before the cancel"),
        () = wait_for("the work to begin", is_under_way) => {}
    }
    let begun = Instant::now();
    bench.cancel.cancel("canceled by user:test");
    (work.await, begun.elapsed())
}

#[tokio::test]
async fn a_canceled_query_is_ended_on_the_postgres_server() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let bench = Set::default().postgres("pg", database.url()).build();
    let work = bench.run_query("pg", "select pg_sleep(600)", json!({}));
    let (result, took) = cancel_during(&bench, work, || busy(&database) != "0").await;
    let error = result.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (StepErrorKind::Canceled, "canceled by user:test"));
    assert!(took < IN_TIME, "{took:?}");
    assert_eq!(busy(&database), "0");
}

#[tokio::test]
async fn a_dropped_step_is_ended_on_the_postgres_server_too() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let bench = Set::default().postgres("pg", database.url()).build();
    {
        let work = bench.run_query("pg", "select pg_sleep(600)", json!({}));
        tokio::pin!(work);
        tokio::select! {
            _ = &mut work => panic!("it ended by itself"),
            () = wait_for("the query", || busy(&database) != "0") => {}
        }
    }
    wait_for("the server to be idle", || busy(&database) == "0").await;
}

#[tokio::test]
async fn a_canceled_session_stops_in_the_middle_of_a_call() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let bench = Set::default().postgres("pg", database.url()).build();
    let session = bench.session("pg", Access::ReadWrite).await;
    let (result, took) =
        cancel_during(&bench, session.execute("select pg_sleep(600)", Vec::new()), || busy(&database) != "0").await;
    assert_eq!(result.unwrap_err().kind, StepErrorKind::Canceled);
    assert!(took < IN_TIME, "{took:?}");
    let later = session.execute("select 1", Vec::new()).await.unwrap_err();
    assert_eq!(later.kind, StepErrorKind::Canceled);
    drop(session);
    wait_for("the server to be idle", || busy(&database) == "0").await;
}

#[tokio::test]
async fn a_canceled_query_is_interrupted_in_sqlite() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.db");
    let bench = Set::default().sqlite("lite", &path).build();
    bench.execute("lite", &["create table t (i int)"]).await;
    let begun = Instant::now();
    let work = bench.run_query("lite", FOREVER, json!({}));
    let (result, took) = cancel_during(&bench, work, || begun.elapsed() > Duration::from_millis(200)).await;
    assert_eq!(result.unwrap_err().kind, StepErrorKind::Canceled);
    assert!(took < IN_TIME, "{took:?}");
}

#[tokio::test]
async fn a_canceled_step_does_not_wait_for_a_lock_of_sqlite() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.db");
    let holder = Set::default().sqlite("lite", &path).build();
    holder.execute("lite", &["create table t (i int)"]).await;
    let lock = holder.session("lite", Access::ReadWrite).await;
    lock.begin().await.unwrap();
    let bench = Set::default().sqlite("lite", &path).build();
    let begun = Instant::now();
    let work = bench.run_query("lite", "insert into t values (1)", json!({}));
    let (result, took) = cancel_during(&bench, work, || begun.elapsed() > Duration::from_millis(200)).await;
    assert_eq!(result.unwrap_err().kind, StepErrorKind::Canceled);
    assert!(took < IN_TIME, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canceled_copy_leaves_the_live_table_whole() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.db");
    let set = Set::default().postgres("pg", database.url()).sqlite("lite", &path);
    set.clone()
        .build()
        .execute(
            "lite",
            &[
                "create table big (i integer, t text)",
                "create table t (i integer, t text)",
                "insert into t values (1, 'old')",
            ],
        )
        .await;
    database.execute("create table big as select i, repeat('x', 50) t from generate_series(1, 3000000) i; create table t (i int, t text); insert into t values (1, 'old')").unwrap();
    for (from, to) in [("pg", "pg"), ("pg", "lite")] {
        let bench = set.clone().build();
        let work = bench.run_copy(copy(from, "big", to, "t", CopyMode::Overwrite));
        let is_moving = || bench.voice.progress.lock().unwrap().iter().any(|(done, _)| *done > 0);
        let (result, took) = cancel_during(&bench, work, is_moving).await;
        assert_eq!(result.unwrap_err().kind, StepErrorKind::Canceled, "{from} to {to}");
        assert!(took < IN_TIME, "{from} to {to}: {took:?}");
        wait_for("the server to be idle", || busy(&database) == "0").await;
        let after = set.clone().build();
        assert_eq!(after.rows(to, "select i, t from t").await, [[Value::Int(1), Value::Text("old".into())]]);
    }
    assert_eq!(database.execute("select count(*) from pg_class where relname like 'nomaflow%'").unwrap(), "0");
}
