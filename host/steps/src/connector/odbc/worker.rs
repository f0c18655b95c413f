//! The thread that owns one connection of ODBC and answers its [`Call`]s in turn. The driver does not commit by itself: a
//! change outside a transaction is committed here, and everything else is rolled back when the connection ends.

use std::sync::Arc;
use std::time::Duration;

use host_model::port::Access;
use host_model::value::{Column, Row, Value};
use host_model::{CancelToken, StepError};
use odbc_api::handles::{ColumnDescription, StatementImpl};
use odbc_api::parameter::InputParameter;
use odbc_api::{Connection, ConnectionOptions, Cursor, Error, Preallocated, ResultSetMetadata};
use tokio::sync::mpsc::Receiver;

use super::current::Current;
use super::fault;
use super::value::{self, Class};
use crate::connector::fault::{Place, canceled};
use crate::connector::remote::thread::Ready;
use crate::connector::remote::{Call, Control, Insert, Output, Reply, Request, Running};
use crate::connector::vet::quote;

/// What a worker needs.
#[derive(Clone)]
pub(super) struct Job {
    /// The connection string, credentials and all.
    pub(super) source: String,
    pub(super) wait: Duration,
    pub(super) place: Place,
    pub(super) access: Access,
    pub(super) limit: Option<Duration>,
    pub(super) cancel: CancelToken,
}

struct Worker<'a> {
    connection: Connection<'static>,
    job: &'a Job,
    current: Arc<Current>,
    in_transaction: bool,
    is_broken: bool,
}

/// Why rows ended before their end.
enum Stop {
    Odbc(Error),
    Step(StepError),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Odbc(error)
    }
}

/// Connects and answers calls until nobody can make any or the connection breaks.
pub(super) fn serve(job: &Job, mut inbox: Receiver<Call>, ready: Ready<Arc<Current>>) {
    let options = ConnectionOptions { login_timeout_sec: u32::try_from(job.wait.as_secs()).ok(), packet_size: None };
    let connected = odbc_api::environment()
        .and_then(|environment| environment.connect_with_connection_string(&job.source, options))
        .and_then(|connection| connection.set_autocommit(false).map(|()| connection));
    let connection = match connected {
        Ok(connection) => connection,
        // Nobody listens only when the step has given up waiting.
        Err(error) => return drop(ready.send(Err(fault::connecting(&job.place, &error)))),
    };
    let current = Arc::<Current>::default();
    let mut worker = Worker { connection, job, current: Arc::clone(&current), in_transaction: false, is_broken: false };
    if ready.send(Ok(current)).is_err() {
        return;
    }
    while !worker.is_broken {
        let Some(call) = inbox.blocking_recv() else { break };
        worker.answer(call);
    }
    // A connection that is closed with a transaction open is an error to ODBC.
    let _ = worker.connection.rollback();
}

impl Worker<'_> {
    fn answer(&mut self, call: Call) {
        // Nobody waits for a reply only when the step was dropped.
        match call {
            Call::Run(request, reply) if request.has_rows => self.rows(&request, reply),
            Call::Run(request, reply) => drop(reply.send(self.change(&request).map(Running::counted))),
            Call::Describe(request, reply) => drop(reply.send(self.describe(&request))),
            Call::Insert(insert, reply) => drop(reply.send(self.insert(&insert))),
            Call::Control(control, reply) => drop(reply.send(self.control(control))),
        }
    }

    fn fail(&mut self, error: &Error, sql: &str) -> StepError {
        self.is_broken |= fault::is_broken(error);
        if self.job.cancel.is_canceled() {
            return canceled(&self.job.cancel);
        }
        fault::running(&self.job.place, error, self.job.limit, sql)
    }

    fn check(&self) -> Result<(), StepError> {
        if self.job.cancel.is_canceled() { Err(canceled(&self.job.cancel)) } else { Ok(()) }
    }

    /// A statement that ends with the limit of its step.
    fn allocate(&self) -> Result<Preallocated<StatementImpl<'_>>, Error> {
        let mut statement = self.connection.preallocate()?;
        if let Some(seconds) = self.job.limit.and_then(|limit| usize::try_from(limit.as_secs()).ok()) {
            statement.set_query_timeout_sec(seconds)?;
        }
        Ok(statement)
    }

    fn control(&mut self, control: Control) -> Result<(), StepError> {
        self.check()?;
        let done = match control {
            // A transaction begins with its first statement.
            Control::Begin => Ok(()),
            Control::Commit if self.job.access == Access::ReadWrite => self.connection.commit(),
            Control::Commit | Control::Rollback => self.connection.rollback(),
        };
        done.map_err(|e| self.fail(&e, ""))?;
        self.in_transaction = control == Control::Begin;
        Ok(())
    }

    /// Commits what is no part of a transaction.
    fn settle(&mut self) -> Result<(), StepError> {
        if self.in_transaction {
            return Ok(());
        }
        let done =
            if self.job.access == Access::ReadWrite { self.connection.commit() } else { self.connection.rollback() };
        done.map_err(|e| self.fail(&e, "commit"))
    }

    fn change(&mut self, request: &Request) -> Result<Option<u64>, StepError> {
        self.check()?;
        let params = bound(&request.values);
        let run = || {
            let mut statement = self.current.begin(self.allocate()?);
            statement.get().execute(&request.sql, params.as_slice())?;
            statement.get().row_count()
        };
        let count = run().map_err(|e| self.fail(&e, &request.sql))?;
        self.settle()?;
        Ok(count.map(|count| count as u64))
    }

    /// Runs a SELECT; the answer goes out with the columns, the rows behind it.
    fn rows(&mut self, request: &Request, reply: Reply<Running>) {
        if let Err(error) = self.check() {
            return drop(reply.send(Err(error)));
        }
        let (mut reply, mut output) = (Some(reply), None);
        let done = self.read(request, &mut reply, &mut output);
        let mut end = match done {
            Ok(()) => Ok(None),
            Err(Stop::Step(error)) => Err(error),
            Err(Stop::Odbc(error)) => Err(self.fail(&error, &request.sql)),
        };
        if let Err(error) = self.settle() {
            end = end.and(Err(error));
        }
        match (reply, output) {
            (Some(reply), _) => drop(reply.send(end.map(Running::counted))),
            (None, Some(output)) => Output::end_blocking(output, end),
            (None, None) => {}
        }
    }

    fn read(
        &self,
        request: &Request,
        reply: &mut Option<Reply<Running>>,
        slot: &mut Option<Output>,
    ) -> Result<(), Stop> {
        let params = bound(&request.values);
        let mut statement = self.current.begin(self.allocate()?);
        let Some(mut cursor) = statement.get().execute(&request.sql, params.as_slice())? else { return Ok(()) };
        let (columns, classes): (Vec<Column>, Vec<Class>) = described(&mut cursor)?.into_iter().unzip();
        let (running, output) = Running::new(columns);
        let output = slot.insert(output);
        if reply.take().is_some_and(|reply| reply.send(Ok(running)).is_err()) {
            return Ok(());
        }
        while let Some(mut row) = cursor.next_row()? {
            self.check().map_err(Stop::Step)?;
            let cells = (1..).zip(&classes).map(|(n, class)| value::cell(&mut row, n, *class));
            let cells: Row = cells.collect::<Result<_, Error>>()?;
            if output.push(cells) && !output.flush_blocking() {
                // Nobody reads any more; dropping the cursor is all it takes.
                return Ok(());
            }
        }
        output.flush_blocking();
        Ok(())
    }

    fn describe(&mut self, request: &Request) -> Result<Vec<Column>, StepError> {
        self.check()?;
        let sql = format!("select * from (\n{}\n) nomaflow_described where 1 = 0", request.sql);
        let params = bound(&request.values);
        let run = || {
            let mut statement = self.current.begin(self.allocate()?);
            let opened = statement.get().execute(&sql, params.as_slice())?;
            opened.map_or_else(|| Ok(Vec::new()), |mut cursor| described(&mut cursor))
        };
        let found = run().map_err(|e| self.fail(&e, &request.sql))?;
        self.settle_quietly();
        Ok(found.into_iter().map(|(column, _)| column).collect())
    }

    /// Ends the transaction that a statement of no consequence has begun.
    fn settle_quietly(&mut self) {
        if !self.in_transaction {
            let _ = self.connection.rollback();
        }
    }

    fn insert(&mut self, insert: &Insert) -> Result<u64, StepError> {
        self.check()?;
        let list = insert.columns.iter().map(|c| quote(c)).collect::<Vec<_>>().join(", ");
        let places = vec!["?"; insert.columns.len()].join(", ");
        let sql = format!("insert into {} ({list}) values ({places})", insert.table);
        let run = || {
            let mut statement = self.current.begin(self.connection.prepare(&sql)?);
            for row in &insert.rows {
                if self.job.cancel.is_canceled() {
                    break;
                }
                statement.get().execute(bound(row).as_slice())?;
            }
            Ok(())
        };
        run().map_err(|e: Error| self.fail(&e, &sql))?;
        self.check()?;
        self.settle()?;
        Ok(insert.rows.len() as u64)
    }
}

fn bound(values: &[Value]) -> Vec<Box<dyn InputParameter>> {
    values.iter().map(value::bound).collect()
}

fn described(cursor: &mut impl ResultSetMetadata) -> Result<Vec<(Column, Class)>, Error> {
    let count = u16::try_from(cursor.num_result_cols()?).unwrap_or(u16::MAX);
    let mut columns = Vec::with_capacity(usize::from(count));
    let mut found = ColumnDescription::default();
    for n in 1..=count {
        cursor.describe_col(n, &mut found)?;
        let name = found.name_to_string().unwrap_or_default();
        columns.push(value::column(name, found.data_type, found.could_be_nullable()));
    }
    Ok(columns)
}
