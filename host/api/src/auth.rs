//! Who is calling, and what they may do. A request shows an access token (a signed one, in a cookie of the page or as a
//! bearer), an API token (`nmf_…`) or the bootstrap token of the home; [`caller_of`] turns it into a [`Caller`].
//!
//! `session` is the way in: the one function by which a proven identity becomes a session, and what ends one; `prove`
//! is how passwords prove one, which `password` and `limit` guard, `way_out` ends it at a provider too, `signer` makes the
//! tokens, `visitor` reads requests, `known` remembers what was looked up.
//! Invariants: what a token says of permissions is never believed, the account is asked; nothing here logs a token.

mod caller;
mod known;
mod limit;
mod oidc;
mod parts;
mod password;
pub(crate) mod prove;
pub mod session;
mod signer;
mod visitor;
mod way_out;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use chrono::{TimeDelta, Utc};
use host_model::Instant;
use host_model::access::Permissions;
use host_model::account::{Account, AccountSource, AccountStore, ApiToken, PasswordHash, Session, TokenHash};
use host_model::port::StoreError;
use host_model::run::Trigger;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use self::known::Known;
use self::limit::Tries;
use self::password::Passwords;
use self::signer::{Kind, Signer};
use crate::App;
use crate::error::ApiError;

pub use self::caller::Caller;
pub(crate) use self::caller::{Proof, Standing};
pub(crate) use self::oidc::base_of;
pub use self::oidc::{OidcAttempt, OidcError, OidcProvider, Proven};
pub use self::parts::{AuthParts, AuthRules, PasswordSource, Provider};
pub(crate) use self::session::sign_in;
pub use self::session::{Identity, SignedIn};
pub use self::signer::SigningKey;
pub use self::visitor::Visitor;
pub(crate) use self::visitor::{REFRESH, cookie, same_origin};
pub(crate) use self::way_out::{WayOut, forget_state, is_back, remember, way_out};

/// What every API token begins with.
pub const TOKEN_MARK: &str = "nmf_";
/// How a session says that the bootstrap token opened it.
const BOOTSTRAP: &str = "bootstrap";
/// The account that is made at the first start, and the name behind the bootstrap token.
pub(crate) const ADMIN: &str = "admin";
/// A token's last use is kept to the minute.
const USE_NOTED: TimeDelta = TimeDelta::minutes(1);

/// Checks who calls.
pub struct Auth {
    pub(crate) accounts: Arc<dyn AccountStore>,
    pub(crate) rules: AuthRules,
    pub(crate) providers: Vec<Provider>,
    directories: Vec<Arc<dyn PasswordSource>>,
    bootstrap: TokenHash,
    signer: Signer,
    passwords: Passwords,
    tries: Tries,
    known_accounts: Known<String, Option<Arc<Account>>>,
    known_sessions: Known<String, Option<Arc<Session>>>,
    known_tokens: Known<TokenHash, Arc<ApiToken>>,
    /// Grows with every change of an account, a session or a token by this process.
    changes: AtomicU64,
}

pub(crate) fn hash(text: &str) -> TokenHash {
    Sha256::digest(text.as_bytes()).into()
}

fn random<const N: usize>() -> Result<[u8; N], ApiError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| ApiError::broken("the machine has no randomness"))?;
    Ok(bytes)
}

pub(crate) fn random_hex<const N: usize>() -> Result<String, ApiError> {
    random::<N>().map(hex::encode)
}

/// Now, as the store keeps it.
pub(crate) fn now() -> Instant {
    Instant::from_timestamp_millis(Utc::now().timestamp_millis()).unwrap_or_default()
}

impl Auth {
    /// Of the bootstrap token only a hash is kept.
    pub fn new(parts: AuthParts) -> Self {
        Self {
            accounts: parts.accounts,
            rules: parts.rules,
            providers: parts.providers,
            directories: parts.directories,
            bootstrap: hash(parts.bootstrap_token.trim()),
            signer: Signer::new(parts.keys),
            passwords: Passwords::new(),
            tries: Tries::default(),
            known_accounts: Known::new(),
            known_sessions: Known::new(),
            known_tokens: Known::new(),
            changes: AtomicU64::new(0),
        }
    }

    /// Makes the account of the first start when there is none at all. Gives back its one-time password.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn make_first_account(&self) -> Result<Option<String>, ApiError> {
        if !self.accounts.list_accounts().await?.is_empty() {
            return Ok(None);
        }
        let password = password::one_time()?;
        let hash = self.passwords.hash(password.clone()).await?;
        let account = Account {
            must_change_password: true,
            granted: Permissions::all(),
            ..new_account(ADMIN, AccountSource::Local, "the first start")
        };
        let is_made = self.accounts.create_first_account(&account, &hash).await?;
        Ok(is_made.then_some(password))
    }

    /// The hash of a password that keeps the rules.
    pub(crate) async fn hash_password(&self, user: &str, password: &str) -> Result<PasswordHash, ApiError> {
        let least = self.rules.password_min_length;
        let count = password.chars().count();
        let wrong = if count < least {
            format!("a password has at least {least} characters, not {count}")
        } else if password.len() > password::LONGEST {
            format!("a password has at most {} bytes, not {}", password::LONGEST, password.len())
        } else if password.to_lowercase().contains(user) && count < user.chars().count() + least {
            "a password is not made of the account's name".to_owned()
        } else {
            return self.passwords.hash(password.to_owned()).await;
        };
        Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "weak-password", wrong))
    }

    /// A password for the first sign-in, and its hash.
    pub(crate) async fn one_time_password(&self) -> Result<(String, PasswordHash), ApiError> {
        let password = password::one_time()?;
        let hash = self.passwords.hash(password.clone()).await?;
        Ok((password, hash))
    }

    /// Accounts, sessions or tokens were changed by this process: nothing known counts any more.
    pub(crate) fn changed(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.known_accounts.forget();
        self.known_sessions.forget();
        self.known_tokens.forget();
    }

    /// Differs after [`Auth::changed`].
    pub(crate) fn change_count(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    fn is_bootstrap(&self, text: &str) -> bool {
        hash(text.trim()).ct_eq(&self.bootstrap).into()
    }

    /// Ends sessions of the bootstrap token when that token is another.
    fn bootstrap_mark(&self) -> String {
        format!("{BOOTSTRAP}:{}", hex::encode(&self.bootstrap[..8]))
    }

    async fn account(&self, name: &str) -> Result<Option<Arc<Account>>, StoreError> {
        match self.known_accounts.find(&name.to_owned()) {
            Ok(found) => Ok(found),
            Err(age) => {
                let found = self.accounts.find_account(name).await?.map(Arc::new);
                self.known_accounts.keep(age, name.to_owned(), found.clone());
                Ok(found)
            }
        }
    }

    async fn session(&self, id: &str) -> Result<Option<Arc<Session>>, StoreError> {
        match self.known_sessions.find(&id.to_owned()) {
            Ok(found) => Ok(found),
            Err(age) => {
                let found = self.accounts.find_session(id, now()).await?.map(Arc::new);
                self.known_sessions.keep(age, id.to_owned(), found.clone());
                Ok(found)
            }
        }
    }

    /// Tokens nobody has are not kept: whoever guesses takes no room.
    async fn token(&self, hash: &TokenHash) -> Result<Option<Arc<ApiToken>>, StoreError> {
        match self.known_tokens.find(hash) {
            Ok(found) => Ok(Some(found)),
            Err(age) => {
                let found = self.accounts.find_token(hash).await?.map(Arc::new);
                if let Some(token) = &found {
                    self.known_tokens.keep(age, *hash, token.clone());
                }
                Ok(found)
            }
        }
    }

    /// What a proof is worth now; `None` once it counts no longer.
    pub(crate) async fn standing(&self, proof: &Proof) -> Result<Option<Standing>, StoreError> {
        match proof {
            Proof::Bootstrap => Ok(Some(Standing::bootstrap())),
            Proof::Session(id) => {
                let Some(session) = self.session(id).await? else { return Ok(None) };
                if session.expires_at <= now() {
                    return Ok(None);
                }
                if session.opened_by.starts_with(BOOTSTRAP) {
                    return Ok((session.opened_by == self.bootstrap_mark()).then(Standing::bootstrap));
                }
                let account = self.account(&session.user).await?;
                let account = account.filter(|account| !account.disabled && account.epoch == session.epoch);
                Ok(account.map(|account| Standing {
                    user: account.name.clone(),
                    display_name: account.display_name.clone(),
                    source: account.source.as_str(),
                    permissions: account.permissions(),
                    must_change_password: account.must_change_password,
                }))
            }
            Proof::Token(hash) => {
                let Some(token) = self.token(hash).await? else { return Ok(None) };
                if token.expires_at.is_some_and(|until| until <= now()) {
                    return Ok(None);
                }
                let account = self.account(&token.user).await?.filter(|account| !account.disabled);
                Ok(account.map(|account| Standing {
                    user: account.name.clone(),
                    display_name: account.display_name.clone(),
                    source: "token",
                    permissions: account.permissions().narrowed_to(&token.permissions),
                    must_change_password: false,
                }))
            }
        }
    }

    /// Notes the use of an API token, once a minute.
    async fn note_use(&self, hash: &TokenHash, from: &str) -> Result<(), StoreError> {
        let Some(token) = self.token(hash).await? else { return Ok(()) };
        let at = now();
        if token.last_used_at.is_some_and(|last| at - last < USE_NOTED) {
            return Ok(());
        }
        self.accounts.note_token_use(&token.id, at, from).await?;
        self.known_tokens.forget();
        Ok(())
    }

    /// What a bearer shows.
    fn read_bearer(&self, text: &str) -> Option<Proof> {
        if text.starts_with(TOKEN_MARK) {
            Some(Proof::Token(hash(text)))
        } else if self.is_bootstrap(text) {
            Some(Proof::Bootstrap)
        } else {
            self.read_access(text)
        }
    }

    fn read_access(&self, text: &str) -> Option<Proof> {
        self.signer.verify(Kind::Access, text).map(|claims| Proof::Session(claims.sid))
    }
}

/// An account with nothing granted, as of now.
pub(crate) fn new_account(name: &str, source: AccountSource, by: &str) -> Account {
    Account {
        name: name.to_owned(),
        display_name: String::new(),
        source,
        subject: None,
        granted: Permissions::default(),
        from_groups: Permissions::default(),
        disabled: false,
        must_change_password: false,
        epoch: 0,
        created_at: now(),
        created_by: by.to_owned(),
        last_sign_in_at: None,
    }
}

/// Who calls. A bearer counts before a cookie.
///
/// # Errors
/// 401 for a stranger; 403 for a change with a cookie that comes from another site.
pub(crate) async fn caller_of(app: &App, parts: &Parts) -> Result<Caller, ApiError> {
    let headers = &parts.headers;
    let has_header = headers.contains_key("authorization");
    let proof = if has_header {
        visitor::bearer(headers).and_then(|text| app.auth.read_bearer(text))
    } else {
        visitor::cookie(headers, visitor::ACCESS).and_then(|text| app.auth.read_access(text))
    };
    let proof = proof.ok_or_else(ApiError::unauthorized)?;
    let standing = app.auth.standing(&proof).await?.ok_or_else(ApiError::unauthorized)?;
    let changes = !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && !has_header {
        visitor::same_origin(headers)?;
        if !visitor::is_from_script(&parts.method, headers) {
            let detail = "a change with a cookie must be sent as a form cannot send it";
            return Err(ApiError::new(StatusCode::FORBIDDEN, "not-from-a-script", detail)
                .with("hint", "send a body of the type `application/json`, or the header `Nomaflow-Client`"));
        }
    }
    let address = Visitor::of(parts).address;
    if let Proof::Token(hash) = &proof {
        app.auth.note_use(hash, &address).await?;
    }
    let trigger = trigger_of(headers, &proof, &standing.user, has_header);
    Ok(Caller {
        user: standing.user,
        display_name: standing.display_name,
        source: standing.source,
        trigger,
        permissions: standing.permissions,
        must_change_password: standing.must_change_password,
        address,
        proof,
    })
}

/// What a subscriber of the calendar may see: the jobs of the token's owner. The token stands in an address, which others
/// may come to see; so it must be one that opens nothing else.
///
/// # Errors
/// 401 for a token that does not count, 403 for one that opens more.
pub(crate) async fn subscriber(app: &App, text: &str, address: &str) -> Result<Permissions, ApiError> {
    let proof = Proof::Token(hash(text));
    let standing = app.auth.standing(&proof).await?.ok_or_else(ApiError::unauthorized)?;
    if !standing.permissions.is_for_subscription() {
        let detail = "only a token with the permission `schedule:read` alone is taken in an address";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "token-opens-more", detail)
            .with("hint", "make one with that permission, or send this one as `Authorization: Bearer`"));
    }
    app.auth.note_use(&hash(text), address).await?;
    let owner = app.auth.account(&standing.user).await?.ok_or_else(ApiError::unauthorized)?;
    Ok(owner.permissions())
}

/// A command is recorded by the name of its account; with the bootstrap token, which is nobody's, by the shell's user.
fn trigger_of(headers: &HeaderMap, proof: &Proof, user: &str, has_header: bool) -> Trigger {
    match visitor::shell_user(headers) {
        _ if !has_header => Trigger::User(user.to_owned()),
        Some(shell_user) if *proof == Proof::Bootstrap => Trigger::Cli(shell_user),
        Some(_) => Trigger::Cli(user.to_owned()),
        None => Trigger::Api,
    }
}
