//! `SqlStore`: the port's `Store` on either database. Reads go to a pooled connection; writes become a `Write` and go
//! wherever the dialect commits them. Nothing is decided here, and no statement is written here.

use std::sync::Arc;

use async_trait::async_trait;
use event_listener::EventListener;
use host_model::fire::{NewRun, Pause, Recorded, SeenSchedule, SlotFilter, SlotRecord};
use host_model::log::LogLine;
use host_model::port::{CancelMark, Claim, Claimed, PrunePass, Pruned, SlotsKept, Store, StoreError};
use host_model::replica::{Held, Lease, Presence, Replica};
use host_model::run::RunFilter;
use host_model::transition::{Applied, Change};
use host_model::{Instant, JobId, Run, RunId, StepRun};
use sqlx::Sqlite;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnectOptions;

use crate::audit::Trail;
use crate::bell::{Bell, Topic};
use crate::cancels::{self, RequestCancel};
use crate::care::Waiting;
use crate::changes::ApplyChanges;
use crate::claims::ClaimRuns;
use crate::definitions::{self, Definitions};
use crate::error::DbError;
use crate::fires::RecordFire;
use crate::lease::{self, KeepLease, ReleaseLease, TakeLease};
use crate::loan::Loan;
use crate::logs::{self, AppendLogs};
use crate::pause::{self, SetPause};
use crate::postgres::PostgresStore;
use crate::prune::PruneBatch;
use crate::replicas::{self, Beat, ForgetReplica};
use crate::runs;
use crate::set_back::NoteSetBack;
use crate::slots::{self, RecordSlot, RecordSlots, SaveSeen};
use crate::sql::Conn;
use crate::sqlite::SqliteStore;
use crate::write::Write;

#[derive(Debug)]
pub(crate) struct SqlStore {
    place: Place,
    bell: Bell,
    definitions: Arc<Definitions>,
    trail: Trail,
    waiting: Waiting,
}

#[derive(Debug)]
enum Place {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

/// A connection that reads.
pub(crate) enum Reader {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(Loan),
}

impl Reader {
    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match self {
            Self::Sqlite(conn) => Conn::Sqlite(conn),
            Self::Postgres(loan) => loan.conn(),
        }
    }
}

impl SqlStore {
    pub(crate) fn on_sqlite(store: SqliteStore) -> Self {
        Self {
            place: Place::Sqlite(store),
            bell: Bell::here(),
            definitions: Arc::default(),
            trail: Trail::default(),
            waiting: Waiting::default(),
        }
    }

    /// `options` lead to the same server.
    pub(crate) fn on_postgres(store: PostgresStore, options: PgConnectOptions) -> Self {
        Self {
            place: Place::Postgres(store),
            bell: Bell::on(options),
            definitions: Arc::default(),
            trail: Trail::default(),
            waiting: Waiting::default(),
        }
    }

    /// Who waits for a connection.
    pub(crate) fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// Most, open and idle connections of the pool.
    pub(crate) fn connections(&self) -> (u32, u32, usize) {
        match &self.place {
            Place::Sqlite(store) => {
                (store.readers.options().get_max_connections(), store.readers.size(), store.readers.num_idle())
            }
            Place::Postgres(store) => {
                (store.pool.options().get_max_connections(), store.pool.size(), store.pool.num_idle())
            }
        }
    }

    pub(crate) fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Whether everything is written by one task, which sees to what waits together.
    pub(crate) fn has_one_writer(&self) -> bool {
        matches!(self.place, Place::Sqlite(_))
    }

    pub(crate) async fn reader(&self, operation: &'static str) -> Result<Reader, StoreError> {
        let acquired = match &self.place {
            Place::Sqlite(store) => self.waiting.over(store.readers.acquire()).await.map(Reader::Sqlite),
            Place::Postgres(store) => self.waiting.over(Loan::of(&store.pool)).await.map(Reader::Postgres),
        };
        acquired.map_err(|error| DbError::from(error).during(operation))
    }

    /// A connection for a search, which bounds the time of its statements itself.
    pub(crate) async fn searcher(&self, operation: &'static str) -> Result<Reader, StoreError> {
        let acquired = match &self.place {
            Place::Sqlite(store) => store.searchers.acquire().await.map(Reader::Sqlite),
            Place::Postgres(store) => Loan::of(&store.pool).await.map(Reader::Postgres),
        };
        acquired.map_err(|error| DbError::from(error).during(operation))
    }

    /// Passes an answer on, after other processes were told that there is news if it is a good one.
    pub(crate) fn told<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if answer.is_ok() {
            self.bell.ring(Topic::News);
        }
        answer
    }

    pub(crate) async fn write<W: Write>(&self, operation: &'static str, write: W) -> Result<W::Answer, StoreError> {
        match &self.place {
            Place::Sqlite(store) => store.write(write).await,
            Place::Postgres(store) => store.write(write, &self.waiting).await,
        }
        .map_err(|error| error.during(operation))
    }
}

/// Runs one reading function on a connection of the pool.
macro_rules! read {
    ($store:expr, $operation:literal, $function:path $(, $argument:expr)*) => {{
        let mut reader = $store.reader($operation).await?;
        $function(&mut reader.conn() $(, $argument)*).await.map_err(|error| error.during($operation))
    }};
}

#[async_trait]
impl Store for SqlStore {
    fn dialect(&self) -> &'static str {
        match self.place {
            Place::Sqlite(_) => "sqlite",
            Place::Postgres(_) => "postgres",
        }
    }

    async fn record_fire(&self, new: &NewRun) -> Result<Recorded, StoreError> {
        let write = RecordFire::new(new.clone(), Arc::clone(&self.definitions));
        let recorded = self.write("record a run", write).await?;
        if recorded == Recorded::Queued && new.owner.is_empty() {
            self.bell.ring(Topic::Runs);
        }
        self.bell.ring(Topic::News);
        Ok(recorded)
    }

    async fn record_slot(&self, slot: &SlotRecord) -> Result<bool, StoreError> {
        self.told(self.write("record a slot", RecordSlot(slot.clone())).await)
    }

    async fn list_slots(&self, job: &JobId, limit: u32) -> Result<Vec<SlotRecord>, StoreError> {
        read!(self, "list the slots of a job", slots::list_slots, job, limit)
    }

    async fn record_slots(&self, slots: &[SlotRecord], lease: Option<&Held>) -> Result<SlotsKept, StoreError> {
        self.told(self.write("record slots", RecordSlots { slots: slots.to_vec(), lease: lease.cloned() }).await)
    }

    async fn find_slots(&self, filter: &SlotFilter) -> Result<Vec<SlotRecord>, StoreError> {
        read!(self, "find slots", slots::find_slots, filter)
    }

    async fn list_seen_schedules(&self, until: Instant) -> Result<Vec<(SeenSchedule, Option<Instant>)>, StoreError> {
        read!(self, "list the schedules seen before", slots::list_seen, until)
    }

    async fn save_seen_schedules(&self, seen: &[SeenSchedule], gone: &[(JobId, String)]) -> Result<(), StoreError> {
        self.write("remember the schedules", SaveSeen { seen: seen.to_vec(), gone: gone.to_vec() }).await
    }

    async fn note_clock_set_back(&self, to: Instant, ahead_to: Instant) -> Result<(), StoreError> {
        self.write("note that the clock was set back", NoteSetBack { to, ahead_to }).await
    }

    async fn find_pause(&self) -> Result<Option<Pause>, StoreError> {
        read!(self, "read the pause of the scheduler", pause::find_pause)
    }

    async fn set_pause(&self, pause: Option<&Pause>) -> Result<bool, StoreError> {
        self.told(self.write("pause or resume the scheduler", SetPause(pause.cloned())).await)
    }

    async fn apply(&self, changes: &[Change]) -> Result<Applied, StoreError> {
        let (applied, ring) = self.write("apply a change", ApplyChanges(changes.to_vec())).await?;
        if ring {
            self.bell.ring(Topic::Runs);
        }
        self.bell.ring(Topic::News);
        Ok(applied)
    }

    async fn claim_runs(&self, claim: &Claim) -> Result<Vec<Claimed>, StoreError> {
        let claimed = self.write("take runs up", ClaimRuns(claim.clone())).await?;
        if !claimed.is_empty() {
            self.bell.ring(Topic::News);
        }
        Ok(claimed)
    }

    async fn find_definition(&self, run: RunId) -> Result<Option<Arc<str>>, StoreError> {
        read!(self, "find what a run does", definitions::find_definition, run)
    }

    fn bell(&self) -> EventListener {
        self.bell.listen(Topic::Runs)
    }

    fn news(&self) -> EventListener {
        self.bell.listen(Topic::News)
    }

    async fn list_unfired_slots(&self, after: Option<Instant>, limit: u32) -> Result<Vec<SlotRecord>, StoreError> {
        read!(self, "list slots without a run", slots::list_unfired, after, limit)
    }

    async fn request_cancel(&self, run: RunId, by: &str, at: Instant) -> Result<CancelMark, StoreError> {
        self.write("mark a run as to be canceled", RequestCancel { run, by: by.to_owned(), at }).await
    }

    async fn list_cancel_marks(&self, owner: &str) -> Result<Vec<Run>, StoreError> {
        read!(self, "list the runs to be canceled", cancels::list_cancel_marks, owner)
    }

    async fn find_run(&self, run: RunId) -> Result<Option<Run>, StoreError> {
        read!(self, "find a run", runs::find_run, run)
    }

    async fn list_runs(&self, filter: &RunFilter) -> Result<Vec<Run>, StoreError> {
        read!(self, "list runs", runs::list_runs, filter)
    }

    async fn list_latest_runs(&self, jobs: &[JobId]) -> Result<Vec<Run>, StoreError> {
        read!(self, "list the latest runs", runs::list_latest_runs, jobs)
    }

    async fn list_steps(&self, run: RunId) -> Result<Vec<StepRun>, StoreError> {
        read!(self, "list the steps of a run", runs::list_steps, run)
    }

    async fn beat(&self, presence: &Presence, at: Instant) -> Result<bool, StoreError> {
        self.write("give a sign of life", Beat { presence: presence.clone(), at }).await
    }

    async fn list_replicas(&self) -> Result<Vec<Replica>, StoreError> {
        read!(self, "list the processes", replicas::list_replicas)
    }

    async fn forget_replica(&self, owner: &str, beat: Option<u64>) -> Result<bool, StoreError> {
        self.write("forget a process", ForgetReplica { owner: owner.to_owned(), beat }).await
    }

    async fn list_owners(&self) -> Result<Vec<String>, StoreError> {
        read!(self, "list the owners of runs", replicas::list_owners)
    }

    async fn find_lease(&self) -> Result<Option<Lease>, StoreError> {
        read!(self, "find the lease", lease::find_lease, lease::SCHEDULER)
    }

    async fn take_lease(&self, holder: &str, seen: Option<&Lease>, at: Instant) -> Result<Option<u64>, StoreError> {
        self.write(
            "take the lease",
            TakeLease { table: lease::SCHEDULER, holder: holder.to_owned(), seen: seen.cloned(), at },
        )
        .await
    }

    async fn keep_lease(&self, held: &Held, at: Instant) -> Result<bool, StoreError> {
        self.write("keep the lease", KeepLease { table: lease::SCHEDULER, held: held.clone(), at }).await
    }

    async fn release_lease(&self, held: &Held) -> Result<bool, StoreError> {
        self.write("give the lease back", ReleaseLease { table: lease::SCHEDULER, held: held.clone() }).await
    }

    async fn append_logs(&self, lines: &[LogLine]) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        self.told(self.write("append log lines", AppendLogs::new(lines.to_vec())).await)
    }

    async fn list_logs(&self, run: RunId, from: u64, limit: u32) -> Result<Vec<LogLine>, StoreError> {
        read!(self, "list the log of a run", logs::list_logs, run, from, limit)
    }

    async fn count_logs(&self, run: RunId) -> Result<u64, StoreError> {
        read!(self, "count the log lines of a run", logs::count_logs, run)
    }

    async fn prune(&self, pass: PrunePass, before: Instant, limit: u32) -> Result<Pruned, StoreError> {
        self.write("remove old history", PruneBatch { pass, before, limit }).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        if let Place::Sqlite(store) = &self.place {
            store.check_writer().map_err(|error| error.during("answer"))?;
        }
        read!(self, "answer", runs::ping)
    }

    async fn close(&self) {
        self.bell.close().await;
        match &self.place {
            Place::Sqlite(store) => store.close().await,
            Place::Postgres(store) => store.pool.close().await,
        }
    }
}
