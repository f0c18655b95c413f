//! Reading a source into encoded chunks. One snapshot from first to last row, so that the count taken before is the
//! count that must arrive.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use host_model::port::Access;
use host_model::{CancelToken, StepError, StepErrorKind};
use sqlx::{AssertSqlSafe, Row as _, ValueRef as _};
use tokio::sync::mpsc::Sender;

use super::plan::Source;
use super::progress::Progress;
use super::row::{Message, Sink, sqlite_cell};
use crate::connector::fault::Place;
use crate::connector::postgres::{Lease, Trouble, kind, statement};
use crate::connector::sqlite::{SqliteFile, Use};

/// A value that the target's column cannot hold, found while encoding.
fn misfit(place: &Place, row: u64, column: &str, shown: &str, target: Option<(&str, &str)>) -> StepError {
    let into =
        target.map_or_else(String::new, |(name, kind)| format!(" the target's column `{name}` of type `{kind}`"));
    let mut error = StepError::new(
        StepErrorKind::Failed,
        format!("connector `{}`: row {row}, column `{column}`: `{shown}` does not fit{into}", place.connector),
    );
    error.may_retry = false;
    error
}

/// Reads a SQLite source. Ends early without an error when the writer has gone: its error is the one that counts.
pub(super) async fn read_sqlite(
    file: &Arc<SqliteFile>,
    place: &Place,
    source: Source,
    mut sink: Sink,
    progress: Arc<Progress>,
    out: Sender<Message>,
    cancel: &CancelToken,
) -> Result<(), StepError> {
    file.work(place, Use::Step(Access::Read), cancel, move |link| {
        link.batch("BEGIN")?;
        if let Some(count) = &source.count {
            let mut prepared = link.prepare(count, &source.values)?;
            let mut rows = prepared.raw_query();
            let counted = rows.next().and_then(|row| row.map(|r| r.get::<_, i64>(0)).transpose());
            let counted = counted.map_err(|e| link.fail(&e, "select count(*)"))?;
            progress.set_total(counted.map(i64::unsigned_abs));
        }
        let sql = source.rows.render(|n| format!("?{}", n + 1));
        let mut prepared = link.prepare(&source.rows, &source.values)?;
        let mut rows = prepared.raw_query();
        let mut number = 0;
        while let Some(row) = rows.next().map_err(|e| link.fail(&e, &sql))? {
            number += 1;
            sink.begin_row();
            for (n, column) in source.columns.iter().enumerate() {
                let cell = row.get_ref(n).map_err(|e| link.fail(&e, &sql))?;
                if !sink.sqlite_cell(cell) {
                    let shown = sqlite_cell(cell).map_or_else(|| "text that is not UTF-8".to_owned(), |c| c.show());
                    return Err(misfit(link.place(), number, &column.name, &shown, sink.target_type(n)));
                }
            }
            sink.end_row();
            if sink.is_full()
                && let Some(chunk) = sink.take()
                && out.blocking_send(chunk).is_err()
            {
                return Ok(());
            }
        }
        progress.set_read(number);
        for last in sink.take().into_iter().chain([Message::End]) {
            if out.blocking_send(last).is_err() {
                break;
            }
        }
        Ok(())
    })
    .await
}

/// Reads a PostgreSQL source over `lease`.
pub(super) async fn read_postgres(
    lease: &mut Lease,
    source: Source,
    mut sink: Sink,
    progress: Arc<Progress>,
    out: Sender<Message>,
) -> Result<(), StepError> {
    lease.batch("begin isolation level repeatable read read only").await?;
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    let sql = source.rows.render(|n| format!("${}", n + 1));
    let work = async {
        if let Some(count) = &source.count {
            let ready = statement::prepare(conn, &stop, count, &source.values).await?;
            let counted: i64 =
                sqlx::query_scalar_with(AssertSqlSafe(ready.sql), ready.args).fetch_one(&mut *conn).await?;
            progress.set_total(u64::try_from(counted).ok());
        }
        let ready = statement::prepare(conn, &stop, &source.rows, &source.values).await?;
        let decoder = ready.decoder;
        let mut rows = sqlx::query_with(AssertSqlSafe(ready.sql), ready.args).fetch(conn);
        let mut number = 0;
        while let Some(row) = rows.try_next().await? {
            number += 1;
            sink.begin_row();
            for (n, column) in decoder.columns.iter().enumerate() {
                let raw = row.try_get_raw(n)?;
                let wire = if raw.is_null() { None } else { Some(raw.as_bytes().map_err(sqlx::Error::Decode)?) };
                if !sink.wire_cell(n, decoder.kinds[n], &column.kind, wire) {
                    let value = wire.and_then(|bytes| kind::read(decoder.kinds[n], &column.kind, bytes));
                    let shown =
                        value.as_ref().map_or_else(String::new, |v| crate::connector::cell::Cell::from(v).show());
                    return Err(Trouble::Step(misfit(&stop.place, number, &column.name, &shown, sink.target_type(n))));
                }
            }
            sink.end_row();
            if sink.is_full()
                && let Some(chunk) = sink.take()
                && out.send(chunk).await.is_err()
            {
                // The rest of the rows is still on its way: this connection cannot be used again.
                stop.break_connection();
                return Ok(());
            }
        }
        progress.set_read(number);
        for last in sink.take().into_iter().chain([Message::End]) {
            if out.send(last).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    stop.guard(&sql, work).await
}
