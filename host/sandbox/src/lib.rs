//! host-sandbox: WebAssembly components as steps; the only user of Wasmtime.
//!
//! [`ComponentRunner`] finds the component a step names, compiles it once (`component_cache`), holds the step's params against
//! the schema the component publishes (`params`), and runs each call in a fresh store on a thread of its own (`instance`), with nothing but what `<name>.toml` grants (`grants`, `limits`,
//! `capability`). `outcome` turns what came of it into the words of the model; `inspect` tells what a file is.
//!
//! Invariants: a guest has no capability that was not granted; no guest outlives its deadline or a cancel by 2 s; no
//! state passes from one call to the next.

#![warn(missing_docs)]

mod bindings;
mod capability;
mod component_cache;
mod contract;
mod directory;
mod engine;
mod error;
mod file_kind;
pub mod grants;
pub mod inspect;
mod instance;
pub mod limits;
mod lines;
mod outcome;
mod params;
mod plugins;
mod runner;
mod services;
mod state;
mod usage;

#[cfg(test)]
#[path = "../fuzz/mod.rs"]
mod fuzz;

pub use error::{SandboxError, approve_hint};
pub use inspect::{CallableInfo, Inspection};
pub use params::{ParamProblem, ParamRule};
pub use runner::{ComponentRunner, InForce, Readiness};
pub use services::Services;
