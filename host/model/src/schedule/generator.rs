//! Seeded random cron expressions for the property tests. An expression is made as data first and only then written
//! as text, so that what it means is known without any parser.

use std::fmt::Write;

/// SplitMix64: small, seeded, the same on every machine.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + (self.next() % u64::from(high - low + 1)) as u32
    }

    pub(super) fn one_in(&mut self, n: u32) -> bool {
        self.between(1, n) == 1
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.between(0, from.len() as u32 - 1) as usize]
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Item {
    Star { step: u32 },
    Value(u32),
    From { first: u32, step: u32 },
    Range { first: u32, last: u32, step: u32 },
}

/// One field: which values it may hold and what is written there.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) items: Vec<Item>,
    min: u32,
    max: u32,
    /// Values above the largest come round to the smallest: Sunday as 7.
    round: Option<u32>,
}

impl Field {
    /// Counts out the values of each item one by one.
    pub(super) fn holds(&self, value: u32) -> bool {
        self.items.iter().any(|item| {
            let (first, last, step) = match *item {
                Item::Star { step } => (self.min, self.max, step),
                Item::Value(value) => (value, value, 1),
                Item::From { first, step } => (first, self.max, step),
                Item::Range { first, last, step } => (first, last, step),
            };
            let mut at = first;
            while at <= last {
                if self.round.map_or(at, |round| at % round) == value {
                    return true;
                }
                at += step;
            }
            false
        })
    }

    pub(super) fn starts_with_star(&self) -> bool {
        matches!(self.items[0], Item::Star { .. })
    }

    pub(super) fn render(&self, name_of: impl Fn(u32) -> String) -> String {
        let mut text = String::new();
        for (at, item) in self.items.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            let step = match *item {
                Item::Star { step } => {
                    text.push('*');
                    step
                }
                Item::Value(value) => {
                    text.push_str(&name_of(value));
                    1
                }
                Item::From { first, step } => {
                    let _ = write!(text, "{first}/{step}");
                    1
                }
                Item::Range { first, last, step } => {
                    let _ = write!(text, "{}-{}", name_of(first), name_of(last));
                    step
                }
            };
            if step > 1 {
                let _ = write!(text, "/{step}");
            }
        }
        text
    }
}

/// A whole expression: minute, hour, day of month, month, day of week and perhaps second.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    pub(super) minute: Field,
    pub(super) hour: Field,
    pub(super) day: Field,
    pub(super) month: Field,
    pub(super) weekday: Field,
    pub(super) second: Option<Field>,
    with_names: bool,
}

/// How dense the expression is to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taste {
    /// Any month, and day fields mostly free: fires within days.
    pub(super) is_frequent: bool,
    pub(super) has_seconds: bool,
    /// With what not every implementation reads: `v/step`, `*` within a list, steps longer than their range.
    pub(super) is_loose: bool,
}

impl Expression {
    pub(super) fn random(random: &mut Random, taste: Taste) -> Self {
        let mut field = |min: u32, max: u32, star_weight: u32| {
            let count = if random.one_in(3) { random.between(2, 3) } else { 1 };
            let items = (0..count)
                .map(|_| {
                    if random.between(1, 10) <= star_weight {
                        let may_be_bare = taste.is_loose || count == 1;
                        let step = if may_be_bare && random.one_in(2) { 1 } else { random.between(2, max) };
                        return Item::Star { step };
                    }
                    let first = random.between(min, max);
                    let last = random.between(first, max);
                    let longest_step = if taste.is_loose { max } else { (last - first).max(1) };
                    match random.between(1, 4) {
                        1 if taste.is_loose && first < max => Item::From { first, step: random.between(2, max) },
                        2 => Item::Range { first, last, step: 1 },
                        3 => Item::Range { first, last, step: random.between(1, longest_step) },
                        _ => Item::Value(first),
                    }
                })
                .collect();
            Field { items, min, max, round: None }
        };
        let day_stars = if taste.is_frequent { 9 } else { 3 };
        let mut weekday = field(0, 7, day_stars);
        weekday.round = Some(7);
        for item in &mut weekday.items {
            // The open end of the week is Saturday: 7 only repeats 0.
            if let Item::From { first, step } = *item {
                *item = Item::Range { first, last: 6, step };
            }
        }
        Self {
            minute: field(0, 59, 3),
            hour: field(0, 23, 4),
            day: field(1, 31, day_stars),
            month: field(1, 12, if taste.is_frequent { 10 } else { 4 }),
            weekday,
            second: taste.has_seconds.then(|| field(0, 59, 2)),
            with_names: random.one_in(2),
        }
    }

    /// The text in our own notation: seconds last, names in half of the expressions.
    pub(super) fn text(&self) -> String {
        const MONTHS: [&str; 12] =
            ["jan", "Feb", "MAR", "apr", "may", "June", "jul", "aug", "sep", "oct", "nov", "dec"];
        const DAYS: [&str; 7] = ["sun", "Mon", "TUE", "wed", "thu", "Friday", "sat"];
        let number = |value: u32| value.to_string();
        let (month, weekday) = if self.with_names {
            // 7 has no name of its own.
            let day_name = |day: u32| DAYS.get(day as usize).map_or(number(day), |name| (*name).to_owned());
            (self.month.render(|month| MONTHS[month as usize - 1].to_owned()), self.weekday.render(day_name))
        } else {
            (self.month.render(number), self.weekday.render(number))
        };
        let mut text = format!(
            "{} {} {} {month} {weekday}",
            self.minute.render(number),
            self.hour.render(number),
            self.day.render(number)
        );
        if let Some(second) = &self.second {
            let _ = write!(text, " {}", second.render(number));
        }
        text
    }

    /// Whether a day matches, by Vixie's rule.
    pub(super) fn holds_day(&self, month: u32, day: u32, weekday: u32) -> bool {
        let (by_day, by_weekday) = (self.day.holds(day), self.weekday.holds(weekday));
        let days = if self.day.starts_with_star() || self.weekday.starts_with_star() {
            by_day && by_weekday
        } else {
            by_day || by_weekday
        };
        days && self.month.holds(month)
    }
}
