//! The port's `HoldStore`: maintenance windows in `ly2_maintenance`, slots skipped once as rows of the ledger that were
//! decided before they were due, and the pause beside them.

use async_trait::async_trait;
use host_model::Instant;
use host_model::fire::Slot;
use host_model::hold::{HoldStore, Holds, LOOK_BACK, Maintenance};
use host_model::port::StoreError;

use crate::error::DbError;
use crate::pause;
use crate::row::{SLOT_COLUMNS, StoredRow, read_slot};
use crate::sql::{Bind, Conn};
use crate::store::SqlStore;
use crate::write::{Verdict, Write};

/// What sets the row of a slot skipped once apart from all others.
pub(crate) const IS_AHEAD: &str = "run_id is null and decided_at < due_at and outcome = 'skipped'";

const WINDOW: &str = "id, from_at, until_at, reason, created_by, created_at";

fn read_window(row: &StoredRow) -> Result<Maintenance, DbError> {
    Ok(Maintenance {
        id: row.text("id")?,
        from: row.at("from_at")?,
        until: row.at("until_at")?,
        reason: row.text("reason")?,
        by: row.text("created_by")?,
        at: row.at("created_at")?,
    })
}

async fn find_holds(conn: &mut Conn<'_>, since: Instant) -> Result<Holds, DbError> {
    let pause = pause::find_pause(conn).await?;
    let sql = format!("select {WINDOW} from ly2_maintenance where until_at > $1 order by from_at, id");
    let windows = conn.fetch_all(&sql, &[Bind::at(since)]).await?;
    let sql = format!("select {SLOT_COLUMNS} from ly2_slots where {IS_AHEAD} and due_at > $1 order by due_at");
    let skips = conn.fetch_all(&sql, &[Bind::at(since)]).await?;
    Ok(Holds {
        pause,
        windows: windows.iter().map(read_window).collect::<Result<_, _>>()?,
        skips: skips.iter().map(read_slot).collect::<Result<_, _>>()?,
    })
}

struct Add(Maintenance);

#[async_trait]
impl Write for Add {
    type Answer = ();

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<()>, DbError> {
        let window = &self.0;
        conn.execute("delete from ly2_maintenance where until_at < $1", &[Bind::at(window.at - LOOK_BACK)]).await?;
        let binds = [
            Bind::text(&window.id),
            Bind::at(window.from),
            Bind::at(window.until),
            Bind::text(&window.reason),
            Bind::text(&window.by),
            Bind::at(window.at),
        ];
        let sql = format!(
            "insert into ly2_maintenance ({WINDOW}) values ($1, $2, $3, $4, $5, $6) on conflict (id) do nothing"
        );
        conn.execute(&sql, &binds).await?;
        Ok(Verdict::Keep(()))
    }
}

struct End {
    id: String,
    at: Instant,
}

#[async_trait]
impl Write for End {
    type Answer = Option<Maintenance>;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Option<Maintenance>>, DbError> {
        let binds = [Bind::text(&self.id), Bind::at(self.at)];
        let sql = format!(
            "select {WINDOW} from ly2_maintenance where id = $1 and until_at > $2 {}",
            conn.locking("for update")
        );
        let Some(row) = conn.fetch_optional(&sql, &binds).await? else { return Ok(Verdict::Keep(None)) };
        let window = read_window(&row)?;
        let sql = if window.from < self.at {
            "update ly2_maintenance set until_at = $2 where id = $1"
        } else {
            "delete from ly2_maintenance where id = $1 and until_at > $2"
        };
        conn.execute(sql, &binds).await?;
        Ok(Verdict::Keep(Some(window)))
    }
}

struct UndoSkip {
    slot: Slot,
    after: Instant,
}

#[async_trait]
impl Write for UndoSkip {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        let sql = format!(
            "delete from ly2_slots where job_id = $1 and due_at = $2 and schedule = $3 and {IS_AHEAD} and due_at > $4"
        );
        let binds = [
            Bind::text(self.slot.job_id.as_str()),
            Bind::at(self.slot.due_at),
            Bind::text(&self.slot.schedule),
            Bind::at(self.after),
        ];
        Ok(Verdict::Keep(conn.execute(&sql, &binds).await? == 1))
    }
}

#[async_trait]
impl HoldStore for SqlStore {
    async fn find_holds(&self, since: Instant) -> Result<Holds, StoreError> {
        const WHAT: &str = "read what holds schedules back";
        let mut reader = self.reader(WHAT).await?;
        find_holds(&mut reader.conn(), since).await.map_err(|error| error.during(WHAT))
    }

    async fn add_maintenance(&self, window: &Maintenance) -> Result<(), StoreError> {
        self.told(self.write("keep a maintenance window", Add(window.clone())).await)
    }

    async fn end_maintenance(&self, id: &str, at: Instant) -> Result<Option<Maintenance>, StoreError> {
        self.told(self.write("end a maintenance window", End { id: id.to_owned(), at }).await)
    }

    async fn undo_skip(&self, slot: &Slot, after: Instant) -> Result<bool, StoreError> {
        self.told(self.write("take a skip back", UndoSkip { slot: slot.clone(), after }).await)
    }
}
