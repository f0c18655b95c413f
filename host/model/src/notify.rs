//! Notifications: what happened to a job ([`Notice`]), who is told (`route`), over what (`transport`), when (`quiet`),
//! and what became of it (`delivery`). Where they are kept and how they are asked for are the ports in `store` and
//! `desk`; the decision and the sending are the crate `notify`.
//!
//! Invariants: a notice says nothing that history does not say, so no secret is in it; a transport's secrets are
//! [`Hidden`](crate::connector::Hidden) wherever they are carried in clear.

pub mod delivery;
pub mod desk;
pub mod mute;
pub mod quiet;
pub mod route;
pub mod store;
pub mod transport;

use chrono::SecondsFormat;

use crate::job::word_enum;
use crate::{Instant, JobId, Json, JsonMap, RunId};

word_enum!(
    /// What can be told of a job.
    EventKind {
        /// A run ended `FAILED`, or was lost in a restart.
        Failed = "failed",
        /// A run ended `SUCCEEDED`, and so did the one before it.
        Succeeded = "succeeded",
        /// A run ended `SUCCEEDED`, the first one after a failure or after a silence that was told of.
        Recovered = "recovered",
        /// A run was canceled.
        Canceled = "canceled",
        /// A run was due and did not begin.
        Skipped = "skipped",
        /// A run is still in flight after the job's `on_long_run_minutes`.
        LongRun = "long_run",
        /// No run of the job succeeded within its `no_success_within_hours`.
        NoSuccess = "no_success",
        /// Somebody tries a transport.
        Test = "test",
    }
);

word_enum!(
    /// How much an event matters.
    Severity {
        /// Good to know.
        Low = "low",
        /// Somebody should look.
        Medium = "medium",
        /// Something did not happen that should have.
        High = "high",
    }
);

impl Severity {
    /// Whether it is `other` or worse.
    pub fn is_at_least(self, other: Self) -> bool {
        let rank = |severity| Self::ALL.iter().position(|one| *one == severity);
        rank(self) >= rank(other)
    }
}

impl EventKind {
    /// How much it matters.
    pub fn severity(self) -> Severity {
        match self {
            Self::Failed | Self::NoSuccess => Severity::High,
            Self::LongRun => Severity::Medium,
            Self::Succeeded | Self::Recovered | Self::Canceled | Self::Skipped | Self::Test => Severity::Low,
        }
    }

    /// Whether a route that names no events takes it: what somebody should hear of without having asked.
    pub fn is_told_unasked(self) -> bool {
        matches!(self, Self::Failed | Self::Recovered | Self::LongRun | Self::NoSuccess)
    }

    /// The word in titles.
    pub fn title(self) -> &'static str {
        match self {
            Self::Failed => "FAILED",
            Self::Succeeded => "SUCCEEDED",
            Self::Recovered => "RECOVERED",
            Self::Canceled => "CANCELED",
            Self::Skipped => "SKIPPED",
            Self::LongRun => "LONG RUN",
            Self::NoSuccess => "NO SUCCESS",
            Self::Test => "TEST",
        }
    }
}

/// Something that happened to a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// What.
    pub kind: EventKind,
    /// To which job.
    pub job_id: JobId,
    /// Its tags when it was judged; empty for a job that is no longer declared.
    pub tags: Vec<String>,
    /// When.
    pub at: Instant,
    /// The run it is about.
    pub run_id: Option<RunId>,
    /// `failed: step extract`: one line that says what; may be empty.
    pub text: String,
    /// What people and templates read of the run: `state`, `triggered_by`, `started_at`, `finished_at`, `error`, `step`.
    pub facts: JsonMap,
}

impl Notice {
    /// The form in which it is kept and sent.
    pub fn to_json(&self) -> Json {
        let mut map = JsonMap::new();
        map.insert("event".into(), self.kind.as_str().into());
        map.insert("severity".into(), self.kind.severity().as_str().into());
        map.insert("job_id".into(), self.job_id.as_str().into());
        map.insert("tags".into(), self.tags.clone().into());
        map.insert("at".into(), self.at.to_rfc3339_opts(SecondsFormat::Millis, true).into());
        map.insert("run_id".into(), self.run_id.map(|id| id.to_string()).into());
        map.insert("text".into(), self.text.clone().into());
        map.insert("facts".into(), Json::Object(self.facts.clone()));
        Json::Object(map)
    }

    /// Reads what [`Notice::to_json`] made; `None` for anything else.
    pub fn parse(json: &Json) -> Option<Self> {
        let text = |key: &str| json.get(key).and_then(Json::as_str);
        let tags = json.get("tags")?.as_array()?.iter().filter_map(Json::as_str).map(str::to_owned);
        Some(Self {
            kind: EventKind::parse(text("event")?)?,
            job_id: JobId::new(text("job_id")?).ok()?,
            tags: tags.collect(),
            at: text("at")?.parse().ok()?,
            run_id: text("run_id").and_then(|id| RunId::parse(id).ok()),
            text: text("text").unwrap_or_default().to_owned(),
            facts: json.get("facts").and_then(Json::as_object).cloned().unwrap_or_default(),
        })
    }
}

/// A mistake in what somebody wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key at fault, from the outside in.
    pub path: Vec<String>,
    /// What is wrong with it: lower-case start, names in backticks.
    pub message: String,
    /// Line and column in the text of the key, both from 1, where that is known.
    pub place: Option<(u32, u32)>,
}

impl Problem {
    /// A problem with the key `path`.
    pub fn new(path: &[&str], message: impl Into<String>) -> Self {
        Self { path: path.iter().map(|part| (*part).to_owned()).collect(), message: message.into(), place: None }
    }

    /// `/settings/port`.
    pub fn pointer(&self) -> String {
        let escape = |part: &String| format!("/{}", part.replace('~', "~0").replace('/', "~1"));
        self.path.iter().map(escape).collect()
    }
}

/// Takes the keys of an object one by one; what is left is unknown.
pub(crate) struct Keys<'m> {
    map: &'m JsonMap,
    known: Vec<&'static str>,
    /// What was wrong so far.
    pub(crate) problems: Vec<Problem>,
}

impl<'m> Keys<'m> {
    pub(crate) fn new(map: &'m JsonMap) -> Self {
        Self { map, known: Vec::new(), problems: Vec::new() }
    }

    pub(crate) fn take(&mut self, key: &'static str) -> Option<&'m Json> {
        self.known.push(key);
        self.map.get(key).filter(|value| !value.is_null())
    }

    pub(crate) fn wrong(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(&[key], message));
    }

    /// A text without line breaks or other control characters; they could begin a header of their own.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        match self.take(key)?.as_str() {
            Some(text) if text.chars().any(char::is_control) => {
                self.wrong(key, format!("`{key}` holds a line break or another control character"));
                None
            }
            Some(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            None => {
                self.wrong(key, format!("`{key}` must be a string"));
                None
            }
        }
    }

    pub(crate) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.take(key)?;
        if !value.is_boolean() {
            self.wrong(key, format!("`{key}` must be `true` or `false`"));
        }
        value.as_bool()
    }

    pub(crate) fn whole(&mut self, key: &'static str, allowed: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let number = self.take(key)?.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| allowed.contains(n));
        if number.is_none() {
            let (least, most) = (allowed.start(), allowed.end());
            self.wrong(key, format!("`{key}` must be a whole number from {least} to {most}"));
        }
        number
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, key: &'static str) -> Vec<String> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let texts = value.as_array().map(|items| items.iter().map(|item| item.as_str().map(str::to_owned)));
        match texts.and_then(|texts| texts.collect::<Option<Vec<String>>>()) {
            Some(texts) => texts,
            None => {
                self.wrong(key, format!("`{key}` must be a list of strings"));
                Vec::new()
            }
        }
    }

    /// One of the words of an enum.
    pub(crate) fn word<T>(&mut self, key: &'static str, allowed: &str, parse: fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(key)?;
        let word = parse(&text);
        if word.is_none() {
            self.wrong(key, format!("`{key}` is `{text}`; allowed are {allowed}"));
        }
        word
    }

    /// The problems, those with unknown keys among them.
    pub(crate) fn finish(mut self) -> Vec<Problem> {
        for key in self.map.keys().filter(|key| !self.known.contains(&key.as_str())) {
            let near = crate::diagnostic::nearest(key, self.known.iter().copied());
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            self.problems.push(Problem::new(&[key], format!("unknown key `{key}`{near}")));
        }
        self.problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_read_back_as_it_was() {
        let notice = Notice {
            kind: EventKind::LongRun,
            job_id: JobId::new("nightly").unwrap(),
            tags: vec!["etl".into()],
            at: Instant::from_timestamp_millis(1_795_000_000_123).unwrap(),
            run_id: Some(RunId::from_parts(7, 7)),
            text: "still running after 30 min".into(),
            facts: [("state".to_owned(), Json::from("RUNNING"))].into_iter().collect(),
        };
        assert_eq!(Notice::parse(&notice.to_json()), Some(notice));
        assert_eq!(Notice::parse(&Json::from("x")), None);
    }

    #[test]
    fn severities_are_in_order() {
        assert!(Severity::High.is_at_least(Severity::Low) && Severity::Low.is_at_least(Severity::Low));
        assert!(!Severity::Low.is_at_least(Severity::Medium));
    }
}
