//! What is due, held against the jobs of the moment, and what becomes of it; whole runs of the scheduler are in
//! `crate::tests::schedules`.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use host_model::blackout::{Blackout, BlackoutSpan};
use host_model::fire::{Pause, SeenSchedule, Slot, SlotOutcome};
use host_model::hold::{Holds, Maintenance, skip_once};
use host_model::job::CatchUp;
use host_model::{Instant, Job, JobId};

use super::agenda::{Agenda, Due, MOST_SLOTS};
use super::fate::{Fate, MOST_CAUGHT_UP, decide};
use crate::tests::{every, job, jobs_of, step};

fn at(second: i64) -> Instant {
    chrono::DateTime::from_timestamp(1_795_000_000 + second, 0).unwrap()
}

fn ticking(text: &str) -> Job {
    let mut ticking = job("tick", vec![step("a", "echo")]);
    ticking.schedules.push(every(text));
    ticking
}

fn empty() -> Agenda {
    Agenda::new(Vec::new())
}

fn seconds(due: &BTreeMap<JobId, Vec<Due>>) -> Vec<i64> {
    due.values().flatten().flat_map(|due| &due.instants).map(|at| at.timestamp() - 1_795_000_000).collect()
}

fn remembered(text: &str, since: i64, decided_to: Option<i64>) -> Agenda {
    let seen = SeenSchedule {
        job_id: JobId::new("tick").unwrap(),
        schedule: "default".to_owned(),
        text: every(text).spec.wording(),
        since: at(since),
    };
    Agenda::new(vec![(seen, decided_to.map(at))])
}

#[test]
fn every_slot_since_the_last_look_is_taken_once_and_in_order() {
    let jobs = jobs_of(vec![ticking("10s")]);
    let mut agenda = empty();
    agenda.adopt(&jobs, at(0));
    assert_eq!(seconds(&agenda.take_due(&jobs, at(9))), [0_i64; 0]);
    assert_eq!(seconds(&agenda.take_due(&jobs, at(35))), [10, 20, 30]);
    assert_eq!(seconds(&agenda.take_due(&jobs, at(40))), [40]);
}

#[test]
fn a_job_that_is_gone_disabled_or_changed_since_it_was_queued_does_not_fire() {
    let before = jobs_of(vec![ticking("10s")]);
    let mut off = ticking("10s");
    off.enabled = false;
    let mut quiet = ticking("10s");
    quiet.schedules[0].enabled = false;
    for jobs in [jobs_of(vec![]), jobs_of(vec![off]), jobs_of(vec![quiet]), jobs_of(vec![ticking("7m")])] {
        let mut agenda = empty();
        agenda.adopt(&before, at(0));
        assert_eq!(seconds(&agenda.take_due(&jobs, at(20))), [0_i64; 0]);
    }
}

#[test]
fn a_clock_that_leaps_by_years_leaves_a_bounded_number_of_slots_and_says_how_many_more_there_were() {
    let jobs = jobs_of(vec![ticking("1s")]);
    let mut agenda = empty();
    agenda.adopt(&jobs, at(0));
    let due = agenda.take_due(&jobs, at(400_000));
    let slots = seconds(&due);
    assert_eq!((slots.len(), slots.last()), (MOST_SLOTS, Some(&400_000)));
    let due = &due.values().next().unwrap()[0];
    assert_eq!(due.left_out, Some((at(1), 300_000)));
    let fates = decide(due, at(400_000), TimeDelta::minutes(1), &Holds::default());
    assert!(
        matches!(&fates[0], (first, Fate::Record(SlotOutcome::Missed, why))
        if *first == at(1) && why.contains("stands for 300000 slots")),
        "{:?}",
        fates[0]
    );
    assert_eq!(seconds(&agenda.take_due(&jobs, at(400_001))), [400_001]);
}

#[test]
fn a_start_finds_what_was_due_since_the_last_slot_that_was_decided() {
    let jobs = jobs_of(vec![ticking("10s")]);
    for (since, decided_to, found) in
        [(0, Some(20), vec![30, 40]), (0, None, vec![10, 20, 30, 40]), (35, Some(20), vec![40]), (0, Some(40), vec![])]
    {
        let mut agenda = remembered("10s", since, decided_to);
        assert_eq!(agenda.adopt(&jobs, at(41)), Default::default(), "nothing changed");
        assert_eq!(seconds(&agenda.take_due(&jobs, at(41))), found, "{since} {decided_to:?}");
    }
}

#[test]
fn a_schedule_that_is_new_or_says_something_else_counts_from_now() {
    let jobs = jobs_of(vec![ticking("10s")]);
    for mut agenda in [empty(), remembered("7s", 0, None)] {
        let changes = agenda.adopt(&jobs, at(41));
        assert_eq!((changes.seen.len(), changes.seen[0].since, changes.gone.len()), (1, at(41), 0));
        assert_eq!(seconds(&agenda.take_due(&jobs, at(59))), [50]);
    }
}

#[test]
fn a_clock_that_was_set_back_hides_no_slot_from_a_successor() {
    let jobs = jobs_of(vec![ticking("10s")]);
    // Slots until 80 wait for their rows when the clock is set back to 41; 20 is the last with one.
    let mut agenda = remembered("10s", 0, Some(20));
    agenda.adopt(&jobs, at(81));
    assert_eq!(seconds(&agenda.take_due(&jobs, at(81))), [30, 40, 50, 60, 70, 80]);
    assert_eq!(agenda.adopt(&jobs, at(41)), Default::default(), "the store knows an earlier beginning");
    assert_eq!(seconds(&agenda.take_due(&jobs, at(59))), [50]);
    let mut successor = remembered("10s", 0, Some(20));
    successor.adopt(&jobs, at(59));
    assert_eq!(seconds(&successor.take_due(&jobs, at(59))), [30, 40, 50]);
    // Back to before it was first seen: it counts from there.
    let mut agenda = remembered("10s", 35, None);
    assert_eq!(agenda.adopt(&jobs, at(5)).seen[0].since, at(5));
}

#[test]
fn time_as_disabled_does_not_count_but_time_out_of_the_catalogue_does() {
    let on = jobs_of(vec![ticking("10s")]);
    let mut off = ticking("10s");
    off.enabled = false;
    let mut agenda = remembered("10s", 0, None);
    assert_eq!(agenda.adopt(&jobs_of(vec![off]), at(5)).gone.len(), 1);
    assert_eq!(agenda.adopt(&on, at(45)).seen[0].since, at(45));
    assert_eq!(seconds(&agenda.take_due(&on, at(59))), [50]);

    let mut agenda = remembered("10s", 0, None);
    assert_eq!(agenda.adopt(&jobs_of(vec![]), at(5)), Default::default());
    assert_eq!(agenda.adopt(&on, at(45)), Default::default());
    assert_eq!(seconds(&agenda.take_due(&on, at(59))), [10, 20, 30, 40, 50]);
}

#[test]
fn a_jittered_slot_fires_within_its_range_and_survives_a_reload_in_between() {
    let mut jittered = ticking("1h");
    jittered.schedules[0].jitter_seconds = 600;
    let (due, fire_at) = (1..500)
        .map(|n| at(0) + TimeDelta::hours(n))
        .filter_map(|from| jittered.schedules[0].spec.next_after(from))
        .map(|due| (due, jittered.schedules[0].fire_at(&jittered.id, due)))
        .find(|(due, fire_at)| (*fire_at - *due).num_seconds() > 60)
        .unwrap();
    let jobs = jobs_of(vec![jittered]);
    let mut agenda = empty();
    agenda.adopt(&jobs, due - TimeDelta::seconds(1));
    let between = due + TimeDelta::seconds(30);
    assert!(agenda.take_due(&jobs, between).is_empty());
    assert_eq!(agenda.adopt(&jobs, between), Default::default());
    assert_eq!(agenda.next_fire(), Some(fire_at));
    let taken = agenda.take_due(&jobs, fire_at);
    assert_eq!(taken.values().next().unwrap()[0].instants, [due]);
}

/// The fates of slots 0 to `count` - 1, one a second, found at `now`: `f`ire, fire `l`ate, `m`issed, `s`kipped.
fn fates(job: Job, count: i64, now: Instant, pause: Option<&Pause>) -> (String, Vec<String>) {
    held(job, count, now, &Holds { pause: pause.cloned(), ..Holds::default() })
}

/// [`fates`] under any holds.
fn held(job: Job, count: i64, now: Instant, holds: &Holds) -> (String, Vec<String>) {
    let due = Due { job: job.into(), schedule: 0, instants: (0..count).map(at).collect(), left_out: None };
    let mut reasons = Vec::new();
    let letter = |(_, fate): (Instant, Fate)| match fate {
        Fate::Fire { late: false } => 'f',
        Fate::Fire { late: true } => 'l',
        Fate::Record(outcome, reason) => {
            reasons.push(reason);
            if outcome == SlotOutcome::Missed { 'm' } else { 's' }
        }
    };
    (decide(&due, now, TimeDelta::minutes(1), holds).into_iter().map(letter).collect(), reasons)
}

fn catching(catch_up: CatchUp, window: Option<u32>) -> Job {
    Job { catch_up, catch_up_window_seconds: window, ..ticking("1s") }
}

#[test]
fn catch_up_says_which_late_slots_fire() {
    use CatchUp::{All, Last, None as Never};
    for (catch_up, window, now, expected) in [
        (Never, None, 60, "ffffff"),
        (Never, None, 62, "mmffff"),
        (Never, None, 100, "mmmmmm"),
        (Last, None, 100, "mmmmml"),
        (Last, Some(95), 100, "mmmmml"),
        (Last, Some(94), 100, "mmmmmm"),
        (Last, None, 62, "mmffff"),
        (All, None, 100, "llllll"),
        (All, Some(97), 100, "mmmlll"),
        (All, Some(61), 62, "mlffff"),
    ] {
        let (found, _) = fates(catching(catch_up, window), 6, at(now), None);
        assert_eq!(found, expected, "{catch_up:?} {window:?} at {now}");
    }
}

#[test]
fn each_missed_slot_says_why() {
    let first = |job, count| fates(job, count, at(10_000), None).1.remove(0);
    assert_eq!(first(catching(CatchUp::None, None), 3), "found 10000 s late; catch_up is none");
    assert_eq!(first(catching(CatchUp::Last, Some(60)), 3), "found 10000 s late; the catch_up_window is 60 s");
    assert_eq!(
        first(catching(CatchUp::Last, None), 3),
        "found 10000 s late; catch_up is last: only the newest slot fires"
    );
    let (found, reasons) = fates(catching(CatchUp::All, None), MOST_CAUGHT_UP as i64 + 2, at(10_000), None);
    assert_eq!(found, "mm".to_owned() + &"l".repeat(MOST_CAUGHT_UP));
    assert_eq!(reasons[0], "found 10000 s late; catch_up is all: only the newest 1000 slots fire");
}

#[test]
fn a_slot_in_a_blackout_is_skipped_and_the_newest_outside_is_caught_up() {
    let mut job = catching(CatchUp::Last, None);
    // The instants are 11:06:40 and the five seconds after it.
    let span = BlackoutSpan::read("2026-11-18T11:06:43", "2026-11-18T11:07:00", vec![]).unwrap();
    job.blackouts.push(Blackout { name: "backup".to_owned(), zone: None, span });
    let (found, reasons) = fates(job.clone(), 6, at(1000), None);
    assert_eq!((found.as_str(), reasons.last().unwrap().as_str()), ("mmlsss", "blackout: backup"));
    assert_eq!(fates(job, 6, at(10), None).0, "fffsss", "in time or late");
}

#[test]
fn nothing_fires_while_the_scheduler_is_paused() {
    let mut pause = Pause { by: "user:alice".to_owned(), at: at(3), reason: "moving".to_owned() };
    let (found, reasons) = fates(catching(CatchUp::All, None), 6, at(10), Some(&pause));
    assert_eq!(found, "mmmmmm");
    assert_eq!(reasons[0], "found 10 s late; scheduler paused by user:alice: moving");
    assert_eq!(reasons[5], "scheduler paused by user:alice: moving");
    pause.reason.clear();
    assert_eq!(fates(catching(CatchUp::None, None), 6, at(10), Some(&pause)).1[5], "scheduler paused by user:alice");
}

#[test]
fn slots_that_join_those_that_wait_stay_in_order_and_bounded() {
    let jobs = jobs_of(vec![ticking("1s")]);
    let mut agenda = empty();
    agenda.adopt(&jobs, at(0));
    let mut take = |second| agenda.take_due(&jobs, at(second)).remove(&JobId::new("tick").unwrap()).unwrap().remove(0);
    let mut waiting = take(3);
    waiting.join(take(5));
    assert_eq!(waiting.instants, [at(1), at(2), at(3), at(4), at(5)]);
    let back = Due { instants: [at(2), at(4)].into(), left_out: None, ..take(6) };
    waiting.join(back);
    assert_eq!(waiting.instants, [at(1), at(2), at(3), at(4), at(5)], "a clock that was set back");
    waiting.join(take(100_003));
    assert_eq!((waiting.instants.len(), waiting.left_out), (MOST_SLOTS, Some((at(1), 2))));
    waiting.join(take(300_003));
    assert_eq!((waiting.instants[0], waiting.instants.len()), (at(200_004), MOST_SLOTS));
    assert_eq!(waiting.left_out, Some((at(1), 200_002)));
}

fn window(from: i64, until: i64, reason: &str) -> Maintenance {
    let (reason, by) = (reason.to_owned(), "user:ann".to_owned());
    Maintenance { id: format!("{from}"), from: at(from), until: at(until), reason, by, at: at(0) }
}

#[test]
fn a_maintenance_window_skips_what_is_due_in_it_and_what_would_be_caught_up_during_it_is_missed() {
    let under = |windows: Vec<Maintenance>| Holds { windows, ..Holds::default() };
    let inside = under(vec![window(2, 4, "upgrade")]);
    let (found, reasons) = held(catching(CatchUp::None, None), 6, at(6), &inside);
    assert_eq!((found.as_str(), reasons[0].as_str()), ("ffssff", "maintenance: upgrade"));
    // Found late, after the window: as a blackout, it takes its slots out of what is caught up.
    assert_eq!(held(catching(CatchUp::All, None), 6, at(600), &inside).0, "llssll");
    assert_eq!(held(catching(CatchUp::Last, None), 6, at(600), &under(vec![window(4, 9, "")])).0, "mmmlss");
    // Found late, while a window lasts that they are not in: nothing fires now.
    let (found, reasons) = held(catching(CatchUp::All, None), 6, at(600), &under(vec![window(500, 700, "")]));
    assert_eq!((found.as_str(), reasons[0].as_str()), ("mmmmmm", "found 600 s late; maintenance"));
    // A slot whose jitter leads into the window.
    let mut jittered = ticking("1s");
    jittered.schedules[0].jitter_seconds = 30;
    let fires: Vec<Instant> = (0..6).map(|n| jittered.schedules[0].fire_at(&jittered.id, at(n))).collect();
    let found = held(jittered, 6, at(40), &under(vec![window(6, 60, "")])).0;
    let expected: String = fires.iter().map(|fire| if *fire >= at(6) { 's' } else { 'f' }).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_slot_that_is_skipped_once_is_left_alone_and_the_one_before_it_is_the_newest_to_be_caught_up() {
    let slot =
        |second| Slot { job_id: JobId::new("tick").unwrap(), schedule: "default".to_owned(), due_at: at(second) };
    let skips = vec![skip_once(slot(5), "user:ann", at(1))];
    assert_eq!(skips[0].reason.as_deref(), Some("skipped once by user:ann"));
    let holds = Holds { skips, ..Holds::default() };
    assert_eq!(held(catching(CatchUp::None, None), 6, at(6), &holds).0, "fffff");
    assert_eq!(held(catching(CatchUp::Last, None), 6, at(600), &holds).0, "mmmml");
    let mut other = catching(CatchUp::Last, None);
    other.id = JobId::new("other").unwrap();
    assert_eq!(held(other, 6, at(600), &holds).0, "mmmmml");
}
