//! `sql_copy`: rows from one connector into a table of another, between any two dialects. Reader and writer run side by
//! side; what becomes visible becomes visible at once, and only when both sides count the same rows.
//!
//! One file per stage: `plan` (what will be read, where it goes), `types` (a target that does not exist yet), `row` (the
//! form between), `read`, `write`, `swap` (replacing a live PostgreSQL table), `progress`.

mod plan;
mod progress;
mod read;
mod row;
mod swap;
mod types;
mod write;

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use host_model::job::spec::{SourceTable, SqlCopySpec};
use host_model::port::{Access, StepContext, StepFailure, StepOutcome, StepRunner};
use host_model::{CancelToken, StepError, StepErrorKind, StepSpec};
use serde_json::json;
use tokio::sync::mpsc;

use crate::connector::postgres::{Lease, PgServer};
use crate::connector::sqlite::SqliteFile;
use crate::connector::{ConnectorPools, Database, Found};
use plan::Source;
use progress::Progress;
use row::{CHUNKS_IN_FLIGHT, Message, Sink};
use write::Written;

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
        plan::check_supported(spec)?;
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
            source,
            target,
            halt: ctx.cancel.child(),
            progress: Arc::new(Progress::new()),
            first_error: OnceLock::new(),
        };
        let written = tokio::select! {
            written = copy.run() => written?,
            never = copy.progress.tell(ctx) => match never {},
        };
        let progress = &copy.progress;
        ctx.voice.progress(written.rows, Some(written.rows), "rows copied");
        let elapsed = progress.elapsed();
        ctx.info(format!(
            "{} rows in {:.1} s, {} rows/s; the target has {} rows",
            written.rows,
            elapsed.as_secs_f64(),
            progress.rate(),
            written.target_rows
        ))
        .await;
        let output = json!({
            "source_rows": progress.read().unwrap_or(written.rows),
            "target_rows": written.target_rows,
            "rows_affected": written.rows,
            "elapsed_ms": u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        });
        let output = output.as_object().cloned().unwrap_or_default();
        Ok(StepOutcome { output, rows_affected: i64::try_from(written.rows).ok(), usage: None })
    }
}

/// One copy under way.
struct Copy<'a> {
    spec: &'a SqlCopySpec,
    ctx: &'a StepContext,
    source: Found,
    target: Found,
    /// Stops both sides: with the step, or when one of them fails.
    halt: CancelToken,
    progress: Arc<Progress>,
    first_error: OnceLock<StepError>,
}

impl Copy<'_> {
    async fn run(&self) -> Result<Written, StepError> {
        let written = match (&self.source.database, &self.target.database) {
            (Database::Sqlite(from), Database::Sqlite(to)) => {
                // Types are needed only for a table that does not exist; looking costs little.
                let source = plan::describe_sqlite(self.spec, from, &self.source.place, true, &self.halt).await?;
                let (sender, chunks) = mpsc::channel(CHUNKS_IN_FLIGHT);
                let sink = Sink::cells(self.spec.batch_size);
                self.both(self.read_sqlite(from, source.clone(), sink, sender), self.write_sqlite(to, source, chunks))
                    .await
            }
            (Database::Postgres(from), Database::Sqlite(to)) => {
                let mut reading = self.lease(from, &self.source, Access::Read).await?;
                let source = plan::describe_postgres(self.spec, &mut reading).await?;
                let (sender, chunks) = mpsc::channel(CHUNKS_IN_FLIGHT);
                let sink = Sink::cells(self.spec.batch_size);
                self.both(
                    self.read_postgres(reading, source.clone(), sink, sender),
                    self.write_sqlite(to, source, chunks),
                )
                .await
            }
            (Database::Sqlite(from), Database::Postgres(to)) => {
                let source = plan::describe_sqlite(self.spec, from, &self.source.place, true, &self.halt).await?;
                let (lease, target, sink) = self.open_target(to, &source).await?;
                let (sender, chunks) = mpsc::channel(CHUNKS_IN_FLIGHT);
                self.both(self.read_sqlite(from, source, sink, sender), self.write_postgres(lease, target, chunks))
                    .await
            }
            (Database::Postgres(from), Database::Postgres(to)) => {
                let mut reading = self.lease(from, &self.source, Access::Read).await?;
                let source = plan::describe_postgres(self.spec, &mut reading).await?;
                let (lease, target, sink) = self.open_target(to, &source).await?;
                let (sender, chunks) = mpsc::channel(CHUNKS_IN_FLIGHT);
                self.both(self.read_postgres(reading, source, sink, sender), self.write_postgres(lease, target, chunks))
                    .await
            }
        };
        match (self.first_error.get(), written) {
            (Some(error), _) => Err(error.clone()),
            (None, Some(written)) => Ok(written),
            (None, None) => Err(StepError::new(StepErrorKind::Crashed, "the copy ended without a result")),
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

    async fn lease(&self, server: &Arc<PgServer>, found: &Found, access: Access) -> Result<Lease, StepError> {
        server.lease(&found.place, access, Some(self.ctx.timeout), &self.halt).await
    }

    async fn open_target(
        &self,
        server: &Arc<PgServer>,
        source: &Source,
    ) -> Result<(Lease, swap::PgTarget, Sink), StepError> {
        let mut lease = self.lease(server, &self.target, Access::ReadWrite).await?;
        let target = swap::open(&mut lease, &self.spec.target, self.spec.mode, source).await?;
        self.ctx.info(format!("writing {}", target.describe())).await;
        let sink = Sink::copy(target.columns.clone(), self.spec.batch_size);
        Ok((lease, target, sink))
    }

    async fn read_sqlite(
        &self,
        file: &Arc<SqliteFile>,
        source: Source,
        sink: Sink,
        out: mpsc::Sender<Message>,
    ) -> Result<(), StepError> {
        read::read_sqlite(file, &self.source.place, source, sink, Arc::clone(&self.progress), out, &self.halt).await
    }

    async fn read_postgres(
        &self,
        mut lease: Lease,
        source: Source,
        sink: Sink,
        out: mpsc::Sender<Message>,
    ) -> Result<(), StepError> {
        let result = read::read_postgres(&mut lease, source, sink, Arc::clone(&self.progress), out).await;
        if result.is_ok() {
            lease.release().await;
        }
        result
    }

    async fn write_sqlite(
        &self,
        file: &Arc<SqliteFile>,
        source: Source,
        chunks: mpsc::Receiver<Message>,
    ) -> Result<Option<Written>, StepError> {
        let job = write::SqliteTarget { target: self.spec.target.clone(), mode: self.spec.mode, source };
        write::write_sqlite(file, &self.target.place, job, chunks, Arc::clone(&self.progress), &self.halt).await
    }

    async fn write_postgres(
        &self,
        mut lease: Lease,
        target: swap::PgTarget,
        chunks: mpsc::Receiver<Message>,
    ) -> Result<Option<Written>, StepError> {
        // A connection that failed here is closed, never lent again: dropping it is enough.
        let copied =
            write::copy_into_postgres(&mut lease, &target.into, &target.columns, chunks, &self.progress).await?;
        let Some(arrived) = copied else { return Ok(None) };
        self.ctx.info(format!("{arrived} rows have arrived; putting them in place")).await;
        let written = swap::finish(&mut lease, target, arrived, &self.progress).await?;
        lease.release().await;
        Ok(Some(written))
    }
}
