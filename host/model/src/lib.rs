//! The vocabulary of Nomaflow: what a job, a step, a run and a log line *are*, and the rules about them that need
//! no I/O. Suggested reading order: `id`, `job`, `params`, `template`, `run`, `transition`, `port`.
//!
//! Invariants: nothing here reads a clock, a file or a socket; no type derives a wire format (`api::view`,
//! `catalogue` and `store::row` own those) but what a [`definition::Definition`] is made of, which is kept as JSON; a
//! status has exactly one spelling, in its `as_str`.

#![warn(missing_docs)]

pub mod access;
pub mod account;
pub mod audit;
pub mod batch;
pub mod blackout;
pub mod callable;
pub mod cancel;
pub mod care;
pub mod condition;
pub mod connector;
pub mod connector_secret;
pub mod definition;
pub mod desk;
pub mod diagnostic;
pub mod driver_port;
pub mod event;
pub mod fire;
pub mod history;
pub mod hold;
pub mod id;
pub mod idempotency;
pub mod job;
pub mod log;
pub mod notify;
pub mod params;
pub mod placement;
pub mod plugin_port;
pub mod plugin_version;
pub mod port;
pub mod proxy;
pub mod replica;
pub mod retry;
pub mod run;
pub mod schedule;
pub mod search;
pub mod secret;
pub mod sql_port;
pub mod step_error;
pub mod template;
pub mod transition;
pub mod value;
pub mod version;

pub use cancel::CancelToken;
pub use id::{ConnectorName, JobId, RunId, StepName};
pub use job::{Job, Step, StepSpec};
pub use placement::Placement;
pub use run::{Run, RunStatus, StepRun, StepStatus};
pub use step_error::{Objection, StepError, StepErrorKind};
pub use transition::Owner;

/// A JSON object with its key order kept: parameters, step outputs, overrides.
pub type JsonMap = serde_json::Map<String, serde_json::Value>;
/// Any JSON value.
pub type Json = serde_json::Value;
/// An instant in UTC; stored and shown with millisecond precision.
pub type Instant = chrono::DateTime<chrono::Utc>;
