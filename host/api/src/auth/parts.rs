//! What the sign-in is made of, as the crate that assembles everything hands it over: accounts, keys, rules, and the
//! providers that vouch for people.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use host_model::account::{AccountSource, AccountStore, Vouched};

use super::signer::SigningKey;

/// The rules of `[auth]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthRules {
    /// How long an access token counts.
    pub access: Duration,
    /// How long a session lasts that is not used.
    pub refresh: Duration,
    /// Fewest characters of a password.
    pub password_min_length: usize,
    /// Sign-ins that may fail per minute for one account.
    pub tries_per_minute: u32,
}

impl Default for AuthRules {
    fn default() -> Self {
        Self {
            access: Duration::from_secs(15 * 60),
            refresh: Duration::from_secs(7 * 24 * 3600),
            password_min_length: 12,
            tries_per_minute: 10,
        }
    }
}

/// Passwords that are checked elsewhere: a directory.
#[async_trait]
pub trait PasswordSource: Send + Sync + 'static {
    /// Its name in the settings.
    fn name(&self) -> &str;
    /// Who this is, if the password is theirs; `Ok(None)` for an unknown user and a wrong password alike.
    ///
    /// # Errors
    /// Why it cannot be asked, in words for the log.
    async fn check(&self, user: &str, password: &str) -> Result<Option<Vouched>, String>;
    /// Who has this name now, without a password; `Ok(None)` when nobody has any more.
    ///
    /// # Errors
    /// Why it cannot be asked, in words for the log.
    async fn look_up(&self, user: &str) -> Result<Option<Vouched>, String>;
}

/// A way to sign in, as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name in the settings.
    pub name: String,
    /// Who vouches.
    pub kind: AccountSource,
    /// What a button says.
    pub label: String,
    /// Where a button leads; `None` where user and password are typed in.
    pub start: Option<String>,
}

/// What [`Auth`] is made of.
pub struct AuthParts {
    /// The accounts.
    pub accounts: Arc<dyn AccountStore>,
    /// The token of the home; whoever has it may do everything.
    pub bootstrap_token: String,
    /// Keys for tokens, the newest first.
    pub keys: Vec<SigningKey>,
    /// The rules.
    pub rules: AuthRules,
    /// Asked, in this order, for passwords of accounts that are not local.
    pub directories: Vec<Arc<dyn PasswordSource>>,
    /// Shown by `GET /auth/providers`, beside user and password.
    pub providers: Vec<Provider>,
}
