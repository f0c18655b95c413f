//! What a call used, as it is recorded beside the step.
//!
//! Rows are counted from the guest's side: `rows_in` came to it from a database, `rows_out` left it for one.

use std::time::{Duration, Instant};

use host_model::JsonMap;
use serde_json::json;

use crate::limits::Meter;

/// Counters the capabilities write while the guest runs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Calls of an import of `nomaflow:step`.
    pub(crate) host_calls: u64,
    /// Rows fetched by the guest.
    pub(crate) rows_in: u64,
    /// Rows inserted or changed by the guest.
    pub(crate) rows_out: u64,
}

/// Wall and processor time of the thread that runs a call.
pub(crate) struct Stopwatch {
    wall: Instant,
    cpu: Duration,
}

impl Stopwatch {
    /// Starts on the present thread; must be read on the same one.
    pub(crate) fn start() -> Self {
        Self { wall: Instant::now(), cpu: thread_cpu_time() }
    }

    /// The record of the call.
    pub(crate) fn record(&self, usage: &Usage, meter: &Meter, digest: &str) -> JsonMap {
        let record = json!({
            "component_sha256": digest,
            "wall_ms": milliseconds(self.wall.elapsed()),
            "cpu_ms": milliseconds(thread_cpu_time().saturating_sub(self.cpu)),
            "peak_memory_bytes": meter.peak(),
            "host_calls": usage.host_calls,
            "rows_in": usage.rows_in,
            "rows_out": usage.rows_out,
        });
        match record {
            serde_json::Value::Object(map) => map,
            _ => JsonMap::new(),
        }
    }
}

/// Milliseconds with three decimals.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// Processor time of the present thread.
pub(crate) fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
