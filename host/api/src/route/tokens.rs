//! API tokens and sessions: what stands for an account without its password. Everybody sees and ends their own;
//! a superuser sees and ends those of all. A token's text is answered once, when it is made.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use chrono::TimeDelta;
use host_model::account::{ApiToken, Session};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::jobs::read_body;
use super::users::read_permissions;
use crate::App;
use crate::auth::{self, Caller, TOKEN_MARK};
use crate::error::{ApiError, Id};
use crate::view::instant;

/// Days a token counts when nobody says how many.
const DEFAULT_DAYS: u32 = 90;
const MOST_DAYS: u32 = 3650;
/// Longest name of a token, in characters.
const LONGEST_NAME: usize = 100;
/// Most tokens of one account.
const MOST_TOKENS: usize = 100;

/// An API token, without its text.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub(crate) struct TokenView {
    id: String,
    name: String,
    user: String,
    permissions: Vec<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// Null: it counts until it is revoked.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    last_used_from: Option<String>,
}

impl From<&ApiToken> for TokenView {
    fn from(token: &ApiToken) -> Self {
        Self {
            id: token.id.clone(),
            name: token.name.clone(),
            user: token.user.clone(),
            permissions: token.permissions.texts(),
            created_at: instant(token.created_at),
            expires_at: token.expires_at.map(instant),
            last_used_at: token.last_used_at.map(instant),
            last_used_from: token.last_used_from.clone(),
        }
    }
}

/// API tokens.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenList {
    tokens: Vec<TokenView>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenCreated {
    #[serde(flatten)]
    token: TokenView,
    /// Its text, told this once.
    secret: String,
}

/// What was revoked or ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ended {
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenQuery {
    /// Those of everybody; for superusers.
    #[serde(default)]
    all: bool,
}

/// The caller's tokens, the newest first.
#[utoipa::path(get, path = "/admin/tokens", tag = "tokens", params(("all" = Option<bool>, Query)),
    responses((status = 200, body = TokenList), (status = 403)))]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<TokenQuery>, QueryRejection>,
) -> Result<Json<TokenList>, ApiError> {
    let Query(query) = query?;
    if query.all && !caller.permissions.is_superuser() {
        return Err(crate::surface::denied("superuser"));
    }
    let of = (!query.all).then_some(caller.user.as_str());
    let tokens = app.auth.accounts.list_tokens(of).await?;
    Ok(Json(TokenList { tokens: tokens.iter().map(TokenView::from).collect() }))
}

/// The body of `POST /admin/tokens`.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NewTokenBody {
    name: String,
    /// The account it stands for, when that is not the caller; for superusers.
    user: Option<String>,
    /// What it may do; without it, what its owner may at this moment.
    permissions: Option<Vec<String>>,
    expires_in_days: Option<u32>,
    /// It counts until it is revoked.
    never_expires: bool,
}

/// Makes a token. `secret` is answered this once.
#[utoipa::path(post, path = "/admin/tokens", tag = "tokens", request_body = NewTokenBody,
    responses((status = 201, body = TokenCreated), (status = 422)))]
pub(crate) async fn create(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<TokenCreated>), ApiError> {
    caller.must_be_owner()?;
    let body: NewTokenBody = read_body(&headers, &body?)?;
    let name = body.name.trim();
    let count = name.chars().count();
    if count == 0 || count > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(ApiError::invalid(format!("a token has a name of 1 to {LONGEST_NAME} characters")));
    }
    let user = body.user.as_deref().map_or_else(|| caller.user.clone(), str::to_lowercase);
    if user != caller.user && !caller.permissions.is_superuser() {
        return Err(crate::surface::denied("superuser"));
    }
    // With the bootstrap token there need not be an account: such a token would stand for nobody.
    let Some(owner) = app.auth.accounts.find_account(&user).await? else {
        let detail = format!("there is no account `{user}` that a token could belong to");
        return Err(ApiError::new(StatusCode::CONFLICT, "no-account", detail)
            .with("hint", "make one with `nomaflow user add NAME`"));
    };
    let owned = owner.permissions();
    let permissions = match &body.permissions {
        None => owned.clone(),
        Some(texts) => read_permissions(texts)?,
    };
    let both = owned.narrowed_to(&permissions);
    if let Some(more) = permissions.iter().find(|wanted| !both.iter().any(|has| has == *wanted)) {
        let detail = format!("a token may do no more than its owner: `{user}` has no permission `{more}`");
        return Err(ApiError::invalid(detail).with("needs", more.to_string()));
    }
    let days = match (body.never_expires, body.expires_in_days) {
        (true, None) => None,
        (false, days) => Some(days.unwrap_or(DEFAULT_DAYS)),
        (true, Some(_)) => return Err(ApiError::invalid("`never_expires` and `expires_in_days` exclude each other")),
    };
    if days.is_some_and(|days| !(1..=MOST_DAYS).contains(&days)) {
        return Err(ApiError::invalid(format!("`expires_in_days` is 1 to {MOST_DAYS}")));
    }
    if app.auth.accounts.list_tokens(Some(&user)).await?.len() >= MOST_TOKENS {
        let detail = format!("`{user}` has {MOST_TOKENS} tokens already");
        return Err(ApiError::new(StatusCode::CONFLICT, "too-many-tokens", detail)
            .with("hint", "revoke those that are not used any more"));
    }
    let secret = format!("{TOKEN_MARK}{}", auth::random_hex::<32>()?);
    let at = auth::now();
    let token = ApiToken {
        id: auth::random_hex::<8>()?,
        name: name.to_owned(),
        user,
        permissions,
        created_at: at,
        expires_at: days.map(|days| at + TimeDelta::days(days.into())),
        last_used_at: None,
        last_used_from: None,
    };
    app.auth.accounts.create_token(&token, &auth::hash(&secret)).await?;
    app.auth.changed();
    tracing::info!(by = %caller.trigger, user = token.user, token = token.id, name, "API token made");
    Ok((StatusCode::CREATED, Json(TokenCreated { token: (&token).into(), secret })))
}

/// Revokes a token; from now on it opens nothing.
#[utoipa::path(delete, path = "/admin/tokens/{id}", tag = "tokens", params(("id" = String, Path)),
    responses((status = 200, body = Ended), (status = 404)))]
pub(crate) async fn delete(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<Json<Ended>, ApiError> {
    caller.must_be_owner()?;
    let of = (!caller.permissions.is_superuser()).then_some(caller.user.as_str());
    if !app.auth.accounts.delete_token(&id, of).await? {
        return Err(ApiError::not_found(format!("there is no token `{id}`")));
    }
    app.auth.changed();
    tracing::info!(by = %caller.trigger, token = id, "API token revoked");
    Ok(Json(Ended { id }))
}

/// A session.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionView {
    id: String,
    user: String,
    opened_by: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    refreshed_at: String,
    #[schema(format = DateTime)]
    expires_at: String,
    address: String,
    /// What the browser says it is.
    agent: String,
    /// The one that asks.
    current: bool,
}

impl SessionView {
    fn new(session: &Session, current: Option<&str>) -> Self {
        Self {
            id: session.id.clone(),
            user: session.user.clone(),
            opened_by: session.opened_by.clone(),
            created_at: instant(session.created_at),
            refreshed_at: instant(session.refreshed_at),
            expires_at: instant(session.expires_at),
            address: session.address.clone(),
            agent: session.agent.clone(),
            current: current == Some(session.id.as_str()),
        }
    }
}

/// Sessions.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionList {
    sessions: Vec<SessionView>,
}

/// The caller's sessions, the newest first.
#[utoipa::path(get, path = "/admin/sessions", tag = "sessions", responses((status = 200, body = SessionList)))]
pub(crate) async fn list_sessions(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<SessionList>, ApiError> {
    let sessions = app.auth.accounts.list_sessions(&caller.user, auth::now()).await?;
    let views = sessions.iter().map(|session| SessionView::new(session, caller.session_id()));
    Ok(Json(SessionList { sessions: views.collect() }))
}

/// Ends a session; from now on its tokens open nothing.
#[utoipa::path(delete, path = "/admin/sessions/{id}", tag = "sessions", params(("id" = String, Path)),
    responses((status = 200, body = Ended), (status = 404)))]
pub(crate) async fn end_session(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<Json<Ended>, ApiError> {
    caller.must_be_owner()?;
    let found = app.auth.accounts.find_session(&id, auth::now()).await?;
    let found = found.filter(|session| session.user == caller.user || caller.permissions.is_superuser());
    if found.is_none() || !app.auth.accounts.end_session(&id).await? {
        return Err(ApiError::not_found(format!("there is no session `{id}`")));
    }
    app.auth.changed();
    tracing::info!(by = %caller.trigger, session = id, "session ended");
    Ok(Json(Ended { id }))
}
