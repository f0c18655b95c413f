//! The statements of a `sql_query` step on MySQL or MariaDB.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use host_model::StepError;
use host_model::port::{Access, StepContext};
use sqlx::{Either, Row as _};

use super::Bound;
use super::result::{Outcome, RowSet};
use crate::connector::fault::Place;
use crate::connector::mysql::{Lease, MySqlServer, Purpose, statement};

/// Runs them all, in one transaction when there are several or when they may only read. A statement that commits by
/// itself splits that transaction; the log says so.
pub(super) async fn run(
    server: &Arc<MySqlServer>,
    place: &Place,
    statements: &[Bound],
    access: Access,
    ctx: &StepContext,
    outcome: &mut Outcome,
) -> Result<(), StepError> {
    let is_transaction = statements.len() > 1 || access == Access::Read;
    if is_transaction && let Some(word) = statements.iter().map(|b| b.statement.keyword()).find(|w| commits(w)) {
        ctx.info(format!(
            "`{word}` commits implicitly on MySQL and MariaDB: what comes before it stays when a later statement fails"
        ))
        .await;
    }
    let mut lease = server.lease(place, access, Purpose::Query, Some(ctx.timeout), &ctx.cancel).await?;
    let result = run_all(&mut lease, statements, is_transaction, ctx, outcome).await;
    // Closing the connection rolls back what has not been committed.
    lease.release().await;
    result
}

/// Statements that end the transaction they are in.
fn commits(keyword: &str) -> bool {
    matches!(
        keyword,
        "create"
            | "alter"
            | "drop"
            | "rename"
            | "truncate"
            | "grant"
            | "revoke"
            | "lock"
            | "unlock"
            | "analyze"
            | "optimize"
            | "repair"
            | "flush"
            | "install"
            | "uninstall"
    )
}

async fn run_all(
    lease: &mut Lease,
    statements: &[Bound],
    is_transaction: bool,
    ctx: &StepContext,
    outcome: &mut Outcome,
) -> Result<(), StepError> {
    if is_transaction {
        // Read-only where the access says so: the session is.
        lease.batch("start transaction").await?;
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
    let (conn, traits) = (&mut lease.conn, &lease.traits);
    let work = async {
        let ready = statement::prepare(conn, traits, &stop.place, &bound.statement, &bound.values).await?;
        let mut decoder = ready.decoder.clone();
        let new_set =
            |decoder: &statement::Decoder| RowSet::new(decoder.columns.iter().map(|c| c.name.clone()).collect());
        let mut set = (!decoder.columns.is_empty()).then(|| new_set(&decoder));
        let mut affected = 0;
        // A procedure may return several results; each begins behind the count of the one before.
        let mut begins = true;
        let mut results = ready.run(conn);
        while let Some(result) = results.try_next().await? {
            let row = match result {
                Either::Left(done) => {
                    affected += done.rows_affected();
                    begins = true;
                    continue;
                }
                Either::Right(row) => row,
            };
            if std::mem::take(&mut begins) {
                decoder = decoder.renewed(row.columns(), traits);
                set = Some(new_set(&decoder));
            }
            let Some(set) = &mut set else { continue };
            if set.keeps_next() {
                set.keep_row(&decoder.row(&row, &stop.place)?);
            } else {
                set.count_row();
            }
            if set.len() % 1_000 == 999 {
                ctx.voice.progress(set.len(), None, "rows read");
            }
        }
        drop(results);
        statement::forget(conn, &bound.statement).await?;
        let Some(set) = set else { return Ok((None, Some(affected))) };
        // `… returning` tells of its rows by returning them.
        let writes = matches!(bound.statement.keyword(), "insert" | "update" | "delete" | "replace");
        let counted = if affected == 0 { set.len() } else { affected };
        Ok((Some(set), (writes || affected > 0).then_some(counted)))
    };
    stop.guard(&bound.statement.render(|_| "?".to_owned()), work).await
}
