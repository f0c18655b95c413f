//! The scheduler on a clock turned by hand.

use std::sync::atomic::{AtomicBool, AtomicI64};

use super::*;
use crate::SchedulerState;
use host_model::Instant;
use host_model::fire::{SlotOutcome, SlotRecord};
use host_model::port::Clock;

/// Half a second after a full hour.
const START: i64 = 1_795_003_200_500;

struct HandClock {
    millis: AtomicI64,
    broken: AtomicBool,
    looks: AtomicU32,
}

impl Clock for HandClock {
    fn now(&self) -> Instant {
        assert!(!self.broken.load(Ordering::SeqCst), "the clock is broken");
        self.looks.fetch_add(1, Ordering::SeqCst);
        chrono::DateTime::from_timestamp_millis(self.millis.load(Ordering::SeqCst)).unwrap()
    }
}

fn ticking(id: &str, text: &str) -> Job {
    let mut ticking = job(id, vec![step("a", "echo")]);
    ticking.schedules.push(every(text));
    ticking
}

async fn on_hand_clock(jobs: Vec<Job>) -> (Bench, Arc<HandClock>) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let clock =
        Arc::new(HandClock { millis: AtomicI64::new(START), broken: AtomicBool::new(false), looks: AtomicU32::new(0) });
    let parts = EngineParts { clock: clock.clone(), scheduler_enabled: true, ..parts(store.clone(), jobs) };
    let bench = Bench { engine: Engine::start(parts).await.unwrap(), store, folder };
    let looks = clock.looks.load(Ordering::SeqCst);
    while clock.looks.load(Ordering::SeqCst) == looks {
        tokio::task::yield_now().await;
    }
    (bench, clock)
}

impl HandClock {
    /// Waits until the scheduler has looked at it twice: it knows the time, and the jobs of that time.
    async fn seen(&self) {
        let looks = self.looks.load(Ordering::SeqCst);
        for _ in 0..600 {
            if self.looks.load(Ordering::SeqCst) > looks + 2 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("nobody looks at the clock");
    }

    fn set(&self, seconds: i64) {
        self.millis.store(START + seconds * 1000, Ordering::SeqCst);
    }
}

/// Waits until the ledger of `job` has `count` rows; oldest first.
async fn slots(bench: &Bench, job: &str, count: usize) -> Vec<SlotRecord> {
    let id = JobId::new(job).unwrap();
    let mut found = Vec::new();
    for _ in 0..600 {
        found = bench.store.list_slots(&id, 1000).await.unwrap();
        if found.len() >= count {
            break;
        }
        // The scheduler sleeps by the machine's clock; a reload makes it look again.
        bench.engine.replace_jobs(bench.engine.jobs(), 0);
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(found.len(), count, "{found:?}");
    found.reverse();
    found
}

#[tokio::test]
async fn a_reload_at_the_very_moment_a_slot_is_due_loses_nothing() {
    let (bench, clock) = on_hand_clock(vec![ticking("tick", "1h")]).await;
    clock.set(3600);
    bench.engine.replace_jobs(bench.engine.jobs(), 0);
    assert_eq!(slots(&bench, "tick", 1).await[0].outcome, SlotOutcome::Fired);
    bench.engine.shutdown(Duration::from_secs(5), &CancelToken::new()).await;
}

#[tokio::test]
async fn a_clock_set_back_neither_fires_twice_nor_stalls() {
    const TEN_YEARS: i64 = 10 * 365 * 86_400;
    // The machine started ten years ahead; then its clock is put right, and later set back by a second.
    let (bench, clock) = on_hand_clock(vec![ticking("tick", "1s")]).await;
    let id = JobId::new("tick").unwrap();
    let fired = async |count: usize| {
        for _ in 0..600 {
            let slots = bench.store.list_slots(&id, 1000).await.unwrap();
            if slots.len() >= count {
                return slots;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the scheduler stalls");
    };
    clock.set(-TEN_YEARS);
    clock.seen().await;
    for (second, count) in [(1, 1), (2, 2), (1, 2), (2, 2), (3, 3)] {
        clock.set(second - TEN_YEARS);
        clock.seen().await;
        let slots = fired(count).await;
        assert_eq!(slots.len(), count, "second {second}: {slots:?}");
        assert!(slots.iter().all(|s| s.outcome != SlotOutcome::Missed), "{slots:?}");
    }
    bench.engine.shutdown(Duration::from_secs(5), &CancelToken::new()).await;
}

#[tokio::test]
async fn many_schedules_due_at_once_all_fire_and_a_late_one_is_recorded_as_missed() {
    let many: Vec<Job> = (0..200).map(|n| ticking(&format!("j{n}"), "1h")).collect();
    let (bench, clock) = on_hand_clock(many).await;
    clock.set(3600);
    for n in 0..200 {
        assert_eq!(slots(&bench, &format!("j{n}"), 1).await[0].outcome, SlotOutcome::Fired, "j{n}");
    }
    clock.set(3600 + 7200);
    let late = slots(&bench, "j7", 3).await;
    assert_eq!(late[1].outcome, SlotOutcome::Missed);
    assert!(late[1].reason.as_deref().unwrap().contains("late"), "{late:?}");
    bench.engine.shutdown(Duration::from_secs(5), &CancelToken::new()).await;
}

#[tokio::test]
async fn a_job_disabled_by_a_reload_does_not_fire_and_fires_again_when_enabled() {
    let (bench, clock) = on_hand_clock(vec![ticking("tick", "1h"), ticking("other", "1h")]).await;
    let mut off = ticking("tick", "1h");
    off.enabled = false;
    bench.engine.replace_jobs(jobs_of(vec![off, ticking("other", "1h")]), 0);
    clock.set(3600);
    slots(&bench, "other", 1).await;
    slots(&bench, "tick", 0).await;
    bench.engine.replace_jobs(jobs_of(vec![ticking("tick", "1h"), ticking("other", "1h")]), 0);
    let looks = clock.looks.load(Ordering::SeqCst);
    while clock.looks.load(Ordering::SeqCst) < looks + 2 {
        tokio::task::yield_now().await;
    }
    clock.set(7200);
    slots(&bench, "tick", 1).await;
    bench.engine.shutdown(Duration::from_secs(5), &CancelToken::new()).await;
}

#[tokio::test]
async fn a_scheduler_that_breaks_shows_it() {
    let (bench, clock) = on_hand_clock(vec![ticking("tick", "1h")]).await;
    assert_eq!(bench.engine.scheduler_state(), SchedulerState::Active);
    clock.broken.store(true, Ordering::SeqCst);
    bench.engine.replace_jobs(bench.engine.jobs(), 0);
    for _ in 0..600 {
        if bench.engine.scheduler_state() == SchedulerState::Error {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the state stays {:?}", bench.engine.scheduler_state());
}
