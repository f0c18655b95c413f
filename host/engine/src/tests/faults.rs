//! A store that fails on purpose, in front of a real one: away, answers lost after the commit, slow to record.

use std::sync::atomic::AtomicBool;

use host_model::fire::{NewRun, Pause, Recorded, SeenSchedule, Slot, SlotFilter, SlotRecord};
use host_model::hold::{HoldStore, Holds, Maintenance};
use host_model::log::LogLine;
use host_model::port::{CancelMark, Claim, Claimed, PrunePass, Pruned, SlotsKept, StoreError};
use host_model::replica::{Held, Lease, Presence, Replica};
use host_model::run::RunFilter;
use host_model::transition::{Applied, Change};

use super::*;

pub(super) struct Faulty {
    inner: Arc<dyn Store>,
    /// Nothing answers.
    pub(super) away: AtomicBool,
    /// The next so many writes are done, but their answer is lost.
    pub(super) lose: AtomicU32,
    /// The next so many claims that gave a run lose their answer.
    pub(super) lose_claims: AtomicU32,
    /// So many claims from now on find nothing: the first was not answered, the last is when the server carries it out.
    pub(super) late_claims: AtomicU32,
    /// The next so many fires are not answered, and recorded only after a while.
    pub(super) late_fires: AtomicU32,
    /// The next so many signs of life are counted, but not answered.
    pub(super) lose_beats: AtomicU32,
    /// The next so many signs of life get stuck on the way.
    pub(super) stuck_beats: AtomicU32,
    /// The next so many signs of life break the program.
    pub(super) broken_beats: AtomicU32,
    /// Whoever looks for runs of processes that are gone gets no answer.
    pub(super) slow_owners: AtomicBool,
    /// The next so many readings of steps fail.
    pub(super) fail_steps: AtomicU32,
    /// The next list of processes was read before this one came.
    pub(super) not_yet: std::sync::Mutex<Option<String>>,
    /// Every other write loses its answer.
    pub(super) lose_every_other: AtomicBool,
    /// Whoever holds it keeps fires from being recorded.
    pub(super) turn: tokio::sync::Mutex<()>,
    writes: AtomicU32,
}

/// For [`Faulty::late_claims`].
pub(super) const LATE: u32 = 3;

fn lost() -> StoreError {
    StoreError::Unavailable { operation: "answer", message: "connection reset".into() }
}

/// Counts `left` down; whether it was above zero.
fn is_next(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok()
}

impl Faulty {
    pub(super) fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            away: AtomicBool::new(false),
            lose: AtomicU32::new(0),
            lose_claims: AtomicU32::new(0),
            late_claims: AtomicU32::new(0),
            late_fires: AtomicU32::new(0),
            lose_beats: AtomicU32::new(0),
            stuck_beats: AtomicU32::new(0),
            broken_beats: AtomicU32::new(0),
            slow_owners: AtomicBool::new(false),
            fail_steps: AtomicU32::new(0),
            not_yet: std::sync::Mutex::default(),
            lose_every_other: AtomicBool::new(false),
            turn: tokio::sync::Mutex::new(()),
            writes: AtomicU32::new(0),
        })
    }

    fn reach(&self) -> Result<&dyn Store, StoreError> {
        if self.away.load(Ordering::SeqCst) { Err(lost()) } else { Ok(&*self.inner) }
    }

    fn answer<T>(&self, answer: T) -> Result<T, StoreError> {
        let nth = self.writes.fetch_add(1, Ordering::SeqCst);
        let lose = is_next(&self.lose);
        let other = self.lose_every_other.load(Ordering::SeqCst) && nth.is_multiple_of(2);
        if lose || other { Err(lost()) } else { Ok(answer) }
    }
}

#[async_trait]
impl HoldStore for Faulty {
    async fn find_holds(&self, since: host_model::Instant) -> Result<Holds, StoreError> {
        self.reach()?.find_holds(since).await
    }

    async fn add_maintenance(&self, window: &Maintenance) -> Result<(), StoreError> {
        self.reach()?.add_maintenance(window).await
    }

    async fn end_maintenance(&self, id: &str, at: host_model::Instant) -> Result<Option<Maintenance>, StoreError> {
        self.reach()?.end_maintenance(id, at).await
    }

    async fn undo_skip(&self, slot: &Slot, after: host_model::Instant) -> Result<bool, StoreError> {
        self.reach()?.undo_skip(slot, after).await
    }
}

#[async_trait]
impl Store for Faulty {
    fn dialect(&self) -> &'static str {
        self.inner.dialect()
    }

    async fn record_fire(&self, new: &NewRun) -> Result<Recorded, StoreError> {
        let _turn = self.turn.lock().await;
        if is_next(&self.late_fires) {
            let (store, new) = (self.inner.clone(), new.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(300)).await;
                store.record_fire(&new).await.unwrap();
            });
            return Err(lost());
        }
        let answer = self.reach()?.record_fire(new).await?;
        self.answer(answer)
    }

    async fn record_slot(&self, slot: &SlotRecord) -> Result<bool, StoreError> {
        let answer = self.reach()?.record_slot(slot).await?;
        self.answer(answer)
    }

    async fn list_slots(&self, job: &JobId, limit: u32) -> Result<Vec<SlotRecord>, StoreError> {
        self.reach()?.list_slots(job, limit).await
    }

    async fn record_slots(&self, slots: &[SlotRecord], lease: Option<&Held>) -> Result<SlotsKept, StoreError> {
        let answer = self.reach()?.record_slots(slots, lease).await?;
        self.answer(answer)
    }

    async fn find_slots(&self, filter: &SlotFilter) -> Result<Vec<SlotRecord>, StoreError> {
        self.reach()?.find_slots(filter).await
    }

    async fn list_seen_schedules(
        &self,
        until: host_model::Instant,
    ) -> Result<Vec<(SeenSchedule, Option<host_model::Instant>)>, StoreError> {
        self.reach()?.list_seen_schedules(until).await
    }

    async fn save_seen_schedules(&self, seen: &[SeenSchedule], gone: &[(JobId, String)]) -> Result<(), StoreError> {
        self.reach()?.save_seen_schedules(seen, gone).await
    }

    async fn note_clock_set_back(
        &self,
        to: host_model::Instant,
        ahead_to: host_model::Instant,
    ) -> Result<(), StoreError> {
        self.reach()?.note_clock_set_back(to, ahead_to).await
    }

    async fn find_pause(&self) -> Result<Option<Pause>, StoreError> {
        self.reach()?.find_pause().await
    }

    async fn set_pause(&self, pause: Option<&Pause>) -> Result<bool, StoreError> {
        self.reach()?.set_pause(pause).await
    }

    async fn apply(&self, changes: &[Change]) -> Result<Applied, StoreError> {
        let answer = self.reach()?.apply(changes).await?;
        self.answer(answer)
    }

    async fn claim_runs(&self, claim: &Claim) -> Result<Vec<Claimed>, StoreError> {
        match self.late_claims.load(Ordering::SeqCst) {
            0 => {}
            left => {
                self.late_claims.store(left - 1, Ordering::SeqCst);
                if left == 1 {
                    assert_eq!(self.inner.claim_runs(claim).await?.len(), 1);
                }
                return if left == LATE { Err(lost()) } else { Ok(Vec::new()) };
            }
        }
        let answer = self.reach()?.claim_runs(claim).await?;
        let lose = |n: u32| n.checked_sub(1).filter(|_| !answer.is_empty());
        match self.lose_claims.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lose) {
            Ok(_) => Err(lost()),
            Err(_) => Ok(answer),
        }
    }

    async fn find_definition(&self, run: RunId) -> Result<Option<Arc<str>>, StoreError> {
        self.reach()?.find_definition(run).await
    }

    fn bell(&self) -> host_model::port::Bell {
        self.inner.bell()
    }

    fn news(&self) -> host_model::port::Bell {
        self.inner.news()
    }

    async fn list_unfired_slots(
        &self,
        after: Option<host_model::Instant>,
        limit: u32,
    ) -> Result<Vec<SlotRecord>, StoreError> {
        self.reach()?.list_unfired_slots(after, limit).await
    }

    async fn request_cancel(&self, run: RunId, by: &str, at: host_model::Instant) -> Result<CancelMark, StoreError> {
        self.reach()?.request_cancel(run, by, at).await
    }

    async fn list_cancel_marks(&self, owner: &str) -> Result<Vec<Run>, StoreError> {
        self.reach()?.list_cancel_marks(owner).await
    }

    async fn beat(&self, presence: &Presence, at: host_model::Instant) -> Result<bool, StoreError> {
        assert!(!is_next(&self.broken_beats), "nobody has thought of this");
        if is_next(&self.stuck_beats) {
            std::future::pending::<()>().await;
        }
        let answer = self.reach()?.beat(presence, at).await?;
        if is_next(&self.lose_beats) { Err(lost()) } else { Ok(answer) }
    }

    async fn list_replicas(&self) -> Result<Vec<Replica>, StoreError> {
        let mut replicas = self.reach()?.list_replicas().await?;
        if let Some(owner) = self.not_yet.lock().unwrap().take() {
            replicas.retain(|replica| replica.presence.owner != owner);
        }
        Ok(replicas)
    }

    async fn forget_replica(&self, owner: &str, beat: Option<u64>) -> Result<bool, StoreError> {
        self.reach()?.forget_replica(owner, beat).await
    }

    async fn list_owners(&self) -> Result<Vec<String>, StoreError> {
        if self.slow_owners.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.reach()?.list_owners().await
    }

    async fn find_lease(&self) -> Result<Option<Lease>, StoreError> {
        self.reach()?.find_lease().await
    }

    async fn take_lease(
        &self,
        holder: &str,
        seen: Option<&Lease>,
        at: host_model::Instant,
    ) -> Result<Option<u64>, StoreError> {
        self.reach()?.take_lease(holder, seen, at).await
    }

    async fn keep_lease(&self, held: &Held, at: host_model::Instant) -> Result<bool, StoreError> {
        self.reach()?.keep_lease(held, at).await
    }

    async fn release_lease(&self, held: &Held) -> Result<bool, StoreError> {
        self.reach()?.release_lease(held).await
    }

    async fn find_run(&self, run: RunId) -> Result<Option<Run>, StoreError> {
        self.reach()?.find_run(run).await
    }

    async fn list_runs(&self, filter: &RunFilter) -> Result<Vec<Run>, StoreError> {
        self.reach()?.list_runs(filter).await
    }

    async fn list_latest_runs(&self, jobs: &[JobId]) -> Result<Vec<Run>, StoreError> {
        self.reach()?.list_latest_runs(jobs).await
    }

    async fn list_steps(&self, run: RunId) -> Result<Vec<StepRun>, StoreError> {
        if is_next(&self.fail_steps) {
            return Err(lost());
        }
        self.reach()?.list_steps(run).await
    }

    async fn append_logs(&self, lines: &[LogLine]) -> Result<(), StoreError> {
        self.reach()?.append_logs(lines).await?;
        self.answer(())
    }

    async fn list_logs(&self, run: RunId, from: u64, limit: u32) -> Result<Vec<LogLine>, StoreError> {
        self.reach()?.list_logs(run, from, limit).await
    }

    async fn count_logs(&self, run: RunId) -> Result<u64, StoreError> {
        self.reach()?.count_logs(run).await
    }

    async fn prune(&self, pass: PrunePass, before: host_model::Instant, limit: u32) -> Result<Pruned, StoreError> {
        let answer = self.reach()?.prune(pass, before, limit).await?;
        self.answer(answer)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.reach()?.ping().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

/// An engine on a faulty store; `Bench::store` is the real one behind it.
pub(super) async fn faulty_bench(jobs: Vec<Job>) -> (Bench, Arc<Faulty>) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let faulty = Faulty::new(store.clone());
    let engine = Engine::start(parts(faulty.clone(), jobs)).await.unwrap();
    (Bench { engine, store, folder }, faulty)
}
