//! Waiting for a condition with a bound. No test sleeps for a fixed time; these two look again every few milliseconds.

use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(10);

/// Whether the condition came true in time. A test that forgets to look would not notice that it waited in vain.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// It is true.
    Came,
    /// It was still false at the bound.
    InVain,
}

impl Waited {
    /// Panics with `what` when the condition did not come true.
    #[track_caller]
    pub fn or_panic(self, what: &str) {
        assert!(self == Self::Came, "waited in vain for: {what}");
    }
}

/// Looks at `condition` until it is true or `bound` has passed, holding the thread.
pub fn wait_until(bound: Duration, mut condition: impl FnMut() -> bool) -> Waited {
    let end = Instant::now() + bound;
    loop {
        if condition() {
            return Waited::Came;
        }
        if Instant::now() >= end {
            return Waited::InVain;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Like [`wait_until`] for an asynchronous condition; `pause` is the runtime's own sleep, for example
/// `tokio::time::sleep`, so that this crate needs no runtime.
pub async fn wait_until_async<C, P>(
    bound: Duration,
    pause: impl Fn(Duration) -> P,
    mut condition: impl FnMut() -> C,
) -> Waited
where
    C: Future<Output = bool>,
    P: Future<Output = ()>,
{
    let end = Instant::now() + bound;
    loop {
        if condition().await {
            return Waited::Came;
        }
        if Instant::now() >= end {
            return Waited::InVain;
        }
        pause(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_looked_at_until_it_is_true() {
        let mut looks = 0;
        let waited = wait_until(Duration::from_secs(5), || {
            looks += 1;
            looks == 3
        });
        assert_eq!((waited, looks), (Waited::Came, 3));
    }

    #[test]
    fn a_condition_that_stays_false_is_given_up() {
        assert_eq!(wait_until(Duration::from_millis(30), || false), Waited::InVain);
    }
}
