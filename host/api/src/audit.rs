//! What of the requests goes into the audit trail: one mechanism at the gate of every address, so that no route that
//! changes something can be forgotten. An address that is not a GET is in it, unless it is in the short list here of those
//! that change nothing; of GETs those that carry much out of the house.
//!
//! Order, and why: a change is announced *before* its handler runs (`begun`), and closed after it (`done`, `failed`). If only
//! the end were written, a process that dies in between, or a store that fails just then, would leave a change that
//! nobody did; if only the beginning, the trail would not say what came of it. So when the announcement cannot be kept,
//! the change is refused with 503 and has not happened; when the closing cannot be kept, the announcement stands and says `begun`.
//! The handler goes on to its end although the caller hangs up. A sign-in is kept after it, with one entry: strangers must
//! not be able to write two for each guess, and a sign-in that cannot be kept is withheld, which undoes it. Refusals are one entry.
//! Of a body only what `TOLD` names is looked at, and only in answers: requests hold passwords and secrets.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::RequestPartsExt;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Path, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use host_model::audit::{AuditDraft, AuditOutcome};
use host_model::run::Trigger;
use host_model::{Json, JsonMap};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::App;
use crate::auth::{self, Caller, Visitor};
use crate::error::ApiError;
use crate::request_id;
use crate::surface::{Gate, Need, bounded};

/// Not a GET, but nothing is changed that others could notice: kept only when it is refused.
const CHANGES_NOTHING: [(Method, &str); 6] = [
    (Method::POST, "/auth/refresh"),
    (Method::PUT, "/auth/preferences"),
    (Method::POST, "/admin/jobs/validate"),
    (Method::POST, "/admin/connectors/{name}/check"),
    (Method::POST, "/admin/notifications/routes/simulate"),
    (Method::POST, "/admin/notifications/previews"),
];

/// A GET that carries much out of the house. An export of the trail is none: it would be followed by an entry about itself.
const TAKES_OUT: [&str; 2] = ["/admin/catalogue/export", "/admin/diagnostics"];

/// A GET that lets somebody in.
const SIGNS_IN: &str = "/auth/oidc/{provider}/callback";

/// Ends a session, if there is one.
const SIGNS_OUT: &str = "/auth/logout";

/// What the trail keeps of an answer.
const TOLD: [&str; 8] = ["id", "run_id", "job_id", "name", "user", "version", "reason", "needs"];
/// Larger answers are not looked into.
const LARGEST_ANSWER: u64 = 16 * 1024;
/// Longest text of an entry, in characters.
const LONGEST: usize = 200;

/// Refusals of strangers that are kept in a window of time; a flood must not fill the store. The next one that is kept
/// says how many were not.
const STRANGERS: u32 = 60;
const WINDOW: Duration = Duration::from_secs(60);

/// How a request is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Before and after.
    Change,
    /// After, and the answer waits for it.
    SignIn,
    /// Only when it is refused.
    Refusal,
    /// After, without waiting for it: nothing has changed, and in trouble it is wanted all the more.
    Taken,
}

/// Whether and how requests of a method to an address are kept.
pub(crate) fn kept(method: &Method, gate: &Gate) -> Option<Kept> {
    if gate.path == SIGNS_IN {
        return Some(Kept::SignIn);
    }
    if *method == Method::GET && TAKES_OUT.contains(&gate.path.as_str()) {
        return Some(Kept::Taken);
    }
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return None;
    }
    if CHANGES_NOTHING.iter().any(|(m, path)| m == method && *path == gate.path) {
        return Some(Kept::Refusal);
    }
    Some(if gate.need == Need::Nothing { Kept::SignIn } else { Kept::Change })
}

/// What a handler adds to the entry of its request: it takes it as an extension.
#[derive(Debug, Clone, Default)]
pub(crate) struct Note(Arc<Mutex<Noted>>);

#[derive(Debug, Clone, Default)]
struct Noted {
    user: Option<String>,
    is_refused: bool,
    detail: JsonMap,
}

impl Note {
    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose sign-in it is. Only the name of an account there is: people type passwords into the wrong field.
    pub(crate) fn user(&self, name: &str) {
        self.lock().user = Some(short(name));
    }

    /// More about it; never a secret, a password or a token.
    pub(crate) fn add(&self, key: &str, value: impl Into<Json>) {
        self.lock().detail.insert(key.to_owned(), value.into());
    }

    /// It was refused, although the status of the answer does not say so.
    pub(crate) fn refused(&self, why: &str) {
        let mut noted = self.lock();
        noted.is_refused = true;
        noted.detail.insert("problem".to_owned(), short(why).into());
    }
}

/// How many refusals of strangers were kept of late.
#[derive(Debug)]
pub(crate) struct Strangers(Mutex<(Instant, u32, u64)>);

impl Default for Strangers {
    fn default() -> Self {
        Self(Mutex::new((Instant::now(), 0, 0)))
    }
}

impl Strangers {
    /// Whether one more is kept, and how many before it were not.
    fn admit(&self) -> Option<u64> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.0.elapsed() > WINDOW {
            (seen.0, seen.1) = (Instant::now(), 0);
        }
        if seen.1 >= STRANGERS {
            seen.2 += 1;
            return None;
        }
        seen.1 += 1;
        Some(std::mem::take(&mut seen.2))
    }
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// `POST /admin/jobs/{id}/run` is `jobs.run`, `PUT /admin/secrets/{name}` is `secrets.put`, `POST /admin/users` is `users.create`.
fn action_of(method: &Method, path: &str) -> String {
    let is_name = |part: &&str| !part.is_empty() && !part.starts_with('{');
    let mut parts: Vec<&str> = path.split('/').filter(is_name).collect();
    if parts.first() == Some(&"admin") {
        parts.remove(0);
    }
    let is_list = path.ends_with('s') && path.rsplit('/').next().is_some_and(|last| is_name(&last));
    match *method {
        Method::PUT => parts.push("put"),
        Method::PATCH => parts.push("patch"),
        Method::DELETE => parts.push("delete"),
        Method::POST if is_list => parts.push("create"),
        _ => {}
    }
    parts.join(".")
}

fn source_of(trigger: &Trigger) -> String {
    match trigger {
        Trigger::User(_) => "page".to_owned(),
        other => other.to_string(),
    }
}

/// What is known of a request before it is looked at.
async fn draft_of(gate: &Gate, parts: &mut Parts) -> AuditDraft {
    let names = parts.extract::<Path<Vec<(String, String)>>>().await;
    let names = names.map(|Path(names)| names).unwrap_or_default();
    let object = names.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join("/");
    AuditDraft {
        at: gate.app.engine.now(),
        user: String::new(),
        source: if parts.headers.contains_key(header::ORIGIN) { "page" } else { "api" }.to_owned(),
        address: Visitor::of(parts).address,
        action: action_of(&parts.method, &gate.path),
        object: short(&object),
        outcome: AuditOutcome::Refused,
        detail: JsonMap::new(),
        closes: None,
    }
}

/// Lets a request through, with what is kept of it.
pub(crate) async fn pass(gate: Gate, kept: Kept, request: Request, next: Next) -> Result<Response, ApiError> {
    let task = tokio::spawn(request_id::carried(keep(gate, kept, request, next)).in_current_span());
    task.await.unwrap_or_else(|error| {
        tracing::error!(%error, "the handler of a request did not end well");
        let detail = "the server failed while it dealt with the request";
        Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail))
    })
}

async fn keep(gate: Gate, kept: Kept, request: Request, next: Next) -> Result<Response, ApiError> {
    let app = gate.app.clone();
    let (mut parts, body) = request.into_parts();
    let mut draft = draft_of(&gate, &mut parts).await;
    let note = Note::default();
    parts.extensions.insert(note.clone());
    if gate.need != Need::Nothing {
        let shows_something =
            [header::AUTHORIZATION, header::COOKIE].iter().any(|name| parts.headers.contains_key(name));
        let caller = match auth::caller_of(&app, &parts).await {
            Ok(caller) => caller,
            Err(error) => {
                if shows_something {
                    refuse(&gate, draft, &error, None).await;
                }
                return Err(error);
            }
        };
        draft.user = short(&caller.user);
        draft.source = short(&source_of(&caller.trigger));
        if let Err(error) = gate.check(&caller, &mut parts).await {
            refuse(&gate, draft, &error, Some(&caller)).await;
            return Err(error);
        }
        parts.extensions.insert(caller);
    }
    let body = bounded(&parts, body)?;
    if gate.path == SIGNS_OUT {
        // Open to everybody, because it also takes the cookies of a session that has ended away; who it is, is worth knowing.
        match auth::caller_of(&app, &parts).await {
            Ok(caller) => (draft.user, draft.source) = (short(&caller.user), short(&source_of(&caller.trigger))),
            Err(_) => return Ok(next.run(Request::from_parts(parts, body)).await),
        }
    }
    if kept == Kept::Change {
        let begun = AuditDraft { outcome: AuditOutcome::Begun, ..draft.clone() };
        draft.closes = Some(app.audit.append(&begun).await.map_err(unkept)?);
    }
    let response = next.run(Request::from_parts(parts, body)).await;
    let (response, told) = look_into(response).await;
    close(&mut draft, response.status(), told, &note, kept);
    draft.at = app.engine.now();
    match kept {
        Kept::Change => {
            if let Err(error) = app.audit.append(&draft).await {
                tracing::error!(%error, action = draft.action, "what came of a change is missing in the audit trail");
            }
        }
        Kept::SignIn if draft.outcome == AuditOutcome::Done => drop(app.audit.append(&draft).await.map_err(unkept)?),
        Kept::SignIn => keep_refusal(&gate, draft).await,
        Kept::Refusal if draft.outcome == AuditOutcome::Refused => keep_refusal(&gate, draft).await,
        Kept::Refusal => {}
        Kept::Taken => write(&app, &draft).await,
    }
    Ok(response)
}

/// Fills in what came of it.
fn close(draft: &mut AuditDraft, status: StatusCode, told: JsonMap, note: &Note, kept: Kept) {
    let noted = note.lock().clone();
    let is_refusal = noted.is_refused
        || matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS);
    draft.outcome = match status {
        _ if is_refusal => AuditOutcome::Refused,
        _ if status.is_success() || status.is_redirection() => AuditOutcome::Done,
        _ => AuditOutcome::Failed,
    };
    if let (Kept::SignIn, Some(Json::String(user))) = (kept, told.get("user")) {
        draft.user.clone_from(user);
    }
    if let Some(user) = noted.user {
        draft.user = user;
    }
    let made = ["id", "name"].into_iter().find_map(|key| told.get(key).and_then(Json::as_str));
    if let Some(made) = made.filter(|_| draft.object.is_empty()) {
        draft.object = made.to_owned();
    }
    draft.detail.insert("status".to_owned(), status.as_u16().into());
    draft.detail.extend(told);
    draft.detail.extend(noted.detail);
}

/// The entry of a request that did not get as far as its handler. Nothing has changed, so nothing is withheld when it
/// cannot be kept.
async fn refuse(gate: &Gate, mut draft: AuditDraft, error: &ApiError, caller: Option<&Caller>) {
    let status = error.status();
    draft.detail.insert("status".to_owned(), status.as_u16().into());
    draft.detail.insert("problem".to_owned(), error.code().into());
    if !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        draft.outcome = AuditOutcome::Failed;
    }
    match caller {
        None => keep_refusal(gate, draft).await,
        Some(_) => write(&gate.app, &draft).await,
    }
}

/// The same of somebody nobody knows.
async fn keep_refusal(gate: &Gate, mut draft: AuditDraft) {
    let Some(left_out) = gate.strangers.admit() else { return };
    if left_out > 0 {
        draft.detail.insert("left_out".to_owned(), left_out.into());
    }
    write(&gate.app, &draft).await;
}

async fn write(app: &App, draft: &AuditDraft) {
    if let Err(error) = app.audit.append(draft).await {
        tracing::error!(%error, action = draft.action, "an entry is missing in the audit trail");
    }
}

fn unkept(error: host_model::port::StoreError) -> ApiError {
    tracing::error!(%error, "a change is refused, because the audit trail cannot be written");
    let detail = "nothing was changed: the audit trail cannot be written at the moment";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "audit-unavailable", detail)
}

/// What of an answer is for the trail; the answer itself stays as it is.
async fn look_into(response: Response) -> (Response, JsonMap) {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_small = response.body().size_hint().exact().is_some_and(|length| length <= LARGEST_ANSWER);
    if !is_small || !kind.contains("json") {
        return (response, JsonMap::new());
    }
    let (parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, LARGEST_ANSWER as usize).await else {
        let error = ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the answer cannot be read");
        return (error.into_response(), JsonMap::new());
    };
    let answer: JsonMap = serde_json::from_slice(&bytes).unwrap_or_default();
    let mut told = JsonMap::new();
    for key in TOLD {
        match answer.get(key) {
            Some(Json::String(text)) => drop(told.insert(key.to_owned(), short(text).into())),
            Some(Json::Number(number)) => drop(told.insert(key.to_owned(), number.clone().into())),
            _ => {}
        }
    }
    if let Some(problem) = answer.get("type").and_then(Json::as_str).and_then(|text| text.strip_prefix(PROBLEM)) {
        told.insert("problem".to_owned(), problem.into());
    }
    (Response::from_parts(parts, Body::from(bytes)), told)
}

const PROBLEM: &str = "urn:nomaflow:problem:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_named_after_addresses() {
        for (method, path, action) in [
            (Method::POST, "/admin/jobs/{id}/run", "jobs.run"),
            (Method::POST, "/admin/jobs/runs/{id}/cancel", "jobs.runs.cancel"),
            (Method::PUT, "/admin/secrets/{name}", "secrets.put"),
            (Method::DELETE, "/admin/users/{name}", "users.delete"),
            (Method::PATCH, "/admin/jobs/{id}", "jobs.patch"),
            (Method::POST, "/admin/users", "users.create"),
            (Method::POST, "/admin/reload", "reload"),
            (Method::POST, "/auth/login", "auth.login"),
            (Method::GET, "/auth/oidc/{provider}/callback", "auth.oidc.callback"),
        ] {
            assert_eq!(action_of(&method, path), action);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_strangers_is_counted_and_not_kept() {
        let strangers = Strangers::default();
        for _ in 0..STRANGERS {
            assert_eq!(strangers.admit(), Some(0));
        }
        for _ in 0..5 {
            assert_eq!(strangers.admit(), None);
        }
        tokio::time::advance(WINDOW + Duration::from_secs(1)).await;
        assert_eq!(strangers.admit(), Some(5));
        assert_eq!(strangers.admit(), Some(0));
    }
}
