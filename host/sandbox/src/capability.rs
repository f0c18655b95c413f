//! The host side of the WIT interfaces: one file per interface, and `rows` for the cells that cross it. Each function
//! counts itself, and what can fail fails with `canceled` once the run is being stopped.
//!
//! Invariant: nothing is touched before its grant was looked up, and a denial is said twice: to the guest as an error, to
//! the operator as a line that names what is missing in the file of grants.

pub(crate) mod context;
pub(crate) mod http;
pub(crate) mod ldap;
pub(crate) mod log;
pub(crate) mod rows;
pub(crate) mod secrets;
pub(crate) mod sql;
pub(crate) mod state;
pub(crate) mod wasi;

use std::future::Future;

use host_model::log::LogLevel;
use host_model::plugin_port::{ServiceError, ServiceErrorKind};
use host_model::{CancelToken, StepError, StepErrorKind};

use crate::bindings::nomaflow::step::types::{self, Error};
use crate::state::CallState;

impl types::Host for CallState {}

/// What a guest gets, inside of what may trap.
pub(crate) type Answer<T> = wasmtime::Result<Result<T, Error>>;

/// An error the host gives a guest.
pub(crate) fn host_error(code: &str, message: impl Into<String>) -> Error {
    Error { code: code.to_owned(), message: message.into(), retryable: false, detail: None }
}

/// The error of a call that stops because the run does.
fn canceled(cancel: &CancelToken) -> Error {
    host_error("canceled", format!("the run is being stopped: {}", cancel.reason().unwrap_or("canceled")))
}

/// Waits for `work`, but not longer than the run lasts. What was begun may still come to its end afterwards.
async fn unless_canceled<T>(cancel: &CancelToken, work: impl Future<Output = T>) -> Result<T, Error> {
    tokio::select! {
        biased;
        done = work => Ok(done),
        () = cancel.canceled() => Err(canceled(cancel)),
    }
}

/// The error of a connector in the words of the contract; `definition` is the code of a wrong definition, `remote` that
/// of a far side that failed, which depend on what was tried.
pub(crate) fn connector_error(error: StepError, definition: &str, remote: &str) -> Error {
    let code = match error.kind {
        StepErrorKind::Definition => definition,
        StepErrorKind::Denied => "denied",
        StepErrorKind::Timeout => "timeout",
        StepErrorKind::Canceled => "canceled",
        StepErrorKind::Remote | StepErrorKind::Failed | StepErrorKind::Crashed => remote,
    };
    let detail = (!error.detail.is_empty()).then_some(error.detail);
    Error { code: code.to_owned(), message: error.message, retryable: error.may_retry, detail }
}

/// The error of a service in the words of the contract.
fn service_error(error: ServiceError) -> Error {
    let code = match error.kind {
        ServiceErrorKind::Denied => "denied",
        ServiceErrorKind::NotFound => "not-found",
        ServiceErrorKind::Invalid => "invalid",
        ServiceErrorKind::Unavailable => "unavailable",
        ServiceErrorKind::Timeout => "timeout",
        ServiceErrorKind::Canceled => "canceled",
        ServiceErrorKind::Remote => "remote",
        ServiceErrorKind::Limit => "limit",
    };
    Error { retryable: error.may_retry(), ..host_error(code, error.message) }
}

impl CallState {
    /// Counts a call and stops it when the run is being stopped.
    fn begin_call(&mut self) -> Result<(), Error> {
        self.call.usage.host_calls += 1;
        if self.call.cancel.is_canceled() { Err(canceled(&self.call.cancel)) } else { Ok(()) }
    }

    /// A denial, and a line in the log that says what would allow it: `missing` is a line of TOML, `section` the table
    /// it belongs to.
    fn deny(&mut self, what: &str, missing: &str, section: &str) -> Error {
        let message = crate::grants::denial(what, missing, section, &self.call.grants_file);
        self.log_denial(&message);
        host_error("denied", message)
    }

    fn log_denial(&self, message: &str) {
        self.call.lines.push(LogLevel::Warning, &format!("denied: {message}"));
    }
}
