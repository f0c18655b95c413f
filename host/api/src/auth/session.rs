//! Sessions: how one is opened, refreshed and ended. [`sign_in`] is the only way by which somebody whose identity is
//! proven (by a password, a provider, the bootstrap token) gets one.
//!
//! A session has an access token of some minutes and a refresh token that works once. A refresh token that comes a second
//! time was copied: its session ends.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use chrono::TimeDelta;
use host_model::account::{Account, AccountSource, Rotated, Session, Vouched, Welcomed};
use serde::Serialize;
use utoipa::ToSchema;

use super::signer::Kind;
use super::visitor::{self, ACCESS, DEVICE, REFRESH, VOUCHED, Visitor};
use super::{ADMIN, Auth, Standing, hash, now, random_hex};
use crate::App;
use crate::error::ApiError;

/// How long a browser is known that has signed in to an account.
const DEVICE_SECONDS: i64 = 90 * 24 * 3600;
/// Two tabs of one browser may refresh at once; the slower one is told to look again instead of being taken for a thief.
const RACE: TimeDelta = TimeDelta::seconds(5);

/// Somebody whose identity is proven.
#[derive(Debug, Clone)]
pub enum Identity {
    /// By the password kept here.
    Local(Box<Account>),
    /// By a provider.
    Vouched(Vouched),
    /// By the bootstrap token.
    Bootstrap,
}

/// A session that was opened or refreshed, with what the client gets.
pub struct SignedIn {
    standing: Standing,
    session: String,
    access: String,
    expires_in: i64,
    cookies: Vec<String>,
}

impl SignedIn {
    /// The account.
    pub fn user(&self) -> &str {
        &self.standing.user
    }

    /// The id of the session.
    pub(crate) fn session(&self) -> &str {
        &self.session
    }

    /// Whether the password has to be changed before anything else.
    pub(crate) fn must_change_password(&self) -> bool {
        self.standing.must_change_password
    }

    /// Sends the browser on to `to`, an address of this server.
    pub fn redirect(self, to: &str) -> Response {
        let location = (header::LOCATION, to.to_owned());
        (StatusCode::SEE_OTHER, [location], AppendHeaders(self.set_cookies())).into_response()
    }

    fn set_cookies(&self) -> Vec<(header::HeaderName, String)> {
        self.cookies.iter().map(|cookie| (header::SET_COOKIE, cookie.clone())).collect()
    }
}

/// A session that was opened or refreshed.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn)]
pub(crate) struct SignedInView {
    user: String,
    display_name: String,
    #[schema(value_type = String)]
    source: &'static str,
    permissions: Vec<String>,
    must_change_password: bool,
    /// For the header `Authorization`; a browser uses its cookie.
    access_token: String,
    /// Seconds.
    expires_in: i64,
}

/// There is no session any more.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignedOut {
    signed_out: bool,
    /// Where the browser goes on to, to sign out at the provider that vouched for the session; null: nowhere.
    continue_at: Option<String>,
}

impl IntoResponse for SignedIn {
    fn into_response(self) -> Response {
        let cookies = self.set_cookies();
        let body = SignedInView {
            permissions: self.standing.permissions.texts(),
            user: self.standing.user,
            display_name: self.standing.display_name,
            source: self.standing.source,
            must_change_password: self.standing.must_change_password,
            access_token: self.access,
            expires_in: self.expires_in,
        };
        (AppendHeaders(cookies), Json(body)).into_response()
    }
}

/// Opens a session for somebody whose identity is proven.
///
/// # Errors
/// 403 when the account is disabled or there is none; 409 when the name belongs to an account of another source.
pub(crate) async fn sign_in(app: &App, identity: Identity, visitor: &Visitor) -> Result<SignedIn, ApiError> {
    let auth = &app.auth;
    let (user, epoch, opened_by) = match identity {
        Identity::Bootstrap => (ADMIN.to_owned(), 0, auth.bootstrap_mark()),
        Identity::Local(account) => (account.name, account.epoch, AccountSource::Local.as_str().to_owned()),
        Identity::Vouched(vouched) => {
            let account = welcome(auth, &vouched).await?;
            let provider = vouched.subject.split(':').next().unwrap_or_default();
            (account.name, account.epoch, format!("{}:{provider}", vouched.source.as_str()))
        }
    };
    let at = now();
    let session = Session {
        id: random_hex::<16>()?,
        user,
        opened_by,
        epoch,
        created_at: at,
        refreshed_at: at,
        expires_at: at + span(auth.rules.refresh),
        address: visitor.address.clone(),
        agent: visitor.agent.clone(),
    };
    let refresh = auth.refresh_token(&session)?;
    auth.accounts.open_session(&session, &hash(&refresh)).await?;
    auth.changed();
    tracing::info!(user = session.user, by = session.opened_by, address = session.address, "signed in");
    auth.hand_out(&session, &refresh, visitor).await
}

async fn welcome(auth: &Auth, vouched: &Vouched) -> Result<Account, ApiError> {
    let name = &vouched.name;
    let welcomed = auth.accounts.welcome(vouched, now()).await?;
    auth.changed();
    match welcomed {
        Welcomed::Known(account) if account.disabled => {
            Err(ApiError::new(StatusCode::FORBIDDEN, "disabled", format!("the account `{name}` is disabled")))
        }
        Welcomed::Known(account) => Ok(*account),
        Welcomed::Unknown => {
            let detail = format!("there is no account `{name}` here");
            Err(ApiError::new(StatusCode::FORBIDDEN, "no-account", detail).with("hint", "ask an administrator for one"))
        }
        Welcomed::Taken(source) => {
            let detail = format!("the account `{name}` is one of another source: {}", source.as_str());
            Err(ApiError::new(StatusCode::CONFLICT, "other-source", detail))
        }
    }
}

fn span(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::days(1))
}

impl Auth {
    fn refresh_token(&self, session: &Session) -> Result<String, ApiError> {
        let seconds = seconds(self.rules.refresh);
        self.signer.sign(Kind::Refresh, &session.user, &session.id, now().timestamp(), seconds)
    }

    async fn hand_out(&self, session: &Session, refresh: &str, visitor: &Visitor) -> Result<SignedIn, ApiError> {
        let proof = super::Proof::Session(session.id.clone());
        let standing = self.standing(&proof).await?.ok_or_else(ApiError::unauthorized)?;
        let (at, expires_in) = (now().timestamp(), seconds(self.rules.access));
        let access = self.signer.sign(Kind::Access, &session.user, &session.id, at, expires_in)?;
        let device = self.signer.sign(Kind::Device, &session.user, "", at, DEVICE_SECONDS)?;
        let cookies = vec![
            visitor.cookie(ACCESS, "/", &access, expires_in),
            visitor.cookie(REFRESH, "/auth", refresh, seconds(self.rules.refresh)),
            visitor.cookie(DEVICE, "/auth", &device, DEVICE_SECONDS),
        ];
        Ok(SignedIn { standing, session: session.id.clone(), access, expires_in, cookies })
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 2)
}

/// Exchanges the refresh token of the cookie for the next pair of tokens.
///
/// # Errors
/// 401 without one that counts; one that was used before ends its session.
pub(crate) async fn refresh(app: &App, headers: &HeaderMap, visitor: &Visitor) -> Result<SignedIn, ApiError> {
    visitor::same_origin(headers)?;
    let auth = &app.auth;
    let old = visitor::cookie(headers, REFRESH).ok_or_else(ApiError::unauthorized)?;
    let claims = auth.signer.verify(Kind::Refresh, old).ok_or_else(ApiError::unauthorized)?;
    let at = now();
    let found = auth.accounts.find_session(&claims.sid, at).await?.ok_or_else(ApiError::unauthorized)?;
    // Before anything changes: of an account that is disabled, or was signed out everywhere, nothing is refreshed.
    let proof = super::Proof::Session(found.id.clone());
    auth.standing(&proof).await?.ok_or_else(ApiError::unauthorized)?;
    let next = Session {
        refreshed_at: at,
        expires_at: at + span(auth.rules.refresh),
        address: visitor.address.clone(),
        agent: visitor.agent.clone(),
        ..found
    };
    if !still_vouched(auth, &next).await? {
        auth.accounts.end_session(&next.id).await?;
        auth.changed();
        return Err(ApiError::unauthorized());
    }
    let new = auth.refresh_token(&next)?;
    match auth.accounts.rotate_session(&next, &hash(old), &hash(&new)).await? {
        Rotated::Done(session) => {
            auth.changed();
            auth.hand_out(&session, &new, visitor).await
        }
        Rotated::Reused { refreshed_at } if visitor.is_own_page && at - refreshed_at < RACE => {
            let detail = "another tab has refreshed this session just now";
            Err(ApiError::new(StatusCode::CONFLICT, "refreshed-elsewhere", detail).retry_after(Duration::from_secs(1)))
        }
        Rotated::Reused { .. } => {
            auth.accounts.end_session(&next.id).await?;
            auth.changed();
            tracing::warn!(user = next.user, address = visitor.address, "a refresh token came twice: its session ends");
            let detail = "this session has ended: its refresh token was used twice";
            Err(ApiError::new(StatusCode::UNAUTHORIZED, "refresh-reused", detail))
        }
        Rotated::Unknown => Err(ApiError::unauthorized()),
    }
}

/// Whether the directory that let somebody in still knows them; what their groups give is read anew. A directory that cannot
/// be asked changes nothing: its outage must not throw everybody out, and what an administrator disables here counts anyway.
async fn still_vouched(auth: &Auth, session: &Session) -> Result<bool, ApiError> {
    let Some(name) = session.opened_by.strip_prefix("ldap:") else { return Ok(true) };
    let Some(directory) = auth.directories.iter().find(|directory| directory.name() == name) else {
        tracing::warn!(
            user = session.user,
            directory = name,
            "the directory of a session is not in the settings any more"
        );
        return Ok(false);
    };
    match directory.look_up(&session.user).await {
        Ok(Some(vouched)) => {
            let account = welcome(auth, &vouched).await;
            Ok(account.is_ok_and(|account| account.name == session.user))
        }
        Ok(None) => {
            tracing::warn!(
                user = session.user,
                directory = name,
                "a session ends: the directory knows the user no longer"
            );
            Ok(false)
        }
        Err(why) => {
            tracing::warn!(directory = name, why, "a directory cannot be asked; its sessions go on as they were");
            Ok(true)
        }
    }
}

/// Ends the session that the request shows, whatever is left of it; its id, if there was one.
pub(crate) async fn sign_out(app: &App, headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let auth = &app.auth;
    if let Some(token) = visitor::bearer(headers).filter(|text| text.starts_with(super::TOKEN_MARK)) {
        // A command that signs out: its token is its sign-in.
        if let Some(token) = auth.accounts.find_token(&hash(token)).await? {
            auth.accounts.delete_token(&token.id, Some(&token.user)).await?;
            auth.changed();
        }
        return Ok(None);
    }
    let access = visitor::bearer(headers).or_else(|| visitor::cookie(headers, ACCESS));
    let access = access.and_then(|token| auth.signer.verify(Kind::Access, token));
    let refresh = || auth.signer.verify(Kind::Refresh, visitor::cookie(headers, REFRESH)?);
    let Some(claims) = access.or_else(refresh) else { return Ok(None) };
    visitor::same_origin(headers)?;
    auth.accounts.end_session(&claims.sid).await?;
    auth.changed();
    Ok(Some(claims.sid))
}

/// Ends every session of the caller's account, this one too.
pub(crate) async fn sign_out_everywhere(app: &App, user: &str, visitor: &Visitor) -> Result<(), ApiError> {
    app.auth.accounts.end_sessions(user, None).await?;
    app.auth.changed();
    tracing::info!(user, address = visitor.address, "signed out everywhere");
    Ok(())
}

/// The answer to both.
pub(crate) fn gone(visitor: &Visitor, continue_at: Option<String>) -> Response {
    (AppendHeaders(without_tokens(visitor)), Json(SignedOut { signed_out: true, continue_at })).into_response()
}

/// Takes the tokens away from the browser. What says that it was signed in before stays.
pub(crate) fn without_tokens(visitor: &Visitor) -> [(header::HeaderName, String); 3] {
    let cookies = [(ACCESS, "/"), (REFRESH, "/auth"), (VOUCHED, "/auth")];
    cookies.map(|(name, path)| (header::SET_COOKIE, visitor.cookie(name, path, "", 0)))
}
