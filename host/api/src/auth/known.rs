//! What was looked up in the store a moment ago, so that a burst of requests, or of live events, asks once. An entry
//! counts for a second; a change made by this process counts at once, one made by another within that second.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long something is believed.
pub(super) const FRESH: Duration = Duration::from_secs(1);
/// More entries are never kept.
const MOST: usize = 10_000;

/// Values by key.
pub(super) struct Known<K, V>(Mutex<Inner<K, V>>);

struct Inner<K, V> {
    /// Grows when everything is forgotten, so that a look-up begun before that is not kept after it.
    age: u64,
    entries: HashMap<K, (Instant, V)>,
}

impl<K: Eq + Hash, V: Clone> Known<K, V> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Inner { age: 0, entries: HashMap::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, or the age to give to [`Known::keep`] with what the store says.
    pub(super) fn find(&self, key: &K) -> Result<V, u64> {
        let inner = self.lock();
        match inner.entries.get(key) {
            Some((at, value)) if at.elapsed() < FRESH => Ok(value.clone()),
            _ => Err(inner.age),
        }
    }

    pub(super) fn keep(&self, age: u64, key: K, value: V) {
        let mut inner = self.lock();
        if inner.age != age {
            return;
        }
        if inner.entries.len() >= MOST {
            inner.entries.retain(|_, (at, _)| at.elapsed() < FRESH);
        }
        if inner.entries.len() < MOST {
            inner.entries.insert(key, (Instant::now(), value));
        }
    }

    pub(super) fn forget(&self) {
        let mut inner = self.lock();
        inner.age += 1;
        inner.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_looked_up_counts_for_a_second_and_not_after_a_change() {
        let known = Known::new();
        let age = known.find(&"a").unwrap_err();
        known.keep(age, "a", 1);
        assert_eq!(known.find(&"a"), Ok(1));
        tokio::time::advance(FRESH).await;
        assert!(known.find(&"a").is_err());
        let before = known.find(&"b").unwrap_err();
        known.forget();
        known.keep(before, "b", 1);
        assert!(known.find(&"b").is_err(), "it was looked up before the change");
    }
}
