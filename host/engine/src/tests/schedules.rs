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
    let plain = parts(store.clone(), jobs);
    // Nobody but the scheduler looks at the clock while a test counts the looks.
    let pace = Pace { beat: Duration::from_secs(3600), ..plain.pace };
    let parts = EngineParts { clock: clock.clone(), presence: presence(8, true), pace, ..plain };
    let bench = Bench { engine: Engine::start(parts).await.unwrap(), store, folder };
    while bench.engine.scheduler_state() != SchedulerState::Active {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    clock.seen_once().await;
    (bench, clock)
}

impl HandClock {
    async fn seen_once(&self) {
        let looks = self.looks.load(Ordering::SeqCst);
        for _ in 0..100 {
            if self.looks.load(Ordering::SeqCst) > looks {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

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
async fn a_start_after_a_clock_was_set_back_goes_on_where_the_one_before_it_stopped() {
    let (bench, clock) = on_hand_clock(vec![ticking("tick", "1h")]).await;
    clock.set(3600);
    slots(&bench, "tick", 1).await;
    clock.set(-12_600);
    bench.engine.replace_jobs(bench.engine.jobs(), 0);
    let is_known = async || bench.store.list_seen_schedules(clock.now()).await.unwrap()[0].0.since <= clock.now();
    for _ in 0..600 {
        if is_known().await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(is_known().await, "nobody notices the clock");
    // The row from before is newer than anything that is due now.
    let bench = again(bench, &clock, vec![ticking("tick", "1h")], -5400).await;
    let found = outcomes(&slots(&bench, "tick", 3).await);
    assert_eq!(found, [(-3, SlotOutcome::Missed), (-2, SlotOutcome::Missed), (1, SlotOutcome::Fired)]);
    bench.engine.shutdown(Duration::from_secs(5), &CancelToken::new()).await;
}

#[tokio::test]
async fn rows_from_before_a_clock_was_set_back_hide_no_slot_when_their_time_has_come_again() {
    use SlotOutcome::{Fired, Missed};
    let (bench, clock) = on_hand_clock(vec![ticking("tick", "1h")]).await;
    clock.set(3600);
    slots(&bench, "tick", 1).await;
    clock.set(-9000);
    bench.engine.replace_jobs(bench.engine.jobs(), 0);
    let noticed = async || bench.store.list_seen_schedules(clock.now()).await.unwrap()[0].0.since <= clock.now();
    for _ in 0..600 {
        if noticed().await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(noticed().await, "nobody notices the clock");
    // Nobody was there from now until after the hour of the row from before.
    let bench = again(bench, &clock, vec![ticking("tick", "1h")], 9000).await;
    let found = outcomes(&slots(&bench, "tick", 5).await);
    assert_eq!(found, [(-2, Missed), (-1, Missed), (0, Missed), (1, Fired), (2, Missed)]);
    // Those rows were written after everything in the span: the next start begins at them.
    let decided = bench.store.list_seen_schedules(clock.now()).await.unwrap()[0].1.unwrap();
    assert_eq!((decided.timestamp_millis() - START + 500) / 3_600_000, 2);
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

/// A second life of the same store, begun `seconds` after the first.
async fn again(bench: Bench, clock: &Arc<HandClock>, jobs: Vec<Job>, seconds: i64) -> Bench {
    bench.engine.shutdown(Duration::from_secs(5), &CancelToken::new()).await;
    clock.set(seconds);
    let parts = EngineParts { clock: clock.clone(), presence: presence(8, true), ..parts(bench.store.clone(), jobs) };
    Bench { engine: Engine::start(parts).await.unwrap(), ..bench }
}

/// Waits until the schedules are remembered.
async fn remembered(bench: &Bench) {
    for _ in 0..600 {
        if !bench.store.list_seen_schedules(Instant::MAX_UTC).await.unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("no schedule is remembered");
}

fn outcomes(slots: &[SlotRecord]) -> Vec<(i64, SlotOutcome)> {
    slots.iter().map(|s| ((s.slot.due_at.timestamp_millis() - START + 500) / 3_600_000, s.outcome)).collect()
}

#[tokio::test]
async fn slots_due_while_no_scheduler_was_there_are_recorded_at_the_next_start() {
    use SlotOutcome::{Fired, Missed};
    let (bench, clock) = on_hand_clock(vec![ticking("tick", "1h")]).await;
    remembered(&bench).await;
    clock.set(3600);
    slots(&bench, "tick", 1).await;
    let bench = again(bench, &clock, vec![ticking("tick", "1h")], 4 * 3600).await;
    let found = slots(&bench, "tick", 4).await;
    assert_eq!(outcomes(&found), [(1, Fired), (2, Missed), (3, Missed), (4, Missed)]);
    assert_eq!(found[1].reason.as_deref(), Some("found 7200 s late; catch_up is none"));
    clock.set(5 * 3600);
    assert_eq!(slots(&bench, "tick", 5).await[4].outcome, Fired);
    bench.engine.shutdown(Duration::from_secs(5), &CancelToken::new()).await;
}

#[tokio::test]
async fn catch_up_last_fires_the_newest_slot_of_a_downtime_as_if_it_were_then() {
    use SlotOutcome::{Fired, Missed};
    let late = || {
        let mut late = ticking("tick", "1h");
        late.catch_up = CatchUp::Last;
        late.params = map(json!({ "at": "${run.scheduled_at}" }));
        late
    };
    let (bench, clock) = on_hand_clock(vec![late()]).await;
    remembered(&bench).await;
    let bench = again(bench, &clock, vec![late()], 3 * 3600 + 60).await;
    let found = slots(&bench, "tick", 3).await;
    assert_eq!(outcomes(&found), [(1, Missed), (2, Missed), (3, Fired)]);
    let run = bench.finished(found[2].run_id.unwrap()).await;
    assert_eq!((run.triggered_by.as_str(), run.scheduled_at), ("cron", Some(found[2].slot.due_at)));
    let output = bench.steps(run.id).await[0].output.clone().unwrap();
    let due = found[2].slot.due_at.format("%Y-%m-%dT%H:%M:%S").to_string();
    assert!(output["at"].as_str().unwrap().starts_with(&due), "{output:?}");
    bench.engine.shutdown(Duration::from_secs(5), &CancelToken::new()).await;
}

#[tokio::test]
async fn catch_up_all_fires_every_slot_of_a_downtime_oldest_first_and_one_at_a_time() {
    let late = || {
        let mut late = ticking("tick", "1h");
        late.catch_up = CatchUp::All;
        late.catch_up_window_seconds = Some(24 * 3600);
        late
    };
    let (bench, clock) = on_hand_clock(vec![late()]).await;
    remembered(&bench).await;
    let bench = again(bench, &clock, vec![late()], 30 * 3600).await;
    let found = slots(&bench, "tick", 30).await;
    bench.engine.wait_idle().await;
    let fired: Vec<&SlotRecord> = found.iter().filter(|s| s.outcome == SlotOutcome::Fired).collect();
    assert_eq!(fired.len(), 24, "{found:?}");
    assert!(found[..6].iter().all(|s| s.reason.as_deref().unwrap().ends_with("the catch_up_window is 86400 s")));
    let runs: Vec<RunId> = fired.iter().map(|slot| slot.run_id.unwrap()).collect();
    assert!(runs.is_sorted(), "oldest first");
    bench.engine.shutdown(Duration::from_secs(5), &CancelToken::new()).await;
}

#[tokio::test]
async fn a_paused_scheduler_records_what_it_misses_and_manual_runs_go_on() {
    let (bench, clock) = on_hand_clock(vec![ticking("tick", "1h")]).await;
    let pause = host_model::fire::Pause { by: "cli:bob".into(), at: clock.now(), reason: "backup".into() };
    assert!(bench.store.set_pause(Some(&pause)).await.unwrap());
    clock.set(3600);
    let found = slots(&bench, "tick", 1).await;
    assert_eq!(found[0].outcome, SlotOutcome::Missed);
    assert_eq!(found[0].reason.as_deref(), Some("scheduler paused by cli:bob: backup"));
    let run = bench.fire("tick").await;
    bench.finished(run).await;
    assert!(bench.store.set_pause(None).await.unwrap());
    clock.set(7200);
    assert_eq!(slots(&bench, "tick", 2).await[1].outcome, SlotOutcome::Fired);
    bench.engine.shutdown(Duration::from_secs(5), &CancelToken::new()).await;
}

#[tokio::test]
async fn a_slot_in_a_blackout_is_skipped_without_a_run() {
    let mut quiet = ticking("tick", "1h");
    let span = host_model::blackout::BlackoutSpan::read("00:00", "24:00", vec![]).unwrap();
    quiet.blackouts.push(host_model::blackout::Blackout { name: "always".into(), zone: None, span });
    let (bench, clock) = on_hand_clock(vec![quiet]).await;
    clock.set(3600);
    let found = slots(&bench, "tick", 1).await;
    assert_eq!((found[0].outcome, found[0].run_id), (SlotOutcome::Skipped, None));
    assert_eq!(found[0].reason.as_deref(), Some("blackout: always"));
    bench.fire("tick").await;
    bench.engine.shutdown(Duration::from_secs(5), &CancelToken::new()).await;
}

#[tokio::test]
async fn a_stop_in_the_middle_of_catching_up_leaves_the_rest_to_the_next_start() {
    use SlotOutcome::{Fired, Skipped};
    let late = |script: &str| {
        let mut late = ticking("tick", "1h");
        late.catch_up = CatchUp::All;
        late.steps = vec![step("a", script)];
        // The slots are those of 13:00, 14:00 and 15:00.
        let span = host_model::blackout::BlackoutSpan::read("15:00", "15:01", vec![]).unwrap();
        late.blackouts.push(host_model::blackout::Blackout { name: "newest".into(), zone: None, span });
        late
    };
    let (bench, clock) = on_hand_clock(vec![late("echo")]).await;
    remembered(&bench).await;
    let bench = again(bench, &clock, vec![late("hang")], 3 * 3600 + 60).await;
    let first = slots(&bench, "tick", 1).await;
    bench.heard(first[0].run_id.unwrap(), "hanging").await;
    bench.engine.shutdown(Duration::ZERO, &CancelToken::new()).await;
    assert_eq!(bench.store.list_slots(&JobId::new("tick").unwrap(), 10).await.unwrap(), first);
    let bench = again(bench, &clock, vec![late("echo")], 3 * 3600 + 120).await;
    assert_eq!(outcomes(&slots(&bench, "tick", 3).await), [(1, Fired), (2, Fired), (3, Skipped)]);
    bench.engine.shutdown(Duration::from_secs(5), &CancelToken::new()).await;
}

#[tokio::test]
async fn slots_that_queue_up_behind_a_late_one_are_judged_by_the_time_it_is_when_their_turn_comes() {
    use SlotOutcome::{Fired, Missed};
    let mut late = ticking("tick", "1h");
    late.catch_up = CatchUp::Last;
    late.steps = vec![step("a", "hang")];
    let (bench, clock) = on_hand_clock(vec![late]).await;
    let first = bench.fire("tick").await;
    bench.heard(first, "hanging").await;
    let look = async || {
        bench.engine.replace_jobs(bench.engine.jobs(), 0);
        clock.seen_once().await;
    };
    // The newest of two late slots waits for the run in flight; two more come meanwhile.
    clock.set(2 * 3600 + 600);
    look().await;
    assert_eq!(outcomes(&slots(&bench, "tick", 1).await), [(1, Missed)]);
    clock.set(3 * 3600);
    look().await;
    clock.set(4 * 3600 + 600);
    look().await;
    bench.engine.cancel(first, "api").await.unwrap();
    let found = slots(&bench, "tick", 3).await;
    assert_eq!(outcomes(&found), [(1, Missed), (2, Fired), (3, Missed)]);
    let second = found[1].run_id.unwrap();
    bench.heard(second, "hanging").await;
    bench.engine.cancel(second, "api").await.unwrap();
    assert_eq!(outcomes(&slots(&bench, "tick", 4).await), [(1, Missed), (2, Fired), (3, Missed), (4, Fired)]);
    bench.engine.shutdown(Duration::ZERO, &CancelToken::new()).await;
}

#[tokio::test]
async fn a_slot_that_is_skipped_once_does_not_fire_across_a_restart_and_the_slots_before_it_are_not_lost() {
    use SlotOutcome::{Fired, Missed, Skipped};
    let (bench, clock) = on_hand_clock(vec![ticking("tick", "1h")]).await;
    remembered(&bench).await;
    let slot = |hours: i64| host_model::fire::Slot {
        job_id: JobId::new("tick").unwrap(),
        schedule: "default".to_owned(),
        due_at: chrono::DateTime::from_timestamp(clock.now().timestamp() + hours * 3600, 0).unwrap(),
    };
    let (second, third) = (slot(2), slot(3));
    assert!(bench.engine.skip_once(second.clone(), "user:ann").await.unwrap());
    assert!(!bench.engine.skip_once(second, "user:bob").await.unwrap(), "decided before");
    assert!(bench.engine.skip_once(third.clone(), "user:ann").await.unwrap());
    assert!(bench.store.undo_skip(&third, clock.now()).await.unwrap());
    assert!(!bench.store.undo_skip(&third, clock.now()).await.unwrap());
    // Down from here until after the second: the first, which is older than the skipped one, is not forgotten.
    let bench = again(bench, &clock, vec![ticking("tick", "1h")], 2 * 3600 + 60).await;
    let found = slots(&bench, "tick", 2).await;
    assert_eq!(outcomes(&found), [(1, Missed), (2, Skipped)]);
    assert_eq!(found[1].reason.as_deref(), Some("skipped once by user:ann"));
    clock.set(3 * 3600);
    assert_eq!(outcomes(&slots(&bench, "tick", 3).await), [(1, Missed), (2, Skipped), (3, Fired)]);
    bench.engine.shutdown(Duration::from_secs(5), &CancelToken::new()).await;
}

#[tokio::test]
async fn no_schedule_fires_in_a_maintenance_window_until_it_is_ended() {
    use SlotOutcome::{Fired, Skipped};
    let (bench, clock) = on_hand_clock(vec![ticking("tick", "1h")]).await;
    let now = clock.now();
    let window = host_model::hold::Maintenance {
        id: "w".into(),
        from: now,
        until: now + chrono::TimeDelta::hours(5),
        reason: "upgrade".into(),
        by: "user:ann".into(),
        at: now,
    };
    bench.store.add_maintenance(&window).await.unwrap();
    clock.set(3600);
    let found = slots(&bench, "tick", 1).await;
    assert_eq!((found[0].outcome, found[0].run_id), (Skipped, None));
    assert_eq!(found[0].reason.as_deref(), Some("maintenance: upgrade"));
    let run = bench.fire("tick").await;
    bench.finished(run).await;
    assert_eq!(bench.store.end_maintenance("w", clock.now()).await.unwrap(), Some(window));
    assert_eq!(bench.store.end_maintenance("w", clock.now()).await.unwrap(), None);
    clock.set(7200);
    assert_eq!(outcomes(&slots(&bench, "tick", 2).await), [(1, Skipped), (2, Fired)]);
    bench.engine.shutdown(Duration::from_secs(5), &CancelToken::new()).await;
}
