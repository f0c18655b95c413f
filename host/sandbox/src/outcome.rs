//! What a call came to, in the words of the model: the guest's answer, its typed error, or why it was ended.
//!
//! Rules: a call that was asked to stop is canceled or timed out, whatever it says afterwards, for nobody knows whether
//! it finished its work; a typed error is a failed step; a trap or a limit is a crash that names the limit.

use host_model::port::StepOutcome;
use host_model::{Json, JsonMap, StepError, StepErrorKind};
use wasmtime::component::ResourceTableError;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::bindings::nomaflow::step::types::Error;
use crate::instance::{Ending, Killed, OutOfTime, Stop};
use crate::limits::Limits;
use crate::state::HANDLES;

/// What `run` of a guest gives.
pub(crate) type Answer = Result<String, Error>;

/// What is known of a call besides its answer.
pub(crate) struct CallReport {
    pub(crate) usage: JsonMap,
    pub(crate) refused_memory: bool,
    pub(crate) refused_table: bool,
    pub(crate) stderr_tail: Vec<String>,
}

/// A guest's own error: its code decides the kind, its flag whether a retry may help.
fn typed_error(error: Error) -> StepError {
    let code = error.code.split('.').next().unwrap_or_default();
    let kind = match code {
        "denied" => StepErrorKind::Denied,
        "remote" | "unavailable" | "conflict" | "busy" | "timeout" => StepErrorKind::Remote,
        // `canceled` by a guest that nobody asked to stop is a failure like another.
        _ => StepErrorKind::Failed,
    };
    let detail = match error.detail {
        Some(detail) => format!("code: {}\n{detail}", error.code),
        None => format!("code: {}", error.code),
    };
    let mut step_error = StepError::new(kind, error.message).with_detail(detail);
    step_error.may_retry = kind.retryable() && error.retryable && !matches!(code, "invalid" | "not-found");
    step_error
}

/// A call that is over, with all that its sentences need.
pub(crate) struct Over<'a> {
    /// As the job wrote it.
    pub(crate) callable: &'a str,
    pub(crate) report: &'a CallReport,
    pub(crate) limits: &'a Limits,
    /// The deadline it had, in words.
    pub(crate) deadline: &'a str,
    /// Where its limits are written.
    pub(crate) grants_file: &'a str,
}

impl Over<'_> {
    /// What the call came to; `usage` of the outcome is left to the caller.
    pub(crate) fn conclude(&self, ending: Ending<Answer>) -> Result<StepOutcome, StepError> {
        match (ending.stop, ending.result) {
            (Some(stop), result) => Err(self.stopped(&stop, result)),
            (None, Some(Ok(Ok(text)))) => self.outcome(&text),
            (None, Some(Ok(Err(error)))) => Err(typed_error(error)),
            (None, Some(Err(error))) => Err(self.crash(&error)),
            (None, None) => {
                let message = format!("`{}` was dropped by the host", self.callable);
                Err(StepError::new(StepErrorKind::Crashed, message))
            }
        }
    }

    fn outcome(&self, text: &str) -> Result<StepOutcome, StepError> {
        let crashed = |message: String| Err(StepError::new(StepErrorKind::Crashed, message));
        let (callable, limit) = (self.callable, self.limits.output_bytes);
        if text.len() as u64 > limit {
            let bytes = text.len();
            let file = self.grants_file;
            return crashed(format!(
                "`{callable}` returned {bytes} bytes, its limit is {limit} (`output_bytes` in `{file}`)"
            ));
        }
        let output = match serde_json::from_str(text) {
            Ok(Json::Object(map)) => map,
            Ok(other) => JsonMap::from_iter([("result".to_owned(), other)]),
            Err(error) => return crashed(format!("`{callable}` returned text that is not JSON: {error}")),
        };
        let rows_affected = output.get("rows_affected").and_then(Json::as_i64);
        Ok(StepOutcome { output, rows_affected, usage: None })
    }

    fn stopped(&self, stop: &Stop, result: Option<wasmtime::Result<Answer>>) -> StepError {
        let callable = self.callable;
        let (kind, message) = match stop {
            Stop::Canceled(reason) => (StepErrorKind::Canceled, format!("`{callable}` was stopped: {reason}")),
            Stop::Deadline => (StepErrorKind::Timeout, format!("`{callable}` ran past {}", self.deadline)),
        };
        let how = match result {
            None => "it was waiting in a call of the host and was dropped".to_owned(),
            Some(Ok(Ok(_))) => "it returned a result after it was asked to stop".to_owned(),
            Some(Ok(Err(error))) => format!("it returned `{}` after it was asked to stop", error.code),
            Some(Err(error)) if error.is::<Killed>() => {
                format!("it did not stop by itself and was ended\n{}", self.trace(&error))
            }
            Some(Err(error)) => format!("it crashed after it was asked to stop\n{}", self.trace(&error)),
        };
        StepError::new(kind, message).with_detail(how)
    }

    fn crash(&self, error: &wasmtime::Error) -> StepError {
        let trace = self.trace(error);
        let place = own_function(&trace).map(|name| format!(" in `{name}`")).unwrap_or_default();
        let what = match self.limit(error) {
            Some(limit) => format!("ran into its {limit}{place}"),
            None => match (error.downcast_ref::<Trap>(), error.downcast_ref::<I32Exit>()) {
                (Some(Trap::UnreachableCodeReached), _) => match panic_message(&self.report.stderr_tail) {
                    Some(message) => message,
                    None => format!("aborted{place}"),
                },
                (Some(trap), _) => format!("trapped{place}: {trap}"),
                (_, Some(exit)) => format!("called exit({})", exit.0),
                _ => format!("crashed{place}: {}", error.root_cause()),
            },
        };
        StepError::new(StepErrorKind::Crashed, format!("`{}` {what}", self.callable)).with_detail(trace)
    }

    /// The limit that was refused before the crash: a guest that gets no memory traps like one that panics.
    fn limit(&self, error: &wasmtime::Error) -> Option<String> {
        if let Some(allowed) = self.limits.cpu.filter(|_| error.is::<OutOfTime>()) {
            let seconds = allowed.as_secs_f64();
            return Some(format!("processor time limit of {seconds} s (`cpu_seconds` in `{}`)", self.grants_file));
        }
        if matches!(error.downcast_ref::<Trap>(), Some(Trap::StackOverflow)) {
            let kb = self.limits.stack_bytes / 1024;
            return Some(format!("stack limit of {kb} KB (`stack_kb` in `{}`)", self.grants_file));
        }
        if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
            return Some(format!("limit of {HANDLES} open handles"));
        }
        if self.report.refused_memory {
            let mb = self.limits.memory_bytes / (1024 * 1024);
            return Some(format!("memory limit of {mb} MB (`memory_mb` in `{}`)", self.grants_file));
        }
        let elements = self.limits.table_elements;
        let table = || format!("table limit of {elements} elements (`table_elements` in `{}`)", self.grants_file);
        self.report.refused_table.then(table)
    }

    /// The backtrace and the last lines of stderr.
    fn trace(&self, error: &wasmtime::Error) -> String {
        let mut text = format!("{}", error.root_cause());
        if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
            text = format!("{text}\n{}", without_hashes(&backtrace.to_string()));
        }
        if !self.report.stderr_tail.is_empty() {
            text = format!("{text}\nlast lines of stderr:\n{}", self.report.stderr_tail.join("\n"));
        }
        text
    }
}

/// The innermost function of a backtrace that belongs to the plugin, not to a panic, an allocation or the SDK.
fn own_function(trace: &str) -> Option<&str> {
    const OTHERS: [&str; 10] =
        ["std::", "core::", "alloc::", "__", "rust_", "abort", "dlmalloc", "exit", "nomaflow_guest::", "nomaflow:"];
    trace
        .lines()
        .filter_map(|line| line.split_once(" - ").and_then(|(_, frame)| frame.split_once('!')))
        .map(|(_, function)| function.trim())
        .find(|function| !OTHERS.iter().any(|prefix| function.trim_start_matches('<').starts_with(prefix)))
}

/// Rust's symbols carry a hash of their crate, `core[d38755159852ea3f]::fmt`, which tells nobody anything.
fn without_hashes(text: &str) -> String {
    let mut pieces = text.split('[');
    let mut clean = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once(']') {
            Some((hash, rest)) if hash.len() == 16 && hash.bytes().all(|c| c.is_ascii_hexdigit()) => {
                clean.push_str(rest);
            }
            _ => {
                clean.push('[');
                clean.push_str(piece);
            }
        }
    }
    clean
}

/// What a Rust guest printed when it panicked: `thread '…' panicked at src/lib.rs:1:1:`, the message on the next line.
fn panic_message(stderr: &[String]) -> Option<String> {
    let at = stderr.iter().rposition(|line| line.contains("panicked at"))?;
    let (_, place) = stderr[at].split_once("panicked at")?;
    let message = stderr.get(at + 1).map(String::as_str).unwrap_or_default();
    Some(format!("panicked at{place} {message}"))
}

#[cfg(test)]
mod tests;
