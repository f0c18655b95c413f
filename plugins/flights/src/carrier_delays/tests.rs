//! The callable against a real SQLite database, through the stand-ins of the SDK.

use nomaflow_guest::testing::{Database, Host, Sqlite, Table};
use nomaflow_guest::{Error, Value, sql::Connection};

use super::{Outcome, Params, carrier_delays};

/// Flights of three carriers: UA -20 to 79 minutes, B6 always on time, OO never arrived; and one of no carrier.
const FLIGHTS: &str = "
    create table flights (year integer, carrier text, arr_delay double, flight integer);
    with recursive n(i) as (select 0 union all select i + 1 from n where i < 2499)
    insert into flights select 2013, 'UA', i % 100 - 20, i from n;
    insert into flights values (2013, 'B6', 0, 1), (2013, 'B6', 0, 2), (2013, 'B6', null, 3), (2013, 'OO', null, 4), (2013, null, 5, 5);
";

fn host() -> Host {
    Host::new().connector("reporting", Sqlite::in_memory(FLIGHTS).expect("sqlite"))
}

fn params() -> Params {
    Params {
        connector: "reporting".into(),
        source_table: "flights".into(),
        target_table: "carrier_delays".into(),
        accuracy: 0.01,
    }
}

fn summary() -> Vec<Vec<Value>> {
    let mut connection = Connection::open("reporting").expect("opens");
    let rows = connection.query("select * from carrier_delays order by carrier", &[]).expect("queries");
    rows.map(|row| row.expect("fetches").into_cells()).collect()
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Float(number) => *number,
        other => panic!("{other:?} is no float"),
    }
}

#[test]
fn each_carrier_gets_its_counts_and_its_quantiles_within_the_accuracy() {
    let host = host().install();
    let outcome = carrier_delays(params()).expect("runs");
    assert_eq!(outcome, Outcome { carriers: 3, rows_read: 2505, rows_affected: 3 });
    let rows = summary();
    let none = Value::Null;
    assert_eq!(rows[0][..4], ["B6".into(), 3.into(), 2.into(), Value::Float(0.0)]);
    assert_eq!(rows[1][..4], ["OO".into(), 1.into(), 0.into(), none.clone()]);
    assert_eq!(rows[1][4..], [none.clone(), none.clone(), none.clone(), none]);
    assert_eq!(rows[2][..3], ["UA".into(), 2500.into(), 2500.into()]);
    for (cell, exact) in rows[2][3..].iter().zip([29.5, 29.0, 69.0, 78.0, 79.0]) {
        assert!((number(cell) - exact).abs() <= 0.01 * exact, "{cell:?} for {exact}");
    }
    assert_eq!((number(&rows[2][3]), number(&rows[2][7])), (29.5, 79.0), "mean and maximum are exact");
    assert!(host.lines().iter().any(|line| line.message.starts_with("1 flights name no carrier")));
}

#[test]
fn a_second_run_replaces_the_rows_of_the_first() {
    let _host = host().install();
    carrier_delays(params()).expect("runs");
    let before = summary();
    let mut connection = Connection::open("reporting").expect("opens");
    connection.execute("delete from flights where carrier = :carrier", &[("carrier", "OO".into())]).expect("deletes");
    assert_eq!(carrier_delays(params()).expect("runs").carriers, 2);
    assert_eq!(summary(), [before[0].clone(), before[2].clone()]);
}

#[test]
fn progress_ends_at_the_number_of_rows_and_never_goes_back() {
    let host = host().install();
    carrier_delays(params()).expect("runs");
    let progress = host.progress();
    assert!(progress.is_sorted_by_key(|report| report.done));
    assert_eq!(progress.last().map(|report| (report.done, report.total)), Some((2505, Some(2505))));
}

#[test]
fn a_run_that_is_cancelled_writes_nothing() {
    let _host = host().cancel_after(1).install();
    assert!(carrier_delays(params()).is_err_and(|error| error.is("canceled")));
}

#[test]
fn params_that_make_no_sense_are_refused_before_the_database_is_asked() {
    let _host = Host::new().install();
    let injected = Params { source_table: "flights; drop table flights".into(), ..params() };
    let same = Params { target_table: "flights".into(), ..params() };
    let coarse = Params { accuracy: 0.9, ..params() };
    for (params, named) in [(injected, "`source_table`"), (same, "both `flights`"), (coarse, "`accuracy` is 0.9")] {
        let error = carrier_delays(params).expect_err("refused");
        assert!(error.is("invalid.param") && error.message.contains(named), "{error}");
    }
}

#[test]
fn a_missing_source_table_is_the_database_s_own_error() {
    let _host = host().install();
    let error = carrier_delays(Params { source_table: "no_such".into(), ..params() }).expect_err("refused");
    assert!(error.message.contains("no_such"), "{error}");
}

#[test]
fn the_json_face_takes_the_default_accuracy_and_names_a_param_that_is_missing() {
    let _host = host().install();
    let step = &crate::plugin_steps()[0];
    let given = r#"{"connector": "reporting", "source_table": "flights", "target_table": "carrier_delays"}"#;
    assert_eq!(step.run(given), Ok(r#"{"carriers":3,"rows_read":2505,"rows_affected":3}"#.into()));
    let shared = given.replace('{', r#"{"month": 7, "#);
    assert!(step.run(&shared).is_ok(), "a param of another step is none of ours");
    let typo = given.replace("target_table", "target_tabel");
    assert!(step.run(&typo).is_err_and(|error| error.message.contains("`target_table`")));
    for schema in [super::PARAMS_SCHEMA, super::OUTPUT_SCHEMA] {
        serde_json::from_str::<serde_json::Value>(schema).expect("a schema is JSON");
    }
}

/// A database whose table cannot be filled.
struct Refusing(Sqlite);

impl Database for Refusing {
    fn execute(&mut self, statement: &str, binds: &[(String, Value)]) -> Result<u64, Error> {
        self.0.execute(statement, binds)
    }

    fn query(&mut self, statement: &str, binds: &[(String, Value)]) -> Result<Table, Error> {
        self.0.query(statement, binds)
    }

    fn insert(&mut self, table: &str, _: &[String], _: &[Vec<Value>]) -> Result<u64, Error> {
        Err(Error::new("unavailable", format!("connection lost while filling `{table}`")).retryable())
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.0.begin()
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.0.commit()
    }

    fn rollback(&mut self) -> Result<(), Error> {
        self.0.rollback()
    }
}

#[test]
fn a_failure_while_writing_leaves_the_old_summary() {
    let script =
        format!("{FLIGHTS} create table carrier_delays (carrier text); insert into carrier_delays values ('old');");
    let database = Refusing(Sqlite::in_memory(&script).expect("sqlite"));
    let _host = Host::new().connector("reporting", database).install();
    let error = carrier_delays(params()).expect_err("fails");
    assert!(error.is("unavailable") && error.is_retryable);
    assert_eq!(summary(), [vec![Value::from("old")]]);
}
