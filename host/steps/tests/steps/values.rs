//! Every common type there and back, through binds, through inserted rows and as results.

use host_model::port::Access;
use host_model::value::Value;
use tempfile::TempDir;
use test_support::Postgres;

use crate::kit::{Set, all_rows, text};

fn other(kind: &str, value: &str) -> Value {
    Value::Other(kind.into(), value.into())
}

#[tokio::test]
async fn every_postgres_type_survives_a_bind_an_insert_and_a_result() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    database.execute("create type mood as enum ('sad', 'ok')").unwrap();
    let bench = Set::default().postgres("pg", database.url()).build();
    let session = bench.session("pg", Access::ReadWrite).await;
    let cases: Vec<(&str, Vec<Value>)> = vec![
        ("boolean", vec![Value::Bool(true), Value::Bool(false)]),
        ("smallint", vec![Value::Int(-32_768)]),
        ("integer", vec![Value::Int(i64::from(i32::MAX))]),
        ("bigint", vec![Value::Int(i64::MIN), Value::Int(i64::MAX)]),
        ("real", vec![Value::Float(0.1), Value::Float(-1.5e30)]),
        ("double precision", vec![Value::Float(0.1), Value::Float(f64::MAX), Value::Float(f64::NEG_INFINITY)]),
        (
            "numeric",
            [
                "1.20",
                "0.00",
                "100000000.00",
                "-12345678901234567890123456789012345.678",
                "0.000000000000000000000001",
                "NaN",
            ]
            .map(|t| Value::Decimal(t.into()))
            .to_vec(),
        ),
        ("numeric(15,2)", vec![Value::Decimal("9999999999999.99".into())]),
        ("text", vec![text(""), text("Žluťoučký 🐎 kůň"), text("a\\b\tc\nd'e\"f")]),
        ("varchar(20)", vec![text("x ")]),
        ("char(5)", vec![text("ab   ")]),
        ("name", vec![text("pg_class")]),
        ("bytea", vec![Value::Bytes(vec![]), Value::Bytes(vec![0, 1, 255, b'\\'])]),
        ("date", vec![Value::Date("2024-02-29".into()), Value::Date("0001-01-01".into()), other("date", "infinity")]),
        (
            "timestamp",
            vec![
                Value::Timestamp("2013-01-01T05:00:00".into()),
                Value::Timestamp("1969-12-31T23:59:59.999999".into()),
                other("timestamp", "-infinity"),
            ],
        ),
        ("timestamptz", vec![Value::Timestamp("2013-01-01T05:00:00.5Z".into()), other("timestamptz", "infinity")]),
        ("time", vec![other("time", "24:00:00"), other("time", "01:02:03.000004")]),
        ("uuid", vec![other("uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8")]),
        ("json", vec![other("json", "{\"a\":  1}")]),
        ("jsonb", vec![other("jsonb", "{\"a\": [1, null]}")]),
        ("interval", vec![other("interval", "1 year 2 mons 3 days 04:05:06.7")]),
        ("inet", vec![other("inet", "10.1.0.0/16")]),
        ("int[]", vec![other("int4[]", "{1,2,NULL}")]),
        ("text[]", vec![other("text[]", "{a,\"b c\",\"\"}")]),
        ("money", vec![other("money", "$12.30")]),
        ("int4range", vec![other("int4range", "[1,5)")]),
        ("xml", vec![other("xml", "<a>b</a>")]),
        ("bit(4)", vec![other("bit", "1010")]),
        ("mood", vec![other("mood", "ok")]),
    ];
    for (kind, values) in cases {
        session.execute(&format!("create temp table t (id int, v {kind})"), Vec::new()).await.unwrap();
        let mut want = values.clone();
        want.push(Value::Null);
        for (n, value) in want.iter().enumerate() {
            let binds = vec![("id".to_owned(), Value::Int(n as i64)), ("v".to_owned(), value.clone())];
            let inserted = session.execute("insert into t values (:id, :v)", binds).await;
            assert_eq!(inserted.unwrap_or_else(|e| panic!("{kind} {value:?}: {e}\n{}", e.detail)), 1);
        }
        let rows = want.iter().enumerate().map(|(n, v)| vec![Value::Int(n as i64), v.clone()]).collect::<Vec<_>>();
        let columns = ["id".to_owned(), "v".to_owned()];
        let inserted = session.insert_rows("t", &columns, rows).await;
        assert_eq!(inserted.unwrap_or_else(|e| panic!("{kind}: {e}")), want.len() as u64, "{kind}");
        // In one transaction, so that the temporary table is on the cursor's connection.
        session.begin().await.unwrap();
        let found = all_rows(&*session, "select v from t order by id", Vec::new()).await;
        session.commit().await.unwrap();
        let found: Vec<&Value> = found.iter().map(|row| &row[0]).collect();
        let doubled: Vec<&Value> = want.iter().flat_map(|v| [v, v]).collect();
        let shown = |values: &[&Value]| values.iter().map(|v| format!("{v:?}")).collect::<Vec<_>>();
        assert_eq!(shown(&found), shown(&doubled), "{kind}");
        session.execute("drop table t", Vec::new()).await.unwrap();
    }
}

#[tokio::test]
async fn postgres_parameters_take_the_type_the_server_expects() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    database
        .execute(
            "create table t (i int, d date, n numeric, a int[]); insert into t values (7, '2024-02-29', 1.50, '{1,2}')",
        )
        .unwrap();
    let bench = Set::default().postgres("pg", database.url()).build();
    let session = bench.session("pg", Access::Read).await;
    for (condition, value) in [
        ("i = :p", text("7")),
        ("i = :p", Value::Int(7)),
        ("d = :p", text("2024-02-29")),
        ("d = :p", text("29 Feb 2024")),
        ("n = :p", Value::Float(1.5)),
        ("n = :p", text("1.5")),
        ("a = :p", text("{1,2}")),
        ("i::text = :p", Value::Int(7)),
        ("n::text like :p -- ends in a comment", text("1.5%")),
    ] {
        let sql = format!("select count(*) from t where {condition}");
        let rows = all_rows(&*session, &sql, vec![("p".into(), value.clone())]).await;
        assert_eq!(rows, [[Value::Int(1)]], "{condition} with {value:?}");
    }
    let Err(refused) = session.query("select 1 from t where i = :p", vec![("p".into(), text("seven"))]).await else {
        panic!("`seven` is no integer");
    };
    assert!(refused.message.contains("invalid input syntax for type integer"), "{refused}");
    assert!(!refused.may_retry);
    // The session goes on after a refusal, although its transaction could not.
    assert_eq!(all_rows(&*session, "select 1", Vec::new()).await, [[Value::Int(1)]]);
}

#[tokio::test]
async fn duplicate_names_and_types_without_decoder_are_read_by_position() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let bench = Set::default().postgres("pg", database.url()).build();
    let session = bench.session("pg", Access::Read).await;
    let sql = "select 1 as a, '10.0.0.1'::inet as a, row(1, 'x') as r, pg_sleep(0) as nothing -- end";
    let mut cursor = session.query(sql, Vec::new()).await.unwrap();
    let columns: Vec<(String, String)> = cursor.columns().iter().map(|c| (c.name.clone(), c.kind.clone())).collect();
    assert_eq!(columns[..2], [("a".into(), "int4".into()), ("a".into(), "inet".into())]);
    let rows = cursor.next_batch(10).await.unwrap();
    assert_eq!(rows, [[Value::Int(1), other("inet", "10.0.0.1/32"), other("record", "(1,x)"), Value::Null]]);
}

#[tokio::test]
async fn every_sqlite_value_survives() {
    let folder = TempDir::new().unwrap();
    let bench = Set::default().sqlite("lite", &folder.path().join("a.db")).build();
    let session = bench.session("lite", Access::ReadWrite).await;
    let cases: Vec<(&str, Vec<Value>)> = vec![
        ("BOOLEAN", vec![Value::Bool(true), Value::Bool(false)]),
        ("INTEGER", vec![Value::Int(i64::MIN), Value::Int(i64::MAX)]),
        ("REAL", vec![Value::Float(0.1), Value::Float(f64::INFINITY)]),
        ("TEXT", vec![text(""), text("Žluťoučký 🐎"), text("nul\0inside")]),
        ("BLOB", vec![Value::Bytes(vec![]), Value::Bytes(vec![0, 255])]),
        ("DATE", vec![Value::Date("2024-02-29".into())]),
        (
            "TIMESTAMP",
            vec![
                Value::Timestamp("2024-02-29T10:00:00.123456".into()),
                Value::Timestamp("2024-02-29T10:00:00Z".into()),
            ],
        ),
        // Text affinity: beyond fifteen digits the NUMERIC of SQLite is a float.
        ("VARTEXT", vec![text("123456789012345678.90")]),
    ];
    for (kind, mut values) in cases {
        session.execute(&format!("create table t (v {kind})"), Vec::new()).await.unwrap();
        values.push(Value::Null);
        for value in &values {
            session.execute("insert into t values (:v)", vec![("v".into(), value.clone())]).await.unwrap();
        }
        let rows = values.iter().map(|v| vec![v.clone()]).collect();
        assert_eq!(session.insert_rows("t", &["v".to_owned()], rows).await.unwrap(), values.len() as u64);
        let found: Vec<Value> = all_rows(&*session, "select v from t order by rowid", Vec::new()).await.concat();
        assert_eq!(found, [values.clone(), values].concat(), "{kind}");
        session.execute("drop table t", Vec::new()).await.unwrap();
    }
}
