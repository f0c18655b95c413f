//! How far a pool is used, for pages and metrics: what steps have now, and who had to wait for a connection since somebody
//! last asked. Nothing is opened for that.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ConnectorPools;

/// The line of those who wait for a connection of one pool, and what happened in it since [`Queue::take`].
#[derive(Default)]
pub(crate) struct Queue {
    waiting: AtomicU32,
    most_waiting: AtomicU32,
    queued: AtomicU64,
    gave_up: AtomicU64,
    longest_ms: AtomicU64,
}

/// What happened in the line of a pool over a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueSample {
    /// Steps that waited, the most at once.
    pub waiting: u32,
    /// Steps that had to wait.
    pub queued: u64,
    /// Those that gave up.
    pub gave_up: u64,
    /// The longest wait that ended, in milliseconds.
    pub longest_ms: u64,
}

/// Somebody in the line; leaves it when dropped, whatever the reason.
struct Waiter<'q> {
    queue: &'q Queue,
    since: Instant,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.queue.waiting.fetch_sub(1, Ordering::Relaxed);
        let waited = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.queue.longest_ms.fetch_max(waited, Ordering::Relaxed);
    }
}

impl Queue {
    /// A place among `permits`; `None` when there was none within `wait`, or the pool is closed.
    pub(crate) async fn turn(&self, permits: &Arc<Semaphore>, wait: Duration) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
            return Some(permit);
        }
        let now = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        let waiter = Waiter { queue: self, since: Instant::now() };
        self.most_waiting.fetch_max(now, Ordering::Relaxed);
        self.queued.fetch_add(1, Ordering::Relaxed);
        let turn = tokio::time::timeout(wait, Arc::clone(permits).acquire_owned()).await;
        drop(waiter);
        let permit = turn.ok().and_then(Result::ok);
        if permit.is_none() {
            self.gave_up.fetch_add(1, Ordering::Relaxed);
        }
        permit
    }

    /// What happened since the last call.
    fn take(&self) -> QueueSample {
        let waiting = self.waiting.load(Ordering::Relaxed);
        QueueSample {
            waiting: self.most_waiting.swap(waiting, Ordering::Relaxed).max(waiting),
            queued: self.queued.swap(0, Ordering::Relaxed),
            gave_up: self.gave_up.swap(0, Ordering::Relaxed),
            longest_ms: self.longest_ms.swap(0, Ordering::Relaxed),
        }
    }
}

impl ConnectorPools {
    /// Connections of `pool` that are in use now.
    pub fn in_use(&self, pool: &str) -> u32 {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(pool).map_or(0, |(_, database)| database.terms().in_use())
    }

    /// Steps that wait for a connection of `pool` now.
    pub fn waiting(&self, pool: &str) -> u32 {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(pool).map_or(0, |(_, database)| database.terms().queue.waiting.load(Ordering::Relaxed))
    }

    /// What happened in the line of each pool that was used, since the last call. For one caller.
    pub fn take_samples(&self) -> Vec<(String, QueueSample)> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.iter().map(|(name, (_, database))| (name.clone(), database.terms().queue.take())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_is_counted_until_he_has_a_connection_or_gives_up() {
        let (queue, permits) = (Arc::new(Queue::default()), Arc::new(Semaphore::new(1)));
        let wait = Duration::from_secs(30);
        let held = queue.turn(&permits, wait).await.unwrap();
        assert_eq!(queue.take(), QueueSample::default(), "a free connection is no wait");
        let (line, places) = (queue.clone(), permits.clone());
        let waiter = tokio::spawn(async move { line.turn(&places, wait).await.is_some() });
        while queue.waiting.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!((queue.take().waiting, queue.take().waiting), (1, 1), "it waits still");
        drop(held);
        assert!(waiter.await.unwrap());
        assert_eq!(queue.waiting.load(Ordering::Relaxed), 0);
        let held = permits.clone().try_acquire_owned().unwrap();
        assert!(queue.turn(&permits, Duration::from_millis(20)).await.is_none());
        let sample = queue.take();
        assert_eq!((sample.queued, sample.gave_up), (1, 1));
        assert!(sample.longest_ms >= 20, "{sample:?}");
        drop(held);
        assert_eq!(queue.take().queued, 0);
    }
}
