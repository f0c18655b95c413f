//! What happens in a history, decided by its seed before it begins: the jobs, and who suffers what when.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono_tz::Tz;
use host_engine::Jobs;
use host_model::job::{CatchUp, JobSchedule, OnRestart, Overlap, Overrides};
use host_model::retry::{Backoff, RetryPolicy};
use host_model::schedule::{CronExpr, Every, ScheduleKind, ScheduleSpec};
use host_model::{Job, JobId, Placement, Step, StepName, StepSpec};

use crate::dice::Dice;
use crate::files::Files;
use crate::lot::{Harm, Trap};

/// When a schedule is due, as the oracle sees it: a question about a second of the epoch, answered without the engine.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rhythm {
    /// Every so many seconds.
    Every(i64),
    /// At these seconds of each so many-th minute of the hour.
    Cron { minutes: i64, seconds: Vec<i64> },
}

impl Rhythm {
    pub(crate) fn is_due(&self, second: i64) -> bool {
        match self {
            Self::Every(length) => second % length == 0,
            Self::Cron { minutes, seconds } => second / 60 % 60 % minutes == 0 && seconds.contains(&(second % 60)),
        }
    }

    /// The shortest time between two slots, in seconds.
    fn shortest(&self) -> i64 {
        match self {
            Self::Every(length) => *length,
            Self::Cron { minutes, seconds } if seconds.len() == 1 => minutes * 60,
            Self::Cron { seconds, .. } => seconds.windows(2).map(|pair| pair[1] - pair[0]).min().unwrap_or(60),
        }
    }

    fn spec(&self) -> ScheduleSpec {
        let kind = match self {
            Self::Every(length) => ScheduleKind::Every(Every::parse(&format!("{length}s")).unwrap()),
            Self::Cron { minutes, seconds } => {
                let seconds: Vec<String> = seconds.iter().map(i64::to_string).collect();
                let text = format!("*/{minutes} * * * * {}", seconds.join(","));
                ScheduleKind::Cron(CronExpr::parse(&text).unwrap())
            }
        };
        ScheduleSpec::new(kind, Tz::UTC)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Clockwork {
    pub(crate) name: &'static str,
    pub(crate) rhythm: Rhythm,
    pub(crate) enabled: bool,
}

/// A job of a history.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) id: &'static str,
    pub(crate) enabled: bool,
    pub(crate) schedules: Vec<Clockwork>,
    pub(crate) overlap: Overlap,
    pub(crate) catch_up: CatchUp,
    pub(crate) window: Option<u32>,
    pub(crate) placement: Option<Placement>,
    pub(crate) on_restart: OnRestart,
    pub(crate) tagged: bool,
    pub(crate) attempts: u32,
    /// Milliseconds a step takes, attempts of it that fail, whether it may begin a second time.
    pub(crate) steps: Vec<(u64, u32, bool)>,
}

pub(crate) const TAG: &str = "scarce";

impl Work {
    pub(crate) fn job_id(&self) -> JobId {
        JobId::new(self.id).unwrap()
    }

    fn job(&self) -> Job {
        let step = |(index, (millis, failures, resumable)): (usize, &(u64, u32, bool))| {
            let callable = format!("{millis}:{failures}");
            let name = StepName::new(&format!("s{index}")).unwrap();
            Step { resumable: *resumable, ..Step::new(name, StepSpec::Python { callable }) }
        };
        let schedule = |clockwork: &Clockwork| JobSchedule {
            name: clockwork.name.to_owned(),
            text: String::new(),
            spec: clockwork.rhythm.spec(),
            enabled: clockwork.enabled,
            jitter_seconds: 0,
            placement: None,
            overrides: Overrides::default(),
        };
        Job {
            enabled: self.enabled,
            schedules: self.schedules.iter().map(schedule).collect(),
            overlap: self.overlap,
            catch_up: self.catch_up,
            catch_up_window_seconds: self.window,
            placement: self.placement.clone(),
            on_restart: self.on_restart,
            tags: self.tagged.then(|| TAG.to_owned()).into_iter().collect(),
            retry: RetryPolicy { attempts: self.attempts, backoff: Backoff::Fixed, base_seconds: 1 },
            ..Job::new(self.job_id(), "sim", self.steps.iter().enumerate().map(step).collect())
        }
    }
}

/// The jobs as files would say them at one moment.
pub(crate) type Catalogue = Vec<Work>;

pub(crate) fn jobs_of(catalogue: &Catalogue) -> Jobs {
    let jobs: BTreeMap<JobId, Arc<Job>> = catalogue.iter().map(|work| (work.job_id(), Arc::new(work.job()))).collect();
    Arc::new(jobs)
}

/// Something that happens. `who` counts the processes that live then, round and round.
#[derive(Clone, Debug)]
pub(crate) enum Blow {
    Start(Role),
    /// Something happens to a process at one of its calls.
    Trap {
        who: usize,
        trap: Trap,
    },
    StandStill {
        who: usize,
        millis: u64,
    },
    /// `None` = the store is away for all.
    Away {
        who: Option<usize>,
        millis: u64,
    },
    Flaky {
        millis: u64,
        before: u64,
        after: u64,
    },
    /// The clock of all is set by so many milliseconds.
    Jump(i64),
    Reload(Catalogue),
    Pause,
    Resume,
    /// No schedule fires from so many milliseconds on, for so many.
    Maintain {
        after: u64,
        millis: u64,
    },
    /// The window that was announced last is over.
    EndMaintenance,
    /// The slot a schedule of a job has to come, and that many after it, is skipped once.
    Skip {
        job: &'static str,
        schedule: &'static str,
        nth: usize,
    },
    /// The last skip is taken back, if it is not due too soon.
    Undo,
    Fire {
        who: usize,
        job: &'static str,
        placement: Option<Placement>,
    },
    Cancel {
        who: usize,
        nth: usize,
    },
    Shutdown {
        who: usize,
        drain: u64,
    },
}

/// A process to be started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Role {
    pub(crate) scheduler: bool,
    pub(crate) label: bool,
    pub(crate) room: u32,
    /// How far its clock is from that of the others, in milliseconds.
    pub(crate) skew: i64,
}

pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) catalogue: Catalogue,
    pub(crate) first: Vec<Role>,
    /// By time, in milliseconds.
    pub(crate) blows: Vec<(u64, Blow)>,
    /// When the last blow is over.
    pub(crate) ends: u64,
    /// Processes are on one machine: the others know at once who is dead.
    pub(crate) one_machine: bool,
    /// The system tells when its clock is set.
    pub(crate) tells_of_jumps: bool,
    pub(crate) dice: Dice,
}

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let slow = dice.chance(20);
        let count = dice.of(1..4) as usize;
        let catalogue: Catalogue = NAMES[..count].iter().map(|id| work(id, slow, &mut dice)).collect();
        let first = (0..dice.of(1..4)).map(|n| role(n == 0, &mut dice)).collect();
        let (mut blows, mut at, mut files) = (Vec::new(), 500, Files { now: catalogue.clone(), gone: Vec::new() });
        for _ in 0..dice.of(3..12) {
            let longest = if dice.chance(50) { 1500 } else { 7000 };
            at += dice.of(50..longest);
            let blow = blow(&mut files, slow, &mut dice);
            let lasts = match &blow {
                Blow::StandStill { millis, .. } | Blow::Away { millis, .. } | Blow::Flaky { millis, .. } => *millis,
                _ => 0,
            };
            blows.push((at, blow));
            if dice.chance(30) {
                at += lasts;
            }
        }
        let (one_machine, tells_of_jumps) = (dice.chance(40), dice.chance(50));
        Self { seed, catalogue, first, blows, ends: at + 500, one_machine, tells_of_jumps, dice: dice.fork() }
    }
}

pub(crate) const NAMES: [&str; 3] = ["a", "b", "c"];

fn role(scheduler: bool, dice: &mut Dice) -> Role {
    Role {
        scheduler: scheduler || dice.chance(75),
        label: dice.chance(50),
        room: dice.of(1..5) as u32,
        skew: dice.of(0..41) as i64 - 20,
    }
}

pub(crate) fn rhythm(slow: bool, dice: &mut Dice) -> Rhythm {
    if slow {
        match dice.of(0..3) {
            0 => Rhythm::Every(dice.pick(&[60, 300, 3600])),
            1 => Rhythm::Cron { minutes: dice.pick(&[1, 2, 5]), seconds: vec![0] },
            _ => Rhythm::Cron { minutes: 1, seconds: vec![dice.of(0..60) as i64] },
        }
    } else {
        match dice.of(0..3) {
            0 => Rhythm::Every(dice.of(3..12) as i64),
            1 => Rhythm::Every(dice.pick(&[3, 5, 10])),
            _ => Rhythm::Cron { minutes: 1, seconds: (0..60).step_by(dice.of(3..20) as usize).collect() },
        }
    }
}

pub(crate) fn work(id: &'static str, slow: bool, dice: &mut Dice) -> Work {
    let mut schedules = vec![Clockwork { name: "default", rhythm: rhythm(slow, dice), enabled: true }];
    if dice.chance(25) {
        schedules.push(Clockwork { name: "other", rhythm: rhythm(slow, dice), enabled: !dice.chance(20) });
    }
    // Work must come in more slowly than it is done, or nothing is ever quiet again.
    let shortest = schedules.iter().map(|clockwork| clockwork.rhythm.shortest()).min().unwrap_or(60);
    let room = (shortest as u64 * 1000 / 4 / schedules.len() as u64).min(9000);
    let mut steps = Vec::new();
    for _ in 0..dice.of(1..4) {
        let millis = if dice.chance(60) { dice.of(0..room / 3) } else { dice.of(0..30) };
        let failures = if slow && dice.chance(20) { dice.of(1..3) as u32 } else { 0 };
        steps.push((millis, failures, !dice.chance(25)));
    }
    Work {
        id,
        enabled: true,
        schedules,
        overlap: dice.pick(&[Overlap::Skip, Overlap::Skip, Overlap::Allow, Overlap::Queue, Overlap::CancelRunning]),
        catch_up: dice.pick(&[CatchUp::None, CatchUp::None, CatchUp::Last, CatchUp::All]),
        window: dice.chance(20).then(|| dice.of(5..100) as u32),
        placement: dice.pick(&[None, None, Some(Placement::Any), Some(Placement::Here), Some(label())]),
        on_restart: dice.pick(&[OnRestart::Fail, OnRestart::Resume]),
        tagged: dice.chance(15),
        attempts: dice.of(1..4) as u32,
        steps,
    }
}

pub(crate) fn label() -> Placement {
    Placement::Label("blue".to_owned())
}

fn blow(files: &mut Files, slow: bool, dice: &mut Dice) -> Blow {
    let who = dice.of(0..3) as usize;
    match dice.of(0..112) {
        0..30 => Blow::Trap { who, trap: trap(dice) },
        30..38 => Blow::Start(role(false, dice)),
        38..43 => Blow::StandStill { who, millis: dice.of(200..8000) },
        43..48 => Blow::Away { who: dice.chance(50).then_some(who), millis: dice.of(100..12_000) },
        48..56 => Blow::Flaky { millis: dice.of(500..8000), before: dice.of(0..40), after: dice.of(0..40) },
        56..64 => Blow::Jump(jump(slow, dice)),
        64..76 => {
            files.edit(slow, dice);
            Blow::Reload(files.now.clone())
        }
        76..79 => Blow::Pause,
        79..83 => Blow::Resume,
        83..91 => Blow::Fire { who, job: dice.pick(&NAMES), placement: dice.pick(&[None, None, Some(Placement::Any)]) },
        91..95 => Blow::Cancel { who, nth: dice.of(0..4) as usize },
        100..104 => Blow::Maintain { after: dice.pick(&[0, 0, 2000, 6000]), millis: dice.of(500..20_000) },
        104..105 => Blow::EndMaintenance,
        105..110 => Blow::Skip {
            job: dice.pick(&NAMES),
            schedule: dice.pick(&["default", "default", "default", "other"]),
            nth: dice.of(0..3) as usize,
        },
        110..112 => Blow::Undo,
        _ => Blow::Shutdown { who, drain: dice.of(0..6000) },
    }
}

fn trap(dice: &mut Dice) -> Trap {
    const CALLS: [&str; 12] = [
        "record_fire",
        "record_fire",
        "apply",
        "apply",
        "apply",
        "claim_runs",
        "claim_runs",
        "take_lease",
        "record_slots",
        "save_seen_schedules",
        "note_clock_set_back",
        "beat",
    ];
    let call = dice.chance(60).then(|| dice.pick(&CALLS));
    let most = if call.is_some() { 5 } else { 30 };
    let calls = dice.of(0..most) as u32;
    let harm = match dice.of(0..10) {
        0..6 => Harm::Die,
        6..8 => Harm::StandStill(dice.of(300..8000)),
        8 => Harm::StandStill(dice.of(20..2500)),
        _ => Harm::LoseAnswer,
    };
    Trap { call, calls, done: dice.chance(50), harm }
}

fn jump(slow: bool, dice: &mut Dice) -> i64 {
    let far = match dice.of(0..4) {
        0 => dice.of(100..3000),
        1 => dice.of(3000..60_000),
        2 => dice.of(50_000..90_000),
        _ if slow => dice.of(100_000..1_800_000),
        _ => dice.of(60_000..150_000),
    };
    if dice.chance(50) { far as i64 } else { -(far as i64) }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "history {} (one machine: {}, told of jumps: {})",
            self.seed, self.one_machine, self.tells_of_jumps
        )?;
        for work in &self.catalogue {
            writeln!(f, "  {work:?}")?;
        }
        for role in &self.first {
            writeln!(f, "  {role:?}")?;
        }
        for (at, blow) in &self.blows {
            writeln!(f, "  {at:>6} ms  {blow:?}")?;
        }
        Ok(())
    }
}
