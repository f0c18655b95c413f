//! The port's `PluginState`: keys and values of plugins in `ly2_plugin_state`.
//!
//! Whether a key may be set is found out and acted upon in one transaction. In PostgreSQL, where transactions run side
//! by side, a lock per plugin makes them wait for each other; SQLite has one writer in any case.

use async_trait::async_trait;
use host_model::plugin_port::{PluginState, StateCondition, StateEntry, StateSet};
use host_model::port::StoreError;

use crate::error::DbError;
use crate::sql::{Bind, Conn};
use crate::store::SqlStore;
use crate::write::{Verdict, Write};

struct SetValue {
    plugin: String,
    entry: StateEntry,
    condition: StateCondition,
    max_keys: u32,
}

#[async_trait]
impl Write for SetValue {
    type Answer = StateSet;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<StateSet>, DbError> {
        if let Conn::Postgres(..) = conn {
            let sql = "select pg_advisory_xact_lock(hashtextextended('nomaflow plugin state ' || $1, 0))";
            conn.execute(sql, &[Bind::text(&self.plugin)]).await?;
        }
        let found = find_value(conn, &self.plugin, &self.entry.key).await?;
        let is_met = match &self.condition {
            StateCondition::Always => true,
            StateCondition::Absent => found.is_none(),
            StateCondition::Holds(value) => found.as_ref() == Some(value),
        };
        if !is_met {
            return Ok(Verdict::Undo(StateSet::Unmet));
        }
        if found.is_none() && count_keys(conn, &self.plugin).await? >= i64::from(self.max_keys) {
            return Ok(Verdict::Undo(StateSet::Full));
        }
        let sql = "insert into ly2_plugin_state (plugin, key, value, updated_at) values ($1, $2, $3, $4) \
                   on conflict (plugin, key) do update set value = excluded.value, updated_at = excluded.updated_at";
        let StateEntry { key, value, updated_at } = &self.entry;
        let binds = [Bind::text(&self.plugin), Bind::text(key), Bind::text(value), Bind::at(*updated_at)];
        conn.execute(sql, &binds).await?;
        Ok(Verdict::Keep(StateSet::Done))
    }
}

struct DeleteValue {
    plugin: String,
    key: String,
}

#[async_trait]
impl Write for DeleteValue {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        let sql = "delete from ly2_plugin_state where plugin = $1 and key = $2";
        let deleted = conn.execute(sql, &[Bind::text(&self.plugin), Bind::text(&self.key)]).await?;
        Ok(Verdict::Keep(deleted == 1))
    }
}

async fn find_value(conn: &mut Conn<'_>, plugin: &str, key: &str) -> Result<Option<String>, DbError> {
    let sql = "select value from ly2_plugin_state where plugin = $1 and key = $2";
    let row = conn.fetch_optional(sql, &[Bind::text(plugin), Bind::text(key)]).await?;
    row.map(|row| row.text("value")).transpose()
}

async fn count_keys(conn: &mut Conn<'_>, plugin: &str) -> Result<i64, DbError> {
    let sql = "select count(*) as n from ly2_plugin_state where plugin = $1";
    conn.fetch_optional(sql, &[Bind::text(plugin)]).await?.map_or(Ok(0), |row| row.int("n"))
}

async fn list_values(
    conn: &mut Conn<'_>,
    plugin: &str,
    prefix: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<StateEntry>, DbError> {
    // The first two conditions find the place in the key, the third one ends at the prefix.
    let sql = "select key, value, updated_at from ly2_plugin_state where plugin = $1 and key >= $2 and key > $3 \
               and substr(key, 1, length($2)) = $2 order by key limit $4";
    // Keys are never empty, so every key is after the empty text.
    let binds = [Bind::text(plugin), Bind::text(prefix), Bind::text(after.unwrap_or_default()), Bind::int(limit)];
    let rows = conn.fetch_all(sql, &binds).await?;
    let entry = |row: &crate::row::StoredRow| {
        Ok(StateEntry { key: row.text("key")?, value: row.text("value")?, updated_at: row.at("updated_at")? })
    };
    rows.iter().map(entry).collect()
}

#[async_trait]
impl PluginState for SqlStore {
    async fn find_value(&self, plugin: &str, key: &str) -> Result<Option<String>, StoreError> {
        const OPERATION: &str = "read the state of a plugin";
        let mut reader = self.reader(OPERATION).await?;
        find_value(&mut reader.conn(), plugin, key).await.map_err(|error| error.during(OPERATION))
    }

    async fn set_value(
        &self,
        plugin: &str,
        entry: &StateEntry,
        condition: &StateCondition,
        max_keys: u32,
    ) -> Result<StateSet, StoreError> {
        let write =
            SetValue { plugin: plugin.to_owned(), entry: entry.clone(), condition: condition.clone(), max_keys };
        self.write("write the state of a plugin", write).await
    }

    async fn delete_value(&self, plugin: &str, key: &str) -> Result<bool, StoreError> {
        let write = DeleteValue { plugin: plugin.to_owned(), key: key.to_owned() };
        self.write("delete from the state of a plugin", write).await
    }

    async fn list_values(
        &self,
        plugin: &str,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StateEntry>, StoreError> {
        const OPERATION: &str = "list the state of a plugin";
        let mut reader = self.reader(OPERATION).await?;
        let listed = list_values(&mut reader.conn(), plugin, prefix, after, limit).await;
        listed.map_err(|error| error.during(OPERATION))
    }
}
