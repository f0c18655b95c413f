//! The host side of the WIT interfaces: one file per interface, and `rows` for the cells that cross it. Each function
//! counts itself, and what can fail fails with `cancelled` once the run is being stopped.

pub(crate) mod context;
pub(crate) mod log;
pub(crate) mod rows;
pub(crate) mod sql;

use host_model::{StepError, StepErrorKind};

use crate::bindings::nomaflow::step::types::{self, Error};

impl types::Host for crate::state::CallState {}

/// An error the host gives a guest.
pub(crate) fn host_error(code: &str, message: impl Into<String>) -> Error {
    Error { code: code.to_owned(), message: message.into(), retryable: false, detail: None }
}

/// The error of a connector in the words of the contract; `definition` is the code of a wrong definition, `remote` that
/// of a far side that failed, which depend on what was tried.
pub(crate) fn connector_error(error: StepError, definition: &str, remote: &str) -> Error {
    let code = match error.kind {
        StepErrorKind::Definition => definition,
        StepErrorKind::Denied => "denied",
        StepErrorKind::Timeout => "timeout",
        StepErrorKind::Canceled => "cancelled",
        StepErrorKind::Remote | StepErrorKind::Failed | StepErrorKind::Crashed => remote,
    };
    let detail = (!error.detail.is_empty()).then_some(error.detail);
    Error { code: code.to_owned(), message: error.message, retryable: error.may_retry, detail }
}
