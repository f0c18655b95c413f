//! Signing out at the provider that vouched for a session, too (OpenID Connect RP-Initiated Logout 1.0).
//!
//! What the provider wants to see then, the id token, lives in a cookie of the browser that was signed in, named with the
//! session it belongs to: no store has it, any process of ours can end what another began, and a session that somebody
//! opens later in the same browser does not find it. Our own session has ended before the provider is thought of, so nothing
//! here can keep anybody signed in.

use std::time::Duration;

use axum::http::{HeaderMap, header};
use subtle::ConstantTimeEq;

use super::oidc::base_of;
use super::visitor::{self, VOUCHED, Visitor};
use crate::App;
use crate::below::Below;

/// What the browser brings back from the provider.
const STATE: &str = "nomaflow_oidc_out";
/// How long somebody may take at the provider.
const BACK_SECONDS: i64 = 600;
/// As long as browsers are known here; a provider takes an id token that has expired.
const KEPT_SECONDS: i64 = 90 * 24 * 3600;
/// Browsers take cookies of 4096 bytes, name and attributes included.
const LONGEST: usize = 3800;
/// What the provider gets to say where it signs people out, when that is not known yet.
const PATIENCE: Duration = Duration::from_secs(3);

/// The cookie that says who vouched for `session`. An id token that is too long for a cookie is left out: then the provider
/// asks the person, instead of believing us.
pub(crate) fn remember(visitor: &Visitor, provider: &str, session: &str, id_token: &str) -> String {
    let is_fit =
        id_token.len() <= LONGEST && id_token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    let hint = if is_fit { id_token } else { "" };
    visitor.cookie(VOUCHED, "/auth", &format!("{session}:{provider}:{hint}"), KEPT_SECONDS)
}

/// The way to the provider, and the cookie by which the way back is known.
pub(crate) struct WayOut {
    /// An address of the provider.
    pub(crate) to: String,
    /// What its button said.
    pub(crate) label: String,
    /// For `Set-Cookie`.
    pub(crate) cookie: String,
}

/// Where to sign out besides, now that `session` has ended. None when no provider vouched for it, when that provider signs
/// nobody out, or does not say so in time.
pub(crate) async fn way_out(app: &App, headers: &HeaderMap, below: &Below, session: &str) -> Option<WayOut> {
    let kept = visitor::cookie(headers, VOUCHED)?;
    let (of, rest) = kept.split_once(':')?;
    let (name, hint) = rest.split_once(':')?;
    if of != session {
        return None;
    }
    let provider = app.oidc.iter().find(|provider| provider.name() == name)?;
    let back = format!("{}/auth/oidc/{name}/signed-out", base_of(&**provider, headers, below).ok()?);
    let state = super::random_hex::<16>().ok()?;
    let asked = provider.sign_out(Some(hint).filter(|hint| !hint.is_empty()), &back, &state);
    let to = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(to)) => to?,
        Ok(Err(error)) => {
            tracing::warn!(provider = name, %error, "signed out here only: the provider cannot be asked");
            return None;
        }
        Err(_) => {
            tracing::warn!(provider = name, "signed out here only: the provider does not answer");
            return None;
        }
    };
    let label = app.auth.providers.iter().find(|shown| shown.name == name).map(|shown| shown.label.clone());
    Some(WayOut {
        to,
        label: label.unwrap_or_else(|| name.to_owned()),
        cookie: state_cookie(&state, BACK_SECONDS, back.starts_with("https:")),
    })
}

/// Whether the browser comes back from where it was sent, with the state it was sent with.
pub(crate) fn is_back(headers: &HeaderMap, state: &str) -> bool {
    visitor::cookie(headers, STATE).is_some_and(|kept| kept.as_bytes().ct_eq(state.as_bytes()).into())
}

/// Takes the state away again.
pub(crate) fn forget_state() -> (header::HeaderName, String) {
    (header::SET_COOKIE, state_cookie("", 0, false))
}

fn state_cookie(state: &str, seconds: i64, is_secure: bool) -> String {
    // `Lax`: the provider's redirect comes from another site, and has to bring it.
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{STATE}={state}; Path=/auth/oidc; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}")
}
