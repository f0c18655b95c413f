//! The ports behind what a plugin may ask for besides SQL: HTTP, LDAP directories, durable state. The sandbox needs
//! them, `steps` and `store` implement them. Who may use what is decided by the caller, through a gate where a request
//! may lead elsewhere on its way; an implementation asks the gate and decides nothing.

use std::time::Duration;

use async_trait::async_trait;

use crate::Instant;
use crate::cancel::CancelToken;
use crate::port::StoreError;

/// What sort of failure a service had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceErrorKind {
    /// The gate refused it, or an address its answer does not cover.
    Denied,
    /// No such connector or entry.
    NotFound,
    /// What was asked makes no sense.
    Invalid,
    /// The other side cannot be reached.
    Unavailable,
    /// It did not answer in time.
    Timeout,
    /// The step is being stopped.
    Canceled,
    /// It answered with an error that is none of the others.
    Remote,
    /// The answer is larger than it may be.
    Limit,
}

/// A service that did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ServiceError {
    /// What sort of failure.
    pub kind: ServiceErrorKind,
    /// One sentence for the operator; holds no credentials.
    pub message: String,
}

impl ServiceError {
    /// An error of `kind`.
    pub fn new(kind: ServiceErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The step is being stopped, for the reason its token has.
    pub fn canceled(cancel: &CancelToken) -> Self {
        let reason = cancel.reason().unwrap_or("canceled");
        Self::new(ServiceErrorKind::Canceled, format!("the run is being stopped: {reason}"))
    }

    /// Whether the same call may well succeed later.
    pub fn may_retry(&self) -> bool {
        use ServiceErrorKind as K;
        matches!(self.kind, K::Unavailable | K::Timeout | K::Remote)
    }
}

/// The addresses the name of a host may lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// Public ones only.
    Public,
    /// All but those of this machine and its link.
    Network,
    /// Any.
    Anywhere,
}

/// Says what an HTTP request may do; asked again for every redirect.
pub trait HttpGate: Send + Sync {
    /// Whether `method` may be used on `host` (lower case, IPv6 in brackets) and `port`.
    ///
    /// # Errors
    /// Why not, as a sentence that says what would allow it.
    fn check(&self, method: &str, host: &str, port: u16) -> Result<Reach, String>;
}

/// One HTTP request of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// Any letter case.
    pub method: String,
    /// Absolute.
    pub url: String,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// None sends no body.
    pub body: Option<Vec<u8>>,
    /// For the whole exchange, redirects included.
    pub timeout: Duration,
    /// 0 gives the redirect itself.
    pub max_redirects: u32,
    /// Bytes the response may have, headers and body.
    pub max_bytes: u64,
}

/// The response, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// The URL that answered.
    pub url: String,
    /// Names in lower case, values with what is not UTF-8 replaced.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub body: Vec<u8>,
}

/// Sends HTTP requests on behalf of plugins.
#[async_trait]
pub trait HttpClient: Send + Sync + 'static {
    /// Sends `request` and follows redirects, all as far as `gate` allows. Returns soon after `cancel`.
    ///
    /// # Errors
    /// `denied` with the gate's words; `invalid`, `unavailable`, `timeout`, `remote`, `limit`, `canceled`.
    async fn send(
        &self,
        request: HttpRequest,
        gate: &dyn HttpGate,
        cancel: &CancelToken,
    ) -> Result<HttpResponse, ServiceError>;
}

/// How deep a search in a directory goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DirectoryScope {
    /// The base alone.
    Base,
    /// Right below the base.
    OneLevel,
    /// The base and everything below.
    Subtree,
}

/// What is searched for in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryQuery {
    /// Where to begin; none is the base of the connector.
    pub base: Option<String>,
    /// How deep.
    pub scope: DirectoryScope,
    /// RFC 4515.
    pub filter: String,
    /// Empty: all user attributes.
    pub attributes: Vec<String>,
    /// Entries of a page, at least 1.
    pub page_size: u32,
}

/// The values of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryValues {
    /// All are UTF-8.
    Texts(Vec<String>),
    /// At least one is not.
    Bytes(Vec<Vec<u8>>),
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Its distinguished name.
    pub dn: String,
    /// Its attributes, by name.
    pub attributes: Vec<(String, DirectoryValues)>,
}

/// LDAP directories by the name of their connector. Credentials never leave the implementation.
#[async_trait]
pub trait Directories: Send + Sync + 'static {
    /// Connects to `connector` and begins a search.
    ///
    /// # Errors
    /// `not-found` for an unknown connector; `invalid`, `unavailable`, `timeout`, `remote`, `canceled`.
    async fn search(
        &self,
        connector: &str,
        query: DirectoryQuery,
        cancel: &CancelToken,
    ) -> Result<Box<dyn DirectoryPages>, ServiceError>;
}

/// A search that was begun. Dropping it closes its connection.
#[async_trait]
pub trait DirectoryPages: Send + Sync {
    /// The next page; empty at the end.
    ///
    /// # Errors
    /// As [`Directories::search`], and `limit` when the server cut the result. The search is over then.
    async fn next_page(&mut self) -> Result<Vec<DirectoryEntry>, ServiceError>;
}

/// One key of a plugin's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateEntry {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// When it was written.
    pub updated_at: Instant,
}

/// Under which condition a key is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateCondition {
    /// Whatever there is.
    Always,
    /// There is no such key.
    Absent,
    /// The key has this value.
    Holds(String),
}

/// What became of setting a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateSet {
    /// It has the value, durably.
    Done,
    /// The condition did not hold; nothing changed.
    Unmet,
    /// It would be a key too many; nothing changed.
    Full,
}

/// Durable keys of plugins, each plugin with a space of its own. Keys and values come checked.
#[async_trait]
pub trait PluginState: Send + Sync + 'static {
    /// The value of a key.
    async fn find_value(&self, plugin: &str, key: &str) -> Result<Option<String>, StoreError>;
    /// Sets a key at `entry.updated_at` if `condition` holds and the plugin has at most `max_keys` keys then.
    async fn set_value(
        &self,
        plugin: &str,
        entry: &StateEntry,
        condition: &StateCondition,
        max_keys: u32,
    ) -> Result<StateSet, StoreError>;
    /// Removes a key, and tells whether it was there.
    async fn delete_value(&self, plugin: &str, key: &str) -> Result<bool, StoreError>;
    /// The first `limit` entries whose keys begin with `prefix` and come after `after`, in the order of the bytes of
    /// their keys.
    async fn list_values(
        &self,
        plugin: &str,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StateEntry>, StoreError>;
}
