//! What the errors of SQL Server mean for a step.

use host_model::{Objection, StepError};
use tiberius::error::Error;

use crate::connector::dial::{Refusal, is_hang_up};
use crate::connector::fault::Place;

/// While a connection is made.
pub(super) fn connecting(place: &Place, error: &Error) -> Refusal {
    let text = match error {
        Error::Server(refusal) => refusal.message().to_owned(),
        Error::Io { message, .. } => message.clone(),
        Error::Tls(why) => format!("TLS: {why}"),
        other => other.to_string(),
    };
    let fault = place.unreachable(text);
    match error {
        Error::Server(refusal) => Refusal::plain(fault.with_detail(format!("error {}", refusal.code()))),
        Error::Io { kind, .. } => Refusal { error: fault, has_hung_up: is_hang_up(*kind) },
        _ => Refusal::plain(fault),
    }
}

/// While a statement runs.
pub(super) fn running(place: &Place, error: &Error, sql: &str) -> StepError {
    match error {
        Error::Server(refusal) => {
            let (code, class) = (refusal.code(), refusal.class());
            let origin = format!("error {code}, severity {class}, state {}, line {}", refusal.state(), refusal.line());
            let fault = place.foreign(refusal.message(), &origin, may_retry(code, class), sql);
            StepError { objection: objection(code), ..fault }
        }
        Error::Io { message, .. } => place.lost(message, sql),
        other => place.foreign(&other.to_string(), "", false, sql),
    }
}

/// Deadlocks, lock time-outs, databases that are starting, and everything the server puts down to its resources; what
/// is wrong with the SQL or the data stays wrong.
fn may_retry(code: u32, class: u8) -> bool {
    matches!(code, 1204 | 1205 | 1222 | 3960 | 4060 | 40197 | 40501 | 40613 | 49918 | 49919 | 49920) || class >= 17
}

/// Keys and checks; tables and columns; syntax, conversions and cut texts.
fn objection(code: u32) -> Option<Objection> {
    match code {
        515 | 547 | 2601 | 2627 => Some(Objection::Constraint),
        207 | 208 => Some(Objection::UnknownName),
        102 | 105 | 137 | 156 | 170 | 241 | 245 | 2628 | 8114 | 8115 | 8152 => Some(Objection::Statement),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadlock_is_tried_again_and_a_wrong_name_is_not() {
        assert!(may_retry(1205, 13));
        assert!(may_retry(701, 17));
        assert!(!may_retry(208, 16));
        assert!(!may_retry(2627, 14));
    }
}
