//! How a message would look: made by the same code that makes the real one, of a run or of values that are made up. Nothing is
//! sent, and no reference or secret of the transport is filled in.

use chrono::TimeDelta;
use host_model::connector::Hidden;
use host_model::notify::delivery::{Delivery, DeliveryStatus};
use host_model::notify::desk::{DeskError, Preview, PreviewPart};
use host_model::notify::transport::{Target, Transport, TransportKind};
use host_model::notify::{EventKind, Notice, Problem};
use host_model::run::RunStatus;
use host_model::{Instant, JobId, Json, JsonMap, Run, RunId};
use serde_json::json;

use crate::body::{Fault, broken_json, of_webhook};
use crate::book::Entry;
use crate::message::{Message, facts};
use crate::notifier::Notifier;
use crate::{mail, payload};

/// The job of which made-up messages tell.
const SAMPLE: &str = "nightly-load";

impl Notifier {
    /// Draws the message that `entry` would send.
    pub(crate) async fn draw(
        &self,
        entry: &Entry,
        event: Option<EventKind>,
        run: Option<&Run>,
    ) -> Result<Preview, DeskError> {
        let parts = &self.shared.parts;
        let spec = without_secrets(&entry.transport).read().map_err(DeskError::Invalid)?;
        let event = event.unwrap_or_else(|| run.map_or(EventKind::Failed, |run| event_of(run.status)));
        let notice = match run {
            Some(run) => {
                let steps = parts.runs.list_steps(run.id).await.ok();
                let tags = (parts.jobs)().get(&run.job_id).map(|job| job.tags.clone()).unwrap_or_default();
                let at = run.finished_at.unwrap_or_else(|| self.now());
                let facts = facts(run, steps.as_deref());
                let (job_id, text) = (run.job_id.clone(), text_of(event, run.reason.as_deref()));
                Notice { kind: event, job_id, tags, at, run_id: Some(run.id), text, facts }
            }
            None => sample(event, self.now())?,
        };
        let recipient = spec.to.clone().unwrap_or_default();
        let delivery = delivery_of(&entry.transport.name, recipient, notice.clone());
        let public_url = parts.settings.public_url.as_deref();
        let message = Message::new(&delivery, public_url);
        let (shown, warnings) = match &spec.target {
            Target::Smtp { .. } => {
                let html = PreviewPart { media_type: "text/html", text: mail::html(&message) };
                (vec![PreviewPart { media_type: "text/plain", text: message.text() }, html], Vec::new())
            }
            Target::Slack { username, icon, .. } => {
                (vec![json_part(&payload::slack(&message, username, icon, spec.to.as_deref()))], Vec::new())
            }
            Target::Teams { .. } => (vec![json_part(&payload::teams(&message))], Vec::new()),
            Target::Webhook { body, .. } => {
                let filled = of_webhook(body.as_ref(), &delivery, &message, public_url)
                    .map_err(|fault| DeskError::Invalid(vec![problem(fault)]))?;
                let json = filled.is_json.then(|| serde_json::from_str::<Json>(&filled.text).ok()).flatten();
                let part = match json {
                    Some(json) => json_part(&json),
                    None => PreviewPart { media_type: "text/plain", text: filled.text },
                };
                (vec![part], body.as_ref().and_then(broken_json).into_iter().collect())
            }
        };
        Ok(Preview {
            event,
            job_id: notice.job_id,
            run_id: notice.run_id,
            is_sample: run.is_none(),
            recipient: spec.to,
            title: message.title,
            parts: shown,
            has_links: public_url.is_some(),
            warnings,
        })
    }
}

/// The transport with something in the place of the secrets it cannot do without: no message has them, and one that is sealed
/// with a key that is gone must not keep anybody from looking.
fn without_secrets(transport: &Transport) -> Transport {
    let mut shown = transport.clone();
    let needed = match shown.kind {
        TransportKind::Slack | TransportKind::Teams => Some("webhook_url"),
        TransportKind::Smtp => shown.settings.contains_key("user").then_some("password"),
        TransportKind::Webhook => None,
    };
    if let Some(field) = needed {
        shown.secrets.insert(field.to_owned(), Hidden::new("${secret}"));
    }
    shown
}

/// The place of a mistake in the settings of a transport.
fn problem(fault: Fault) -> Problem {
    let place = Some((fault.line, fault.column));
    let message = fault.to_string();
    let path = ["settings", "body"].into_iter().map(str::to_owned).chain(fault.path).collect();
    Problem { path, message, place }
}

/// With line breaks; what is sent has none.
fn json_part(json: &Json) -> PreviewPart {
    PreviewPart { media_type: "application/json", text: format!("{json:#}") }
}

/// What a run that ended so is told as.
fn event_of(status: RunStatus) -> EventKind {
    match status {
        RunStatus::Failed => EventKind::Failed,
        RunStatus::Succeeded => EventKind::Succeeded,
        RunStatus::Canceled => EventKind::Canceled,
        RunStatus::Skipped => EventKind::Skipped,
        RunStatus::Queued | RunStatus::Running => EventKind::LongRun,
    }
}

fn text_of(event: EventKind, reason: Option<&str>) -> String {
    match event {
        EventKind::Recovered => "the first run that succeeded after a failure".to_owned(),
        EventKind::Canceled | EventKind::Skipped => reason.unwrap_or_default().to_owned(),
        EventKind::LongRun => "still running after 30 min; the run goes on".to_owned(),
        EventKind::NoSuccess => "no run has succeeded within 26 h; none has since yesterday".to_owned(),
        EventKind::Test => "this is a test of a transport; nothing has happened".to_owned(),
        EventKind::Failed | EventKind::Succeeded => String::new(),
    }
}

/// A notice of a run that never was.
fn sample(event: EventKind, now: Instant) -> Result<Notice, DeskError> {
    let job_id = JobId::new(SAMPLE).map_err(|error| DeskError::NotFound(error.to_string()))?;
    let shown = |ago: i64| (now - TimeDelta::minutes(ago)).to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let (state, error, reason) = match event {
        EventKind::Failed => ("FAILED", Some("the table `orders` is locked"), None),
        EventKind::Canceled => ("CANCELED", None, Some("canceled by user:ann")),
        EventKind::Skipped => ("SKIPPED", None, Some("a run of the job is in flight")),
        EventKind::LongRun => ("RUNNING", None, None),
        EventKind::Succeeded | EventKind::Recovered | EventKind::NoSuccess | EventKind::Test => {
            ("SUCCEEDED", None, None)
        }
    };
    let is_over = event != EventKind::LongRun;
    let facts = json!({
        "state": state, "triggered_by": "cron:nightly", "queued_at": shown(31), "started_at": shown(31),
        "finished_at": is_over.then(|| shown(1)), "reason": reason, "error": error,
        "step": error.map(|_| "load"), "rows_affected": 1200,
    });
    let is_of_run = !matches!(event, EventKind::NoSuccess | EventKind::Test);
    let facts = facts.as_object().filter(|_| is_of_run).cloned().unwrap_or_else(JsonMap::new);
    let run_id = is_of_run.then(|| RunId::from_parts(u64::try_from(now.timestamp_millis()).unwrap_or_default(), 0));
    let (tags, text) = (vec!["example".to_owned()], text_of(event, reason));
    Ok(Notice { kind: event, job_id, tags, at: now, run_id, text, facts })
}

fn delivery_of(transport: &str, recipient: String, notice: Notice) -> Delivery {
    Delivery {
        id: 0,
        created_at: notice.at,
        transport: transport.to_owned(),
        recipient,
        route: None,
        due_at: notice.at,
        notices: vec![notice],
        n_notices: 1,
        status: DeliveryStatus::Pending,
        attempts: 0,
        finished_at: None,
        error: None,
        resend_of: None,
        requested_by: None,
    }
}
