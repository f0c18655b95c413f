//! Transports and routes. A transport and its sealed secrets are written in one transaction.

use async_trait::async_trait;
use host_model::notify::store::{RESERVED, StoredRoutes, StoredTransport};
use host_model::notify::transport::TransportKind;
use host_model::secret::SealedSecret;
use host_model::{Instant, Json};

use crate::error::DbError;
use crate::row::StoredRow;
use crate::secrets;
use crate::sql::{Bind, Conn};
use crate::write::{Verdict, Write};

/// `NotifyStore::list_transports`.
pub(super) async fn list_transports(conn: &mut Conn<'_>) -> Result<Vec<StoredTransport>, DbError> {
    let sql = "select name, kind, enabled, settings, updated_at, updated_by from ly2_notify_transports order by name";
    let read = |row: &StoredRow| {
        Ok(StoredTransport {
            name: row.text("name")?,
            kind: row.word("kind", "kind of transport", TransportKind::parse)?,
            enabled: row.flag("enabled")?,
            settings: row.json_map("settings")?,
            updated_at: row.at("updated_at")?,
            updated_by: row.text("updated_by")?,
        })
    };
    conn.fetch_all(sql, &[]).await?.iter().map(read).collect()
}

/// `NotifyStore::put_transport`.
pub(super) struct PutTransport {
    pub(super) transport: StoredTransport,
    pub(super) secrets: Vec<SealedSecret>,
    pub(super) gone: Vec<String>,
}

#[async_trait]
impl Write for PutTransport {
    type Answer = ();

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<()>, DbError> {
        let it = &self.transport;
        let binds = [
            Bind::text(&it.name),
            Bind::text(it.kind.as_str()),
            Bind::Flag(it.enabled),
            Bind::json_map(Some(&it.settings)),
            Bind::at(it.updated_at),
            Bind::text(&it.updated_by),
        ];
        let sql = "insert into ly2_notify_transports (name, kind, enabled, settings, updated_at, updated_by) \
                   values ($1, $2, $3, $4, $5, $6) on conflict (name) do update set kind = excluded.kind, \
                   enabled = excluded.enabled, settings = excluded.settings, updated_at = excluded.updated_at, \
                   updated_by = excluded.updated_by";
        conn.execute(sql, &binds).await?;
        for secret in &self.secrets {
            secrets::put(conn, secret).await?;
        }
        for name in &self.gone {
            conn.execute("delete from ly2_secrets where name = $1", &[Bind::text(name)]).await?;
        }
        Ok(Verdict::Keep(()))
    }
}

/// `NotifyStore::delete_transport`.
pub(super) struct DeleteTransport(pub(super) String);

#[async_trait]
impl Write for DeleteTransport {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        let sql = "delete from ly2_notify_transports where name = $1";
        let deleted = conn.execute(sql, &[Bind::text(&self.0)]).await?;
        let prefix = format!("{RESERVED}{}/", self.0);
        let sql = "delete from ly2_secrets where substr(name, 1, length($1)) = $1";
        conn.execute(sql, &[Bind::text(&prefix)]).await?;
        Ok(Verdict::Keep(deleted == 1))
    }
}

/// `NotifyStore::find_routes`.
pub(super) async fn find_routes(conn: &mut Conn<'_>) -> Result<StoredRoutes, DbError> {
    let sql = "select version, routes, updated_at, updated_by from ly2_notify_routes";
    match conn.fetch_optional(sql, &[]).await? {
        None => Ok(StoredRoutes { version: 0, routes: Vec::new(), updated_at: None, updated_by: None }),
        Some(row) => Ok(StoredRoutes {
            version: row.int("version")?,
            routes: row.json_list("routes")?,
            updated_at: Some(row.at("updated_at")?),
            updated_by: Some(row.text("updated_by")?),
        }),
    }
}

/// `NotifyStore::put_routes`.
pub(super) struct PutRoutes {
    pub(super) version: i64,
    pub(super) routes: Vec<Json>,
    pub(super) at: Instant,
    pub(super) by: String,
}

#[async_trait]
impl Write for PutRoutes {
    type Answer = Option<i64>;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Option<i64>>, DbError> {
        let routes = Json::Array(self.routes.clone());
        let binds = [Bind::json(Some(&routes)), Bind::at(self.at), Bind::text(&self.by), Bind::int(self.version)];
        let changed = if self.version == 0 {
            let sql = "insert into ly2_notify_routes (id, version, routes, updated_at, updated_by) \
                       values (1, 1, $1, $2, $3) on conflict (id) do nothing";
            conn.execute(sql, &binds[..3]).await?
        } else {
            let sql = "update ly2_notify_routes set version = version + 1, routes = $1, updated_at = $2, \
                       updated_by = $3 where version = $4";
            conn.execute(sql, &binds).await?
        };
        Ok(Verdict::Keep((changed == 1).then_some(self.version + 1)))
    }
}
