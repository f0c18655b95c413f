//! PostgreSQL as a source: one snapshot from first to last row, shared by all readers of a copy, so that the count taken
//! first is the count that must arrive. Rows whose types the target shares pass as the server sends them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use host_model::connector::Dialect;
use host_model::job::spec::{SourceTable, SqlCopySpec};
use host_model::port::Access;
use host_model::value::Value;
use host_model::{CancelToken, Json, StepError};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row as _, ValueRef as _};

use super::lanes::{Reader, Shared, read_whole};
use super::plan::{self, Source, SourceColumn, TableColumn, quoted_table};
use super::ranges::{self, Ranges};
use super::row::Sink;
use super::side::{Feed, Origin};
use super::types::SourceType;
use crate::connector::cell::Cell;
use crate::connector::fault::Place;
use crate::connector::postgres::copy_out::{self, Rows};
use crate::connector::postgres::kind::{self, Kind};
use crate::connector::postgres::statement::{self, Decoder, Ready};
use crate::connector::postgres::{Lease, PgServer, Stop, Trouble};
use crate::connector::scan::Statement;
use crate::connector::vet::{self, quote};
use crate::params;

/// Every reader begins so.
const BEGIN: &str = "begin isolation level repeatable read read only";

/// A described source with the connections that will read it.
pub(super) struct PostgresSource {
    leader: Lease,
    /// More readers, each over a connection of its own.
    others: Vec<Lease>,
    /// The column whose ranges they share out, quoted.
    key: Option<String>,
    source: Source,
}

/// Looks at the source and takes connections: as many as `parallel` says and are free now, sparing `spare` for others.
/// The text tells people how many readers there will be, where that is not what they asked for.
pub(super) async fn open(
    spec: &SqlCopySpec,
    server: &Arc<PgServer>,
    place: &Place,
    longest: Duration,
    spare: usize,
    cancel: &CancelToken,
) -> Result<(PostgresSource, Option<String>), StepError> {
    let mut leader = server.lease(place, Access::Read, Some(longest), cancel).await?;
    let (source, key) = describe(spec, &mut leader).await?;
    let mut others = Vec::new();
    let mut note = None;
    if spec.parallel > 1 && key.is_none() {
        note = Some("one reader: `parallel` needs a table with a primary key that is one whole number".to_owned());
    } else if spec.parallel > 1 {
        while others.len() + 1 < spec.parallel as usize {
            let Some(lease) = server.lease_now(place, Some(longest), spare, cancel).await? else { break };
            others.push(lease);
        }
        let readers = others.len() + 1;
        if readers < spec.parallel as usize {
            note = Some(format!("{readers} of {} readers: the pool has no more connections free", spec.parallel));
        }
    }
    Ok((PostgresSource { leader, others, key, source }, note))
}

async fn describe(spec: &SqlCopySpec, lease: &mut Lease) -> Result<(Source, Option<String>), StepError> {
    let place = lease.stop.place.clone();
    let table = match &spec.source.table {
        SourceTable::Table { schema, table } => {
            let path = quoted_table(schema.as_deref(), table);
            let columns = table_columns(lease, &path).await?;
            Some(columns.ok_or_else(|| place.definition(format!("there is no table `{table}` to copy from")))?)
        }
        SourceTable::Query(_) => None,
    };
    let binds = params::binds(&spec.source.params);
    let bind = |rows: &Statement| vet::values(rows, &binds, &place);
    let mut source = plan::statements(spec, Dialect::Postgres, table.as_deref(), bind, &place)?;
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    let work = async {
        let Ready { decoder, .. } = statement::prepare(conn, &stop, &source.rows, &source.values).await?;
        Ok(decoder)
    };
    let decoder = stop.guard(source.rows.keyword(), work).await?;
    let described = decoder.columns.iter().zip(&decoder.kinds);
    let columns = described.map(|(column, kind)| {
        let formatted =
            table.as_deref().and_then(|t| t.iter().find(|c| c.name == column.name)).map(|c| c.type_name.clone());
        let formatted = formatted.unwrap_or_else(|| without_length(&column.kind).to_owned());
        plan::source_column(&column.name, SourceType::Postgres { kind: *kind, formatted }, table.as_deref())
    });
    source.columns = columns.collect();
    let keys: Vec<&TableColumn> = table.iter().flatten().filter(|c| c.key.is_some()).collect();
    let key = match keys.as_slice() {
        [key] if matches!(key.type_name.as_str(), "smallint" | "integer" | "bigint") => Some(quote(&key.name)),
        _ => None,
    };
    Ok((source, key))
}

/// A type of a query's result, whose length the driver does not tell, as a new table may have it: `char` and `bit` alone
/// would be of one letter and of one bit.
fn without_length(kind: &str) -> &str {
    match kind {
        "char" => "bpchar",
        "char[]" => "bpchar[]",
        "bit" => "varbit",
        "bit[]" => "varbit[]",
        other => other,
    }
}

/// The columns of a table (`path` is quoted); `None` when there is no such relation.
pub(super) async fn table_columns(lease: &mut Lease, path: &str) -> Result<Option<Vec<TableColumn>>, StepError> {
    const SQL: &str = "select a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated <> '', \
         array_position(i.indkey::int2[], a.attnum)::int4 \
         from pg_attribute a left join pg_index i on i.indrelid = a.attrelid and i.indisprimary \
         where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped order by a.attnum";
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    let work = async {
        let rows: Vec<(String, String, bool, bool, Option<i32>)> =
            sqlx::query_as(SQL).bind(path).fetch_all(conn).await?;
        let columns = rows.into_iter().map(|(name, type_name, is_not_null, is_generated, position)| TableColumn {
            name,
            type_name,
            is_not_null,
            // An int2vector counts from 0.
            key: position.and_then(|p| u32::try_from(p).ok()).map(|p| p + 1),
            is_generated,
        });
        Ok(columns.collect::<Vec<_>>())
    };
    let columns = stop.guard(SQL, work).await?;
    Ok((!columns.is_empty()).then_some(columns))
}

#[async_trait]
impl Origin for PostgresSource {
    fn columns(&self) -> &[SourceColumn] {
        &self.source.columns
    }

    async fn read(self: Box<Self>, feed: Feed) -> Result<(), StepError> {
        let Self { mut leader, mut others, key, source } = *self;
        leader.batch(BEGIN).await?;
        let stop = leader.stop.clone();
        if let Some(count) = &source.count {
            let conn = &mut leader.conn;
            let work = async { one::<i64>(conn, &stop, count, &source.values).await };
            feed.progress.set_total(u64::try_from(stop.guard("select count(*)", work).await?).ok());
        }
        let (Some(key), Some(table), false) = (&key, &source.table, others.is_empty()) else {
            return read_whole(leader, &source, &feed).await;
        };
        let bounds = ranges::bounds(table, key, Dialect::Postgres, &stop.place)?;
        let conn = &mut leader.conn;
        let work = async {
            let bounds = one_pair(conn, &stop, &bounds, &source.values).await?;
            let snapshot: String = sqlx::query_scalar("select pg_export_snapshot()").fetch_one(conn).await?;
            Ok((bounds, snapshot))
        };
        let (bounds, snapshot) = stop.guard("select pg_export_snapshot()", work).await?;
        for lease in &mut others {
            lease.batch(BEGIN).await?;
            lease.batch(&format!("set transaction snapshot '{snapshot}'")).await?;
        }
        let readers: Vec<Lease> = std::iter::once(leader).chain(others).collect();
        let ranges = bounds.map_or_else(Ranges::none, |(low, high)| Ranges::over(low, high, readers.len()));
        let (source, feed, dialect) = (&source, &feed, Dialect::Postgres);
        Shared { source, table, key, dialect, ranges, feed }.read(readers).await
    }
}

async fn one<T>(conn: &mut PgConnection, stop: &Stop, sql: &Statement, values: &[Value]) -> Result<T, Trouble>
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
{
    let ready = statement::prepare(conn, stop, sql, values).await?;
    Ok(sqlx::query_with(AssertSqlSafe(ready.sql), ready.args).fetch_one(conn).await?.try_get(0)?)
}

async fn one_pair(
    conn: &mut PgConnection,
    stop: &Stop,
    sql: &Statement,
    values: &[Value],
) -> Result<Option<(i64, i64)>, Trouble> {
    let ready = statement::prepare(conn, stop, sql, values).await?;
    let row = sqlx::query_with(AssertSqlSafe(ready.sql), ready.args).fetch_one(conn).await?;
    Ok(row.try_get::<Option<i64>, _>(0)?.zip(row.try_get::<Option<i64>, _>(1)?))
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
        let conn = &mut self.conn;
        let sql = rows.render(|n| format!("${}", n + 1));
        let work = async {
            let Ready { sql, args, decoder } = statement::prepare(conn, &stop, rows, &source.values).await?;
            // COPY takes queries without parameters, and no SHOW or EXPLAIN.
            let can_copy = source.values.is_empty() && matches!(rows.keyword(), "select" | "with" | "values" | "table");
            let has_ended = if can_copy {
                copy_rows(conn, &sql, &decoder, feed, sink).await?
            } else {
                let mut rows = sqlx::query_with(AssertSqlSafe(sql), args).fetch(conn);
                loop {
                    let Some(row) = rows.try_next().await? else { break true };
                    let wires = || (0..decoder.kinds.len()).map(|n| wire(&row, n));
                    encode_row(wires, &decoder, sink)?;
                    if sink.is_full() && !feed.send(sink).await {
                        break false;
                    }
                }
            };
            if !has_ended {
                // The rest of the rows is still on its way: this connection cannot be used again.
                stop.break_connection();
            }
            Ok(has_ended)
        };
        stop.guard(&sql, work).await
    }

    async fn give_back(self) {
        self.release().await;
    }
}

/// Reads by COPY, which costs server and client less than rows of a statement do. Rows that the target takes as they are
/// pass without a look at their cells. False when the writer has gone.
async fn copy_rows(
    conn: &mut PgConnection,
    sql: &str,
    decoder: &Decoder,
    feed: &Feed,
    sink: &mut Sink,
) -> Result<bool, Trouble> {
    let passes = !decoder.kinds.contains(&Kind::Other) && sink.takes_raw_rows(&decoder.kinds);
    let mut stream = conn.copy_out_raw(&format!("copy ({sql}\n) to stdout (format binary)")).await?;
    let mut rows = Rows::default();
    while let Some(bytes) = stream.try_next().await? {
        rows.push(&bytes)?;
        while let Some(row) = rows.next_row() {
            if passes {
                sink.raw_row(row);
            } else {
                encode_row(|| copy_out::cells(row).map(Ok), decoder, sink)?;
            }
            if sink.is_full() && !feed.send(sink).await {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// What the server sent for a cell; `None` is NULL.
type Wire<'r> = Result<Option<&'r [u8]>, sqlx::Error>;

fn wire(row: &PgRow, n: usize) -> Wire<'_> {
    let raw = row.try_get_raw(n)?;
    if raw.is_null() { Ok(None) } else { raw.as_bytes().map(Some).map_err(sqlx::Error::Decode) }
}

/// Gives the sink a row, or has it set aside.
fn encode_row<'r, I>(wires: impl Fn() -> I, decoder: &Decoder, sink: &mut Sink) -> Result<(), Trouble>
where
    I: Iterator<Item = Wire<'r>>,
{
    sink.begin_row();
    for ((column, kind), wire) in decoder.columns.iter().zip(&decoder.kinds).zip(wires()) {
        let wire = wire?;
        if !sink.wire_cell(*kind, &column.kind, wire) {
            let value = wire.and_then(|bytes| kind::read(*kind, &column.kind, bytes));
            let shown = value.as_ref().map_or_else(String::new, |v| Cell::from(v).show());
            return Ok(sink.refuse(&shown, || as_json(wires(), decoder))?);
        }
    }
    sink.end_row();
    Ok(())
}

/// The row as it is in the source.
fn as_json<'r>(wires: impl Iterator<Item = Wire<'r>>, decoder: &Decoder) -> String {
    let cells = decoder.columns.iter().zip(&decoder.kinds).zip(wires).map(|((column, kind), wire)| {
        let value = wire.ok().flatten().and_then(|bytes| kind::read(*kind, &column.kind, bytes));
        (column.name.clone(), value.map_or(Json::Null, |value| value.to_json()))
    });
    Json::Object(cells.collect()).to_string()
}
