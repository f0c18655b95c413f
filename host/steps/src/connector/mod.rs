//! Named connectors: pools made when first used, one per database, and sessions on them. An enum of typed pools, not
//! a generic driver: every dialect decodes its own cells, because the generic ones bend decimals and refuse dates.
//!
//! Here: finding a connector, keeping pools across a reload, opening sessions. Each dialect has its own folder; SQL is
//! split in `scan`, errors are worded in `fault`. Invariant: credentials leave this module in no message and no value.

mod ask;
mod bridge;
pub(crate) mod cell;
mod check;
pub(crate) mod dial;
pub(crate) mod fault;
mod gauge;
pub(crate) mod mysql;
#[cfg(feature = "odbc")]
mod odbc;
#[cfg(feature = "oracle")]
mod oracle;
pub(crate) mod postgres;
mod prove;
pub(crate) mod remote;
pub(crate) mod scan;
pub(crate) mod sqlite;
#[cfg(feature = "sqlserver")]
mod sqlserver;
pub(crate) mod stop;
pub(crate) mod terms;
pub(crate) mod vet;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use host_model::connector::{Connector, ConnectorSet, Hidden, Pool, PoolAddress, PoolDriver};
use host_model::diagnostic::nearest;
use host_model::driver_port::Drivers;
use host_model::port::{Access, Connectors, SharedPool, SqlSession};
use host_model::{CancelToken, StepError};

use fault::Place;
use mysql::MySqlServer;
use postgres::PgServer;
use remote::Server;
use sqlite::SqliteFile;
use terms::Terms;

pub use ask::{Answer, Question, Rows};
pub use check::{ConnectorTest, Hurdle};
pub use gauge::QueueSample;

/// The pools of a home. Share it in an `Arc`; [`ConnectorPools::replace`] swaps the declarations under running steps,
/// which keep the connections they have.
pub struct ConnectorPools {
    set: RwLock<Arc<ConnectorSet>>,
    open: Mutex<HashMap<String, (Pool, Database)>>,
    drivers: Option<Arc<dyn Drivers>>,
}

/// One database behind a pool.
#[derive(Clone)]
pub(crate) enum Database {
    Sqlite(Arc<SqliteFile>),
    Postgres(Arc<PgServer>),
    MySql(Arc<MySqlServer>),
    /// A server with a driver of its own kind.
    Remote(Arc<dyn Server>),
}

impl Database {
    /// What was declared for its pool.
    pub(crate) fn terms(&self) -> &Terms {
        match self {
            Self::Sqlite(file) => &file.terms,
            Self::Postgres(server) => &server.terms,
            Self::MySql(server) => &server.terms,
            Self::Remote(server) => server.terms(),
        }
    }
}

/// What a pool says of the values that pass through it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Habits {
    /// `trim_strings`, of a source.
    pub(crate) trims: bool,
    /// `coalesce_nulls`, of a target.
    pub(crate) coalesces: bool,
}

/// A connector found by name.
#[derive(Clone)]
pub(crate) struct Found {
    /// What was declared.
    pub(crate) connector: Connector,
    /// How copies through its pool treat values.
    pub(crate) habits: Habits,
    /// How messages call it.
    pub(crate) place: Place,
    /// Its database.
    pub(crate) database: Database,
}

impl ConnectorPools {
    /// Pools for `set`; nothing is opened before a step asks.
    pub fn new(set: ConnectorSet) -> Self {
        // The drivers bring two providers of TLS along; whoever comes first decides for the process.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { set: RwLock::new(Arc::new(set)), open: Mutex::new(HashMap::new()), drivers: None }
    }

    /// With drivers that live in processes of their own, for pools that say `driver = "python"`.
    #[must_use]
    pub fn with_drivers(self, drivers: Arc<dyn Drivers>) -> Self {
        Self { drivers: Some(drivers), ..self }
    }

    /// Takes new declarations. Pools declared as before are kept with their connections; the others are closed once
    /// the last step that uses them lets go.
    pub fn replace(&self, set: ConnectorSet) {
        let set = Arc::new(set);
        *self.set.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&set);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|name, (declared, _)| set.pools.get(name).is_some_and(|pool| pool.is_same_but_for_place(declared)));
    }

    /// Closes every pool; waits for the connections that are in use to come back.
    pub async fn close(&self) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        for (_, database) in open.into_values() {
            database.terms().close();
            if let Database::Postgres(server) = database {
                server.close_idle().await;
            }
        }
    }

    /// The declarations in force.
    pub fn declared(&self) -> Arc<ConnectorSet> {
        Arc::clone(&self.set.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where a SQL connector leads, without credentials: `postgres://user@host:5432/database`, `sqlite:<path>`. Opens nothing.
    ///
    /// # Errors
    /// `definition` for an unknown name or a URL that nobody can read.
    pub fn address(&self, name: &str) -> Result<String, StepError> {
        self.find(name).map(|found| found.place.label)
    }

    /// Finds `name`, opening its pool (not yet a connection) when this is the first use.
    pub(crate) fn find(&self, name: &str) -> Result<Found, StepError> {
        let set = self.declared();
        let Some(connector) = set.connectors.get(name) else {
            return Err(unknown(name, &set));
        };
        let Some(pool) = set.pools.get(&connector.pool) else {
            return Err(StepError::definition(format!(
                "connector `{name}` uses the pool `{}`, which is not declared",
                connector.pool
            )));
        };
        let database = self.database(pool)?;
        let label = match &database {
            Database::Sqlite(file) => file.label(),
            Database::Postgres(server) => server.label(),
            Database::MySql(server) => server.label(),
            Database::Remote(server) => server.label(),
        };
        let habits = Habits { trims: pool.trim_strings, coalesces: pool.coalesce_nulls };
        Ok(Found { connector: connector.clone(), habits, place: Place { connector: name.to_owned(), label }, database })
    }

    fn database(&self, pool: &Pool) -> Result<Database, StepError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, database)) = open.get(&pool.name) {
            return Ok(database.clone());
        }
        let database = match &pool.driver {
            PoolDriver::Native => native(pool)?,
            PoolDriver::Python { module } => {
                let drivers = self.drivers.clone().ok_or_else(|| {
                    StepError::definition(format!("pool `{}` needs Python, which nothing here uses", pool.name))
                })?;
                Database::Remote(Arc::new(bridge::BridgeServer::new(pool, module, drivers)?))
            }
        };
        open.insert(pool.name.clone(), (pool.clone(), database.clone()));
        Ok(database)
    }
}

/// A pool that a driver inside this program serves.
fn native(pool: &Pool) -> Result<Database, StepError> {
    let secret = |password: &Option<Hidden>| password.as_ref().map(|p| p.reveal().to_owned());
    Ok(match &pool.address {
        PoolAddress::Sqlite { path } => Database::Sqlite(Arc::new(SqliteFile::new(path.clone(), pool))),
        PoolAddress::Postgres { url, password } => {
            Database::Postgres(Arc::new(PgServer::new(url.reveal(), secret(password).as_deref(), pool)?))
        }
        PoolAddress::MySql { url, password } => {
            Database::MySql(Arc::new(MySqlServer::new(url.reveal(), secret(password).as_deref(), pool)?))
        }
        #[cfg(feature = "sqlserver")]
        PoolAddress::SqlServer { url, password } => {
            Database::Remote(Arc::new(sqlserver::SqlServer::new(url.reveal(), secret(password).as_deref(), pool)?))
        }
        #[cfg(feature = "oracle")]
        PoolAddress::Oracle { url, password } => {
            Database::Remote(Arc::new(oracle::OracleServer::new(url.reveal(), secret(password).as_deref(), pool)?))
        }
        #[cfg(feature = "odbc")]
        PoolAddress::Odbc { text, password } => {
            Database::Remote(Arc::new(odbc::OdbcServer::new(text.reveal(), secret(password).as_deref(), pool)))
        }
        #[cfg(not(all(feature = "oracle", feature = "sqlserver", feature = "odbc")))]
        other => {
            let kind = other.dialect().as_str();
            let mut hint = "build it with that feature, or take a binary that has it".to_owned();
            if matches!(other, PoolAddress::Oracle { .. } | PoolAddress::Odbc { .. }) {
                hint.push_str("; `driver = \"python\"` needs neither");
            }
            let text = format!("pool `{}`: this binary was built without `{kind}`; {hint}", pool.name);
            return Err(StepError::definition(text));
        }
    })
}

#[async_trait]
impl Connectors for ConnectorPools {
    fn find_pool(&self, name: &str) -> Option<SharedPool> {
        let set = self.declared();
        let pool = set.pools.get(&set.connectors.get(name)?.pool)?;
        Some(SharedPool { name: pool.name.clone(), connections: pool.pool_size })
    }

    async fn open(&self, name: &str, access: Access, cancel: &CancelToken) -> Result<Box<dyn SqlSession>, StepError> {
        let found = self.find(name)?;
        match &found.database {
            Database::Sqlite(file) => {
                let session = sqlite::session::open(Arc::clone(file), found.place.clone(), access, cancel).await?;
                Ok(Box::new(session))
            }
            Database::Postgres(server) => {
                let session = postgres::session::open(Arc::clone(server), found.place.clone(), access, cancel).await?;
                Ok(Box::new(session))
            }
            Database::MySql(server) => {
                let session = mysql::session::open(Arc::clone(server), found.place.clone(), access, cancel).await?;
                Ok(Box::new(session))
            }
            Database::Remote(server) => {
                let session = remote::session::open(Arc::clone(server), found.place.clone(), access, cancel).await?;
                Ok(Box::new(session))
            }
        }
    }
}

fn unknown(name: &str, set: &ConnectorSet) -> StepError {
    let names = || set.connectors.keys().map(|n| n.as_str());
    let hint = match nearest(name, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if set.connectors.is_empty() => "none is declared in `connectors.toml`".to_owned(),
        None => format!("declared are {}", names().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")),
    };
    StepError::definition(format!("there is no connector `{name}`; {hint}"))
}
