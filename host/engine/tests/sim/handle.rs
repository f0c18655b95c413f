//! One process as its store and its runners see it, and the ways in which it suffers: between any two calls it can die,
//! stand still, lose sight of the store, or lose an answer after the store did the work.
//!
//! A process that died is one whose calls never return: nobody else can tell the difference.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use event_listener::{Event, EventListener};
use host_model::fire::{NewRun, Pause, Recorded, SeenSchedule, SlotFilter, SlotRecord};
use host_model::log::LogLine;
use host_model::port::{CancelMark, Claim, Claimed, PrunePass, Pruned, SlotsKept, Store, StoreError};
use host_model::replica::{Held, Lease, Presence, Replica};
use host_model::run::{Run, RunFilter, RunStatus, StepRun};
use host_model::transition::{Applied, Change};
use host_model::{Instant, JobId, RunId};
use tokio::time::Instant as Moment;

use crate::dice::Dice;
use crate::lot::{Lot, Trap};
use crate::tables::{Tables, refused};

/// When, who, what, and what came of it.
pub(crate) type Call = (u64, Arc<str>, &'static str, &'static str);

/// The store of a history, with the bells of its processes.
pub(crate) struct Shop {
    pub(crate) tables: Mutex<Tables>,
    pub(crate) began: Moment,
    bells: Mutex<Vec<Arc<Process>>>,
    /// Every call with what became of it, for whoever reads a history that failed.
    pub(crate) trace: Mutex<Vec<Call>>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shop {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            tables: Mutex::default(),
            began: Moment::now(),
            bells: Mutex::default(),
            trace: Mutex::default(),
        })
    }

    /// Milliseconds since the history began.
    pub(crate) fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }
}

/// See the module's note.
pub(crate) struct Process {
    pub(crate) name: Arc<str>,
    pub(crate) shop: Arc<Shop>,
    lot: Mutex<Lot>,
    dice: Mutex<Dice>,
    bell: Event,
}

impl Process {
    pub(crate) fn new(name: String, shop: Arc<Shop>, dice: Dice) -> Arc<Self> {
        let process = Arc::new(Self {
            name: name.into(),
            shop: shop.clone(),
            lot: Mutex::default(),
            dice: Mutex::new(dice),
            bell: Event::new(),
        });
        lock(&shop.bells).push(process.clone());
        process
    }

    pub(crate) fn die(&self) {
        let now = self.shop.now();
        lock(&self.lot).died.get_or_insert(now);
    }

    pub(crate) fn set_trap(&self, trap: Trap) {
        lock(&self.lot).trap = Some(trap);
    }

    /// From when to when traps hurt it.
    pub(crate) fn hurt(&self) -> Vec<(u64, u64)> {
        lock(&self.lot).hurt.clone()
    }

    pub(crate) fn died(&self) -> Option<u64> {
        lock(&self.lot).died
    }

    pub(crate) fn stand_still(&self, until: u64) {
        let mut lot = lock(&self.lot);
        lot.stands_still_until = lot.stands_still_until.max(until);
    }

    pub(crate) fn be_away(&self, until: u64) {
        let mut lot = lock(&self.lot);
        lot.away_until = lot.away_until.max(until);
    }

    pub(crate) fn be_flaky(&self, until: u64, before: u64, after: u64) {
        lock(&self.lot).flaky = (until, before, after);
    }

    /// Nothing bad happens any more.
    pub(crate) fn calm_down(&self) {
        let mut lot = lock(&self.lot);
        let now = self.shop.now();
        lot.hurt.iter_mut().for_each(|(_, to)| *to = (*to).min(now));
        *lot = Lot { died: lot.died, hurt: std::mem::take(&mut lot.hurt), ..Lot::default() };
    }

    /// Returns at once while the process is well, later when it stands still, never when it is dead.
    pub(crate) async fn gate(&self) {
        loop {
            let (dead, until) = {
                let lot = lock(&self.lot);
                (lot.died.is_some(), lot.stands_still_until)
            };
            if dead {
                std::future::pending::<()>().await;
            }
            let now = self.shop.now();
            if until <= now {
                return;
            }
            tokio::time::sleep(Duration::from_millis(until - now)).await;
        }
    }

    fn trace(&self, what: &'static str, came: &'static str) {
        lock(&self.shop.trace).push((self.shop.now(), self.name.clone(), what, came));
    }

    async fn before(&self, what: &'static str) -> Result<(), StoreError> {
        self.gate().await;
        let (wait, fails) = {
            let (mut lot, mut dice) = (lock(&self.lot), lock(&self.dice));
            let now = self.shop.now();
            let loses = lot.spring(what, false, now);
            let flaky = lot.flaky.0 > now && dice.chance(lot.flaky.1);
            let wait = if dice.chance(25) { dice.of(1..4) } else { 0 };
            (wait, lot.away_until > now || flaky || loses)
        };
        if wait > 0 {
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        self.gate().await;
        if fails {
            self.trace(what, "away");
            return Err(refused(what, "connection refused"));
        }
        Ok(())
    }

    async fn after(&self, what: &'static str) -> Result<(), StoreError> {
        let lost = {
            let (mut lot, mut dice) = (lock(&self.lot), lock(&self.dice));
            let now = self.shop.now();
            let loses = lot.spring(what, true, now);
            loses || (lot.flaky.0 > now && dice.chance(lot.flaky.2))
        };
        self.trace(what, if lost { "answer lost" } else { "ok" });
        self.gate().await;
        if lost { Err(refused(what, "connection reset")) } else { Ok(()) }
    }

    pub(crate) async fn call<T>(
        &self,
        what: &'static str,
        work: impl FnOnce(&mut Tables) -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        self.before(what).await?;
        let (answer, ring) = {
            let mut tables = lock(&self.shop.tables);
            (tables.now, tables.caller) = (self.shop.now(), self.name.clone());
            (work(&mut tables), std::mem::take(&mut tables.ring))
        };
        if ring {
            for other in lock(&self.shop.bells).iter() {
                // A bell may miss a ring.
                if !lock(&self.dice).chance(20) {
                    other.bell.notify(usize::MAX);
                }
            }
        }
        self.after(what).await?;
        answer
    }
}

#[async_trait]
impl Store for Process {
    fn dialect(&self) -> &'static str {
        "postgres"
    }

    async fn record_fire(&self, new: &NewRun) -> Result<Recorded, StoreError> {
        self.call("record_fire", |tables| tables.record_fire(new)).await
    }

    async fn record_slot(&self, slot: &SlotRecord) -> Result<bool, StoreError> {
        self.call("record_slot", |tables| Ok(tables.insert_slot(slot.clone()))).await
    }

    async fn list_slots(&self, job: &JobId, limit: u32) -> Result<Vec<SlotRecord>, StoreError> {
        let filter = SlotFilter { job_id: job.clone(), from: None, before: None, limit };
        self.call("list_slots", |tables| Ok(tables.find_slots(&filter))).await
    }

    async fn record_slots(&self, slots: &[SlotRecord], lease: Option<&Held>) -> Result<SlotsKept, StoreError> {
        self.call("record_slots", |tables| Ok(tables.record_slots(slots, lease))).await
    }

    async fn find_slots(&self, filter: &SlotFilter) -> Result<Vec<SlotRecord>, StoreError> {
        self.call("find_slots", |tables| Ok(tables.find_slots(filter))).await
    }

    async fn list_seen_schedules(&self, until: Instant) -> Result<Vec<(SeenSchedule, Option<Instant>)>, StoreError> {
        self.call("list_seen_schedules", |tables| Ok(tables.list_seen(until))).await
    }

    async fn save_seen_schedules(&self, seen: &[SeenSchedule], gone: &[(JobId, String)]) -> Result<(), StoreError> {
        self.call("save_seen_schedules", |tables| {
            tables.save_seen(seen, gone);
            Ok(())
        })
        .await
    }

    async fn note_clock_set_back(&self, to: Instant, ahead_to: Instant) -> Result<(), StoreError> {
        self.call("note_clock_set_back", |tables| {
            tables.note_set_back(to, ahead_to);
            Ok(())
        })
        .await
    }

    async fn find_pause(&self) -> Result<Option<Pause>, StoreError> {
        self.call("find_pause", |tables| Ok(tables.pause.clone())).await
    }

    async fn set_pause(&self, pause: Option<&Pause>) -> Result<bool, StoreError> {
        self.call("set_pause", |tables| Ok(tables.set_pause(pause))).await
    }

    async fn apply(&self, changes: &[Change]) -> Result<Applied, StoreError> {
        self.call("apply", |tables| tables.apply(changes)).await
    }

    async fn claim_runs(&self, claim: &Claim) -> Result<Vec<Claimed>, StoreError> {
        self.call("claim_runs", |tables| Ok(tables.claim_runs(claim))).await
    }

    async fn find_definition(&self, run: RunId) -> Result<Option<Arc<str>>, StoreError> {
        self.call("find_definition", |tables| {
            let row = tables.runs.get(&run).filter(|row| row.run.status != RunStatus::Skipped);
            Ok(row.map(|row| row.definition.clone()))
        })
        .await
    }

    fn bell(&self) -> EventListener {
        self.bell.listen()
    }

    // Only listeners of the page ask for news, and here are none.
    fn news(&self) -> EventListener {
        self.bell.listen()
    }

    async fn list_unfired_slots(&self, after: Option<Instant>, limit: u32) -> Result<Vec<SlotRecord>, StoreError> {
        self.call("list_unfired_slots", |tables| Ok(tables.list_unfired(after, limit as usize))).await
    }

    async fn request_cancel(&self, run: RunId, by: &str, at: Instant) -> Result<CancelMark, StoreError> {
        self.call("request_cancel", |tables| Ok(tables.request_cancel(run, by, at))).await
    }

    async fn list_cancel_marks(&self, owner: &str) -> Result<Vec<Run>, StoreError> {
        self.call("list_cancel_marks", |tables| Ok(tables.list_cancel_marks(owner))).await
    }

    async fn find_run(&self, run: RunId) -> Result<Option<Run>, StoreError> {
        self.call("find_run", |tables| Ok(tables.runs.get(&run).map(|row| row.run.clone()))).await
    }

    async fn list_runs(&self, filter: &RunFilter) -> Result<Vec<Run>, StoreError> {
        self.call("list_runs", |tables| Ok(tables.list_runs(filter))).await
    }

    async fn list_latest_runs(&self, jobs: &[JobId]) -> Result<Vec<Run>, StoreError> {
        self.call("list_latest_runs", |tables| Ok(tables.list_latest_runs(jobs))).await
    }

    async fn list_steps(&self, run: RunId) -> Result<Vec<StepRun>, StoreError> {
        self.call("list_steps", |tables| Ok(tables.steps_of(run).cloned().collect())).await
    }

    async fn beat(&self, presence: &Presence, at: Instant) -> Result<bool, StoreError> {
        self.call("beat", |tables| Ok(tables.beat(presence, at))).await
    }

    async fn list_replicas(&self) -> Result<Vec<Replica>, StoreError> {
        self.call("list_replicas", |tables| Ok(tables.replicas.values().cloned().collect())).await
    }

    async fn forget_replica(&self, owner: &str, beat: Option<u64>) -> Result<bool, StoreError> {
        self.call("forget_replica", |tables| Ok(tables.forget_replica(owner, beat))).await
    }

    async fn list_owners(&self) -> Result<Vec<String>, StoreError> {
        self.call("list_owners", |tables| Ok(tables.list_owners())).await
    }

    async fn find_lease(&self) -> Result<Option<Lease>, StoreError> {
        self.call("find_lease", |tables| Ok(tables.lease.clone())).await
    }

    async fn take_lease(&self, holder: &str, seen: Option<&Lease>, at: Instant) -> Result<Option<u64>, StoreError> {
        self.call("take_lease", |tables| Ok(tables.take_lease(holder, seen, at))).await
    }

    async fn keep_lease(&self, held: &Held, at: Instant) -> Result<bool, StoreError> {
        self.call("keep_lease", |tables| Ok(tables.keep_lease(held, at))).await
    }

    async fn release_lease(&self, held: &Held) -> Result<bool, StoreError> {
        self.call("release_lease", |tables| Ok(tables.release_lease(held))).await
    }

    async fn append_logs(&self, lines: &[LogLine]) -> Result<(), StoreError> {
        self.call("append_logs", |tables| {
            for line in lines {
                tables.logs.entry((line.run_id, line.seq)).or_insert_with(|| line.clone());
            }
            Ok(())
        })
        .await
    }

    async fn list_logs(&self, run: RunId, from: u64, limit: u32) -> Result<Vec<LogLine>, StoreError> {
        self.call("list_logs", |tables| {
            let lines = tables.logs.range((run, from)..=(run, u64::MAX)).map(|(_, line)| line.clone());
            Ok(lines.take(limit as usize).collect())
        })
        .await
    }

    async fn count_logs(&self, run: RunId) -> Result<u64, StoreError> {
        self.call("count_logs", |tables| {
            Ok(tables.logs.range((run, 0)..=(run, u64::MAX)).next_back().map_or(0, |((_, seq), _)| seq + 1))
        })
        .await
    }

    /// No history is old enough.
    async fn prune(&self, _: PrunePass, _: Instant, _: u32) -> Result<Pruned, StoreError> {
        Ok(Pruned::default())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.call("ping", |_| Ok(())).await
    }

    async fn close(&self) {}
}
