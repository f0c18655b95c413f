//! The index behind the search: lines are put into blocks of neighbors of one run, in the transaction that writes them, so a
//! line is found as soon as it can be read and the index never falls behind. A block is known by its words, once each,
//! which is far less to write than every word of every line. Lines from before there was an index get theirs bit by bit
//! ([`IndexOlder`]), the newest first.
//!
//! Invariants: a line is in one block; ids of blocks rise in the order of writing; what stands in the index is cut by
//! `host_model::search` alone, and marks begin with `§`, which no word does.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use chrono::Datelike;
use host_model::log::{LogLevel, LogLine};
use host_model::search::each_key;
use host_model::{Instant, RunId};

use crate::error::DbError;
use crate::row::{LOG_COLUMNS, read_log};
use crate::sql::{Bind, Conn, count, numbered, storable};
use crate::write::{Verdict, Write};

/// Lines of a block at most: more make the index smaller and each look into a block longer.
const BLOCK_LINES: usize = 32;
/// Bytes of text of a block, unless its first line has more.
const BLOCK_BYTES: usize = 32 * 1024;
/// Bytes of a line that are indexed; the engine cuts lines far earlier.
const LINE_BYTES: usize = 32 * 1024;
/// Blocks of one statement in SQLite.
const SQLITE_CHUNK: usize = 100;
/// The first block of a new store; lines from before there was an index get ids below.
pub(crate) const FIRST_BLOCK: i64 = (1 << 40) + 1;

/// Neighbors of one run.
pub(crate) struct Block {
    run: RunId,
    first: u64,
    last: u64,
    first_at: Instant,
    last_at: Instant,
    lines: usize,
    bytes: usize,
    worst: LogLevel,
    words: HashSet<String>,
}

/// Puts lines into blocks, in the order in which they come.
pub(crate) fn blocks<'l>(lines: impl IntoIterator<Item = &'l LogLine>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: HashMap<RunId, usize> = HashMap::new();
    for line in lines {
        let current = open.get(&line.run_id).and_then(|n| blocks.get_mut(*n)).filter(|block| block.has_room(line));
        match current {
            Some(block) => block.add(line),
            None => {
                open.insert(line.run_id, blocks.len());
                blocks.push(Block::of(line));
            }
        }
    }
    blocks
}

impl Block {
    fn of(line: &LogLine) -> Self {
        let mut block = Self {
            run: line.run_id,
            first: line.seq,
            last: line.seq,
            first_at: line.at,
            last_at: line.at,
            lines: 0,
            bytes: 0,
            worst: line.level,
            words: HashSet::new(),
        };
        block.add(line);
        block
    }

    fn has_room(&self, line: &LogLine) -> bool {
        line.seq == self.last + 1 && self.lines < BLOCK_LINES && self.bytes + line.message.len() <= BLOCK_BYTES
    }

    fn add(&mut self, line: &LogLine) {
        self.last = line.seq;
        self.first_at = self.first_at.min(line.at);
        self.last_at = self.last_at.max(line.at);
        self.lines += 1;
        self.bytes += line.message.len();
        self.worst = self.worst.max(line.level);
        let end = (0..=LINE_BYTES.min(line.message.len())).rev().find(|end| line.message.is_char_boundary(*end));
        each_key(&line.message[..end.unwrap_or(0)], |key| {
            if !self.words.contains(key) {
                self.words.insert(key.to_owned());
            }
        });
        for mark in [day_mark(storable(line.at)), month_mark(storable(line.at))] {
            self.words.insert(mark);
        }
    }

    /// What the index is given, separated by blanks.
    fn text(&self, job: Option<i64>) -> String {
        let mut words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        for level in LogLevel::ALL {
            words.extend(level_mark(level).filter(|_| level <= self.worst));
        }
        // The same words make the same text, which is easier to compress and to compare.
        words.sort_unstable();
        let mut text = words.join(" ");
        if let Some(job) = job {
            text += " ";
            text += &job_mark(job);
        }
        text
    }
}

pub(crate) fn job_mark(job: i64) -> String {
    format!("§j{job}")
}

/// The mark of blocks with a line of this level or above; every block has lines of the lowest.
pub(crate) fn level_mark(level: LogLevel) -> Option<&'static str> {
    match level {
        LogLevel::Debug | LogLevel::Info => None,
        LogLevel::Warning => Some("§w"),
        LogLevel::Error => Some("§e"),
    }
}

pub(crate) fn day_mark(at: Instant) -> String {
    format!("§d{}", at.num_days_from_ce())
}

pub(crate) fn month_mark(at: Instant) -> String {
    format!("§m{}", i64::from(at.year()) * 12 + i64::from(at.month0()))
}

/// Writes the blocks of lines that have just been written, all of which were new.
pub(crate) async fn write(conn: &mut Conn<'_>, blocks: &[Block]) -> Result<(), DbError> {
    if blocks.is_empty() {
        return Ok(());
    }
    let jobs = job_numbers(conn, blocks).await?;
    match conn {
        Conn::Sqlite(_) => {
            let newest = "select max(id) as id from ly2_log_blocks";
            let newest = conn.fetch_optional(newest, &[]).await?.map(|row| row.opt_int("id")).transpose()?.flatten();
            let first = newest.map_or(FIRST_BLOCK, |id| FIRST_BLOCK.max(id + 1));
            insert_sqlite(conn, blocks, &jobs, first).await
        }
        Conn::Postgres(..) => insert_postgres(conn, blocks, &jobs, None).await,
    }
}

/// The tables of the index; all of it can be made again from the lines.
pub(crate) const TABLES: [&str; 3] = ["ly2_log_blocks", "ly2_log_jobs", "ly2_log_backlog"];
/// The migration that made them.
pub(crate) const SINCE: i64 = 14;

/// Forgets the index and has [`IndexOlder`] make it again, for lines that came by another way than [`write`].
pub(crate) async fn begin_anew(conn: &mut Conn<'_>) -> Result<(), DbError> {
    for table in TABLES {
        conn.execute(&format!("delete from {table}"), &[]).await?;
    }
    let newest =
        "insert into ly2_log_backlog (id, run_id) select 1, run_id from ly2_job_logs order by run_id desc limit 1";
    conn.execute(newest, &[]).await.map(drop)
}

/// Those of the lines that no block has, each once: some of them were there already, or came twice.
pub(crate) async fn without_block<'l>(conn: &mut Conn<'_>, lines: &'l [LogLine]) -> Result<Vec<&'l LogLine>, DbError> {
    let mut ranges: HashMap<RunId, Vec<(u64, u64)>> = HashMap::new();
    let mut seen = HashSet::new();
    let mut left = Vec::new();
    for line in lines {
        let of_run = match ranges.entry(line.run_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let sql = "select first_seq, last_seq from ly2_log_blocks where run_id = $1";
                let rows = conn.fetch_all(sql, &[Bind::word(line.run_id)]).await?;
                let of_run = rows.iter().map(|row| Ok((row.count("first_seq")?, row.count("last_seq")?)));
                place.insert(of_run.collect::<Result<_, DbError>>()?)
            }
        };
        let has_block = of_run.iter().any(|(first, last)| (*first..=*last).contains(&line.seq));
        if !has_block && seen.insert((line.run_id, line.seq)) {
            left.push(line);
        }
    }
    Ok(left)
}

/// The number of the job of each run; a run that is not known has none.
async fn job_numbers(conn: &mut Conn<'_>, blocks: &[Block]) -> Result<HashMap<RunId, i64>, DbError> {
    let runs: Vec<RunId> = blocks.iter().map(|block| block.run).collect::<HashSet<_>>().into_iter().collect();
    let mut numbers = HashMap::new();
    let mut fresh: HashMap<String, i64> = HashMap::new();
    for some in runs.chunks(500) {
        let sql = format!(
            "select r.id as run_id, r.job_id as job_id, j.id as job from ly2_job_runs r \
             left join ly2_log_jobs j on j.job_id = r.job_id where r.id in ({})",
            numbered(1, some.len())
        );
        let binds: Vec<Bind<'_>> = some.iter().map(Bind::word).collect();
        for row in conn.fetch_all(&sql, &binds).await? {
            let (run, job) = (row.run_id("run_id")?, row.text("job_id")?);
            let number = match (row.opt_int("job")?, fresh.get(&job)) {
                (Some(number), _) | (None, Some(&number)) => number,
                (None, None) => number_job(conn, &job).await?,
            };
            fresh.insert(job, number);
            numbers.insert(run, number);
        }
    }
    Ok(numbers)
}

/// Two processes may number a job at once: then it has two numbers, and the search asks for both.
async fn number_job(conn: &mut Conn<'_>, job: &str) -> Result<i64, DbError> {
    let sql = "insert into ly2_log_jobs (job_id) values ($1) returning id";
    match conn.fetch_optional(sql, &[Bind::text(job)]).await? {
        Some(row) => row.int("id"),
        None => Err(DbError::Corrupt(format!("job `{job}` got no number"))),
    }
}

async fn insert_sqlite(
    conn: &mut Conn<'_>,
    blocks: &[Block],
    jobs: &HashMap<RunId, i64>,
    first: i64,
) -> Result<(), DbError> {
    let mut id = first;
    for chunk in blocks.chunks(SQLITE_CHUNK) {
        let (mut rows, mut words) = (Vec::with_capacity(chunk.len() * 7), Vec::with_capacity(chunk.len() * 2));
        for block in chunk {
            let job = jobs.get(&block.run).copied();
            rows.extend([
                Bind::int(id),
                Bind::word(block.run),
                Bind::Int(job),
                count(block.first),
                count(block.last),
                Bind::at(block.first_at),
                Bind::at(block.last_at),
            ]);
            words.extend([Bind::int(id), Bind::word(block.text(job))]);
            id += 1;
        }
        let values = vec!["(?, ?, ?, ?, ?, ?, ?)"; chunk.len()].join(", ");
        let columns = "id, run_id, job, first_seq, last_seq, first_at, last_at";
        conn.execute_once(&format!("insert into ly2_log_blocks ({columns}) values {values}"), &rows).await?;
        let values = vec!["(?, ?)"; chunk.len()].join(", ");
        conn.execute_once(&format!("insert into ly2_log_words (rowid, words) values {values}"), &words).await?;
    }
    Ok(())
}

/// With ids from `first` on, or the next ones.
async fn insert_postgres(
    conn: &mut Conn<'_>,
    blocks: &[Block],
    jobs: &HashMap<RunId, i64>,
    first: Option<i64>,
) -> Result<(), DbError> {
    let Conn::Postgres(conn, watch) = conn else { return Ok(()) };
    let (id, at) = if first.is_some() { ("id, ", "$8 + n - 1, ") } else { ("", "") };
    let sql = format!(
        "insert into ly2_log_blocks ({id}run_id, job, first_seq, last_seq, first_at, last_at, words) \
         select {at}r, j, f, l, fa, la, array_to_tsvector(string_to_array(w, ' ')) \
         from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::timestamptz[], \
         $7::text[]) with ordinality as t (r, j, f, l, fa, la, w, n)"
    );
    let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let of_job = |block: &Block| jobs.get(&block.run).copied();
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(blocks.iter().map(|block| block.run.to_string()).collect::<Vec<_>>())
        .bind(blocks.iter().map(of_job).collect::<Vec<_>>())
        .bind(blocks.iter().map(|block| signed(block.first)).collect::<Vec<_>>())
        .bind(blocks.iter().map(|block| signed(block.last)).collect::<Vec<_>>())
        .bind(blocks.iter().map(|block| storable(block.first_at)).collect::<Vec<_>>())
        .bind(blocks.iter().map(|block| storable(block.last_at)).collect::<Vec<_>>())
        .bind(blocks.iter().map(|block| block.text(of_job(block))).collect::<Vec<_>>());
    if let Some(first) = first {
        query = query.bind(first);
    }
    watch.over(query.execute(&mut **conn)).await?;
    Ok(())
}

/// `LogSearch::index_older`: lines of runs from before there was an index. Whoever does it holds the one row that says how
/// far it is, so two processes never index a line twice.
pub(crate) struct IndexOlder(pub(crate) u32);

/// Runs looked at in one batch, most of which may have no lines left to do.
const RUNS_OF_A_BATCH: usize = 200;

#[async_trait]
impl Write for IndexOlder {
    /// Whether there may be more.
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        let sql = format!("select run_id from ly2_log_backlog{}", conn.locking(" for update"));
        let Some(row) = conn.fetch_optional(&sql, &[]).await? else { return Ok(Verdict::Keep(false)) };
        let mut run = Some(row.run_id("run_id")?);
        let mut room = self.0 as usize;
        // The newest first; ids have to rise while they are written.
        let mut runs: Vec<Vec<Block>> = Vec::new();
        for _ in 0..RUNS_OF_A_BATCH {
            let Some(this) = run else { break };
            let lines = lines_left(conn, this, room).await?;
            room -= lines.len().min(room);
            runs.push(blocks(&lines));
            if room == 0 {
                // The same run again next time; it may be done.
                break;
            }
            let sql = "select run_id from ly2_job_logs where run_id < $1 order by run_id desc limit 1";
            run = conn.fetch_optional(sql, &[Bind::word(this)]).await?.map(|row| row.run_id("run_id")).transpose()?;
        }
        let blocks: Vec<Block> = runs.into_iter().rev().flatten().collect();
        if !blocks.is_empty() {
            let jobs = job_numbers(conn, &blocks).await?;
            let oldest = "select min(id) as id from ly2_log_blocks";
            let oldest = conn.fetch_optional(oldest, &[]).await?.map(|row| row.opt_int("id")).transpose()?.flatten();
            let first = oldest.unwrap_or(FIRST_BLOCK) - i64::try_from(blocks.len()).unwrap_or(0);
            match conn {
                Conn::Sqlite(_) => insert_sqlite(conn, &blocks, &jobs, first).await?,
                Conn::Postgres(..) => insert_postgres(conn, &blocks, &jobs, Some(first)).await?,
            }
        }
        match run {
            Some(run) => conn.execute("update ly2_log_backlog set run_id = $1", &[Bind::word(run)]).await?,
            None => conn.execute("delete from ly2_log_backlog", &[]).await?,
        };
        Ok(Verdict::Keep(run.is_some()))
    }
}

/// The last lines of a run before those that have a block already, in order.
async fn lines_left(conn: &mut Conn<'_>, run: RunId, most: usize) -> Result<Vec<LogLine>, DbError> {
    let first = "select min(first_seq) as seq from ly2_log_blocks where run_id = $1";
    let first = conn.fetch_optional(first, &[Bind::word(run)]).await?;
    let end = first.map(|row| row.opt_int("seq")).transpose()?.flatten().unwrap_or(i64::MAX);
    let sql =
        format!("select {LOG_COLUMNS} from ly2_job_logs where run_id = $1 and seq < $2 order by seq desc limit $3");
    let most = Bind::int(i64::try_from(most).unwrap_or(i64::MAX));
    let rows = conn.fetch_all(&sql, &[Bind::word(run), Bind::int(end), most]).await?;
    rows.iter().rev().map(read_log).collect()
}
