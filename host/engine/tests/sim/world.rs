//! Carries a plan out: processes begin, suffer and end on one thread under tokio's paused clock, which jumps from timer to
//! timer, so that a minute takes milliseconds. What happened when is written down for the oracle.
//!
//! Two things are left to chance even for a given seed: which of several ready branches `tokio::select!` takes, and the low
//! bits of run ids. A failing history is therefore printed whole, with every call that reached the store.

use std::cell::RefCell;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono_tz::Tz;
use host_engine::{Engine, EngineParts, FireRequest, Pace, Runners};
use host_model::fire::{Pause, Slot};
use host_model::hold::Maintenance;
use host_model::port::Clock;
use host_model::replica::Presence;
use host_model::run::Trigger;
use host_model::{CancelToken, Instant, JobId, RunId};
use tokio::sync::Notify;

use crate::dice::Dice;
use crate::handle::{Process, Shop, lock};
use crate::oracle;
use crate::plan::{Blow, Catalogue, Plan, Role, TAG, jobs_of};
use crate::runner::{Executions, Hands, Nothing};
use crate::tally::Tally;

pub(crate) const BEAT: u64 = 600;
pub(crate) const LEASE_LOST: u64 = 1800;
pub(crate) const OWNER_LOST: u64 = 3600;
/// 2026-11-18T12:00:00.250Z, in milliseconds: no slot is due as a history begins.
pub(crate) const DAWN: i64 = 1_795_003_200_250;
/// So long things may take to become quiet once nothing happens any more.
const PATIENCE: u64 = 400_000;

thread_local! {
    /// Processes of the history on this thread, when they share a machine.
    static MACHINE: RefCell<Vec<Arc<Process>>> = const { RefCell::new(Vec::new()) };
}

fn is_owner_alive(owner: &str) -> bool {
    MACHINE.with_borrow(|all| all.iter().find(|p| &*p.name == owner).is_none_or(|p| p.died().is_none()))
}

/// The clock of all processes, which the history sets.
#[derive(Default)]
pub(crate) struct WallClock {
    offset: AtomicI64,
    set: Notify,
}

struct ProcessClock {
    wall: Arc<WallClock>,
    shop: Arc<Shop>,
    skew: i64,
    is_told: bool,
}

#[async_trait]
impl Clock for ProcessClock {
    fn now(&self) -> Instant {
        let millis = DAWN + self.shop.now() as i64 + self.wall.offset.load(Ordering::Relaxed) + self.skew;
        Instant::from_timestamp_millis(millis).unwrap_or_default()
    }

    async fn was_set(&self) {
        if self.is_told { self.wall.set.notified().await } else { std::future::pending().await }
    }
}

/// The life of one process, for the oracle.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) process: Arc<Process>,
    pub(crate) role: Role,
    pub(crate) began: u64,
    /// When its engine had started.
    pub(crate) ready: Option<u64>,
    /// When it was told to stop.
    pub(crate) leaves: Option<u64>,
    engine: Option<Engine>,
}

/// From, to, whom; `None` = all.
pub(crate) type Disturbance = (u64, u64, Option<Arc<str>>);

/// What happened, as the oracle reads it.
pub(crate) struct Record {
    pub(crate) shop: Arc<Shop>,
    pub(crate) executions: Executions,
    pub(crate) lives: Mutex<Vec<Life>>,
    /// Since when which jobs were declared.
    pub(crate) catalogues: Mutex<Vec<(u64, Catalogue)>>,
    /// By how much the clock was set when.
    pub(crate) jumps: Mutex<Vec<(u64, i64)>>,
    /// Since when the scheduler was paused, or not.
    pub(crate) pauses: Mutex<Vec<(u64, bool)>>,
    /// Windows as the tables had them after each change: since when, which.
    pub(crate) windows: Mutex<Vec<(u64, Vec<Maintenance>)>>,
    /// Slots that were skipped once, and from when to when the skip counted.
    pub(crate) skips: Mutex<Vec<(Slot, u64, Option<u64>)>>,
    /// What disturbed a process, or all.
    pub(crate) disturbances: Mutex<Vec<Disturbance>>,
    /// Runs that a caller was told of.
    pub(crate) promised: Mutex<Vec<RunId>>,
    /// Since when nothing happens any more.
    pub(crate) quiet_since: AtomicI64,
    pub(crate) tells_of_jumps: bool,
}

pub(crate) struct World {
    pub(crate) record: Arc<Record>,
    wall: Arc<WallClock>,
    dice: Dice,
    one_machine: bool,
    tells_of_jumps: bool,
}

/// Lives through the history; the error is what the oracle says, with the plan.
pub(crate) fn live_through(plan: Plan) -> Result<Tally, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let outcome = runtime.block_on(live(&plan));
    // What is left of its processes is dropped with the runtime.
    drop(runtime);
    MACHINE.take();
    outcome.map_err(|why| format!("{plan}{why}"))
}

async fn live(plan: &Plan) -> Result<Tally, String> {
    let record = Arc::new(Record {
        shop: Shop::new(),
        executions: Executions::default(),
        lives: Mutex::default(),
        catalogues: Mutex::new(vec![(0, plan.catalogue.clone())]),
        jumps: Mutex::default(),
        pauses: Mutex::new(vec![(0, false)]),
        windows: Mutex::default(),
        skips: Mutex::default(),
        disturbances: Mutex::default(),
        promised: Mutex::default(),
        quiet_since: AtomicI64::new(i64::MAX),
        tells_of_jumps: plan.tells_of_jumps,
    });
    let mut world = World {
        record: record.clone(),
        wall: Arc::default(),
        dice: plan.dice.clone(),
        one_machine: plan.one_machine,
        tells_of_jumps: plan.tells_of_jumps,
    };
    plan.first.iter().for_each(|role| world.start(*role));
    for (at, blow) in &plan.blows {
        world.until(*at).await;
        world.strike(blow);
    }
    world.until(plan.ends).await;
    world.make_peace().await;
    let from = record.shop.now();
    let mut verdict;
    loop {
        tokio::time::sleep(Duration::from_millis(if record.shop.now() < from + 20_000 { 2500 } else { 20_000 })).await;
        verdict = oracle::judge(&record);
        if verdict.is_empty() || record.shop.now() > from + PATIENCE {
            break;
        }
    }
    if verdict.is_empty() { Ok(Tally::of(&record)) } else { Err(oracle::explain(&record, &verdict)) }
}

impl World {
    pub(crate) fn now(&self) -> u64 {
        self.record.shop.now()
    }

    /// Waits; what did not start meanwhile is started again, as a supervisor would.
    async fn until(&mut self, at: u64) {
        tokio::time::sleep_until(self.record.shop.began + Duration::from_millis(at)).await;
        let failed: Vec<Role> = {
            let mut lives = lock(&self.record.lives);
            let gone =
                |life: &&mut Life| life.ready.is_none() && life.leaves.is_none() && life.process.died().is_some();
            let mark = |life: &mut Life| {
                life.leaves = life.process.died();
                life.role
            };
            lives.iter_mut().filter(gone).map(mark).collect()
        };
        failed.into_iter().for_each(|role| self.start(role));
    }

    fn start(&mut self, role: Role) {
        let (shop, now) = (self.record.shop.clone(), self.now());
        let number = lock(&self.record.lives).len();
        let process = Process::new(format!("m/{number}/1"), shop.clone(), self.dice.fork());
        if self.one_machine {
            MACHINE.with_borrow_mut(|all| all.push(process.clone()));
        }
        let life = Life { process: process.clone(), role, began: now, ready: None, leaves: None, engine: None };
        lock(&self.record.lives).push(life);
        let clock = ProcessClock { wall: self.wall.clone(), shop, skew: role.skew, is_told: self.tells_of_jumps };
        let presence = Presence {
            owner: process.name.to_string(),
            role: "server".to_owned(),
            labels: role.label.then(|| "blue".to_owned()).into_iter().collect(),
            url: None,
            version: "0".to_owned(),
            scheduler_enabled: role.scheduler,
            room: role.room,
            started_at: clock.now(),
        };
        let hands = Hands { process: process.clone(), executions: self.record.executions.clone() };
        let record = self.record.clone();
        let generation = lock(&record.catalogues).len();
        let parts = EngineParts {
            store: process.clone(),
            clock: Arc::new(clock),
            runners: Runners::new().with("python", Arc::new(hands)),
            connectors: Arc::new(Nothing),
            secrets: Arc::new(Nothing),
            env: Arc::new(|_| None),
            jobs: jobs_of(&lock(&record.catalogues)[generation - 1].1),
            presence,
            pace: Pace {
                beat: Duration::from_millis(BEAT),
                lease_lost_after: Duration::from_millis(LEASE_LOST),
                owner_lost_after: Duration::from_millis(OWNER_LOST),
            },
            is_owner_alive,
            limits: [(format!("tag:{TAG}"), 1)].into(),
            default_zone: Tz::UTC,
        };
        tokio::spawn(async move {
            let Ok(engine) = Engine::start(parts).await else {
                process.die();
                return;
            };
            let catalogues = lock(&record.catalogues);
            if catalogues.len() > generation {
                engine.replace_jobs(jobs_of(&catalogues[catalogues.len() - 1].1), 0);
            }
            let life = &mut lock(&record.lives)[number];
            life.ready = Some(record.shop.now());
            life.engine = Some(engine);
        });
    }

    /// Processes that are up and were not told to stop.
    fn up(&self) -> Vec<(usize, Life)> {
        let is_up = |life: &Life| life.ready.is_some() && life.leaves.is_none() && life.process.died().is_none();
        lock(&self.record.lives).iter().cloned().enumerate().filter(|(_, life)| is_up(life)).collect()
    }

    fn disturb(&self, millis: u64, who: Option<&Life>) -> u64 {
        let now = self.now();
        lock(&self.record.disturbances).push((now, now + millis, who.map(|life| life.process.name.clone())));
        now + millis
    }

    fn strike(&mut self, blow: &Blow) {
        let (now, up) = (self.now(), self.up());
        let one = |who: &usize| (!up.is_empty()).then(|| up[who % up.len()].clone());
        match blow {
            Blow::Start(role) => {
                if up.len() < 3 {
                    self.start(*role);
                }
            }
            Blow::Trap { who, trap } => {
                // Some calls only the holder of the lease makes.
                let holder = lock(&self.record.shop.tables).lease.as_ref().map(|lease| lease.holder.clone());
                let holder = up.iter().find(|(_, life)| holder.as_deref() == Some(&*life.process.name));
                let is_his = matches!(
                    trap.call,
                    Some("record_fire" | "record_slots" | "save_seen_schedules" | "note_clock_set_back")
                );
                if let Some((_, life)) = holder.filter(|_| is_his).cloned().or_else(|| one(who)) {
                    life.process.set_trap(trap.clone());
                }
            }
            Blow::StandStill { who, millis } => {
                if let Some((_, life)) = one(who) {
                    life.process.stand_still(self.disturb(*millis, Some(&life)));
                }
            }
            Blow::Away { who, millis } => {
                let until = self.disturb(*millis, who.as_ref().and_then(one).map(|(_, life)| life).as_ref());
                let all = who.is_none();
                up.iter()
                    .filter(|(n, _)| all || one(&who.unwrap_or(0)).is_some_and(|(it, _)| it == *n))
                    .for_each(|(_, life)| life.process.be_away(until));
            }
            Blow::Flaky { millis, before, after } => {
                let until = self.disturb(*millis, None);
                up.iter().for_each(|(_, life)| life.process.be_flaky(until, *before, *after));
            }
            Blow::Jump(millis) => {
                self.wall.offset.fetch_add(*millis, Ordering::Relaxed);
                lock(&self.record.jumps).push((now, *millis));
                self.wall.set.notify_waiters();
            }
            Blow::Reload(catalogue) => {
                lock(&self.record.catalogues).push((now, catalogue.clone()));
                let jobs = jobs_of(catalogue);
                up.iter().filter_map(|(_, life)| life.engine.as_ref()).for_each(|e| e.replace_jobs(jobs.clone(), 0));
            }
            Blow::Pause | Blow::Resume => {
                let is_paused = matches!(blow, Blow::Pause);
                let pause = Pause { by: "user:sim".to_owned(), at: self.wall_now(), reason: String::new() };
                if lock(&self.record.shop.tables).set_pause(is_paused.then_some(&pause)) {
                    lock(&self.record.pauses).push((now, is_paused));
                }
            }
            Blow::Maintain { .. } | Blow::EndMaintenance => self.maintain(blow),
            Blow::Skip { .. } | Blow::Undo => self.skip(blow),
            Blow::Fire { who, job, placement } => {
                let (Some((_, life)), Ok(job)) = (one(who), JobId::new(job)) else { return };
                let Some(engine) = life.engine else { return };
                let record = self.record.clone();
                let request = FireRequest { placement: placement.clone(), ..FireRequest::manual(job, Trigger::Api) };
                tokio::spawn(async move {
                    if let Ok(fired) = engine.fire(request).await {
                        lock(&record.promised).push(fired.run_id);
                    }
                });
            }
            Blow::Cancel { who, nth } => {
                let run = lock(&self.record.shop.tables).active.iter().nth(*nth).copied();
                let (Some(run), Some((_, Life { engine: Some(engine), .. }))) = (run, one(who)) else { return };
                tokio::spawn(async move { engine.cancel(run, "user:sim").await });
            }
            Blow::Shutdown { who, drain } => {
                if let Some((number, Life { engine: Some(engine), process, .. })) = one(who) {
                    lock(&self.record.lives)[number].leaves = Some(now);
                    let drain = Duration::from_millis(*drain);
                    tokio::spawn(async move {
                        engine.shutdown(drain, &CancelToken::new()).await;
                        process.die();
                    });
                }
            }
        }
    }

    pub(crate) fn wall_now(&self) -> Instant {
        let millis = DAWN + self.now() as i64 + self.wall.offset.load(Ordering::Relaxed);
        Instant::from_timestamp_millis(millis).unwrap_or_default()
    }

    /// Nothing bad happens from now on, and somebody is there for everything.
    async fn make_peace(&mut self) {
        lock(&self.record.lives).iter().for_each(|life| life.process.calm_down());
        let now = self.now();
        {
            let mut disturbances = lock(&self.record.disturbances);
            disturbances.iter_mut().for_each(|(_, to, _)| *to = (*to).min(now));
            for life in lock(&self.record.lives).iter() {
                let name = Some(life.process.name.clone());
                disturbances.extend(life.process.hurt().into_iter().map(|(from, to)| (from, to, name.clone())));
            }
        }
        let up = self.up();
        let missing = !up.iter().any(|(_, life)| life.role.scheduler) || !up.iter().any(|(_, life)| life.role.label);
        if missing {
            self.start(Role { scheduler: true, label: true, room: 4, skew: 0 });
        }
        for _ in 0..600 {
            self.until(self.now() + 50).await;
            let up = self.up();
            if up.iter().any(|(_, life)| life.role.scheduler) && up.iter().any(|(_, life)| life.role.label) {
                break;
            }
        }
        self.record.quiet_since.store(self.now() as i64, Ordering::Relaxed);
    }
}
