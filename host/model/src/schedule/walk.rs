//! From wall times to instants: the walk over one zone's clock under a gap and a fold rule.
//!
//! Terms. A *gap* is the stretch of wall times a clock going forward jumps over, an *overlap* the stretch a clock
//! going back shows twice; the instant of the jump is the *turn*. Why the walk is right: give every wall time one
//! instant (its only one; in an overlap always the earlier, or always the later; in a gap the turn) and the instants
//! never decrease as wall times increase. So candidates can be taken in wall order, and the first whose instant lies
//! after the start is the answer. `Fold::Both` is the union of two such walks: its answer is the smaller of theirs.
//! Stretches that cannot contain the answer are jumped over whole, so no rule makes the walk slow.

use chrono::{DateTime, Datelike, MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::calendar::CYCLE_YEARS;
use super::fields::Fields;
use super::{Fold, Gap};

/// Dates are written with four digits everywhere, so the walk ends here; and it starts no earlier than year 1.
const LAST_YEAR: i32 = 9999;

const SECOND: TimeDelta = TimeDelta::seconds(1);

/// No zone was ever further than this from UTC.
const MAX_OFFSET: TimeDelta = TimeDelta::hours(26);

/// One cron schedule with its rules resolved.
pub(super) struct Walk<'a> {
    pub(super) fields: &'a Fields,
    pub(super) zone: Tz,
    pub(super) gap: Gap,
    pub(super) fold: Fold,
}

/// Which instant of a doubled wall time a walk takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    First,
    Second,
}

/// What a wall time is in a zone.
enum Reading {
    Once(NaiveDateTime),
    Twice { first: NaiveDateTime, second: NaiveDateTime },
    Swallowed { turn: NaiveDateTime },
}

impl Walk<'_> {
    /// The first instant strictly after `after`.
    pub(super) fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // Slots are whole seconds, so what lies within the second does not matter.
        let after = DateTime::from_timestamp(after.timestamp(), 0)?.naive_utc();
        if after.year() >= LAST_YEAR {
            return None;
        }
        let after = after.max(DateTime::from_timestamp(YEAR_ONE, 0)?.naive_utc());
        let next = match self.fold {
            Fold::First => self.next_by(Pass::First, after),
            Fold::Second => self.next_by(Pass::Second, after),
            Fold::Both => {
                let passes = [Pass::First, Pass::Second].map(|pass| self.next_by(pass, after));
                passes.into_iter().flatten().min()
            }
        };
        next.map(|instant| instant.and_utc())
    }

    /// The first instant after `after` if every doubled wall time counts at `pass` only. Instants are in UTC.
    fn next_by(&self, pass: Pass, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let mut wall = self.first_candidate(pass, after);
        let last_year = wall.year().saturating_add(CYCLE_YEARS).min(LAST_YEAR);
        loop {
            wall = self.fields.next_wall(wall, last_year)?;
            match self.read(wall) {
                Reading::Once(instant) if instant > after => return Some(instant),
                Reading::Once(_) => wall += SECOND,
                Reading::Twice { first, second } => {
                    let instant = match pass {
                        Pass::First => first,
                        Pass::Second => second,
                    };
                    if instant > after {
                        return Some(instant);
                    }
                    wall = match pass {
                        // The whole overlap had its first pass; go on behind it.
                        Pass::First => self.turn_between(first, second) + self.offset_at(first),
                        Pass::Second => wall + SECOND,
                    };
                }
                Reading::Swallowed { turn } => {
                    if self.gap == Gap::Shift && turn > after {
                        return Some(turn);
                    }
                    wall = turn + self.offset_at(turn);
                }
            }
        }
    }

    /// The smallest wall time that may belong to an instant after `after`.
    fn first_candidate(&self, pass: Pass, after: NaiveDateTime) -> NaiveDateTime {
        let wall = after + self.offset_at(after);
        match self.read(wall) {
            // Before the turn, with only later passes counting: the clock will come back to before `wall`.
            Reading::Twice { first, second } if pass == Pass::Second && first == after => {
                self.turn_between(first, second) + self.offset_at(second)
            }
            _ => wall + SECOND,
        }
    }

    fn read(&self, wall: NaiveDateTime) -> Reading {
        match self.zone.from_local_datetime(&wall) {
            MappedLocalTime::Single(instant) => Reading::Once(instant.naive_utc()),
            MappedLocalTime::Ambiguous(first, second) => {
                Reading::Twice { first: first.naive_utc(), second: second.naive_utc() }
            }
            MappedLocalTime::None => {
                let is_past = |instant| instant + self.offset_at(instant) > wall;
                let turn = first_instant(wall - MAX_OFFSET, wall + MAX_OFFSET, is_past);
                Reading::Swallowed { turn }
            }
        }
    }

    /// The turn between the two instants of a doubled wall time.
    fn turn_between(&self, first: NaiveDateTime, second: NaiveDateTime) -> NaiveDateTime {
        let before = self.offset_at(first);
        first_instant(first, second, |instant| self.offset_at(instant) != before)
    }

    fn offset_at(&self, instant: NaiveDateTime) -> TimeDelta {
        let offset = self.zone.offset_from_utc_datetime(&instant).fix();
        TimeDelta::seconds(i64::from(offset.local_minus_utc()))
    }
}

/// 3 January of the year 1 in Unix seconds: the start of the calendar with room for any offset.
const YEAR_ONE: i64 = -62_135_424_000;

/// The first second between `not_yet` (excluded) and `surely` (included) at which `holds`, which once true stays true.
fn first_instant(
    mut not_yet: NaiveDateTime,
    mut surely: NaiveDateTime,
    holds: impl Fn(NaiveDateTime) -> bool,
) -> NaiveDateTime {
    loop {
        let half = TimeDelta::seconds((surely - not_yet).num_seconds() / 2);
        if half < SECOND {
            return surely;
        }
        let middle = not_yet + half;
        if holds(middle) {
            surely = middle;
        } else {
            not_yet = middle;
        }
    }
}
