//! Which slots were due when, by brute force: every second that the clock showed is asked of every schedule that was
//! declared at any time.

use std::collections::BTreeMap;

use crate::plan::{Catalogue, Rhythm};
use crate::world::DAWN;

/// Clocks of processes differ by less than this, in milliseconds.
pub(super) const SKEW: i64 = 25;

/// One moment at which the clock passed a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    pub(super) at: u64,
    /// Its own way, not because somebody set the clock beyond it.
    pub(super) natural: bool,
    /// Whatever the skew of a process.
    pub(super) certain: bool,
    /// No clock had shown a later second before.
    pub(super) first: bool,
}

/// What was shown by the clock when.
pub(super) struct Calendar {
    /// Since when which offset, in milliseconds; the first is 0 since 0.
    offsets: Vec<(u64, i64)>,
    until: u64,
}

impl Calendar {
    pub(super) fn new(jumps: &[(u64, i64)], until: u64) -> Self {
        let mut offsets = vec![(0, 0)];
        for (at, by) in jumps {
            let before = offsets.last().map_or(0, |(_, offset)| *offset);
            offsets.push((*at, before + by));
        }
        Self { offsets, until }
    }

    pub(super) fn wall(&self, at: u64) -> i64 {
        let offset = self.offsets.iter().rev().find(|(from, _)| *from <= at).map_or(0, |(_, offset)| *offset);
        DAWN + at as i64 + offset
    }

    pub(super) fn last_set_back(&self, before: u64) -> Option<u64> {
        let mut back = self.offsets.windows(2).filter(|pair| pair[1].1 < pair[0].1).map(|pair| pair[1].0);
        back.rfind(|at| *at <= before)
    }

    /// Every second for which `is_due`, with the moments at which it was passed.
    pub(super) fn passes(&self, is_due: impl Fn(i64) -> bool) -> BTreeMap<i64, Vec<Pass>> {
        let mut all: BTreeMap<i64, Vec<Pass>> = BTreeMap::new();
        let mut latest = DAWN - 1000;
        let mut wall = DAWN;
        for (n, (from, offset)) in self.offsets.iter().enumerate() {
            let to = self.offsets.get(n + 1).map_or(self.until, |(next, _)| *next);
            let begin = DAWN + *from as i64 + offset;
            // What was jumped over, then what went by.
            if begin > wall {
                for second in seconds(wall - SKEW, begin + SKEW).filter(|s| is_due(*s)) {
                    let at = second * 1000;
                    let certain = wall + SKEW < at && at < begin - SKEW;
                    let first = at > latest + SKEW;
                    all.entry(second).or_default().push(Pass { at: *from, natural: false, certain, first });
                }
                latest = latest.max(begin);
            }
            wall = begin + (to - from) as i64;
            for second in seconds(begin - SKEW, wall + SKEW).filter(|s| is_due(*s)) {
                let at = second * 1000;
                let certain = begin + SKEW < at && at < wall - SKEW;
                let first = at > latest + SKEW;
                let at = (at - DAWN - offset).clamp(*from as i64, to as i64) as u64;
                all.entry(second).or_default().push(Pass { at, natural: true, certain, first });
            }
            latest = latest.max(wall);
        }
        all
    }
}

fn seconds(after: i64, to: i64) -> impl Iterator<Item = i64> {
    after.div_euclid(1000) + 1..=to.div_euclid(1000)
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// Declared and enabled.
    On(Rhythm),
    /// Declared and disabled.
    Off,
    /// Not declared.
    Absent,
}

/// What a schedule was from one moment to another.
#[derive(Clone, Debug)]
pub(super) struct Phase {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) state: State,
}

/// The phases of every schedule ever declared, by job and name.
pub(super) fn phases(catalogues: &[(u64, Catalogue)]) -> BTreeMap<(&'static str, &'static str), Vec<Phase>> {
    let mut all: BTreeMap<_, Vec<Phase>> = BTreeMap::new();
    for work in catalogues.iter().flat_map(|(_, catalogue)| catalogue) {
        for schedule in &work.schedules {
            all.entry((work.id, schedule.name)).or_default();
        }
    }
    for ((job, name), phases) in &mut all {
        for (n, (from, catalogue)) in catalogues.iter().enumerate() {
            let to = catalogues.get(n + 1).map_or(super::NEVER, |(next, _)| *next);
            let work = catalogue.iter().find(|work| work.id == *job);
            let schedule = work.and_then(|work| work.schedules.iter().find(|s| s.name == *name));
            let state = match (work, schedule) {
                (Some(work), Some(schedule)) if work.enabled && schedule.enabled => State::On(schedule.rhythm.clone()),
                (Some(_), Some(_)) => State::Off,
                _ => State::Absent,
            };
            match phases.last_mut().filter(|last| last.state == state) {
                Some(last) => last.to = to,
                None => phases.push(Phase { from: *from, to, state }),
            }
        }
    }
    all
}
