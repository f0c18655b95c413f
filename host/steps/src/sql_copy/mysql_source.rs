//! MySQL and MariaDB as a source: one snapshot from first to last row (InnoDB), so that the count taken first is the count
//! that must arrive. A server has no snapshot to share, so several readers take theirs while the table is closed to
//! writers for a moment (`LOCK TABLES … READ`); where that is not allowed, there is one reader.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use host_model::connector::Dialect;
use host_model::job::spec::{SourceTable, SqlCopySpec};
use host_model::port::Access;
use host_model::value::Value;
use host_model::{CancelToken, Json, StepError};
use sqlx::mysql::MySqlRow;
use sqlx::{Either, Row as _};

use super::lanes::{Reader, Shared, read_whole};
use super::plan::{self, Source, SourceColumn, TableColumn};
use super::ranges::{self, Ranges};
use super::row::Sink;
use super::side::{Feed, Origin};
use super::types::SourceType;
use crate::connector::fault::{Place, Trouble};
use crate::connector::mysql::statement::{self, Decoder};
use crate::connector::mysql::{Lease, MySqlServer, Purpose};
use crate::connector::scan::Statement;
use crate::connector::vet::{self, mysql_quote};
use crate::params;

/// Every reader begins so; the connection is read-only already.
const SNAPSHOT: &str = "start transaction with consistent snapshot";

/// A described source with the connections that will read it.
pub(super) struct MySqlSource {
    leader: Lease,
    /// More readers, each over a connection of its own; their snapshots are taken.
    others: Vec<Lease>,
    /// The column whose ranges they share out, quoted.
    key: Option<String>,
    source: Source,
}

/// Looks at the source and takes connections: as many as `parallel` says and are free now, sparing `spare` for others.
/// The text tells people how many readers there will be, where that is not what they asked for.
pub(super) async fn open(
    spec: &SqlCopySpec,
    server: &Arc<MySqlServer>,
    place: &Place,
    longest: Duration,
    spare: usize,
    cancel: &CancelToken,
) -> Result<(MySqlSource, Option<String>), StepError> {
    let mut leader = server.lease(place, Access::Read, Purpose::Copy, Some(longest), cancel).await?;
    let (source, key) = describe(spec, &mut leader).await?;
    let mut others = Vec::new();
    let mut note = None;
    match (&source.table, &key) {
        (Some(table), Some(_)) if spec.parallel > 1 => {
            while others.len() + 1 < spec.parallel as usize {
                let Some(lease) = server.lease_now(place, Some(longest), spare, cancel).await? else { break };
                others.push(lease);
            }
            // One connection holds the lock while the others look.
            let locker = match server.lease_now(place, Some(longest), spare, cancel).await? {
                Some(lease) => Some(lease),
                None => others.pop(),
            };
            let readers = others.len() + 1;
            if readers < spec.parallel as usize {
                note = Some(format!("{readers} of {} readers: the pool has no more connections free", spec.parallel));
            }
            if let Some(locker) = locker
                && readers > 1
                && let Err(error) = look_together(locker, &mut leader, &mut others, &table.path).await
            {
                if cancel.is_canceled() {
                    return Err(error);
                }
                for lease in others.drain(..) {
                    lease.release().await;
                }
                note =
                    Some(format!("one reader: the table could not be locked for a common snapshot: {}", error.message));
            }
        }
        _ if spec.parallel > 1 => {
            let text = "one reader: `parallel` needs an InnoDB table with a primary key that is one whole number";
            note = Some(text.to_owned());
        }
        _ => {}
    }
    Ok((MySqlSource { leader, others, key, source }, note))
}

/// Takes the snapshots of all readers in a moment without writers.
async fn look_together(
    mut locker: Lease,
    leader: &mut Lease,
    others: &mut [Lease],
    path: &str,
) -> Result<(), StepError> {
    let result = async {
        locker.batch("set session lock_wait_timeout = 5").await?;
        locker.batch(&format!("lock tables {path} read")).await?;
        leader.batch(SNAPSHOT).await?;
        for lease in others {
            lease.batch(SNAPSHOT).await?;
        }
        locker.batch("unlock tables").await
    }
    .await;
    locker.release().await;
    result
}

async fn describe(spec: &SqlCopySpec, lease: &mut Lease) -> Result<(Source, Option<String>), StepError> {
    let place = lease.stop.place.clone();
    let table = match &spec.source.table {
        SourceTable::Table { schema, table } => {
            let columns = table_columns(lease, schema.as_deref(), table).await?;
            Some(columns.ok_or_else(|| place.definition(format!("there is no table `{table}` to copy from")))?)
        }
        SourceTable::Query(_) => None,
    };
    let binds = params::binds(&spec.source.params);
    let bind = |rows: &Statement| vet::values(rows, &binds, &place);
    let mut source = plan::statements(spec, Dialect::MySql, table.as_deref(), bind, &place)?;
    let stop = lease.stop.clone();
    let (conn, traits) = (&mut lease.conn, &lease.traits);
    let work = async { Ok(statement::prepare(conn, traits, &stop.place, &source.rows, &source.values).await?.decoder) };
    let decoder = stop.guard(source.rows.keyword(), work).await?;
    let described = decoder.columns.iter().map(|column| {
        let known = table.as_deref().and_then(|t| t.iter().find(|c| c.name == column.name));
        let declared = known.map_or_else(|| column.kind.clone(), |c| c.type_name.clone());
        plan::source_column(&column.name, SourceType::MySql { declared }, table.as_deref())
    });
    source.columns = described.collect();
    let keys: Vec<&TableColumn> = table.iter().flatten().filter(|c| c.key.is_some()).collect();
    let is_innodb = match &spec.source.table {
        SourceTable::Table { schema, table } if spec.parallel > 1 => is_innodb(lease, schema.as_deref(), table).await?,
        _ => false,
    };
    let key = match keys.as_slice() {
        [key] if is_innodb && key.type_name.contains("int") && !key.type_name.starts_with("bigint(20) unsigned") => {
            (key.type_name != "bigint unsigned").then(|| mysql_quote(&key.name))
        }
        _ => None,
    };
    Ok((source, key))
}

fn schema_value(schema: Option<&str>) -> Value {
    schema.map_or(Value::Null, |schema| Value::Text(schema.to_owned()))
}

async fn is_innodb(lease: &mut Lease, schema: Option<&str>, table: &str) -> Result<bool, StepError> {
    let sql = "select count(*) from information_schema.tables \
               where table_schema = coalesce(?, database()) and table_name = ? and engine = 'InnoDB'";
    let found = lease.select(sql, &[schema_value(schema), Value::Text(table.to_owned())]).await?;
    Ok(found.first().is_some_and(|row| row.first() == Some(&Value::Int(1))))
}

/// The columns of a table; `None` when there is no such table.
pub(super) async fn table_columns(
    lease: &mut Lease,
    schema: Option<&str>,
    table: &str,
) -> Result<Option<Vec<TableColumn>>, StepError> {
    const SQL: &str = "select c.column_name, c.column_type, c.is_nullable = 'NO', \
        c.extra like '%GENERATED%' and c.extra not like '%DEFAULT_GENERATED%', \
        (select min(s.seq_in_index) from information_schema.statistics s where s.table_schema = c.table_schema \
          and s.table_name = c.table_name and s.column_name = c.column_name and s.index_name = 'PRIMARY') \
        from information_schema.columns c where c.table_schema = coalesce(?, database()) and c.table_name = ? \
        order by c.ordinal_position";
    let found = lease.select(SQL, &[schema_value(schema), Value::Text(table.to_owned())]).await?;
    let text = |value: &Value| match value {
        Value::Text(text) => text.clone(),
        _ => String::new(),
    };
    let column = |row: Vec<Value>| TableColumn {
        name: text(&row[0]),
        type_name: text(&row[1]),
        is_not_null: row[2] == Value::Int(1),
        key: match row[4] {
            Value::Int(position) => u32::try_from(position).ok(),
            _ => None,
        },
        is_generated: row[3] == Value::Int(1),
    };
    let columns: Vec<TableColumn> = found.into_iter().map(column).collect();
    Ok((!columns.is_empty()).then_some(columns))
}

#[async_trait]
impl Origin for MySqlSource {
    fn columns(&self) -> &[SourceColumn] {
        &self.source.columns
    }

    async fn read(self: Box<Self>, feed: Feed) -> Result<(), StepError> {
        let Self { mut leader, others, key, source } = *self;
        let place = leader.stop.place.clone();
        if others.is_empty() {
            leader.batch(SNAPSHOT).await?;
        }
        if let Some(count) = &source.count {
            let counted = one_row(&mut leader, count, &source.values).await?;
            if let Some(Value::Int(rows)) = counted.first() {
                feed.progress.set_total(u64::try_from(*rows).ok());
            }
        }
        let (Some(key), Some(table), false) = (&key, &source.table, others.is_empty()) else {
            return read_whole(leader, &source, &feed).await;
        };
        let bounds = ranges::bounds(table, key, Dialect::MySql, &place)?;
        let bounds = one_row(&mut leader, &bounds, &source.values).await?;
        let readers: Vec<Lease> = std::iter::once(leader).chain(others).collect();
        let ranges = match bounds.as_slice() {
            [Value::Int(low), Value::Int(high)] => Ranges::over(*low, *high, readers.len()),
            _ => Ranges::none(),
        };
        let (source, feed, dialect) = (&source, &feed, Dialect::MySql);
        Shared { source, table, key, dialect, ranges, feed }.read(readers).await
    }
}

/// The first row of a statement.
async fn one_row(lease: &mut Lease, sql: &Statement, values: &[Value]) -> Result<Vec<Value>, StepError> {
    let stop = lease.stop.clone();
    let (conn, traits) = (&mut lease.conn, &lease.traits);
    let work = async {
        let ready = statement::prepare(conn, traits, &stop.place, sql, values).await?;
        let decoder = ready.decoder.clone();
        let mut first = Vec::new();
        let mut results = ready.run(conn);
        while let Some(result) = results.try_next().await? {
            if let Either::Right(row) = result {
                first = decoder.renewed(row.columns(), traits).row(&row, &stop.place)?;
            }
        }
        Ok(first)
    };
    stop.guard(sql.keyword(), work).await
}

#[async_trait]
impl Reader for Lease {
    fn place(&self) -> Place {
        self.stop.place.clone()
    }

    async fn read_rows(
        &mut self,
        rows: &Statement,
        source: &Source,
        feed: &Feed,
        sink: &mut Sink,
    ) -> Result<bool, StepError> {
        let stop = self.stop.clone();
        let (conn, traits) = (&mut self.conn, &self.traits);
        let work = async {
            let ready = statement::prepare(conn, traits, &stop.place, rows, &source.values).await?;
            let promised = ready.decoder.clone();
            let mut known: Option<Decoder> = None;
            let mut scratch = String::new();
            let mut results = ready.run(conn);
            let has_ended = loop {
                let row = match results.try_next().await? {
                    None => break true,
                    Some(Either::Left(_)) => continue,
                    Some(Either::Right(row)) => row,
                };
                let decoder = known.get_or_insert_with(|| promised.renewed(row.columns(), traits));
                if encode_row(&row, decoder, &stop.place, sink, &mut scratch)?
                    && sink.is_full()
                    && !feed.send(sink).await
                {
                    break false;
                }
            };
            drop(results);
            if !has_ended {
                stop.end_statement().await;
            }
            Ok(has_ended)
        };
        stop.guard(&rows.render(|_| "?".to_owned()), work).await
    }

    async fn give_back(self) {
        self.release().await;
    }
}

/// False when the row was set aside.
fn encode_row(
    row: &MySqlRow,
    decoder: &Decoder,
    place: &Place,
    sink: &mut Sink,
    scratch: &mut String,
) -> Result<bool, Trouble> {
    sink.begin_row();
    for n in 0..decoder.kinds.len() {
        let cell = decoder.cell(row, n, place, scratch)?;
        if !sink.cell(cell) {
            let shown = cell.show();
            sink.refuse(&shown, || as_json(row, decoder, place))?;
            return Ok(false);
        }
    }
    sink.end_row();
    Ok(true)
}

/// The row as it is in the source.
fn as_json(row: &MySqlRow, decoder: &Decoder, place: &Place) -> String {
    let cells = decoder.columns.iter().enumerate().map(|(n, column)| {
        let value = decoder.value(row, n, place).unwrap_or(Value::Null);
        (column.name.clone(), value.to_json())
    });
    Json::Object(cells.collect()).to_string()
}
