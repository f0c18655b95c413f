//! The statements of a `sql_query` step on PostgreSQL.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use host_model::StepError;
use host_model::port::{Access, StepContext};
use sqlx::{AssertSqlSafe, Either};

use super::Bound;
use super::result::{Outcome, RowSet};
use crate::connector::fault::Place;
use crate::connector::postgres::statement::{self, Ready};
use crate::connector::postgres::{Lease, PgServer};

/// Runs them all, in one transaction when there are several or when they may only read.
pub(super) async fn run(
    server: &Arc<PgServer>,
    place: &Place,
    statements: &[Bound],
    access: Access,
    ctx: &StepContext,
    outcome: &mut Outcome,
) -> Result<(), StepError> {
    let mut lease = server.lease(place, access, Some(ctx.timeout), &ctx.cancel).await?;
    let result = run_all(&mut lease, statements, access, ctx, outcome).await;
    // Rolls back what has not been committed; a connection that broke is closed.
    lease.release().await;
    result
}

async fn run_all(
    lease: &mut Lease,
    statements: &[Bound],
    access: Access,
    ctx: &StepContext,
    outcome: &mut Outcome,
) -> Result<(), StepError> {
    let is_transaction = statements.len() > 1 || access == Access::Read;
    if is_transaction {
        lease.batch(if access == Access::Read { "begin read only" } else { "begin" }).await?;
    }
    for bound in statements {
        let (set, affected) = run_one(lease, bound, ctx).await?;
        outcome.add(set, affected);
    }
    if is_transaction {
        lease.batch("commit").await?;
    }
    Ok(())
}

#[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "sql.run"))]
async fn run_one(
    lease: &mut Lease,
    bound: &Bound,
    ctx: &StepContext,
) -> Result<(Option<RowSet>, Option<u64>), StepError> {
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    let work = async {
        let Ready { sql, args, decoder } = statement::prepare(conn, &stop, &bound.statement, &bound.values).await?;
        let mut set = RowSet::new(decoder.columns.iter().map(|c| c.name.clone()).collect());
        let mut affected = 0;
        let query = sqlx::query_with(AssertSqlSafe(sql), args).persistent(false);
        // A statement may return rows and count what it changed: INSERT … RETURNING.
        #[expect(deprecated, reason = "the only way to see the rows and the count of one statement")]
        let mut results = query.fetch_many(&mut *conn);
        while let Some(result) = results.try_next().await? {
            match result {
                Either::Left(done) => affected += done.rows_affected(),
                Either::Right(row) if set.keeps_next() => set.keep_row(&decoder.row(&row, &stop)?),
                Either::Right(_) => set.count_row(),
            }
            if set.len() % 1_000 == 999 {
                ctx.voice.progress(set.len(), None, "rows read");
            }
        }
        drop(results);
        if matches!(bound.statement.keyword(), "create" | "alter" | "drop") {
            // Statements prepared before may mean another shape of the same table now.
            sqlx::Connection::clear_cached_statements(conn).await?;
        }
        if decoder.columns.is_empty() {
            return Ok((None, Some(affected)));
        }
        // For a SELECT the server counts the rows it returned in the same place.
        let writes = matches!(bound.statement.keyword(), "insert" | "update" | "delete" | "merge");
        Ok((Some(set), writes.then_some(affected)))
    };
    stop.guard(&bound.statement.render(|n| format!("${}", n + 1)), work).await
}
