//! Sign-in by a provider of OpenID Connect: the way there and the way back. A browser comes and goes here, so whatever
//! goes wrong ends at the sign-in page, which says it; the log and the audit trail say why.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::App;
use crate::audit::Note;
use crate::auth::{
    Identity, OidcAttempt, OidcError, OidcProvider, Proven, Visitor, base_of, cookie, random_hex, remember, sign_in,
};
use crate::below::Below;
use crate::error::ApiError;

const COOKIE: &str = "nomaflow_oidc";
/// How long somebody may take at the provider.
const PATIENCE_SECONDS: i64 = 600;
/// Longest address that is gone back to.
const LONGEST_ADDRESS: usize = 2000;

/// What the cookie holds. It need not be signed: whoever can put a cookie into this browser could put in one of their own.
#[derive(Serialize, Deserialize)]
struct Kept {
    provider: String,
    state: String,
    nonce: String,
    verifier: String,
    redirect_uri: String,
    return_to: String,
    until: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartQuery {
    return_to: Option<String>,
}

pub(super) fn find(app: &App, name: &str) -> Result<Arc<dyn OidcProvider>, ApiError> {
    let found = app.oidc.iter().find(|provider| provider.name() == name);
    found.cloned().ok_or_else(|| ApiError::not_found(format!("there is no provider `{name}`")))
}

/// Only a path of this server: never another site, however it is written.
pub(crate) fn own_path(text: Option<String>) -> String {
    let is_own = |text: &String| {
        text.starts_with('/')
            && !text.starts_with("//")
            && text.len() <= LONGEST_ADDRESS
            && !text.contains(|c: char| c == '\\' || c.is_control() || !c.is_ascii())
    };
    text.filter(is_own).unwrap_or_else(|| "/".to_owned())
}

fn set_cookie(value: &str, seconds: i64, is_secure: bool) -> (header::HeaderName, String) {
    // `Lax`: the provider's redirect comes from another site, and has to bring it.
    let secure = if is_secure { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={value}; Path=/auth/oidc; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    (header::SET_COOKIE, cookie)
}

/// To the sign-in page, which knows the words for `problem`.
fn back(provider: &str, problem: &str) -> Response {
    let to = format!("/login?provider={provider}&problem={problem}");
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)], AppendHeaders([set_cookie("", 0, false)])).into_response()
}

/// Sends the browser to the provider. Answers with a redirect, to the sign-in page when the provider cannot be asked.
#[utoipa::path(get, path = "/auth/oidc/{provider}/start", tag = "sign-in", params(("provider" = String, Path), ("return_to" = Option<String>, Query)),
    responses((status = 303), (status = 404)))]
pub(crate) async fn start(
    State(app): State<App>,
    Path(name): Path<String>,
    query: Result<Query<StartQuery>, QueryRejection>,
    below: Below,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Query(query) = query?;
    let provider = find(&app, &name)?;
    let attempt = OidcAttempt {
        state: random_hex::<16>()?,
        nonce: random_hex::<16>()?,
        verifier: random_hex::<32>()?,
        redirect_uri: format!("{}/auth/oidc/{name}/callback", base_of(&*provider, &headers, &below)?),
    };
    let to = match provider.begin(&attempt).await {
        Ok(to) => to,
        Err(error) => {
            tracing::error!(provider = name, %error, "a sign-in cannot begin");
            return Ok(back(&name, "provider-unavailable"));
        }
    };
    let is_secure = attempt.redirect_uri.starts_with("https:");
    let kept = Kept {
        provider: name,
        state: attempt.state,
        nonce: attempt.nonce,
        verifier: attempt.verifier,
        redirect_uri: attempt.redirect_uri,
        return_to: own_path(query.return_to),
        until: app.engine.now().timestamp() + PATIENCE_SECONDS,
    };
    let kept = serde_json::to_vec(&kept).map_err(|_| ApiError::broken("a sign-in cannot be kept"))?;
    let cookie = set_cookie(&hex::encode(kept), PATIENCE_SECONDS, is_secure);
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, to)], AppendHeaders([cookie])).into_response())
}

/// What the provider sends along; it may send more.
#[derive(Deserialize)]
pub(crate) struct CallbackQuery {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// The way back from the provider: opens a session and goes on to where the browser wanted to go.
#[utoipa::path(get, path = "/auth/oidc/{provider}/callback", tag = "sign-in", params(("provider" = String, Path),
    ("code" = Option<String>, Query), ("state" = Option<String>, Query)), responses((status = 303), (status = 404)))]
pub(crate) async fn callback(
    State(app): State<App>,
    Extension(note): Extension<Note>,
    Path(name): Path<String>,
    query: Result<Query<CallbackQuery>, QueryRejection>,
    mut visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Query(query) = query?;
    let provider = find(&app, &name)?;
    // A browser that follows a link does not say where from, which is how others are known to be behind TLS.
    visitor.is_secure |= provider.external_url().is_some_and(|url| url.starts_with("https:"));
    let visitor = visitor;
    let refuse = |problem: &str, why: &str| {
        tracing::warn!(provider = name, address = visitor.address, why, "sign-in refused");
        note.refused(problem);
        Ok(back(&name, problem))
    };
    let kept = cookie(&headers, COOKIE).and_then(|text| hex::decode(text).ok());
    let kept = kept.and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
    let Some(kept) = kept.filter(|kept| kept.provider == name && kept.until > app.engine.now().timestamp()) else {
        return refuse("not-begun", "this browser has begun no sign-in here, or too long ago");
    };
    let is_ours: bool = query.state.unwrap_or_default().as_bytes().ct_eq(kept.state.as_bytes()).into();
    if !is_ours {
        return refuse("not-begun", "the state is not the one this browser was sent with");
    }
    let Some(code) = query.code.filter(|_| query.error.is_none()) else {
        let why: String = query.error.unwrap_or_default().chars().filter(|c| !c.is_control()).take(100).collect();
        return refuse("provider-refused", &format!("the provider says `{why}`"));
    };
    let attempt =
        OidcAttempt { state: kept.state, nonce: kept.nonce, verifier: kept.verifier, redirect_uri: kept.redirect_uri };
    let Proven { vouched, id_token } = match provider.finish(&code, query.iss.as_deref(), &attempt).await {
        Ok(proven) => proven,
        Err(OidcError::Unavailable(why)) => return refuse("provider-unavailable", &why),
        Err(OidcError::Refused(why)) => return refuse("not-proven", &why),
        Err(OidcError::NotAllowed(why)) => return refuse("not-allowed", &why),
    };
    note.user(&vouched.name);
    match sign_in(&app, Identity::Vouched(vouched), &visitor).await {
        Ok(signed_in) => {
            let vouched_by = remember(&visitor, &name, signed_in.session(), &id_token);
            let cookies = AppendHeaders([set_cookie("", 0, false), (header::SET_COOKIE, vouched_by)]);
            Ok((cookies, signed_in.redirect(&own_path(Some(kept.return_to)))).into_response())
        }
        Err(error) if error.status().is_client_error() => refuse(error.code(), "the account may not sign in"),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_this_server_is_gone_back_to() {
        let back = |text: &str| own_path(Some(text.to_owned()));
        assert_eq!(back("/jobs/a?tab=runs#log"), "/jobs/a?tab=runs#log");
        for other in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "",
            "jobs",
            "/a\r\nSet-Cookie: x",
            "javascript:x",
        ] {
            assert_eq!(back(other), "/", "{other:?}");
        }
        assert_eq!(own_path(None), "/");
    }
}
