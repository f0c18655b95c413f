//! A job as declared: identity, schedules, parameters, ordered steps. Field names are those of `jobs.toml`
//! (`spec`: seeds create-a-job, product §4). Reading and checking files is the catalogue's business; what a step of each
//! type says is in [`spec`].

pub mod input;
pub mod spec;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::blackout::Blackout;
use crate::condition::Condition;
use crate::log::LogLevel;
use crate::retry::RetryPolicy;
use crate::schedule::ScheduleSpec;
use crate::{Instant, JobId, JsonMap, Placement, StepName};

pub use spec::{
    CopyMode, CopySource, CopyTarget, DecimalMode, HttpSpec, SourceTable, SqlCopySpec, SqlQuerySpec, StepSpec,
    TypeCoercion,
};

/// Default of a step's `timeout_seconds`: one hour (seeds, create-a-job ④).
pub const DEFAULT_STEP_TIMEOUT_SECONDS: u32 = 3600;

/// Ids of built-in jobs begin with this; declared jobs may not.
pub const INTERNAL_PREFIX: &str = "_internal-";

/// One declared job. Immutable once read: a run keeps the `Arc` it started with.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Unique in the whole catalogue.
    pub id: JobId,
    /// The app that owns it: the `app` key, else the folder under `plugins/`.
    pub app: String,
    /// Free text; empty when none.
    pub description: String,
    /// Free labels, in file order.
    pub tags: Vec<String>,
    /// Gates the schedules only; a manual run always works.
    pub enabled: bool,
    /// The `schedule` key (named `default`) and every `[[jobs.schedules]]`; empty = manual only.
    pub schedules: Vec<JobSchedule>,
    /// Named sets of overrides for the run dialog, without a schedule.
    pub presets: Vec<Preset>,
    /// Shared parameters, the lowest layer.
    pub params: JsonMap,
    /// At least one step, run in this order.
    pub steps: Vec<Step>,
    /// Applies to every step that has no policy of its own.
    pub retry: RetryPolicy,
    /// Where failures are announced; `None` = nowhere.
    pub alerts: Option<Alerts>,
    /// Default verbosity of a fire.
    pub log_level: LogLevel,
    /// Ceiling for the whole run, in seconds from its first start: what went by before a restart counts.
    pub timeout_seconds: Option<u32>,
    /// What happens when a fire meets a run of the same job in flight.
    pub overlap: Overlap,
    /// What happens to slots missed while nobody was there.
    pub catch_up: CatchUp,
    /// How far back `catch_up` looks, in seconds.
    pub catch_up_window_seconds: Option<u32>,
    /// When its schedules do not fire.
    pub blackouts: Vec<Blackout>,
    /// Jobs whose latest run must have succeeded.
    pub depends_on: Vec<JobId>,
    /// What a restart does with a run in flight.
    pub on_restart: OnRestart,
    /// Where its runs go, unless a schedule or a trigger says otherwise; `None` = see [`Placement`].
    pub placement: Option<Placement>,
    /// Where it was declared; the default for a job of our own.
    pub source: SourcePlace,
}

impl Job {
    /// A job that says only what it must: no schedule, no parameters, every other key at its default.
    pub fn new(id: JobId, app: &str, steps: Vec<Step>) -> Self {
        Self {
            id,
            app: app.to_owned(),
            description: String::new(),
            tags: Vec::new(),
            enabled: true,
            schedules: Vec::new(),
            presets: Vec::new(),
            params: JsonMap::new(),
            steps,
            retry: RetryPolicy::default(),
            alerts: None,
            log_level: LogLevel::Info,
            timeout_seconds: None,
            overlap: Overlap::Skip,
            catch_up: CatchUp::None,
            catch_up_window_seconds: None,
            blackouts: Vec::new(),
            depends_on: Vec::new(),
            on_restart: OnRestart::Fail,
            placement: None,
            source: SourcePlace::default(),
        }
    }

    /// The step called `name`, with its index.
    pub fn find_step(&self, name: &str) -> Option<(usize, &Step)> {
        self.steps.iter().enumerate().find(|(_, s)| s.name.as_str() == name)
    }
}

/// The file and line of a declaration, for messages and the page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourcePlace {
    /// Path as shown to people: relative to the home directory where possible.
    pub file: Arc<str>,
    /// Line of the `[[jobs]]` header, from 1.
    pub line: u32,
}

/// One schedule of a job with the overrides it carries.
#[derive(Debug, Clone, PartialEq)]
pub struct JobSchedule {
    /// `default` for the job's own `schedule` key; unique in its job.
    pub name: String,
    /// The text of `cron` or `every`, as written.
    pub text: String,
    /// When it is due.
    pub spec: ScheduleSpec,
    /// Gates this schedule only.
    pub enabled: bool,
    /// Each slot fires up to so many seconds after it is due, so that many jobs do not begin in one second.
    pub jitter_seconds: u32,
    /// Where its runs go, over the job's.
    pub placement: Option<Placement>,
    /// Values it sets over the job's.
    pub overrides: Overrides,
}

impl JobSchedule {
    /// When the slot due at `due_at` fires: the delay is always the same one for the same slot, here and anywhere.
    pub fn fire_at(&self, job: &JobId, due_at: Instant) -> Instant {
        if self.jitter_seconds == 0 {
            return due_at;
        }
        // FNV-1a: a few lines that never change, unlike the hash of the standard library.
        let millis = due_at.timestamp_millis().to_le_bytes();
        let parts: [&[u8]; 4] = [job.as_str().as_bytes(), &[0], self.name.as_bytes(), &millis];
        let hash = parts
            .concat()
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        // The low bits of neighbouring slots are alike; the high ones are folded in.
        let delay = (hash ^ (hash >> 32)) % (u64::from(self.jitter_seconds) * 1000 + 1);
        due_at + chrono::TimeDelta::milliseconds(i64::try_from(delay).unwrap_or(0))
    }
}

/// A named set of overrides without a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    /// Unique in its job.
    pub name: String,
    /// What it sets.
    pub overrides: Overrides,
}

/// Values that one fire, schedule or preset sets over the saved job. Everything is optional.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Overrides {
    /// Over the job's `params`.
    pub params: JsonMap,
    /// Over a step's `op_kwargs`, by step name.
    pub op_kwargs: std::collections::BTreeMap<StepName, JsonMap>,
    /// Over a step's `enabled`, by step name.
    pub step_enabled: std::collections::BTreeMap<StepName, bool>,
    /// Over the job's `log_level`.
    pub log_level: Option<LogLevel>,
}

impl Overrides {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

/// One step of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Unique in its job.
    pub name: StepName,
    /// False = recorded as `CANCELED`, reason `skipped: disabled`, and the run goes on.
    pub enabled: bool,
    /// What has to be true for it to run; false = recorded as `CANCELED`, reason `skipped: condition`, and the run goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// Ceiling of one attempt, in seconds.
    pub timeout_seconds: u32,
    /// Over the job's policy.
    pub retry: Option<RetryPolicy>,
    /// Keyword arguments, over the job's `params`. Any type may have them; templates read them as `${params.k}`.
    pub op_kwargs: JsonMap,
    /// False = it may not begin a second time: a run that lost its process in it fails, whatever `on_restart` says.
    #[serde(default = "yes")]
    pub resumable: bool,
    /// True = when its last attempt has failed, the run goes on, and still succeeds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continue_on_error: bool,
    /// What it does.
    pub spec: StepSpec,
}

impl Step {
    /// A step with every key but its type's own at its default.
    pub fn new(name: StepName, spec: StepSpec) -> Self {
        Self {
            name,
            enabled: true,
            when: None,
            timeout_seconds: DEFAULT_STEP_TIMEOUT_SECONDS,
            retry: None,
            op_kwargs: JsonMap::new(),
            resumable: true,
            continue_on_error: false,
            spec,
        }
    }
}

fn yes() -> bool {
    true
}

/// Alert routing of one job (seeds, create-a-job ⑥).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alerts {
    /// A failed run raises an alert.
    pub on_failure: bool,
    /// So does the first run that succeeds after one that was told of.
    pub on_recovery: bool,
    /// So does every run that succeeds.
    pub on_success: bool,
    /// So does a run that is canceled.
    pub on_canceled: bool,
    /// A run still in flight after so many minutes raises one.
    pub on_long_run_minutes: Option<u32>,
    /// No run that succeeded for so many hours raises one.
    pub no_success_within_hours: Option<u32>,
    /// Channels, addresses, webhook ids; empty = defaults.
    pub recipients: Vec<String>,
}

macro_rules! word_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The spelling in files and API.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Reads the spelling of `as_str`.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.as_str() == text)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                let unknown = || ::serde::de::Error::custom(format!("`{text}` is no {}", stringify!($name)));
                Self::parse(&text).ok_or_else(unknown)
            }
        }
    };
}
pub(crate) use word_enum;

word_enum!(
    /// What happens when a fire meets a run of the same job in flight, whatever triggered either.
    Overlap {
        /// The fire is recorded as a `SKIPPED` run.
        Skip = "skip",
        /// The run waits in `QUEUED` for the one before it.
        Queue = "queue",
        /// Both run.
        Allow = "allow",
        /// The run in flight is cancelled first.
        CancelRunning = "cancel_running",
    }
);

impl Overlap {
    /// Whether a fire waits in `QUEUED` until the runs before it are over.
    pub fn waits(self) -> bool {
        matches!(self, Self::Queue | Self::CancelRunning)
    }
}

word_enum!(
    /// What happens to slots missed while no scheduler was there.
    CatchUp {
        /// They are recorded as missed.
        None = "none",
        /// The latest one fires.
        Last = "last",
        /// Each one fires, oldest first.
        All = "all",
    }
);

word_enum!(
    /// What a restart does with a run in flight.
    OnRestart {
        /// It ends `FAILED`, reason `lost in restart`.
        Fail = "fail",
        /// It goes on at the first step that had not finished.
        Resume = "resume",
    }
);

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;
    use crate::schedule::{Every, ScheduleKind};

    #[test]
    fn jitter_is_the_same_for_the_same_slot_and_spreads_over_the_whole_range() {
        let every = Every::parse("1h").unwrap_or_else(|error| panic!("{error}"));
        let mut schedule = JobSchedule {
            name: "default".to_owned(),
            text: "1h".to_owned(),
            spec: ScheduleSpec::new(ScheduleKind::Every(every), Tz::UTC),
            enabled: true,
            jitter_seconds: 0,
            placement: None,
            overrides: Overrides::default(),
        };
        let due = |hour: i64| Instant::UNIX_EPOCH + chrono::TimeDelta::hours(hour);
        let job = |n: usize| JobId::new(&format!("job-{n}")).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(schedule.fire_at(&job(1), due(7)), due(7));
        schedule.jitter_seconds = 10;
        let mut tenths = [0_u32; 10];
        for n in 0..10_000_i64 {
            let (job, due) = (job(n as usize % 100), due(n / 100));
            let delay = (schedule.fire_at(&job, due) - due).num_milliseconds();
            assert_eq!(delay, (schedule.fire_at(&job, due) - due).num_milliseconds());
            assert!((0..=10_000).contains(&delay), "{delay}");
            tenths[(delay / 1000).min(9) as usize] += 1;
        }
        assert!(tenths.iter().all(|count| (800..1200).contains(count)), "{tenths:?}");
        let mut other = schedule.clone();
        other.name = "second".to_owned();
        assert_ne!(schedule.fire_at(&job(1), due(1)), other.fire_at(&job(1), due(1)));
    }
}
