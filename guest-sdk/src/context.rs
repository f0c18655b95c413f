//! The run a step belongs to: facts about it, progress, and the wish to stop.

use serde::de::DeserializeOwned;

use crate::{Error, imports};

/// A fact about the run, such as `run.id` or `attempt`; the keys are listed in `wit/step/context.wit`.
#[must_use]
pub fn get(key: &str) -> Option<String> {
    imports::context_get(key)
}

/// The param `name` of this call, for code that is far from the callable; none when there is none, or it is null.
/// Error `invalid` when it cannot be read as `T`.
pub fn parameter<T: DeserializeOwned>(name: &str) -> Result<Option<T>, Error> {
    let Some(text) = imports::context_parameter(name) else { return Ok(None) };
    serde_json::from_str(&text).map_err(|error| Error::invalid(format!("the param `{name}` does not fit: {error}")))
}

/// Shows how far the step is: `done` of `total`, in the step's own unit. Once per batch is enough.
pub fn report(done: u64, total: Option<u64>, note: &str) {
    imports::context_report(done, total, note);
}

/// True once the run has been asked to stop.
#[must_use]
pub fn is_canceled() -> bool {
    imports::context_canceled()
}

/// Error `canceled` once the run has been asked to stop: `context::check()?` in a long loop makes a polite step.
/// Calls of the host that can fail do so by themselves then.
pub fn check() -> Result<(), Error> {
    if is_canceled() { Err(Error::canceled()) } else { Ok(()) }
}
