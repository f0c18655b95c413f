//! Sessions, access, transactions, pools.

use host_model::connector::{Hidden, PoolAddress};
use host_model::port::{Access, Connectors as _};
use host_model::value::Value;
use host_model::{CancelToken, StepErrorKind};
use host_steps::ConnectorPools;
use tempfile::TempDir;
use test_support::{Postgres, free_port};

use crate::kit::{Bench, Set, all_rows, text};

const NUMBERS: &str = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000) select i from n";

/// The same promises on both dialects.
async fn check_promises(bench: &Bench, name: &str) {
    bench.execute(name, &["create table t (i integer primary key, x text)", "insert into t values (1, 'one')"]).await;

    // A reader cannot write, whatever it tries.
    let reader = bench.session(name, Access::Read).await;
    for sql in [
        "insert into t values (2, 'two')",
        "update t set x = ''",
        "drop table t",
        "commit",
        "begin",
        "pragma query_only = 0",
    ] {
        let refused = reader.execute(sql, Vec::new()).await.unwrap_err();
        assert!(matches!(refused.kind, StepErrorKind::Denied | StepErrorKind::Definition), "{sql}: {refused}");
    }
    let refused = reader.insert_rows("t", &["i".into()], vec![vec![Value::Int(9)]]).await.unwrap_err();
    assert_eq!(refused.kind, StepErrorKind::Denied);
    assert_eq!(all_rows(&*reader, "select i from t", Vec::new()).await, [[Value::Int(1)]]);
    drop(reader);

    // Statements, parameters, counts.
    let session = bench.session(name, Access::ReadWrite).await;
    let two = session.execute("select 1; select 2", Vec::new()).await.unwrap_err();
    assert!(two.message.contains("one SQL statement, not 2"), "{two}");
    let missing =
        session.execute("insert into t values (:i, :x)", vec![("i".into(), Value::Int(2))]).await.unwrap_err();
    assert!(missing.message.contains("`:x`"), "{missing}");
    assert_eq!(missing.kind, StepErrorKind::Definition);
    assert_eq!(
        session.execute("update t set x = 'uno' where i = :i", vec![("i".into(), Value::Int(1))]).await.unwrap(),
        1
    );
    assert_eq!(session.execute("select i from t", Vec::new()).await.unwrap(), 0);
    let unknown = session.execute("select * from nowhere", Vec::new()).await.unwrap_err();
    assert!(
        unknown.message.contains(&format!("connector `{name}`")) && unknown.message.contains("nowhere"),
        "{unknown}"
    );
    assert_eq!((unknown.kind, unknown.may_retry), (StepErrorKind::Remote, false));

    // Writing while a cursor is open, alone and in a transaction.
    for in_transaction in [false, true] {
        if in_transaction {
            session.begin().await.unwrap();
        }
        let mut cursor = session.query(NUMBERS, Vec::new()).await.unwrap();
        let mut second = session.query("select i from t order by i", Vec::new()).await.unwrap();
        let mut read = 0;
        loop {
            let batch = cursor.next_batch(700).await.unwrap();
            if batch.is_empty() {
                break;
            }
            read += batch.len();
            session.execute("update t set x = x || '.'", Vec::new()).await.unwrap();
        }
        assert_eq!(read, 5000);
        assert_eq!(second.next_batch(5).await.unwrap(), [[Value::Int(1)]]);
        assert!(second.next_batch(5).await.unwrap().is_empty());
        drop((cursor, second));
        if in_transaction {
            session.rollback().await.unwrap();
        }
    }
    assert_eq!(all_rows(&*session, "select x from t", Vec::new()).await, [[text("uno........")]]);

    // A cursor given up half-way leaves the session usable.
    let mut cursor = session.query(NUMBERS, Vec::new()).await.unwrap();
    assert_eq!(cursor.next_batch(3).await.unwrap().len(), 3);
    drop(cursor);
    session.begin().await.unwrap();
    session.execute("insert into t values (5, 'five')", Vec::new()).await.unwrap();
    session.commit().await.unwrap();

    // An open transaction ends with its session.
    session.begin().await.unwrap();
    session.execute("delete from t", Vec::new()).await.unwrap();
    drop(session);
    assert_eq!(bench.rows(name, "select count(*) from t").await, [[Value::Int(2)]]);

    // Rows in bulk: all or none.
    let session = bench.session(name, Access::ReadWrite).await;
    let columns = ["i".to_owned(), "x".to_owned()];
    let rows = (10..60).map(|i| vec![Value::Int(i), text("bulk")]).collect();
    assert_eq!(session.insert_rows("t", &columns, rows).await.unwrap(), 50);
    let clash = (60..100).chain([10]).map(|i| vec![Value::Int(i), Value::Null]).collect();
    session.insert_rows("t", &columns, clash).await.unwrap_err();
    let narrow = session.insert_rows("t", &columns, vec![vec![Value::Int(1)]]).await.unwrap_err();
    assert!(narrow.message.contains("1 cells for 2 columns"), "{narrow}");
    assert_eq!(all_rows(&*session, "select count(*) from t", Vec::new()).await, [[Value::Int(52)]]);
}

#[tokio::test]
async fn a_sqlite_session_keeps_its_promises() {
    let folder = TempDir::new().unwrap();
    check_promises(&Set::default().sqlite("ops", &folder.path().join("a.db")).build(), "ops").await;
}

#[tokio::test]
async fn a_postgres_session_keeps_its_promises() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    check_promises(&Set::default().postgres("ops", database.url()).build(), "ops").await;
}

#[tokio::test]
async fn a_postgres_reader_cannot_talk_itself_into_writing() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    database.execute("create table t (i int); create function w() returns int language sql as 'insert into t values (1) returning i'").unwrap();
    let bench = Set::default().postgres("pg", database.url()).build();
    let reader = bench.session("pg", Access::Read).await;
    for sql in [
        "select set_config('transaction_read_only', 'off', false)",
        "select w()",
        "with x as (insert into t values (1) returning i) select * from x",
        "explain analyze insert into t values (1)",
    ] {
        let outcome = match reader.query(sql, Vec::new()).await {
            Ok(mut cursor) => cursor.next_batch(1).await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert!(outcome.is_err(), "{sql}");
    }
    reader.query("select w()", Vec::new()).await.err();
    assert_eq!(database.execute("select count(*) from t").unwrap(), "0");
}

#[tokio::test]
async fn a_guest_cannot_attach_another_file_and_a_reader_makes_no_file() {
    let folder = TempDir::new().unwrap();
    let (path, secret) = (folder.path().join("a.db"), folder.path().join("secret.db"));
    let bench = Set::default().sqlite("ops", &path).sqlite("secret", &secret).build();
    let missing = bench.pools.open("ops", Access::Read, &bench.cancel).await.err().unwrap();
    assert!(missing.message.contains("does not exist"), "{missing}");
    assert!(!path.exists());
    bench.execute("secret", &["create table s (x text)"]).await;
    let session = bench.session("ops", Access::ReadWrite).await;
    let written = format!("attach '{}' as s", secret.display());
    let bound = vec![("f".to_owned(), Value::Text(secret.display().to_string()))];
    for (attach, binds) in [(written.as_str(), Vec::new()), ("attach :f as s", bound)] {
        let refused = session.execute(attach, binds).await.unwrap_err();
        assert_eq!(refused.kind, StepErrorKind::Definition);
        assert!(refused.message.contains("no other database file is attached here"), "{refused}");
    }
    let copy = folder.path().join("copy.db");
    let vacuum = format!("vacuum into '{}'", copy.display());
    let refused = session.execute(&vacuum, Vec::new()).await.unwrap_err();
    assert!(refused.message.contains("`vacuum` needs one too"), "{refused}");
    assert!(!copy.exists());
}

#[tokio::test]
async fn a_statement_changes_nothing_that_sqlite_keeps_for_the_whole_process() {
    let folder = TempDir::new().unwrap();
    let bench = Set::default().sqlite("ops", &folder.path().join("a.db")).build();
    bench.execute("ops", &["create table t (i int)"]).await;
    let session = bench.session("ops", Access::ReadWrite).await;
    for pragma in [
        "pragma hard_heap_limit = 100000000000",
        "PRAGMA main.Soft_Heap_Limit(100000000000)",
        "pragma /* */ \"temp_store_directory\" = '/tmp'",
    ] {
        let refused = session.execute(pragma, Vec::new()).await.unwrap_err();
        assert!(refused.message.contains("for the whole process"), "{pragma}: {refused}");
    }
    // Those of its connection are its own.
    session.execute("pragma cache_size = 100", Vec::new()).await.unwrap();
    let mut kept = session.query("pragma hard_heap_limit", Vec::new()).await.unwrap();
    assert_eq!(kept.next_batch(1).await.unwrap(), [[Value::Int(0)]]);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "just some text, long enough to be looked at as a header of a database".repeat(20)).unwrap();
    let bench = Set::default().sqlite("ops", &path).build();
    let error = bench.pools.open("ops", Access::Read, &bench.cancel).await.err().unwrap();
    assert!(error.message.contains("not a database") && error.message.contains("notes.txt"), "{error}");
}

#[tokio::test]
async fn a_read_only_pool_refuses_writers() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.db");
    Set::default().sqlite("ops", &path).build().execute("ops", &["create table t (i int)"]).await;
    let bench = Set::default().add("ops", PoolAddress::Sqlite { path }, |pool| pool.read_only = true).build();
    let refused = bench.pools.open("ops", Access::ReadWrite, &bench.cancel).await.err().unwrap();
    assert_eq!(refused.kind, StepErrorKind::Denied);
    assert!(bench.rows("ops", "select * from t").await.is_empty());
}

#[tokio::test]
async fn an_unreachable_server_is_named_without_its_password_and_at_once() {
    let url = format!("postgres://bob:s3cret@127.0.0.1:{}/sales", free_port().unwrap());
    let bench = Set::default().postgres("erp", &url).build();
    let begun = std::time::Instant::now();
    let error = bench.pools.open("erp", Access::Read, &bench.cancel).await.err().unwrap();
    assert!(begun.elapsed().as_secs() < 5);
    assert_eq!((error.kind, error.may_retry), (StepErrorKind::Remote, true));
    assert!(error.message.contains("connector `erp` cannot reach `postgres://bob@127.0.0.1:"), "{error}");
    assert!(!error.message.contains("s3cret") && !error.detail.contains("s3cret"), "{error:?}");
}

#[tokio::test]
async fn a_wrong_password_is_the_servers_own_words() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let address = PoolAddress::Postgres { url: Hidden::new(database.url()), password: Some(Hidden::new("wr0ng")) };
    let bench = Set::default().add("erp", address, |_| {}).build();
    let error = bench.pools.open("erp", Access::Read, &bench.cancel).await.err().unwrap();
    assert!(error.message.contains("password authentication failed"), "{error}");
    assert!(!error.message.contains("wr0ng"));
}

#[tokio::test]
async fn an_unknown_connector_comes_with_the_nearest_name() {
    let folder = TempDir::new().unwrap();
    let bench = Set::default().sqlite("reporting", &folder.path().join("a.db")).build();
    let error = bench.pools.open("reportin", Access::Read, &bench.cancel).await.err().unwrap();
    assert_eq!(error.message, "there is no connector `reportin`; did you mean `reporting`?");
    assert_eq!(error.kind, StepErrorKind::Definition);
    let none =
        ConnectorPools::new(Default::default()).open("x", Access::Read, &CancelToken::new()).await.err().unwrap();
    assert!(none.message.contains("none is declared"), "{none}");
}

#[tokio::test]
async fn a_full_pool_makes_the_next_step_wait_and_then_say_so() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    let one = |pool: &mut host_model::connector::Pool| {
        pool.pool_size = 1;
        pool.acquire_timeout_seconds = 1;
    };
    let bench = Set::default()
        .add("pg", PoolAddress::Postgres { url: Hidden::new(database.url()), password: None }, one)
        .add("lite", PoolAddress::Sqlite { path: folder.path().join("a.db") }, one)
        .build();
    for name in ["lite", "pg"] {
        let first = bench.session(name, Access::ReadWrite).await;
        let error = bench.pools.open(name, Access::ReadWrite, &bench.cancel).await.err().unwrap();
        assert!(error.message.contains("none of its 1 connections"), "{error}");
        drop(first);
        // The connection comes back.
        bench.execute(name, &["create table t (i int)"]).await;
    }
}

#[tokio::test]
async fn a_connection_comes_back_without_a_trace_of_its_last_user() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let address = PoolAddress::Postgres { url: Hidden::new(database.url()), password: None };
    let bench = Set::default().add("pg", address, |pool| pool.pool_size = 1).build();
    let session = bench.session("pg", Access::ReadWrite).await;
    let pid = all_rows(&*session, "select pg_backend_pid()", Vec::new()).await;
    session.execute("set search_path = nowhere", Vec::new()).await.unwrap();
    session.execute("create temp table left_over (i int)", Vec::new()).await.unwrap();
    drop(session);
    let session = bench.session("pg", Access::ReadWrite).await;
    assert_eq!(all_rows(&*session, "select pg_backend_pid()", Vec::new()).await, pid, "the connection is used again");
    assert!(session.execute("select * from left_over", Vec::new()).await.is_err());
    let path = all_rows(&*session, "select current_setting('search_path')", Vec::new()).await;
    assert_eq!(path, [[text("\"$user\", public")]]);
}

#[tokio::test]
async fn a_reload_keeps_unchanged_pools_and_drops_the_others() {
    let folder = TempDir::new().unwrap();
    let (a, b) = (folder.path().join("a.db"), folder.path().join("b.db"));
    let set = Set::default().sqlite("ops", &a);
    let bench = set.clone().build();
    bench.execute("ops", &["create table only_in_a (i int)"]).await;
    let session = bench.session("ops", Access::ReadWrite).await;
    bench.pools.replace(Set::default().sqlite("ops", &b).0);
    // A running step keeps what it has; the next one sees the new declaration.
    session.execute("insert into only_in_a values (1)", Vec::new()).await.unwrap();
    let next = bench.session("ops", Access::ReadWrite).await;
    assert!(next.execute("select * from only_in_a", Vec::new()).await.is_err());
    bench.pools.replace(Default::default());
    assert!(bench.pools.open("ops", Access::Read, &bench.cancel).await.is_err());
    bench.pools.close().await;
}

#[tokio::test]
async fn a_connection_test_tells_the_version() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    let bench = Set::default().sqlite("lite", &folder.path().join("a.db")).postgres("pg", database.url()).build();
    bench.execute("lite", &["create table t (i int)"]).await;
    assert!(bench.pools.test("lite", &bench.cancel).await.unwrap().version.starts_with('3'));
    let found = bench.pools.test("pg", &bench.cancel).await.unwrap();
    assert!(found.version.starts_with("PostgreSQL") && found.dialect == "postgres");
}
