//! What a person sees of a run: a moving bar per running step on a terminal, one plain line per change in a pipe, JSON
//! events when asked for.

use std::time::Duration;

use host_model::Json;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;

use super::{field, usage_line};

/// How to show a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Show {
    /// One JSON document per line.
    pub(crate) json: bool,
    /// Log lines: all, or warnings and errors only.
    pub(crate) all_lines: bool,
    /// Steps and the summary; without them only log lines are shown.
    pub(crate) steps: bool,
}

/// The screen of one run.
pub(crate) struct Screen {
    show: Show,
    bar: Option<ProgressBar>,
    terminal: bool,
    closed: bool,
}

impl Screen {
    pub(crate) fn new(show: Show) -> Self {
        Self { show, bar: None, terminal: std::io::stdout().is_terminal() && !show.json, closed: false }
    }

    /// Nobody reads any more, so there is nothing to follow.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    fn print(&mut self, text: &str) {
        let text = visible(text);
        match &self.bar {
            Some(bar) => bar.println(text),
            None => self.closed |= crate::say(&text).is_err(),
        }
    }

    /// A step changed.
    pub(crate) fn step(&mut self, step: &Json) {
        if self.show.json {
            return self.print(&step.to_string());
        }
        if !self.show.steps {
            return;
        }
        let (name, kind, status) = (field(step, "name"), field(step, "type"), field(step, "status"));
        let number = step["index"].as_u64().unwrap_or(0) + 1;
        if status == "RUNNING" {
            let again =
                step["attempt"].as_u64().filter(|n| *n > 1).map(|n| format!(", attempt {n}")).unwrap_or_default();
            if self.terminal {
                self.bar = Some(new_bar(format!("{number}. {name} ({kind}{again})")));
            } else {
                self.print(&format!("{number}. {name} ({kind}{again}) started"));
            }
            return;
        }
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let mark = match status {
            "SUCCEEDED" => "✔",
            "FAILED" => "✘",
            _ => "–",
        };
        self.print(&format!("{mark} {number}. {name} ({kind}) {status}{}", figures(step)));
        if let Some(error) = step.get("error").filter(|e| e.is_object()) {
            self.print(&format!("    {}: {}", field(error, "kind"), field(error, "message")));
            for line in field(error, "detail").lines().take(40) {
                self.print(&format!("    | {line}"));
            }
        } else if !field(step, "reason").is_empty() {
            self.print(&format!("    {}", field(step, "reason")));
        }
        let used = usage_line(&step["usage"]);
        if !used.is_empty() {
            self.print(&format!("    used {used}"));
        }
    }

    /// A step says how far it is.
    pub(crate) fn progress(&mut self, progress: &Json) {
        let Some(bar) = &self.bar else { return };
        let done = progress["done"].as_u64().unwrap_or(0);
        match progress["total"].as_u64() {
            Some(total) if total > 0 => {
                bar.set_style(style("{spinner} {prefix} {bar:24} {msg}"));
                bar.set_length(total);
                bar.set_position(done.min(total));
            }
            _ => bar.set_position(done),
        }
        let rate = progress["rate"].as_f64().unwrap_or(0.0);
        let total = progress["total"].as_u64().map(|t| format!(" of {}", HumanCount(t))).unwrap_or_default();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate for people, never negative"
        )]
        let speed = HumanCount(rate as u64);
        let what = match field(progress, "note") {
            "" => "rows",
            note => note,
        };
        bar.set_message(format!("{}{total} {what}, {speed}/s", HumanCount(done)));
    }

    /// A log line.
    pub(crate) fn line(&mut self, line: &Json) {
        if self.show.json {
            return self.print(&line.to_string());
        }
        let level = field(line, "level");
        // Failures of steps are shown with the step.
        if !self.show.all_lines && (level != "WARNING") {
            return;
        }
        self.print(&render_line(line));
    }

    /// The run is over.
    pub(crate) fn finish(&mut self, run: &Json, steps: &[Json]) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if self.show.json {
            return self.print(&run.to_string());
        }
        if !self.show.steps {
            return;
        }
        let done = steps.iter().filter(|s| field(s, "status") == "SUCCEEDED").count();
        let rows = run["rows_affected"].as_i64().unwrap_or(0);
        let took = took(field(run, "started_at"), field(run, "finished_at"));
        let count = run["step_count"].as_u64().unwrap_or(0);
        let summary = format!(
            "run {} {}: {done} of {count} steps succeeded, {} rows{took}",
            field(run, "id"),
            field(run, "status"),
            HumanCount(rows.unsigned_abs()),
        );
        self.print(&summary);
        let why = [field(run, "error"), field(run, "reason")].into_iter().find(|t| !t.is_empty());
        if let Some(why) = why {
            self.print(&format!("  {why}"));
        }
    }
}

/// Text of steps and servers as it may reach a terminal: what could move the cursor or set colours becomes a sign.
pub(crate) fn visible(text: &str) -> String {
    let sign = |c: char| match c {
        '\t' | '\n' => c,
        '\u{7f}' => '\u{2421}',
        // The pictures of the control characters stand in their order from U+2400 on.
        c if c < ' ' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(sign).collect()
}

/// A log line as the log viewer shows it.
pub(crate) fn render_line(line: &Json) -> String {
    let at = field(line, "at");
    let clock = at.get(11..23).unwrap_or(at);
    let step = match field(line, "step") {
        "" => String::new(),
        step => format!("[{step}] "),
    };
    visible(&format!("{clock} {:<7} {step}{}", field(line, "level"), field(line, "message")))
}

fn figures(step: &Json) -> String {
    let rows = step["rows_affected"].as_i64().map(|n| format!(", {} rows", HumanCount(n.unsigned_abs())));
    let seconds = seconds(field(step, "started_at"), field(step, "finished_at"));
    let rate = match (step["rows_affected"].as_i64(), seconds) {
        (Some(rows), Some(seconds)) if rows >= 1000 && seconds > 0.0 => {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a rate for people"
            )]
            let rate = (rows as f64 / seconds) as u64;
            format!(", {}/s", HumanCount(rate))
        }
        _ => String::new(),
    };
    let took = took(field(step, "started_at"), field(step, "finished_at"));
    format!("{took}{}{rate}", rows.unwrap_or_default())
}

fn seconds(from: &str, to: &str) -> Option<f64> {
    let at = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
    let millis = (at(to)? - at(from)?).num_milliseconds().max(0);
    u32::try_from(millis).ok().map(|ms| f64::from(ms) / 1000.0)
}

fn took(from: &str, to: &str) -> String {
    match seconds(from, to) {
        Some(s) if s < 1.0 => format!(" in {:.0} ms", s * 1000.0),
        Some(s) => format!(" in {s:.1} s"),
        None => String::new(),
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn new_bar(prefix: String) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_style(style("{spinner} {prefix} {msg}")).with_prefix(prefix);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::render_line;

    #[test]
    fn a_log_line_cannot_steer_the_terminal() {
        let line =
            json!({"at": "2026-03-01T01:00:00.000Z", "level": "INFO", "step": "s", "message": "a\u{1b}[2Jb\tc\u{9b}d"});
        assert_eq!(render_line(&line), "01:00:00.000 INFO    [s] a\u{241b}[2Jb\tc\u{fffd}d");
    }
}
