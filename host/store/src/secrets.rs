//! The port's `SecretStore`: sealed secrets in `ly2_secrets`. Nothing here can open one.

use async_trait::async_trait;
use host_model::port::StoreError;
use host_model::secret::{SealedSecret, SecretStore};

use crate::error::DbError;
use crate::sql::{Bind, Conn};
use crate::store::SqlStore;
use crate::write::{Verdict, Write};

struct Put(SealedSecret);

#[async_trait]
impl Write for Put {
    type Answer = ();

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<()>, DbError> {
        put(conn, &self.0).await?;
        Ok(Verdict::Keep(()))
    }
}

/// Writes one in place of the one of its name.
pub(crate) async fn put(conn: &mut Conn<'_>, secret: &SealedSecret) -> Result<(), DbError> {
    let sql = "insert into ly2_secrets (name, sealed, updated_at, updated_by) values ($1, $2, $3, $4) \
               on conflict (name) do update set sealed = excluded.sealed, updated_at = excluded.updated_at, \
               updated_by = excluded.updated_by";
    let SealedSecret { name, sealed, updated_at, updated_by } = secret;
    let binds = [Bind::text(name), Bind::text(sealed), Bind::at(*updated_at), Bind::text(updated_by)];
    conn.execute(sql, &binds).await.map(drop)
}

struct Delete(String);

#[async_trait]
impl Write for Delete {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        let deleted = conn.execute("delete from ly2_secrets where name = $1", &[Bind::text(&self.0)]).await?;
        Ok(Verdict::Keep(deleted == 1))
    }
}

/// What was there, and what takes its place.
struct Reseal(Vec<(SealedSecret, String)>);

#[async_trait]
impl Write for Reseal {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        let sql = "update ly2_secrets set sealed = $1 where name = $2 and sealed = $3";
        for (before, after) in &self.0 {
            let binds = [Bind::text(after), Bind::text(&before.name), Bind::text(&before.sealed)];
            if conn.execute(sql, &binds).await? != 1 {
                return Ok(Verdict::Undo(false));
            }
        }
        Ok(Verdict::Keep(true))
    }
}

#[async_trait]
impl SecretStore for SqlStore {
    async fn list_secrets(&self) -> Result<Vec<SealedSecret>, StoreError> {
        const OPERATION: &str = "list the secrets";
        let mut reader = self.reader(OPERATION).await?;
        let sql = "select name, sealed, updated_at, updated_by from ly2_secrets order by name";
        let rows = reader.conn().fetch_all(sql, &[]).await.map_err(|error| error.during(OPERATION))?;
        let secret = |row: &crate::row::StoredRow| {
            Ok(SealedSecret {
                name: row.text("name")?,
                sealed: row.text("sealed")?,
                updated_at: row.at("updated_at")?,
                updated_by: row.text("updated_by")?,
            })
        };
        rows.iter().map(secret).collect::<Result<_, DbError>>().map_err(|error| error.during(OPERATION))
    }

    async fn put_secret(&self, secret: &SealedSecret) -> Result<(), StoreError> {
        self.write("write a secret", Put(secret.clone())).await
    }

    async fn delete_secret(&self, name: &str) -> Result<bool, StoreError> {
        self.write("delete a secret", Delete(name.to_owned())).await
    }

    async fn reseal_secrets(&self, before: &[SealedSecret], secrets: &[SealedSecret]) -> Result<bool, StoreError> {
        let pairs = before.iter().zip(secrets).map(|(before, after)| (before.clone(), after.sealed.clone())).collect();
        self.write("seal the secrets anew", Reseal(pairs)).await
    }
}
