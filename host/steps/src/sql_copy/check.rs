//! What must hold before anything becomes visible: both sides count the same rows, and have the same checksum when the
//! step asks for one.

use host_model::{StepError, StepErrorKind};

use super::progress::Progress;
use crate::connector::fault::Place;

/// Compares the counts; `arrived` includes rows that were set aside.
pub(super) fn check_counts(progress: &Progress, arrived: u64, place: &Place, table: &str) -> Result<(), StepError> {
    let read = progress.read();
    let expected = progress.total().unwrap_or(read);
    if expected == read && read == arrived {
        return Ok(());
    }
    Err(failed(format!(
        "connector `{}`: the row counts differ, so `{table}` is left as it was: {expected} in the source, {read} read, \
         {arrived} arrived",
        place.connector
    )))
}

/// Compares the checksums of what was sent and of what is stored.
pub(super) fn check_sums(sent: u64, stored: u64, place: &Place, table: &str) -> Result<(), StepError> {
    if sent == stored {
        return Ok(());
    }
    let mut error = failed(format!(
        "connector `{}`: the checksums differ, so `{table}` is left as it was: {sent:016x} was read, {stored:016x} is \
         stored; a column of the target may round, cut or convert its values",
        place.connector
    ));
    error.may_retry = false;
    Err(error)
}

fn failed(text: String) -> StepError {
    StepError::new(StepErrorKind::Failed, text)
}
