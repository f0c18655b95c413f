//! Signing in and out without scripts: forms come in, pages and redirects go out. What a sign-in is, is the same as for
//! everybody (`auth::prove`, with its limits); `plain` draws the pages.
//!
//! A form of another site is refused by its `Origin` and `Sec-Fetch-Site` before it is read.

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Form, FromRequest, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::oidc::own_path;
use super::sign_in::{LoginBody, open};
use crate::App;
use crate::audit::Note;
use crate::auth::session::{gone, without_tokens};
use crate::auth::{self, REFRESH, Visitor, WayOut, cookie, prove, same_origin};
use crate::error::ApiError;
use crate::plain::{self, Again, Setup, Words, words_of};

const FORM: &str = "application/x-www-form-urlencoded";

/// Whether a form of HTML is sent.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(FORM)
}

async fn read_form<F: DeserializeOwned>(body: Bytes) -> Result<F, ApiError> {
    let request = Request::builder().method(Method::POST).header(header::CONTENT_TYPE, FORM).body(Body::from(body));
    let request = request.map_err(|_| ApiError::broken("a form cannot be read"))?;
    let read = Form::from_request(request, &()).await;
    let refused = |text| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-body", text);
    read.map(|Form(form)| form).map_err(|rejection| refused(rejection.body_text()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    to: Option<String>,
}

/// Signing in without scripts; for whoever is signed in, the way out.
#[utoipa::path(get, path = "/auth/login", tag = "sign-in",
    params(("to" = Option<String>, Query, description = "Where to go then: a path of this server")),
    responses((status = 200, body = String, content_type = "text/html")))]
pub(crate) async fn page(
    State(app): State<App>,
    query: Result<Query<PageQuery>, QueryRejection>,
    parts: Parts,
) -> Result<Response, ApiError> {
    let Query(query) = query?;
    let (words, to) = (words_of(&parts.headers), own_path(query.to));
    let Ok(caller) = auth::caller_of(&app, &parts).await else {
        // The minutes of the access token may be over while the session goes on.
        let is_known = cookie(&parts.headers, REFRESH).is_some();
        return Ok(plain::sign_in(words, "", &to, &app.auth.providers, is_known, &Again::default()));
    };
    if caller.must_change_password {
        let least = app.auth.rules.password_min_length;
        let setup = Setup { user: &caller.user, code: "", to: &to, least };
        return Ok(plain::set_up(words, &setup, &Again::default()));
    }
    Ok(plain::signed_in(words, &caller.user, &to))
}

/// What the form of that page sends.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LoginForm {
    username: String,
    password: String,
    /// Where to go then: a path of this server.
    to: String,
}

/// `POST /auth/login` with a form.
pub(super) async fn login(
    app: &App,
    note: &Note,
    visitor: &Visitor,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let LoginForm { username, password, to } = read_form(body).await?;
    let (words, to) = (words_of(headers), own_path(Some(to)));
    let body = LoginBody { user: Some(username.clone()), password: Some(password), token: None };
    match open(app, note, body, visitor).await {
        Ok(signed_in) => {
            note.user(signed_in.user());
            if !signed_in.must_change_password() {
                return Ok(signed_in.redirect(&to));
            }
            let next = plain::setup_path(signed_in.user(), "", &to);
            Ok(signed_in.redirect(&next))
        }
        Err(error) => {
            let draw = |again: &Again<'_>| plain::sign_in(words, &username, &to, &app.auth.providers, false, again);
            Ok(refused(note, &error, words, &draw))
        }
    }
}

/// A form that was refused comes back with what was wrong, and the status of the problem it would be for a program.
fn refused(note: &Note, error: &ApiError, words: &Words, draw: &dyn Fn(&Again<'_>) -> Response) -> Response {
    note.add("problem", error.code());
    let trouble = match (error.code(), error.wait()) {
        (_, Some(wait)) => format!("{} {}", words.wait, wait.as_secs()),
        ("weak-password", _) => words.weak.to_owned(),
        ("link-used", _) => words.link_used.to_owned(),
        _ if error.status().is_client_error() => words.denied.to_owned(),
        _ => words.failed.to_owned(),
    };
    let response = draw(&Again { status: error.status(), trouble: Some(&trouble) });
    let wait = error.wait().map(|wait| (header::RETRY_AFTER, wait.as_secs().to_string()));
    (AppendHeaders(wait), response).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetupQuery {
    user: Option<String>,
    code: Option<String>,
    to: Option<String>,
}

/// Where a setup link leads: the person it was made for chooses a password. Looking at it uses nothing up.
#[utoipa::path(get, path = "/auth/setup", tag = "sign-in",
    params(("user" = Option<String>, Query), ("code" = Option<String>, Query, description = "The one-time password"),
        ("to" = Option<String>, Query, description = "Where to go then: a path of this server")),
    responses((status = 200, body = String, content_type = "text/html")))]
pub(crate) async fn setup_page(
    State(app): State<App>,
    query: Result<Query<SetupQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Query(SetupQuery { user, code, to }) = query?;
    let (user, code, to) = (user.unwrap_or_default(), code.unwrap_or_default(), own_path(to));
    let setup = Setup { user: &user, code: &code, to: &to, least: app.auth.rules.password_min_length };
    Ok(plain::set_up(words_of(&headers), &setup, &Again::default()))
}

/// What the form of that page sends.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SetupForm {
    username: String,
    /// The one-time password.
    code: String,
    new: String,
    again: String,
    /// Where to go then: a path of this server.
    to: String,
}

/// Replaces a one-time password by the chosen one, and opens a session. Works once.
#[utoipa::path(post, path = "/auth/setup", tag = "sign-in",
    request_body(content = SetupForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303), (status = 401, body = String, content_type = "text/html"),
        (status = 409, body = String, content_type = "text/html"), (status = 422, body = String, content_type = "text/html"),
        (status = 429, body = String, content_type = "text/html")))]
pub(crate) async fn set_up(
    State(app): State<App>,
    Extension(note): Extension<Note>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    same_origin(&headers)?;
    if !is_form(&headers) {
        let detail = format!("the body must be `{FORM}`");
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid-body", detail));
    }
    let SetupForm { username, code, new, again, to } = read_form(body?).await?;
    let (words, to) = (words_of(&headers), own_path(Some(to)));
    let setup = Setup { user: &username, code: &code, to: &to, least: app.auth.rules.password_min_length };
    if new != again {
        let again = Again { status: StatusCode::UNPROCESSABLE_ENTITY, trouble: Some(words.different) };
        return Ok(plain::set_up(words, &setup, &again));
    }
    match prove::with_one_time(&app, &username, (&code, &new), &visitor).await {
        Ok(signed_in) => {
            note.user(signed_in.user());
            Ok(signed_in.redirect(&to))
        }
        Err(error) => {
            super::sign_in::note_account(&app, &note, &username).await?;
            Ok(refused(&note, &error, words, &|again| plain::set_up(words, &setup, again)))
        }
    }
}

/// The answer to a sign-out: JSON for a program, a page for a form.
pub(super) fn left(visitor: &Visitor, headers: &HeaderMap, way: Option<WayOut>) -> Response {
    let state = AppendHeaders(way.as_ref().map(|way| (header::SET_COOKIE, way.cookie.clone())));
    if !is_form(headers) {
        return (state, gone(visitor, way.map(|way| way.to))).into_response();
    }
    let elsewhere = way.as_ref().map(|way| (way.to.as_str(), way.label.as_str()));
    (state, AppendHeaders(without_tokens(visitor)), plain::signed_out(words_of(headers), elsewhere)).into_response()
}

/// How those pages look.
#[utoipa::path(get, path = "/auth/plain.css", tag = "sign-in", responses((status = 200, body = String, content_type = "text/css")))]
pub(crate) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], plain::STYLE).into_response()
}
