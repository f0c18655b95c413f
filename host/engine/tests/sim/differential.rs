//! Keeps the tables in memory honest: the same calls, drawn by chance, must get the same answers from them and from the
//! SQL store, and leave the same rows.

use std::fmt::Debug;
use std::sync::Arc;

use host_model::fire::{NewRun, Pause, SeenSchedule, Slot, SlotFilter, SlotOutcome, SlotRecord};
use host_model::hold::{Maintenance, skip_once};
use host_model::job::Overlap;
use host_model::log::{LogLevel, LogLine};
use host_model::port::{Claim, Store, StoreError};
use host_model::replica::{Held, Presence};
use host_model::run::{Run, RunFilter, RunStatus};
use host_model::transition::{AttemptKey, Change, RunChange, StepChange};
use host_model::{Instant, JobId, Json, JsonMap, Owner, RunId, StepError, StepName};

use crate::dice::Dice;
use crate::handle::{Process, Shop};

const DAWN: i64 = 1_795_003_200_000;
const OWNERS: [&str; 3] = ["m/1/1", "m/2/1", "m/3/1"];
const PLACES: [&str; 3] = ["any", "here:m/1/1", "label:blue"];

/// An answer as it is compared; of refusals only that they are.
fn shown<T: Debug>(answer: Result<T, StoreError>) -> String {
    answer.map_or_else(|_| "refused".to_owned(), |answer| format!("{answer:?}"))
}

struct Pair {
    memory: Arc<dyn Store>,
    sql: Arc<dyn Store>,
    dice: Dice,
    now: i64,
    runs: Vec<RunId>,
    /// What was asked, for whoever reads a difference.
    asked: Vec<String>,
}

macro_rules! both {
    ($pair:ident . $call:ident ( $($argument:expr),* )) => {{
        let asked = format!(concat!(stringify!($call), " {:?}"), ($(&$argument,)*));
        $pair.asked.push(asked);
        let memory = shown($pair.memory.$call($($argument),*).await);
        let sql = shown($pair.sql.$call($($argument),*).await);
        assert_eq!(memory, sql, "memory and SQL differ after\n{}", $pair.asked.join("\n"));
        memory
    }};
}

impl Pair {
    fn at(&mut self) -> Instant {
        self.now += self.dice.of(0..5) as i64;
        Instant::from_timestamp_millis(self.now).unwrap()
    }

    fn job(&mut self) -> JobId {
        JobId::new(self.dice.pick(&["a", "b"])).unwrap()
    }

    fn slot(&mut self) -> Slot {
        let due_at = Instant::from_timestamp_millis(DAWN + self.dice.of(0..40) as i64 * 1000).unwrap();
        let schedule = self.dice.pick(&["default", "other"]).to_owned();
        Slot { job_id: self.job(), schedule, due_at }
    }

    async fn held(&mut self) -> Held {
        let lease = self.sql.find_lease().await.unwrap();
        let held = lease.map_or(Held { holder: String::new(), term: 1 }, |l| Held { holder: l.holder, term: l.term });
        if self.dice.chance(75) { held } else { Held { holder: OWNERS[0].to_owned(), term: self.dice.of(1..4) } }
    }

    async fn new_run(&mut self) -> NewRun {
        let queued_at = self.at();
        let id = if self.dice.chance(5) && !self.runs.is_empty() {
            self.dice.pick(&self.runs)
        } else {
            RunId::from_parts(self.now as u64, self.runs.len() as u32)
        };
        let slot = if self.dice.chance(50) { Some(self.slot()) } else { None };
        let job_id = slot.as_ref().map_or_else(|| JobId::new("a").unwrap(), |slot| slot.job_id.clone());
        let step = |n: u64| (StepName::new(&format!("s{n}")).unwrap(), "python");
        let lease = if self.dice.chance(50) { Some(self.held().await) } else { None };
        self.runs.push(id);
        NewRun {
            id,
            job_id,
            overlap: self.dice.pick(Overlap::ALL),
            depends_on: if self.dice.chance(20) { vec![JobId::new("b").unwrap()] } else { Vec::new() },
            triggered_by: "cron".to_owned(),
            slot,
            replay: None,
            as_of: None,
            queued_at,
            owner: if self.dice.chance(50) { self.dice.pick(&OWNERS).to_owned() } else { String::new() },
            placement: self.dice.pick(&PLACES).to_owned(),
            limits: if self.dice.chance(30) { vec!["tag:scarce".to_owned()] } else { Vec::new() },
            definition: "{}".into(),
            lease,
            log_level: LogLevel::Info,
            params: JsonMap::new(),
            overrides: JsonMap::new(),
            steps: (0..self.dice.of(1..3)).map(step).collect(),
        }
    }

    fn slot_record(&mut self) -> SlotRecord {
        let outcome = self.dice.pick(&[SlotOutcome::Missed, SlotOutcome::Skipped]);
        SlotRecord { slot: self.slot(), outcome, reason: Some("why".to_owned()), run_id: None, decided_at: self.at() }
    }

    /// Changes of one run, mostly by whoever has it, as it is.
    async fn changes(&mut self) -> Vec<Change> {
        let Some(run) = self.some_run().await else { return Vec::new() };
        (0..self.dice.of(1..4)).map(|_| self.change(&run)).collect()
    }

    async fn some_run(&mut self) -> Option<Run> {
        let filter = RunFilter {
            statuses: if self.dice.chance(80) { vec![RunStatus::Queued, RunStatus::Running] } else { Vec::new() },
            limit: 20,
            ..RunFilter::default()
        };
        let runs = self.sql.list_runs(&filter).await.unwrap();
        (!runs.is_empty()).then(|| self.dice.pick(&runs))
    }

    fn change(&mut self, run: &Run) -> Change {
        let (at, id) = (self.at(), run.id);
        let owner = match self.dice.of(0..12) {
            0 => Owner { name: OWNERS[0], term: run.term },
            1 => Owner { name: &run.owner, term: run.term + 1 },
            _ => run.owner(),
        };
        let key =
            AttemptKey { run_id: id, index: self.dice.of(0..2) as u32, attempt: self.dice.pick(&[1, 1, 1, 2]), owner };
        let error = || StepError::remote("no route");
        match self.dice.of(0..11) {
            0 | 1 => RunChange::start(id, owner, at).into(),
            2 => RunChange::succeed(id, owner, at).into(),
            3 => RunChange::fail(id, owner, at, "why".to_owned()).into(),
            4 => RunChange::cancel(id, owner, at, "why".to_owned()).into(),
            5 => RunChange::abandon(id, owner, at).into(),
            6 => {
                let back = RunChange::give_back(id, owner, at, self.dice.pick(&PLACES), "gone".to_owned());
                let status = self.dice.pick(&[None, Some(RunStatus::Queued), Some(RunStatus::Running)]);
                status.map_or(back.clone(), |status| back.only_from(status).unwrap()).into()
            }
            7 => StepChange::start(key, at, Json::Null).into(),
            8 => StepChange::succeed(key, at, JsonMap::new(), Some(3), None).into(),
            9 => StepChange::retry_at(key, at, error(), None, at).into(),
            10 if self.dice.chance(50) => StepChange::wait(key, at).into(),
            _ if self.dice.chance(50) => StepChange::fail(key, at, error(), None).into(),
            _ => StepChange::cancel(key, at, "why".to_owned()).into(),
        }
    }

    async fn step(&mut self) {
        let owner = self.dice.pick(&OWNERS);
        match self.dice.of(0..27) {
            0..5 => {
                let new = self.new_run().await;
                both!(self.record_fire(&new));
            }
            5..10 => {
                let changes = self.changes().await;
                both!(self.apply(&changes));
            }
            10 | 11 => {
                let claim = Claim {
                    owner: owner.to_owned(),
                    placements: PLACES[..self.dice.of(1..4) as usize].iter().map(|p| (*p).to_owned()).collect(),
                    most: self.dice.of(1..4) as u32,
                    limits: [("tag:scarce".to_owned(), self.dice.of(1..3) as u32)].into(),
                };
                both!(self.claim_runs(&claim));
            }
            12 => {
                let slot = self.slot_record();
                both!(self.record_slot(&slot));
            }
            13 => {
                let slots = [self.slot_record(), self.slot_record()];
                let held = self.held().await;
                let held = self.dice.chance(70).then_some(&held);
                both!(self.record_slots(&slots, held));
            }
            14 => {
                let (slot, since) = (self.slot(), self.at());
                let key = (slot.job_id.clone(), slot.schedule.clone());
                let seen = [SeenSchedule { job_id: slot.job_id, schedule: slot.schedule, text: "t".to_owned(), since }];
                let (seen, gone) = if self.dice.chance(70) { (&seen[..], &[][..]) } else { (&[][..], &[key][..]) };
                both!(self.save_seen_schedules(seen, gone));
                if self.dice.chance(20) {
                    let (to, ahead_to) = (self.slot().due_at, self.slot().due_at);
                    both!(self.note_clock_set_back(to, ahead_to));
                }
            }
            15 => {
                let pause = Pause { by: "user:a".to_owned(), at: self.at(), reason: String::new() };
                let pause = self.dice.chance(50).then_some(&pause);
                both!(self.set_pause(pause));
            }
            23 => {
                let (id, from) = (format!("w{}", self.dice.of(0..3)), self.at());
                let until = from + chrono::TimeDelta::milliseconds(self.dice.of(1..9000) as i64);
                let (reason, by, at) = ("upgrade".to_owned(), "user:a".to_owned(), self.at());
                let window = Maintenance { id, from, until, reason, by, at };
                both!(self.add_maintenance(&window));
                let at = self.at();
                both!(self.end_maintenance("w1", at));
            }
            24 => {
                let at = self.at();
                let mut slot = self.slot();
                slot.due_at += chrono::TimeDelta::milliseconds(self.dice.of(0..9000) as i64);
                let record = skip_once(slot.clone(), "user:a", at);
                both!(self.record_slot(&record));
                let after = self.at();
                if self.dice.chance(50) {
                    both!(self.undo_skip(&slot, after));
                }
                both!(self.find_holds(after));
            }
            16 => {
                let Some(run) = self.some_run().await else { return };
                let at = self.at();
                both!(self.request_cancel(run.id, "user:a", at));
                both!(self.list_cancel_marks(owner));
            }
            17 => {
                let presence = Presence {
                    owner: owner.to_owned(),
                    role: "server".to_owned(),
                    labels: vec!["blue".to_owned()],
                    url: None,
                    version: "1".to_owned(),
                    scheduler_enabled: true,
                    room: self.dice.of(1..9) as u32,
                    started_at: self.at(),
                };
                let at = self.at();
                both!(self.beat(&presence, at));
            }
            18 => {
                let beat = self.dice.of(0..4);
                both!(self.forget_replica(owner, (beat > 0).then_some(beat)));
            }
            19 | 20 => {
                let mut seen = self.sql.find_lease().await.unwrap();
                if let Some(seen) = seen.as_mut().filter(|_| self.dice.chance(30)) {
                    seen.beat += self.dice.of(0..2);
                    seen.term += self.dice.of(0..2);
                }
                let (at, seen) = (self.at(), seen.filter(|_| self.dice.chance(70)));
                both!(self.take_lease(owner, seen.as_ref(), at));
            }
            21 => {
                let (held, at) = (self.held().await, self.at());
                both!(self.keep_lease(&held, at));
            }
            22 => {
                let held = self.held().await;
                both!(self.release_lease(&held));
            }
            _ => {
                let Some(run) = self.some_run().await else { return };
                let (seq, at) = (self.dice.of(0..5), self.at());
                let line = LogLine {
                    run_id: run.id,
                    seq,
                    at,
                    level: LogLevel::Info,
                    step: None,
                    attempt: 0,
                    message: format!("line {at}"),
                };
                let lines = [line];
                both!(self.append_logs(&lines));
                both!(self.count_logs(run.id));
            }
        }
    }

    /// All rows of both.
    async fn compare(&mut self) {
        let all = RunFilter { limit: 10_000, ..RunFilter::default() };
        both!(self.list_runs(&all));
        for jobs in [Vec::new(), vec![JobId::new("a").unwrap()]] {
            both!(self.list_latest_runs(&jobs));
        }
        both!(self.list_owners());
        both!(self.list_replicas());
        both!(self.find_lease());
        both!(self.find_pause());
        both!(self.find_holds(Instant::UNIX_EPOCH));
        let until = self.at();
        both!(self.list_seen_schedules(until));
        both!(self.list_seen_schedules(Instant::MAX_UTC));
        for job in ["a", "b"] {
            let filter = SlotFilter { job_id: JobId::new(job).unwrap(), from: None, before: None, limit: 1000 };
            both!(self.find_slots(&filter));
        }
        for run in self.runs.clone() {
            both!(self.list_steps(run));
            both!(self.find_definition(run));
            both!(self.list_logs(run, 0, 100));
        }
    }
}

#[tokio::test]
async fn the_tables_in_memory_answer_as_the_sql_store_does() {
    for seed in 0..12 {
        let folder = tempfile::tempdir().unwrap();
        let sql = host_store::open("sqlite:runs.db", folder.path()).await.unwrap();
        let memory = Process::new("m/1/1".to_owned(), Shop::new(), Dice::new(seed));
        let asked = vec![format!("seed {seed}")];
        let mut pair = Pair { memory, sql, dice: Dice::new(seed), now: DAWN, runs: Vec::new(), asked };
        for _ in 0..120 {
            pair.step().await;
        }
        pair.compare().await;
        pair.sql.close().await;
    }
}
