//! What the errors of ODBC mean for a step, by their SQLSTATE.

use std::time::Duration;

use host_model::{Objection, StepError};
use odbc_api::Error;

use crate::connector::dial::Refusal;
use crate::connector::fault::Place;

/// While a connection is made.
pub(super) fn connecting(place: &Place, error: &Error) -> Refusal {
    let (state, text) = parts(error);
    // "Communication link failure"; drivers say 08001 of everything else, a closed port and a wrong password alike.
    Refusal { error: place.unreachable(text), has_hung_up: state == "08S01" }
}

/// While a statement runs.
pub(super) fn running(place: &Place, error: &Error, limit: Option<Duration>, sql: &str) -> StepError {
    let (state, text) = parts(error);
    match (state.as_str(), limit) {
        ("HYT00" | "HYT01", Some(limit)) => place.too_long(limit, sql),
        _ if is_broken(error) => place.lost(text, sql),
        _ => {
            let origin = if state.is_empty() { String::new() } else { format!("SQLSTATE {state}") };
            let may_retry = matches!(state.get(..2), Some("40" | "53" | "55" | "57"));
            let fault = place.foreign(&text, &origin, may_retry, sql);
            StepError { objection: Objection::of_sqlstate(&state), ..fault }
        }
    }
}

/// Whether the connection is of no more use.
pub(super) fn is_broken(error: &Error) -> bool {
    parts(error).0.starts_with("08")
}

fn parts(error: &Error) -> (String, String) {
    let Error::Diagnostics { record, .. } = error else { return (String::new(), error.to_string()) };
    let text = String::from_utf16_lossy(&record.message.iter().map(|unit| u16::from(*unit)).collect::<Vec<_>>());
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned();
    (record.state.as_str().to_owned(), if line.is_empty() { error.to_string() } else { line })
}
