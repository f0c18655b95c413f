//! Search over the log lines of all runs, on SQLite and PostgreSQL: what the index costs whoever writes lines, beside the same
//! rows as bare inserts in the same run; how large it is; how long words take to be found, rare and common; and how long
//! after it was written a line is found while others are being written. Prints.
//!
//! `NOMAFLOW_BENCH_LINES` sets how many lines (1,000,000), `NOMAFLOW_BENCH_ROUNDS` how many searches of each kind (30),
//! `NOMAFLOW_BENCH_STORES` which stores (`sqlite,postgres`), `NOMAFLOW_BENCH_FOLDER` where the SQLite file is made. Ten
//! million lines take some 3 GB in SQLite and 5 GB in PostgreSQL.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{SecondsFormat, TimeDelta};
use host_model::log::{LogLevel, LogLine};
use host_model::port::Store;
use host_model::search::{LineSearch, LogSearch, Words};
use host_model::{JobId, RunId, StepName};
use sqlx::{AssertSqlSafe, Connection, Executor};
use test_support::Postgres;

/// Lines of one run.
const LINES_OF_RUN: u64 = 2_000;
/// Runs that write at the same time.
const AT_ONCE: u64 = 10;
const JOBS: u64 = 200;
/// Lines of one transaction, as the engine's sink writes them.
const BATCH: usize = 1_000;
/// Lines between two with the rare word.
const RARE: u64 = 50_000;
const DAYS: i64 = 90;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// The lines of a history of `total` lines, a batch at a time.
struct Lines {
    total: u64,
    done: u64,
}

impl Lines {
    fn at(&self, n: u64) -> host_model::Instant {
        let share = i64::try_from(n).unwrap_or(0) * (DAYS * 86_400_000) / i64::try_from(self.total).unwrap_or(1).max(1);
        host_model::Instant::from_timestamp_millis(1_790_000_000_000 + share).expect("a time")
    }

    /// The run of a line and its number there: `AT_ONCE` runs take turns.
    fn place(n: u64) -> (u64, u64) {
        let (group, inside) = (n / (LINES_OF_RUN * AT_ONCE), n % (LINES_OF_RUN * AT_ONCE));
        (group * AT_ONCE + inside % AT_ONCE, inside / AT_ONCE)
    }

    fn run_id(&self, run: u64) -> RunId {
        let began = self.at(run / AT_ONCE * LINES_OF_RUN * AT_ONCE);
        RunId::from_parts(began.timestamp_millis() as u64, run as u32)
    }

    fn line(&self, n: u64) -> LogLine {
        let (run, seq) = Self::place(n);
        // A step of a generator that depends on nothing but the number.
        let chance = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let (table, rows, ms) = (chance % 800, chance % 10_007, chance % 991);
        let (level, message) = match chance % 1000 {
            0 => (LogLevel::Error, format!("ORA-00942: table or view does not exist: NOMASX1.SECURITY_{table}")),
            1..=10 => (LogLevel::Warning, format!("F{table:04}: {rows} rows have no USER_ID and are left out")),
            11..=200 => (LogLevel::Info, format!("reading NOMAJDE.F{table:04} where UPMJ >= 1261{:02}", rows % 100)),
            201..=300 => (LogLevel::Info, format!("request {:016x} answered 200 in {ms} ms", chance ^ (n << 17))),
            _ => {
                (LogLevel::Info, format!("F{table:04}: batch {seq}, {rows} rows written in {ms} ms, {} left", rows * 7))
            }
        };
        let message = if n % RARE == RARE / 2 { format!("{message} needle{}", n / RARE) } else { message };
        let step = StepName::new(&format!("F{:04}", run % 40)).ok();
        LogLine { run_id: self.run_id(run), seq, at: self.at(n), level, step, attempt: 1, message }
    }
}

impl Iterator for Lines {
    type Item = Vec<LogLine>;

    fn next(&mut self) -> Option<Vec<LogLine>> {
        let end = self.total.min(self.done + BATCH as u64);
        let batch: Vec<LogLine> = (self.done..end).map(|n| self.line(n)).collect();
        self.done = end;
        (!batch.is_empty()).then_some(batch)
    }
}

/// One statement past the store.
async fn number_of(url: &str, sql: String) -> i64 {
    let sql = AssertSqlSafe(sql);
    if let Some(path) = url.strip_prefix("sqlite:") {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let mut conn = sqlx::SqliteConnection::connect_with(&options).await.expect("the file");
        sqlx::query_scalar(sql).fetch_one(&mut conn).await.expect("a number")
    } else {
        let mut conn = sqlx::PgConnection::connect(url).await.expect("the server");
        sqlx::query_scalar(sql).fetch_one(&mut conn).await.expect("a number")
    }
}

async fn insert_runs(url: &str, lines: &Lines) {
    let runs = lines.total.div_ceil(LINES_OF_RUN * AT_ONCE) * AT_ONCE;
    let rows: Vec<String> = (0..runs)
        .map(|run| {
            let (id, job) = (lines.run_id(run), run % JOBS);
            let at = lines.at(run * LINES_OF_RUN).to_rfc3339_opts(SecondsFormat::Millis, true);
            format!("('{id}', 'job-{job}', 'SUCCEEDED', 'cron', '{at}', '{at}', '{at}', 1, 'INFO', '{{}}', '{{}}', 'a/1/1', true, false)")
        })
        .collect();
    for some in rows.chunks(400) {
        let sql = format!(
            "insert into ly2_job_runs (id, job_id, status, triggered_by, queued_at, started_at, finished_at, step_count, \
             log_level, params, overrides, owner, exclusive, waits) values {} returning cast(1 as bigint)",
            some.join(", ")
        );
        number_of(url, sql).await;
    }
}

/// The same rows, as the store wrote them before there was an index; lines a second.
async fn bare(url: &str, total: u64) -> f64 {
    let lines = Lines { total, done: 0 };
    let mut took = Duration::ZERO;
    if let Some(path) = url.strip_prefix("sqlite:") {
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
            .synchronous(sqlx::sqlite::SqliteSynchronous::Normal);
        let mut conn = sqlx::SqliteConnection::connect_with(&options).await.expect("the file");
        for batch in lines {
            let began = Instant::now();
            conn.execute("begin immediate").await.expect("begun");
            for chunk in batch.chunks(500) {
                let values = vec!["(?, ?, ?, ?, ?, ?, ?)"; chunk.len()].join(", ");
                let sql = format!(
                    "insert into ly2_job_logs (run_id, seq, at, level, step, attempt, message) values {values} on conflict (run_id, seq) do nothing"
                );
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for line in chunk {
                    query = query
                        .bind(line.run_id.to_string())
                        .bind(line.seq as i64)
                        .bind(line.at.to_rfc3339_opts(SecondsFormat::Millis, true))
                        .bind(line.level.as_str())
                        .bind(line.step.as_ref().map(ToString::to_string))
                        .bind(i64::from(line.attempt))
                        .bind(&line.message);
                }
                query.execute(&mut conn).await.expect("written");
            }
            conn.execute("commit").await.expect("committed");
            took += began.elapsed();
        }
    } else {
        let mut conn = sqlx::PgConnection::connect(url).await.expect("the server");
        for batch in lines {
            let began = Instant::now();
            conn.execute("begin; set local synchronous_commit = off").await.expect("begun");
            sqlx::query(
                "insert into ly2_job_logs (run_id, seq, at, level, step, attempt, message) select * from unnest($1::text[], \
                 $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::bigint[], $7::text[]) on conflict do nothing",
            )
            .bind(batch.iter().map(|line| line.run_id.to_string()).collect::<Vec<_>>())
            .bind(batch.iter().map(|line| line.seq as i64).collect::<Vec<_>>())
            .bind(batch.iter().map(|line| line.at).collect::<Vec<_>>())
            .bind(batch.iter().map(|line| line.level.as_str()).collect::<Vec<_>>())
            .bind(batch.iter().map(|line| line.step.as_ref().map(ToString::to_string)).collect::<Vec<_>>())
            .bind(batch.iter().map(|line| i64::from(line.attempt)).collect::<Vec<_>>())
            .bind(batch.iter().map(|line| line.message.clone()).collect::<Vec<_>>())
            .execute(&mut conn)
            .await
            .expect("written");
            conn.execute("commit").await.expect("committed");
            took += began.elapsed();
        }
    }
    total as f64 / took.as_secs_f64()
}

/// Lines a second, and the time of a batch.
async fn fill(store: &dyn Store, total: u64) -> (f64, Vec<Duration>) {
    let mut times = Vec::new();
    for batch in (Lines { total, done: 0 }) {
        let began = Instant::now();
        store.append_logs(&batch).await.expect("written");
        times.push(began.elapsed());
    }
    (total as f64 / times.iter().sum::<Duration>().as_secs_f64(), times)
}

fn shares(times: &mut [Duration]) -> String {
    times.sort();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    format!("p50 {:.1?}, p95 {:.1?}, max {:.1?}", at(50), at(95), at(100))
}

fn asking(words: &str) -> LineSearch {
    let words = Words::parse(words).expect("words");
    LineSearch { words, jobs: None, level: None, from: None, to: None, before: None, limit: 50 }
}

async fn search_all(search: &dyn LogSearch, total: u64, rounds: u64) {
    let lines = Lines { total, done: 0 };
    let of = |n: u64| n * total / rounds;
    let old = |asked: LineSearch, n| LineSearch { to: Some(lines.at(of(n))), ..asked };
    let in_job = |asked: LineSearch, n: u64| LineSearch {
        jobs: JobId::new(&format!("job-{}", n % JOBS)).ok().map(|job| [job].into()),
        ..asked
    };
    type Make<'a> = Box<dyn Fn(u64) -> LineSearch + 'a>;
    let kinds: Vec<(&str, Make<'_>)> = vec![
        ("a word in one line", Box::new(|n| asking(&format!("needle{}", of(n) / RARE)))),
        ("a word in no line", Box::new(|n| asking(&format!("nothing{n}")))),
        ("a word in 70 % of all lines", Box::new(|_| asking("rows"))),
        ("a table: a word in 0.1 %", Box::new(|n| asking(&format!("f{:04}", n * 17 % 800)))),
        ("a table and its schema: a phrase", Box::new(|n| asking(&format!("nomajde.f{:04}", n * 17 % 800)))),
        ("a common and a rare word", Box::new(|n| asking(&format!("ms needle{}", of(n) / RARE)))),
        ("a phrase in 0.1 %", Box::new(|_| asking("\"table or view does not exist\""))),
        ("a beginning", Box::new(|_| asking("needle*"))),
        ("a common word in one of 200 jobs", Box::new(|n| in_job(asking("rows"), n))),
        ("a table in one of 200 jobs", Box::new(|n| in_job(asking(&format!("f{:04}", n * 17 % 800)), n))),
        ("a common word among errors", Box::new(|_| LineSearch { level: Some(LogLevel::Error), ..asking("ora") })),
        ("a common word before a moment long past", Box::new(|n| old(asking("rows"), n))),
        ("a table before a moment long past", Box::new(|n| old(asking(&format!("f{:04}", n * 17 % 800)), n))),
        ("two common words never in one line", Box::new(|_| asking("reading written"))),
    ];
    let mut every = Vec::new();
    for (name, make) in kinds {
        let (mut times, mut hits, mut cut) = (Vec::new(), 0, 0);
        for n in 0..rounds {
            let asked = make(n);
            let began = Instant::now();
            let found = search.search(&asked).await.expect("found");
            times.push(began.elapsed());
            hits += found.hits.len();
            cut += usize::from(found.is_cut);
        }
        if cut == 0 {
            every.extend(times.iter().copied());
        }
        println!(
            "  {name}: {}; {:.1} hits, {cut} of {rounds} stopped by time",
            shares(&mut times),
            hits as f64 / rounds as f64
        );
    }
    println!("  all kinds but those stopped: {}", shares(&mut every));
}

/// From before a line is written until a search finds it, while a thousand lines a second are written beside it.
async fn visible(store: Arc<dyn Store>, search: &dyn LogSearch, lines: &Lines, rounds: u64) {
    let (run, noise) = (lines.run_id(0), lines.run_id(1));
    let beside = {
        let store = store.clone();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(50));
            for part in 0_u64.. {
                ticks.tick().await;
                let line = |n: u64| LogLine {
                    run_id: noise,
                    seq: 10_000_000 + part * 50 + n,
                    at: host_model::Instant::from_timestamp_millis(1_800_000_000_000).unwrap_or_default(),
                    level: LogLevel::Info,
                    step: None,
                    attempt: 0,
                    message: format!("noise {part} {n}"),
                };
                let _ = store.append_logs(&(0..50).map(line).collect::<Vec<_>>()).await;
            }
        })
    };
    let mut times = Vec::new();
    for n in 0..rounds {
        let mut line = lines.line(0);
        (line.run_id, line.seq, line.message) = (run, 10_000_000 + n, format!("fresh{n} line"));
        line.at += TimeDelta::days(DAYS);
        let began = Instant::now();
        store.append_logs(&[line]).await.expect("written");
        while search.search(&asking(&format!("fresh{n}"))).await.expect("found").hits.is_empty() {}
        times.push(began.elapsed());
    }
    beside.abort();
    println!("  from writing a line to finding it, beside 1,000 lines a second: {}", shares(&mut times));
}

async fn measure(name: &str, url: &str, peer: &str, total: u64, rounds: u64) {
    println!("{name}, {total} lines");
    let few = total.min(500_000);
    host_store::open(peer, std::path::Path::new("/")).await.expect("a store").close().await;
    let before = bare(peer, few).await;
    let roles = host_store::open_roles(url, std::path::Path::new("/")).await.expect("a store");
    insert_runs(url, &Lines { total, done: 0 }).await;
    let (after, mut times) = fill(&*roles.store, total).await;
    println!(
        "  written: {after:.0} lines/s with the index, {before:.0} bare ({few} lines): {:.2} times; a batch of {BATCH}: {}",
        after / before,
        shares(&mut times)
    );
    let (index, rows) = if url.starts_with("sqlite:") {
        (
            "select sum(pgsize) from dbstat where name glob 'ly2_log_*' or name glob 'sqlite_autoindex_ly2_log_*'",
            "select sum(pgsize) from dbstat where name = 'ly2_job_logs'",
        )
    } else {
        sqlx::PgConnection::connect(url).await.expect("the server").execute("vacuum analyze").await.expect("vacuum");
        ("select pg_total_relation_size('ly2_log_blocks')", "select pg_total_relation_size('ly2_job_logs')")
    };
    let (index, rows) = (number_of(url, index.into()).await, number_of(url, rows.into()).await);
    let a_line = |bytes: i64| bytes as f64 / total as f64;
    println!("  bytes a line: {:.0} of index, {:.0} of the lines themselves", a_line(index), a_line(rows));
    search_all(&*roles.search, total, rounds).await;
    visible(roles.store.clone(), &*roles.search, &Lines { total, done: 0 }, rounds).await;
    roles.store.close().await;
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let (total, rounds) = (number("NOMAFLOW_BENCH_LINES", 1_000_000), number("NOMAFLOW_BENCH_ROUNDS", 30));
    let stores = std::env::var("NOMAFLOW_BENCH_STORES").unwrap_or_else(|_| "sqlite,postgres".to_owned());
    if stores.contains("sqlite") {
        let folder = match std::env::var("NOMAFLOW_BENCH_FOLDER") {
            Ok(parent) => tempfile::tempdir_in(parent),
            Err(_) => tempfile::tempdir(),
        }
        .expect("a folder");
        let url = |file: &str| format!("sqlite:{}", folder.path().join(file).display());
        measure("SQLite", &url("lines.db"), &url("bare.db"), total, rounds).await;
    }
    if stores.contains("postgres") {
        let server = Postgres::start_private().expect("a server");
        let (database, peer) = (server.database().expect("a database"), server.database().expect("a database"));
        measure("PostgreSQL", database.url(), peer.url(), total, rounds).await;
    }
}
