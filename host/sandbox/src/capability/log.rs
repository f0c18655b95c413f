//! `nomaflow:step/log`: lines into the log of the run. Fields follow the message as `key=value`.

use std::fmt::Write as _;

use host_model::log::LogLevel;

use crate::bindings::nomaflow::step::log::{Host, Level};
use crate::state::CallState;

impl Host for CallState {
    async fn write(
        &mut self,
        level: Level,
        mut message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        self.call.usage.host_calls += 1;
        let level = match level {
            Level::Trace | Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warning,
            Level::Error => LogLevel::Error,
        };
        for (key, value) in fields {
            // Writing to a String cannot fail.
            let _ = write!(message, " {key}={value}");
        }
        self.call.lines.push(level, &message);
        self.call.lines.drain().await;
        Ok(())
    }
}
