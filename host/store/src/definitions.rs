//! What runs do, as text: kept once for each text, under its digest, and referred to by every run that does it.
//!
//! Fires of one job bring the same text each time. [`Definitions`] remembers which were written down not long ago, so that
//! a fire usually writes none; nothing depends on what it remembers but how often `used_at` moves. That a run has its
//! definition is the business of the statement that inserts the run, and of a foreign key.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use host_model::fire::NewRun;
use host_model::{Instant, Json, RunId};
use sha2::{Digest as _, Sha256};

use crate::error::DbError;
use crate::sql::{Bind, Conn};

/// `used_at` moves at most that often.
const NOTED_FOR: TimeDelta = TimeDelta::hours(1);
/// Texts remembered, some 60 bytes each; beyond them it is forgotten what was.
const REMEMBERED: usize = 100_000;

/// SHA-256 of a text; printed in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    pub(crate) fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// When this process last wrote which text down.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    noted: Mutex<HashMap<Digest, Instant>>,
}

impl Definitions {
    pub(crate) fn is_noted(&self, digest: &Digest, at: Instant) -> bool {
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.get(digest).is_some_and(|noted_at| at.signed_duration_since(*noted_at) < NOTED_FOR)
    }

    pub(crate) fn note(&self, digest: Digest, at: Instant) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() >= REMEMBERED {
            noted.clear();
        }
        noted.insert(digest, at);
    }
}

/// Writes the text of `new` down, or that it is still in use.
pub(crate) async fn keep(conn: &mut Conn<'_>, digest: &str, new: &NewRun) -> Result<(), DbError> {
    let binds = [Bind::at(long_before(new)), Bind::text(digest), Bind::text(&new.definition), Bind::at(new.queued_at)];
    conn.execute(&keep_statement("select $2, $3, $4"), &binds).await.map(drop)
}

/// [`keep`] for many in one go, in SQLite. `new` are of about the same time.
pub(crate) async fn keep_all(conn: &mut Conn<'_>, new: &[(&Digest, &NewRun)]) -> Result<(), DbError> {
    let Some((_, first)) = new.first() else { return Ok(()) };
    let row = |(digest, new): &(&Digest, &NewRun)| {
        let columns = [Bind::word(digest), Bind::text(&new.definition), Bind::at(new.queued_at)];
        columns.iter().map(Bind::to_json).collect::<Json>()
    };
    let rows = Bind::word(new.iter().map(row).collect::<Json>());
    let sql = keep_statement("select value ->> 0, value ->> 1, value ->> 2 from json_each($2)");
    conn.execute(&sql, &[Bind::at(long_before(first)), rows]).await.map(drop)
}

/// The first parameter says before when a use is worth to be noted.
fn keep_statement(select: &str) -> String {
    format!(
        "insert into ly2_job_definitions (digest, body, used_at) {select} where true \
         on conflict (digest) do update set used_at = excluded.used_at where ly2_job_definitions.used_at <= $1"
    )
}

fn long_before(new: &NewRun) -> Instant {
    new.queued_at.checked_sub_signed(NOTED_FOR).unwrap_or(new.queued_at)
}

/// `Store::find_definition`.
pub(crate) async fn find_definition(conn: &mut Conn<'_>, run: RunId) -> Result<Option<Arc<str>>, DbError> {
    let sql = "select d.body from ly2_job_runs r join ly2_job_definitions d on d.digest = r.definition where r.id = $1";
    let row = conn.fetch_optional(sql, &[Bind::word(run)]).await?;
    row.map(|row| Ok(row.text("body")?.into())).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_down_again_after_an_hour() {
        let (known, at, digest) = (Definitions::default(), Instant::default(), Digest::of("{}"));
        assert!(!known.is_noted(&digest, at));
        known.note(digest, at);
        assert!(known.is_noted(&digest, at + TimeDelta::minutes(59)));
        assert!(!known.is_noted(&digest, at + NOTED_FOR));
        assert!(!known.is_noted(&Digest::of("{ }"), at));
    }
}
