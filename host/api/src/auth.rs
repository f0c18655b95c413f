//! Who is calling. In this version there is one secret, the bootstrap token that `nomaflow init` writes into the home
//! directory; the page exchanges it for a session cookie. Local users, OIDC and scoped tokens take this module's place
//! in [`caller_of`] when they come.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use host_model::access::Permissions;
use host_model::run::Trigger;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::time::Instant;

use crate::App;
use crate::error::ApiError;

const COOKIE: &str = "nomaflow_session";
const SESSION_FOR: Duration = Duration::from_secs(12 * 3600);
/// Wrong sign-ins answered (and logged) per window. The right token is never refused: guessing 256 bits stays hopeless, and a
/// flood, or a script with an old token, must not lock the operator out.
const FAILURES: u32 = 20;
const WINDOW: Duration = Duration::from_secs(60);
/// The header by which the command line names its user; it changes the recorded trigger, never a right.
const CLIENT_HEADER: &str = "nomaflow-client";

/// The account behind the bootstrap token.
const BOOTSTRAP_USER: &str = "admin";

/// Checks tokens and keeps sessions.
pub struct Auth {
    token_hash: [u8; 32],
    sessions: Mutex<HashMap<[u8; 32], Instant>>,
    failures: Mutex<(Instant, u32)>,
}

/// A signed-in caller.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account.
    pub user: String,
    /// What a run of theirs is recorded as triggered by.
    pub trigger: Trigger,
    /// What they may do.
    pub permissions: Permissions,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

impl Auth {
    /// Accepts `token`, of which only a hash is kept.
    pub fn new(token: &str) -> Self {
        Self {
            token_hash: hash(token.trim()),
            sessions: Mutex::new(HashMap::new()),
            failures: Mutex::new((Instant::now(), 0)),
        }
    }

    fn is_token(&self, text: &str) -> bool {
        hash(text.trim()).ct_eq(&self.token_hash).into()
    }

    /// Counts a wrong token. False once there were too many.
    fn count_failure(&self) -> bool {
        let mut failures = lock(&self.failures);
        if failures.0.elapsed() > WINDOW {
            *failures = (Instant::now(), 0);
        }
        failures.1 = failures.1.saturating_add(1);
        failures.1 <= FAILURES
    }

    fn open_session(&self) -> Result<String, ApiError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|_| {
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "no-randomness", "no session can be opened at the moment")
        })?;
        let text = hex::encode(secret);
        let mut sessions = lock(&self.sessions);
        sessions.retain(|_, until| *until > Instant::now());
        sessions.insert(hash(&text), Instant::now() + SESSION_FOR);
        Ok(text)
    }

    fn has_session(&self, text: &str) -> bool {
        lock(&self.sessions).get(&hash(text)).is_some_and(|until| *until > Instant::now())
    }

    fn close_session(&self, text: &str) {
        lock(&self.sessions).remove(&hash(text));
    }

    fn caller(&self, headers: &HeaderMap) -> Option<Caller> {
        let user = BOOTSTRAP_USER.to_owned();
        if let Some(token) = bearer(headers) {
            if !self.is_token(token) {
                return None;
            }
            let shell_user = text(headers, CLIENT_HEADER).and_then(|v| v.strip_prefix("cli/")).map(plain);
            let trigger = shell_user.filter(|name| !name.is_empty()).map_or(Trigger::Api, Trigger::Cli);
            return Some(Caller { user, trigger, permissions: Permissions::all() });
        }
        let session = cookie(headers)?;
        let permissions = Permissions::all();
        self.has_session(session).then(|| Caller { trigger: Trigger::User(user.clone()), user, permissions })
    }
}

/// A user name as it may stand in a run row.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@')).take(64).collect()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// The scheme's name is not case-sensitive (RFC 9110 §11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = text(headers, "authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    all.flat_map(|v| v.split(';')).find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// Who calls.
///
/// # Errors
/// 401 for a stranger; 403 for a cookie that comes from another site.
pub(crate) async fn caller_of(app: &App, parts: &Parts) -> Result<Caller, ApiError> {
    let caller = app.auth.caller(&parts.headers).ok_or_else(ApiError::unauthorized)?;
    let changes = !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && matches!(caller.trigger, Trigger::User(_)) {
        same_origin(&parts.headers)?;
    }
    Ok(caller)
}

/// A browser says where a request comes from; a cookie counts only for our own page. `SameSite=Strict` already keeps
/// other sites out; this also keeps out other ports of the same host.
fn same_origin(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(origin) = text(headers, "origin") else { return Ok(()) };
    let host = text(headers, "host").unwrap_or_default();
    let from = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    if from == host {
        return Ok(());
    }
    Err(ApiError::new(StatusCode::FORBIDDEN, "other-origin", format!("requests from `{origin}` are not accepted")))
}

#[derive(Deserialize)]
pub(crate) struct Login {
    token: String,
}

/// Exchanges the token for a session cookie.
#[utoipa::path(post, path = "/auth/login", tag = "sign-in", responses((status = 200)))]
pub(crate) async fn login(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Json<Login>, JsonRejection>,
) -> Result<Response, ApiError> {
    same_origin(&headers)?;
    let Json(login) = body?;
    if !app.auth.is_token(&login.token) {
        if !app.auth.count_failure() {
            let detail = "too many wrong tokens; wait a minute";
            return Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too-many-tries", detail).retry_after(WINDOW));
        }
        tracing::warn!("sign-in refused: wrong token");
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "wrong-token", "this is not the token of this server"));
    }
    let session = app.auth.open_session()?;
    let cookie = format!("{COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}", SESSION_FOR.as_secs());
    Ok(([(header::SET_COOKIE, cookie)], Json(json!({ "user": BOOTSTRAP_USER }))).into_response())
}

/// Ends the session of the cookie.
#[utoipa::path(post, path = "/auth/logout", tag = "sign-in", responses((status = 200)))]
pub(crate) async fn logout(State(app): State<App>, headers: HeaderMap) -> Response {
    if let Some(session) = cookie(&headers) {
        app.auth.close_session(session);
    }
    let gone = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    ([(header::SET_COOKIE, gone)], Json(json!({ "signed_out": true }))).into_response()
}

/// Who the caller is.
#[utoipa::path(get, path = "/auth/me", tag = "sign-in", responses((status = 200)))]
pub(crate) async fn me(Extension(caller): Extension<Caller>) -> Json<serde_json::Value> {
    Json(json!({ "user": caller.user, "permissions": caller.permissions.texts() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_by_itself_and_old_ones_are_forgotten() {
        let auth = Auth::new("t");
        let first = auth.open_session().unwrap();
        tokio::time::advance(SESSION_FOR - Duration::from_secs(1)).await;
        assert!(auth.has_session(&first));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!auth.has_session(&first));
        let second = auth.open_session().unwrap();
        assert!(auth.has_session(&second));
        assert_eq!(lock(&auth.sessions).len(), 1, "nothing piles up");
    }

    #[test]
    fn user_names_of_the_shell_are_plain() {
        assert_eq!(plain("bob\u{1b}[31m <x>"), "bob31mx");
    }
}
