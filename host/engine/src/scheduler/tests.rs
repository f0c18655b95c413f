//! What is due, held against the jobs of the moment; whole runs of the scheduler are in `crate::tests::schedules`.

use super::*;
use crate::tests::{every, job, jobs_of, step};

fn at(second: i64) -> Instant {
    chrono::DateTime::from_timestamp(1_795_000_000 + second, 0).unwrap()
}

fn ticking(text: &str) -> host_model::Job {
    let mut ticking = job("tick", vec![step("a", "echo")]);
    ticking.schedules.push(every(text));
    ticking
}

fn seconds(due: &BTreeMap<JobId, Vec<Slot>>) -> Vec<i64> {
    due.values().flatten().map(|s| s.due_at.timestamp() - 1_795_000_000).collect()
}

#[test]
fn every_slot_since_the_last_look_is_taken_once_and_in_order() {
    let jobs = jobs_of(vec![ticking("10s")]);
    let mut queue = fill(&jobs, at(0));
    assert_eq!(seconds(&take_due(&mut queue, &jobs, at(9))), [0_i64; 0]);
    assert_eq!(seconds(&take_due(&mut queue, &jobs, at(35))), [10, 20, 30]);
    assert_eq!(seconds(&take_due(&mut queue, &jobs, at(40))), [40]);
}

#[test]
fn a_job_that_is_gone_disabled_or_changed_since_it_was_queued_does_not_fire() {
    let before = jobs_of(vec![ticking("10s")]);
    let mut off = ticking("10s");
    off.enabled = false;
    let mut quiet = ticking("10s");
    quiet.schedules[0].enabled = false;
    for jobs in [jobs_of(vec![]), jobs_of(vec![off]), jobs_of(vec![quiet]), jobs_of(vec![ticking("7m")])] {
        let mut queue = fill(&before, at(0));
        assert_eq!(seconds(&take_due(&mut queue, &jobs, at(20))), [0_i64; 0]);
    }
}

#[test]
fn a_clock_that_leaps_by_years_leaves_a_bounded_number_of_missed_slots() {
    let jobs = jobs_of(vec![ticking("1s")]);
    let mut queue = fill(&jobs, at(0));
    let now = at(400_000);
    assert_eq!(seconds(&take_due(&mut queue, &jobs, now)).len(), MOST_SLOTS);
    assert_eq!(seconds(&take_due(&mut queue, &jobs, at(400_001))), [400_001]);
}
