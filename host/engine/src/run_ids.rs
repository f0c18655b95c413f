//! Makes run ids: later ones always greater, even within a millisecond or when the clock steps back.

use std::sync::Mutex;

use host_model::port::Clock;
use host_model::{Instant, RunId};

/// The source of ids of this process. The low bits start at a random place each millisecond, so that two processes
/// do not meet; the store's primary key decides if they ever do.
pub(crate) struct RunIds {
    last: Mutex<(u64, u32)>,
}

impl RunIds {
    pub(crate) fn new() -> Self {
        Self { last: Mutex::new((0, 0)) }
    }

    /// The next id.
    pub(crate) fn next(&self, clock: &dyn Clock) -> RunId {
        self.after(clock.now())
    }

    fn after(&self, now: Instant) -> RunId {
        let now = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (millis, low) = &mut *last;
        let top = 1 << RunId::LOW_BITS;
        if now > *millis {
            // The upper half stays free, so that a burst within one millisecond does not run over at once.
            (*millis, *low) = (now, getrandom::u32().unwrap_or(0) % (top / 2));
        } else if *low + 1 < top {
            *low += 1;
        } else {
            (*millis, *low) = (*millis + 1, 0);
        }
        RunId::from_parts(*millis, *low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_within_a_millisecond_and_when_the_clock_steps_back() {
        let ids = RunIds::new();
        let at = |ms| chrono::DateTime::from_timestamp_millis(ms).unwrap();
        let mut previous = ids.after(at(1_795_000_000_000));
        for ms in [0, 0, -5_000, 0, 1].into_iter().cycle().take(5_000) {
            let next = ids.after(at(1_795_000_000_000 + ms));
            assert!(next > previous);
            previous = next;
        }
    }
}
