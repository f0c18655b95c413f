//! How pools were used of late, by this process: a sample every few seconds, kept for a quarter of an hour, and the most of
//! each quarter of an hour, kept for a day. So that somebody who comes after the fact sees whether steps waited for
//! connections.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use host_engine::clock::SystemClock;
use host_model::desk::{MOST_SAMPLES, MOST_STRETCHES, PoolSample, PoolStretch, SAMPLE_SECONDS, STRETCH_SECONDS};
use host_model::port::Clock as _;
use host_steps::ConnectorPools;

use crate::assemble::Ending;

/// Looks at the pools within a sample, so that a short rush is seen.
const LOOKS: u32 = 5;

/// What is kept, by pool.
#[derive(Default)]
pub(crate) struct PoolHistory(Mutex<BTreeMap<String, Kept>>);

/// Oldest first.
#[derive(Default)]
struct Kept {
    samples: VecDeque<PoolSample>,
    day: VecDeque<PoolStretch>,
}

impl Kept {
    fn add(&mut self, sample: PoolSample) {
        let slot = sample.at.timestamp().div_euclid(i64::from(STRETCH_SECONDS));
        if self.day.back().is_none_or(|last| last.slot < slot) {
            self.day.push_back(PoolStretch { slot, ..PoolStretch::default() });
        }
        // A clock that was set back adds to the newest.
        if let Some(last) = self.day.back_mut() {
            last.in_use = last.in_use.max(sample.in_use);
            last.waiting = last.waiting.max(sample.waiting);
        }
        self.samples.push_back(sample);
        while self.samples.len() > MOST_SAMPLES {
            self.samples.pop_front();
        }
        while self.day.len() > MOST_STRETCHES {
            self.day.pop_front();
        }
    }
}

impl PoolHistory {
    /// Those of one pool, oldest first.
    pub(crate) fn of(&self, pool: &str) -> Vec<PoolSample> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(pool).map(|kept| kept.samples.iter().cloned().collect()).unwrap_or_default()
    }

    /// The day of one pool, oldest first.
    pub(crate) fn day_of(&self, pool: &str) -> Vec<PoolStretch> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(pool).map(|kept| kept.day.iter().copied().collect()).unwrap_or_default()
    }

    /// Begins to take samples, until what comes back is dropped.
    pub(crate) fn follow(self: &Arc<Self>, pools: &Arc<ConnectorPools>) -> Ending {
        let (history, pools) = (Arc::clone(self), Arc::clone(pools));
        Ending(tokio::spawn(async move {
            let mut clock = tokio::time::interval(Duration::from_secs(u64::from(SAMPLE_SECONDS)) / LOOKS);
            clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            let mut most: BTreeMap<String, u32> = BTreeMap::new();
            for look in 1u32.. {
                clock.tick().await;
                for name in pools.declared().pools.keys() {
                    let in_use = pools.in_use(name);
                    let seen = most.entry(name.clone()).or_default();
                    *seen = in_use.max(*seen);
                }
                if look % LOOKS == 0 {
                    history.keep(&pools, std::mem::take(&mut most));
                }
            }
        }))
    }

    fn keep(&self, pools: &ConnectorPools, most: BTreeMap<String, u32>) {
        let at = SystemClock.now();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let declared = pools.declared();
        kept.retain(|name, _| declared.pools.contains_key(name));
        for (name, sample) in pools.take_samples() {
            let in_use = most.get(&name).copied().unwrap_or_default();
            kept.entry(name).or_default().add(PoolSample {
                at,
                in_use,
                waiting: sample.waiting,
                queued: sample.queued,
                gave_up: sample.gave_up,
                longest_ms: sample.longest_ms,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use host_model::Instant;

    use super::*;

    #[test]
    fn a_quarter_of_an_hour_keeps_its_most_and_a_day_its_quarters() {
        let mut kept = Kept::default();
        let sample = |second: i64, in_use: u32, waiting: u32| PoolSample {
            at: Instant::from_timestamp(second, 0).unwrap(),
            in_use,
            waiting,
            queued: 0,
            gave_up: 0,
            longest_ms: 0,
        };
        for (second, in_use, waiting) in [(0, 2, 0), (5, 5, 3), (895, 1, 0), (900, 1, 1), (880, 4, 0)] {
            kept.add(sample(second, in_use, waiting));
        }
        let stretch = |slot, in_use, waiting| PoolStretch { slot, in_use, waiting };
        assert_eq!(kept.day, [stretch(0, 5, 3), stretch(1, 4, 1)], "a clock that was set back begins no stretch anew");
        for quarter in 2..200 {
            kept.add(sample(quarter * 900, 1, 0));
        }
        assert_eq!((kept.day.len(), kept.day[0].slot), (MOST_STRETCHES, 199 - (MOST_STRETCHES as i64 - 1)));
        for second in 0..500 {
            kept.add(sample(180_000 + second, 1, 0));
        }
        assert_eq!(kept.samples.len(), MOST_SAMPLES);
    }
}
