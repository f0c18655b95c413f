//! The port's `LogSearch`. Blocks that have every word come from the index, the newest first, a few at a time; their lines are
//! read and looked at here, until the page is full. So a word that stands everywhere costs a page, and one that stands
//! nowhere costs a look into the index.
//!
//! PostgreSQL's index has no order, so the blocks are asked for in spans of ids that grow: the newest thousands first. A
//! common word fills the page in the first; for a rare one the spans are few. Whatever is asked, a search ends within
//! [`PATIENCE`]: each statement is stopped by the database itself. A few searches of a process run at a time, a few more
//! wait, and the rest is told to come back ([`Turns`]).

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{Datelike, Days};
use host_model::log::{LogLevel, LogLine};
use host_model::port::StoreError;
use host_model::search::{Found, Hit, LineSearch, LogSearch, Place, SearchError};
use host_model::{JobId, RunId};
use tokio::time::Instant;

use crate::error::DbError;
use crate::log_index::{IndexOlder, day_mark, job_mark, level_mark, month_mark};
use crate::row::{LOG_COLUMNS, read_log};
use crate::sql::{Bind, Conn, count, numbered, quoted_words};
use crate::store::{Reader, SqlStore};
use crate::turns::Turns;

/// What a search may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Searches of a process at a time, and those that may wait for them: the last one waits as long as four of them take.
static TURNS: Turns = Turns::new(2, 8, PATIENCE);

/// Blocks looked into at first, and at most, in one go.
const FEW: i64 = 8;
const MANY: i64 = 64;
/// Ids in the first span in PostgreSQL, and how fast spans grow.
const SPAN: i64 = 4096;
const GROWTH: i64 = 8;
/// More jobs than these are left to the rows of blocks.
const MOST_JOB_MARKS: usize = 20;
/// More days than these are asked for by months, and more months not at all.
const MOST_DAYS: i64 = 31;
const MOST_MONTHS: i64 = 60;

/// A block that has the words.
struct Candidate {
    id: i64,
    run: RunId,
    first: u64,
    last: u64,
    job: JobId,
}

#[async_trait]
impl LogSearch for SqlStore {
    async fn search(&self, search: &LineSearch) -> Result<Found, SearchError> {
        const WHAT: &str = "search the log";
        let _turn = TURNS.take().await?;
        let until = Instant::now() + PATIENCE;
        let mut reader = self.searcher(WHAT).await?;
        bound(&mut reader, until).await.map_err(|error| error.during(WHAT))?;
        let mut found = Found::default();
        let mut at = search.before.unwrap_or(Place { block: i64::MAX, seq: u64::MAX });
        let ended = walk(&mut reader.conn(), search, until, &mut at, &mut found).await;
        match ended {
            Err(error) if error.is_stopped() => {
                found.next = Some(at);
                found.is_cut = true;
            }
            other => other.map_err(|error| error.during(WHAT))?,
        }
        if let Reader::Postgres(mut loan) = reader {
            // Nothing was written; without it the connection is closed.
            let _ = loan.roll_back().await;
        }
        Ok(found)
    }

    async fn indexed_from(&self) -> Result<Option<host_model::Instant>, StoreError> {
        const WHAT: &str = "ask how far the index is";
        let mut reader = self.reader(WHAT).await?;
        indexed_from(&mut reader.conn()).await.map_err(|error| error.during(WHAT))
    }

    async fn index_older(&self, most: u32) -> Result<bool, StoreError> {
        self.write("index older log lines", IndexOlder(most)).await
    }
}

/// Has the database stop a statement that takes too long.
async fn bound(reader: &mut Reader, until: Instant) -> Result<(), DbError> {
    match reader {
        Reader::Sqlite(conn) => {
            let mut handle = conn.lock_handle().await?;
            handle.set_progress_handler(10_000, move || Instant::now() < until);
            Ok(())
        }
        Reader::Postgres(loan) => {
            loan.begin().await?;
            // A plan for these words: one that fits any words is a bad one for most.
            let settings = "set local statement_timeout = 2000; set local plan_cache_mode = force_custom_plan";
            loan.conn().script(settings).await
        }
    }
}

/// Collects hits from `at` on, which says at any moment where to go on.
async fn walk(
    conn: &mut Conn<'_>,
    search: &LineSearch,
    until: Instant,
    at: &mut Place,
    found: &mut Found,
) -> Result<(), DbError> {
    found.indexed_from = indexed_from(conn).await?;
    let jobs = match &search.jobs {
        Some(jobs) => Some(numbers_of(conn, jobs.iter()).await?),
        None => None,
    };
    if jobs.as_ref().is_some_and(Vec::is_empty) {
        return Ok(());
    }
    let ends = "select coalesce(min(id), 0) as first, coalesce(max(id), 0) as last from ly2_log_blocks";
    let Some(ends) = conn.fetch_optional(ends, &[]).await? else { return Ok(()) };
    let (oldest, newest) = (ends.int("first")?, ends.int("last")?);
    if at.block > newest {
        *at = Place { block: newest, seq: u64::MAX };
    }
    let mut span = if matches!(conn, Conn::Sqlite(_)) { i64::MAX } else { SPAN };
    let mut few = FEW;
    let terms = terms(search, jobs.as_deref());
    // The last place before which everything was looked at belongs to the caller; one more hit tells whether there are more.
    while at.block >= oldest && at.block > 0 {
        let lowest = at.block.saturating_sub(span - 1).max(oldest);
        loop {
            let candidates = candidates(conn, search, &terms, jobs.as_deref(), (lowest, at.block), few).await?;
            let lines = lines_of(conn, search, &candidates).await?;
            for (candidate, lines) in candidates.iter().zip(lines) {
                for line in lines {
                    if candidate.id == at.block && line.seq >= at.seq {
                        continue;
                    }
                    let Some(marks) = search.words.find(&line.message) else { continue };
                    if found.hits.len() == search.limit as usize {
                        found.next = Some(*at);
                        return Ok(());
                    }
                    *at = Place { block: candidate.id, seq: line.seq };
                    found.hits.push(Hit { line, job_id: candidate.job.clone(), marks });
                }
            }
            let Some(last) = candidates.last().filter(|_| i64::try_from(candidates.len()).unwrap_or(0) == few) else {
                break;
            };
            *at = Place { block: last.id - 1, seq: u64::MAX };
            few = (few * 4).min(MANY);
            if at.block < lowest {
                break;
            }
            if Instant::now() >= until {
                found.next = Some(*at);
                found.is_cut = true;
                return Ok(());
            }
        }
        *at = Place { block: lowest - 1, seq: u64::MAX };
        span = span.saturating_mul(GROWTH);
    }
    Ok(())
}

/// While lines from before there was an index are still being indexed, when the oldest of the others were said.
async fn indexed_from(conn: &mut Conn<'_>) -> Result<Option<host_model::Instant>, DbError> {
    let sql = "select coalesce((select first_at from ly2_log_blocks order by id limit 1), (select at from ly2_job_logs l \
               where l.run_id = b.run_id order by seq desc limit 1)) as at from ly2_log_backlog b";
    match conn.fetch_optional(sql, &[]).await? {
        Some(row) => row.opt_at("at"),
        None => Ok(None),
    }
}

async fn numbers_of(conn: &mut Conn<'_>, jobs: impl Iterator<Item = &JobId>) -> Result<Vec<i64>, DbError> {
    let binds: Vec<Bind<'_>> = jobs.map(|job| Bind::text(job.as_str())).collect();
    let mut numbers = Vec::new();
    for some in binds.chunks(500) {
        let sql = format!("select id from ly2_log_jobs where job_id in ({})", numbered(1, some.len()));
        for row in conn.fetch_all(&sql, some).await? {
            numbers.push(row.int("id")?);
        }
    }
    Ok(numbers)
}

/// A key of the index, and whether it is the beginning of a word; one of each list has to be in a block.
type Terms = Vec<Vec<(String, bool)>>;

fn terms(search: &LineSearch, jobs: Option<&[i64]>) -> Terms {
    let mut terms: Terms = search.words.keys().map(|(key, is_prefix)| vec![(key.to_owned(), is_prefix)]).collect();
    let whole = |mark: String| (mark, false);
    terms.extend(search.level.and_then(level_mark).map(|mark| vec![whole(mark.to_owned())]));
    if let Some(jobs) = jobs.filter(|jobs| jobs.len() <= MOST_JOB_MARKS) {
        terms.push(jobs.iter().map(|job| whole(job_mark(*job))).collect());
    }
    if let Some(marks) = marks_of_time(search) {
        terms.push(marks.into_iter().map(whole).collect());
    }
    terms
}

/// The days or months between both ends. Without an end nothing is gained: the newest come first anyway.
fn marks_of_time(search: &LineSearch) -> Option<Vec<String>> {
    let to = search.to?;
    let day = |at: host_model::Instant| i64::from(at.num_days_from_ce());
    let from = search.from.filter(|from| *from <= to);
    if let Some(from) = from.filter(|from| day(to) - day(*from) < MOST_DAYS) {
        let days = u64::try_from(day(to) - day(from)).unwrap_or(0);
        return (0..=days).map(|n| from.checked_add_days(Days::new(n)).map(day_mark)).collect();
    }
    let month = |at: host_model::Instant| i64::from(at.year()) * 12 + i64::from(at.month0());
    let months = from.map_or(MOST_MONTHS, |from| month(to) - month(from));
    if months > MOST_MONTHS {
        return None;
    }
    let ends = u32::try_from(months).ok()?;
    (0..=ends).map(|n| to.checked_sub_months(chrono::Months::new(n)).map(month_mark)).collect()
}

/// Keys are letters and digits, or our own marks, so they may stand in quotes.
fn matching(conn: &Conn<'_>, terms: &Terms) -> String {
    let (quote, star, or, and) = match conn {
        Conn::Sqlite(_) => ('"', " *", " OR ", " AND "),
        Conn::Postgres(..) => ('\'', ":*", " | ", " & "),
    };
    let one = |(key, is_prefix): &(String, bool)| format!("{quote}{key}{quote}{}", if *is_prefix { star } else { "" });
    let any = |keys: &Vec<(String, bool)>| format!("({})", keys.iter().map(one).collect::<Vec<_>>().join(or));
    terms.iter().map(any).collect::<Vec<_>>().join(and)
}

/// The newest blocks between two ids that have every word, and may be seen.
async fn candidates(
    conn: &mut Conn<'_>,
    search: &LineSearch,
    terms: &Terms,
    jobs: Option<&[i64]>,
    (lowest, highest): (i64, i64),
    most: i64,
) -> Result<Vec<Candidate>, DbError> {
    let mut binds = vec![Bind::word(matching(conn, terms)), Bind::int(lowest), Bind::int(highest), Bind::int(most)];
    let mut also = String::new();
    if let Some(from) = search.from {
        binds.push(Bind::at(from));
        also += &format!(" and b.last_at >= ${}", binds.len());
    }
    if let Some(to) = search.to {
        binds.push(Bind::at(to));
        also += &format!(" and b.first_at < ${}", binds.len());
    }
    if let Some(jobs) = jobs {
        let jobs: Vec<String> = jobs.iter().map(i64::to_string).collect();
        also += &format!(" and b.job in ({})", jobs.join(", "));
    }
    let columns =
        "b.id as id, b.run_id as run_id, b.first_seq as first_seq, b.last_seq as last_seq, j.job_id as job_id";
    let sql = match conn {
        // The order of a cross join is the one it is written in.
        Conn::Sqlite(_) => format!(
            "select {columns} from ly2_log_words w cross join ly2_log_blocks b on b.id = w.rowid \
             cross join ly2_log_jobs j on j.id = b.job \
             where w.ly2_log_words match $1 and w.rowid >= $2 and w.rowid <= $3{also} order by w.rowid desc limit $4"
        ),
        Conn::Postgres(..) => format!(
            "select {columns} from ly2_log_blocks b join ly2_log_jobs j on j.id = b.job \
             where b.words @@ $1::tsquery and b.id >= $2 and b.id <= $3{also} order by b.id desc limit $4"
        ),
    };
    let rows = conn.fetch_all(&sql, &binds).await?;
    rows.iter()
        .map(|row| {
            Ok(Candidate {
                id: row.int("id")?,
                run: row.run_id("run_id")?,
                first: row.count("first_seq")?,
                last: row.count("last_seq")?,
                job: row.job_id()?,
            })
        })
        .collect()
}

/// The lines of each block that pass the other conditions, the last one first.
async fn lines_of(
    conn: &mut Conn<'_>,
    search: &LineSearch,
    candidates: &[Candidate],
) -> Result<Vec<Vec<LogLine>>, DbError> {
    let mut of_block: HashMap<i64, Vec<LogLine>> = HashMap::new();
    if !candidates.is_empty() {
        let mut binds = Vec::with_capacity(candidates.len() * 4 + 2);
        let mut values = Vec::with_capacity(candidates.len());
        for block in candidates {
            let n = binds.len();
            values.push(match conn {
                Conn::Sqlite(_) => format!("(${}, ${}, ${}, ${})", n + 1, n + 2, n + 3, n + 4),
                Conn::Postgres(..) => {
                    format!("(${}::bigint, ${}::text, ${}::bigint, ${}::bigint)", n + 1, n + 2, n + 3, n + 4)
                }
            });
            binds.extend([Bind::int(block.id), Bind::word(block.run), count(block.first), count(block.last)]);
        }
        let mut also = String::new();
        if let Some(least) = search.level.filter(|level| *level != LogLevel::Debug) {
            let levels = LogLevel::ALL.into_iter().filter(|level| *level >= least).map(LogLevel::as_str);
            also += &format!(" and l.level in ({})", quoted_words(levels));
        }
        if let Some(from) = search.from {
            binds.push(Bind::at(from));
            also += &format!(" and l.at >= ${}", binds.len());
        }
        if let Some(to) = search.to {
            binds.push(Bind::at(to));
            also += &format!(" and l.at < ${}", binds.len());
        }
        let columns = LOG_COLUMNS.split(", ").map(|column| format!("l.{column} as {column}")).collect::<Vec<_>>();
        let sql = format!(
            "with v (block, run_id, first, last) as (values {}) \
             select v.block as block, {} from v cross join ly2_job_logs l \
             where l.run_id = v.run_id and l.seq >= v.first and l.seq <= v.last{also}",
            values.join(", "),
            columns.join(", ")
        );
        for row in conn.fetch_all(&sql, &binds).await? {
            of_block.entry(row.int("block")?).or_default().push(read_log(&row)?);
        }
    }
    let of = |block: &Candidate| {
        let mut lines = of_block.remove(&block.id).unwrap_or_default();
        lines.sort_unstable_by_key(|line| std::cmp::Reverse(line.seq));
        lines
    };
    Ok(candidates.iter().map(of).collect())
}
