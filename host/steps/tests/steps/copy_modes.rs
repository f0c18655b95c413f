//! `sql_copy` beyond plain overwriting: upserts, rows set aside, checksums, several readers, JD Edwards.

use std::collections::BTreeMap;

use host_model::StepErrorKind;
use host_model::job::spec::{
    CopyMode, DataDictionary, DecimalMode, OnBadRow, SourceTable, SqlCopySpec, TypeCoercion, Verify,
};
use host_model::value::Value;
use serde_json::json;
use tempfile::TempDir;
use test_support::Postgres;

use crate::kit::{Bench, Set, copy, text};

fn pair(folder: &TempDir, url: &str) -> Bench {
    Set::default().sqlite("lite", &folder.path().join("a.db")).postgres("pg", url).build()
}

async fn done(bench: &Bench, spec: SqlCopySpec) -> serde_json::Map<String, serde_json::Value> {
    let what = format!("{spec:?}");
    bench.run_copy(spec).await.unwrap_or_else(|e| panic!("{what}: {e}\n{}", e.detail)).output
}

#[tokio::test]
async fn an_upsert_inserts_what_is_new_and_updates_what_is_different() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    let bench = pair(&folder, database.url());
    for name in ["lite", "pg"] {
        let setup = [
            "create table src (b integer not null, a integer not null, name text, primary key (a, b))",
            "insert into src values (1, 1, 'same'), (2, 1, 'new words'), (1, 2, 'new row'), (2, 2, null)",
        ];
        bench.execute(name, &setup).await;
    }
    for from in ["lite", "pg"] {
        for to in ["lite", "pg"] {
            for (table, key, asked) in [
                ("by_primary_key", "primary key (a, b)", &[][..]),
                ("by_unique_index", "unique (b, a)", &["A", "b"]),
                ("by_nothing_but_words", "check (a > 0)", &["a", "b"]),
            ] {
                let table = format!("{table}_{from}");
                let setup = [
                    format!("create table {table} (a integer, b integer, name text, note text default 'mine', {key})"),
                    format!(
                        "insert into {table} values (1, 1, 'same', 'n1'), (1, 2, 'old words', 'n2'), (9, 9, 'stays', 'n3')"
                    ),
                ];
                bench.execute(to, &setup.iter().map(String::as_str).collect::<Vec<_>>()).await;
                let mut spec = copy(from, "src", to, &table, CopyMode::Upsert);
                spec.key_columns = asked.iter().map(|k| (*k).to_owned()).collect();
                spec.verify = Verify::Checksum;
                let output = done(&bench, spec.clone()).await;
                assert_eq!((&output["inserted"], &output["updated"]), (&json!(2), &json!(1)), "{from} to {to} {table}");
                assert_eq!((&output["source_rows"], &output["target_rows"]), (&json!(4), &json!(5)));
                let rows = bench.rows(to, &format!("select a, b, name, note from {table} order by a, b")).await;
                let row = |a, b, name: Value, note| vec![Value::Int(a), Value::Int(b), name, text(note)];
                let want = [
                    row(1, 1, text("same"), "n1"),
                    row(1, 2, text("new words"), "n2"),
                    row(2, 1, text("new row"), "mine"),
                    row(2, 2, Value::Null, "mine"),
                    row(9, 9, text("stays"), "n3"),
                ];
                assert_eq!(rows, want, "{from} to {to} {table}");
                let again = done(&bench, spec).await;
                assert_eq!((&again["inserted"], &again["updated"]), (&json!(0), &json!(0)), "nothing is written twice");
            }
            // A table that does not exist is made, with the key.
            let fresh = format!("fresh_{from}");
            done(&bench, copy(from, "src", to, &fresh, CopyMode::Upsert)).await;
            let error = bench.run_copy(copy(from, "src", to, &fresh, CopyMode::Append)).await.unwrap_err();
            assert!(error.message.to_lowercase().contains("unique"), "{error}");
        }
    }
}

#[tokio::test]
async fn an_upsert_without_a_key_or_with_a_doubled_one_changes_nothing() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    let bench = pair(&folder, database.url());
    for name in ["lite", "pg"] {
        let setup = [
            "create table src (id integer, name text)",
            "insert into src values (1, 'a'), (2, 'b'), (2, 'c')",
            "create table keyless (id integer, name text)",
            "insert into keyless values (7, 'old')",
        ];
        bench.execute(name, &setup).await;
    }
    for to in ["lite", "pg"] {
        let mut spec = copy("lite", "src", to, "keyless", CopyMode::Upsert);
        let error = bench.run_copy(spec.clone()).await.unwrap_err();
        assert!(error.message.contains("needs a primary key of `keyless`"), "{error}");
        spec.key_columns = vec!["nome".into()];
        let error = bench.run_copy(spec.clone()).await.unwrap_err();
        assert!(error.message.contains("`key_columns` names `nome`"), "{error}");
        spec.key_columns = vec!["id".into()];
        let error = bench.run_copy(spec.clone()).await.unwrap_err();
        assert!(error.message.contains("(id)=(2)") || error.message.contains(".id, in row 3"), "{error}");
        assert!(!error.may_retry);
        bench.execute("lite", &["update src set id = null where name = 'c'"]).await;
        let error = bench.run_copy(spec).await.unwrap_err();
        assert!(error.message.to_lowercase().contains("not null") || error.message.contains("null value"), "{error}");
        bench.execute("lite", &["update src set id = 2 where name = 'c'"]).await;
        assert_eq!(bench.rows(to, "select id, name from keyless").await, [[Value::Int(7), text("old")]]);
        let error = bench.run_copy(copy("lite", "src", to, "nowhere", CopyMode::Upsert)).await.unwrap_err();
        assert!(error.message.contains("`key_columns` or by a primary key"), "{error}");
    }
}

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
        ("pg", "null value in column \"word\" of relation"),
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

#[tokio::test]
async fn a_checksum_finds_what_the_target_bends() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    let bench = pair(&folder, database.url());
    bench
        .execute(
            "lite",
            &[
                "create table src (id integer, price numeric, at timestamp, t text)",
                "insert into src values (1, 1.25, '2024-02-29 10:00:00', 'a'), (2, 3.5, null, 'b'), (3, 3.5, null, 'b')",
            ],
        )
        .await;
    bench
        .execute(
            "pg",
            &[
                "create table fine (t char(9), at timestamptz, price numeric(9,4), id text)",
                "create table bent (id integer, price numeric(9,1), at timestamp, t text)",
                "insert into bent values (9, 9, null, 'old')",
            ],
        )
        .await;
    for (from, to, target) in [("lite", "pg", "fine"), ("pg", "lite", "back"), ("lite", "lite", "again")] {
        let mut spec = copy(from, if from == "pg" { "fine" } else { "src" }, to, target, CopyMode::Overwrite);
        spec.verify = Verify::Checksum;
        for _ in 0..2 {
            assert_eq!(done(&bench, spec.clone()).await["target_rows"], 3, "{from} to {to}");
        }
    }
    let mut spec = copy("lite", "src", "pg", "bent", CopyMode::Overwrite);
    spec.verify = Verify::Checksum;
    let error = bench.run_copy(spec).await.unwrap_err();
    assert!(error.message.contains("the checksums differ, so `bent` is left as it was"), "{error}");
    assert_eq!(error.kind, StepErrorKind::Failed);
    assert_eq!(bench.rows("pg", "select id from bent").await, [[Value::Int(9)]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_readers_share_a_table_and_see_one_state_of_it() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    let bench = pair(&folder, database.url());
    database
        .execute(
            "create table big (id bigint primary key, t text); insert into big select i * 7 - 100000, 'row ' || i from generate_series(1, 60000) i;
             create table words (word text primary key); insert into words values ('a'), ('b');
             create table empty (id int primary key)",
        )
        .unwrap();
    let all = "select count(*)::text || sum(id) || sum(length(t)) from ";
    let want = database.execute(&format!("{all} big")).unwrap();
    // Somebody changes the table all the time; every reader must see the same rows.
    let writer = async {
        let changing = Set::default().postgres("pg", database.url()).build();
        let mut n = 0;
        loop {
            n += 1;
            let sql = format!("insert into big values ({}, 'later')", 10_000_000 + n);
            changing.execute("pg", &[&sql, &format!("delete from big where id = {}", 10_000_000 + n - 1)]).await;
        }
    };
    let mut spec = copy("pg", "big", "lite", "big", CopyMode::Overwrite);
    spec.parallel = 3;
    spec.verify = Verify::Checksum;
    spec.source.filter = Some("id < :top".into());
    spec.source.params = json!({"top": 5_000_000}).as_object().cloned().unwrap();
    let output = tokio::select! { output = done(&bench, spec.clone()) => output, () = writer => unreachable!() };
    assert_eq!(output["source_rows"], 60_000);
    assert_eq!(bench.rows("lite", &format!("{} big", all.replace("::text", ""))).await, [[text(&want)]]);
    assert!(!bench.said("readers:"), "there were three");
    // Within one pool the writer's connection is spared.
    spec.target = copy("pg", "big", "pg", "twin", CopyMode::Overwrite).target;
    spec.parallel = 64;
    assert_eq!(done(&bench, spec.clone()).await["target_rows"], 60_000);
    assert!(bench.said("4 of 64 readers: the pool has no more connections free"));
    for (table, rows) in [("words", 2), ("empty", 0)] {
        let mut spec = copy("pg", table, "lite", table, CopyMode::Overwrite);
        spec.parallel = 2;
        assert_eq!(done(&bench, spec).await["target_rows"], rows);
    }
    assert!(bench.said("one reader: `parallel` needs a table with a primary key that is one whole number"));
    let mut spec = copy("lite", "big", "pg", "big2", CopyMode::Overwrite);
    spec.parallel = 2;
    assert_eq!(done(&bench, spec).await["target_rows"], 60_000);
    assert!(bench.said("one reader: `parallel` has no effect on a SQLite source"));
}

/// Tables as JD Edwards has them: padded `char`, numbers only, on a server that folds names.
const JDE: &str = "create schema ps920ctl; create schema dd920;
    create table ps920ctl.\"F0005\" (\"DRSY\" char(4) not null, \"DRRT\" char(2) not null, \"DRKY\" char(10) not null, \"DRDL01\" char(30),
      \"DRUPMJ\" numeric(6,0) not null, \"DRUPMT\" numeric(6,0), \"DRUPRC\" numeric(15,0), \"DRAEXP\" numeric(15,2), \"DRDATE\" numeric(6,0),
      primary key (\"DRSY\", \"DRRT\", \"DRKY\"));
    insert into ps920ctl.\"F0005\" values ('01', 'ST', '       ABC', 'Straße  ', 126150, 93005, 1234567, 12.99, 124366),
      ('H40', 'CM', '         1', '', 0, 0, -5, -12.99, 0), ('00', 'DT', '', null, 126999, null, null, null, 99365);
    create table dd920.f9210 (frdtai char(10), frowtp char(2), frcdec char(1));
    insert into dd920.f9210 values ('UPRC', '9', '2'), ('DATE', '11', ' '), ('UPMT', '9', '0'), ('KY', '2', ' ')";

#[tokio::test]
async fn a_jde_table_arrives_as_standard_sql() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    database.execute(JDE).unwrap();
    let folder = TempDir::new().unwrap();
    let bench = pair(&folder, database.url());
    for to in ["pg", "lite"] {
        for (mode, dictionary, target) in
            [(DecimalMode::Truncate, None, "truncated"), (DecimalMode::Preserve, Some("DD920"), "preserved")]
        {
            let mut spec = copy("pg", "", to, target, CopyMode::Overwrite);
            spec.source.table = SourceTable::Table { schema: Some("ps920ctl".into()), table: "F0005".into() };
            spec.type_coercion = TypeCoercion::Jde;
            spec.decimal_mode = mode;
            spec.strip_both_columns = vec!["drky".into()];
            spec.data_dictionary = dictionary.map(|schema| {
                Box::new(DataDictionary { connector: None, schema: Some(schema.into()), table: "F9210".into() })
            });
            spec.verify = Verify::Checksum;
            // Once making the table, once into the one that is there.
            for _ in 0..2 {
                assert_eq!(done(&bench, spec.clone()).await["target_rows"], 3, "{to} {target}");
                assert!(bench.said("1 values of `drupmj` are no dates and became NULL"));
            }
            let sql = format!(
                "select drsy, drrt, drky, drdl01, drupmj, drupmt, druprc, draexp, drdate from {target} order by drsy"
            );
            let rows = bench.rows(to, &sql).await;
            let (date, decimal) = (|d: &str| Value::Date(d.into()), |d: &str| Value::Decimal(d.into()));
            let number = |pg: &str, lite: f64| if to == "pg" { decimal(pg) } else { Value::Float(lite) };
            let want = match mode {
                DecimalMode::Truncate => [
                    vec![
                        text("00"),
                        text("DT"),
                        text(""),
                        Value::Null,
                        Value::Null,
                        Value::Null,
                        Value::Null,
                        Value::Null,
                        Value::Int(99365),
                    ],
                    vec![
                        text("01"),
                        text("ST"),
                        text("ABC"),
                        text("Straße"),
                        date("2026-05-30"),
                        Value::Int(93005),
                        Value::Int(1_234_567),
                        Value::Int(12),
                        Value::Int(124_366),
                    ],
                    vec![
                        text("H40"),
                        text("CM"),
                        text("1"),
                        text(""),
                        Value::Null,
                        Value::Int(0),
                        Value::Int(-5),
                        Value::Int(-12),
                        Value::Int(0),
                    ],
                ],
                DecimalMode::Preserve => [
                    vec![
                        text("00"),
                        text("DT"),
                        text(""),
                        Value::Null,
                        Value::Null,
                        Value::Null,
                        Value::Null,
                        Value::Null,
                        date("1999-12-31"),
                    ],
                    vec![
                        text("01"),
                        text("ST"),
                        text("ABC"),
                        text("Straße"),
                        date("2026-05-30"),
                        Value::Int(93005),
                        number("12345.67", 12345.67),
                        number("12.99", 12.99),
                        date("2024-12-31"),
                    ],
                    vec![
                        text("H40"),
                        text("CM"),
                        text("1"),
                        text(""),
                        Value::Null,
                        Value::Int(0),
                        number("-0.05", -0.05),
                        number("-12.99", -12.99),
                        Value::Null,
                    ],
                ],
            };
            assert_eq!(rows, want, "{to} {target}");
        }
    }
    let types = "select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' order by attnum) from pg_attribute \
                 where attrelid = 'preserved'::regclass and attnum > 0";
    assert_eq!(
        database.execute(types).unwrap(),
        "drsy character varying(4), drrt character varying(2), drky character varying(10), drdl01 character varying(30), \
         drupmj date, drupmt bigint, druprc numeric(15,2), draexp numeric(15,2), drdate date"
    );
    let key =
        "select pg_get_constraintdef(oid) from pg_constraint where conrelid = 'preserved'::regclass and contype = 'p'";
    assert_eq!(database.execute(key).unwrap(), "PRIMARY KEY (drsy, drrt, drky)");
}

#[tokio::test]
async fn jde_rules_of_the_step_win_and_blanks_are_null_where_no_text_can_be() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    let bench = pair(&folder, database.url());
    bench
        .execute(
            "lite",
            &[
                "create table F4211 (SDKCOO char(5), SDTRDJ number(6), SDUPRC number(15), SDAMT number(15,2), SDCODE char(3))",
                "insert into F4211 values ('00001   ', 126001, 1234567, -123.99, '7  '), ('a' || char(0) || 'b ', 0, 5, 0.5, '   ')",
            ],
        )
        .await;
    database
        .execute("create table f4211 (sdkcoo varchar(5), sdtrdj date, sduprc numeric(15,2), sdamt bigint, sdcode int)")
        .unwrap();
    let mut spec = copy("lite", "F4211", "pg", "f4211", CopyMode::Overwrite);
    spec.type_coercion = TypeCoercion::Jde;
    spec.decimal_mode = DecimalMode::Truncate;
    spec.julian_columns = vec!["sdtrdj".into()];
    spec.decimal_columns = BTreeMap::from([("SDUPRC".to_owned(), 2)]);
    done(&bench, spec.clone()).await;
    assert_eq!(
        database.execute("select string_agg(t::text, ';' order by sdkcoo) from f4211 t").unwrap(),
        "(00001,2026-01-01,12345.67,-123,7);(ab,,0.05,0,)"
    );
    for (change, words) in [
        (SqlCopySpec { julian_columns: vec!["SDXXXJ".into()], ..spec.clone() }, "`julian_columns` names `SDXXXJ`"),
        (SqlCopySpec { julian_columns: vec!["SDKCOO".into()], ..spec.clone() }, "which holds no numbers"),
        (
            SqlCopySpec {
                data_dictionary: Some(Box::new(DataDictionary {
                    connector: None,
                    schema: Some("x; drop".into()),
                    table: "F9210".into(),
                })),
                ..spec.clone()
            },
            "which is no table name",
        ),
    ] {
        let error = bench.run_copy(change).await.unwrap_err();
        assert!(error.message.contains(words), "{error}");
        assert_eq!(error.kind, StepErrorKind::Definition);
    }
}
