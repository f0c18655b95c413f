//! Copies from SQL Server and into it, at the edge of its protocol: see `sqlserver`.

use host_model::StepErrorKind;
use host_model::job::spec::{CopyMode, DecimalMode, OnBadRow, SourceTable, SqlCopySpec, TypeCoercion, Verify};
use host_model::value::Value;
use serde_json::json;
use tempfile::TempDir;
use test_support::Postgres;

use crate::kit::{copy, text};
use crate::sqlserver::set;
use crate::tds::{Answer, Table, Tds, cell};

/// F4211 as SQL Server has it: NCHAR padding, numbers for dates and amounts.
fn sales_orders() -> Table {
    let orders = (1..=1_200_i128).map(|n| {
        vec![
            cell::number(n),
            cell::text(&format!("{:<5}", "00001")),
            cell::number(if n == 2 { 0 } else { 126_001 }),
            cell::number(n * 100 + 7),
            if n == 3 { cell::long_null() } else { cell::text("Übergröße 🦀   ") },
        ]
    });
    Table {
        columns: vec![
            ("SDDOCO", cell::decimal(8, 0)),
            ("SDKCOO", cell::sized(0xef, 10)),
            ("SDTRDJ", cell::decimal(6, 0)),
            ("SDAEXP", cell::decimal(15, 2)),
            ("SDDSC1", cell::sized(0xef, 60)),
        ],
        rows: orders.collect(),
    }
}

/// The answer of `sys.dm_exec_describe_first_result_set`.
fn described(columns: &[(&str, &str, bool)]) -> Table {
    let bit = |b: bool| cell::short(&[u8::from(b)]);
    Table {
        columns: vec![
            ("name", cell::nvarchar(256)),
            ("system_type_name", cell::nvarchar(512)),
            ("is_nullable", vec![0x68, 1]),
            ("error_message", cell::nvarchar(8_000)),
            ("error_number", vec![0x26, 4]),
        ],
        rows: columns
            .iter()
            .map(|(name, kind, nullable)| {
                vec![cell::text(name), cell::text(kind), bit(*nullable), cell::long_null(), vec![0]]
            })
            .collect(),
    }
}

const F4211: [(&str, &str, bool); 5] = [
    ("SDDOCO", "numeric(8,0)", false),
    ("SDKCOO", "nchar(5)", false),
    ("SDTRDJ", "numeric(6,0)", true),
    ("SDAEXP", "numeric(15,2)", true),
    ("SDDSC1", "nchar(30)", true),
];

fn jde_copy(to: &str) -> SqlCopySpec {
    SqlCopySpec {
        type_coercion: TypeCoercion::Jde,
        decimal_mode: DecimalMode::Truncate,
        julian_columns: vec!["SDTRDJ".into()],
        ..copy("erp", "F4211", to, "f4211", CopyMode::Overwrite)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jde_table_of_sql_server_arrives_in_postgres_and_sqlite() {
    let server = Tds::start(|sql| match sql.contains("dm_exec_describe") {
        true => Answer::Rows(described(&F4211)),
        false => Answer::Rows(sales_orders()),
    })
    .await;
    let postgres = Postgres::start().unwrap();
    let database = postgres.database().unwrap();
    let folder = TempDir::new().unwrap();
    let bench = set(&server.url()).postgres("pg", database.url()).sqlite("lite", &folder.path().join("a.db")).build();
    for to in ["pg", "lite"] {
        let mut spec = jde_copy(to);
        spec.source.table = SourceTable::Table { schema: Some("PRODDTA".into()), table: "F4211".into() };
        let done = bench.run_copy(spec).await.unwrap_or_else(|e| panic!("{to}: {e}\n{}", e.detail));
        assert_eq!((done.rows_affected, &done.output["target_rows"]), (Some(1_200), &json!(1_200)), "{to}");
        let rows = bench.rows(to, "select sddoco, sdkcoo, sdtrdj, sdaexp, sddsc1 from f4211 order by 1 limit 3").await;
        let row = |n: i64, day: Value, amount: i64, name: Value| {
            vec![Value::Int(n), text("00001"), day, Value::Int(amount), name]
        };
        let (day, name) = (Value::Date("2026-01-01".into()), text("Übergröße 🦀"));
        assert_eq!(rows[0], row(1, day.clone(), 1, name.clone()), "{to}");
        assert_eq!(rows[1], row(2, Value::Null, 2, name), "{to}");
        assert_eq!(rows[2], row(3, day, 3, Value::Null), "{to}");
    }
    assert!(server.journal().iter().any(|line| line.contains("from \"PRODDTA\".\"F4211\"")), "{:?}", server.journal());
    let types = "select string_agg(format_type(atttypid, atttypmod), ', ' order by attnum) from pg_attribute \
                 where attrelid = 'f4211'::regclass and attnum > 0";
    assert_eq!(database.execute(types).unwrap(), "bigint, character varying(5), date, bigint, character varying(30)");
}

#[tokio::test]
async fn a_copy_from_a_server_that_goes_leaves_the_target_as_it_was() {
    let server = Tds::start(|sql| match sql.contains("dm_exec_describe") {
        true => Answer::Rows(described(&F4211)),
        false => Answer::RowsThenGone(sales_orders()),
    })
    .await;
    let folder = TempDir::new().unwrap();
    let bench = set(&server.url()).sqlite("lite", &folder.path().join("a.db")).build();
    bench
        .execute(
            "lite",
            &["create table f4211 (sddoco, sdkcoo, sdtrdj, sdaexp, sddsc1)", "insert into f4211 (sddoco) values (99)"],
        )
        .await;
    let error = bench.run_copy(jde_copy("lite")).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::Remote, "{error}");
    assert_eq!(bench.rows("lite", "select sddoco from f4211").await, [[Value::Int(99)]]);
}

#[tokio::test]
async fn money_is_cast_where_a_table_is_copied() {
    let server = Tds::start(|sql| match sql {
        sql if sql.contains("dm_exec_describe") && sql.contains("cast(") => {
            Answer::Rows(described(&[("id", "int", false), ("amount", "decimal(19,4)", true)]))
        }
        sql if sql.contains("dm_exec_describe") => {
            Answer::Rows(described(&[("id", "int", false), ("amount", "money", true)]))
        }
        _ => Answer::Rows(Table {
            columns: vec![("id", vec![0x26, 4]), ("amount", cell::decimal(19, 4))],
            rows: vec![vec![cell::int(1), cell::number(9_223_372_036_854_775_807)]],
        }),
    })
    .await;
    let folder = TempDir::new().unwrap();
    let bench = set(&server.url()).sqlite("lite", &folder.path().join("a.db")).build();
    bench.run_copy(copy("erp", "ledger", "lite", "ledger", CopyMode::Overwrite)).await.unwrap();
    let read = "select \"id\", cast(\"amount\" as decimal(19,4)) as \"amount\" from \"ledger\"";
    assert!(server.journal().iter().any(|line| line == read), "{:?}", server.journal());
    assert_eq!(bench.rows("lite", "select amount from ledger").await, [[text("922337203685477.5807")]]);
}

#[tokio::test]
async fn a_copy_into_sql_server_is_one_transaction() {
    let server = Tds::start(|sql| match sql {
        sql if sql.contains("dm_exec_describe") => Answer::Rows(described(&[
            ("id", "int", false),
            ("Name", "nvarchar(20)", true),
            ("amount", "decimal(15,2)", true),
        ])),
        sql if sql.starts_with("select count_big") => Answer::Rows(Table {
            columns: vec![("", vec![0x26, 8])],
            rows: vec![vec![cell::short(&2_i64.to_le_bytes())]],
        }),
        sql if sql.contains("boom") => Answer::Error(8115, 16, "Arithmetic overflow error."),
        _ => Answer::Done(2),
    })
    .await;
    let folder = TempDir::new().unwrap();
    let bench = set(&server.url()).sqlite("lite", &folder.path().join("a.db")).build();
    bench
        .execute(
            "lite",
            &[
                "create table src (id integer, name text, amount numeric(15,2))",
                "insert into src values (1, 'a', 1.5), (2, null, null)",
            ],
        )
        .await;
    let done = bench.run_copy(copy("lite", "src", "erp", "items", CopyMode::Overwrite)).await.unwrap();
    assert_eq!(done.rows_affected, Some(2));
    let journal = server.journal();
    let from = journal.iter().position(|line| line == "begin").unwrap();
    assert_eq!(
        journal[from..from + 6],
        [
            "begin",
            "delete from \"items\"",
            "save transaction nomaflow_rows",
            "insert into \"items\" (\"id\", \"Name\", \"amount\") values (@P1, @P2, @P3), (@P4, NULL, NULL) | \
             @P1=1, @P2=a, @P3=1.5, @P4=2",
            "select count_big(*) from \"items\"",
            "commit",
        ]
    );
    bench.execute("lite", &["update src set name = 'boom'"]).await;
    let error = bench.run_copy(copy("lite", "src", "erp", "items", CopyMode::Overwrite)).await.unwrap_err();
    assert!(error.message.ends_with("Arithmetic overflow error, in row 1"), "{error}");
    assert_eq!(server.journal().iter().filter(|line| *line == "commit").count(), 1);
}

const ITEMS: [(&str, &str, bool); 3] =
    [("id", "int", false), ("Name", "nvarchar(20)", true), ("amount", "decimal(15,2)", true)];

/// An answer to `select count_big(*)`.
fn counted(n: i64) -> Answer {
    Answer::Rows(Table { columns: vec![("", vec![0x26, 8])], rows: vec![vec![cell::short(&n.to_le_bytes())]] })
}

/// A SQLite file with three rows to copy.
async fn with_rows(server: &Tds, folder: &TempDir) -> crate::kit::Bench {
    let bench = set(&server.url()).sqlite("lite", &folder.path().join("a.db")).build();
    let rows = "insert into src values (1, 'a', 1.5), (2, 'boom', 2.5), (3, 'c', 3.5)";
    bench.execute("lite", &["create table src (id integer, name text, amount numeric(15,2))", rows]).await;
    bench
}

#[tokio::test]
async fn an_upsert_into_sql_server_goes_through_a_staging_table_and_one_merge() {
    let server = Tds::start(|sql| match sql {
        sql if sql.contains("dm_exec_describe") => Answer::Rows(described(&ITEMS)),
        sql if sql.contains("sys.indexes") => Answer::Rows(Table {
            columns: vec![("name", cell::nvarchar(256)), ("key_ordinal", vec![0x26, 1])],
            rows: vec![vec![cell::text("id"), cell::short(&[1])]],
        }),
        sql if sql.contains("is null") => counted(0),
        sql if sql.contains("not exists") => counted(1),
        sql if sql.starts_with("select count_big(*) from #") => counted(3),
        sql if sql.starts_with("select count_big") => counted(7),
        sql if sql.starts_with("merge") => Answer::Done(2),
        _ => Answer::Done(3),
    })
    .await;
    let folder = TempDir::new().unwrap();
    let bench = with_rows(&server, &folder).await;
    let done = bench.run_copy(copy("lite", "src", "erp", "items", CopyMode::Upsert)).await.unwrap();
    let output = |key: &str| done.output[key].clone();
    assert_eq!((output("inserted"), output("updated"), output("target_rows")), (json!(1), json!(1), json!(7)));
    let journal = server.journal();
    let from = journal.iter().position(|line| line.starts_with("select \"id\", \"Name\", \"amount\" into")).unwrap();
    let nothing = "from \"items\" where 1 = 0";
    assert_eq!(
        journal[from..from + 4],
        [
            &format!(
                "select \"id\", \"Name\", \"amount\" into #nomaflow_staging {nothing} union all \
                 select \"id\", \"Name\", \"amount\" {nothing}"
            ),
            "alter table #nomaflow_staging add unique (\"id\")",
            "begin",
            "save transaction nomaflow_rows",
        ]
    );
    let merge = "merge into \"items\" with (holdlock) t using #nomaflow_staging s on s.\"id\" = t.\"id\" when matched and \
                 exists (select cast(cast(s.\"Name\" as nvarchar(max)) as varbinary(max)), s.\"amount\" except \
                 select cast(cast(t.\"Name\" as nvarchar(max)) as varbinary(max)), t.\"amount\") then update set \
                 t.\"Name\" = s.\"Name\", t.\"amount\" = s.\"amount\" when not matched then \
                 insert (\"id\", \"Name\", \"amount\") values (s.\"id\", s.\"Name\", s.\"amount\");";
    assert!(journal.iter().any(|line| line == merge), "{journal:#?}");
    assert_eq!(journal.iter().rev().find(|line| *line != "gone").map(String::as_str), Some("commit"));
}

#[tokio::test]
async fn a_row_that_sql_server_refuses_is_set_aside_and_the_others_go_in() {
    let server = Tds::start(|sql| match sql {
        sql if sql.contains("dm_exec_describe") => Answer::Rows(described(&ITEMS)),
        sql if sql.starts_with("insert into \"items\"") && sql.contains("boom") => {
            Answer::Error(2627, 14, "Violation of PRIMARY KEY constraint 'PK'. Cannot insert duplicate key.")
        }
        sql if sql.starts_with("select count_big") => counted(2),
        _ => Answer::Done(1),
    })
    .await;
    let folder = TempDir::new().unwrap();
    let bench = with_rows(&server, &folder).await;
    let mut spec = copy("lite", "src", "erp", "items", CopyMode::Overwrite);
    spec.on_bad_row = OnBadRow::SkipTo;
    let done = bench.run_copy(spec).await.unwrap_or_else(|e| panic!("{e}\n{}", e.detail));
    assert_eq!((done.rows_affected, &done.output["rows_skipped"]), (Some(2), &json!(1)));
    let journal = server.journal();
    let side = journal.iter().find(|line| line.starts_with("insert into \"items_bad_rows\"")).unwrap();
    for part in ["=2", "Cannot insert duplicate key.", r#"{"id":2,"Name":"boom","amount":2.5}"#] {
        assert!(side.contains(part), "{part}: {side}");
    }
    assert!(journal.iter().any(|line| line.starts_with("if object_id(N'\"items_bad_rows\"') is null create table")));
    // Behind each refusal, the rows that went in with the bad one are taken back.
    let refused = journal.iter().filter(|line| *line == "rollback transaction nomaflow_rows").count();
    assert_eq!(refused, 3, "{journal:#?}");
}

#[tokio::test]
async fn a_table_that_sql_server_does_not_have_is_made_and_a_checksum_reads_it_back() {
    let stored = |amounts: [i128; 3]| {
        let rows = amounts.iter().zip([(1, "a"), (2, "boom"), (3, "c")]);
        Table {
            columns: vec![("id", vec![0x26, 8]), ("name", cell::nvarchar(40)), ("amount", cell::decimal(15, 2))],
            rows: rows
                .map(|(m, (n, t))| vec![cell::short(&i64::from(n).to_le_bytes()), cell::text(t), cell::number(*m)])
                .collect(),
        }
    };
    for (amounts, is_same) in [([150, 250, 350], true), ([150, 251, 350], false)] {
        let server = Tds::start(move |sql| match sql {
            sql if sql.contains("dm_exec_describe") => {
                let mut table = described(&[("", "", true)]);
                table.rows[0][3..].clone_from_slice(&[cell::text("Invalid object name 'items'."), cell::int(208)]);
                Answer::Rows(table)
            }
            sql if sql.starts_with("select count_big") => counted(3),
            sql if sql.starts_with("select \"id\"") => Answer::Rows(stored(amounts)),
            _ => Answer::Done(3),
        })
        .await;
        let folder = TempDir::new().unwrap();
        let bench = with_rows(&server, &folder).await;
        let mut spec = copy("lite", "src", "erp", "items", CopyMode::Overwrite);
        spec.verify = Verify::Checksum;
        let done = bench.run_copy(spec).await;
        assert_eq!(done.is_ok(), is_same, "{:?}", done.err());
        let journal = server.journal();
        let begin = journal.iter().position(|line| line == "begin").unwrap();
        assert_eq!(
            journal[begin + 1],
            "create table \"items\" (\"id\" bigint, \"name\" nvarchar(max), \"amount\" decimal(15,2))"
        );
        assert_eq!(journal.iter().any(|line| line == "commit"), is_same, "{journal:#?}");
    }
}
