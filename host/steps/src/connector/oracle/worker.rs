//! The thread that owns one connection to Oracle and answers its [`Call`]s in turn.
//!
//! The driver never commits by itself: a change outside a transaction is committed here, and everything else is rolled
//! back when the connection ends.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use host_model::port::Access;
use host_model::value::{Column, Row, Value};
use host_model::{CancelToken, StepError};
use oracledb::{Config, Connection, Cursor, ToDbValue};
use tokio::sync::mpsc::Receiver;

use super::{Busy, OracleBrake, fault, value};
use crate::connector::fault::{Place, canceled};
use crate::connector::remote::oracle::SPELLING;
use crate::connector::remote::thread::Ready;
use crate::connector::remote::{Call, Control, Insert, Output, Reply, Request, Running};
use crate::connector::vet::quote;

/// Rows the server sends at once.
const FETCHED_ROWS: u32 = 500;
/// Rows the server is sent at once.
const SENT_ROWS: usize = 1_000;

/// What a worker needs.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) config: Config,
    pub(super) place: Place,
    pub(super) access: Access,
    pub(super) limit: Option<Duration>,
    pub(super) cancel: CancelToken,
}

/// How the server knows the connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Session {
    id: usize,
    serial: usize,
}

impl Session {
    /// The statement that cancels what this session runs.
    pub(super) fn cancel_statement(self) -> String {
        format!("alter system cancel sql '{}, {}'", self.id, self.serial)
    }
}

struct Worker {
    conn: Connection,
    job: Job,
    is_busy: Arc<AtomicBool>,
    in_transaction: bool,
    is_broken: bool,
}

/// Connects and answers calls until nobody can make any or the connection breaks.
pub(super) fn serve(job: Job, mut inbox: Receiver<Call>, ready: Ready<OracleBrake>) {
    let connected = oracledb::connect(job.config.clone()).and_then(|conn| {
        conn.set_call_timeout(job.limit)?;
        conn.execute(SPELLING, &[])?;
        let session = Session { id: conn.session_id()?, serial: conn.serial_num()? };
        Ok((conn, session))
    });
    let (conn, session) = match connected {
        Ok(connected) => connected,
        // Nobody listens only when the step has given up waiting.
        Err(error) => return drop(ready.send(Err(fault::connecting(&job.place, &error)))),
    };
    let is_busy = Arc::<AtomicBool>::default();
    let brake = OracleBrake { config: job.config.clone(), session, is_busy: Arc::clone(&is_busy) };
    let mut worker = Worker { conn, job, is_busy, in_transaction: false, is_broken: false };
    if ready.send(Ok(brake)).is_err() {
        return;
    }
    while !worker.is_broken {
        let Some(call) = inbox.blocking_recv() else { break };
        worker.answer(call);
    }
    // What is open is rolled back; a connection that cannot say good-bye is closed all the same.
    let _ = worker.conn.rollback();
}

impl Worker {
    fn answer(&mut self, call: Call) {
        let is_busy = Arc::clone(&self.is_busy);
        let _busy = Busy::begin(&is_busy);
        // Nobody waits for a reply only when the step was dropped.
        match call {
            Call::Run(request, reply) if request.has_rows => self.rows(&request, reply),
            Call::Run(request, reply) => drop(reply.send(self.change(&request).map(|n| Running::counted(Some(n))))),
            Call::Describe(request, reply) => drop(reply.send(self.describe(&request))),
            Call::Insert(insert, reply) => drop(reply.send(self.insert(&insert))),
            Call::Control(control, reply) => drop(reply.send(self.control(control))),
        }
    }

    /// What an error means for the step, and for the connection.
    fn fail(&mut self, error: &oracledb::Error, sql: &str) -> StepError {
        self.is_broken |= fault::is_broken(error);
        if self.job.cancel.is_canceled() {
            return canceled(&self.job.cancel);
        }
        fault::running(&self.job.place, error, self.job.limit, sql)
    }

    fn check(&self) -> Result<(), StepError> {
        if self.job.cancel.is_canceled() { Err(canceled(&self.job.cancel)) } else { Ok(()) }
    }

    /// A reading step reads one state of the database, in a transaction of the server's own that cannot write.
    fn prepare(&mut self) -> Result<(), StepError> {
        self.check()?;
        if self.job.access == Access::Read && !self.in_transaction {
            let sql = "set transaction read only";
            self.conn.execute(sql, &[]).map_err(|e| self.fail(&e, sql))?;
            self.in_transaction = true;
        }
        Ok(())
    }

    fn control(&mut self, control: Control) -> Result<(), StepError> {
        self.check()?;
        let done = match control {
            // A transaction begins with its first statement.
            Control::Begin => Ok(()),
            Control::Commit if self.job.access == Access::ReadWrite => self.conn.commit(),
            Control::Commit | Control::Rollback => self.conn.rollback(),
        };
        done.map_err(|e| self.fail(&e, ""))?;
        self.in_transaction = match control {
            // A reading step is in its own all the time, or will be with its next statement.
            Control::Begin => self.in_transaction || self.job.access == Access::ReadWrite,
            Control::Commit | Control::Rollback => false,
        };
        Ok(())
    }

    fn change(&mut self, request: &Request) -> Result<u64, StepError> {
        self.prepare()?;
        let values: Vec<Box<dyn ToDbValue>> = request.values.iter().map(value::bound).collect();
        let names = names(values.len());
        let params = named(&names, &values);
        let done = self.conn.execute_named(&request.sql, &params).map(|done| done.rows_affected());
        let count = done.map_err(|e| self.fail(&e, &request.sql))?;
        self.settle()?;
        Ok(count)
    }

    /// Commits what is no part of a transaction.
    fn settle(&mut self) -> Result<(), StepError> {
        if self.in_transaction {
            return Ok(());
        }
        self.conn.commit().map_err(|e| self.fail(&e, "commit"))
    }

    fn open(&mut self, sql: &str, values: &[Value]) -> Result<(Cursor, Vec<Column>), StepError> {
        let values: Vec<Box<dyn ToDbValue>> = values.iter().map(value::bound).collect();
        let names = names(values.len());
        let params = named(&names, &values);
        let statement = self.conn.statement(sql).and_then(|s| s.fetch_array_size(FETCHED_ROWS).build());
        let cursor = statement.and_then(|s| s.query_named(&params)).map_err(|e| self.fail(&e, sql))?;
        let columns = cursor.columns().iter().map(value::column).collect();
        Ok((cursor, columns))
    }

    /// Runs a SELECT; the answer goes out with the columns, the rows behind it.
    fn rows(&mut self, request: &Request, reply: Reply<Running>) {
        let opened = self.prepare().and_then(|()| self.open(&request.sql, &request.values));
        let (cursor, columns) = match opened {
            Ok(opened) => opened,
            Err(error) => return drop(reply.send(Err(error))),
        };
        let (running, mut output) = Running::new(columns.clone());
        if reply.send(Ok(running)).is_err() {
            return;
        }
        let end = self.read(cursor, &columns, &mut output, &request.sql);
        output.end_blocking(end.map(|()| None));
    }

    fn read(&mut self, cursor: Cursor, columns: &[Column], output: &mut Output, sql: &str) -> Result<(), StepError> {
        for row in cursor {
            self.check()?;
            let row = row.map_err(|e| self.fail(&e, sql))?;
            let cell = |(n, column): (usize, &Column)| value::value(&row, n, column);
            let cells: Result<Row, value::CellError> = columns.iter().enumerate().map(cell).collect();
            let cells = cells.map_err(|e| self.job.place.definition(e))?;
            if output.push(cells) && !output.flush_blocking() {
                // Nobody reads any more; dropping the cursor is all it takes.
                return Ok(());
            }
        }
        output.flush_blocking();
        Ok(())
    }

    fn describe(&mut self, request: &Request) -> Result<Vec<Column>, StepError> {
        self.prepare()?;
        let sql = format!("select * from (\n{}\n) where 1 = 0", request.sql);
        self.open(&sql, &request.values).map(|(_, columns)| columns)
    }

    fn insert(&mut self, insert: &Insert) -> Result<u64, StepError> {
        self.prepare()?;
        let list = insert.columns.iter().map(|c| quote(c)).collect::<Vec<_>>().join(", ");
        let places = (1..=insert.columns.len()).map(|n| format!(":p{n}")).collect::<Vec<_>>().join(", ");
        let sql = format!("insert into {} ({list}) values ({places})", insert.table);
        let lanes = value::lanes(&insert.rows, insert.columns.len());
        let mut count = 0;
        for rows in insert.rows.chunks(SENT_ROWS) {
            self.check()?;
            let cells: Vec<Vec<Box<dyn ToDbValue>>> =
                rows.iter().map(|row| row.iter().zip(&lanes).map(|(cell, lane)| lane.bound(cell)).collect()).collect();
            let borrowed: Vec<Vec<&dyn ToDbValue>> =
                cells.iter().map(|row| row.iter().map(|cell| &**cell).collect()).collect();
            let slices: Vec<&[&dyn ToDbValue]> = borrowed.iter().map(Vec::as_slice).collect();
            let done = self.conn.execute_batch(&sql, slices.as_slice()).map(|done| done.rows_affected());
            count += done.map_err(|e| self.fail(&e, &sql))?;
        }
        self.settle()?;
        Ok(count)
    }
}

fn names(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("p{n}")).collect()
}

fn named<'a>(names: &'a [String], values: &'a [Box<dyn ToDbValue>]) -> Vec<(&'a str, &'a dyn ToDbValue)> {
    names.iter().map(String::as_str).zip(values.iter().map(|v| &**v)).collect()
}
