//! How far a copy is: counters that reader and writer set from their threads, and the voice that tells people. Progress
//! is given often (the engine thins it out), log lines at each tenth of the way, at most every two seconds.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use host_model::port::StepContext;

const UNKNOWN: u64 = u64::MAX;
const LOOK_EVERY: Duration = Duration::from_millis(200);
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Shared counters of one copy.
pub(super) struct Progress {
    written: AtomicU64,
    read: AtomicU64,
    total: AtomicU64,
    begun: Instant,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            written: AtomicU64::new(0),
            read: AtomicU64::new(0),
            total: AtomicU64::new(UNKNOWN),
            begun: Instant::now(),
        }
    }

    /// Rows that are in the target's hands.
    pub(super) fn add_written(&self, rows: u64) {
        self.written.fetch_add(rows, Ordering::Relaxed);
    }

    /// Rows that have left the source.
    pub(super) fn add_read(&self, rows: u64) {
        self.read.fetch_add(rows, Ordering::Relaxed);
    }

    /// The source's own count, taken in the snapshot that is read.
    pub(super) fn set_total(&self, total: Option<u64>) {
        self.total.store(total.unwrap_or(UNKNOWN), Ordering::Relaxed);
    }

    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    pub(super) fn total(&self) -> Option<u64> {
        Some(self.total.load(Ordering::Relaxed)).filter(|n| *n != UNKNOWN)
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Rows a second since the start.
    pub(super) fn rate(&self) -> u64 {
        (self.written() as f64 / self.elapsed().as_secs_f64().max(0.001)) as u64
    }

    /// Tells the run how far the copy is, until it is dropped.
    pub(super) async fn tell(&self, ctx: &StepContext) -> Infallible {
        let mut told_at = Instant::now();
        let mut told_tenths = 0;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let (written, total) = (self.written(), self.total());
            ctx.voice.progress(written, total, &format!("rows copied, {} rows/s", self.rate()));
            let tenths = total.filter(|t| *t > 0).map(|t| written * 10 / t);
            let is_tenth = tenths.is_none_or(|t| t > told_tenths);
            if written > 0 && is_tenth && told_at.elapsed() >= LINE_EVERY {
                told_at = Instant::now();
                told_tenths = tenths.unwrap_or(0);
                let of = total.map_or_else(String::new, |t| format!(" of {t}"));
                ctx.info(format!("{written}{of} rows copied, {} rows/s", self.rate())).await;
            }
        }
    }
}
