//! The SQL Server connector at the edge of its protocol: a server of ours speaks TDS to it. No real SQL Server can be had
//! by these tests.

use std::time::{Duration, Instant};

use host_model::StepErrorKind;
use host_model::connector::{Hidden, PoolAddress, PoolTls, TlsMode};
use host_model::port::{Access, Connectors as _};
use host_model::value::Value;
use serde_json::json;
use test_support::free_port;

use crate::kit::{Bench, Set, all_rows, text};
use crate::tds::{Answer, Table, Tds, cell};

fn at(url: &str) -> PoolAddress {
    PoolAddress::SqlServer { url: Hidden::new(url), password: None }
}

/// A connector `erp` on `url`, without TLS, as the server of these tests has none.
pub(crate) fn set(url: &str) -> Set {
    Set::default().add("erp", at(url), |pool| {
        pool.tls = PoolTls { mode: Some(TlsMode::Disable), ca_file: None };
    })
}

fn bench(url: &str) -> Bench {
    set(url).build()
}

fn numbers(rows: std::ops::Range<i32>) -> Table {
    Table { columns: vec![("n", vec![0x26, 4])], rows: rows.map(|n| vec![cell::int(n)]).collect() }
}

fn assert_tells_no_password(error: &host_model::StepError) {
    let all = format!("{} {} {error:?}", error.message, error.detail);
    assert!(!all.contains("s3cret"), "{all}");
}

/// A name, the TYPE_INFO, a value, and NULL where there is one.
type Kind = (&'static str, Vec<u8>, Vec<u8>, Option<Vec<u8>>);

/// Every type with a value, and with NULL where it has one.
fn everything() -> Table {
    let datetime = |days: i32, ticks: u32| [days.to_le_bytes(), ticks.to_le_bytes()].concat();
    let money = |parts: i64| [((parts >> 32) as i32).to_le_bytes(), (parts as u32).to_le_bytes()].concat();
    // 2021-01-02 is day 737791 of the calendar, counted from 0.
    let day = &737_791_u32.to_le_bytes()[..3];
    let time = |increments: u64, bytes: usize| increments.to_le_bytes()[..bytes].to_vec();
    let guid = [0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];
    let max = |kind: u8| cell::sized(kind, 0xffff);
    let cells: Vec<Kind> = vec![
        ("tinyint", vec![0x26, 1], cell::short(&[255]), Some(vec![0])),
        ("smallint", vec![0x26, 2], cell::short(&(-2_i16).to_le_bytes()), Some(vec![0])),
        ("int", vec![0x38], 7_i32.to_le_bytes().to_vec(), None),
        ("bigint", vec![0x26, 8], cell::short(&i64::MIN.to_le_bytes()), Some(vec![0])),
        ("bit", vec![0x68, 1], cell::short(&[1]), Some(vec![0])),
        ("real", vec![0x6d, 4], cell::short(&0.1_f32.to_le_bytes()), Some(vec![0])),
        ("float", vec![0x6d, 8], cell::short(&1e-300_f64.to_le_bytes()), Some(vec![0])),
        (
            "decimal",
            cell::decimal(38, 4),
            cell::number(-12_345_678_901_234_567_890_123_456_789_012_345_600),
            Some(vec![0]),
        ),
        ("money", vec![0x6e, 8], cell::short(&money(-12_345_678_901)), Some(vec![0])),
        ("smallmoney", vec![0x6e, 4], cell::short(&(-1_i32).to_le_bytes()), Some(vec![0])),
        ("date", vec![0x28], cell::short(day), Some(vec![0])),
        ("time", vec![0x29, 7], cell::short(&time(863_999_999_999, 5)), Some(vec![0])),
        ("smalldatetime", vec![0x6f, 4], cell::short(&[0, 0, 61, 0]), Some(vec![0])),
        ("datetime", vec![0x6f, 8], cell::short(&datetime(-1, 25_919_999)), Some(vec![0])),
        ("datetime2", vec![0x2a, 7], cell::short(&[time(1, 5), day.to_vec()].concat()), Some(vec![0])),
        (
            "datetimeoffset",
            vec![0x2b, 3],
            cell::short(&[time(1_500, 4), day.to_vec(), 330_i16.to_le_bytes().to_vec()].concat()),
            Some(vec![0]),
        ),
        ("guid", vec![0x24, 16], cell::short(&guid), Some(vec![0])),
        ("varbinary", cell::sized(0xa5, 10), cell::long(&[0, 255, 0]), Some(cell::long_null())),
        ("binary", cell::sized(0xad, 2), cell::long(&[1, 2]), Some(cell::long_null())),
        ("varbinary_max", max(0xa5), cell::chunked(&[9; 10_000]), Some(vec![0xff; 8])),
        ("char", cell::sized(0xaf, 5), cell::long(b"caf\xe9 "), Some(cell::long_null())),
        ("varchar", cell::sized(0xa7, 5), cell::long(b""), Some(cell::long_null())),
        ("nchar", cell::sized(0xef, 8), cell::text("ab  "), Some(cell::long_null())),
        ("nvarchar", cell::nvarchar(40), cell::text("řeka 🦀\0"), Some(cell::long_null())),
        ("nvarchar_max", max(0xe7), cell::chunked(&cell::units(&"🦀".repeat(5_000))), Some(vec![0xff; 8])),
        ("xml", vec![0xf1, 0], cell::chunked(&cell::units("<a/>")), Some(vec![0xff; 8])),
    ];
    let null = |(_, _, value, null): &Kind| null.clone().unwrap_or(value.clone());
    Table {
        rows: vec![cells.iter().map(|c| c.2.clone()).collect(), cells.iter().map(null).collect()],
        columns: cells.into_iter().map(|(name, kind, _, _)| (name, kind)).collect(),
    }
}

#[tokio::test]
async fn every_type_is_decoded_exactly() {
    let server = Tds::start(|_| Answer::Rows(everything())).await;
    let bench = bench(&server.url());
    let session = bench.session("erp", Access::Read).await;
    assert_eq!(session.dialect(), "sqlserver");
    let mut cursor = session.query("select * from t", Vec::new()).await.unwrap();
    let names: Vec<String> = cursor.columns().iter().map(|c| format!("{}:{}", c.name, c.kind)).collect();
    let rows = cursor.next_batch(10).await.unwrap();
    let stamp = |t: &str| Value::Timestamp(t.into());
    let other = |kind: &str, t: &str| Value::Other(kind.into(), t.into());
    let want = [
        Value::Int(255),
        Value::Int(-2),
        Value::Int(7),
        Value::Int(i64::MIN),
        Value::Bool(true),
        Value::Float(0.1),
        Value::Float(1e-300),
        Value::Decimal("-1234567890123456789012345678901234.5600".into()),
        Value::Decimal("-1234567.8901".into()),
        Value::Decimal("-0.0001".into()),
        Value::Date("2021-01-02".into()),
        other("time", "23:59:59.9999999"),
        stamp("1900-01-01T01:01:00"),
        stamp("1899-12-31T23:59:59.997"),
        stamp("2021-01-02T00:00:00.0000001"),
        stamp("2021-01-02T05:30:01.5+05:30"),
        other("uniqueidentifier", "00112233-4455-6677-8899-aabbccddeeff"),
        Value::Bytes(vec![0, 255, 0]),
        Value::Bytes(vec![1, 2]),
        Value::Bytes(vec![9; 10_000]),
        text("café "),
        text(""),
        text("ab  "),
        text("řeka 🦀\0"),
        Value::Text("🦀".repeat(5_000)),
        other("xml", "<a/>"),
    ];
    assert_eq!(rows.len(), 2);
    for ((got, want), name) in rows[0].iter().zip(&want).zip(&names) {
        assert_eq!(got, want, "{name}");
    }
    let nulls = rows[1].iter().zip(&names).filter(|(value, _)| **value != Value::Null);
    assert_eq!(nulls.map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["int:int"], "the one that has no NULL");
    assert!(cursor.next_batch(10).await.unwrap().is_empty());
    assert_eq!(server.journal(), ["login jde nomaflow JDE read-only", "begin", "select * from t"]);
}

#[tokio::test]
async fn parameters_arrive_as_they_were_given() {
    let server = Tds::start(|_| Answer::Done(3)).await;
    let bench = bench(&server.url());
    let session = bench.session("erp", Access::ReadWrite).await;
    let long = "ž".repeat(5_000);
    let binds = vec![
        ("i".to_owned(), Value::Int(-9_000_000_000)),
        ("d".to_owned(), Value::Decimal("-12345678901234567890.1230".into())),
        ("t".to_owned(), text("it's 🦀")),
        ("n".to_owned(), Value::Null),
        ("b".to_owned(), Value::Bytes(vec![0, 255])),
        ("f".to_owned(), Value::Float(0.25)),
        ("o".to_owned(), Value::Bool(true)),
        ("at".to_owned(), Value::Timestamp("2026-11-02T09:05:00+02:00".into())),
        ("long".to_owned(), Value::Text(long.clone())),
    ];
    let sql =
        "update t set a = :i, b = :d, c = ':no', d = :t, e = :n, f = :b, g = :f, h = :o, i = :at, j = :long, k = :i";
    assert_eq!(session.execute(sql, binds).await.unwrap(), 3);
    let asked = server.journal().pop().unwrap();
    let (sql, params) = asked.split_once(" | ").unwrap();
    assert_eq!(
        sql,
        "update t set a = @P1, b = @P2, c = ':no', d = @P3, e = NULL, f = @P4, g = @P5, h = @P6, i = @P7, j = @P8, k = @P1"
    );
    let want = format!(
        "@P1=-9000000000, @P2=-123456789012345678901230e-4, @P3=it's 🦀, @P4=[00, ff], @P5=0.25, @P6=1, \
         @P7=2026-11-02T09:05:00+02:00, @P8={long}"
    );
    assert_eq!(params, want);
}

#[tokio::test]
async fn an_error_of_the_server_is_told_with_its_number_and_without_the_password() {
    let server = Tds::start(|sql| match sql.contains("deadlock") {
        true => Answer::Error(1205, 13, "Transaction was deadlocked on lock resources."),
        false => Answer::Error(208, 16, "Invalid object name 'F0101'."),
    })
    .await;
    let bench = bench(&server.url());
    let error = bench.run_query("erp", "select * from F0101", json!({})).await.unwrap_err();
    let label = format!("sqlserver://jde@127.0.0.1:{}/JDE", server.port);
    assert_eq!(error.message, format!("connector `erp` ({label}): Invalid object name 'F0101'."));
    assert_eq!(error.detail, "error 208, severity 16, state 1, line 1\nselect * from F0101");
    assert!(!error.may_retry);
    assert_tells_no_password(&error);
    let error = bench.run_query("erp", "delete from deadlock", json!({})).await.unwrap_err();
    assert!(error.may_retry, "{error}");
}

#[tokio::test]
async fn a_refused_login_and_a_closed_port_are_told_without_the_password() {
    let server = Tds::start(|_| Answer::Done(0)).await;
    let wrong = bench(&server.url().replace("s3cret", "s3cret2"));
    let error = wrong.pools.open("erp", Access::Read, &wrong.cancel).await.err().unwrap();
    assert!(error.message.ends_with(": Login failed for user 'jde'."), "{error}");
    assert_eq!(error.detail, "error 18456");
    assert_tells_no_password(&error);
    let closed = bench(&format!("sqlserver://jde:s3cret@127.0.0.1:{}/JDE", free_port().unwrap()));
    let error = closed.pools.open("erp", Access::Read, &closed.cancel).await.err().unwrap();
    assert!(error.message.contains("cannot reach") && error.message.contains("refused"), "{error}");
    assert_eq!(error.kind, StepErrorKind::Remote);
    assert_tells_no_password(&error);
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_in_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("sqlserver://jde:s3cret@{}/JDE", listener.local_addr().unwrap());
    let bench = Set::default().add("erp", at(&url), |pool| pool.acquire_timeout_seconds = 1).build();
    let begun = Instant::now();
    let error = bench.pools.open("erp", Access::Read, &bench.cancel).await.err().unwrap();
    assert!(error.message.ends_with("no answer within 1 s"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_server_without_tls_is_refused_unless_tls_is_turned_off() {
    let server = Tds::start(|_| Answer::Done(0)).await;
    let bench = Set::default().add("erp", at(&server.url()), |_| {}).build();
    let error = bench.pools.open("erp", Access::Read, &bench.cancel).await.err().unwrap();
    assert!(error.message.contains("encryption"), "{error}");
    assert!(server.journal().iter().all(|line| !line.starts_with("login")), "the password was not sent");
}

#[tokio::test]
async fn a_cancel_reaches_the_server_before_and_amid_the_rows() {
    for script in [
        || Answer::RowsThenSilence(Table::default()),
        || Answer::RowsThenSilence(numbers(0..3)),
        || Answer::Endless(numbers(0..1_000)),
    ] {
        let server = Tds::start(move |_| script()).await;
        let bench = bench(&server.url());
        let cancel = bench.cancel.clone();
        let work = bench.run_query("erp", "select n from t", json!({}));
        let stop = async {
            server.wait_for("select n").await;
            cancel.cancel("enough");
        };
        let begun = Instant::now();
        let (error, ()) = tokio::join!(work, stop);
        let error = error.unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (StepErrorKind::Canceled, "enough"));
        assert!(begun.elapsed() < Duration::from_secs(5));
        server.wait_for("attention").await;
    }
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_stopped_on_the_server_and_its_session_goes_on() {
    let server = Tds::start(|sql| match sql {
        "select slow" => Answer::RowsThenSilence(numbers(0..1)),
        "update slow" => Answer::RowsThenSilence(Table::default()),
        _ => Answer::Rows(numbers(0..2)),
    })
    .await;
    let bench = Set::default()
        .add("erp", at(&server.url()), |pool| {
            pool.tls.mode = Some(TlsMode::Disable);
            pool.statement_timeout_seconds = Some(1);
        })
        .build();
    let session = bench.session("erp", Access::ReadWrite).await;
    let error = session.execute("update slow", Vec::new()).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::Timeout);
    assert!(error.message.ends_with("the statement took longer than 1 s and was stopped"), "{error}");
    let mut cursor = session.query("select slow", Vec::new()).await.unwrap();
    let error = cursor.next_batch(10).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::Timeout);
    drop(cursor);
    assert_eq!(all_rows(&*session, "select n", Vec::new()).await.len(), 2);
    let journal = server.journal();
    assert_eq!(journal.iter().filter(|line| *line == "attention").count(), 2, "{journal:?}");
    // The update left the connection in step, so the first select ran on it; a result cut short costs the connection.
    assert_eq!(journal.iter().filter(|line| line.starts_with("login")).count(), 2, "{journal:?}");
}

#[tokio::test]
async fn a_server_that_goes_amid_a_row_is_an_error_and_no_short_result() {
    let server = Tds::start(|_| Answer::RowsThenGone(numbers(0..5))).await;
    let bench = bench(&server.url());
    let error = bench.run_query("erp", "select n from t", json!({})).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::Remote);
    assert!(error.may_retry, "{error}");
    assert_tells_no_password(&error);
}

#[tokio::test]
async fn a_cursor_dropped_half_way_is_stopped_on_the_server_and_its_session_goes_on() {
    let server = Tds::start(|sql| match sql {
        "select endless" => Answer::Endless(numbers(0..1_000)),
        _ => Answer::Rows(numbers(0..2)),
    })
    .await;
    let bench = bench(&server.url());
    let session = bench.session("erp", Access::ReadWrite).await;
    let mut cursor = session.query("select endless", Vec::new()).await.unwrap();
    assert_eq!(cursor.next_batch(3).await.unwrap().len(), 3);
    drop(cursor);
    assert_eq!(all_rows(&*session, "select n", Vec::new()).await.len(), 2);
    server.wait_for("attention").await;
}

#[tokio::test]
async fn a_session_reads_and_writes_at_once_on_two_connections_and_not_within_one_transaction() {
    let server = Tds::start(|sql| match sql.starts_with("select") {
        true => Answer::Rows(numbers(0..2_000)),
        false => Answer::Done(1),
    })
    .await;
    let bench = bench(&server.url());
    let session = bench.session("erp", Access::ReadWrite).await;
    let mut cursor = session.query("select n", Vec::new()).await.unwrap();
    assert_eq!(cursor.next_batch(1).await.unwrap(), [[Value::Int(0)]]);
    assert_eq!(session.execute("delete from t", Vec::new()).await.unwrap(), 1);
    drop(cursor);
    session.begin().await.unwrap();
    let cursor = session.query("select n", Vec::new()).await.unwrap();
    let error = session.execute("delete from t", Vec::new()).await.unwrap_err();
    assert!(error.message.contains("one statement at a time"), "{error}");
    drop(cursor);
    session.execute("delete from t", Vec::new()).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(server.journal().iter().filter(|line| line.starts_with("login")).count(), 2);
}

#[tokio::test]
async fn what_only_reads_is_never_committed_and_may_not_write() {
    let server = Tds::start(|_| Answer::Rows(numbers(0..1))).await;
    let bench = set(&server.url()).query("erp", "q", "select n into t2 from t", false).build();
    let error = bench.run_query("erp", "q", json!({})).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::Denied);
    assert_eq!(error.message, "connector `erp` is open for reading only, so `into` is refused");
    let session = bench.session("erp", Access::Read).await;
    for sql in ["delete from t", "with a as (select 1 as n) delete from a", "exec p", "declare @n int select @n"] {
        let error = session.execute(sql, Vec::new()).await.unwrap_err();
        assert_eq!(error.kind, StepErrorKind::Denied, "{sql}");
    }
    assert_eq!(all_rows(&*session, "select n from t", Vec::new()).await.len(), 1);
    session.commit().await.unwrap();
    let journal = server.journal();
    assert!(!journal.iter().any(|line| line == "commit"), "{journal:?}");
    assert!(journal.iter().any(|line| line == "rollback"), "{journal:?}");
}

#[tokio::test]
async fn several_statements_are_one_transaction_and_an_error_commits_nothing() {
    let server = Tds::start(|sql| match sql {
        sql if sql.starts_with("select") => Answer::Rows(numbers(0..3)),
        "delete from bad" => Answer::Error(547, 16, "The DELETE statement conflicted."),
        _ => Answer::Done(4),
    })
    .await;
    let bench = bench(&server.url());
    let done = bench.run_query("erp", "delete from a; select n from t; delete from b;", json!({})).await.unwrap();
    assert_eq!(done.output["rows_affected"], 8);
    assert_eq!(done.output["row_count"], 3);
    assert_eq!(done.output["first_row"]["n"], 0);
    let want =
        ["login jde nomaflow JDE read-write", "begin", "delete from a", "select n from t", "delete from b", "commit"];
    assert_eq!(server.journal()[..6], want);
    bench.run_query("erp", "delete from a; delete from bad", json!({})).await.unwrap_err();
    server.wait_for("delete from bad").await;
    assert_eq!(server.journal().iter().filter(|line| *line == "commit").count(), 1);
}

#[tokio::test]
async fn a_pool_lends_no_more_connections_than_it_has() {
    let server = Tds::start(|_| Answer::Done(0)).await;
    let bench = Set::default()
        .add("erp", at(&server.url()), |pool| {
            pool.tls.mode = Some(TlsMode::Disable);
            pool.pool_size = 1;
            pool.acquire_timeout_seconds = 1;
        })
        .build();
    let first = bench.session("erp", Access::Read).await;
    let error = bench.pools.open("erp", Access::Read, &bench.cancel).await.err().unwrap();
    assert!(error.message.contains("had none of its 1 connections"), "{error}");
    drop(first);
    bench.session("erp", Access::Read).await;
}
