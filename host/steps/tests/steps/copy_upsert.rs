//! `sql_copy` by key: what is new, what is different, and keys that tell nothing apart.

use host_model::job::spec::{CopyMode, Verify};
use host_model::value::Value;
use serde_json::json;
use tempfile::TempDir;
use test_support::Postgres;

use crate::kit::{copy, done, pair, text};

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
