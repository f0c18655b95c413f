//! The real clock. The only place of the engine that reads the time of day, and that hears when it is set.

use async_trait::async_trait;
use chrono::{SubsecRound, Utc};
use host_model::Instant;
use host_model::port::Clock;

/// The machine's clock, cut to milliseconds: what the store can keep.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Utc::now().trunc_subsecs(3)
    }

    #[cfg(target_os = "linux")]
    async fn was_set(&self) {
        if let Err(error) = linux::was_set().await {
            tracing::debug!(%error, "the system does not tell when its clock is set");
            std::future::pending().await
        }
    }
}

/// A timer that never ends but is cancelled by the kernel when the clock jumps (timerfd_create(2), `TFD_TIMER_CANCEL_ON_SET`).
#[cfg(target_os = "linux")]
mod linux {
    use std::io;

    use rustix::io::Errno;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::AsyncReadExt;
    use tokio::net::unix::pipe;

    pub(super) async fn was_set() -> io::Result<()> {
        let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        let never = Timespec { tv_sec: i64::from(u32::MAX), tv_nsec: 0 };
        let spec = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: never };
        timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET, &spec)?;
        // Not a pipe, but read like one; this is tokio's safe way to await a descriptor of one's own.
        let mut timer = pipe::Receiver::from_owned_fd_unchecked(timer)?;
        match timer.read(&mut [0_u8; 8]).await {
            Err(error) if error.raw_os_error() == Some(Errno::CANCELED.raw_os_error()) => Ok(()),
            // Its time has come, in the year 2106.
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_clock_that_nobody_sets_is_silent() {
        let heard = tokio::time::timeout(Duration::from_millis(200), SystemClock.was_set()).await;
        assert!(heard.is_err());
    }
}
