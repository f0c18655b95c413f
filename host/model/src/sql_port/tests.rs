//! A database that speaks rows and one that speaks columns, asked for the other.

use std::sync::Mutex;

use super::*;
use crate::value::Value;

/// Gives rows one by one of what it is asked, and remembers what it was asked for.
struct ByRow {
    columns: Vec<Column>,
    rows: Vec<Row>,
    asked: Vec<usize>,
}

#[async_trait]
impl SqlCursor for ByRow {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    async fn next_batch(&mut self, max: usize) -> Result<Vec<Row>, StepError> {
        self.asked.push(max);
        Ok(self.rows.drain(..max.min(self.rows.len())).collect())
    }
}

#[derive(Default)]
struct ByColumn(Mutex<Vec<Batch>>);

#[async_trait]
impl SqlSession for ByColumn {
    fn dialect(&self) -> &'static str {
        "memory"
    }
    async fn query(&self, _: &str, _: Binds) -> Result<Box<dyn SqlCursor>, StepError> {
        Err(StepError::definition("nothing to read"))
    }
    async fn execute(&self, _: &str, _: Binds) -> Result<u64, StepError> {
        Ok(0)
    }
    async fn insert_columns(&self, _: &str, _: &[String], batch: Batch) -> Result<u64, StepError> {
        let rows = batch.rows() as u64;
        self.0.lock().unwrap().push(batch);
        Ok(rows)
    }
    async fn begin(&self) -> Result<(), StepError> {
        Ok(())
    }
    async fn commit(&self) -> Result<(), StepError> {
        Ok(())
    }
    async fn rollback(&self) -> Result<(), StepError> {
        Ok(())
    }
}

/// Nothing here waits.
fn now<T>(work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    match work.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(done) => done,
        std::task::Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn a_cursor_that_gives_rows_is_asked_for_as_many_as_fit_into_a_batch() {
    let column = Column { name: "t".into(), kind: "text".into(), nullable: true };
    let wide = |n: i64| vec![Value::Text(format!("{n:0>984}"))];
    let mut cursor = ByRow { columns: vec![column], rows: (0..300).map(wide).collect(), asked: Vec::new() };
    let limit = BatchLimit { rows: 250, bytes: 100_000 };
    let batch = now(cursor.next_columns(limit)).unwrap();
    assert_eq!((batch.rows(), batch.bytes()), (100, 100_000));
    assert_eq!(cursor.asked, [1, 7, 56, 36]);
    let mut seen = batch.to_rows();
    loop {
        let batch = now(cursor.next_columns(limit)).unwrap();
        if batch.is_empty() {
            break;
        }
        seen.extend(batch.to_rows());
    }
    assert_eq!(seen, (0..300).map(wide).collect::<Vec<_>>());
}

#[test]
fn a_session_that_takes_columns_takes_rows_too_unless_they_are_ragged() {
    let session = ByColumn::default();
    let columns = ["a".to_owned(), "b".to_owned()];
    let rows = vec![vec![Value::Int(1), Value::Null], vec![Value::Int(2), Value::Bool(true)]];
    assert_eq!(now(session.insert_rows("t", &columns, rows.clone())), Ok(2));
    assert_eq!(session.0.lock().unwrap()[0].to_rows(), rows);
    let error = now(session.insert_rows("t", &columns, vec![vec![Value::Int(1)]])).unwrap_err();
    assert_eq!(error.message, "a row has 1 cells for 2 columns of `t`");
    assert_eq!(session.0.lock().unwrap().len(), 1);
}
