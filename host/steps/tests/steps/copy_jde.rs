//! `sql_copy` from tables as JD Edwards has them.

use std::collections::BTreeMap;

use host_model::StepErrorKind;
use host_model::connector::{Hidden, PoolAddress};
use host_model::job::spec::{CopyMode, DataDictionary, DecimalMode, SourceTable, SqlCopySpec, TypeCoercion, Verify};
use host_model::value::Value;
use tempfile::TempDir;
use test_support::Postgres;

use crate::kit::{Set, copy, done, pair, text};

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

/// `trim_strings` of the pool that is read, `coalesce_nulls` of the pool that is written.
#[tokio::test]
async fn pools_say_what_becomes_of_blanks_and_of_nothing() {
    let server = Postgres::start().unwrap();
    let (database, folder) = (server.database().unwrap(), TempDir::new().unwrap());
    database
        .execute(
            "create table s (id int primary key, a char(5), v text, n int, d date);
             insert into s values (1, 'x', ' y  ', 7, '2024-02-29'), (2, '', '', null, null), (3, null, null, null, null)",
        )
        .unwrap();
    let url = || PoolAddress::Postgres { url: Hidden::new(database.url()), password: None };
    let lite = |name: &str| PoolAddress::Sqlite { path: folder.path().join(name) };
    let bench = Set::default()
        .add("plain", url(), |_| {})
        .add("trims", url(), |pool| pool.trim_strings = true)
        .add("fills", url(), |pool| pool.coalesce_nulls = true)
        .add("lite", lite("a.db"), |pool| pool.trim_strings = true)
        .add("lite_fills", lite("b.db"), |pool| pool.coalesce_nulls = true)
        .build();
    let shown = "select string_agg(concat_ws('|', '[' || a || ']', '[' || v || ']', n, d), ' ' order by id) from t";
    for (from, to, want) in [
        ("plain", "plain", "[x]|[ y  ]|7|2024-02-29 []|[] "),
        ("trims", "plain", "[x]|[ y]|7|2024-02-29 []|[] "),
        ("plain", "fills", "[x]|[ y  ]|7|2024-02-29 []|[ ]|0 []|[ ]|0"),
        ("trims", "fills", "[x]|[ y]|7|2024-02-29 []|[ ]|0 []|[ ]|0"),
        // A pool's word counts on its own side only.
        ("fills", "trims", "[x]|[ y  ]|7|2024-02-29 []|[] "),
    ] {
        database.execute("drop table if exists t; create table t (like s including all)").unwrap();
        for verify in [Verify::Counts, Verify::Checksum] {
            let mut spec = copy(from, "s", to, "t", CopyMode::Overwrite);
            spec.verify = verify;
            done(&bench, spec).await;
            assert_eq!(database.execute(shown).unwrap(), want.trim_end(), "{from} to {to}, {verify:?}");
        }
    }
    // By way of SQLite, where a char keeps its blanks.
    done(&bench, copy("plain", "s", "lite", "s", CopyMode::Overwrite)).await;
    done(&bench, copy("lite", "s", "lite_fills", "s", CopyMode::Overwrite)).await;
    let rows = bench.rows("lite_fills", "select quote(a) || quote(v) || quote(n) || quote(d) from s order by id").await;
    assert_eq!(rows.concat(), ["'x'' y'7'2024-02-29'", "' '' '0NULL", "' '' '0NULL"].map(text));
}
