//! What the errors of Oracle mean for a step.

use std::time::Duration;

use host_model::{Objection, StepError};
use oracledb::{Error, ErrorKind};

use crate::connector::dial::Refusal;
use crate::connector::fault::Place;

/// How the system calls a connection that the other side closed.
const HANG_UPS: [&str; 3] = ["reset by peer", "Broken pipe", "connection abort"];

/// The message without the driver's stack trace and the server's advertising of its help pages.
pub(super) fn text(error: &Error) -> String {
    match error.kind() {
        ErrorKind::DbError(refusal) => first_line(refusal.message()).to_owned(),
        _ => first_line(&error.to_string()).to_owned(),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or(text).trim()
}

/// While a connection is made.
pub(super) fn connecting(place: &Place, error: &Error) -> Refusal {
    let text = text(error);
    let has_hung_up = match error.kind() {
        ErrorKind::DeadConnection => true,
        // The driver keeps no more of the cause than its words.
        ErrorKind::StreamOperation => HANG_UPS.iter().any(|words| text.contains(words)),
        _ => false,
    };
    Refusal { error: place.unreachable(text), has_hung_up }
}

/// While a statement runs.
pub(super) fn running(place: &Place, error: &Error, limit: Option<Duration>, sql: &str) -> StepError {
    match (error.kind(), limit) {
        (ErrorKind::DbError(refusal), _) => {
            let rest: Vec<&str> = refusal.message().lines().skip(1).filter(|l| !l.starts_with("Help:")).collect();
            let fault = place.foreign(&text(error), rest.join("\n").trim(), may_retry(refusal.code()), sql);
            StepError { objection: objection(refusal.code()), ..fault }
        }
        (ErrorKind::CallTimeoutExceeded | ErrorKind::UnableToRecover, Some(limit)) => place.too_long(limit, sql),
        _ if is_broken(error) => place.lost(text(error), sql),
        _ => place.foreign(&text(error), "", false, sql),
    }
}

/// Keys and checks; tables and columns; syntax, conversions and texts that are too long.
fn objection(code: usize) -> Option<Objection> {
    match code {
        1 | 1400 | 1407 | 2290..=2292 => Some(Objection::Constraint),
        904 | 942 => Some(Objection::UnknownName),
        900..=936 | 1438 | 1722 | 12899 => Some(Objection::Statement),
        _ => None,
    }
}

/// Whether the connection is of no more use.
pub(super) fn is_broken(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::DbError(refusal) => matches!(refusal.code(), 28 | 600 | 1012 | 1089 | 2396 | 3113 | 3114 | 3135),
        kind => matches!(
            kind,
            ErrorKind::DeadConnection
                | ErrorKind::NotConnected
                | ErrorKind::StreamOperation
                | ErrorKind::TlsOperation
                | ErrorKind::UnableToRecover
                | ErrorKind::LockPoisoned
                | ErrorKind::OutOfData
                | ErrorKind::UnknownTtcMessageType(..)
                | ErrorKind::UnexpectedNegativeInteger
        ),
    }
}

/// Locks, deadlocks, snapshots too old, resources, a server that comes or goes.
fn may_retry(code: usize) -> bool {
    matches!(
        code,
        18 | 20 | 28 | 54 | 60 | 604 | 1012 | 1013 | 1033 | 1034 | 1089 | 1555 | 1652
            ..=1654
                | 2396
                | 3113
                | 3114
                | 3135
                | 4021
                | 4031
                | 4068
                | 8177
                | 12_152
                | 12_514
                | 12_528
                | 12_537
                | 12_541
                | 12_571
                | 30_006
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadlock_is_tried_again_and_a_missing_table_is_not() {
        assert!(may_retry(60));
        assert!(may_retry(1555));
        assert!(!may_retry(942));
        assert!(!may_retry(1));
    }

    #[test]
    fn only_the_first_line_of_a_message_is_told() {
        assert_eq!(
            first_line("\nORA-00942: table or view does not exist\nHelp: https"),
            "ORA-00942: table or view does not exist"
        );
    }
}
