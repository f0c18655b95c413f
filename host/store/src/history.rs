//! The port's `History`: times of runs, slots that fell through, and the lines of one run searched and counted. Reads only.
//!
//! The dialects differ in two places: how the last runs of each job are picked, and how many lines become one text.

use std::time::Duration;

use async_trait::async_trait;
use host_model::fire::{SlotOutcome, SlotRecord};
use host_model::history::{
    FoundRuns, History, LineCount, LineDensity, LineFilter, LineOrigin, RunPicture, RunTime, ScannedLines, ShownRuns,
    StepTime,
};
use host_model::log::{LogLevel, LogLine};
use host_model::port::StoreError;
use host_model::run::RunFilter;
use host_model::{Instant, JobId, RunId};

use crate::error::DbError;
use crate::plot::{draw_runs, step_times};
use crate::row::{LOG_COLUMNS, SLOT_COLUMNS, StoredRow, read_log, read_slot};
use crate::run_walk::find_runs;
use crate::runs::with_jobs;
use crate::sql::{Bind, Conn, count, numbered, quoted_words};
use crate::store::SqlStore;

const TIME_COLUMNS: &str = "id, job_id, status, schedule, queued_at, started_at, finished_at";

fn read_time(row: &StoredRow) -> Result<RunTime, DbError> {
    Ok(RunTime {
        id: row.run_id("id")?,
        job_id: row.job_id()?,
        status: row.run_status()?,
        schedule: row.opt_text("schedule")?,
        queued_at: row.at("queued_at")?,
        started_at: row.opt_at("started_at")?,
        finished_at: row.opt_at("finished_at")?,
    })
}

/// Those that can be read, as everywhere.
fn read_times(rows: &[StoredRow]) -> Vec<RunTime> {
    let told = |why: &DbError| tracing::warn!(%why, "a run cannot be read; it is left out");
    rows.iter().filter_map(|row| read_time(row).inspect_err(told).ok()).collect()
}

/// The last runs of the job of the row of `jobs` at hand.
const LAST: &str =
    "from ly2_job_runs r where r.job_id = jobs.job_id and r.status <> 'SKIPPED' order by r.id desc limit $1";

async fn recent_runs(conn: &mut Conn<'_>, jobs: &[JobId], per_job: u32) -> Result<Vec<RunTime>, DbError> {
    let mut binds = vec![Bind::int(per_job)];
    let jobs = with_jobs(conn, jobs, &mut binds);
    let sql = match conn {
        Conn::Sqlite(_) => format!(
            "{jobs} select {} from jobs join ly2_job_runs t on t.id in (select r.id {LAST}) order by t.job_id, t.id desc",
            TIME_COLUMNS.split(", ").map(|column| format!("t.{column} as {column}")).collect::<Vec<_>>().join(", ")
        ),
        Conn::Postgres(..) => {
            let columns = TIME_COLUMNS.split(", ").map(|column| format!("r.{column}")).collect::<Vec<_>>().join(", ");
            format!(
                "{jobs} select t.* from jobs cross join lateral (select {columns} {LAST}) t order by t.job_id, t.id desc"
            )
        }
    };
    Ok(read_times(&conn.fetch_many(TIME_COLUMNS, &sql, &binds).await?))
}

/// Reads nothing but indexes, and makes one text of it where the rows are.
async fn shown_runs(conn: &mut Conn<'_>, jobs: &[JobId], per_job: u32) -> Result<ShownRuns, DbError> {
    let mut binds = vec![Bind::int(per_job)];
    let jobs = with_jobs(conn, jobs, &mut binds);
    let (ids, lines) = match conn {
        Conn::Sqlite(_) => ("group_concat(last.id, ' ')", "group_concat(told.line, char(10))"),
        Conn::Postgres(..) => ("string_agg(last.id, ' ' order by last.id desc)", "string_agg(told.line, chr(10))"),
    };
    let sql = format!(
        "{jobs} select {lines} as text from ( \
             select jobs.job_id || ' ' || coalesce( \
                 (select {ids} from (select r.id {LAST}) last), \
                 (select max(r.id) from ly2_job_runs r where r.job_id = jobs.job_id)) as line \
             from jobs where jobs.job_id is not null) told"
    );
    let row = conn.fetch_optional(&sql, &binds).await?;
    Ok(ShownRuns(row.map(|row| row.opt_text("text")).transpose()?.flatten().unwrap_or_default()))
}

async fn run_times(conn: &mut Conn<'_>, job: &JobId, limit: u32) -> Result<Vec<RunTime>, DbError> {
    let sql = format!(
        "select {TIME_COLUMNS} from ly2_job_runs where job_id = $1 and status <> 'SKIPPED' order by id desc limit $2"
    );
    Ok(read_times(&conn.fetch_all(&sql, &[Bind::text(job.as_str()), Bind::int(limit)]).await?))
}

/// Two looks into the index of runs that were not skipped.
async fn neighbors(conn: &mut Conn<'_>, job: &JobId, run: RunId) -> Result<(Option<RunId>, Option<RunId>), DbError> {
    let near = |what| format!("select {what} from ly2_job_runs where job_id = $1 and status <> 'SKIPPED' and id");
    let sql = format!("select ({} < $2) as older, ({} > $2) as newer", near("max(id)"), near("min(id)"));
    let row = conn.fetch_optional(&sql, &[Bind::text(job.as_str()), Bind::word(run)]).await?;
    row.map_or(Ok((None, None)), |row| Ok((row.opt_run_id("older")?, row.opt_run_id("newer")?)))
}

/// Run ids sort by time, so the span is one of the primary key.
async fn runs_between(conn: &mut Conn<'_>, from: Instant, to: Instant, limit: u32) -> Result<Vec<RunTime>, DbError> {
    let first = |at: Instant| Bind::word(RunId::from_parts(u64::try_from(at.timestamp_millis()).unwrap_or(0), 0));
    let sql = format!(
        "select {TIME_COLUMNS} from ly2_job_runs where id >= $1 and id < $2 and status <> 'SKIPPED' \
         order by id desc limit $3"
    );
    Ok(read_times(&conn.fetch_all(&sql, &[first(from), first(to), Bind::int(limit)]).await?))
}

async fn lost_slots(conn: &mut Conn<'_>, from: Instant, to: Instant, limit: u32) -> Result<Vec<SlotRecord>, DbError> {
    let sql = format!(
        "select {SLOT_COLUMNS} from ly2_slots where due_at >= $1 and due_at < $2 and outcome <> '{}' \
         order by due_at desc, job_id, schedule limit $3",
        SlotOutcome::Fired.as_str()
    );
    let rows = conn.fetch_all(&sql, &[Bind::at(from), Bind::at(to), Bind::int(limit)]).await?;
    rows.iter().map(read_slot).collect()
}

/// The condition of a filter, its parameters after those of `binds`.
fn passes<'f>(filter: &'f LineFilter, binds: &mut Vec<Bind<'f>>) -> String {
    let mut condition = String::new();
    if let Some(least) = filter.level.filter(|level| *level != LogLevel::Debug) {
        let levels = LogLevel::ALL.into_iter().filter(|level| *level >= least).map(LogLevel::as_str);
        condition += &format!(" and level in ({})", quoted_words(levels));
    }
    if !filter.steps.is_empty() {
        condition += &format!(" and step in ({})", numbered(binds.len() + 1, filter.steps.len()));
        binds.extend(filter.steps.iter().map(|step| Bind::text(step.as_str())));
    }
    if let Some(attempt) = filter.attempt {
        condition += &format!(" and attempt = ${}", binds.len() + 1);
        binds.push(Bind::int(attempt));
    }
    condition += match filter.origin {
        Some(LineOrigin::Steps) => " and step is not null",
        Some(LineOrigin::Run) => " and step is null",
        None => "",
    };
    condition
}

async fn list_lines(
    conn: &mut Conn<'_>,
    run: RunId,
    from: u64,
    limit: u32,
    filter: &LineFilter,
) -> Result<Vec<LogLine>, DbError> {
    let mut binds = vec![Bind::word(run), count(from), Bind::int(limit)];
    let condition = passes(filter, &mut binds);
    let sql = format!(
        "select {LOG_COLUMNS} from ly2_job_logs where run_id = $1 and seq >= $2{condition} order by seq limit $3"
    );
    conn.fetch_all(&sql, &binds).await?.iter().map(read_log).collect()
}

/// A pattern of `like` for every line that may have the text, in any case and in either database: what they do not agree on
/// stands for any character. `None` when too little is left of it to leave many lines out.
fn roughly(text: &str) -> Option<String> {
    const LEAST: usize = 3;
    let mut exact = 0;
    let mut pattern = String::from("%");
    for character in text.chars() {
        match character {
            // Letters with a third case somewhere, among them I in Turkish; a blank may be a line break.
            'i' | 'I' | 'k' | 'K' | 's' | 'S' | ' ' => pattern.push('_'),
            '%' | '_' | '\\' => pattern.extend(['\\', character]),
            _ if character.is_ascii_graphic() => pattern.push(character),
            _ => pattern.push('_'),
        }
        exact += usize::from(!pattern.ends_with('_') || character == '_');
    }
    pattern.push('%');
    (exact >= LEAST).then_some(pattern)
}

async fn scan_lines(
    conn: &mut Conn<'_>,
    run: RunId,
    from: u64,
    span: u32,
    filter: &LineFilter,
    having: Option<&str>,
) -> Result<ScannedLines, DbError> {
    let mut binds = vec![Bind::word(run), count(from), count(from.saturating_add(u64::from(span)))];
    let mut condition = passes(filter, &mut binds);
    if let Some(pattern) = having.and_then(roughly) {
        let like = if matches!(conn, Conn::Sqlite(_)) { "like" } else { "ilike" };
        condition += &format!(" and message {like} ${} escape '\\'", binds.len() + 1);
        binds.push(Bind::word(pattern));
    }
    let lines = format!("from ly2_job_logs where run_id = $1 and seq >= $2 and seq < $3{condition}");
    // A message is one line; whatever has a line break all the same must not pass for two.
    let sql = match conn {
        Conn::Sqlite(_) => format!(
            "select group_concat(seq || ' ' || replace(message, char(10), ' '), char(10)) as text \
             from (select seq, message {lines} order by seq)"
        ),
        Conn::Postgres(..) => format!(
            "select string_agg(seq || ' ' || replace(message, chr(10), ' '), chr(10) order by seq) as text {lines}"
        ),
    };
    let row = conn.fetch_optional(&sql, &binds).await?;
    Ok(ScannedLines(row.map(|row| row.opt_text("text")).transpose()?.flatten().unwrap_or_default()))
}

async fn count_lines(conn: &mut Conn<'_>, run: RunId) -> Result<Vec<LineCount>, DbError> {
    let sql = "select level, step, attempt, min(seq) as first, count(*) as lines from ly2_job_logs where run_id = $1 \
               group by level, step, attempt order by first";
    let read = |row: &StoredRow| {
        Ok(LineCount {
            level: row.log_level()?,
            step: row.opt_step_name("step")?,
            attempt: row.count("attempt")?,
            first: row.count("first")?,
            count: row.count("lines")?,
        })
    };
    conn.fetch_all(sql, &[Bind::word(run)]).await?.iter().map(read).collect()
}

async fn line_density(conn: &mut Conn<'_>, run: RunId, total: u64, parts: u32) -> Result<Vec<LineDensity>, DbError> {
    let levels = quoted_words([LogLevel::Warning, LogLevel::Error].map(LogLevel::as_str));
    let sql = format!(
        "select seq * $2 / $3 as part, level, count(*) as lines from ly2_job_logs \
         where run_id = $1 and seq < $3 and level in ({levels}) group by 1, 2 order by 1, 2"
    );
    let read = |row: &StoredRow| {
        Ok(LineDensity { part: row.count("part")?, level: row.log_level()?, count: row.count("lines")? })
    };
    let rows = conn.fetch_all(&sql, &[Bind::word(run), Bind::int(parts), count(total)]).await?;
    rows.iter().map(read).collect()
}

/// Runs one reading function on a connection of the pool.
macro_rules! read {
    ($store:expr, $operation:literal, $function:ident $(, $argument:expr)*) => {{
        let mut reader = $store.reader($operation).await?;
        $function(&mut reader.conn() $(, $argument)*).await.map_err(|error| error.during($operation))
    }};
}

#[async_trait]
impl History for SqlStore {
    async fn shown_runs(&self, jobs: &[JobId], per_job: u32) -> Result<ShownRuns, StoreError> {
        read!(self, "name the last runs of jobs", shown_runs, jobs, per_job)
    }

    async fn recent_runs(&self, jobs: &[JobId], per_job: u32) -> Result<Vec<RunTime>, StoreError> {
        read!(self, "list the last runs of jobs", recent_runs, jobs, per_job)
    }

    async fn run_times(&self, job: &JobId, limit: u32) -> Result<Vec<RunTime>, StoreError> {
        read!(self, "list the last runs of a job", run_times, job, limit)
    }

    async fn neighbors(&self, job: &JobId, run: RunId) -> Result<(Option<RunId>, Option<RunId>), StoreError> {
        read!(self, "find the runs beside a run", neighbors, job, run)
    }

    async fn runs_between(&self, from: Instant, to: Instant, limit: u32) -> Result<Vec<RunTime>, StoreError> {
        read!(self, "list the runs of a span of time", runs_between, from, to, limit)
    }

    async fn find_runs(&self, filter: &RunFilter, patience: Duration) -> Result<FoundRuns, StoreError> {
        read!(self, "list runs", find_runs, filter, patience)
    }

    async fn draw_runs(
        &self,
        filter: &RunFilter,
        most: u32,
        stretches: u32,
        patience: Duration,
    ) -> Result<RunPicture, StoreError> {
        read!(self, "draw runs", draw_runs, filter, most, stretches, patience)
    }

    async fn step_times(&self, job: &JobId, before: Option<RunId>, runs: u32) -> Result<Vec<StepTime>, StoreError> {
        read!(self, "list the times of the steps of a job", step_times, job, before, runs)
    }

    async fn lost_slots(&self, from: Instant, to: Instant, limit: u32) -> Result<Vec<SlotRecord>, StoreError> {
        read!(self, "list the slots that did not fire", lost_slots, from, to, limit)
    }

    async fn list_lines(
        &self,
        run: RunId,
        from: u64,
        limit: u32,
        filter: &LineFilter,
    ) -> Result<Vec<LogLine>, StoreError> {
        read!(self, "list lines of a run", list_lines, run, from, limit, filter)
    }

    async fn scan_lines(
        &self,
        run: RunId,
        from: u64,
        span: u32,
        filter: &LineFilter,
        having: Option<&str>,
    ) -> Result<ScannedLines, StoreError> {
        read!(self, "search the log of a run", scan_lines, run, from, span, filter, having)
    }

    async fn count_lines(&self, run: RunId) -> Result<Vec<LineCount>, StoreError> {
        read!(self, "count the lines of a run", count_lines, run)
    }

    async fn line_density(&self, run: RunId, total: u64, parts: u32) -> Result<Vec<LineDensity>, StoreError> {
        read!(self, "see where a run warned and failed", line_density, run, total, parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_a_pattern_that_no_line_with_it_fails() {
        assert_eq!(roughly("ORA-01555").as_deref(), Some("%ORA-01555%"));
        assert_eq!(roughly("Risk: 5% of a_b\\c").as_deref(), Some("%R___:_5\\%_of_a\\_b\\\\c%"));
        assert_eq!(roughly("Überlänge").as_deref(), Some("%_berl_nge%"));
        for short in ["", "ab", "skis kiss", "äöü a"] {
            assert_eq!(roughly(short), None, "{short}");
        }
    }
}
