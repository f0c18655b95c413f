//! The event stream of the page and of `logs --follow`: server-sent events, numbered `<boot>-<seq>`, resumed by
//! `Last-Event-ID`. A listener that fell behind gets one `resync` and reads again; nobody ever waits for it.
//!
//! Permissions are looked at when an event is sent, not when the stream was opened: whoever loses a job hears nothing
//! more of it, whoever is signed out or disabled gets a `bye`.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::response::sse::{self, KeepAlive, Sse};
use futures_util::stream::{self, Stream, StreamExt};
use host_engine::bus::Numbered;
use host_model::access::Permissions;
use host_model::event::Event;
use host_model::{JobId, RunId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use utoipa::IntoParams;

use crate::App;
use crate::auth::{Caller, Proof};
use crate::error::ApiError;
use crate::relay::{Listening, Relay};
use crate::view::instant;
use crate::view::run::{LineView, LogEvent, ProgressView, RunSummary, StepEvent};

const HEARTBEAT: Duration = Duration::from_secs(15);
const RECONNECT: Duration = Duration::from_secs(2);
/// Lines per event, so that one burst is not one huge message (design: ui §4.2).
const LINES_PER_EVENT: usize = 500;

/// A listener to whom nothing is said is asked after as often: the sign-in may have ended.
const RECHECK: Duration = Duration::from_secs(5);
/// A change made by another process counts within this time.
const FRESH: Duration = Duration::from_secs(1);

/// Streams open at once. Each may keep a channel's worth of events alive.
const MOST_STREAMS: usize = 512;

/// Room for streams, and who tells them of other processes.
#[derive(Clone)]
pub(crate) struct Streams {
    room: Arc<Semaphore>,
    relay: Relay,
}

impl Default for Streams {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(MOST_STREAMS)), relay: Relay::default() }
    }
}

impl Streams {
    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        MOST_STREAMS - self.room.available_permits()
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// Runs whose log lines are wanted, separated by commas.
    run: Option<String>,
}

struct Listener {
    app: App,
    boot: String,
    runs: HashSet<RunId>,
    live: tokio::sync::broadcast::Receiver<Numbered>,
    ended: bool,
    proof: Proof,
    may: Permissions,
    /// When the permissions were looked up, and how many changes this process had made by then.
    checked: (Instant, u64),
    _room: OwnedSemaphorePermit,
    _relayed: Listening,
}

/// Opens the stream of server-sent events, which lasts. `run` is a `RunSummary`, `step` a `StepEvent`, `progress` a
/// `ProgressView`, `log` a `LogEvent`; after `resync`, read again.
#[utoipa::path(get, path = "/admin/events", tag = "live",
    params(EventsQuery, ("Last-Event-ID" = Option<String>, Header, description = "The last event that was received")),
    responses((status = 200, body = String, content_type = "text/event-stream")))]
pub(crate) async fn events(
    State(app): State<App>,
    Extension(streams): Extension<Streams>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    query: Result<Query<EventsQuery>, QueryRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let Query(query) = query?;
    let wanted = query.run.unwrap_or_default();
    let runs = wanted.split(',').filter(|r| !r.is_empty()).map(RunId::parse).collect::<Result<HashSet<_>, _>>();
    let runs = runs.map_err(|error| ApiError::invalid(error.to_string()))?;
    let room = streams.room.try_acquire_owned().map_err(|_| {
        let detail = format!("{MOST_STREAMS} event streams are open already");
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-streams", detail).retry_after(HEARTBEAT)
    })?;
    // Before the subscription, and so before whatever the listener reads next.
    let relayed = streams.relay.join(&app, &runs).await?;
    let last = headers.get("last-event-id").and_then(|v| v.to_str().ok());
    let after = last.and_then(|id| id.rsplit_once('-')).and_then(|(boot, n)| Some((boot, n.parse().ok()?)));
    // Before the stream begins, so that a change made from here on is asked for.
    let changes = app.auth.change_count();
    let bus = app.engine.bus();
    let subscription = bus.subscribe(after);
    let boot = bus.boot().to_owned();
    let hello = json!({ "boot": boot, "version": app.version, "server_time": instant(app.engine.now()) });
    // Without missed events the listener is up to date from here on, and says so when it comes back.
    let here = subscription.missed.is_empty().then(|| format!("{boot}-{}", subscription.latest));
    let mut first = vec![frame("hello", here, &hello)];
    if subscription.resync {
        first.push(frame("resync", None, &json!({ "why": "gap" })));
    }
    let listener = Listener {
        checked: (Instant::now(), changes),
        proof: caller.proof,
        may: caller.permissions,
        app,
        boot,
        runs,
        live: subscription.live,
        ended: false,
        _room: room,
        _relayed: relayed,
    };
    first.extend(subscription.missed.iter().flat_map(|numbered| listener.frames(numbered)));
    let rest = stream::unfold(listener, |mut listener| async move { Some((listener.next().await?, listener)) });
    let all = stream::iter(first).chain(rest.flat_map(stream::iter)).map(Ok::<_, Infallible>);
    Ok(([("x-accel-buffering", "no")], sse(all)))
}

fn sse<S: Stream<Item = Result<sse::Event, Infallible>> + Send + 'static>(all: S) -> impl IntoResponse {
    Sse::new(all).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("alive"))
}

fn frame(name: &str, id: Option<String>, data: &impl Serialize) -> sse::Event {
    // Views hold only strings, numbers and maps with string keys; those always render.
    let text = serde_json::to_string(data).unwrap_or_else(|_| "{}".to_owned());
    let event = sse::Event::default().event(name).data(text);
    let event = if name == "hello" { event.retry(RECONNECT) } else { event };
    match id {
        Some(id) => event.id(id),
        None => event,
    }
}

/// What a listener's permissions are, compared to before.
enum Rights {
    Same,
    Others,
    Gone,
}

impl Listener {
    /// The next frames to send; `None` ends the stream.
    async fn next(&mut self) -> Option<Vec<sse::Event>> {
        if self.ended {
            return None;
        }
        loop {
            // What was published before the stop is still delivered.
            let received = tokio::select! {
                biased;
                received = self.live.recv() => Some(received),
                () = self.app.stop.canceled() => Some(Err(RecvError::Closed)),
                () = tokio::time::sleep_until(self.checked.0 + RECHECK) => None,
            };
            let mut frames = match self.recheck().await {
                Rights::Same => Vec::new(),
                Rights::Others => vec![frame("resync", None, &json!({ "why": "permissions" }))],
                Rights::Gone => return Some(self.bye()),
            };
            match received {
                Some(Ok(numbered)) => frames.extend(self.frames(&numbered)),
                Some(Err(RecvError::Lagged(_))) => frames.push(frame("resync", None, &json!({ "why": "lagged" }))),
                Some(Err(RecvError::Closed)) => return Some(self.bye()),
                None => {}
            }
            if !frames.is_empty() {
                return Some(frames);
            }
        }
    }

    fn bye(&mut self) -> Vec<sse::Event> {
        self.ended = true;
        let wait = u64::try_from(RECONNECT.as_millis()).unwrap_or(2000);
        vec![frame("bye", None, &json!({ "retry_ms": wait }))]
    }

    /// Asks what the listener may hear now.
    async fn recheck(&mut self) -> Rights {
        let (at, changes) = self.checked;
        let now_changes = self.app.auth.change_count();
        if now_changes == changes && at.elapsed() < FRESH {
            return Rights::Same;
        }
        let found = self.app.auth.standing(&self.proof).await;
        self.checked.0 = Instant::now();
        // As long as the store is away nobody's permissions change.
        let Ok(standing) = found else { return Rights::Same };
        self.checked.1 = now_changes;
        match standing.filter(|standing| !standing.must_change_password) {
            None => Rights::Gone,
            Some(standing) if standing.permissions == self.may => Rights::Same,
            Some(standing) => {
                self.may = standing.permissions;
                Rights::Others
            }
        }
    }

    /// Whether this listener may hear of it.
    fn hears(&self, event: &Event) -> bool {
        match event {
            Event::Run(run) => self.may.has_job(run.job_id.as_str()),
            Event::Step { job_id, .. } | Event::Progress { job_id, .. } | Event::Log { job_id, .. } => {
                self.may.has_job(job_id.as_str())
            }
            Event::Slots { job_id, .. } => self.may.has_job(job_id.as_str()),
            Event::Catalogue { .. } => self.may.has_some_job() || self.may.may_edit_jobs(),
            Event::Health(_) | Event::Holds => self.may.has_some_job(),
            Event::Delivery { .. } => self.may.may_edit_notifications(),
        }
    }

    fn frames(&self, (number, event): &Numbered) -> Vec<sse::Event> {
        let id = Some(format!("{}-{number}", self.boot));
        if !self.hears(event) {
            return Vec::new();
        }
        match &**event {
            Event::Run(run) => vec![frame("run", id, &RunSummary::from(&**run))],
            Event::Step { step, .. } => vec![frame("step", id, &StepEvent::from(&**step))],
            Event::Progress { progress, .. } => vec![frame("progress", id, &ProgressView::from(progress))],
            Event::Catalogue { jobs, problems, added, changed, removed } => {
                let sees_all = self.may.has_all_jobs() || self.may.may_edit_jobs();
                let ids = |jobs: &[JobId]| {
                    let visible = jobs.iter().filter(|id| self.may.may_see_job(id.as_str()));
                    visible.map(ToString::to_string).collect::<Vec<_>>()
                };
                let (added, changed, removed) = (ids(added), ids(changed), ids(removed));
                let (jobs, problems) = match sees_all {
                    true => (*jobs, *problems),
                    false => (self.app.engine.jobs().keys().filter(|id| self.may.has_job(id.as_str())).count(), 0),
                };
                let data = json!({ "jobs": jobs, "problems": problems, "added": added, "changed": changed, "removed": removed });
                vec![frame("catalogue", id, &data)]
            }
            Event::Slots { job_id, count, latest } => {
                let data = json!({
                    "job_id": job_id.to_string(),
                    "count": count,
                    "schedule": latest.slot.schedule,
                    "due_at": instant(latest.slot.due_at),
                    "outcome": latest.outcome.as_str(),
                    "reason": latest.reason,
                });
                vec![frame("slot", id, &data)]
            }
            Event::Health(health) => {
                let data = json!({
                    "scheduler": health.scheduler,
                    "holder": health.holder,
                    "paused_by": health.paused_by,
                    "problems": health.problems,
                    "replicas": health.replicas,
                });
                vec![frame("health", id, &data)]
            }
            // Only that something changed: what it is about may not be everybody's to know.
            Event::Holds => vec![frame("scheduler", id, &json!({}))],
            Event::Delivery { transports } => vec![frame("delivery", id, &json!({ "transports": transports }))],
            Event::Log { run_id, lines, .. } if self.runs.contains(run_id) => self.log_frames(*run_id, lines, &id),
            Event::Log { .. } => Vec::new(),
        }
    }

    /// A large batch goes out in parts; only the last carries the number, so that a break in between repeats it whole.
    fn log_frames(&self, run: RunId, lines: &Arc<[host_model::log::LogLine]>, id: &Option<String>) -> Vec<sse::Event> {
        let parts = lines.chunks(LINES_PER_EVENT);
        let last = parts.len().saturating_sub(1);
        let frames = parts.enumerate().map(|(n, part)| {
            let views: Vec<LineView> = part.iter().map(LineView::from).collect();
            let data = LogEvent { run_id: run.to_string(), from: part[0].seq, lines: views };
            frame("log", if n == last { id.clone() } else { None }, &data)
        });
        frames.collect()
    }
}
