//! The desk where connectors are changed: what the API asks of it, and what it answers. The crate that assembles everything
//! implements it. A password goes in as a [`SecretWish`] and comes out as [`SecretKept`] only.

use async_trait::async_trait;
use host_catalogue::edit::EditError;
use host_model::desk::TestReport;
use host_model::notify::desk::SecretWish;
use host_model::port::StoreError;
use host_model::{CancelToken, Instant, JsonMap};

use crate::desk::{DeskError, Finding};

/// What is known of a password.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecretKept {
    /// Whether there is one.
    pub is_set: bool,
    /// What it names, where it names an environment variable or a stored secret: `${env.PGPASSWORD}`.
    pub reference: Option<String>,
    /// Whether the file has it in clear.
    pub is_in_clear: bool,
    /// When it was changed here, and by whom; `None` when the file was written by hand.
    pub changed: Option<(Instant, String)>,
}

/// A pool as it is saved.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolSource {
    /// Its name.
    pub name: String,
    /// The keys of the file but the password.
    pub values: JsonMap,
    /// Its password.
    pub password: SecretKept,
    /// The connectors that use it.
    pub connectors: Vec<String>,
}

/// Who names a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `job`, `plugin` or `limit`.
    pub kind: &'static str,
    /// The id of the job, `app/file` of the plugin, or the key of the limit.
    pub name: String,
    /// The file, as shown to people.
    pub file: String,
    /// JSON Pointers to the places in it.
    pub places: Vec<String>,
}

/// A connector as it is saved.
#[derive(Debug, Clone)]
pub struct ConnectorSource {
    /// Its name.
    pub name: String,
    /// Changes with every byte saved for it or its pool.
    pub etag: String,
    /// The keys of the file but the password.
    pub values: JsonMap,
    /// The password of a directory.
    pub password: Option<SecretKept>,
    /// The pool of a SQL connector, if it is declared.
    pub pool: Option<PoolSource>,
    /// Who names it. While somebody does, its name is locked.
    pub used_by: Vec<Reference>,
    /// Of a save: what is not wrong enough to refuse.
    pub warnings: Vec<Finding>,
}

/// A connector as somebody wants it.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectorWish {
    /// The keys of the file but the password.
    pub values: JsonMap,
    /// Those of its pool; `None` leaves the pool as it is.
    pub pool: Option<JsonMap>,
    /// The password of the pool, or of a directory.
    pub password: SecretWish,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// There is none of this name.
    #[error("there is no {what} `{name}`")]
    NotFound {
        /// `connector`, `pool`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// There is one of this name.
    #[error("there is a {what} `{name}` already")]
    Exists {
        /// `connector`, `pool`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Somebody saved it since the caller read it.
    #[error("connector `{}` was saved by somebody else meanwhile", .0.name)]
    Stale(Box<ConnectorSource>),
    /// Somebody names it.
    #[error("{what} `{name}` is used by {}", list(.users))]
    InUse {
        /// `connector`, `pool`.
        what: &'static str,
        /// The name.
        name: String,
        /// By whom.
        users: Vec<Reference>,
    },
    /// What was submitted is wrong.
    #[error("{}", first_of(.0))]
    Invalid(Vec<Finding>),
    /// A password cannot be sealed.
    #[error("the password cannot be sealed: {0}")]
    Sealed(String),
    /// A file could not be changed.
    #[error(transparent)]
    Desk(#[from] DeskError),
}

impl From<EditError> for ConnectorError {
    fn from(error: EditError) -> Self {
        Self::Desk(error.into())
    }
}

impl From<StoreError> for ConnectorError {
    fn from(error: StoreError) -> Self {
        Self::Desk(error.into())
    }
}

fn list(users: &[Reference]) -> String {
    users.iter().map(|user| format!("{} `{}`", user.kind, user.name)).collect::<Vec<_>>().join(", ")
}

fn first_of(findings: &[Finding]) -> String {
    match findings {
        [] => "the connector is invalid".to_owned(),
        [only] => format!("the connector is invalid: {}", only.message),
        [first, rest @ ..] => format!("the connector is invalid: {} (and {} more)", first.message, rest.len()),
    }
}

/// See the module's note. `by` is who asks.
#[async_trait]
pub trait ConnectorEditor: Send + Sync + 'static {
    /// What is saved for a connector.
    async fn source(&self, name: &str) -> Result<ConnectorSource, ConnectorError>;
    /// Every pool.
    async fn pools(&self) -> Result<Vec<PoolSource>, ConnectorError>;
    /// Saves a new connector, with its pool where one is given.
    async fn create(&self, name: &str, wish: &ConnectorWish, by: &str) -> Result<ConnectorSource, ConnectorError>;
    /// Saves a connector over the one there is, if `etag` is what is saved.
    async fn save(
        &self,
        name: &str,
        etag: Option<&str>,
        wish: &ConnectorWish,
        by: &str,
    ) -> Result<ConnectorSource, ConnectorError>;
    /// Takes a connector out, and its pool unless somebody else uses it.
    async fn delete(&self, name: &str, etag: Option<&str>) -> Result<(), ConnectorError>;
    /// Takes a pool out that no connector uses.
    async fn delete_pool(&self, name: &str) -> Result<(), ConnectorError>;
    /// Gives a connector another name, in every file that names it or in none, and says which those are. With `dry_run`
    /// only says it.
    async fn rename(&self, name: &str, to: &str, dry_run: bool, by: &str) -> Result<Vec<Reference>, ConnectorError>;
    /// Tests a connector as it would be, with the password that is saved where the wish keeps it.
    async fn test(&self, name: &str, wish: &ConnectorWish, cancel: &CancelToken) -> Result<TestReport, ConnectorError>;
}
