//! Log lines: appended in batches, read in order. A line is known by run and seq; one that is already there stays as it
//! is, so that whoever is unsure whether a batch arrived may send it again.
//!
//! The two dialects differ here for speed: SQLite takes rows as a list of values, PostgreSQL as one array for each column
//! (one statement text for any number of lines), and does not wait for its disk: losing the last lines in a crash is
//! better than slowing every step down.

use async_trait::async_trait;
use host_model::RunId;
use host_model::log::LogLine;
use sqlx::{PgConnection, SqliteConnection};

use crate::error::DbError;
use crate::loan::Watch;
use crate::log_index::{self, Block};
use crate::row::{LOG_COLUMNS, read_log};
use crate::sql::{Bind, Conn, storable, visible_nul};
use crate::write::{Verdict, Write};

/// `Store::append_logs`.
pub(crate) struct AppendLogs {
    lines: Vec<LogLine>,
    /// Cut before the transaction begins, which others may wait for.
    blocks: Vec<Block>,
}

impl AppendLogs {
    pub(crate) fn new(lines: Vec<LogLine>) -> Self {
        Self { blocks: log_index::blocks(&lines), lines }
    }
}

/// Lines of one statement in SQLite: seven parameters each, of 32 766 allowed.
const SQLITE_CHUNK: usize = 500;
/// Bytes of messages in one statement in PostgreSQL, whose protocol ends at 1 GB.
const POSTGRES_BYTES: usize = 8 << 20;
const POSTGRES_CHUNK: usize = 5000;

#[async_trait]
impl Write for AppendLogs {
    type Answer = ();

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<()>, DbError> {
        let written = match conn {
            Conn::Sqlite(conn) => append_sqlite(conn, &self.lines).await?,
            Conn::Postgres(conn, watch) => append_postgres(conn, watch, &self.lines).await?,
        };
        if written == self.lines.len() as u64 {
            log_index::write(conn, &self.blocks).await?;
        } else {
            let lines = log_index::without_block(conn, &self.lines).await?;
            log_index::write(conn, &log_index::blocks(lines)).await?;
        }
        Ok(Verdict::Keep(()))
    }
}

/// How many were new.
async fn append_sqlite(conn: &mut SqliteConnection, lines: &[LogLine]) -> Result<u64, DbError> {
    let mut conn = Conn::Sqlite(conn);
    let mut written = 0;
    for chunk in lines.chunks(SQLITE_CHUNK) {
        let mut binds = Vec::with_capacity(chunk.len() * 7);
        for line in chunk {
            binds.extend([
                Bind::word(line.run_id),
                Bind::int(seq(line.seq)),
                Bind::at(line.at),
                Bind::text(line.level.as_str()),
                Bind::opt_text(line.step.as_ref().map(|step| step.as_str())),
                Bind::int(line.attempt),
                Bind::text(&line.message),
            ]);
        }
        // Bare question marks: SQLite looks every numbered parameter up in a list, which for thousands of them is quadratic.
        let values = vec!["(?, ?, ?, ?, ?, ?, ?)"; chunk.len()].join(", ");
        let sql =
            format!("insert into ly2_job_logs ({LOG_COLUMNS}) values {values} on conflict (run_id, seq) do nothing");
        written += if chunk.len() == SQLITE_CHUNK {
            conn.execute(&sql, &binds).await?
        } else {
            conn.execute_once(&sql, &binds).await?
        };
    }
    Ok(written)
}

async fn append_postgres(conn: &mut PgConnection, watch: &mut Watch, lines: &[LogLine]) -> Result<u64, DbError> {
    let (mut rest, mut written) = (lines, 0);
    while !rest.is_empty() {
        let (chunk, later) = rest.split_at(fitting(rest));
        written += watch.over(insert_postgres(conn, chunk)).await?;
        rest = later;
    }
    Ok(written)
}

/// How many of the lines go into one statement.
fn fitting(lines: &[LogLine]) -> usize {
    let mut bytes = 0;
    let fits = lines.iter().take(POSTGRES_CHUNK).take_while(|line| {
        bytes += line.message.len();
        bytes <= POSTGRES_BYTES
    });
    // A single line beyond the bound still has to go.
    fits.count().max(1)
}

async fn insert_postgres(conn: &mut PgConnection, lines: &[LogLine]) -> Result<u64, sqlx::Error> {
    sqlx::query(
        "insert into ly2_job_logs (run_id, seq, at, level, step, attempt, message) \
         select * from unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::bigint[], $7::text[]) \
         where (select set_config('synchronous_commit', 'off', true)) is not null \
         on conflict (run_id, seq) do nothing",
    )
    .bind(lines.iter().map(|line| line.run_id.to_string()).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| seq(line.seq)).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| storable(line.at)).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.level.as_str()).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.step.as_ref().map(|step| step.as_str().to_owned())).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| i64::from(line.attempt)).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| visible_nul(&line.message).into_owned()).collect::<Vec<_>>())
    .execute(conn)
    .await
    .map(|done| done.rows_affected())
}

/// Both databases count with a sign.
fn seq(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) async fn list_logs(conn: &mut Conn<'_>, run: RunId, from: u64, limit: u32) -> Result<Vec<LogLine>, DbError> {
    let sql = format!("select {LOG_COLUMNS} from ly2_job_logs where run_id = $1 and seq >= $2 order by seq limit $3");
    let rows = conn.fetch_all(&sql, &[Bind::word(run), Bind::int(seq(from)), Bind::int(limit)]).await?;
    rows.iter().map(read_log).collect()
}

/// The next seq; lines are numbered without gaps, so the last one tells how many there are.
pub(crate) async fn count_logs(conn: &mut Conn<'_>, run: RunId) -> Result<u64, DbError> {
    let sql = "select coalesce(max(seq) + 1, 0) as n from ly2_job_logs where run_id = $1";
    match conn.fetch_optional(sql, &[Bind::word(run)]).await? {
        Some(row) => row.count("n"),
        None => Ok(0),
    }
}
