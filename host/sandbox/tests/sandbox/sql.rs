//! Connectors: what is granted and what is denied, rows both ways, transactions, cancel.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use host_model::StepErrorKind;
use host_model::port::Access;
use host_model::value::{Column, Value};
use serde_json::{Value as Json, json};

use crate::memory_sql::{Memory, MemoryConnectors, Table, checksum, column, every_kind};
use crate::support::{Home, Step};

const READ: &str = "[grants.connectors]\nc = \"read\"\naway = \"read\"\nunknown = \"read\"\n";
const WRITE: &str = "[grants.connectors]\nc = \"read-write\"\n";

fn memory(results: &[(&str, Table<Column>)]) -> Arc<Memory> {
    let results = results.iter().map(|(statement, result)| ((*statement).to_owned(), result.clone())).collect();
    Arc::new(Memory { results, ..Memory::default() })
}

fn step(memory: &Arc<Memory>, params: Json) -> Step {
    Step::new(params).connectors(Arc::new(MemoryConnectors(Arc::clone(memory))))
}

#[tokio::test]
async fn a_connector_without_a_grant_is_denied_and_the_log_names_the_missing_line() {
    let home = Home::with("denied");
    let memory = memory(&[]);
    let step = step(&memory, json!({"connector": "c"}));
    let outcome = home.run_in("denied:run", &step.ctx).await.expect("the guest reports the error");
    assert_eq!(outcome.output["code"], "denied");
    let missing = "missing is `c = \"read\"` under `[grants.connectors]` in `plugins/app/denied.toml`";
    assert_eq!(outcome.output["message"], format!("connector `c` is not granted; {missing}"));
    assert_eq!(step.voice.lines(), [format!("WARNING denied: connector `c` is not granted; {missing}")]);
    assert!(memory.opened.lock().expect("no panic").is_empty(), "nothing was opened");
}

#[tokio::test]
async fn a_denial_that_the_guest_passes_on_fails_the_step_as_denied() {
    let home = Home::with("denied");
    let failure = home.run("denied:write", json!({"connector": "c", "statement": "x"})).await.expect_err("denied");
    assert_eq!((failure.error.kind, failure.error.may_retry), (StepErrorKind::Denied, false));
    assert!(failure.error.message.contains("`c = \"read\"`"), "{}", failure.error.message);
}

#[tokio::test]
async fn a_connector_granted_for_reading_denies_what_writes() {
    let home = Home::with("denied");
    home.grant("denied", READ);
    let memory = memory(&[("select 1", (vec![column("x", "int4")], vec![vec![Value::Int(1)]]))]);
    let run = async |callable: &str, statement: &str| {
        let step = step(&memory, json!({"connector": "c", "statement": statement}));
        let outcome = home.run_in(callable, &step.ctx).await.expect("the guest reports the error");
        (outcome.output["code"].clone(), step.voice.lines().concat())
    };
    let missing = "missing is `c = \"read-write\"` under `[grants.connectors]` in `plugins/app/denied.toml`";
    let (code, log) = run("denied:write", "update t set x = 1").await;
    assert_eq!(code, "denied");
    assert_eq!(log, format!("WARNING denied: connector `c` is granted for reading, `execute` writes; {missing}"));
    let (code, log) = run("denied:read", "delete from t returning x").await;
    assert_eq!(code, "denied");
    assert!(log.ends_with(missing), "{log}");
    assert_eq!(run("denied:read", "select 1").await, (Json::Null, String::new()));
    assert!(memory.opened.lock().expect("no panic").iter().all(|opened| *opened == ("c".to_owned(), Access::Read)));
    home.grant("denied", WRITE);
    assert_eq!(run("denied:write", "update t set x = 1").await, (Json::Null, String::new()));
}

#[tokio::test]
async fn a_connector_that_is_away_or_not_declared_has_its_own_code() {
    let home = Home::with("denied");
    home.grant("denied", READ);
    for (connector, code) in [("away", "unavailable"), ("unknown", "not-found")] {
        let step = step(&memory(&[]), json!({"connector": connector}));
        let outcome = home.run_in("denied:run", &step.ctx).await.expect("the guest reports the error");
        assert_eq!(outcome.output["code"], code);
    }
}

#[tokio::test]
async fn every_kind_of_cell_reaches_the_guest_by_row_and_by_column() {
    let home = Home::with("rows");
    home.grant("rows", READ);
    let result = every_kind(2_500);
    let memory = memory(&[("select all", result.clone())]);
    for by_column in [false, true] {
        let step = step(&memory, json!({"statement": "select all", "by_column": by_column, "batch": 0}));
        let outcome = home.run_in("rows:read", &step.ctx).await.expect("rows");
        assert_eq!(outcome.output["rows"], 2_500);
        assert_eq!(outcome.output["batches"], 3, "batches of 1000 unless asked otherwise");
        assert_eq!(outcome.output["checksum"], checksum(&result.1), "by column: {by_column}");
        assert_eq!(outcome.output["columns"][2], "c_dou");
        let usage = outcome.usage.expect("usage");
        assert_eq!((&usage["rows_in"], &usage["rows_out"]), (&json!(2_500), &json!(0)));
        assert_eq!(step.voice.progress().last(), Some(&(2_500, None, "rows read".to_owned())));
    }
}

#[tokio::test]
async fn binds_reach_the_session_by_name() {
    let home = Home::with("rows");
    home.grant("rows", READ);
    let row = |i| vec![Value::Int(i), Value::Text(format!("row {i}")), Value::Null];
    let columns = vec![column("i", "integer"), column("name", "text"), column("nothing", "unknown")];
    let memory = memory(&[("with recursive numbers(i)", (columns, (1..=10).map(row).collect()))]);
    let outcome = home.run_in("rows:read", &step(&memory, json!({"n": 10, "batch": 3})).ctx).await.expect("rows");
    assert_eq!((&outcome.output["rows"], &outcome.output["batches"]), (&json!(10), &json!(4)));
    assert_eq!(*memory.binds.lock().expect("no panic"), [("n".to_owned(), Value::Int(10))]);
}

#[tokio::test]
async fn every_kind_of_cell_leaves_the_guest_by_row_and_by_column() {
    let home = Home::with("rows");
    home.grant("rows", WRITE);
    let memory = memory(&[]);
    let step = step(&memory, json!({"table": "t", "k": 20}));
    let outcome = home.run_in("rows:write", &step.ctx).await.expect("rows");
    assert_eq!(outcome.rows_affected, Some(40));
    let usage = outcome.usage.expect("usage");
    assert_eq!((&usage["rows_in"], &usage["rows_out"]), (&json!(0), &json!(40)));
    let tables = memory.tables.lock().expect("no panic");
    let (columns, rows) = &tables["t"];
    assert_eq!(columns.join(","), "id,flag,amount,price,name,raw,day,moment,nothing");
    let expected = |i: i64| {
        let day = format!("2013-01-{:02}", 1 + (i - 1) % 28);
        vec![
            Value::Int(i),
            Value::Bool(i % 2 == 1),
            Value::Float(i as f64 * 0.5),
            Value::Decimal(format!("{i}.25")),
            Value::Text(format!("näme '{i}\" — :x")),
            Value::Bytes(vec![0, 255, i as u8]),
            Value::Date(day.clone()),
            Value::Timestamp(format!("{day}T05:00:00")),
            Value::Null,
        ]
    };
    assert_eq!(*rows, (1..=40).map(expected).collect::<Vec<_>>());
}

#[tokio::test]
async fn only_a_commit_lasts_and_every_session_is_given_back() {
    let home = Home::with("rows");
    home.grant("rows", WRITE);
    for (end, kind) in [
        ("rollback", None),
        ("drop", None),
        ("fail", Some(StepErrorKind::Failed)),
        ("panic", Some(StepErrorKind::Crashed)),
    ] {
        let memory = memory(&[]);
        let step = step(&memory, json!({"table": "t", "k": 2, "end": end}));
        let result = home.run_in("rows:write", &step.ctx).await;
        assert_eq!(result.err().map(|failure| failure.error.kind), kind, "{end}");
        assert!(memory.tables.lock().expect("no panic").is_empty(), "{end}");
        assert_eq!(memory.n_open.load(Ordering::SeqCst), 0, "{end}");
    }
}

#[tokio::test]
async fn a_statement_that_is_wrong_and_a_fetch_that_breaks_keep_their_words() {
    let home = Home::with("rows");
    home.grant("rows", READ);
    let rows = (0..3).map(|i| vec![Value::Int(i)]).collect();
    let memory = memory(&[("break", (vec![column("x", "int4")], rows))]);
    let read = async |statement: &str| {
        let step = step(&memory, json!({"statement": statement, "batch": 2}));
        home.run_in("rows:read", &step.ctx).await.expect_err("an error").error
    };
    let error = read("selct").await;
    assert_eq!((error.kind, error.may_retry), (StepErrorKind::Failed, false));
    assert_eq!((error.message.as_str(), error.detail.as_str()), ("syntax error near `selct`", "code: invalid\nline 1"));
    let error = read("break").await;
    assert_eq!((error.kind, error.may_retry), (StepErrorKind::Remote, true));
    assert_eq!(error.message, "the connection was lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_hangs_ends_with_the_cancel_and_its_session_is_given_back() {
    let home = Home::with("rows");
    home.grant("rows", READ);
    let memory = memory(&[]);
    let step = step(&memory, json!({"statement": "hang"}));
    let call = home.run_in("rows:read", &step.ctx);
    let cancel = async {
        while memory.n_open.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        step.ctx.cancel.cancel("canceled by user:alice");
        Instant::now()
    };
    let (result, canceled_at) = tokio::join!(call, cancel);
    assert!(canceled_at.elapsed() < Duration::from_secs(2));
    let error = result.expect_err("canceled").error;
    assert_eq!(error.kind, StepErrorKind::Canceled);
    assert_eq!(error.detail, "it returned `canceled` after it was asked to stop");
    assert_eq!(memory.n_open.load(Ordering::SeqCst), 0);
}
