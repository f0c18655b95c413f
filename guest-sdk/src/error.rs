//! The error of a step: what the operator reads, and what the retry policy of the job looks at.
//!
//! The same record as `error` in `wit/step/types.wit`, with makers for the usual codes.

use std::fmt;

use crate::bindings::nomaflow::step::types;

/// Why a step, or something it asked of the host, failed.
///
/// Errors of the host pass through a step unchanged with `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Dotted, lower case, for programs: `denied`, `invalid.bind`. The codes of the host are listed in `types.wit`.
    pub code: String,
    /// One sentence for the operator: what failed, on which name, why.
    pub message: String,
    /// True when the same call may well succeed later.
    pub is_retryable: bool,
    /// More for the developer.
    pub detail: Option<String>,
}

impl Error {
    /// An error that a retry will not cure.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), is_retryable: false, detail: None }
    }

    /// Code `invalid`: what was asked for makes no sense.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new("invalid", message)
    }

    /// Code `canceled`: the step stopped because the run was asked to.
    pub fn canceled() -> Self {
        Self::new("canceled", "the step stopped because the run is being canceled")
    }

    /// The same error, worth a retry.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.is_retryable = true;
        self
    }

    /// The same error with more for the developer.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// True when the code is `code` or a finer reason of it: `invalid.bind` is an `invalid`.
    pub fn is(&self, code: &str) -> bool {
        self.code.strip_prefix(code).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Error {}

impl From<types::Error> for Error {
    fn from(error: types::Error) -> Self {
        Self { code: error.code, message: error.message, is_retryable: error.retryable, detail: error.detail }
    }
}

impl From<Error> for types::Error {
    fn from(error: Error) -> Self {
        Self { code: error.code, message: error.message, retryable: error.is_retryable, detail: error.detail }
    }
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn a_finer_code_is_still_its_kind_but_a_longer_word_is_not() {
        let error = Error::new("invalid.bind", "no bind `x`");
        assert!(error.is("invalid") && error.is("invalid.bind"));
        assert!(!error.is("invalid.b") && !Error::new("invalidated", "").is("invalid"));
    }
}
