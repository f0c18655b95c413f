//! Notifications on the wire: transports, deliveries, mutes, previews. The routes are in `notification_route`. No secret is in
//! here: the model does not have any to show.

use std::collections::BTreeMap;

use host_model::JsonMap;
use host_model::notify::Notice;
use host_model::notify::delivery::{Attempt, Delivery};
use host_model::notify::desk::{Preview, PreviewPart, SecretState, TestResult, TransportCard};
use host_model::notify::mute::Mute;
use serde::Serialize;
use utoipa::ToSchema;

use super::instant;
use super::words::{AlertEventWord, AlertSeverityWord, DeliveryOutcomeWord, MuteKindWord, TransportKindWord};

/// A secret field: never what it is, only whether there is one.
#[derive(Serialize, ToSchema)]
#[schema(as = SecretState)]
pub(crate) struct SecretView {
    state: SecretWord,
    #[schema(format = DateTime)]
    changed_at: Option<String>,
    by: Option<String>,
}

/// Whether a secret is there.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SecretWord {
    Set,
    Unset,
}

impl From<&SecretState> for SecretView {
    fn from(secret: &SecretState) -> Self {
        let (changed_at, by) = secret.changed.clone().map(|(at, by)| (instant(at), by)).unzip();
        Self { state: if secret.is_set { SecretWord::Set } else { SecretWord::Unset }, changed_at, by }
    }
}

/// Where a transport is declared.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TransportSource {
    /// In `app.toml`, where alone it is changed.
    File,
    Store,
}

/// Over what messages go.
#[derive(Serialize, ToSchema)]
#[schema(as = Transport)]
pub(crate) struct TransportView {
    name: String,
    #[schema(value_type = TransportKindWord)]
    kind: &'static str,
    enabled: bool,
    source: TransportSource,
    /// What is not secret, as it was written.
    #[schema(value_type = Object)]
    settings: JsonMap,
    default_recipient: Option<String>,
    /// Every secret field of its kind.
    secrets: BTreeMap<String, SecretView>,
    last_delivery: Option<LastDelivery>,
    /// It is on, and the last message over it did not get through.
    failing: bool,
}

/// The delivery over a transport that ended last.
#[derive(Serialize, ToSchema)]
pub(crate) struct LastDelivery {
    id: String,
    #[schema(format = DateTime)]
    at: String,
    #[schema(value_type = DeliveryOutcomeWord)]
    outcome: &'static str,
    attempts: u32,
    error: Option<String>,
}

impl From<&Delivery> for LastDelivery {
    fn from(last: &Delivery) -> Self {
        Self {
            id: last.id.to_string(),
            at: instant(last.finished_at.unwrap_or(last.due_at)),
            outcome: last.status.as_str(),
            attempts: last.attempts,
            error: last.error.clone(),
        }
    }
}

impl From<&TransportCard> for TransportView {
    fn from(card: &TransportCard) -> Self {
        Self {
            name: card.name.clone(),
            kind: card.kind.as_str(),
            enabled: card.enabled,
            source: if card.is_from_file { TransportSource::File } else { TransportSource::Store },
            settings: card.settings.clone(),
            default_recipient: card.settings.get("to").and_then(|to| to.as_str()).map(str::to_owned),
            secrets: card.secrets.iter().map(|secret| (secret.field.clone(), secret.into())).collect(),
            last_delivery: card.last.as_ref().map(LastDelivery::from),
            failing: card.enabled && card.last.as_ref().is_some_and(|last| last.error.is_some()),
        }
    }
}

/// What came of a test.
#[derive(Serialize, ToSchema)]
#[schema(as = TransportTest)]
pub(crate) struct TestView {
    ok: bool,
    /// What the other side said, or why it could not be asked.
    answer: String,
    ms: u32,
    /// What was done, line by line.
    trace: Vec<String>,
    /// Its record; null for values that are not saved.
    delivery: Option<String>,
}

impl From<TestResult> for TestView {
    fn from(result: TestResult) -> Self {
        let TestResult { is_sent, answer, duration_ms, trace, delivery } = result;
        Self { ok: is_sent, answer, ms: duration_ms, trace, delivery: delivery.map(|id| id.to_string()) }
    }
}

/// Something that happened to a job.
#[derive(Serialize, ToSchema)]
#[schema(as = Notice)]
pub(crate) struct NoticeView {
    #[schema(value_type = AlertEventWord)]
    event: &'static str,
    #[schema(value_type = AlertSeverityWord)]
    severity: &'static str,
    job_id: String,
    tags: Vec<String>,
    #[schema(format = DateTime)]
    at: String,
    run_id: Option<String>,
    /// One line that says what; may be empty.
    text: String,
    /// What is known of the run.
    #[schema(value_type = Object)]
    facts: JsonMap,
}

impl From<&Notice> for NoticeView {
    fn from(notice: &Notice) -> Self {
        Self {
            event: notice.kind.as_str(),
            severity: notice.kind.severity().as_str(),
            job_id: notice.job_id.to_string(),
            tags: notice.tags.clone(),
            at: instant(notice.at),
            run_id: notice.run_id.map(|id| id.to_string()),
            text: notice.text.clone(),
            facts: notice.facts.clone(),
        }
    }
}

/// One message to one recipient.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct DeliveryView {
    id: String,
    #[schema(format = DateTime)]
    at: String,
    /// The worst of what it tells.
    #[schema(value_type = AlertEventWord)]
    event: &'static str,
    job_id: Option<String>,
    run_id: Option<String>,
    /// Empty when none could be found for the recipient.
    transport: String,
    /// Empty: the transport's default.
    recipient: String,
    /// The route that sent it this way.
    route: Option<String>,
    #[schema(value_type = DeliveryOutcomeWord)]
    outcome: &'static str,
    attempts: u32,
    #[schema(format = DateTime)]
    next_attempt_at: Option<String>,
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    /// Why the last attempt failed.
    error: Option<String>,
    /// Notices that became this message; more than are listed when there are very many.
    count: u32,
    notices: Vec<NoticeView>,
    resend_of: Option<String>,
    /// Who asked for it, of a test or a repetition.
    requested_by: Option<String>,
}

impl From<&Delivery> for DeliveryView {
    fn from(delivery: &Delivery) -> Self {
        let first = delivery.notices.first();
        Self {
            id: delivery.id.to_string(),
            at: instant(delivery.created_at),
            event: delivery.main_event().as_str(),
            job_id: first.map(|notice| notice.job_id.to_string()),
            run_id: first.and_then(|notice| notice.run_id).map(|id| id.to_string()),
            transport: delivery.transport.clone(),
            recipient: delivery.recipient.clone(),
            route: delivery.route.clone(),
            outcome: delivery.status.as_str(),
            attempts: delivery.attempts,
            next_attempt_at: delivery.finished_at.is_none().then(|| instant(delivery.due_at)),
            finished_at: delivery.finished_at.map(instant),
            error: delivery.error.clone(),
            count: delivery.n_notices,
            notices: delivery.notices.iter().map(NoticeView::from).collect(),
            resend_of: delivery.resend_of.map(|id| id.to_string()),
            requested_by: delivery.requested_by.clone(),
        }
    }
}

/// A message with its attempts.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryDetail {
    #[serde(flatten)]
    pub(crate) delivery: DeliveryView,
    pub(crate) attempt_list: Vec<AttemptView>,
}

/// One attempt to deliver.
#[derive(Serialize, ToSchema)]
#[schema(as = DeliveryAttempt)]
pub(crate) struct AttemptView {
    attempt: u32,
    #[schema(format = DateTime)]
    at: String,
    ms: u32,
    ok: bool,
    /// What the other side said, or why it could not be asked.
    answer: String,
}

impl From<&Attempt> for AttemptView {
    fn from(attempt: &Attempt) -> Self {
        Self {
            attempt: attempt.number,
            at: instant(attempt.at),
            ms: attempt.duration_ms,
            ok: attempt.is_sent,
            answer: attempt.answer.clone(),
        }
    }
}

/// Alerts that nobody wants to hear until an instant.
#[derive(Serialize, ToSchema)]
#[schema(as = Mute)]
pub(crate) struct MuteView {
    #[schema(value_type = MuteKindWord)]
    kind: &'static str,
    /// The id of a job, or the name of a route.
    name: String,
    #[schema(format = DateTime)]
    until: String,
    #[schema(format = DateTime)]
    at: String,
    by: String,
    /// May be empty.
    reason: String,
    /// Messages that were not sent because of it.
    held: u64,
}

impl From<&Mute> for MuteView {
    fn from(mute: &Mute) -> Self {
        Self {
            kind: mute.kind.as_str(),
            name: mute.name.clone(),
            until: instant(mute.until),
            at: instant(mute.at),
            by: mute.by.clone(),
            reason: mute.reason.clone(),
            held: mute.held,
        }
    }
}

/// A message as it would go out.
#[derive(Serialize, ToSchema)]
#[schema(as = MessagePreview)]
pub(crate) struct PreviewView {
    #[schema(value_type = AlertEventWord)]
    event: &'static str,
    job_id: String,
    run_id: Option<String>,
    /// No run is like this: the values are made up.
    sample: bool,
    /// Null: whoever is behind the transport's address.
    recipient: Option<String>,
    title: String,
    /// What the other side gets, part by part.
    parts: Vec<PreviewPartView>,
    /// `[server] public_url` is not set, so that no message has a link.
    links_missing: bool,
    /// What the message has that was hardly meant so.
    warnings: Vec<String>,
}

/// A part of a message.
#[derive(Serialize, ToSchema)]
#[schema(as = MessagePart)]
pub(crate) struct PreviewPartView {
    #[schema(example = "application/json")]
    media_type: String,
    text: String,
}

impl From<Preview> for PreviewView {
    fn from(preview: Preview) -> Self {
        let part = |part: PreviewPart| PreviewPartView { media_type: part.media_type.to_owned(), text: part.text };
        Self {
            event: preview.event.as_str(),
            job_id: preview.job_id.to_string(),
            run_id: preview.run_id.filter(|_| !preview.is_sample).map(|id| id.to_string()),
            sample: preview.is_sample,
            recipient: preview.recipient,
            title: preview.title,
            parts: preview.parts.into_iter().map(part).collect(),
            links_missing: !preview.has_links,
            warnings: preview.warnings,
        }
    }
}
