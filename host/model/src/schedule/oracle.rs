//! The brute-force oracle: it looks at every tick of UTC in a window, notes the wall time a clock in the zone shows,
//! and applies the rules of the product text word by word. It shares no code with the walk: it never maps a wall time
//! to an instant, never looks for a turn, and takes an expression as data, not as text.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use chrono::{DateTime, Datelike, NaiveDateTime, Offset, TimeZone, Timelike};
use chrono_tz::Tz;

use super::generator::Expression;
use super::{Fold, Gap};

struct Tick {
    instant: i64,
    wall: NaiveDateTime,
    occurrences: Vec<i64>,
}

/// What the clock of one zone shows over a window of UTC.
pub(super) struct Timeline {
    ticks: Vec<Tick>,
    /// Wall times that are never shown, with the first instant after them.
    swallowed: Vec<(NaiveDateTime, i64)>,
}

impl Timeline {
    /// `step` is 60 when neither the expression nor the offset knows seconds, else 1.
    pub(super) fn new(zone: Tz, window: Range<i64>, step: i64) -> Self {
        let mut occurrences: HashMap<NaiveDateTime, Vec<i64>> = HashMap::new();
        let mut shown = Vec::new();
        let mut instant = window.start - window.start.rem_euclid(step);
        while instant < window.end {
            let wall = wall_at(zone, instant);
            occurrences.entry(wall).or_default().push(instant);
            shown.push((instant, wall));
            instant += step;
        }
        let mut swallowed = Vec::new();
        for pair in shown.windows(2) {
            let mut wall = pair[0].1 + chrono::TimeDelta::seconds(step);
            while wall < pair[1].1 {
                if !occurrences.contains_key(&wall) {
                    swallowed.push((wall, pair[1].0));
                }
                wall += chrono::TimeDelta::seconds(step);
            }
        }
        let ticks = shown
            .into_iter()
            .map(|(instant, wall)| Tick { instant, wall, occurrences: occurrences[&wall].clone() })
            .collect();
        Self { ticks, swallowed }
    }

    /// The slots of `expression` within `window`, which must keep the size of any turn away from the timeline's ends.
    pub(super) fn slots(
        &self,
        expression: &Expression,
        gap: Option<Gap>,
        fold: Option<Fold>,
        window: Range<i64>,
    ) -> Vec<i64> {
        let follows_real_time = expression.hour.starts_with_star();
        let gap = gap.unwrap_or(if follows_real_time { Gap::Skip } else { Gap::Shift });
        let fold = fold.unwrap_or(if follows_real_time { Fold::Both } else { Fold::First });
        let matcher = Matcher::new(expression);
        let mut slots = BTreeSet::new();
        for tick in &self.ticks {
            let counts = match fold {
                Fold::Both => true,
                Fold::First => tick.occurrences.first() == Some(&tick.instant),
                Fold::Second => tick.occurrences.last() == Some(&tick.instant),
            };
            if counts && matcher.holds(tick.wall) {
                slots.insert(tick.instant);
            }
        }
        if gap == Gap::Shift {
            for (wall, resumes) in &self.swallowed {
                if matcher.holds(*wall) {
                    slots.insert(*resumes);
                }
            }
        }
        slots.into_iter().filter(|slot| window.contains(slot)).collect()
    }
}

/// What the zone's clock shows at an instant.
pub(super) fn wall_at(zone: Tz, instant: i64) -> NaiveDateTime {
    DateTime::from_timestamp(instant, 0).unwrap().with_timezone(&zone).naive_local()
}

fn offset_at(zone: Tz, instant: i64) -> i32 {
    let utc = DateTime::from_timestamp(instant, 0).unwrap().naive_utc();
    zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()
}

/// An expression with each field counted out once.
struct Matcher<'a> {
    expression: &'a Expression,
    hours: [bool; 24],
    minutes: [bool; 60],
    seconds: [bool; 60],
}

impl<'a> Matcher<'a> {
    fn new(expression: &'a Expression) -> Self {
        let holds_second = |value| expression.second.as_ref().map_or(value == 0, |field| field.holds(value));
        Self {
            expression,
            hours: std::array::from_fn(|value| expression.hour.holds(value as u32)),
            minutes: std::array::from_fn(|value| expression.minute.holds(value as u32)),
            seconds: std::array::from_fn(|value| holds_second(value as u32)),
        }
    }

    fn holds(&self, wall: NaiveDateTime) -> bool {
        self.seconds[wall.second() as usize]
            && self.minutes[wall.minute() as usize]
            && self.hours[wall.hour() as usize]
            && self.expression.holds_day(wall.month(), wall.day(), wall.weekday().num_days_from_sunday())
    }
}

/// A change of a zone's offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Turn {
    /// The first instant with the new offset.
    pub(super) at: i64,
    /// Seconds the clock goes forward; negative when it goes back.
    pub(super) jump: i64,
    /// Either offset has seconds.
    pub(super) has_seconds: bool,
}

/// Every change of offset from 1970 to 2037, found by looking every `stride` seconds.
pub(super) fn turns_of(zone: Tz, stride: i64) -> Vec<Turn> {
    const END: i64 = 2_145_916_800;
    let mut turns = Vec::new();
    let (mut at, mut offset) = (0, offset_at(zone, 0));
    while at < END {
        let next = at + stride;
        let next_offset = offset_at(zone, next);
        if next_offset != offset {
            let (mut before, mut after) = (at, next);
            while after - before > 1 {
                let middle = i64::midpoint(before, after);
                if offset_at(zone, middle) == offset {
                    before = middle;
                } else {
                    after = middle;
                }
            }
            turns.push(Turn {
                at: after,
                jump: i64::from(next_offset - offset),
                has_seconds: offset % 60 != 0 || next_offset % 60 != 0,
            });
        }
        (at, offset) = (next, next_offset);
    }
    turns
}
