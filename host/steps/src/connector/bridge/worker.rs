//! The task that owns one connection of a driver in another process and answers its [`Call`]s in turn.
//!
//! Modules of the DB-API begin a transaction by themselves and commit nothing: a change outside a transaction is committed
//! here, and everything else is rolled back when the connection ends.

use std::time::Duration;

use host_model::connector::Dialect;
use host_model::driver_port::{DriverAnswer, DriverConnection, DriverError, DriverStop};
use host_model::port::Access;
use host_model::value::Column;
use host_model::{CancelToken, StepError};
use tokio::sync::mpsc::Receiver;

use super::value;
use crate::connector::dial::Refusal;
use crate::connector::fault::{Place, canceled};
use crate::connector::remote::{Call, Control, Insert, Marks, Output, Reply, Request, Running};
use crate::connector::vet::quote_for;

/// Rows asked for at once.
const FETCHED_ROWS: usize = 500;
/// Rows sent at once.
const SENT_ROWS: usize = 1_000;
/// What a driver gets to stop a statement.
const STOP_WITHIN: Duration = Duration::from_millis(700);

pub(super) struct Worker {
    connection: Box<dyn DriverConnection>,
    dialect: Dialect,
    marks: Marks,
    place: Place,
    access: Access,
    watch: Watch,
    in_transaction: bool,
    is_broken: bool,
}

/// What ends a piece of work before it is done.
struct Watch {
    limit: Option<Duration>,
    cancel: CancelToken,
}

enum Ended<T> {
    Done(Result<T, DriverError>),
    /// Canceled, or it took too long.
    Stopped,
}

impl Watch {
    async fn over<T>(&self, stop: DriverStop, work: impl Future<Output = Result<T, DriverError>>) -> Ended<T> {
        if self.cancel.is_canceled() {
            return Ended::Stopped;
        }
        let too_long = async {
            match self.limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(work);
        tokio::select! {
            done = &mut work => return Ended::Done(done),
            () = self.cancel.canceled() => {}
            () = too_long => {}
        }
        stop();
        // However it ends; the connection is not used again.
        let _ = tokio::time::timeout(STOP_WITHIN, work).await;
        Ended::Stopped
    }
}

/// One call of the connection, watched.
macro_rules! ask {
    ($worker:ident, $sql:expr, $method:ident($($argument:expr),*)) => {{
        let stop = $worker.connection.stop();
        let ended = $worker.watch.over(stop, $worker.connection.$method($($argument),*)).await;
        $worker.judge(ended, $sql)
    }};
}

/// How python-oracledb and ODBC say that the other side closed the connection.
const HANG_UPS: [&str; 2] = ["DPY-4011", "08S01"];

/// What an error means while a connection is made.
pub(super) fn connecting(place: &Place, error: DriverError) -> Refusal {
    let has_hung_up = match &error {
        DriverError::Refused { message, origin, .. } => {
            HANG_UPS.iter().any(|code| message.contains(code) || origin.contains(code))
        }
        DriverError::Absent { .. } | DriverError::Gone(_) => false,
    };
    let error = match error {
        DriverError::Absent { message, hint } if hint.is_empty() => place.definition(message),
        DriverError::Absent { message, hint } => place.definition(format!("{message}; {hint}")),
        other => place.unreachable(other),
    };
    Refusal { error, has_hung_up }
}

impl Worker {
    pub(super) fn new(
        connection: Box<dyn DriverConnection>,
        dialect: Dialect,
        marks: Marks,
        place: Place,
        access: Access,
        limit: Option<Duration>,
        cancel: CancelToken,
    ) -> Self {
        let watch = Watch { limit, cancel };
        Self { connection, dialect, marks, place, access, watch, in_transaction: false, is_broken: false }
    }

    /// Answers calls until nobody can make any or the connection breaks.
    pub(super) async fn serve(mut self, mut inbox: Receiver<Call>) {
        while !self.is_broken {
            let Some(call) = inbox.recv().await else { break };
            self.answer(call).await;
        }
        if !self.is_broken {
            // The process ends right behind it; a database that hears nothing rolls back all the same.
            let _ = tokio::time::timeout(STOP_WITHIN, self.connection.rollback()).await;
        }
    }

    async fn answer(&mut self, call: Call) {
        // Nobody waits for a reply only when the step was dropped.
        match call {
            Call::Run(request, reply) if request.has_rows => self.rows(&request, reply).await,
            Call::Run(request, reply) => {
                let counted = self.change(&request).await;
                drop(reply.send(counted.map(Running::counted)));
            }
            Call::Describe(request, reply) => drop(reply.send(self.describe(&request).await)),
            Call::Insert(insert, reply) => drop(reply.send(self.insert(&insert).await)),
            Call::Control(control, reply) => drop(reply.send(self.control(control).await)),
        }
    }

    /// What a piece of work came to, and what that means for the connection.
    fn judge<T>(&mut self, ended: Ended<T>, sql: &str) -> Result<T, StepError> {
        match ended {
            Ended::Done(done) => done.map_err(|error| self.fail(error, sql)),
            Ended::Stopped => {
                self.is_broken = true;
                Err(match self.watch.limit {
                    Some(limit) if !self.watch.cancel.is_canceled() => self.place.too_long(limit, sql),
                    _ => canceled(&self.watch.cancel),
                })
            }
        }
    }

    /// What an error means for the step, and for the connection.
    fn fail(&mut self, error: DriverError, sql: &str) -> StepError {
        match error {
            DriverError::Refused { message, origin, may_retry, is_broken } => {
                self.is_broken |= is_broken;
                self.place.foreign(&message, &origin, may_retry, sql)
            }
            other => {
                self.is_broken = true;
                self.place.unreachable(other)
            }
        }
    }

    /// A reading step reads one state of an Oracle database, in a transaction of the server's own that cannot write.
    async fn prepare(&mut self) -> Result<(), StepError> {
        if self.access == Access::Read && !self.in_transaction && self.dialect == Dialect::Oracle {
            let sql = "set transaction read only";
            ask!(self, sql, run(sql, &[]))?;
            self.in_transaction = true;
        }
        Ok(())
    }

    async fn control(&mut self, control: Control) -> Result<(), StepError> {
        match control {
            // A transaction begins with its first statement.
            Control::Begin => {}
            Control::Commit if self.access == Access::ReadWrite => {
                ask!(self, "commit", commit())?;
            }
            Control::Commit | Control::Rollback => ask!(self, "rollback", rollback())?,
        }
        self.in_transaction = match control {
            // A reading step is in its own all the time, or will be with its next statement.
            Control::Begin => self.in_transaction || self.access == Access::ReadWrite,
            Control::Commit | Control::Rollback => false,
        };
        Ok(())
    }

    async fn open(&mut self, request: &Request) -> Result<DriverAnswer, StepError> {
        self.prepare().await?;
        let values: Vec<_> = request.values.iter().map(|v| value::bound(v, self.dialect)).collect();
        ask!(self, &request.sql, run(&request.sql, &values))
    }

    async fn change(&mut self, request: &Request) -> Result<Option<u64>, StepError> {
        let count = match self.open(request).await? {
            DriverAnswer::Count(count) => count,
            DriverAnswer::Columns(_) => None,
        };
        self.settle().await?;
        Ok(count)
    }

    /// Commits what is no part of a transaction.
    async fn settle(&mut self) -> Result<(), StepError> {
        if self.in_transaction {
            return Ok(());
        }
        ask!(self, "commit", commit())
    }

    /// Runs a statement with rows; the answer goes out with the columns, the rows behind it.
    async fn rows(&mut self, request: &Request, reply: Reply<Running>) {
        let columns = match self.open(request).await {
            Ok(DriverAnswer::Columns(columns)) => columns,
            Ok(DriverAnswer::Count(count)) => {
                let settled = self.settle().await;
                return drop(reply.send(settled.map(|()| Running::counted(count))));
            }
            Err(error) => return drop(reply.send(Err(error))),
        };
        let (running, mut output) = Running::new(columns);
        if reply.send(Ok(running)).is_err() {
            return;
        }
        let mut end = self.read(&mut output, &request.sql).await;
        if end.is_ok() && self.access == Access::ReadWrite {
            end = self.settle().await;
        }
        output.end(end.map(|()| None)).await;
    }

    async fn read(&mut self, output: &mut Output, sql: &str) -> Result<(), StepError> {
        loop {
            let rows = ask!(self, sql, fetch(FETCHED_ROWS))?;
            let is_end = rows.is_empty();
            for row in rows {
                if output.push(row) && !output.flush().await {
                    // Nobody reads any more; the next statement closes the cursor.
                    return Ok(());
                }
            }
            if is_end {
                output.flush().await;
                return Ok(());
            }
        }
    }

    async fn describe(&mut self, request: &Request) -> Result<Vec<Column>, StepError> {
        let sql = format!("select * from (\n{}\n) nomaflow_described where 1 = 0", request.sql);
        let asked = Request { sql, values: request.values.clone(), has_rows: true };
        match self.open(&asked).await? {
            DriverAnswer::Columns(columns) => Ok(columns),
            DriverAnswer::Count(_) => Err(self.place.definition("the statement returns no rows")),
        }
    }

    async fn insert(&mut self, insert: &Insert) -> Result<u64, StepError> {
        self.prepare().await?;
        let list = insert.columns.iter().map(|c| quote_for(self.dialect, c)).collect::<Vec<_>>().join(", ");
        let places = (1..=insert.columns.len()).map(|n| self.marks.place(n)).collect::<Vec<_>>().join(", ");
        let sql = format!("insert into {} ({list}) values ({places})", insert.table);
        let mut count = 0;
        for rows in insert.rows.chunks(SENT_ROWS) {
            let rows = value::rows(rows, self.dialect);
            count += ask!(self, &sql, run_many(&sql, &rows))?;
        }
        self.settle().await?;
        Ok(count)
    }
}
