//! Which rows of the ledger say up to where a schedule was decided.
//!
//! A schedule's slots are written in order, so its newest row does, wherever the process stopped. Two kinds of rows do not:
//! a slot that somebody skips once, written before its time; and, after a clock was set back, those that were written while
//! it was ahead: the clock comes to them again, and what is due before them then may be decided by nobody. Such a span stays
//! noted in `ly2_clock_set_back`. A row beyond its end was written after everything in it, and counts again.

use async_trait::async_trait;
use host_model::Instant;

use crate::error::DbError;
use crate::holds::IS_AHEAD;
use crate::sql::{Bind, Conn};
use crate::write::{Verdict, Write};

/// Whether the row of `ly2_slots` that the innermost query calls `n` says that the slots before it were decided.
pub(crate) fn says_up_to() -> String {
    format!(
        "not ({IS_AHEAD}) and not exists (\
         select 1 from ly2_clock_set_back b where n.due_at > b.set_to and n.due_at <= b.ahead_to)"
    )
}

/// Forgets spans from before the instant.
pub(crate) const FORGET: &str = "delete from ly2_clock_set_back where ahead_to < $1";

/// `Store::note_clock_set_back`.
pub(crate) struct NoteSetBack {
    pub(crate) to: Instant,
    pub(crate) ahead_to: Instant,
}

#[async_trait]
impl Write for NoteSetBack {
    type Answer = ();

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<()>, DbError> {
        let sql =
            format!("select due_at from ly2_slots where due_at > $1 and not ({IS_AHEAD}) order by due_at desc limit 1");
        let newest = conn.fetch_optional(&sql, &[Bind::at(self.to)]).await?;
        let newest = newest.map(|row| row.at("due_at")).transpose()?;
        let ahead_to = newest.map_or(self.ahead_to, |newest| newest.max(self.ahead_to));
        if ahead_to > self.to {
            let sql = "insert into ly2_clock_set_back (set_to, ahead_to) values ($1, $2) \
                       on conflict (set_to, ahead_to) do nothing";
            conn.execute(sql, &[Bind::at(self.to), Bind::at(ahead_to)]).await?;
        }
        Ok(Verdict::Keep(()))
    }
}
