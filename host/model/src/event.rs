//! What the outside hears, published after the fact is in the store, never before.

use std::sync::Arc;

use crate::fire::SlotRecord;
use crate::log::LogLine;
use crate::{Instant, JobId, Run, RunId, StepRun};

/// Something happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A run was recorded or changed.
    Run(Arc<Run>),
    /// An attempt changed.
    Step {
        /// The job, so that a listener's permissions can be checked.
        job_id: JobId,
        /// The attempt as stored, without its input and output.
        step: Arc<StepRun>,
    },
    /// An attempt says how far it is. Not stored.
    Progress {
        /// The job.
        job_id: JobId,
        /// How far.
        progress: Progress,
    },
    /// Lines reached the store.
    Log {
        /// The job.
        job_id: JobId,
        /// The run.
        run_id: RunId,
        /// Consecutive lines, in order; never empty.
        lines: Arc<[LogLine]>,
    },
    /// The catalogue was read again.
    Catalogue {
        /// Valid jobs.
        jobs: usize,
        /// Findings.
        problems: usize,
        /// What is new in it, by id.
        added: Vec<JobId>,
        /// What is defined differently now.
        changed: Vec<JobId>,
        /// What is no longer in it, or no longer valid.
        removed: Vec<JobId>,
    },
    /// Slots were decided that have no run; those that have one are told by the run. All of one job.
    Slots {
        /// The job.
        job_id: JobId,
        /// How many.
        count: usize,
        /// The latest of them.
        latest: Arc<SlotRecord>,
    },
    /// Whether schedules fire, and what is wrong, has changed.
    Health(Arc<Health>),
    /// Maintenance windows, or slots that are skipped once, have changed.
    Holds,
    /// Messages to people have changed: one is new, was sent, or failed.
    Delivery {
        /// Transports of those that changed, by name.
        transports: Vec<String>,
    },
}

/// How the whole installation is, as far as a process can tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// `active`, `standby`, `paused` or `error`.
    pub scheduler: String,
    /// Who fires schedules; empty when nobody does.
    pub holder: String,
    /// Who paused all schedules, if they are.
    pub paused_by: Option<String>,
    /// What somebody has to look at.
    pub problems: Vec<String>,
    /// Processes known.
    pub replicas: usize,
}

/// How far an attempt is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The run.
    pub run_id: RunId,
    /// The step, from 0.
    pub index: u32,
    /// The attempt, from 1.
    pub attempt: u32,
    /// When it was said.
    pub at: Instant,
    /// Units done, usually rows.
    pub done: u64,
    /// Units in all, when known.
    pub total: Option<u64>,
    /// Free text; may be empty.
    pub note: String,
    /// Units per second since the attempt began.
    pub rate: f64,
}
