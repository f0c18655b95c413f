//! What happens when: dispatch, run and step tasks, the scheduler, the log sink and the event bus. Suggested reading
//! order: `engine`, `dispatch`, `run_task`, `step_task`.
//!
//! Invariants: no SQL, no wall clock of its own (it asks [`host_model::port::Clock`]), nothing but `dispatch` creates
//! a run, and every status change is a value of [`host_model::transition`]. An event is published only after the
//! store has the fact.

#![warn(missing_docs)]

pub mod bus;
mod call;
mod claim;
pub mod clock;
pub mod dispatch;
mod engine;
mod lease;
mod log_sink;
mod owner;
mod patience;
mod presence;
mod prune;
mod recovery;
mod registry;
mod replay;
mod run_ids;
mod run_task;
mod scheduler;
mod shared;
mod step_task;
mod tracker;
mod voice;

#[cfg(test)]
mod tests;

pub use dispatch::{DispatchError, FireRequest, Fired};
pub use engine::{Engine, EngineParts, Jobs};
pub use owner::{is_owner_alive, owner_id};
pub use presence::Pace;
pub use prune::{PruneRunner, internal_jobs};
pub use registry::Runners;
pub use replay::{ReplayError, ReplayRequest};
pub use shared::SchedulerState;
