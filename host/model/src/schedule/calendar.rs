//! The next wall time that matches, in the proleptic Gregorian calendar and without any zone. Works on whole months
//! as bit sets, so that a schedule that fires once in forty years costs microseconds, not a walk over days.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::fields::{DayRule, Fields};

/// The calendar repeats after this many years, weekdays included (146,097 days are 20,871 weeks).
pub(super) const CYCLE_YEARS: i32 = 400;

impl Fields {
    /// The first matching wall time at or after `from` that lies in `last_year` or before it.
    pub(super) fn next_wall(&self, from: NaiveDateTime, last_year: i32) -> Option<NaiveDateTime> {
        let date = self.next_date(from.date(), last_year)?;
        if date == from.date() {
            if let Some(time) = self.next_time(from.time()) {
                return Some(date.and_time(time));
            }
            let date = self.next_date(date.succ_opt()?, last_year)?;
            return Some(date.and_time(self.next_time(NaiveTime::MIN)?));
        }
        Some(date.and_time(self.next_time(NaiveTime::MIN)?))
    }

    /// Whether any date of the calendar matches.
    pub(super) fn has_any_date(&self) -> bool {
        NaiveDate::from_ymd_opt(2000, 1, 1)
            .is_some_and(|from| self.next_date(from, from.year() + CYCLE_YEARS).is_some())
    }

    fn next_time(&self, from: NaiveTime) -> Option<NaiveTime> {
        let hours = u64::from(self.hours);
        let (first_minute, first_second) = (next_bit(self.minutes, 0)?, next_bit(self.seconds, 0)?);
        let hour = next_bit(hours, from.hour())?;
        if hour > from.hour() {
            return NaiveTime::from_hms_opt(hour, first_minute, first_second);
        }
        match next_bit(self.minutes, from.minute()) {
            Some(minute) if minute > from.minute() => {
                return NaiveTime::from_hms_opt(hour, minute, first_second);
            }
            Some(minute) => {
                if let Some(second) = next_bit(self.seconds, from.second()) {
                    return NaiveTime::from_hms_opt(hour, minute, second);
                }
                if let Some(minute) = next_bit(self.minutes, minute + 1) {
                    return NaiveTime::from_hms_opt(hour, minute, first_second);
                }
            }
            None => {}
        }
        NaiveTime::from_hms_opt(next_bit(hours, hour + 1)?, first_minute, first_second)
    }

    fn next_date(&self, from: NaiveDate, last_year: i32) -> Option<NaiveDate> {
        let (mut year, mut month, mut day) = (from.year(), from.month(), from.day());
        while year <= last_year {
            if let Some(matching) = next_bit(u64::from(self.months), month) {
                if matching > month {
                    (month, day) = (matching, 1);
                }
                if let Some(day) = next_bit(self.days_in(year, month)?, day) {
                    return NaiveDate::from_ymd_opt(year, month, day);
                }
                (month, day) = (month + 1, 1);
            } else {
                (year, month, day) = (year + 1, 1, 1);
            }
        }
        None
    }

    /// The matching days of one month, bit n for day n.
    fn days_in(&self, year: i32, month: u32) -> Option<u64> {
        /// Seven bits, six times over: enough for 31 days from any weekday on.
        const EVERY_WEEK: u64 = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28 | 1 << 35;

        let first = NaiveDate::from_ymd_opt(year, month, 1)?;
        let by_weekday = (u64::from(self.weekdays) * EVERY_WEEK) >> first.weekday().num_days_from_sunday() << 1;
        let by_day = u64::from(self.days);
        let days = match self.day_rule {
            DayRule::Both => by_day & by_weekday,
            DayRule::Either => by_day | by_weekday,
        };
        Some(days & ((2 << first.num_days_in_month()) - 2))
    }
}

/// The lowest bit of `set` at or above `from`; `from` is at most 60.
fn next_bit(set: u64, from: u32) -> Option<u32> {
    let rest = set & (u64::MAX << from);
    (rest != 0).then(|| rest.trailing_zeros())
}
