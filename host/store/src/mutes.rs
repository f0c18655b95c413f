//! The port's `MuteStore`: alerts that are held back, in `ly2_notify_mutes`.

use async_trait::async_trait;
use host_model::Instant;
use host_model::notify::mute::{Mute, MuteKind, MuteStore};
use host_model::port::StoreError;

use crate::error::DbError;
use crate::row::StoredRow;
use crate::sql::{Bind, Conn};
use crate::store::SqlStore;
use crate::write::{Verdict, Write};

struct Put(Mute);

#[async_trait]
impl Write for Put {
    type Answer = ();

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<()>, DbError> {
        let Mute { kind, name, until, at, by, reason, held: _ } = &self.0;
        conn.execute("delete from ly2_notify_mutes where until_at <= $1", &[Bind::at(*at)]).await?;
        let sql = "insert into ly2_notify_mutes (kind, name, until_at, muted_at, muted_by, reason) \
                   values ($1, $2, $3, $4, $5, $6) on conflict (kind, name) do update set until_at = excluded.until_at, \
                   muted_at = excluded.muted_at, muted_by = excluded.muted_by, reason = excluded.reason";
        let binds = [
            Bind::text(kind.as_str()),
            Bind::text(name),
            Bind::at(*until),
            Bind::at(*at),
            Bind::text(by),
            Bind::text(reason),
        ];
        conn.execute(sql, &binds).await?;
        Ok(Verdict::Keep(()))
    }
}

struct Delete(MuteKind, String);

#[async_trait]
impl Write for Delete {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        let sql = "delete from ly2_notify_mutes where kind = $1 and name = $2";
        let deleted = conn.execute(sql, &[Bind::text(self.0.as_str()), Bind::text(&self.1)]).await?;
        Ok(Verdict::Keep(deleted == 1))
    }
}

struct Count(MuteKind, String, u64);

#[async_trait]
impl Write for Count {
    type Answer = ();

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<()>, DbError> {
        let sql = "update ly2_notify_mutes set held = held + $3 where kind = $1 and name = $2";
        let more = i64::try_from(self.2).unwrap_or(i64::MAX);
        conn.execute(sql, &[Bind::text(self.0.as_str()), Bind::text(&self.1), Bind::int(more)]).await?;
        Ok(Verdict::Keep(()))
    }
}

#[async_trait]
impl MuteStore for SqlStore {
    async fn list_mutes(&self, now: Instant) -> Result<Vec<Mute>, StoreError> {
        const OPERATION: &str = "list the mutes";
        let mut reader = self.reader(OPERATION).await?;
        let sql = "select kind, name, until_at, muted_at, muted_by, reason, held from ly2_notify_mutes \
                   where until_at > $1 order by kind, name";
        let rows = reader.conn().fetch_all(sql, &[Bind::at(now)]).await.map_err(|error| error.during(OPERATION))?;
        let mute = |row: &StoredRow| {
            Ok(Mute {
                kind: row.word("kind", "kind of mute", MuteKind::parse)?,
                name: row.text("name")?,
                until: row.at("until_at")?,
                at: row.at("muted_at")?,
                by: row.text("muted_by")?,
                reason: row.text("reason")?,
                held: u64::try_from(row.int("held")?).unwrap_or_default(),
            })
        };
        rows.iter().map(mute).collect::<Result<_, DbError>>().map_err(|error| error.during(OPERATION))
    }

    async fn put_mute(&self, mute: &Mute) -> Result<(), StoreError> {
        self.write("mute alerts", Put(mute.clone())).await
    }

    async fn delete_mute(&self, kind: MuteKind, name: &str) -> Result<bool, StoreError> {
        self.write("end a mute", Delete(kind, name.to_owned())).await
    }

    async fn count_held(&self, kind: MuteKind, name: &str, more: u64) -> Result<(), StoreError> {
        self.write("count what a mute held back", Count(kind, name.to_owned(), more)).await
    }
}
