//! MariaDB as a connector: values of every type, sessions, `sql_query`, cancel, limits, encryption. One server for several
//! subjects, because starting one takes seconds.

use std::time::{Duration, Instant};

use host_model::StepErrorKind;
use host_model::connector::{Dialect, Hidden, PoolAddress, TlsMode};
use host_model::port::Access;
use host_model::value::Value;
use serde_json::json;
use test_support::{Mariadb, MariadbDatabase, wait_until_async};

use crate::authority::Authority;
use crate::kit::{Bench, Set, all_rows, text};

fn other(kind: &str, value: &str) -> Value {
    Value::Other(kind.into(), value.into())
}

fn decimal(value: &str) -> Value {
    Value::Decimal(value.into())
}

/// Column types and values that must come back as they went in.
fn cases() -> Vec<(&'static str, Vec<Value>)> {
    let ints = |values: &[i64]| values.iter().map(|n| Value::Int(*n)).collect::<Vec<_>>();
    let widest = "-12345678901234567890123456789012345.678901234567890123456789012345";
    vec![
        ("tinyint(1)", ints(&[0, 1, 2, -128])),
        ("tinyint unsigned", ints(&[255])),
        ("smallint", ints(&[-32_768])),
        ("mediumint", ints(&[-8_388_608, 8_388_607])),
        ("int unsigned", ints(&[4_294_967_295])),
        ("bigint", ints(&[i64::MIN, i64::MAX])),
        ("bigint unsigned", vec![Value::Int(0), decimal("18446744073709551615")]),
        ("bit(1)", ints(&[0, 1])),
        ("bit(64)", vec![Value::Int(5), decimal("18446744073709551615")]),
        ("year", ints(&[1901, 2155])),
        ("float", vec![Value::Float(0.1), Value::Float(16_777_217.0_f32.into()), Value::Float(-1.5e30)]),
        ("double", vec![Value::Float(0.1), Value::Float(f64::MAX), Value::Float(5e-324)]),
        ("decimal(65,30)", vec![decimal(widest)]),
        ("decimal(15,2)", vec![decimal("9999999999999.99"), decimal("-0.01"), decimal("100.00")]),
        ("char(5)", vec![text("ab")]),
        (
            "varchar(60) character set utf8mb4",
            vec![text(""), text("x "), text("Žluťoučký 🐎 kůň"), text("nul\0inside"), text("a\\b\tc\nd'e\"f`g")],
        ),
        ("varchar(20) character set utf8mb4 collate utf8mb4_bin", vec![text("aA🐎")]),
        ("text character set latin1", vec![text("é")]),
        ("longtext character set utf8mb4", vec![text(&"🐎".repeat(50_000))]),
        ("enum('a','b c')", vec![text("b c")]),
        ("set('a','b')", vec![text("a,b")]),
        ("binary(3)", vec![Value::Bytes(vec![0, 255, 0])]),
        ("varbinary(10)", vec![Value::Bytes(vec![]), Value::Bytes(vec![0, 39, 92, 255])]),
        ("longblob", vec![Value::Bytes((0..=255).cycle().take(100_000).collect())]),
        ("date", vec![Value::Date("2024-02-29".into()), Value::Date("9999-12-31".into()), other("date", "0000-00-00")]),
        (
            "datetime(6)",
            vec![
                Value::Timestamp("2013-01-01T05:00:00".into()),
                Value::Timestamp("1969-12-31T23:59:59.999999".into()),
                other("datetime", "0000-00-00 00:00:00"),
            ],
        ),
        ("timestamp(6) null", vec![Value::Timestamp("2013-01-01T05:00:00.5Z".into())]),
        ("time(6)", vec![other("time", "838:59:59"), other("time", "-838:59:59.5"), other("time", "01:02:03.000004")]),
        ("json", vec![text("{\"a\":  1}")]),
    ]
}

async fn every_type_survives(database: &MariadbDatabase<'_>) {
    let bench = Set::default().mysql("my", &database.url()).build();
    let session = bench.session("my", Access::ReadWrite).await;
    // In one transaction, so that the temporary tables are on the cursor's connection.
    session.begin().await.unwrap();
    for (kind, values) in cases() {
        let create = format!("create temporary table t (id int, v {kind})");
        session.execute(&create, Vec::new()).await.unwrap_or_else(|e| panic!("{kind}: {e}"));
        let mut want = values.clone();
        want.push(Value::Null);
        for (n, value) in want.iter().enumerate() {
            let binds = vec![("id".to_owned(), Value::Int(n as i64)), ("v".to_owned(), value.clone())];
            let inserted = session.execute("insert into t values (:id, :v)", binds).await;
            assert_eq!(inserted.unwrap_or_else(|e| panic!("{kind} {value:?}: {e}\n{}", e.detail)), 1);
        }
        let rows = want.iter().enumerate().map(|(n, v)| vec![Value::Int(n as i64), v.clone()]).collect::<Vec<_>>();
        let inserted = session.insert_rows("t", &["id".to_owned(), "v".to_owned()], rows).await;
        assert_eq!(inserted.unwrap_or_else(|e| panic!("{kind}: {e}")), want.len() as u64, "{kind}");
        let found = all_rows(&*session, "select v from t order by id", Vec::new()).await;
        let shown = |values: Vec<&Value>| values.iter().map(|v| format!("{v:?}")).collect::<Vec<_>>();
        let found = shown(found.iter().map(|row| &row[0]).collect());
        assert_eq!(found, shown(want.iter().flat_map(|v| [v, v]).collect()), "{kind}");
        session.execute("drop temporary table t", Vec::new()).await.unwrap();
    }
    session.commit().await.unwrap();
    for (value, kind) in [
        (Value::Float(1.5), "int"),
        (text("one"), "decimal(5,2)"),
        (Value::Bytes(vec![1]), "text"),
        (Value::Timestamp("2024-01-01T10:00:00".into()), "date"),
    ] {
        session.execute(&format!("create or replace table fits (v {kind})"), Vec::new()).await.unwrap();
        let refused = session.insert_rows("fits", &["v".to_owned()], vec![vec![value.clone()]]).await.unwrap_err();
        assert!(refused.message.contains("does not fit the column `v`"), "{refused}");
        assert_eq!(refused.kind, StepErrorKind::Definition);
    }
}

async fn sessions_stream_and_transact(database: &MariadbDatabase<'_>) {
    let bench = Set::default().mysql("my", &database.url()).build();
    let session = bench.session("my", Access::ReadWrite).await;
    session.execute("create table s (i int primary key, d decimal(30,2))", Vec::new()).await.unwrap();
    let rows = (0..30_000).map(|i| vec![Value::Int(i), decimal("12345678901234567890.12")]).collect();
    assert_eq!(session.insert_rows("s", &["i".into(), "d".into()], rows).await.unwrap(), 30_000);
    // A decimal is compared as one; as text it would be a float.
    let near = vec![("d".to_owned(), decimal("12345678901234567890.13"))];
    let sql = "select count(*) from s where d = :d";
    assert_eq!(all_rows(&*session, sql, near).await, [[Value::Int(0)]]);
    // The same name twice, and a write while a cursor is open.
    let binds = vec![("low".to_owned(), Value::Int(10))];
    let sql = "select i, d from s where i >= :low and :low > 5 order by i";
    let mut cursor = session.query(sql, binds).await.unwrap();
    assert_eq!(cursor.columns()[1].kind, "decimal");
    let first = cursor.next_batch(7).await.unwrap();
    assert_eq!((first.len(), &first[0][0]), (7, &Value::Int(10)));
    assert_eq!(session.execute("update s set d = 1 where i < 3", Vec::new()).await.unwrap(), 3);
    let mut seen = first.len();
    loop {
        let batch = cursor.next_batch(1_000).await.unwrap();
        if batch.is_empty() {
            break;
        }
        seen += batch.len();
    }
    assert_eq!(seen, 29_990);
    // What is rolled back is gone, and a refused batch leaves nothing.
    session.begin().await.unwrap();
    assert_eq!(session.execute("delete from s", Vec::new()).await.unwrap(), 30_000);
    session.rollback().await.unwrap();
    let clash = vec![vec![Value::Int(-1), Value::Null], vec![Value::Int(5), Value::Null]];
    let refused = session.insert_rows("s", &["i".into(), "d".into()], clash).await.unwrap_err();
    assert!(refused.message.contains("Duplicate entry '5'"), "{refused}");
    assert!(refused.detail.contains("error 1062, SQLSTATE 23000"), "{}", refused.detail);
    assert!(!refused.may_retry);
    assert_eq!(all_rows(&*session, "select count(*) from s", Vec::new()).await, [[Value::Int(30_000)]]);
    // An instant is one, wherever the server is; an empty result has its columns.
    session.execute("create table z (at timestamp(3) null)", Vec::new()).await.unwrap();
    let at = vec![("at".to_owned(), Value::Timestamp("2024-07-01T12:00:00.25+02:00".into()))];
    session.execute("insert into z values (:at)", at).await.unwrap();
    let found = all_rows(&*session, "select at from z", Vec::new()).await;
    assert_eq!(found, [[Value::Timestamp("2024-07-01T10:00:00.25Z".into())]]);
    assert_eq!(database.execute("select unix_timestamp(at) from z").unwrap(), "1719828000.250");
    let mut empty = session.query("select at from z where false", Vec::new()).await.unwrap();
    assert_eq!((empty.columns().len(), empty.next_batch(5).await.unwrap().len()), (1, 0));
    // A session for reading is one on the server, too.
    let reader = bench.session("my", Access::Read).await;
    assert_eq!(reader.execute("delete from s", Vec::new()).await.unwrap_err().kind, StepErrorKind::Denied);
    let found = all_rows(&*reader, "(select 1 as one) union all (values (2))", Vec::new()).await;
    assert_eq!(found, [[Value::Int(1)], [Value::Int(2)]]);
    for sql in ["select 1; delete from s", "commit", "select ?"] {
        assert_eq!(session.execute(sql, Vec::new()).await.unwrap_err().kind, StepErrorKind::Definition, "{sql}");
    }
    let test = bench.pools.test("my", &bench.cancel).await.unwrap();
    assert_eq!(test.dialect, "mysql");
    assert!(test.version.contains("MariaDB"), "{}", test.version);
}

async fn queries_run(database: &MariadbDatabase<'_>) {
    let set = Set::default().mysql("ops", &database.url()).query_for(
        "ops",
        "only-here",
        Dialect::MySql,
        "select `i` from q # the first\n order by 1 limit 1",
    );
    let mut bench = crate::sql_query::with_queries(set, Dialect::Postgres);
    crate::sql_query::check(&mut bench).await;
    bench.run_query("ops", "create table q (i int, x text); insert into q values (9, 'q')", json!({})).await.unwrap();
    bench.run_query("ops", "truncate q", json!({})).await.unwrap();
    assert!(bench.said("`create` commits implicitly"));
    let done = bench.run_query("ops", "insert into q values (1, 'a'); select i from q", json!({})).await.unwrap();
    assert_eq!(done.output["row_count"], 1);
    let here = bench.run_query("ops", "only-here", json!({})).await.unwrap();
    assert_eq!(here.output["first_row"], json!({"i": 1}));
    // The server's own modes and time zone: `||` is OR, and NOW() is that of any other client.
    let sql = "select 1 || 0 as either, timestampdiff(minute, utc_timestamp(), now()) as ahead";
    let plain = bench.run_query("ops", sql, json!({})).await.unwrap();
    assert_eq!(plain.output["first_row"], json!({"either": 1, "ahead": 345}));
    // A row that is matched counts, changed or not.
    let same = bench.run_query("ops", "update q set x = x", json!({})).await.unwrap();
    assert_eq!(same.rows_affected, Some(1));
    // A procedure with results, one with a loop, and a statement that returns rows and a count.
    let sql = "create procedure p() begin declare n int default 0; while n < 3 do set n = n + 1; end while; \
               select 7 as a; select n as b, 'x' as c; end";
    bench.run_query("ops", sql, json!({})).await.unwrap();
    let called = bench.run_query("ops", "call p()", json!({})).await.unwrap();
    assert_eq!(called.output["first_row"], json!({"b": 3, "c": "x"}));
    let deleted = bench.run_query("ops", "delete from q returning i", json!({})).await.unwrap();
    assert_eq!((deleted.rows_affected, &deleted.output["first_row"]), (Some(1), &json!({"i": 1})));
    // What the database itself refuses.
    let set =
        Set::default().add("ops", PoolAddress::MySql { url: Hidden::new(database.url()), password: None }, |pool| {
            pool.read_only = true
        });
    let reader = set.build();
    for sql in ["insert into q values (2, 'b')", "create table other (i int)"] {
        let refused = reader.run_query("ops", sql, json!({})).await.unwrap_err();
        assert!(refused.message.contains("READ ONLY") || refused.message.contains("read-only"), "{refused}");
    }
}

/// Statements that the server is working on.
pub(crate) fn busy(database: &MariadbDatabase<'_>) -> String {
    let sql = "select count(*) from information_schema.processlist where command in ('Query', 'Execute') \
               and info not like '%processlist%'";
    database.execute(sql).unwrap()
}

async fn wait_for(what: &'static str, condition: impl FnMut() -> bool) {
    let mut condition = condition;
    wait_until_async(Duration::from_secs(20), tokio::time::sleep, || std::future::ready(condition()))
        .await
        .or_panic(what);
}

async fn work_is_ended_on_the_server(database: &MariadbDatabase<'_>) {
    let set = Set::default().mysql("my", &database.url());
    // Canceled.
    let bench = set.clone().build();
    let work = bench.run_query("my", "select sleep(600)", json!({}));
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => panic!("it ended before the cancel: {done:?}"),
        () = wait_for("the query", || busy(database) == "1") => {}
    }
    let begun = Instant::now();
    bench.cancel.cancel("canceled by user:test");
    let error = work.await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (StepErrorKind::Canceled, "canceled by user:test"));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(busy(database), "0");
    // Dropped.
    let bench = set.clone().build();
    {
        let work = bench.run_query("my", "select sleep(600)", json!({}));
        tokio::pin!(work);
        tokio::select! {
            done = &mut work => panic!("it ended by itself: {done:?}"),
            () = wait_for("the query", || busy(database) == "1") => {}
        }
    }
    wait_for("the server to be idle", || busy(database) == "0").await;
    // A cursor that nobody reads on.
    let session = bench.session("my", Access::Read).await;
    let sql = "select seq, repeat('x', 10000) from seq_1_to_10000000";
    let mut cursor = session.query(sql, Vec::new()).await.unwrap();
    assert_eq!(cursor.next_batch(3).await.unwrap().len(), 3);
    assert_eq!(busy(database), "1");
    drop(cursor);
    wait_for("the server to be idle", || busy(database) == "0").await;
    assert_eq!(all_rows(&*session, "select 1", Vec::new()).await, [[Value::Int(1)]]);
    // Longer than the pool allows.
    let url = || PoolAddress::MySql { url: Hidden::new(database.url()), password: None };
    let bench = Set::default().add("my", url(), |pool| pool.statement_timeout_seconds = Some(1)).build();
    let slow = bench.run_query("my", "select sum(seq % 7) from seq_1_to_1000000000", json!({})).await.unwrap_err();
    assert!(slow.message.contains("max_statement_time"), "{slow}");
    assert!(slow.may_retry);
}

async fn errors_name_the_connector_and_never_the_password(server: &Mariadb, database: &MariadbDatabase<'_>) {
    let url = database.url();
    let wrong = url.replace("pass%20word%2F1", "s3cret");
    let gone = url.replace(&format!(":{}/", server.port()), ":1/");
    let bench = Set::default().mysql("wrong", &wrong).mysql("gone", &gone).mysql("bad", "mysql://a:s3cret@[/x").build();
    for (name, words) in [("wrong", "Access denied"), ("gone", "onnection refused"), ("bad", "no MySQL address")] {
        let error = bench.run_query(name, "select 1", json!({})).await.unwrap_err();
        let whole = format!("{error} {}", error.detail);
        assert!(whole.contains(words) && whole.contains(name), "{whole}");
        assert!(!whole.contains("s3cret"), "{whole}");
    }
    let one = |name: &str| {
        let address = PoolAddress::MySql { url: Hidden::new(database.url()), password: None };
        Set::default().add(name, address, |pool| {
            pool.pool_size = 1;
            pool.acquire_timeout_seconds = 1;
        })
    };
    let bench: Bench = one("small").build();
    let holder = bench.session("small", Access::Read).await;
    let error = bench.run_query("small", "select 1", json!({})).await.unwrap_err();
    assert!(error.message.contains("none of its 1 connections"), "{error}");
    drop(holder);
    bench.run_query("small", "select 1", json!({})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_is_a_whole_connector() {
    let server = Mariadb::start().unwrap();
    every_type_survives(&server.database().unwrap()).await;
    sessions_stream_and_transact(&server.database().unwrap()).await;
    queries_run(&server.database().unwrap()).await;
    let prepared = server.database().unwrap();
    crate::prove::check(&crate::prove::with_queries(Set::default().mysql("ops", &prepared.url()))).await;
    let database = server.database().unwrap();
    work_is_ended_on_the_server(&database).await;
    errors_name_the_connector_and_never_the_password(&server, &database).await;
}

#[tokio::test]
async fn mariadb_is_reached_over_tls_and_only_by_its_name_when_asked() {
    let mut ca = std::path::PathBuf::new();
    let server = Mariadb::start_with(|folder| {
        let authority = Authority::of(&["localhost"]);
        for (name, pem) in [
            ("ca.pem", authority.pem.clone()),
            ("my.pem", authority.certificate.pem()),
            ("my.key", authority.key.serialize_pem()),
        ] {
            std::fs::write(folder.join(name), pem).unwrap();
        }
        ca = folder.join("ca.pem");
        let at = |name: &str| folder.join(name).display().to_string();
        Ok(vec![format!("--ssl-cert={}", at("my.pem")), format!("--ssl-key={}", at("my.key"))])
    })
    .unwrap();
    let database = server.database().unwrap();
    let bench = |host: &str, mode: TlsMode, with_ca: bool| {
        let url = database.url().replace("127.0.0.1", host);
        let address = PoolAddress::MySql { url: Hidden::new(url), password: None };
        let ca = with_ca.then(|| ca.clone());
        Set::default()
            .add("my", address, |pool| {
                pool.tls.mode = Some(mode);
                pool.tls.ca_file = ca.clone();
            })
            .build()
    };
    for (host, mode, with_ca, want) in [
        ("127.0.0.1", TlsMode::Disable, false, Ok(false)),
        ("127.0.0.1", TlsMode::Prefer, false, Ok(true)),
        ("127.0.0.1", TlsMode::Require, false, Ok(true)),
        ("127.0.0.1", TlsMode::VerifyCa, true, Ok(true)),
        ("localhost", TlsMode::VerifyFull, true, Ok(true)),
        ("127.0.0.1", TlsMode::VerifyFull, true, Err(())),
        ("localhost", TlsMode::VerifyCa, false, Err(())),
    ] {
        let done = bench(host, mode, with_ca).run_query("my", "show status like 'Ssl_cipher'", json!({})).await;
        let found = done.as_ref().map(|done| done.output["first_row"]["Value"] != "").map_err(|_| ());
        assert_eq!(found, want, "{host} {mode:?} {with_ca}: {done:?}");
        if let Err(error) = done {
            assert!(error.message.contains("cannot reach"), "{error}");
        }
    }
}
