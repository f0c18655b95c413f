//! `sql_copy`: rows from one connector into a table of another, between any two databases. Reader and writer run side by
//! side; what becomes visible becomes visible at once, and only when both sides count the same rows.
//!
//! `side` holds the two traits a database joins by; `postgres_source`, `sqlite_source`, `mysql_source`, `remote_source`
//! (SQL Server, Oracle, ODBC), `swap` (PostgreSQL), `sqlite_target`, `mysql_target` and `remote_target` are the ones there
//! are. Common to all: `plan` (statements, columns), `coerce` (rules for cells),
//! `types` (a table that does not exist yet), `row` (the form between), `staged` (upserts), `check`, `bad_rows`.

mod bad_rows;
mod cells;
mod check;
mod checksum;
mod coerce;
mod lanes;
mod load;
mod mysql_insert;
mod mysql_source;
mod mysql_target;
mod plan;
mod postgres_source;
mod progress;
mod ranges;
mod remote_source;
mod remote_target;
mod remote_types;
mod row;
mod side;
mod sqlite_insert;
mod sqlite_source;
mod sqlite_statement;
mod sqlite_target;
mod staged;
mod swap;
mod types;

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use host_model::job::spec::{SourceTable, SqlCopySpec, Verify};
use host_model::port::{Access, StepContext, StepFailure, StepOutcome, StepRunner};
use host_model::{CancelToken, Json, StepError, StepErrorKind, StepSpec};
use serde_json::json;
use tokio::sync::mpsc;

use crate::connector::mysql::Purpose;
use crate::connector::{ConnectorPools, Database, Found};
use bad_rows::SideTable;
use coerce::dictionary::Dictionary;
use plan::SourceColumn;
use progress::Progress;
use row::{CHUNKS_IN_FLIGHT, Policy};
use side::{Destination, Feed, Origin, Written};

/// Runs `sql_copy` steps.
pub struct SqlCopyRunner {
    pools: Arc<ConnectorPools>,
}

impl SqlCopyRunner {
    /// A runner on these connectors.
    pub fn new(pools: Arc<ConnectorPools>) -> Self {
        Self { pools }
    }
}

#[async_trait]
impl StepRunner for SqlCopyRunner {
    async fn run(&self, spec: &StepSpec, ctx: &StepContext) -> Result<StepOutcome, StepFailure> {
        let StepSpec::SqlCopy(spec) = spec else {
            return Err(crate::wrong_runner("sql_copy", spec).into());
        };
        let source = self.pools.find(&spec.source.connector)?;
        let target = self.pools.find(&spec.target.connector)?;
        plan::check_distinct(spec, &source, &target)?;
        ctx.info(format!("{}: {}", spec.mode.as_str(), StepSpec::SqlCopy(spec.clone()).summary())).await;
        if let SourceTable::Query(query) = &spec.source.table {
            ctx.debug(format!("source query: {query}")).await;
        }
        let copy = Copy {
            spec,
            ctx,
            side: SideTable::of(spec, target.connector.dialect, ctx),
            source,
            target,
            pools: &self.pools,
            halt: ctx.cancel.child(),
            progress: Arc::new(Progress::new()),
            first_error: OnceLock::new(),
        };
        let written = tokio::select! {
            written = copy.run() => written?,
            never = copy.progress.tell(ctx) => match never {},
        };
        Ok(copy.outcome(&written).await)
    }
}

/// One copy under way.
struct Copy<'a> {
    spec: &'a SqlCopySpec,
    ctx: &'a StepContext,
    source: Found,
    target: Found,
    pools: &'a ConnectorPools,
    side: Option<SideTable>,
    /// Stops both sides: with the step, or when one of them fails.
    halt: CancelToken,
    progress: Arc<Progress>,
    first_error: OnceLock<StepError>,
}

impl Copy<'_> {
    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "sql.copy"))]
    async fn run(&self) -> Result<Written, StepError> {
        let origin = self.open_origin().await?;
        let dictionary = Dictionary::read(self.spec, origin.columns(), self.pools, &self.halt).await?;
        let plan =
            coerce::plan(self.spec, origin.columns(), &dictionary, self.source.habits.trims, &self.source.place)?;
        let destination = self.open_destination(&plan.columns).await?;
        self.ctx.info(format!("writing {}", destination.describe())).await;
        let rules = Arc::new(plan.settle(&destination.tastes(), self.target.habits.coalesces));
        let (sender, chunks) = mpsc::channel(CHUNKS_IN_FLIGHT);
        let policy = Policy {
            batch_size: self.spec.batch_size,
            skips: self.side.is_some(),
            hashes: self.spec.verify == Verify::Checksum,
        };
        let feed = Feed::new(sender, destination.encoding(), Arc::clone(&rules), policy, Arc::clone(&self.progress));
        let reader = async {
            let end = feed.clone();
            origin.read(feed).await?;
            end.end().await;
            Ok(())
        };
        let written = self.both(reader, destination.write(chunks, Arc::clone(&self.progress))).await;
        match (self.first_error.get(), written) {
            (Some(error), _) => Err(error.clone()),
            (None, None) => Err(StepError::new(StepErrorKind::Crashed, "the copy ended without a result")),
            (None, Some(written)) => {
                for (column, count) in rules.oddities() {
                    self.ctx.info(format!("{count} values of `{column}` are no dates and became NULL")).await;
                }
                Ok(written)
            }
        }
    }

    /// Runs both sides. The first error stops the other side and is the one that is told.
    async fn both(
        &self,
        reader: impl Future<Output = Result<(), StepError>>,
        writer: impl Future<Output = Result<Option<Written>, StepError>>,
    ) -> Option<Written> {
        let fail = |error: StepError| {
            // Only the first one is kept; what follows from the halt is no news.
            let _ = self.first_error.set(error);
            self.halt.cancel("the other side of the copy failed");
        };
        let reader = async { reader.await.map_err(fail).ok() };
        let writer = async { writer.await.map_err(fail).ok().flatten() };
        tokio::join!(reader, writer).1
    }

    async fn open_origin(&self) -> Result<Box<dyn Origin>, StepError> {
        let place = &self.source.place;
        let (origin, note): (Box<dyn Origin>, _) = match &self.source.database {
            Database::Sqlite(file) => {
                let origin = sqlite_source::open(self.spec, file, place, &self.halt).await?;
                let note = "one reader: `parallel` has no effect on a SQLite source";
                (Box::new(origin), (self.spec.parallel > 1).then(|| note.to_owned()))
            }
            Database::Postgres(server) => {
                // The writer needs a connection too.
                let shares = matches!(&self.target.database, Database::Postgres(to) if Arc::ptr_eq(to, server));
                let (origin, note) =
                    postgres_source::open(self.spec, server, place, self.ctx.timeout, usize::from(shares), &self.halt)
                        .await?;
                (Box::new(origin), note)
            }
            Database::MySql(server) => {
                let shares = matches!(&self.target.database, Database::MySql(to) if Arc::ptr_eq(to, server));
                let (origin, note) =
                    mysql_source::open(self.spec, server, place, self.ctx.timeout, usize::from(shares), &self.halt)
                        .await?;
                (Box::new(origin), note)
            }
            Database::Remote(server) => {
                let origin = remote_source::open(self.spec, server, place, self.ctx.timeout, &self.halt).await?;
                let note =
                    format!("one reader: `parallel` has no effect on a source of `{}`", server.dialect().as_str());
                (Box::new(origin), (self.spec.parallel > 1).then_some(note))
            }
        };
        if let Some(note) = note {
            self.ctx.info(note).await;
        }
        Ok(origin)
    }

    async fn open_destination(&self, columns: &[SourceColumn]) -> Result<Box<dyn Destination>, StepError> {
        let place = &self.target.place;
        Ok(match &self.target.database {
            Database::Sqlite(file) => {
                let side = self.side.clone();
                Box::new(sqlite_target::open(self.spec, file, place, columns, side, &self.halt).await?)
            }
            Database::Postgres(server) => {
                let lease = server.lease(place, Access::ReadWrite, Some(self.ctx.timeout), &self.halt).await?;
                Box::new(swap::open(lease, self.spec, columns, self.side.clone()).await?)
            }
            Database::MySql(server) => {
                let lease =
                    server.lease(place, Access::ReadWrite, Purpose::Copy, Some(self.ctx.timeout), &self.halt).await?;
                Box::new(mysql_target::open(lease, self.spec, columns, self.side.clone()).await?)
            }
            Database::Remote(server) => {
                let (side, longest) = (self.side.clone(), self.ctx.timeout);
                Box::new(remote_target::open(self.spec, server, place, columns, side, longest, &self.halt).await?)
            }
        })
    }

    /// Tells how it went, and what becomes the step's output.
    async fn outcome(&self, written: &Written) -> StepOutcome {
        let (progress, rows) = (&self.progress, written.rows);
        self.ctx.voice.progress(rows, Some(rows), "rows copied");
        let elapsed = progress.elapsed();
        self.ctx
            .info(format!(
                "{rows} rows in {:.1} s, {} rows/s; the target has {} rows",
                elapsed.as_secs_f64(),
                progress.rate(),
                written.target_rows
            ))
            .await;
        let mut output = json!({
            "source_rows": progress.read(),
            "target_rows": written.target_rows,
            "rows_affected": rows,
            "elapsed_ms": u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        });
        if let Some(changes) = written.changes {
            output["inserted"] = changes.inserted.into();
            output["updated"] = changes.updated.into();
            let (inserted, updated) = (changes.inserted, changes.updated);
            self.ctx.info(format!("{inserted} rows inserted, {updated} updated, the others were there already")).await;
        }
        if let Some(side) = &self.side {
            output["rows_skipped"] = written.skipped.into();
            if written.skipped > 0 {
                let text =
                    format!("{} rows were not taken; they are in `{}` with the reason", written.skipped, side.name);
                self.ctx.info(text).await;
            }
        }
        let output = match output {
            Json::Object(map) => map,
            _ => Default::default(),
        };
        StepOutcome { output, rows_affected: i64::try_from(rows).ok(), usage: None }
    }
}
