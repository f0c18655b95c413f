//! The real clock. The only place of the engine that reads the time of day.

use chrono::{SubsecRound, Utc};
use host_model::Instant;
use host_model::port::Clock;

/// The machine's clock, cut to milliseconds: what the store can keep.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Utc::now().trunc_subsecs(3)
    }
}
