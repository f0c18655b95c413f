//! The ledger `ly2_slots`: what became of every instant at which a schedule was due. Written once for each slot.
//! Beside it `ly2_schedules`: every schedule as last seen, which says from when on the ledger must be whole.

use async_trait::async_trait;
use host_model::fire::{SeenSchedule, SlotFilter, SlotRecord};
use host_model::port::SlotsKept;
use host_model::replica::Held;
use host_model::{Instant, JobId};

use crate::error::DbError;
use crate::lease;
use crate::row::{SLOT_COLUMNS, read_slot};
use crate::set_back::says_up_to;
use crate::sql::{Bind, Conn, placeholders};
use crate::write::{Verdict, Write};

/// `Store::record_slot`.
pub(crate) struct RecordSlot(pub(crate) SlotRecord);

#[async_trait]
impl Write for RecordSlot {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        let sql = "insert into ly2_slots (job_id, schedule, due_at, outcome, reason, run_id, decided_at) \
                   values ($1, $2, $3, $4, $5, $6, $7) on conflict (job_id, due_at, schedule) do nothing";
        Ok(Verdict::Keep(conn.execute(sql, &slot_binds(&self.0)).await? == 1))
    }
}

fn slot_binds(record: &SlotRecord) -> [Bind<'_>; 7] {
    [
        Bind::text(record.slot.job_id.as_str()),
        Bind::text(&record.slot.schedule),
        Bind::at(record.slot.due_at),
        Bind::text(record.outcome.as_str()),
        Bind::opt_text(record.reason.as_deref()),
        Bind::Text(record.run_id.map(|run| run.to_string().into())),
        Bind::at(record.decided_at),
    ]
}

/// Rows of one insert; SQLite finds numbered parameters by searching, so lists stay short.
const ROWS_PER_INSERT: usize = 100;

/// `Store::record_slots`.
pub(crate) struct RecordSlots {
    pub(crate) slots: Vec<SlotRecord>,
    pub(crate) lease: Option<Held>,
}

#[async_trait]
impl Write for RecordSlots {
    type Answer = SlotsKept;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<SlotsKept>, DbError> {
        if lease::is_lost(conn, self.lease.as_ref()).await? {
            return Ok(Verdict::Undo(SlotsKept::LeaseLost));
        }
        let mut new = 0;
        for chunk in self.slots.chunks(ROWS_PER_INSERT) {
            let binds: Vec<Bind<'_>> = chunk.iter().flat_map(slot_binds).collect();
            let sql = format!(
                "insert into ly2_slots (job_id, schedule, due_at, outcome, reason, run_id, decided_at) values {} \
                 on conflict (job_id, due_at, schedule) do nothing",
                placeholders(chunk.len(), 7)
            );
            new += conn.execute(&sql, &binds).await?;
        }
        Ok(Verdict::Keep(SlotsKept::New(new)))
    }
}

/// `Store::save_seen_schedules`.
pub(crate) struct SaveSeen {
    pub(crate) seen: Vec<SeenSchedule>,
    pub(crate) gone: Vec<(JobId, String)>,
}

#[async_trait]
impl Write for SaveSeen {
    type Answer = ();

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<()>, DbError> {
        for (job, schedule) in &self.gone {
            let binds = [Bind::text(job.as_str()), Bind::text(schedule)];
            conn.execute("delete from ly2_schedules where job_id = $1 and schedule = $2", &binds).await?;
        }
        for chunk in self.seen.chunks(ROWS_PER_INSERT) {
            let row = |seen: &'_ SeenSchedule| {
                let SeenSchedule { job_id, schedule, text, since } = seen.clone();
                [Bind::word(job_id), Bind::word(schedule), Bind::word(text), Bind::at(since)]
            };
            let binds: Vec<Bind<'_>> = chunk.iter().flat_map(row).collect();
            let sql = format!(
                "insert into ly2_schedules (job_id, schedule, text, since) values {} \
                 on conflict (job_id, schedule) do update set text = excluded.text, since = excluded.since",
                placeholders(chunk.len(), 4)
            );
            conn.execute(&sql, &binds).await?;
        }
        Ok(Verdict::Keep(()))
    }
}

/// Schedules read at once: the rows of a driver take many times the room of what is made of them.
const SEEN_AT_ONCE: usize = 500;

/// `Store::list_seen_schedules`. The newest slot that counts is found by the ledger's primary key, one look for each
/// schedule.
pub(crate) async fn list_seen(
    conn: &mut Conn<'_>,
    until: Instant,
) -> Result<Vec<(SeenSchedule, Option<Instant>)>, DbError> {
    let sql = format!(
        "select s.job_id, s.schedule, s.text, s.since, (select n.due_at from ly2_slots n \
         where n.job_id = s.job_id and n.schedule = s.schedule and n.due_at <= $4 and {} \
         order by n.due_at desc limit 1) as decided_to \
         from ly2_schedules s where (s.job_id, s.schedule) > ($1, $2) order by s.job_id, s.schedule limit $3",
        says_up_to()
    );
    let read = |row: &crate::row::StoredRow| {
        let seen = SeenSchedule {
            job_id: row.job_id()?,
            schedule: row.text("schedule")?,
            text: row.text("text")?,
            since: row.at("since")?,
        };
        Ok::<_, DbError>((seen, row.opt_at("decided_to")?))
    };
    let mut all: Vec<(SeenSchedule, Option<Instant>)> = Vec::new();
    loop {
        let last = all.last().map_or(("", ""), |(seen, _)| (seen.job_id.as_str(), &seen.schedule));
        let binds = [Bind::text(last.0), Bind::text(last.1), Bind::int(SEEN_AT_ONCE as i64), Bind::at(until)];
        let rows = conn.fetch_all(&sql, &binds).await?;
        for row in &rows {
            all.push(read(row)?);
        }
        if rows.len() < SEEN_AT_ONCE {
            return Ok(all);
        }
    }
}

/// `Store::find_slots`.
pub(crate) async fn find_slots(conn: &mut Conn<'_>, filter: &SlotFilter) -> Result<Vec<SlotRecord>, DbError> {
    let mut sql = format!("select {SLOT_COLUMNS} from ly2_slots where job_id = $1");
    let mut binds = vec![Bind::text(filter.job_id.as_str()), Bind::int(filter.limit)];
    if let Some(from) = filter.from {
        binds.push(Bind::at(from));
        sql.push_str(&format!(" and due_at >= ${}", binds.len()));
    }
    if let Some((due_at, schedule)) = &filter.before {
        binds.extend([Bind::at(*due_at), Bind::text(schedule)]);
        sql.push_str(&format!(" and (due_at, schedule) < (${}, ${})", binds.len() - 1, binds.len()));
    }
    sql.push_str(" order by due_at desc, schedule desc limit $2");
    conn.fetch_all(&sql, &binds).await?.iter().map(read_slot).collect()
}

/// `Store::list_unfired_slots`, by the index of them.
pub(crate) async fn list_unfired(
    conn: &mut Conn<'_>,
    after: Option<Instant>,
    limit: u32,
) -> Result<Vec<SlotRecord>, DbError> {
    let rows = match after {
        Some(after) => {
            let sql = format!(
                "select {SLOT_COLUMNS} from ly2_slots where run_id is null and decided_at > $1 \
                 order by decided_at limit $2"
            );
            conn.fetch_all(&sql, &[Bind::at(after), Bind::int(limit)]).await?
        }
        None => {
            let sql =
                format!("select {SLOT_COLUMNS} from ly2_slots where run_id is null order by decided_at desc limit 1");
            conn.fetch_all(&sql, &[]).await?
        }
    };
    rows.iter().map(read_slot).collect()
}

/// Newest first.
pub(crate) async fn list_slots(conn: &mut Conn<'_>, job: &JobId, limit: u32) -> Result<Vec<SlotRecord>, DbError> {
    let sql =
        format!("select {SLOT_COLUMNS} from ly2_slots where job_id = $1 order by due_at desc, schedule desc limit $2");
    let rows = conn.fetch_all(&sql, &[Bind::text(job.as_str()), Bind::int(limit)]).await?;
    rows.iter().map(read_slot).collect()
}
