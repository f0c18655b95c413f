//! What a `sql_copy` checks, and several readers that must see one state of a table.

use host_model::StepErrorKind;
use host_model::job::spec::{CopyMode, Verify};
use host_model::value::Value;
use serde_json::json;
use tempfile::TempDir;
use test_support::Postgres;

use crate::kit::{Set, copy, done, pair, text};

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
