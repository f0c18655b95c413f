//! The statements of a `sql_query` step on SQL Server or Oracle.

use std::sync::Arc;

use host_model::StepError;
use host_model::port::{Access, StepContext};

use super::Bound;
use super::result::{Outcome, RowSet};
use crate::connector::fault::Place;
use crate::connector::remote::session::allow;
use crate::connector::remote::{Control, Link, Server};

/// Runs them all, in one transaction when there are several.
pub(super) async fn run(
    server: &Arc<dyn Server>,
    place: &Place,
    statements: &[Bound],
    access: Access,
    ctx: &StepContext,
    outcome: &mut Outcome,
) -> Result<(), StepError> {
    statements.iter().try_for_each(|bound| allow(&bound.statement, access, place))?;
    let link = server.link(place, access, Some(ctx.timeout), &ctx.cancel).await?;
    let is_transaction = statements.len() > 1;
    if is_transaction {
        link.control(Control::Begin).await?;
    }
    for bound in statements {
        let (set, affected) = run_one(&link, bound, ctx).await?;
        outcome.add(set, affected);
    }
    if is_transaction {
        link.control(Control::Commit).await?;
    }
    Ok(())
}

#[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "sql.run"))]
async fn run_one(link: &Link, bound: &Bound, ctx: &StepContext) -> Result<(Option<RowSet>, Option<u64>), StepError> {
    let mut running = link.run(&bound.statement, &bound.values).await?;
    let mut set = RowSet::new(running.columns.iter().map(|c| c.name.clone()).collect());
    let affected = loop {
        let rows = match running.next(link).await? {
            Ok(rows) => rows,
            Err(affected) => break affected,
        };
        for row in &rows {
            if set.keeps_next() { set.keep_row(row) } else { set.count_row() }
        }
        ctx.voice.progress(set.len(), None, "rows read");
    };
    Ok((if running.columns.is_empty() { None } else { Some(set) }, affected))
}
