//! Reads `[[jobs.blackouts]]`. What a blackout means is `host_model::blackout`'s business.

use std::collections::BTreeSet;

use host_model::blackout::{Blackout, BlackoutError, BlackoutSpan, DAYS, Weekday, read_day};

use crate::finding::{Findings, list_words, suggest};
use crate::reader::Table;
use crate::schedule_table::{open_named, read_zone};

/// Every `[[jobs.blackouts]]`.
pub(crate) fn read_blackouts(table: &mut Table<'_, '_>, out: &mut Findings) -> Vec<Blackout> {
    let mut names = BTreeSet::new();
    let mut blackouts = Vec::new();
    for (index, (entry, place)) in table.tables("blackouts", "[[jobs.blackouts]]", out).into_iter().enumerate() {
        let (mut inner, name) = open_named(entry, place, "blackout", index, &mut names, out);
        let from = inner.need_text("from", out);
        let to = inner.need_text("to", out);
        let days = read_days(&mut inner, out);
        let zone = read_zone(&mut inner, out);
        let days_place = inner.take("days").map(|entry| entry.key_range());
        inner.finish(out);
        let (Some(name), Some(from), Some(to)) = (name, from, to) else { continue };
        match BlackoutSpan::read(&from.value, &to.value, days) {
            Ok(span) => blackouts.push(Blackout { name, zone, span }),
            Err(error) => {
                let place = match (&error, days_place) {
                    (BlackoutError::DaysOfDates, Some(days)) => days,
                    (BlackoutError::NotATime { found }, _) if *found == from.value => from.span,
                    _ => to.span,
                };
                out.error("blackout-invalid", place, error.to_string(), Some(error.hint().to_owned()));
            }
        }
    }
    blackouts
}

fn read_days(table: &mut Table<'_, '_>, out: &mut Findings) -> Vec<Weekday> {
    let words = || DAYS.iter().map(|(word, _)| *word);
    let mut days = Vec::new();
    for text in table.texts("days", out) {
        match read_day(&text.value) {
            Some(day) => days.push(day),
            None => {
                let list = list_words(words()).unwrap_or_default();
                let message = format!("`days` holds `{}`; allowed are {list}", text.value);
                out.error("not-allowed", text.span, message, suggest(&text.value, words()));
            }
        }
    }
    days
}
