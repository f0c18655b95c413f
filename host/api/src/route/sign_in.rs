//! Signing in and out, and one's own account. What a session is lives in `auth::session`.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use host_model::account::{AccountSource, account_name};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::jobs::read_body;
use super::plain_sign_in::{self, LoginForm};
use crate::App;
use crate::audit::Note;
use crate::auth::{Caller, SignedIn, Visitor, prove, same_origin, session, way_out};
use crate::below::Below;
use crate::error::ApiError;

/// The body of `POST /auth/login`: user and password, or the bootstrap token.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LoginBody {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) token: Option<String>,
}

/// Opens a session. A form of HTML is answered with a redirect, or with the form again.
#[utoipa::path(post, path = "/auth/login", tag = "sign-in",
    request_body(content((LoginBody = "application/json"), (LoginForm = "application/x-www-form-urlencoded"))),
    responses((status = 200, body = session::SignedInView), (status = 303), (status = 401), (status = 429)))]
pub(crate) async fn login(
    State(app): State<App>,
    Extension(note): Extension<Note>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    same_origin(&headers)?;
    let body = body?;
    if plain_sign_in::is_form(&headers) {
        return plain_sign_in::login(&app, &note, &visitor, &headers, body).await;
    }
    if body.is_empty() {
        let detail = "the body is empty; it must be `application/json`";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid-body", detail));
    }
    Ok(open(&app, &note, read_body(&headers, &body)?, &visitor).await?.into_response())
}

/// Opens a session for whoever has what `body` shows.
pub(super) async fn open(app: &App, note: &Note, body: LoginBody, visitor: &Visitor) -> Result<SignedIn, ApiError> {
    match body {
        LoginBody { user: Some(user), password: Some(password), token: None } => {
            let signed_in = prove::with_password(app, &user, &password, visitor).await;
            if signed_in.is_err() {
                note_account(app, note, &user).await?;
            }
            signed_in
        }
        LoginBody { user: None, password: None, token: Some(token) } => prove::with_token(app, &token, visitor).await,
        _ => Err(ApiError::invalid("give `user` and `password`, or `token`")),
    }
}

/// For the trail, and only the name of an account there is: people type passwords into the wrong field.
pub(super) async fn note_account(app: &App, note: &Note, user: &str) -> Result<(), ApiError> {
    if let Some(name) = account_name(user)
        && app.auth.accounts.find_account(&name).await?.is_some()
    {
        note.user(&name);
    }
    Ok(())
}

/// Exchanges the refresh token of the cookie for new tokens.
#[utoipa::path(post, path = "/auth/refresh", tag = "sign-in", responses((status = 200, body = session::SignedInView), (status = 401), (status = 409)))]
pub(crate) async fn refresh(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<SignedIn, ApiError> {
    session::refresh(&app, &headers, &visitor).await
}

/// Ends the session, also when its access token has expired; without one it only takes the cookies away. Of a session that a
/// provider vouched for, the answer says where to sign out at that provider too.
#[utoipa::path(post, path = "/auth/logout", tag = "sign-in", responses((status = 200, body = session::SignedOut)))]
pub(crate) async fn logout(
    State(app): State<App>,
    visitor: Visitor,
    below: Below,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    // Also without a session: taking the cookies away is a change, too.
    same_origin(&headers)?;
    let way = match session::sign_out(&app, &headers).await? {
        Some(session) => way_out(&app, &headers, &below, &session).await,
        None => None,
    };
    Ok(plain_sign_in::left(&visitor, &headers, way))
}

/// Ends every session of the caller's account.
#[utoipa::path(post, path = "/auth/logout-all", tag = "sign-in", responses((status = 200, body = session::SignedOut)))]
pub(crate) async fn logout_all(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    visitor: Visitor,
    below: Below,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    caller.must_be_owner()?;
    session::sign_out_everywhere(&app, &caller.user, &visitor).await?;
    let way = match caller.session_id() {
        Some(session) => way_out(&app, &headers, &below, session).await,
        None => None,
    };
    Ok(plain_sign_in::left(&visitor, &headers, way))
}

/// Who asks.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    user: String,
    display_name: String,
    #[schema(value_type = String)]
    source: &'static str,
    permissions: Vec<String>,
    must_change_password: bool,
}

/// Who the caller is, and what they may do.
#[utoipa::path(get, path = "/auth/me", tag = "sign-in", responses((status = 200, body = Me)))]
pub(crate) async fn me(Extension(caller): Extension<Caller>) -> Json<Me> {
    Json(Me {
        permissions: caller.permissions.texts(),
        user: caller.user,
        display_name: caller.display_name,
        source: caller.source,
        must_change_password: caller.must_change_password,
    })
}

/// The body of `POST /auth/password`.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PasswordBody {
    old: String,
    new: String,
}

/// A password that was changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasswordChanged {
    user: String,
    must_change_password: bool,
}

/// Changes the caller's password, and ends their other sessions.
#[utoipa::path(post, path = "/auth/password", tag = "sign-in", request_body = PasswordBody,
    responses((status = 200, body = PasswordChanged), (status = 403), (status = 422)))]
pub(crate) async fn password(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<PasswordChanged>, ApiError> {
    let PasswordBody { old, new } = read_body(&headers, &body?)?;
    if caller.source != AccountSource::Local.as_str() {
        let detail = format!("`{}` signed in without a password of this server", caller.user);
        return Err(ApiError::new(StatusCode::CONFLICT, "no-password", detail)
            .with("hint", "an administrator gives a new one with `nomaflow user password NAME`"));
    }
    if !app.auth.is_password(&caller.user, &old, &visitor).await? {
        return Err(ApiError::new(StatusCode::FORBIDDEN, "wrong-password", "the old password is wrong"));
    }
    if old == new {
        let detail = "the new password is the old one";
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "weak-password", detail));
    }
    let hash = app.auth.hash_password(&caller.user, &new).await?;
    app.auth.accounts.set_password(&caller.user, &hash, false, caller.session_id()).await?;
    app.auth.changed();
    tracing::info!(user = caller.user, address = caller.address, "password changed");
    Ok(Json(PasswordChanged { user: caller.user, must_change_password: false }))
}

/// A way to sign in.
#[derive(Serialize, ToSchema)]
#[schema(as = Provider)]
pub(crate) struct ProviderView {
    name: String,
    #[schema(value_type = String)]
    kind: &'static str,
    /// For people.
    label: String,
    /// Where the browser goes to sign in; null: user and password are sent here.
    start: Option<String>,
}

/// The ways to sign in.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProviderList {
    providers: Vec<ProviderView>,
}

/// The ways to sign in.
#[utoipa::path(get, path = "/auth/providers", tag = "sign-in", responses((status = 200, body = ProviderList)))]
pub(crate) async fn providers(State(app): State<App>) -> Json<ProviderList> {
    let local = ProviderView { name: "local".into(), kind: "local", label: "Password".into(), start: None };
    let others = app.auth.providers.iter().map(|provider| ProviderView {
        name: provider.name.clone(),
        kind: provider.kind.as_str(),
        label: provider.label.clone(),
        start: provider.start.clone(),
    });
    Json(ProviderList { providers: std::iter::once(local).chain(others).collect() })
}
