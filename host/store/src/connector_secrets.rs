//! The port's `ConnectorSecretStore`: who changed which password of `connectors.toml`, in `ly2_connector_secrets`.

use async_trait::async_trait;
use host_model::connector_secret::{ConnectorSecretStore, SecretChange};
use host_model::port::StoreError;

use crate::error::DbError;
use crate::row::StoredRow;
use crate::sql::{Bind, Conn};
use crate::store::SqlStore;
use crate::write::{Verdict, Write};

struct Put(SecretChange);

#[async_trait]
impl Write for Put {
    type Answer = ();

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<()>, DbError> {
        let sql = "insert into ly2_connector_secrets (place, digest, changed_at, changed_by) values ($1, $2, $3, $4) \
                   on conflict (place) do update set digest = excluded.digest, changed_at = excluded.changed_at, \
                   changed_by = excluded.changed_by";
        let SecretChange { place, digest, at, by } = &self.0;
        conn.execute(sql, &[Bind::text(place), Bind::text(digest), Bind::at(*at), Bind::text(by)]).await?;
        Ok(Verdict::Keep(()))
    }
}

struct Move(String, String);

#[async_trait]
impl Write for Move {
    type Answer = ();

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<()>, DbError> {
        let binds = [Bind::text(&self.0), Bind::text(&self.1)];
        conn.execute("delete from ly2_connector_secrets where place = $1", &binds[1..]).await?;
        conn.execute("update ly2_connector_secrets set place = $2 where place = $1", &binds).await?;
        Ok(Verdict::Keep(()))
    }
}

#[async_trait]
impl ConnectorSecretStore for SqlStore {
    async fn list_secret_changes(&self) -> Result<Vec<SecretChange>, StoreError> {
        const OPERATION: &str = "list who changed passwords of connectors";
        let mut reader = self.reader(OPERATION).await?;
        let sql = "select place, digest, changed_at, changed_by from ly2_connector_secrets order by place";
        let rows = reader.conn().fetch_all(sql, &[]).await.map_err(|error| error.during(OPERATION))?;
        let change = |row: &StoredRow| {
            Ok(SecretChange {
                place: row.text("place")?,
                digest: row.text("digest")?,
                at: row.at("changed_at")?,
                by: row.text("changed_by")?,
            })
        };
        rows.iter().map(change).collect::<Result<_, DbError>>().map_err(|error| error.during(OPERATION))
    }

    async fn put_secret_change(&self, change: &SecretChange) -> Result<(), StoreError> {
        self.write("remember who changed a password", Put(change.clone())).await
    }

    async fn move_secret_change(&self, from: &str, to: &str) -> Result<(), StoreError> {
        self.write("remember another name of a connector", Move(from.to_owned(), to.to_owned())).await
    }
}
