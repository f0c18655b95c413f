//! The words of a message: a title, a line or two for each notice, a link to the run. What each transport makes of them is
//! in `payload` and `mail`.

use chrono::SecondsFormat;
use host_model::notify::delivery::Delivery;
use host_model::notify::{EventKind, Notice, Severity};
use host_model::run::{Run, StepRun, StepStatus};
use host_model::{Instant, Json, JsonMap};

/// Longest error in a message, in characters; the rest is in the history.
const LONGEST_ERROR: usize = 1_500;

/// A message without its clothes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    /// One line, without control characters.
    pub(crate) title: String,
    pub(crate) severity: Severity,
    /// Whether it is good news.
    pub(crate) is_good: bool,
    pub(crate) lines: Vec<Line>,
    /// Notices that have no line.
    pub(crate) n_more: u32,
    /// Where to look, when the page has an address.
    pub(crate) link: Option<String>,
}

/// One notice.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// `FAILED nightly`.
    pub(crate) title: String,
    /// What is known beyond it, a fact a line.
    pub(crate) details: Vec<String>,
    pub(crate) link: Option<String>,
}

/// What messages say of a run.
pub(crate) fn facts(run: &Run, steps: Option<&[StepRun]>) -> JsonMap {
    let at = |at: Option<Instant>| {
        at.map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true)).map_or(Json::Null, Json::from)
    };
    let failed = steps.and_then(|steps| steps.iter().rev().find(|step| step.status == StepStatus::Failed));
    let error = run.error.as_deref().or(run.reason.as_deref());
    let pairs: [(&str, Json); 9] = [
        ("state", run.status.as_str().into()),
        ("triggered_by", run.triggered_by.clone().into()),
        ("queued_at", at(Some(run.queued_at))),
        ("started_at", at(run.started_at)),
        ("finished_at", at(run.finished_at)),
        ("reason", run.reason.clone().into()),
        ("error", error.map(shorten).into()),
        ("step", failed.map(|step| step.name.to_string()).into()),
        ("rows_affected", run.rows_affected.into()),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= LONGEST_ERROR {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(LONGEST_ERROR).collect::<String>())
}

/// The address of what a notice is about.
pub(crate) fn link(notice: &Notice, public_url: Option<&str>) -> Option<String> {
    let base = public_url?.trim_end_matches('/');
    Some(match notice.run_id {
        Some(run) => format!("{base}/runs/{run}"),
        None => format!("{base}/jobs/{}", notice.job_id),
    })
}

impl Message {
    /// The message of a delivery.
    pub(crate) fn new(delivery: &Delivery, public_url: Option<&str>) -> Self {
        let notices = &delivery.notices;
        let main = delivery.main_event();
        let lines: Vec<Line> = notices.iter().map(|notice| line(notice, public_url)).collect();
        let link = match notices.as_slice() {
            [only] => link(only, public_url),
            _ => public_url.map(|base| format!("{}/runs", base.trim_end_matches('/'))),
        };
        let shown = u32::try_from(notices.len()).unwrap_or(u32::MAX);
        Self {
            title: format!("[Nomaflow] {}", title(notices, delivery.n_notices)),
            severity: main.severity(),
            is_good: notices.iter().all(|n| matches!(n.kind, EventKind::Succeeded | EventKind::Recovered)),
            lines,
            n_more: delivery.n_notices.saturating_sub(shown),
            link,
        }
    }

    /// Red, yellow, green or gray.
    pub(crate) fn color(&self) -> &'static str {
        match self.severity {
            Severity::High => "#d13438",
            Severity::Medium => "#e8a200",
            Severity::Low if self.is_good => "#2e9e44",
            Severity::Low => "#6b7280",
        }
    }

    /// Plain text, for mail and for what shows nothing else.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(&line.title);
            text.push('\n');
            for detail in &line.details {
                text.push_str(&format!("  {}\n", detail.replace('\n', "\n  ")));
            }
            if let Some(link) = &line.link {
                text.push_str(&format!("  {link}\n"));
            }
            text.push('\n');
        }
        if self.n_more > 0 {
            text.push_str(&format!("and {} more\n", self.n_more));
        }
        text
    }
}

/// `FAILED nightly`, `3 × FAILED nightly`, `2 × FAILED a, b`, `5 events: 3 FAILED, 2 RECOVERED`.
fn title(notices: &[Notice], n_all: u32) -> String {
    let Some(first) = notices.first() else { return "nothing happened".to_owned() };
    if n_all <= 1 {
        return format!("{} {}", first.kind.title(), first.job_id);
    }
    if notices.iter().all(|notice| notice.kind == first.kind) {
        let mut jobs: Vec<&str> = Vec::new();
        for notice in notices.iter().filter(|notice| notice.job_id != first.job_id) {
            if !jobs.contains(&notice.job_id.as_str()) {
                jobs.push(notice.job_id.as_str());
            }
        }
        let others = match jobs.as_slice() {
            [] => String::new(),
            [one] => format!(", {one}"),
            [one, more @ ..] => format!(", {one} and {} more", more.len()),
        };
        return format!("{n_all} × {} {}{others}", first.kind.title(), first.job_id);
    }
    let counted: Vec<String> = EventKind::ALL
        .iter()
        .filter_map(|kind| {
            let count = notices.iter().filter(|notice| notice.kind == *kind).count();
            (count > 0).then(|| format!("{count} {}", kind.title()))
        })
        .collect();
    format!("{n_all} events: {}", counted.join(", "))
}

fn line(notice: &Notice, public_url: Option<&str>) -> Line {
    let fact = |key: &str| notice.facts.get(key).and_then(Json::as_str).filter(|text| !text.is_empty());
    let mut details = Vec::new();
    if !notice.text.is_empty() {
        details.push(notice.text.clone());
    }
    if let Some(error) = fact("error").filter(|error| *error != notice.text) {
        details.push(error.to_owned());
    }
    let mut of_run = Vec::new();
    of_run.extend(fact("step").map(|step| format!("step {step}")));
    of_run.extend(fact("triggered_by").map(|by| format!("triggered by {by}")));
    of_run.extend(fact("started_at").map(|at| format!("started {at}")));
    of_run.extend(fact("finished_at").map(|at| format!("finished {at}")));
    if let Some(run) = notice.run_id {
        of_run.insert(0, format!("run {run}"));
    }
    if !of_run.is_empty() {
        details.push(of_run.join(" · "));
    }
    Line { title: format!("{} {}", notice.kind.title(), notice.job_id), details, link: link(notice, public_url) }
}
