//! Long series of disasters, with real processes and a PostgreSQL server of their own: the primary is killed, workers are
//! killed, the database itself goes away. After each series the books must be complete: one row for every slot, one
//! execution for every run but where a rule says otherwise, nothing left in flight.
//!
//! `NOMAFLOW_CAMPAIGN_ROUNDS` says how many rounds (200), `NOMAFLOW_CAMPAIGN_SEED` repeats the choices of an earlier series;
//! what the operating system does between them, nobody can repeat. Each series prints its seed and its times.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use test_support::Session;

use crate::fleet::{RunRow, Slot, assert_whole, in_flight, runs, slots};

mod database;
mod primary;
mod workers;

/// A standby takes over within this time (product §6).
const TAKE_OVER: Duration = Duration::from_secs(5);
/// Runs of one job at a time: what a slot says that met one in flight.
const STILL_RUNNING: &str = "previous run ";
/// Why a run ended whose process is gone.
const LOST: &str = "lost in restart";
/// A run that lost its process in so many terms is failed, whatever its job says. A process that was killed before it began
/// what it had taken up costs a term and no attempt: then nothing was lost, and the run is given back beyond them too.
const MOST_TERMS: u32 = 5;
/// Ends a series: slots from then on are missed, for this reason.
const THE_END: &str = "the campaign is over";

/// How many rounds this series has; all of them in one machine's test, `share` of them where rounds take longer.
fn rounds(share: usize) -> usize {
    let all = std::env::var("NOMAFLOW_CAMPAIGN_ROUNDS").ok().map_or(200, |text| text.parse().expect("a number"));
    usize::max(1, all / share)
}

/// Choices by seed (SplitMix64).
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    /// From the environment, or a new one; printed.
    fn new(series: &str) -> Self {
        let from_clock = || std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
        let seed = std::env::var("NOMAFLOW_CAMPAIGN_SEED").ok();
        let seed = seed.map_or_else(from_clock, |text| text.parse().expect("a number"));
        println!("{series}: NOMAFLOW_CAMPAIGN_SEED={seed}");
        Self(seed)
    }

    /// Another, that goes its own way.
    fn split(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 to `end`, without it.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn milliseconds(&mut self, end: usize) -> Duration {
        Duration::from_millis(self.below(end) as u64)
    }
}

/// Measured times, for people and for the bound.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn add(&mut self, other: Times) {
        self.0.extend(other.0);
    }

    fn sorted(mut self) -> Self {
        self.0.sort();
        self
    }

    /// Of sorted ones.
    fn at(&self, percent: usize) -> Duration {
        self.0.get((self.0.len() * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99, max) = (self.at(50), self.at(99), self.at(100));
        write!(f, "{} times, p50 {p50:.2?}, p99 {p99:.2?}, max {max:.2?}", self.0.len())
    }
}

/// What a series left in the store.
struct Books {
    slots: Vec<Slot>,
    runs: Vec<RunRow>,
    /// Recorded attempts by run and step.
    attempts: BTreeMap<(String, String), u32>,
    /// Executions as the steps counted them, by run and step.
    marks: BTreeMap<(String, String), u32>,
}

impl Books {
    fn read(session: &mut Session) -> Self {
        assert_eq!(in_flight(session), 0, "a run is left QUEUED or RUNNING");
        let mut count = |sql: &str| -> BTreeMap<(String, String), u32> {
            let rows = session.rows(sql).unwrap().into_iter();
            rows.map(|row| ((row[0].clone(), row[1].clone()), row[2].parse().unwrap())).collect()
        };
        let attempts =
            "select run_id, step_name, count(*) from ly2_step_runs where started_at is not null group by 1, 2";
        let attempts = count(attempts);
        let marks = count("select run, step, count(*) from marks group by 1, 2");
        Self { slots: slots(session), runs: runs(session), attempts, marks }
    }

    /// Every slot has one row, and every slot but those after the end fired; where `may_skip` says that a job has one run at
    /// a time, a slot may have met the run before it. Each fired slot has one run of its own, each run one slot.
    #[track_caller]
    fn assert_nothing_lost_or_doubled(&self, may_skip: impl Fn(&str) -> bool) {
        assert_whole(&self.slots);
        let mut over: BTreeSet<&str> = BTreeSet::new();
        let mut by_run: BTreeMap<&str, &Slot> = BTreeMap::new();
        for slot in &self.slots {
            match slot.outcome.as_str() {
                "missed" if slot.reason.contains(THE_END) => drop(over.insert(&slot.job)),
                "fired" => assert!(!over.contains(slot.job.as_str()), "fired after the end: {slot:?}"),
                "skipped" => assert!(may_skip(&slot.job) && slot.reason.starts_with(STILL_RUNNING), "{slot:?}"),
                _ => panic!("not fired: {slot:?}"),
            }
            if slot.outcome != "missed" {
                assert_eq!(by_run.insert(&slot.run, slot), None, "two slots of one run: {slot:?}");
            }
        }
        for run in self.runs.iter().filter(|run| !run.job.starts_with('_')) {
            let slot = by_run.remove(run.id.as_str()).unwrap_or_else(|| panic!("a run without a slot: {run:?}"));
            assert_eq!((&slot.job, Some(slot.due)), (&run.job, run.due), "{run:?}");
            assert_eq!(slot.outcome == "skipped", run.status == "SKIPPED", "{slot:?} {run:?}");
        }
        assert!(by_run.is_empty(), "slots without their runs: {by_run:?}");
    }

    fn executions(&self, run: &RunRow, step: &str) -> u32 {
        self.marks.get(&(run.id.clone(), step.to_owned())).copied().unwrap_or_default()
    }

    fn attempts(&self, run: &RunRow, step: &str) -> u32 {
        self.attempts.get(&(run.id.clone(), step.to_owned())).copied().unwrap_or_default()
    }

    fn count(&self, what: impl Fn(&RunRow) -> bool) -> usize {
        self.runs.iter().filter(|run| what(run)).count()
    }
}
