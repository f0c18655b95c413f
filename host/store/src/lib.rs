//! The only SQL about runs: [`open`] turns a URL into an `Arc<dyn Store>` on SQLite or PostgreSQL, with its schema
//! brought up to date. Suggested reading order: `store`, `sqlite`, `postgres`, then `fires`, `claims`, `changes`, `runs`, `logs`.
//!
//! Statements are written once: both dialects take `$1` placeholders, and what differs (types, log batches) is kept
//! in `sql`, `row` and `logs`. Invariant: the store decides nothing. Every status it writes comes in a value of
//! `host_model::transition` or `host_model::fire`; the schema refuses what would contradict them.

#![warn(missing_docs)]

mod access;
mod accounts;
mod audit;
mod bell;
mod bundle;
mod cancels;
mod care;
mod changes;
mod changes_at_once;
mod claims;
#[cfg(feature = "testing")]
pub mod conformance;
mod connector_secrets;
mod definitions;
mod error;
mod fires;
mod gate;
mod history;
mod holds;
mod idempotency;
mod lease;
mod load;
mod loan;
mod log_index;
mod log_search;
mod logs;
mod migrate;
mod mutes;
mod notify;
mod pause;
mod plot;
mod plugin_state;
mod plugin_versions;
pub mod portable;
mod postgres;
mod prune;
mod replicas;
mod row;
mod run_routes;
mod run_walk;
mod runs;
mod secrets;
mod set_back;
mod slots;
mod sql;
mod sqlite;
mod store;
mod turns;
mod url;
mod versions;
mod write;
mod writer;

pub use error::OpenError;

use std::path::Path;
use std::sync::Arc;

use host_model::account::AccountStore;
use host_model::audit::AuditTrail;
use host_model::care::StoreCare;
use host_model::connector_secret::ConnectorSecretStore;
use host_model::history::History;
use host_model::idempotency::IdempotencyKeys;
use host_model::notify::mute::MuteStore;
use host_model::notify::store::NotifyStore;
use host_model::plugin_port::PluginState;
use host_model::plugin_version::PluginVersionStore;
use host_model::port::Store;
use host_model::search::LogSearch;
use host_model::secret::SecretStore;
use host_model::version::VersionStore;

use crate::store::SqlStore;
use crate::url::Target;

/// Opens the store at `url` and applies pending migrations.
///
/// `sqlite:<path>` is a file, created when missing, its path relative to `home`; `postgres://…` is a server. The store
/// must be opened inside a tokio runtime and given back with [`Store::close`].
///
/// # Errors
/// [`OpenError`] says which of URL, folder, file, server, login or schema is at fault, and has a hint for most.
pub async fn open(url: &str, home: &Path) -> Result<Arc<dyn Store>, OpenError> {
    Ok(open_sql(url, home).await?)
}

/// One store in all of its roles.
pub struct Roles {
    /// Runs and their history.
    pub store: Arc<dyn Store>,
    /// The state of plugins.
    pub plugin_state: Arc<dyn PluginState>,
    /// Versions of plugins.
    pub plugin_versions: Arc<dyn PluginVersionStore>,
    /// Sealed secrets.
    pub secrets: Arc<dyn SecretStore>,
    /// What pages ask of the history.
    pub history: Arc<dyn History>,
    /// Search over the lines of all runs.
    pub search: Arc<dyn LogSearch>,
    /// Keys of requests that may be sent twice.
    pub idempotency: Arc<dyn IdempotencyKeys>,
    /// Accounts, sessions and API tokens.
    pub accounts: Arc<dyn AccountStore>,
    /// Who did what.
    pub audit: Arc<dyn AuditTrail>,
    /// Versions of jobs.
    pub versions: Arc<dyn VersionStore>,
    /// Sizes of tables and the use of connections.
    pub care: Arc<dyn StoreCare>,
    /// Events, messages, transports and routes.
    pub notify: Arc<dyn NotifyStore>,
    /// Who changed the passwords of connectors.
    pub connector_secrets: Arc<dyn ConnectorSecretStore>,
    /// Alerts that are held back.
    pub mutes: Arc<dyn MuteStore>,
}

/// The same store in all of its roles.
///
/// # Errors
/// As [`open`].
pub async fn open_roles(url: &str, home: &Path) -> Result<Roles, OpenError> {
    let store = open_sql(url, home).await?;
    Ok(Roles {
        store: store.clone(),
        plugin_state: store.clone(),
        plugin_versions: store.clone(),
        secrets: store.clone(),
        history: store.clone(),
        search: store.clone(),
        idempotency: store.clone(),
        accounts: store.clone(),
        audit: store.clone(),
        versions: store.clone(),
        connector_secrets: store.clone(),
        mutes: store.clone(),
        care: store.clone(),
        notify: store,
    })
}

/// A store's URL as it may be shown: without its password.
pub fn shown_url(url: &str) -> String {
    url::mask_password(url)
}

async fn open_sql(url: &str, home: &Path) -> Result<Arc<SqlStore>, OpenError> {
    let store = match Target::parse(url, home)? {
        Target::Sqlite(path) => SqlStore::on_sqlite(sqlite::SqliteStore::open(&path).await?),
        Target::Postgres { options, shown } => {
            let (store, options) = postgres::PostgresStore::open(*options, &shown).await?;
            SqlStore::on_postgres(store, options)
        }
    };
    Ok(Arc::new(store))
}
