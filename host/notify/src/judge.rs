//! Who is told of what: from an event, the job's own `alerts` and the routes to recipients. Pure.
//!
//! A job's `alerts` say which of its events are told and to whom; without recipients the routes say to whom, and where no
//! route matches every transport tells its default recipient. Routes are walked for every event, in order, up to the
//! first that matches and does not `continue`. `on_failure = false` is a word of its own: nobody is told, whatever routes
//! say. Each recipient hears of an event once. What is muted is found all the same, and marked so.

use host_model::Instant;
use host_model::job::Alerts;
use host_model::notify::delivery::NewDelivery;
use host_model::notify::mute::Mute;
use host_model::notify::quiet::Quiet;
use host_model::notify::route::Route;
use host_model::notify::transport::TransportKind;
use host_model::notify::{EventKind, Notice};

use crate::book::Book;

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    /// Empty when none was found.
    pub(crate) transport: String,
    /// Empty = the transport's default.
    pub(crate) recipient: String,
    pub(crate) route: Option<String>,
    pub(crate) hold_until: Option<Instant>,
    pub(crate) group_seconds: u32,
    pub(crate) failure: Option<String>,
    /// Somebody wants to hear nothing of it now: it is not sent.
    pub(crate) muted: Option<Mute>,
}

/// What a job's `alerts` say of an event.
enum Word {
    /// Nobody is to hear of it.
    Mute,
    /// It is to be told, to these recipients if there are any.
    Tell(Vec<String>),
    /// Nothing.
    Silence,
}

fn word(kind: EventKind, alerts: Option<&Alerts>) -> Word {
    let Some(alerts) = alerts else { return Word::Silence };
    let is_told = match kind {
        EventKind::Failed if !alerts.on_failure => return Word::Mute,
        EventKind::Recovered if !alerts.on_recovery && !alerts.on_success => return Word::Mute,
        EventKind::Failed | EventKind::Recovered | EventKind::LongRun | EventKind::NoSuccess => true,
        EventKind::Succeeded => alerts.on_success,
        EventKind::Canceled => alerts.on_canceled,
        EventKind::Skipped | EventKind::Test => false,
    };
    if is_told { Word::Tell(alerts.recipients.clone()) } else { Word::Silence }
}

/// Everybody who is told of `notice`.
pub(crate) fn judge(notice: &Notice, alerts: Option<&Alerts>, book: &Book) -> Vec<Told> {
    let own = match word(notice.kind, alerts) {
        Word::Mute => return Vec::new(),
        Word::Silence => None,
        Word::Tell(recipients) => Some(recipients),
    };
    let mut all = Vec::new();
    for recipient in own.iter().flatten() {
        all.push(told(recipient, None, notice, book));
    }
    let mut is_routed = false;
    for route in book.routes.iter().filter(|route| route.matches(notice)) {
        is_routed = true;
        all.extend(along(route, notice, book));
        if !route.goes_on {
            break;
        }
    }
    if own.is_some_and(|recipients| recipients.is_empty()) && !is_routed {
        all.extend(book.defaults().map(|name| told(name, None, notice, book)));
    }
    let mut once: Vec<Told> = Vec::new();
    for mut told in all {
        told.muted = book.mute_of(notice, told.route.as_deref()).cloned();
        let is_same = |other: &Told| other.transport == told.transport && other.recipient == told.recipient;
        if told.failure.is_some() || !once.iter().any(is_same) {
            once.push(told);
        }
    }
    once
}

/// Those a route leads to.
fn along(route: &Route, notice: &Notice, book: &Book) -> Vec<Told> {
    let quiet = route
        .quiet_hours
        .as_ref()
        .filter(|quiet| quiet.let_through.is_none_or(|severity| !notice.kind.severity().is_at_least(severity)));
    let end = quiet.and_then(|quiet| quiet.end_of(notice.at).map(|end| (end, quiet.then)));
    let hold_until = match end {
        Some((_, Quiet::Drop)) => return Vec::new(),
        Some((end, Quiet::Hold)) => Some(end),
        None => None,
    };
    let names: Vec<&str> = if route.recipients.is_empty() {
        book.defaults().collect()
    } else {
        route.recipients.iter().map(String::as_str).collect()
    };
    names.into_iter().map(|name| Told { hold_until, ..told(name, Some(route), notice, book) }).collect()
}

fn told(recipient: &str, route: Option<&Route>, _notice: &Notice, book: &Book) -> Told {
    let group_seconds = route.and_then(|route| route.group_seconds).unwrap_or(book.group_seconds);
    let (transport, recipient, failure) = match resolve(recipient, book) {
        Ok((transport, recipient)) => (transport, recipient, None),
        Err(why) => (String::new(), recipient.to_owned(), Some(why)),
    };
    let route = route.map(|route| route.name.clone());
    Told { transport, recipient, route, hold_until: None, group_seconds, failure, muted: None }
}

/// Over what a recipient is reached: `name` and `name:to` say it themselves; `#channel` and `@user` go over the first Slack
/// transport, an address over the first mail server.
fn resolve(recipient: &str, book: &Book) -> Result<(String, String), String> {
    let (name, to) = recipient.split_once(':').unwrap_or((recipient, ""));
    if let Some(found) = book.find(name) {
        return if found.enabled {
            Ok((found.name.clone(), to.to_owned()))
        } else {
            Err(format!("the transport `{name}` is off"))
        };
    }
    let first = |kind: TransportKind, what: &str| {
        let found = book.transports().find(|transport| transport.kind == kind && transport.enabled);
        let missing = || format!("`{recipient}` is {what}, and there is no transport of kind `{}`", kind.as_str());
        found.map(|transport| (transport.name.clone(), recipient.to_owned())).ok_or_else(missing)
    };
    if recipient.starts_with(['#', '@']) {
        first(TransportKind::Slack, "a channel")
    } else if recipient.contains('@') {
        first(TransportKind::Smtp, "an address")
    } else {
        Err(format!("recipient `{recipient}` is neither a channel nor an address, and no transport has this name"))
    }
}

impl Told {
    /// The message for the outbox.
    pub(crate) fn delivery(self, notice: &Notice, now: Instant) -> NewDelivery {
        let gathered = now + chrono::TimeDelta::seconds(self.group_seconds.into());
        // What is held is gathered until the hours end, whatever else is said.
        let group = (self.group_seconds > 0 || self.hold_until.is_some()).then(|| {
            let route = self.route.as_deref().unwrap_or_default();
            let held = if self.hold_until.is_some() { "held" } else { "" };
            format!("{}\n{}\n{route}\n{held}", self.transport, self.recipient)
        });
        NewDelivery {
            transport: self.transport,
            recipient: self.recipient,
            route: self.route,
            group,
            due_at: self.hold_until.map_or(gathered, |end| end.max(gathered)),
            failure: self.failure,
            notice: notice.clone(),
            resend_of: None,
            requested_by: None,
        }
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
