//! `sql_copy` between all pairs of dialects: what arrives is what was there.

use host_model::StepErrorKind;
use host_model::job::spec::{CopyMode, SourceTable, Verify};
use host_model::value::Value;
use serde_json::json;
use tempfile::TempDir;
use test_support::{Postgres, free_port};

use crate::kit::{Bench, Set, copy, text};

const ROWS: i64 = 25_000;

/// A table with something of everything; `i` tells the rows apart.
fn fill_sqlite() -> Vec<String> {
    let create = "create table src (i integer primary key, n bigint not null, r real, d numeric(12,2), t text, day date, at timestamp, b blob, ok boolean)";
    let fill = format!(
        "with recursive s(i) as (select 1 union all select i + 1 from s where i < {ROWS}) \
         insert into src select i, i * 1000000007, i / 8.0, (i % 1000) / 100.0, \
         case when i % 7 = 0 then null when i % 11 = 0 then '' else 'řádek ' || i || char(10) || '\\t' end, \
         date('2000-01-01', '+' || (i % 9000) || ' days'), datetime('2013-01-01', '+' || i || ' minutes'), \
         case when i % 5 = 0 then null else unhex(printf('00ff%08x', i)) end, i % 2 from s"
    );
    vec![create.into(), fill]
}

/// One line that changes when any cell does, spelled alike by both dialects.
fn checksum(dialect: &str, table: &str) -> String {
    let (hex, len, day) = match dialect {
        "sqlite" => ("nullif(lower(hex(b)), '')", "length(cast(t as blob))", "julianday(day) - 2451544.5"),
        _ => ("encode(b, 'hex')", "octet_length(t)", "day - date '2000-01-01'"),
    };
    let ok = if dialect == "sqlite" { "ok" } else { "ok::int" };
    let (at, cents) = match dialect {
        "sqlite" => ("strftime('%s', at)", "round(d * 100)"),
        _ => ("extract(epoch from at)", "d * 100"),
    };
    let text = |e: &str| format!("cast({e} as text)");
    let whole = |e: &str| text(&format!("cast(sum({e}) as bigint)"));
    let parts = [
        text("count(*)"),
        text("count(t)"),
        text("count(b)"),
        whole("n"),
        whole("r * 8"),
        whole(cents),
        whole(len),
        whole(day),
        whole(&format!("cast({at} as bigint)")),
        whole(ok),
        text(&format!("min({hex})")),
        text(&format!("max({hex})")),
        text("max(t)"),
    ];
    let joined = parts.join(" || '|' || ");
    // Byte order, whatever the server's collation.
    let joined = if dialect == "postgres" { joined.replace("max(t)", "max(t collate \"C\")") } else { joined };
    format!("select {joined} from {table}")
}

async fn sum(bench: &Bench, connector: &str, dialect: &str, table: &str) -> Value {
    bench.rows(connector, &checksum(dialect, table)).await.remove(0).remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_arrive_unchanged_between_every_pair_of_dialects() {
    let server = Postgres::start().unwrap();
    let (a, b) = (server.database().unwrap(), server.database().unwrap());
    let folder = TempDir::new().unwrap();
    let bench = Set::default()
        .sqlite("lite_a", &folder.path().join("a.db"))
        .sqlite("lite_b", &folder.path().join("b.db"))
        .postgres("pg_a", a.url())
        .postgres("pg_b", b.url())
        .build();
    let fill = fill_sqlite();
    bench.execute("lite_a", &fill.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let want = sum(&bench, "lite_a", "sqlite", "src").await;
    let hops = [
        ("lite_a", "src", "pg_a", "postgres", "hop1"),
        ("pg_a", "hop1", "pg_b", "postgres", "hop2"),
        ("pg_b", "hop2", "lite_b", "sqlite", "hop3"),
        ("lite_b", "hop3", "lite_a", "sqlite", "hop4"),
    ];
    for (from, source, to, dialect, target) in hops {
        // Twice: once making the table, once replacing it.
        for round in 0..2 {
            let done = bench.run_copy(copy(from, source, to, target, CopyMode::Overwrite)).await;
            let done = done.unwrap_or_else(|e| panic!("{source} to {target}, round {round}: {e}\n{}", e.detail));
            assert_eq!(done.rows_affected, Some(ROWS));
            assert_eq!(done.output["source_rows"], ROWS);
            assert_eq!(done.output["target_rows"], ROWS);
            assert_eq!(sum(&bench, to, dialect, target).await, want, "{source} to {target}, round {round}");
        }
    }
    // The types made on the way.
    let types = "select string_agg(format_type(atttypid, atttypmod), ', ' order by attnum) from pg_attribute \
                 where attrelid = 'hop2'::regclass and attnum > 0";
    assert_eq!(
        b.execute(types).unwrap(),
        "bigint, bigint, double precision, numeric(12,2), text, date, timestamp without time zone, bytea, boolean"
    );
    let keys = "select count(*) from pg_constraint where conrelid = 'hop2'::regclass and contype = 'p'";
    assert_eq!(b.execute(keys).unwrap(), "1", "a source table's primary key is made too");
    let last = bench.voice.progress.lock().unwrap().last().copied();
    assert_eq!(last, Some((ROWS as u64, Some(ROWS as u64))));
}

#[tokio::test]
async fn a_copy_takes_columns_a_filter_and_a_query() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    let bench = Set::default().sqlite("lite", &folder.path().join("a.db")).postgres("pg", database.url()).build();
    let fill = [
        "create table src (i integer, Name text, x int)",
        "insert into src values (1, 'a', 10), (2, 'b', 20), (3, 'c', 30)",
    ];
    bench.execute("lite", &fill).await;
    bench.execute("pg", &fill).await;
    for from in ["lite", "pg"] {
        for to in ["lite", "pg"] {
            let target = format!("to_{from}");
            let mut spec = copy(from, "src", to, &target, CopyMode::Overwrite);
            spec.source.columns = vec!["NAME".into(), "i".into()];
            spec.source.filter = Some("x > :low -- not the first".into());
            spec.source.params = json!({"low": 10}).as_object().cloned().unwrap();
            let done = bench.run_copy(spec).await.unwrap();
            assert_eq!(done.rows_affected, Some(2), "{from} to {to}");
            assert_eq!(
                bench.rows(to, &format!("select * from {target} order by i")).await,
                [[text("b"), Value::Int(2)], [text("c"), Value::Int(3)]]
            );

            let mut spec = copy(from, "src", to, &format!("{target}_query"), CopyMode::Overwrite);
            spec.source.table =
                SourceTable::Query("select count(*) as n, max(x) as top, 'é' as t from src where i < :i".into());
            spec.source.params = json!({"i": 3}).as_object().cloned().unwrap();
            assert_eq!(bench.run_copy(spec).await.unwrap().rows_affected, Some(1));
            assert_eq!(
                bench.rows(to, &format!("select * from {target}_query")).await,
                [[Value::Int(2), Value::Int(20), text("é")]]
            );
        }
    }
}

#[tokio::test]
async fn a_new_table_takes_texts_and_bits_of_a_query_whatever_their_length() {
    let server = Postgres::start().unwrap();
    let (from, to) = (server.database().unwrap(), server.database().unwrap());
    from.execute(
        "create table src (c char(5), b bit(3), cs char(2)[], bs bit(2)[]); \
         insert into src values ('ab', '101', '{a,bc}', '{01,10}')",
    )
    .unwrap();
    let bench = Set::default().postgres("from", from.url()).postgres("to", to.url()).build();
    let mut spec = copy("from", "src", "to", "dst", CopyMode::Overwrite);
    spec.source.table = SourceTable::Query("select * from src".into());
    spec.verify = Verify::Checksum;
    bench.run_copy(spec).await.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(to.execute("select c = 'ab'::char(5), b, cs, bs from dst").unwrap(), "t|101|{\"a \",bc}|{01,10}");
}

#[tokio::test]
async fn append_adds_in_one_transaction() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    let bench = Set::default().sqlite("lite", &folder.path().join("a.db")).postgres("pg", database.url()).build();
    for name in ["lite", "pg"] {
        let setup = [
            "create table src (i integer, x text)",
            "insert into src values (1, 'a'), (2, 'b')",
            "create table dst (extra integer default 7, x text, i integer primary key)",
            "insert into dst values (0, 'old', 2)",
        ];
        bench.execute(name, &setup).await;
    }
    for from in ["lite", "pg"] {
        for to in ["lite", "pg"] {
            let clash = bench.run_copy(copy(from, "src", to, "dst", CopyMode::Append)).await.unwrap_err();
            assert!(clash.message.to_lowercase().contains("unique"), "{from} to {to}: {clash}");
            assert!(!clash.may_retry);
            assert_eq!(
                bench.rows(to, "select count(*) from dst").await,
                [[Value::Int(1)]],
                "nothing of a failed append stays"
            );
            bench.execute(to, &["delete from dst where i = 2"]).await;
            let done = bench.run_copy(copy(from, "src", to, "dst", CopyMode::Append)).await.unwrap();
            assert_eq!((done.rows_affected, &done.output["target_rows"]), (Some(2), &json!(2)));
            assert_eq!(
                bench.rows(to, "select * from dst where i = 1").await,
                [[Value::Int(7), text("a"), Value::Int(1)]]
            );
            bench.execute(to, &["delete from dst", "insert into dst values (0, 'old', 2)"]).await;
        }
        let missing = bench.run_copy(copy(from, "src", "pg", "nowhere", CopyMode::Append)).await.unwrap_err();
        assert!(missing.message.contains("no table `nowhere` to append to"), "{missing}");
    }
}

#[tokio::test]
async fn nothing_to_read_is_a_failure_unless_the_table_is_there_and_empty() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    let gone = format!("postgres://a:b@127.0.0.1:{}/x", free_port().unwrap());
    let bench = Set::default()
        .sqlite("lite", &folder.path().join("a.db"))
        .sqlite("absent", &folder.path().join("absent.db"))
        .postgres("pg", database.url())
        .postgres("gone", &gone)
        .build();
    for name in ["lite", "pg"] {
        bench
            .execute(
                name,
                &["create table none (i integer)", "create table live (i integer)", "insert into live values (1)"],
            )
            .await;
    }
    for (from, table, words) in [
        ("lite", "nowhere", "no table `nowhere`"),
        ("pg", "nowhere", "no table `nowhere`"),
        ("absent", "none", "does not exist"),
        ("gone", "none", "cannot reach"),
        ("unknown", "none", "no connector `unknown`"),
    ] {
        for to in ["lite", "pg"] {
            let error = bench.run_copy(copy(from, table, to, "live", CopyMode::Overwrite)).await.unwrap_err();
            assert!(error.message.contains(words), "{error}");
            assert_eq!(bench.rows(to, "select count(*) from live").await, [[Value::Int(1)]]);
        }
    }
    for (from, to) in [("lite", "pg"), ("pg", "lite")] {
        let done = bench.run_copy(copy(from, "none", to, "live", CopyMode::Overwrite)).await.unwrap();
        assert_eq!(done.rows_affected, Some(0));
        assert!(bench.rows(to, "select * from live").await.is_empty());
    }
}

#[tokio::test]
async fn what_cannot_be_copied_is_refused_by_name() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    let bench = Set::default().sqlite("lite", &folder.path().join("a.db")).postgres("pg", database.url()).build();
    bench
        .execute(
            "lite",
            &[
                "create table src (i integer, x)",
                "insert into src values (1, 'a'), (2, x'00ff')",
                "create table dst (i integer)",
            ],
        )
        .await;
    database
        .execute(
            "create table dst (i int, x int); create view v as select 1 as i, 2 as x; insert into dst values (5, 5)",
        )
        .unwrap();
    let fails = async |spec, words: &str| {
        let error = bench.run_copy(spec).await.unwrap_err();
        assert!(error.message.contains(words), "{error}");
        assert!(!error.may_retry, "{error}");
    };
    // A value that does not fit, with its place; the live table is as it was.
    fails(
        copy("lite", "src", "pg", "dst", CopyMode::Overwrite),
        "row 1, column `x`: `a` does not fit the target's column `x` of type `int4`",
    )
    .await;
    assert_eq!(bench.rows("pg", "select * from dst").await, [[Value::Int(5), Value::Int(5)]]);
    fails(copy("lite", "src", "lite", "dst", CopyMode::Overwrite), "the target table `dst` has no column `x`").await;
    fails(copy("lite", "src", "pg", "v", CopyMode::Overwrite), "`v` is not a table").await;
    fails(copy("lite", "src", "lite", "src", CopyMode::Overwrite), "the same table `src`").await;
    let mut spec = copy("lite", "src", "pg", "dst", CopyMode::Overwrite);
    spec.source.columns = vec!["y".into()];
    fails(spec.clone(), "the table `src` has no column `y`").await;
    spec.source.table = SourceTable::Query("delete from src".into());
    spec.source.columns.clear();
    fails(spec.clone(), "one SELECT").await;
    spec.source.table = SourceTable::Query("select 1 as a, 2 as A".into());
    spec.target.table = "fresh".into();
    fails(spec, "two columns").await;
}

#[tokio::test]
async fn unusual_postgres_types_reach_every_target() {
    let server = Postgres::start().unwrap();
    let (a, b) = (server.database().unwrap(), server.database().unwrap());
    a.execute(
        "create table src (i int primary key, ip inet, iv interval, tags text[], big numeric, d date, at timestamptz, j jsonb);
         insert into src values (1, '10.0.0.1', '1 day', '{a,\"b,c\"}', 123456789012345678901234567890.10, 'infinity', '2024-02-29 10:00+02', '{\"k\": \"v\\\\\"}'),
         (2, null, null, null, 'NaN', '0044-03-15 BC', '-infinity', null)",
    )
    .unwrap();
    let folder = TempDir::new().unwrap();
    let bench = Set::default()
        .postgres("a", a.url())
        .postgres("b", b.url())
        .sqlite("lite", &folder.path().join("a.db"))
        .build();
    for round in 0..2 {
        bench
            .run_copy(copy("a", "src", "b", "dst", CopyMode::Overwrite))
            .await
            .unwrap_or_else(|e| panic!("{round}: {e}"));
        let all = "select string_agg(t::text, ';' order by i) from ";
        assert_eq!(b.execute(&format!("{all} dst t")).unwrap(), a.execute(&format!("{all} src t")).unwrap());
    }
    bench.run_copy(copy("a", "src", "lite", "dst", CopyMode::Overwrite)).await.unwrap();
    let rows = bench.rows("lite", "select ip, iv, tags, big, d, at, j from dst order by i").await;
    assert_eq!(rows[0][3], text("123456789012345678901234567890.10"), "a decimal SQLite cannot hold is text");
    assert_eq!(rows[0][5], Value::Timestamp("2024-02-29T08:00:00Z".into()));
    assert_eq!(
        rows[1],
        [Value::Null, Value::Null, Value::Null, text("NaN"), text("0044-03-15 BC"), text("-infinity"), Value::Null]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_failure_of_either_side_is_the_one_that_is_told() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    let bench = Set::default().sqlite("lite", &folder.path().join("a.db")).postgres("pg", database.url()).build();
    database.execute("create table small (i int check (i < 90000)); insert into small values (1)").unwrap();
    bench.execute("lite", &["create table small (i integer check (i < 90000))", "insert into small values (1)"]).await;
    for to in ["pg", "lite"] {
        // The source breaks in the middle.
        let mut spec = copy("pg", "", to, "small", CopyMode::Overwrite);
        spec.source.table =
            SourceTable::Query("select 100000 / (50000 - i) as i from generate_series(1, 100000) i".into());
        let error = bench.run_copy(spec.clone()).await.unwrap_err();
        assert!(error.message.contains("division by zero"), "{error}");
        assert_eq!(error.kind, StepErrorKind::Remote);
        // The target refuses a row in the middle.
        spec.source.table = SourceTable::Query("select i from generate_series(1, 2000000) i".into());
        let error = bench.run_copy(spec).await.unwrap_err();
        assert!(error.message.to_lowercase().contains("check constraint"), "{error}");
        assert_eq!(bench.rows(to, "select * from small").await, [[Value::Int(1)]]);
    }
}
