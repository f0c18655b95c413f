//! Brings the schema up to date when a store is opened, from the files under `migrations/`, which are embedded.
//!
//! Everything happens in one transaction that only one starter at a time can be in: `BEGIN IMMEDIATE` in SQLite, an
//! advisory lock in PostgreSQL. `ly2_migrations` remembers number, name and checksum; a later number than we know, or
//! another checksum, stops the start, because writing into a schema one does not know loses data.

use sha2::{Digest, Sha256};

use crate::error::{DbError, OpenError};
use crate::sql::{Bind, Conn};

struct Migration {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "runs",
        sqlite: include_str!("../../../migrations/sqlite/0001_runs.sql"),
        postgres: include_str!("../../../migrations/postgres/0001_runs.sql"),
    },
    Migration {
        version: 2,
        name: "slots_by_due",
        sqlite: include_str!("../../../migrations/sqlite/0002_slots_by_due.sql"),
        postgres: include_str!("../../../migrations/postgres/0002_slots_by_due.sql"),
    },
    Migration {
        version: 3,
        name: "schedules",
        sqlite: include_str!("../../../migrations/sqlite/0003_schedules.sql"),
        postgres: include_str!("../../../migrations/postgres/0003_schedules.sql"),
    },
    Migration {
        version: 4,
        name: "waiting_runs",
        sqlite: include_str!("../../../migrations/sqlite/0004_waiting_runs.sql"),
        postgres: include_str!("../../../migrations/postgres/0004_waiting_runs.sql"),
    },
    Migration {
        version: 5,
        name: "replicas",
        sqlite: include_str!("../../../migrations/sqlite/0005_replicas.sql"),
        postgres: include_str!("../../../migrations/postgres/0005_replicas.sql"),
    },
    Migration {
        version: 6,
        name: "plugin_state",
        sqlite: include_str!("../../../migrations/sqlite/0006_plugin_state.sql"),
        postgres: include_str!("../../../migrations/postgres/0006_plugin_state.sql"),
    },
    Migration {
        version: 7,
        name: "secrets",
        sqlite: include_str!("../../../migrations/sqlite/0007_secrets.sql"),
        postgres: include_str!("../../../migrations/postgres/0007_secrets.sql"),
    },
    Migration {
        version: 8,
        name: "access",
        sqlite: include_str!("../../../migrations/sqlite/0008_access.sql"),
        postgres: include_str!("../../../migrations/postgres/0008_access.sql"),
    },
    Migration {
        version: 9,
        name: "audit",
        sqlite: include_str!("../../../migrations/sqlite/0009_audit.sql"),
        postgres: include_str!("../../../migrations/postgres/0009_audit.sql"),
    },
    Migration {
        version: 10,
        name: "notifications",
        sqlite: include_str!("../../../migrations/sqlite/0010_notifications.sql"),
        postgres: include_str!("../../../migrations/postgres/0010_notifications.sql"),
    },
    Migration {
        version: 11,
        name: "job_versions",
        sqlite: include_str!("../../../migrations/sqlite/0011_job_versions.sql"),
        postgres: include_str!("../../../migrations/postgres/0011_job_versions.sql"),
    },
    Migration {
        version: 12,
        name: "idempotency",
        sqlite: include_str!("../../../migrations/sqlite/0012_idempotency.sql"),
        postgres: include_str!("../../../migrations/postgres/0012_idempotency.sql"),
    },
    Migration {
        version: 13,
        name: "unfired_slots",
        sqlite: include_str!("../../../migrations/sqlite/0013_unfired_slots.sql"),
        postgres: include_str!("../../../migrations/postgres/0013_unfired_slots.sql"),
    },
    Migration {
        version: 14,
        name: "log_search",
        sqlite: include_str!("../../../migrations/sqlite/0014_log_search.sql"),
        postgres: include_str!("../../../migrations/postgres/0014_log_search.sql"),
    },
    Migration {
        version: 15,
        name: "connectors_and_mutes",
        sqlite: include_str!("../../../migrations/sqlite/0015_connectors_and_mutes.sql"),
        postgres: include_str!("../../../migrations/postgres/0015_connectors_and_mutes.sql"),
    },
    Migration {
        version: 16,
        name: "holds",
        sqlite: include_str!("../../../migrations/sqlite/0016_holds.sql"),
        postgres: include_str!("../../../migrations/postgres/0016_holds.sql"),
    },
    Migration {
        version: 17,
        name: "plugin_versions",
        sqlite: include_str!("../../../migrations/sqlite/0017_plugin_versions.sql"),
        postgres: include_str!("../../../migrations/postgres/0017_plugin_versions.sql"),
    },
    Migration {
        version: 18,
        name: "preferences",
        sqlite: include_str!("../../../migrations/sqlite/0018_preferences.sql"),
        postgres: include_str!("../../../migrations/postgres/0018_preferences.sql"),
    },
    Migration {
        version: 19,
        name: "clock_set_back",
        sqlite: include_str!("../../../migrations/sqlite/0019_clock_set_back.sql"),
        postgres: include_str!("../../../migrations/postgres/0019_clock_set_back.sql"),
    },
    Migration {
        version: 20,
        name: "cancel_requested_at",
        sqlite: include_str!("../../../migrations/sqlite/0020_cancel_requested_at.sql"),
        postgres: include_str!("../../../migrations/postgres/0020_cancel_requested_at.sql"),
    },
    Migration {
        version: 21,
        name: "find_runs",
        sqlite: include_str!("../../../migrations/sqlite/0021_find_runs.sql"),
        postgres: include_str!("../../../migrations/postgres/0021_find_runs.sql"),
    },
];

impl Migration {
    fn text(&self, conn: &Conn<'_>) -> &'static str {
        match conn {
            Conn::Sqlite(_) => self.sqlite,
            Conn::Postgres(..) => self.postgres,
        }
    }
}

/// Line ends do not count: a checkout may have changed them.
fn checksum(text: &str) -> String {
    hex::encode(Sha256::digest(text.replace('\r', "")))
}

/// Why the schema is not up to date.
#[derive(Debug)]
pub(crate) enum MigrateError {
    /// The database could not even be asked.
    Connection(sqlx::Error),
    /// It was asked, and does not fit or refuses.
    Schema(OpenError),
}

/// Number of the newest migration of this program.
pub(crate) fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

/// Applies what is missing. `store` names the database in errors.
pub(crate) async fn migrate(conn: &mut Conn<'_>, store: &str) -> Result<(), MigrateError> {
    migrate_through(conn, store, MIGRATIONS.len()).await
}

/// [`migrate`] as a program did that knew only the first `count` migrations.
pub(crate) async fn migrate_through(conn: &mut Conn<'_>, store: &str, count: usize) -> Result<(), MigrateError> {
    let begin = match conn {
        Conn::Sqlite(_) => "begin immediate",
        // Any number will do as long as it is always the same one.
        Conn::Postgres(..) => "begin; select pg_advisory_xact_lock(8317242619440226)",
    };
    conn.script(begin).await.map_err(|error| unexpected(store, "begin", error))?;
    let end = match apply_pending(conn, store, &MIGRATIONS[..count]).await {
        Ok(()) => conn.script("commit").await.map_err(|error| unexpected(store, "commit", error)),
        Err(error) => Err(error),
    };
    if end.is_err() {
        // The first error is the one to report; the connection is dropped after it anyway.
        let _ = conn.script("rollback").await;
    }
    end
}

async fn apply_pending(conn: &mut Conn<'_>, store: &str, migrations: &[Migration]) -> Result<(), MigrateError> {
    let applied = read_applied(conn).await.map_err(|error| unexpected(store, "reading `ly2_migrations`", error))?;
    let known = migrations.last().map_or(0, |migration| migration.version);
    if let Some((found, _)) = applied.last().filter(|(found, _)| *found > known) {
        return Err(MigrateError::Schema(OpenError::Newer { store: store.to_owned(), found: *found, known }));
    }
    for migration in migrations {
        let text = migration.text(conn);
        match applied.iter().find(|(version, _)| *version == migration.version) {
            Some((_, found)) if *found == checksum(text) => {}
            Some((version, _)) => {
                return Err(MigrateError::Schema(OpenError::Changed { store: store.to_owned(), version: *version }));
            }
            None => {
                let what = format!("migration {} `{}`", migration.version, migration.name);
                apply(conn, migration, text).await.map_err(|error| unexpected(store, &what, error))?;
                tracing::info!(store, version = migration.version, name = migration.name, "migration applied");
            }
        }
    }
    Ok(())
}

/// Version and checksum of what is there, oldest first. The table is created only when missing, so that a user without
/// the right to create tables can use a schema somebody else has prepared.
async fn read_applied(conn: &mut Conn<'_>) -> Result<Vec<(i64, String)>, DbError> {
    let (exists, create) = match conn {
        Conn::Sqlite(_) => (
            "select 1 from sqlite_master where type = 'table' and name = 'ly2_migrations'",
            "create table ly2_migrations (version integer primary key, name text not null, checksum text not null, \
             applied_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))) strict",
        ),
        Conn::Postgres(..) => (
            "select 1 where to_regclass('ly2_migrations') is not null",
            "create table ly2_migrations (version bigint primary key, name text not null, checksum text not null, \
             applied_at timestamptz not null default now())",
        ),
    };
    if conn.fetch_optional(exists, &[]).await?.is_none() {
        conn.script(create).await?;
    }
    let rows = conn.fetch_all("select version, checksum from ly2_migrations order by version", &[]).await?;
    rows.iter().map(|row| Ok((row.int("version")?, row.text("checksum")?))).collect()
}

async fn apply(conn: &mut Conn<'_>, migration: &Migration, text: &'static str) -> Result<(), DbError> {
    conn.script(text).await?;
    let sum = checksum(text);
    let binds = [Bind::int(migration.version), Bind::text(migration.name), Bind::text(&sum)];
    conn.execute("insert into ly2_migrations (version, name, checksum) values ($1, $2, $3)", &binds).await?;
    Ok(())
}

fn unexpected(store: &str, what: &str, error: DbError) -> MigrateError {
    match error {
        // A file that may not be written shows itself only here; a connection may be lost at any time.
        DbError::Driver(error) if what == "begin" || matches!(error, sqlx::Error::Io(_)) => {
            MigrateError::Connection(error)
        }
        other => {
            let message = format!("{what}: {other}");
            MigrateError::Schema(OpenError::Migration { store: store.to_owned(), message })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_file_is_embedded_in_both_dialects() {
        for dialect in ["sqlite", "postgres"] {
            let folder = format!("{}/../../migrations/{dialect}", env!("CARGO_MANIFEST_DIR"));
            let mut files: Vec<String> = std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            let listed: Vec<String> = MIGRATIONS.iter().map(|m| format!("{:04}_{}.sql", m.version, m.name)).collect();
            assert_eq!(files, listed, "{dialect}");
        }
    }

    #[test]
    fn versions_count_from_one_without_gaps() {
        let versions: Vec<i64> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        assert_eq!(versions, (1..=MIGRATIONS.len() as i64).collect::<Vec<_>>());
    }

    #[test]
    fn line_ends_do_not_change_the_checksum() {
        assert_eq!(checksum("a\r\nb\n"), checksum("a\nb\n"));
        assert_ne!(checksum("a\nb\n"), checksum("a\nc\n"));
    }
}
