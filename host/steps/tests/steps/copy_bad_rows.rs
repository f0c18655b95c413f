//! Rows that the target of a `sql_copy` does not take: set aside with their reason, or the end of the copy.

use host_model::job::spec::{CopyMode, OnBadRow, Verify};
use host_model::value::Value;
use tempfile::TempDir;
use test_support::Postgres;

use crate::kit::{copy, done, pair, text};

#[tokio::test]
async fn rows_that_are_refused_go_to_the_side_table_with_their_reason() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    let bench = pair(&folder, database.url());
    let rules = "(id integer primary key, n integer check (n < 100), word varchar(5) not null, parent integer references p (id))";
    for name in ["lite", "pg"] {
        let setup = ["create table p (id integer primary key)".to_owned(), "insert into p values (1), (2)".to_owned()];
        bench.execute(name, &setup.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    let fill = "with recursive s(i) as (select 1 union all select i + 1 from s where i < 3000) insert into src \
        select case when i = 2500 then 3 else i end, case when i = 40 then 500 when i = 41 then 'many' else i % 100 end, \
        case when i = 77 then null when i = 78 then 'far too long' else 'ok' end, case when i = 1999 then 5 else 1 + i % 2 end from s";
    bench.execute("lite", &["create table src (id, n, word, parent)", fill]).await;
    for mode in [CopyMode::Overwrite, CopyMode::Append, CopyMode::Upsert] {
        let table = format!("t_{}", mode.as_str());
        bench.execute("pg", &[&format!("create table {table} {rules}")]).await;
        let mut spec = copy("lite", "src", "pg", &table, mode);
        spec.on_bad_row = OnBadRow::SkipTo;
        spec.verify = if mode == CopyMode::Append { Verify::Counts } else { Verify::Checksum };
        // An upsert judges a row by itself: what only the live table can tell still ends it.
        if mode == CopyMode::Upsert {
            let error = bench.run_copy(spec.clone()).await.unwrap_err();
            assert!(error.message.contains("foreign key"), "{error}");
            spec.source.filter = Some("parent < 5".into());
        }
        let skipped = if mode == CopyMode::Upsert { 5 } else { 6 };
        let output = done(&bench, spec).await;
        assert_eq!(output["rows_skipped"], skipped, "{mode:?}");
        assert!(bench.said(&format!("{skipped} rows were not taken; they are in `{table}_bad_rows`")));
        let count = bench.rows("pg", &format!("select count(*) from {table}")).await;
        assert_eq!(count, [[Value::Int(2994)]], "{mode:?}");
        let sql = format!(
            "select row_number::int8, column_name::text, reason, row_data from {table}_bad_rows where step = 'step' order by 1"
        );
        let bad = bench.rows("pg", &sql).await;
        let of = |number: i64| {
            let found = bad.iter().find(|row| row[0] == Value::Int(number));
            found.unwrap_or_else(|| panic!("{mode:?}: row {number} in {bad:?}"))
        };
        for (number, column, reason, data) in [
            (40, None, "check constraint", "\"n\":500"),
            (41, Some("n"), "`many` does not fit the target's column `n` of type `int4`", "\"n\":\"many\""),
            (77, Some("word"), "null value", "\"word\":null"),
            (78, Some("word"), "too long", "far too long"),
        ] {
            let row = of(number);
            if let Some(column) = column {
                assert_eq!(row[1], text(column), "{mode:?} {row:?}");
            }
            let (Value::Text(why), Value::Text(shown)) = (&row[2], &row[3]) else { panic!("{row:?}") };
            assert!(why.contains(reason) && shown.contains(data), "{mode:?} {row:?}");
        }
        let doubled = if mode == CopyMode::Upsert { 2499 } else { 2500 };
        let Value::Text(why) = &of(doubled)[2] else { panic!() };
        assert!(why.contains("(id)=(3)"), "{why}");
        if mode != CopyMode::Upsert {
            let Value::Text(why) = &of(1999)[2] else { panic!() };
            assert!(why.contains("(parent)=(5)"), "{why}");
        }
        let reasons =
            bench.rows("pg", &format!("select reason from {table}_bad_rows where reason like '%staging%'")).await;
        assert!(reasons.is_empty(), "people know the table by its own name: {reasons:?}");
    }
    // SQLite judges what it knows: checks, NOT NULL, keys.
    bench
        .execute("lite", &["create table t (id integer primary key, n integer check (n < 100), word text not null)"])
        .await;
    for mode in [CopyMode::Append, CopyMode::Overwrite, CopyMode::Upsert] {
        let mut spec = copy("lite", "src", "lite", "t", mode);
        spec.source.columns = ["id", "n", "word"].map(String::from).into();
        spec.on_bad_row = OnBadRow::SkipTo;
        spec.bad_row_table = Some(format!("rejects_{}", mode.as_str()));
        if mode == CopyMode::Upsert {
            spec.source.filter = Some("n <> 500 and n <> 'many'".into());
        }
        // A text in a column without a type is larger than any number, so `many` breaks the check too.
        let output = done(&bench, spec).await;
        assert_eq!(output["target_rows"], 2996, "{mode:?} {output:?}");
        let sql = format!("select row_number, column_name, reason from rejects_{} order by 1", mode.as_str());
        let bad = bench.rows("lite", &sql).await;
        assert!(
            bad.iter().any(|row| row[1] == text("word") && row[2] == text("NOT NULL constraint failed: t.word"))
                || mode == CopyMode::Upsert,
            "{bad:?}"
        );
    }
}

#[tokio::test]
async fn a_refused_row_ends_the_copy_and_is_named() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    let bench = pair(&folder, database.url());
    let fill = "with recursive s(i) as (select 1 union all select i + 1 from s where i < 5000) insert into src select i, case when i = 4321 then null else 'x' end from s";
    bench.execute("lite", &["create table src (id integer, word text)", fill]).await;
    for (to, words) in [
        ("pg", "null value in column \"word\" of relation \"t\""),
        ("lite", "NOT NULL constraint failed: t.word, in row 4321"),
    ] {
        bench
            .execute(to, &["create table t (id integer, word text not null)", "insert into t values (1, 'old')"])
            .await;
        let error = bench.run_copy(copy("lite", "src", to, "t", CopyMode::Overwrite)).await.unwrap_err();
        assert!(error.message.contains(words), "{error}");
        assert!(error.message.contains("line 4321") || error.message.contains("row 4321"), "{error}");
        assert_eq!(bench.rows(to, "select count(*) from t").await, [[Value::Int(1)]]);
    }
}
