//! The port's `PluginVersionStore`: files of plugins in `ly2_plugin_versions`, and what calls of them used, from the steps
//! of runs.
//!
//! The next number is found and used in one transaction; in PostgreSQL, where transactions run side by side, a lock per
//! plugin makes them wait for each other.

use std::time::Duration;

use async_trait::async_trait;
use host_model::plugin_version::{PluginCall, PluginVersion, PluginVersionStore, SeenPlugin};
use host_model::port::StoreError;
use host_model::{Instant, Json, RunId};

use crate::error::DbError;
use crate::row::StoredRow;
use crate::sql::{Bind, Conn, count, numbered};
use crate::store::SqlStore;
use crate::write::{Verdict, Write};

const COLUMNS: &str = "plugin, digest, app, bytes, asked, installed_at, installed_by, approved_at, approved_by";

struct NotePlugin(SeenPlugin);

#[async_trait]
impl Write for NotePlugin {
    type Answer = Vec<PluginVersion>;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Self::Answer>, DbError> {
        let SeenPlugin { plugin, digest, app, bytes, asked, at, by } = &self.0;
        let asked: Vec<String> = asked.iter().cloned().collect();
        if let Conn::Postgres(..) = conn {
            let sql = "select pg_advisory_xact_lock(hashtextextended('nomaflow versions of plugin ' || $1, 0))";
            conn.execute(sql, &[Bind::text(plugin)]).await?;
        }
        let newest = "select digest, number from ly2_plugin_versions where plugin = $1 order by number desc limit 1";
        let newest = conn.fetch_optional(newest, &[Bind::text(plugin)]).await?;
        let number = match &newest {
            Some(row) if row.text("digest")? == *digest => {
                return Ok(Verdict::Undo(list_versions(conn, Some(plugin)).await?));
            }
            Some(row) => row.int("number")?.saturating_add(1),
            None => 1,
        };
        let (approved_at, approved_by) =
            if newest.is_none() { (Bind::at(*at), Bind::text(by)) } else { (Bind::opt_at(None), Bind::opt_text(None)) };
        let sql = "insert into ly2_plugin_versions (plugin, digest, number, app, bytes, asked, installed_at, installed_by, \
                   approved_at, approved_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
                   on conflict (plugin, digest) do update set number = excluded.number, app = excluded.app, \
                   installed_at = excluded.installed_at, installed_by = excluded.installed_by";
        let binds = [
            Bind::text(plugin),
            Bind::text(digest),
            Bind::int(number),
            Bind::text(app),
            count(*bytes),
            Bind::texts(&asked),
            Bind::at(*at),
            Bind::text(by),
            approved_at,
            approved_by,
        ];
        conn.execute(sql, &binds).await?;
        Ok(Verdict::Keep(list_versions(conn, Some(plugin)).await?))
    }
}

struct ApprovePlugin {
    plugin: String,
    digest: String,
    at: Instant,
    by: String,
}

#[async_trait]
impl Write for ApprovePlugin {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        // Who approved it first stays.
        let sql = "update ly2_plugin_versions set approved_at = coalesce(approved_at, $3), \
                   approved_by = coalesce(approved_by, $4) where plugin = $1 and digest = $2";
        let binds = [Bind::text(&self.plugin), Bind::text(&self.digest), Bind::at(self.at), Bind::text(&self.by)];
        Ok(Verdict::Keep(conn.execute(sql, &binds).await? == 1))
    }
}

fn read_version(row: &StoredRow) -> Result<PluginVersion, DbError> {
    let seen = SeenPlugin {
        plugin: row.text("plugin")?,
        digest: row.text("digest")?,
        app: row.text("app")?,
        bytes: row.count("bytes")?,
        asked: row.texts("asked")?.into_iter().collect(),
        at: row.at("installed_at")?,
        by: row.text("installed_by")?,
    };
    Ok(PluginVersion { seen, approved: row.opt_at("approved_at")?.zip(row.opt_text("approved_by")?) })
}

async fn list_versions(conn: &mut Conn<'_>, plugin: Option<&str>) -> Result<Vec<PluginVersion>, DbError> {
    let rows = match plugin {
        Some(plugin) => {
            let sql = format!("select {COLUMNS} from ly2_plugin_versions where plugin = $1 order by number desc");
            conn.fetch_all(&sql, &[Bind::text(plugin)]).await?
        }
        None => {
            let sql = format!("select {COLUMNS} from ly2_plugin_versions order by plugin, number desc");
            conn.fetch_all(&sql, &[]).await?
        }
    };
    rows.iter().map(read_version).collect()
}

/// What a component used; `None` for what no component of this program wrote.
fn read_call(row: &StoredRow) -> Result<Option<PluginCall>, DbError> {
    let Some(usage) = row.opt_json_map("usage")? else { return Ok(None) };
    let milliseconds = |key: &str| {
        let value = usage.get(key).and_then(Json::as_f64).unwrap_or_default();
        Duration::try_from_secs_f64(value / 1e3).unwrap_or_default()
    };
    let Some(digest) = usage.get("component_sha256").and_then(Json::as_str) else { return Ok(None) };
    let failed = row.opt_json_map("error")?;
    let kind = failed.map(|error| error.get("kind").and_then(Json::as_str).unwrap_or("failed").to_owned());
    Ok(Some(PluginCall {
        digest: digest.to_owned(),
        failed: kind,
        wall: milliseconds("wall_ms"),
        cpu: milliseconds("cpu_ms"),
        peak_memory: usage.get("peak_memory_bytes").and_then(Json::as_u64).unwrap_or_default(),
    }))
}

async fn list_calls(
    conn: &mut Conn<'_>,
    digests: &[String],
    since: Instant,
    most: u32,
) -> Result<Vec<PluginCall>, DbError> {
    // Run ids sort by time, so the span is one of the index.
    let first = RunId::from_parts(u64::try_from(since.timestamp_millis()).unwrap_or(0), 0);
    let sql = format!(
        "select usage, error from ly2_step_runs where step_type = 'wasm' and run_id >= $1 and usage is not null \
         and usage ->> 'component_sha256' in ({}) order by run_id desc limit $2",
        numbered(3, digests.len())
    );
    let mut binds = vec![Bind::word(first), Bind::int(most)];
    binds.extend(digests.iter().map(|digest| Bind::text(digest)));
    let rows = conn.fetch_all(&sql, &binds).await?;
    rows.iter().filter_map(|row| read_call(row).transpose()).collect()
}

#[async_trait]
impl PluginVersionStore for SqlStore {
    async fn note_plugin(&self, seen: &SeenPlugin) -> Result<Vec<PluginVersion>, StoreError> {
        self.write("keep a version of a plugin", NotePlugin(seen.clone())).await
    }

    async fn approve_plugin(&self, plugin: &str, digest: &str, at: Instant, by: &str) -> Result<bool, StoreError> {
        let (plugin, digest, by) = (plugin.to_owned(), digest.to_owned(), by.to_owned());
        self.write("approve a version of a plugin", ApprovePlugin { plugin, digest, at, by }).await
    }

    async fn list_plugin_versions(&self, plugin: Option<&str>) -> Result<Vec<PluginVersion>, StoreError> {
        const OPERATION: &str = "list the versions of plugins";
        let mut reader = self.reader(OPERATION).await?;
        list_versions(&mut reader.conn(), plugin).await.map_err(|error| error.during(OPERATION))
    }

    async fn list_plugin_calls(
        &self,
        digests: &[String],
        since: Instant,
        most: u32,
    ) -> Result<Vec<PluginCall>, StoreError> {
        const OPERATION: &str = "list the calls of a plugin";
        if digests.is_empty() {
            return Ok(Vec::new());
        }
        let mut reader = self.reader(OPERATION).await?;
        let listed = list_calls(&mut reader.conn(), digests, since, most).await;
        listed.map_err(|error| error.during(OPERATION))
    }
}
