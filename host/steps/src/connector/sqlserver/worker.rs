//! The task that owns one connection to SQL Server and answers its [`Call`]s in turn.
//!
//! Whatever ends a statement early (a cancel, its time limit, a reader that has gone) is told to the server by an
//! attention signal; only a server that acknowledged it gets another statement.

use std::fmt::Write as _;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use host_model::port::Access;
use host_model::value::{Column, Row, Value};
use host_model::{CancelToken, StepError};
use tiberius::{Client, ColumnData, QueryItem, ToSql};
use tokio::net::TcpStream;
use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;
use tokio_util::compat::Compat;

use super::stop::{Deadline, Stop, drain, flush, stoppable, unwanted};
use super::{fault, value};
use crate::connector::fault::{Place, canceled};
use crate::connector::remote::{Call, Control, Insert, Output, Reply, Request, Running};
use crate::connector::vet::quote;

pub(super) type Connection = Client<Compat<TcpStream>>;

/// How long the server may take to acknowledge that a statement is over.
const STOP_WITHIN: Duration = Duration::from_millis(700);
/// Parameters of one statement; the server takes 2100, and the statement itself and the list of types are two.
const MOST_PARAMETERS: usize = 2_000;
/// Rows of one `VALUES`, by the server's own rule.
const MOST_ROWS: usize = 1_000;

pub(super) struct Worker {
    client: Connection,
    place: Place,
    access: Access,
    limit: Option<Duration>,
    cancel: CancelToken,
    in_transaction: bool,
    is_broken: bool,
}

impl Worker {
    pub(super) fn new(
        client: Connection,
        place: Place,
        access: Access,
        limit: Option<Duration>,
        cancel: CancelToken,
    ) -> Self {
        Self { client, place, access, limit, cancel, in_transaction: false, is_broken: false }
    }

    /// Answers calls until nobody can make any, the step is canceled or the connection breaks.
    pub(super) async fn serve(mut self, mut inbox: Receiver<Call>) {
        while !self.is_broken {
            let call = tokio::select! {
                call = inbox.recv() => call,
                () = self.cancel.canceled() => None,
            };
            let Some(call) = call else { break };
            self.answer(call).await;
        }
        // The server rolls back what is open when the connection ends.
        drop(self.client);
    }

    async fn answer(&mut self, call: Call) {
        // Nobody waits for a reply only when the step was dropped.
        match call {
            Call::Run(request, reply) if request.has_rows && !makes_temporary(&request.sql) => {
                self.rows(request, reply).await
            }
            Call::Run(request, mut reply) => {
                let counted = self.count(&request, &mut reply).await;
                let _ = reply.send(counted.map(|n| Running::counted(Some(n))));
            }
            Call::Describe(request, reply) => drop(reply.send(self.describe(&request).await)),
            Call::Insert(insert, mut reply) => {
                let inserted = self.insert(&insert, &mut reply).await;
                let _ = reply.send(inserted);
            }
            Call::Control(control, reply) => drop(reply.send(self.control(control).await)),
        }
    }

    /// A reading step reads inside a transaction that is never committed.
    async fn prepare(&mut self) -> Result<(), StepError> {
        if self.access == Access::Read && !self.in_transaction {
            self.control(Control::Begin).await?;
        }
        Ok(())
    }

    async fn control(&mut self, control: Control) -> Result<(), StepError> {
        let deadline = self.deadline();
        let (client, reads) = (&mut self.client, self.access == Access::Read);
        let work = async {
            match control {
                Control::Begin if self.in_transaction => Ok(()),
                Control::Begin => client.begin_transaction().await,
                _ if !self.in_transaction => Ok(()),
                Control::Commit if !reads => client.commit_transaction().await,
                Control::Commit | Control::Rollback => client.rollback_transaction().await,
            }
        };
        let done = stoppable(work, deadline, &self.cancel, std::future::pending()).await;
        self.settle(done, "").await?;
        self.in_transaction = control == Control::Begin;
        Ok(())
    }

    fn deadline(&self) -> Option<Deadline> {
        self.limit.map(|limit| Deadline { until: Instant::now() + limit, limit })
    }

    async fn count<T>(&mut self, request: &Request, reply: &mut Reply<T>) -> Result<u64, StepError> {
        self.prepare().await?;
        self.change(&request.sql, &request.values, reply).await
    }

    async fn change<T>(&mut self, sql: &str, values: &[Value], reply: &mut Reply<T>) -> Result<u64, StepError> {
        let deadline = self.deadline();
        let cells: Vec<ColumnData<'_>> = values.iter().map(value::bound).collect();
        let params: Vec<&dyn ToSql> = cells.iter().map(|c| c as &dyn ToSql).collect();
        let client = &mut self.client;
        let is_lasting = values.is_empty() && makes_temporary(sql);
        let work = async move {
            if !is_lasting {
                return client.execute(sql, &params).await.map(|done| done.total());
            }
            // What `sp_executesql` makes for the session ends with its own call; a batch has the life of the session.
            let mut results = client.simple_query(sql).await?;
            while results.try_next().await?.is_some() {}
            Ok(0)
        };
        let done = stoppable(work, deadline, &self.cancel, reply.closed()).await;
        self.settle(done, sql).await
    }

    /// Runs a statement with rows; the answer goes out with the columns, the rows behind it.
    async fn rows(&mut self, request: Request, reply: Reply<Running>) {
        if let Err(error) = self.prepare().await {
            return drop(reply.send(Err(error)));
        }
        let mut reply = Some(reply);
        let mut output = None;
        let done = self.read(&request, &mut reply, &mut output).await;
        let done = self.settle(done, &request.sql).await;
        let end = match (&done, returns_changes(&request.sql)) {
            (Ok(rows), true) => Ok(Some(*rows)),
            (Ok(_), false) => Ok(None),
            (Err(error), _) => Err(error.clone()),
        };
        match (reply, output) {
            (Some(reply), _) => drop(reply.send(end.map(Running::counted))),
            (None, Some(output)) => Output::end(output, end).await,
            (None, None) => {}
        }
    }

    /// Reads the first result to its end; rows of further ones have other columns and are only waited for.
    async fn read(
        &mut self,
        request: &Request,
        reply: &mut Option<Reply<Running>>,
        slot: &mut Option<Output>,
    ) -> Result<u64, Stop> {
        let cells: Vec<ColumnData<'_>> = request.values.iter().map(value::bound).collect();
        let params: Vec<&dyn ToSql> = cells.iter().map(|c| c as &dyn ToSql).collect();
        let (deadline, cancel) = (self.deadline(), self.cancel.clone());
        let query = self.client.query(&request.sql, &params);
        let mut results = stoppable(query, deadline, &cancel, unwanted(reply)).await?;
        let mut columns: Vec<Column> = Vec::new();
        let mut rows = 0;
        loop {
            let next = results.try_next();
            let item = match slot.as_ref() {
                Some(output) => stoppable(next, deadline, &cancel, output.abandoned()).await,
                None => stoppable(next, deadline, &cancel, unwanted(reply)).await,
            };
            if matches!(item, Err(Stop::Abandoned)) {
                return drain(results, rows).await;
            }
            match (item?, slot.as_mut()) {
                (Some(QueryItem::Metadata(found)), None) => {
                    columns = found.columns().iter().map(value::column).collect();
                    let (running, output) = Running::new(columns.clone());
                    *slot = Some(output);
                    if reply.take().is_some_and(|reply| reply.send(Ok(running)).is_err()) {
                        return Err(Stop::Abandoned);
                    }
                }
                (Some(QueryItem::Row(row)), Some(output)) if row.result_index() == 0 => {
                    rows += 1;
                    let cells = row.into_iter().zip(&columns).map(|(cell, column)| value::value(cell, column));
                    let cells: Row = cells.collect::<Result<_, _>>().map_err(Stop::Cell)?;
                    if output.push(cells) && !flush(output, &cancel).await? {
                        return drain(results, rows).await;
                    }
                }
                (Some(_), _) => {}
                (None, Some(output)) => {
                    flush(output, &cancel).await?;
                    return Ok(rows);
                }
                (None, None) => return Ok(rows),
            }
        }
    }

    /// After a statement: what its end means for the step, and for the connection.
    async fn settle<T>(&mut self, done: Result<T, Stop>, sql: &str) -> Result<T, StepError> {
        let stop = match done {
            Ok(done) => return Ok(done),
            Err(stop) => stop,
        };
        match &stop {
            Stop::Error(tiberius::error::Error::Server(_)) => {}
            Stop::Error(_) => self.is_broken = true,
            Stop::Cell(_) | Stop::Canceled | Stop::TooLong(_) | Stop::Abandoned => {
                let told = tokio::time::timeout(STOP_WITHIN, self.client.cancel_query()).await;
                self.is_broken = !matches!(told, Ok(Ok(())));
            }
        }
        Err(match stop {
            _ if self.cancel.is_canceled() => canceled(&self.cancel),
            Stop::Error(error) => fault::running(&self.place, &error, sql),
            Stop::Cell(error) => self.place.definition(error),
            Stop::TooLong(limit) => self.place.too_long(limit, sql),
            Stop::Canceled | Stop::Abandoned => canceled(&self.cancel),
        })
    }

    /// The columns of a statement with the full names of their types, which the driver does not keep.
    async fn describe(&mut self, request: &Request) -> Result<Vec<Column>, StepError> {
        self.prepare().await?;
        let params: Vec<String> =
            request.values.iter().enumerate().map(|(n, v)| format!("@P{} {}", n + 1, value::type_name(v))).collect();
        let sql = "select name, system_type_name, is_nullable, error_message, error_number \
                   from sys.dm_exec_describe_first_result_set(@P1, @P2, 0) order by column_ordinal";
        let asked = Request {
            sql: sql.to_owned(),
            values: vec![Value::Text(request.sql.clone()), Value::Text(params.join(", "))],
            has_rows: true,
        };
        let mut found = Vec::new();
        for row in self.small_result(&asked).await? {
            match row.as_slice() {
                [_, _, _, Value::Text(why), number] => {
                    let error = self.place.definition(why);
                    let Value::Int(number) = number else { return Err(error) };
                    return Err(error.with_detail(format!("error {number}, told by a description")));
                }
                [Value::Text(name), kind, nullable, ..] => found.push(Column {
                    name: name.clone(),
                    // A type made with the CLR has no name among the system's.
                    kind: if let Value::Text(kind) = kind { kind.clone() } else { "udt".to_owned() },
                    nullable: *nullable != Value::Bool(false),
                }),
                _ => return Err(self.place.definition("a column of the source has no name")),
            }
        }
        Ok(found)
    }

    async fn small_result(&mut self, request: &Request) -> Result<Vec<Row>, StepError> {
        let cells: Vec<ColumnData<'_>> = request.values.iter().map(value::bound).collect();
        let params: Vec<&dyn ToSql> = cells.iter().map(|c| c as &dyn ToSql).collect();
        let deadline = self.deadline();
        let client = &mut self.client;
        let work = async {
            let mut results = client.query(&request.sql, &params).await?;
            let (mut columns, mut rows) = (Vec::new(), Vec::new());
            while let Some(item) = results.try_next().await? {
                match item {
                    QueryItem::Metadata(found) => columns = found.columns().iter().map(value::column).collect(),
                    QueryItem::Row(row) => rows.push((row, columns.clone())),
                }
            }
            Ok(rows)
        };
        let done = stoppable(work, deadline, &self.cancel, std::future::pending()).await;
        let rows = self.settle(done, &request.sql).await?;
        let decode = |(row, columns): (tiberius::Row, Vec<Column>)| -> Result<Row, value::CellError> {
            row.into_iter().zip(&columns).map(|(cell, column)| value::value(cell, column)).collect()
        };
        rows.into_iter().map(decode).collect::<Result<_, _>>().map_err(|e| self.place.definition(e))
    }

    async fn insert<T>(&mut self, insert: &Insert, reply: &mut Reply<T>) -> Result<u64, StepError> {
        let names = insert.columns.iter().map(|c| quote(c)).collect::<Vec<_>>().join(", ");
        let rows = (MOST_PARAMETERS / insert.columns.len().max(1)).clamp(1, MOST_ROWS);
        let mut count = 0;
        for chunk in insert.rows.chunks(rows) {
            let mut sql = format!("insert into {} ({names}) values ", insert.table);
            let mut values = Vec::new();
            for (n, row) in chunk.iter().enumerate() {
                sql.push_str(if n == 0 { "(" } else { ", (" });
                for (c, cell) in row.iter().enumerate() {
                    sql.push_str(if c == 0 { "" } else { ", " });
                    if *cell == Value::Null {
                        sql.push_str("NULL");
                    } else {
                        values.push(cell.clone());
                        // Writing to a String cannot fail.
                        let _ = write!(sql, "@P{}", values.len());
                    }
                }
                sql.push(')');
            }
            count += self.change(&sql, &values, reply).await?;
        }
        Ok(count)
    }
}

/// `create table #t`, `select … into #t`.
fn makes_temporary(sql: &str) -> bool {
    let text = sql.to_ascii_lowercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .windows(2)
        .any(|pair| matches!(pair[0], "table" | "into") && pair[1].trim_start_matches(['"', '[']).starts_with('#'))
        && !text.starts_with("insert")
}

/// A change with an `output` clause returns as many rows as it changed.
fn returns_changes(sql: &str) -> bool {
    let word = sql.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    matches!(word.as_str(), "insert" | "update" | "delete" | "merge")
}
