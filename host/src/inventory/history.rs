//! How pools were used of late: a sample every few seconds, kept for a quarter of an hour, of this process. So that
//! somebody who comes after the fact sees whether steps waited for connections.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use host_engine::clock::SystemClock;
use host_model::desk::{MOST_SAMPLES, PoolSample, SAMPLE_SECONDS};
use host_model::port::Clock as _;
use host_steps::ConnectorPools;

use crate::assemble::Ending;

/// Looks at the pools within a sample, so that a short rush is seen.
const LOOKS: u32 = 5;

/// Samples by pool.
#[derive(Default)]
pub(crate) struct PoolHistory(Mutex<BTreeMap<String, VecDeque<PoolSample>>>);

impl PoolHistory {
    /// Those of one pool, oldest first.
    pub(crate) fn of(&self, pool: &str) -> Vec<PoolSample> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(pool).map(|samples| samples.iter().cloned().collect()).unwrap_or_default()
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
            let samples = kept.entry(name.clone()).or_default();
            if samples.len() == MOST_SAMPLES {
                samples.pop_front();
            }
            samples.push_back(PoolSample {
                at,
                in_use: most.get(&name).copied().unwrap_or_default(),
                waiting: sample.waiting,
                queued: sample.queued,
                gave_up: sample.gave_up,
                longest_ms: sample.longest_ms,
            });
        }
    }
}
