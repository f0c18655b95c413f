//! How somebody proves who they are: by a password kept here or in a directory, a one-time password, or the bootstrap token.
//! Every try is counted (`limit`), whatever form it came in.
//!
//! Invariant: nothing tells a wrong user from a wrong password, nor from a disabled account; not even the time it takes.

use std::time::Duration;

use axum::http::StatusCode;
use host_model::account::AccountSource;

use super::limit::{Counted, WINDOW};
use super::session::{Identity, SignedIn, sign_in};
use super::signer::Kind;
use super::{Auth, Visitor, password};
use crate::App;
use crate::error::ApiError;

/// Sign-ins that may fail per minute from one address.
const TRIES_PER_ADDRESS: u32 = 20;
fn wrong() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "wrong-password", "user or password is wrong")
}

fn too_many(wait: Duration) -> ApiError {
    let detail = "too many sign-ins have failed; wait a moment";
    // Up to the next whole second, so that the next try is not refused again.
    let wait = Duration::from_secs(wait.as_secs() + 1);
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too-many-tries", detail).retry_after(wait.min(WINDOW))
}

/// Signs in with user and password; nothing tells a wrong user from a wrong password, nor from a disabled account.
pub(crate) async fn with_password(
    app: &App,
    user: &str,
    password: &str,
    visitor: &Visitor,
) -> Result<SignedIn, ApiError> {
    let identity = prove(app, user, password, visitor).await?;
    sign_in(app, identity, visitor).await
}

/// The same with a one-time password, which becomes `chosen` first: what a setup link does. Such a link works once,
/// because the password it brings does.
pub(crate) async fn with_one_time(
    app: &App,
    user: &str,
    (one_time, chosen): (&str, &str),
    visitor: &Visitor,
) -> Result<SignedIn, ApiError> {
    let auth = &app.auth;
    let refused = |code, detail: String| Err(ApiError::new(StatusCode::CONFLICT, code, detail));
    let account = match prove(app, user, one_time, visitor).await? {
        Identity::Local(account) if account.must_change_password => account,
        Identity::Local(account) => {
            return refused("link-used", format!("the password of `{}` has been chosen already", account.name));
        }
        Identity::Vouched(_) | Identity::Bootstrap => {
            return refused("no-password", "the password is not kept here".to_owned());
        }
    };
    if one_time == chosen {
        let detail = "the new password is the old one";
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "weak-password", detail));
    }
    let hash = auth.hash_password(&account.name, chosen).await?;
    auth.accounts.set_password(&account.name, &hash, false, None).await?;
    auth.changed();
    tracing::info!(user = account.name, address = visitor.address, "password chosen");
    // As it is now: the change ends what was signed with the password before.
    let account = auth.accounts.find_account(&account.name).await?.ok_or_else(wrong)?;
    sign_in(app, Identity::Local(Box::new(account)), visitor).await
}

/// Who has this password; counted.
async fn prove(app: &App, user: &str, password: &str, visitor: &Visitor) -> Result<Identity, ApiError> {
    let auth = &app.auth;
    let name = host_model::account::account_name(user).unwrap_or_default();
    let known = visitor.device().and_then(|token| auth.signer.verify(Kind::Device, token));
    let counted = match known {
        Some(claims) if claims.sub == name => Counted::Device(name.clone()),
        _ => Counted::Account(name.clone()),
    };
    let who = [(Counted::address(&visitor.address), TRIES_PER_ADDRESS), (counted, auth.rules.tries_per_minute)];
    auth.tries.begin(&who).map_err(too_many)?;
    let Some(identity) = auth.prove(&name, password).await? else {
        tracing::warn!(user = name, address = visitor.address, "sign-in refused: wrong user or password");
        return Err(wrong());
    };
    auth.tries.forgive(&who);
    Ok(identity)
}

/// Signs in with the bootstrap token. The right one is never refused: guessing 256 bits stays hopeless, and a flood, or a
/// script with an old token, must not lock the operator out.
pub(crate) async fn with_token(app: &App, token: &str, visitor: &Visitor) -> Result<SignedIn, ApiError> {
    if app.auth.is_bootstrap(token) {
        return sign_in(app, Identity::Bootstrap, visitor).await;
    }
    let who = [(Counted::address(&visitor.address), TRIES_PER_ADDRESS)];
    app.auth.tries.begin(&who).map_err(too_many)?;
    tracing::warn!(address = visitor.address, "sign-in refused: wrong token");
    let problem = ApiError::new(StatusCode::UNAUTHORIZED, "wrong-token", "this is not the token of this server");
    Err(if token.starts_with(super::TOKEN_MARK) {
        problem.with("hint", "an API token opens no page; programs send it as `Authorization: Bearer …`")
    } else {
        problem
    })
}

impl Auth {
    /// Who has this password, here or in a directory. Takes its time for nobody too.
    async fn prove(&self, name: &str, password: &str) -> Result<Option<Identity>, ApiError> {
        let account = if name.is_empty() { None } else { self.accounts.find_account(name).await? };
        let local = account.filter(|account| account.source == AccountSource::Local);
        let hash = match &local {
            Some(account) => self.accounts.find_password(&account.name).await?,
            None => None,
        };
        let is_short = password.len() <= password::LONGEST;
        let fits =
            self.passwords.is(if is_short { password.to_owned() } else { String::new() }, hash).await? && is_short;
        if let Some(account) = local {
            return Ok((fits && !account.disabled).then(|| Identity::Local(Box::new(account))));
        }
        if name.is_empty() || password.is_empty() {
            return Ok(None);
        }
        for directory in &self.directories {
            match directory.check(name, password).await {
                Ok(Some(vouched)) => return Ok(Some(Identity::Vouched(vouched))),
                Ok(None) => {}
                Err(why) => tracing::error!(directory = directory.name(), why, "a directory cannot be asked"),
            }
        }
        Ok(None)
    }

    /// Whether this is the password of a local account; counted like a sign-in.
    pub(crate) async fn is_password(&self, user: &str, password: &str, visitor: &Visitor) -> Result<bool, ApiError> {
        let who = [
            (Counted::address(&visitor.address), TRIES_PER_ADDRESS),
            (Counted::Device(user.to_owned()), self.rules.tries_per_minute),
        ];
        self.tries.begin(&who).map_err(too_many)?;
        let hash = self.accounts.find_password(user).await?;
        let fits = self.passwords.is(password.to_owned(), hash).await?;
        if fits {
            self.tries.forgive(&who);
        }
        Ok(fits)
    }
}
