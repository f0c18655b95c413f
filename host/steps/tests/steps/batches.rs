//! Rows by column: batches of limited size, from and into both dialects.

use host_model::batch::{Batch, BatchLimit, Data};
use host_model::port::{Access, SqlCursor};
use host_model::value::{CellRef, Row, Value};
use tempfile::TempDir;
use test_support::Postgres;

use crate::kit::{Bench, Set, all_rows, text};

/// Reads on within `limit`, which no batch may pass by more than the row that reaches it.
async fn read(cursor: &mut dyn SqlCursor, limit: BatchLimit, widest: usize) -> (Vec<Row>, Vec<usize>) {
    let (mut rows, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let batch = cursor.next_columns(limit).await.unwrap();
        if batch.is_empty() {
            return (rows, sizes);
        }
        assert!(batch.rows() <= limit.rows, "{} rows", batch.rows());
        assert!(batch.bytes() < limit.bytes + widest, "{} bytes", batch.bytes());
        sizes.push(batch.rows());
        rows.extend(batch.to_rows());
    }
}

/// The same promises on both dialects.
async fn check_batches(bench: &Bench, name: &str) {
    bench.execute(name, &["create table t (i integer, x text)"]).await;
    let session = bench.session(name, Access::ReadWrite).await;
    let columns = ["i".to_owned(), "x".to_owned()];
    // Forty narrow rows promise that the others are narrow too.
    let width = |i: i64| if i < 40 { 4 } else { 100_000 };
    let want: Vec<Row> = (0..60).map(|i| vec![Value::Int(i), text(&"ž".repeat(width(i) / 2))]).collect();
    let batch = Batch::from_rows(2, &want);
    assert_eq!(session.insert_columns("t", &columns, batch).await.unwrap(), 60);
    let odd = session.insert_columns("t", &columns[..1], Batch::from_rows(2, &want)).await.unwrap_err();
    assert!(odd.message.ends_with("the rows have 2 cells for 1 columns of `t`"), "{odd}");
    for rows in [1, 7, 1_000] {
        let limit = BatchLimit { rows, bytes: 500_000 };
        let mut cursor = session.query("select i, x from t order by i", Vec::new()).await.unwrap();
        let (found, sizes) = read(&mut *cursor, limit, 100_100).await;
        assert!(found == want, "batches of {rows}: {sizes:?}");
        if rows == 1_000 {
            assert_eq!(sizes, [45, 5, 5, 5]);
        }
    }
    // By column and by row on one cursor.
    let mut cursor = session.query("select i, x from t order by i", Vec::new()).await.unwrap();
    let batch = cursor.next_columns(BatchLimit { rows: 50, bytes: 200_000 }).await.unwrap();
    assert!(matches!(batch.columns()[0].data(), Data::Ints(cells) if cells.len() == batch.rows()));
    assert_eq!(batch.cell(3, 1), CellRef::Text("žž"));
    let rest = cursor.next_batch(1_000).await.unwrap();
    assert_eq!(rest[..], want[batch.rows()..]);
    assert!(cursor.next_columns(BatchLimit::rows(1)).await.unwrap().is_empty());
    drop(cursor);
    // Nothing is nothing, and a batch that is refused leaves nothing behind.
    assert_eq!(session.insert_columns("t", &columns, Batch::new(2)).await.unwrap(), 0);
    session.execute("create unique index u on t (i)", Vec::new()).await.unwrap();
    session
        .insert_columns("t", &columns, Batch::from_rows(2, &[vec![Value::Int(99)], vec![Value::Int(1)]]))
        .await
        .unwrap_err();
    assert_eq!(all_rows(&*session, "select count(*) from t", Vec::new()).await, [[Value::Int(60)]]);
    // Rows of a statement that is no SELECT are limited like others.
    let sql = "insert into t select i + 1000, x from t returning i";
    let mut cursor = session.query(sql, Vec::new()).await.unwrap();
    let (found, sizes) = read(&mut *cursor, BatchLimit::rows(25), 100).await;
    assert_eq!((found.len(), sizes), (60, vec![25, 25, 10]));
}

#[tokio::test]
async fn batches_of_sqlite_stay_within_their_limit() {
    let folder = TempDir::new().unwrap();
    check_batches(&Set::default().sqlite("ops", &folder.path().join("a.db")).build(), "ops").await;
}

#[tokio::test]
async fn batches_of_postgres_stay_within_their_limit() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    check_batches(&Set::default().postgres("ops", database.url()).build(), "ops").await;
}

#[tokio::test]
async fn a_sqlite_column_of_several_kinds_keeps_each_cell() {
    let folder = TempDir::new().unwrap();
    let bench = Set::default().sqlite("lite", &folder.path().join("a.db")).build();
    let session = bench.session("lite", Access::ReadWrite).await;
    session.execute("create table t (v)", Vec::new()).await.unwrap();
    let want: Vec<Row> =
        [Value::Null, Value::Int(1), text("one"), Value::Float(0.5), Value::Bytes(vec![0, 255]), Value::Null]
            .map(|value| vec![value])
            .to_vec();
    session.insert_columns("t", &["v".to_owned()], Batch::from_rows(1, &want)).await.unwrap();
    assert_eq!(all_rows(&*session, "select v from t order by rowid", Vec::new()).await, want);
}
