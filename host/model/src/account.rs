//! Accounts, their sessions and their API tokens, and where they are kept. What proves who somebody is (a password, a
//! provider, a token's text) is checked elsewhere; here are only what stays of it: a hash.
//!
//! Invariant: nothing here holds a password or the text of a token, and a hash never leaves through [`Account`].

use async_trait::async_trait;

use crate::access::Permissions;
use crate::port::StoreError;
use crate::{Instant, JsonMap};

/// Longest name of an account, in characters.
pub const LONGEST_ACCOUNT_NAME: usize = 64;

/// The name of an account as it is kept: in lower case, so that one person is one account however the name is typed.
/// `None` for a text that is none: it has 1 to 64 letters, digits, `.`, `_`, `-`, `@` and `+`, the first a letter or digit.
pub fn account_name(text: &str) -> Option<String> {
    let name = text.trim().to_lowercase();
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+');
    let begins = name.chars().next().is_some_and(char::is_alphanumeric);
    (begins && name.chars().count() <= LONGEST_ACCOUNT_NAME && name.chars().all(is_part)).then_some(name)
}

/// Who vouches for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountSource {
    /// Its own password, kept here as a hash.
    Local,
    /// An OpenID Connect provider.
    Oidc,
    /// A directory.
    Ldap,
}

impl AccountSource {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Local, Self::Oidc, Self::Ldap];

    /// The spelling in the store and over HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Oidc => "oidc",
            Self::Ldap => "ldap",
        }
    }

    /// Reads the spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == text)
    }
}

/// Somebody who may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Unique; see [`account_name`].
    pub name: String,
    /// For people; may be empty.
    pub display_name: String,
    /// Who vouches for it.
    pub source: AccountSource,
    /// The provider's own id of it (`<provider>:<subject>`); `None` for a local account.
    pub subject: Option<String>,
    /// What an administrator granted.
    pub granted: Permissions,
    /// What the provider's groups gave at the last sign-in.
    pub from_groups: Permissions,
    /// It may not sign in, and nothing it holds counts.
    pub disabled: bool,
    /// Its password was set by somebody else, and opens nothing but the change of it.
    pub must_change_password: bool,
    /// Counted up to end every session at once.
    pub epoch: u32,
    /// When it was made.
    pub created_at: Instant,
    /// Who made it: `cli:<user>`, `user:<name>`, a provider's name.
    pub created_by: String,
    /// The last time somebody signed in to it.
    pub last_sign_in_at: Option<Instant>,
}

impl Account {
    /// What it may do, whoever gave it.
    pub fn permissions(&self) -> Permissions {
        self.granted.iter().chain(self.from_groups.iter()).cloned().collect()
    }
}

/// A change of an account; `None` leaves a part as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// Its name for people.
    pub display_name: Option<String>,
    /// Whether it is disabled. Disabling ends its sessions.
    pub disabled: Option<bool>,
    /// Exactly these, in place of what was granted.
    pub permissions: Option<Permissions>,
    /// These too.
    pub grant: Permissions,
    /// These no longer.
    pub revoke: Permissions,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It is done.
    Done,
    /// There is no such account.
    Unknown,
    /// Nothing changed: nobody would be left who may do everything.
    LastSuperuser,
}

/// What a provider says at a sign-in about somebody it vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// The account's name.
    pub name: String,
    /// For people; empty leaves what is known.
    pub display_name: String,
    /// Who vouches; never [`AccountSource::Local`].
    pub source: AccountSource,
    /// The provider's own id, `<provider>:<subject>`; the same person keeps it when the name changes hands.
    pub subject: String,
    /// What its groups give; takes the place of what they gave before.
    pub from_groups: Permissions,
    /// Whether an account is made for somebody who has none.
    pub may_create: bool,
}

/// What became of a sign-in by a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Welcomed {
    /// The account, as it is now.
    Known(Box<Account>),
    /// There is none, and none is to be made.
    Unknown,
    /// The name belongs to an account for which somebody else vouches.
    Taken(AccountSource),
}

/// A password as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// SHA-256 of a token's text; the texts have 256 random bits, so that nothing slower is needed.
pub type TokenHash = [u8; 32];

/// A sign-in that lasts: what its refresh tokens belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Random; says nothing by itself.
    pub id: String,
    /// The account.
    pub user: String,
    /// How it was opened: `local`, `oidc:<provider>`, `ldap:<provider>`, `bootstrap:<part of the token's hash>`.
    pub opened_by: String,
    /// The account's epoch at that time.
    pub epoch: u32,
    /// When it was opened.
    pub created_at: Instant,
    /// When it was refreshed last.
    pub refreshed_at: Instant,
    /// When it ends unless it is refreshed.
    pub expires_at: Instant,
    /// From where it was opened or refreshed last.
    pub address: String,
    /// What the client calls itself.
    pub agent: String,
}

/// What became of a refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotated {
    /// The new token counts, the old one no longer.
    Done(Box<Session>),
    /// The token is not the newest of its session: somebody has used it before.
    Reused {
        /// When the session was refreshed last.
        refreshed_at: Instant,
    },
    /// The session has ended.
    Unknown,
}

/// An API token, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Random.
    pub id: String,
    /// For people.
    pub name: String,
    /// The account it acts for.
    pub user: String,
    /// What it may do at most; never more than its owner may at that moment.
    pub permissions: Permissions,
    /// When it was made.
    pub created_at: Instant,
    /// When it stops counting; `None` = never.
    pub expires_at: Option<Instant>,
    /// Its last use, to the minute.
    pub last_used_at: Option<Instant>,
    /// From where.
    pub last_used_from: Option<String>,
}

/// Where accounts, sessions and tokens are kept. Each method is one transaction.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// All of them, by name.
    async fn list_accounts(&self) -> Result<Vec<Account>, StoreError>;
    /// One of them.
    async fn find_account(&self, name: &str) -> Result<Option<Account>, StoreError>;
    /// Makes one, with a password when it is local. False when the name is taken.
    async fn create_account(&self, account: &Account, password: Option<&PasswordHash>) -> Result<bool, StoreError>;
    /// Makes one if there is none at all: of several processes that start at once, one does.
    async fn create_first_account(&self, account: &Account, password: &PasswordHash) -> Result<bool, StoreError>;
    /// Changes one.
    async fn change_account(&self, name: &str, change: &AccountChange) -> Result<Changed, StoreError>;
    /// Deletes one with its sessions and tokens.
    async fn delete_account(&self, name: &str) -> Result<Changed, StoreError>;
    /// How the page looks to them; empty when they never chose anything. `None`: there is no such account.
    async fn find_preferences(&self, name: &str) -> Result<Option<JsonMap>, StoreError>;
    /// Keeps that. False when there is no such account.
    async fn set_preferences(&self, name: &str, preferences: &JsonMap) -> Result<bool, StoreError>;
    /// The password of a local account.
    async fn find_password(&self, name: &str) -> Result<Option<PasswordHash>, StoreError>;
    /// Sets the password of a local account, ends its sessions but `keep`, and says whether it must be changed at the
    /// next sign-in. False when there is no such local account.
    async fn set_password(
        &self,
        name: &str,
        password: &PasswordHash,
        must_change: bool,
        keep: Option<&str>,
    ) -> Result<bool, StoreError>;
    /// Finds or makes the account of somebody a provider vouches for, and takes over what it says.
    async fn welcome(&self, vouched: &Vouched, now: Instant) -> Result<Welcomed, StoreError>;

    /// Keeps a session with its first refresh token and notes the sign-in; forgets sessions that have expired.
    async fn open_session(&self, session: &Session, refresh: &TokenHash) -> Result<(), StoreError>;
    /// One session that has not expired at `now`.
    async fn find_session(&self, id: &str, now: Instant) -> Result<Option<Session>, StoreError>;
    /// The sessions of an account that have not expired, the newest first.
    async fn list_sessions(&self, user: &str, now: Instant) -> Result<Vec<Session>, StoreError>;
    /// Puts `new` in the place of `old` and takes over times and address of `session`, if `old` is the newest token of it.
    async fn rotate_session(&self, session: &Session, old: &TokenHash, new: &TokenHash) -> Result<Rotated, StoreError>;
    /// Ends a session. False when there was none.
    async fn end_session(&self, id: &str) -> Result<bool, StoreError>;
    /// Ends every session of an account but `keep`, and everything else that names its epoch.
    async fn end_sessions(&self, user: &str, keep: Option<&str>) -> Result<(), StoreError>;

    /// Keeps a new token.
    async fn create_token(&self, token: &ApiToken, hash: &TokenHash) -> Result<(), StoreError>;
    /// The token with this hash, expired or not.
    async fn find_token(&self, hash: &TokenHash) -> Result<Option<ApiToken>, StoreError>;
    /// Tokens of an account, or of all, the newest first.
    async fn list_tokens(&self, user: Option<&str>) -> Result<Vec<ApiToken>, StoreError>;
    /// Notes a use.
    async fn note_token_use(&self, id: &str, at: Instant, from: &str) -> Result<(), StoreError>;
    /// Deletes a token, of `user` or of anybody. False when there was none.
    async fn delete_token(&self, id: &str, user: Option<&str>) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_account_however_it_is_typed() {
        assert_eq!(account_name(" Ann.Lee@Example.org ").as_deref(), Some("ann.lee@example.org"));
        for text in ["", " ", "-ann", "a b", "a/b", "a\u{1b}[31m", "a:b", "../a", &"a".repeat(65)] {
            assert_eq!(account_name(text), None, "{text}");
        }
    }

    #[test]
    fn a_hash_is_in_no_debug_output() {
        assert!(!format!("{:?}", PasswordHash("$argon2id$…".into())).contains("argon2id"));
    }
}
