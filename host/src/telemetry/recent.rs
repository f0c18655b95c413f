//! The last lines of the process's own log, as they went to standard error: what somebody who helps from afar wants to see
//! first, and what is hard to get at in a container.
//!
//! Invariant: it is bounded in lines and bytes, and writing to it never waits for a reader.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use host_model::care::RecentLog;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::registry::LookupSpan;

/// Lines and bytes that are kept.
const MOST_LINES: usize = 2_000;
const MOST_BYTES: usize = 1 << 20;
/// Longest line, in bytes; of longer ones the beginning is kept.
const LONGEST: usize = 4 << 10;

static RECENT: Mutex<Recent> = Mutex::new(Recent { lines: VecDeque::new(), bytes: 0, forgotten: 0 });

#[derive(Default)]
struct Recent {
    lines: VecDeque<String>,
    bytes: usize,
    forgotten: u64,
}

impl Recent {
    fn add(&mut self, text: &str) {
        let text = text.trim_end();
        let end = (0..=LONGEST.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        let line = text[..end].to_owned();
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.lines.len() > MOST_LINES || self.bytes > MOST_BYTES {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.bytes -= oldest.len();
            self.forgotten += 1;
        }
    }
}

fn kept() -> MutexGuard<'static, Recent> {
    RECENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was logged of late.
pub(crate) fn recent_log() -> RecentLog {
    let recent = kept();
    RecentLog { lines: recent.lines.iter().cloned().collect(), forgotten: recent.forgotten }
}

/// Each event comes as one write.
struct Keep;

impl io::Write for Keep {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        kept().add(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fields of spans in a form of their own: texts that the log on standard error has drawn in color are not taken over.
struct Plain(DefaultFields);

impl<'w> FormatFields<'w> for Plain {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        self.0.format_fields(writer, fields)
    }
}

/// Keeps what is logged.
pub(super) fn layer<S>() -> impl Layer<S> + Send + Sync + 'static
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    let layer = tracing_subscriber::fmt::layer().fmt_fields(Plain(DefaultFields::new()));
    layer.with_writer(|| Keep).with_target(false).with_ansi(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_stay_and_the_others_are_counted() {
        let mut recent = Recent::default();
        for n in 0..MOST_LINES + 5 {
            recent.add(&format!("line {n}\n"));
        }
        assert_eq!((recent.lines.len(), recent.forgotten, recent.lines[0].as_str()), (MOST_LINES, 5, "line 5"));
        let wide = "é".repeat(LONGEST);
        for _ in 0..MOST_LINES {
            recent.add(&wide);
        }
        assert!(recent.bytes <= MOST_BYTES && recent.bytes == recent.lines.iter().map(String::len).sum::<usize>());
        assert_eq!(recent.lines.back().map(String::len), Some(LONGEST));
        assert_eq!(recent.lines.len() as u64 + recent.forgotten, 2 * MOST_LINES as u64 + 5);
    }
}
