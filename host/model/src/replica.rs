//! The processes that share a store, and the lease on the right to fire schedules.
//!
//! A process proves that it lives by counting: `beat` rises with every sign of life. Whoever watches compares counts over a
//! span of its own time, so no clock of one machine is ever held against a clock of another.

use crate::Instant;

/// The role of a process that runs what it fires and takes up nothing else: a command that ends with its run.
pub const COMMAND: &str = "command";

/// A process as it presents itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// Its name in run rows: `host/pid/start`.
    pub owner: String,
    /// What it does, for people: `server`, `worker`, `command`.
    pub role: String,
    /// Labels of runs it takes up.
    pub labels: Vec<String>,
    /// Where it listens, if it does.
    pub url: Option<String>,
    /// The program's version.
    pub version: String,
    /// Whether it asks for the scheduler's lease.
    pub scheduler_enabled: bool,
    /// Runs it takes at once.
    pub room: u32,
    /// When it began.
    pub started_at: Instant,
}

/// A process as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// What it said of itself.
    pub presence: Presence,
    /// Signs of life it has given.
    pub beat: u64,
    /// When the last one came, by its own clock; for people.
    pub seen_at: Instant,
}

/// The one row of `ly2_jobs_lock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Who may fire schedules; empty = nobody.
    pub holder: String,
    /// Rises with every change of holder: the fencing term.
    pub term: u64,
    /// Signs of life of the holder.
    pub beat: u64,
    /// When the last one came, by the holder's clock; for people.
    pub seen_at: Instant,
}

/// The lease as its holder carries it with everything the scheduler writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// This process.
    pub holder: String,
    /// The term it was given.
    pub term: u64,
}
