//! Sessions against a stand-in that answers by itself; statements against SQLite are tested where steps use them.

use std::cell::RefCell;
use std::rc::Rc;

use super::Connection;
use crate::testing::{Database, Host, Table};
use crate::{ColumnBatch, ColumnValues, Error, Value, row};

/// Answers every query with `size` numbers and notes what it is asked.
struct Numbers {
    size: i64,
    heard: Rc<RefCell<Vec<String>>>,
}

impl Numbers {
    fn new(size: i64) -> (Self, Rc<RefCell<Vec<String>>>) {
        let heard = Rc::default();
        (Self { size, heard: Rc::clone(&heard) }, heard)
    }

    fn note(&self, what: impl Into<String>) -> Result<(), Error> {
        self.heard.borrow_mut().push(what.into());
        Ok(())
    }
}

impl Database for Numbers {
    fn execute(&mut self, statement: &str, binds: &[(String, Value)]) -> Result<u64, Error> {
        self.note(statement)?;
        Ok(binds.len() as u64)
    }

    fn query(&mut self, _: &str, _: &[(String, Value)]) -> Result<Table, Error> {
        Ok(Table::new(&["N", "odd"], (0..self.size).map(|n| row![n, (n % 2 == 1).then_some("odd")]).collect()))
    }

    fn insert(&mut self, table: &str, columns: &[String], rows: &[Vec<Value>]) -> Result<u64, Error> {
        self.note(format!("insert {table} {columns:?} {rows:?}"))?;
        Ok(rows.len() as u64)
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.note("begin")
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.note("commit")
    }

    fn rollback(&mut self) -> Result<(), Error> {
        self.note("rollback")
    }
}

#[test]
fn rows_come_in_batches_and_the_iterator_does_not_show_it() {
    let _host = Host::new().connector("c", Numbers::new(25).0).install();
    let mut connection = Connection::open("c").expect("opens");
    let rows = connection.query("select", &[]).expect("queries").batch_size(10);
    let numbers: Vec<i64> = rows.map(|row| row.and_then(|row| row.get("n")).expect("reads")).collect();
    assert_eq!(numbers, (0..25).collect::<Vec<_>>());

    let mut rows = connection.query("select", &[]).expect("queries").batch_size(10);
    let sizes: Vec<usize> = (0..5).map(|_| rows.next_batch().expect("fetches").len()).collect();
    assert_eq!(sizes, [10, 10, 5, 0, 0]);
}

#[test]
fn columns_hold_the_same_cells_as_rows() {
    let _host = Host::new().connector("c", Numbers::new(9).0).install();
    let mut connection = Connection::open("c").expect("opens");
    let batch = connection.query("select", &[]).expect("queries").next_columns().expect("fetches");
    let rows = connection.query("select", &[]).expect("queries").next_batch().expect("fetches");
    for (at, row) in rows.into_iter().enumerate() {
        let by_column: Vec<Value> = batch.columns.iter().map(|column| column.value(at).expect("reads")).collect();
        assert_eq!(by_column, row.into_cells());
    }
}

#[test]
fn a_transaction_that_is_not_committed_is_rolled_back() {
    let (numbers, heard) = Numbers::new(0);
    let _host = Host::new().connector("c", numbers).install();
    let mut connection = Connection::open("c").expect("opens");
    {
        let mut transaction = connection.transaction().expect("begins");
        transaction.execute("first", &[]).expect("executes");
        assert!(transaction.transaction().is_err_and(|error| error.is("invalid")), "transactions do not nest");
    }
    let mut transaction = connection.transaction().expect("begins");
    transaction.execute("second", &[("x", 5.into())]).expect("executes");
    transaction.commit().expect("commits");
    assert_eq!(*heard.borrow(), ["begin", "first", "rollback", "begin", "second", "commit"]);
}

#[test]
fn rows_and_columns_insert_the_same() {
    let (numbers, heard) = Numbers::new(0);
    let _host = Host::new().connector("c", numbers).install();
    let mut connection = Connection::open("c").expect("opens");
    connection.insert_rows("t", &["a", "b"], vec![row![1, "x"], row![2, None::<&str>]]).expect("inserts");
    let columns = vec![ColumnValues::integers([Some(1), Some(2)]), ColumnValues::texts([Some("x"), None])];
    let batch = ColumnBatch::new(columns).expect("fits");
    assert_eq!(connection.insert_columns("t", &["a", "b"], &batch), Ok(2));
    assert_eq!(heard.borrow()[0], heard.borrow()[1]);
    let error = connection.insert_rows("t", &["a", "b"], vec![row![1]]).expect_err("refused");
    assert!(error.is("invalid"));
}

#[test]
fn a_connector_that_is_not_granted_is_denied() {
    let _host = Host::new().install();
    assert!(Connection::open("c").is_err_and(|error| error.is("denied")));
}

#[test]
fn every_call_fails_once_the_run_is_canceled() {
    let host = Host::new().connector("c", Numbers::new(30).0).cancel_after(1).install();
    let mut connection = Connection::open("c").expect("opens");
    let mut rows = connection.query("select", &[]).expect("queries").batch_size(10);
    rows.next_batch().expect("fetches");
    crate::context::report(10, Some(30), "rows");
    assert!(rows.next_batch().is_err_and(|error| error.is("canceled")));
    assert!(crate::context::check().is_err());
    assert_eq!(host.progress().len(), 1);
}

#[test]
fn a_cell_of_another_kind_names_its_column() {
    let _host = Host::new().connector("c", Numbers::new(2).0).install();
    let mut connection = Connection::open("c").expect("opens");
    let row = connection.query("select", &[]).expect("queries").next().expect("a row").expect("fetches");
    let error = row.get::<i64>("odd").expect_err("null is no integer");
    assert_eq!(error.message, "column `odd`: a cell is null and not an integer");
}
