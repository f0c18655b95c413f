//! How far a pool is used, for pages and metrics. Nothing is opened for that.

use std::sync::PoisonError;

use tokio::sync::Semaphore;

use super::{ConnectorPools, Database};

impl ConnectorPools {
    /// Connections of `pool` that are in use now.
    pub fn in_use(&self, pool: &str) -> u32 {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((declared, database)) = open.get(pool) else { return 0 };
        let free = match database {
            Database::Sqlite(file) => free(file.permits()),
            Database::Postgres(server) => free(server.permits()),
            Database::MySql(server) => free(server.permits()),
            Database::Remote(server) => free(server.terms().permits()),
        };
        declared.pool_size.max(1).saturating_sub(free)
    }
}

fn free(permits: &Semaphore) -> u32 {
    u32::try_from(permits.available_permits()).unwrap_or(u32::MAX)
}
