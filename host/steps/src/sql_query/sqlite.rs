//! The statements of a `sql_query` step on SQLite.

use std::sync::Arc;

use host_model::StepError;
use host_model::port::{Access, StepContext};

use super::Bound;
use super::result::{Outcome, RowSet};
use crate::connector::fault::Place;
use crate::connector::sqlite::value::{Declared, to_value};
use crate::connector::sqlite::{Link, SqliteFile, Use};
use crate::connector::vet;

/// Runs them all, in one transaction when there are several.
#[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "sql.run"))]
pub(super) async fn run(
    file: &Arc<SqliteFile>,
    place: &Place,
    statements: Vec<Bound>,
    access: Access,
    ctx: &StepContext,
) -> Result<Outcome, StepError> {
    let voice = Arc::clone(&ctx.voice);
    file.work(place, Use::Step(access), &ctx.cancel, move |link| {
        let is_transaction = statements.len() > 1;
        if is_transaction {
            link.batch(if access == Access::Read { "BEGIN" } else { "BEGIN IMMEDIATE" })?;
        }
        let mut outcome = Outcome::default();
        for bound in &statements {
            let (set, affected) = run_one(link, bound, access, &|rows| voice.progress(rows, None, "rows read"))?;
            outcome.add(set, affected);
        }
        // Without the commit, closing the connection rolls back.
        if is_transaction {
            link.batch("COMMIT")?;
        }
        Ok(outcome)
    })
    .await
}

fn run_one(
    link: &Link,
    bound: &Bound,
    access: Access,
    tell: &dyn Fn(u64),
) -> Result<(Option<RowSet>, Option<u64>), StepError> {
    let word = bound.statement.keyword();
    let mut prepared = link.prepare(&bound.statement, &bound.values)?;
    let writes = !prepared.readonly();
    if access == Access::Read && writes {
        return Err(vet::refused_write(word, link.place()));
    }
    if prepared.column_count() == 0 {
        drop(prepared);
        let affected = link.execute(&bound.statement, &bound.values)?;
        return Ok((None, Some(affected)));
    }
    let columns = prepared.columns();
    let declared: Vec<Declared> = columns.iter().map(|c| Declared::parse(c.decl_type())).collect();
    let mut set = RowSet::new(columns.iter().map(|c| c.name().to_owned()).collect());
    drop(columns);
    let mut rows = prepared.raw_query();
    while let Some(row) = rows.next().map_err(|e| link.fail(&e, word))? {
        if set.keeps_next() {
            let cells = declared.iter().enumerate().map(|(n, d)| Ok(to_value(row.get_ref(n)?, *d)));
            let cells: rusqlite::Result<Vec<_>> = cells.collect();
            set.keep_row(&cells.map_err(|e| link.fail(&e, word))?);
        } else {
            set.count_row();
        }
        if set.len().is_multiple_of(1_000) {
            tell(set.len());
        }
    }
    drop(rows);
    let affected =
        (writes && matches!(word, "insert" | "update" | "delete" | "replace" | "with")).then(|| link.conn.changes());
    Ok((Some(set), affected))
}
