//! Reading runs and their steps. Run ids sort by time, so "newest first" is descending order of the primary key and a
//! page begins after the last id of the one before.

use host_model::run::RunFilter;
use host_model::{JobId, Json, Run, RunId, StepRun};

use crate::error::DbError;
use crate::row::{RUN_COLUMNS, STEP_COLUMNS, StoredRow, read_run, read_step};
use crate::sql::{Bind, Conn, numbered, quoted_words};

pub(crate) async fn find_run(conn: &mut Conn<'_>, run: RunId) -> Result<Option<Run>, DbError> {
    let sql = format!("select {RUN_COLUMNS} from ly2_job_runs where id = $1");
    let row = conn.fetch_optional(&sql, &[Bind::word(run)]).await?;
    row.as_ref().map(read_run).transpose()
}

/// What a filter asks of a row, but `before` and `limit`: each part is empty or begins with ` and`.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) jobs: String,
    pub(crate) statuses: String,
    pub(crate) text: String,
    /// The other ones.
    pub(crate) rest: String,
}

/// The place of a new parameter.
pub(crate) fn bound<'f>(binds: &mut Vec<Bind<'f>>, bind: Bind<'f>) -> usize {
    binds.push(bind);
    binds.len()
}

/// What `filter` asks; what it binds comes after what is in `binds` already.
pub(crate) fn parts<'f>(conn: &Conn<'_>, filter: &'f RunFilter, binds: &mut Vec<Bind<'f>>) -> Parts {
    let mut parts = Parts::default();
    if !filter.jobs.is_empty() {
        parts.jobs = format!(" and job_id in ({})", numbered(binds.len() + 1, filter.jobs.len()));
        binds.extend(filter.jobs.iter().map(|job| Bind::text(job.as_str())));
    }
    if !filter.statuses.is_empty() {
        let words = quoted_words(filter.statuses.iter().map(|status| status.as_str()));
        parts.statuses = format!(" and status in ({words})");
    }
    for (condition, at) in [("queued_at >=", filter.from), ("queued_at <", filter.to)] {
        if let Some(at) = at {
            parts.rest += &format!(" and {condition} ${}", bound(binds, Bind::at(at)));
        }
    }
    if !filter.triggers.is_empty() {
        let each = filter.triggers.iter().map(|trigger| {
            let whole = bound(binds, Bind::text(trigger));
            let kind = bound(binds, Bind::word(format_args!("{trigger}:")));
            format!("triggered_by = ${whole} or substr(triggered_by, 1, length(${kind})) = ${kind}")
        });
        parts.rest += &format!(" and ({})", each.collect::<Vec<_>>().join(" or "));
    }
    if let Some(seconds) = filter.min_seconds {
        parts.rest += &format!(" and {} >= {seconds:.3}", took(conn));
    }
    if let Some(text) = &filter.text {
        let position = bound(binds, Bind::word(like(text)));
        let each = ["id", "job_id", "reason", "error"].map(|column| has(conn, column, position));
        parts.text = format!(" and ({})", each.join(" or "));
    }
    parts
}

/// Whether a column has the text whose pattern is bound at `position`.
pub(crate) fn has(conn: &Conn<'_>, column: &str, position: usize) -> String {
    // SQLite's `like` takes ASCII letters in any case, PostgreSQL's takes them as they are.
    let like = if matches!(conn, Conn::Sqlite(_)) { "like" } else { "ilike" };
    format!("{column} {like} ${position} escape '\\'")
}

/// How many seconds a run took; null unless it has begun and ended.
fn took(conn: &Conn<'_>) -> &'static str {
    match conn {
        Conn::Sqlite(_) => "(julianday(finished_at) - julianday(started_at)) * 86400.0 + 0.0005",
        Conn::Postgres(..) => "extract(epoch from finished_at - started_at)",
    }
}

pub(crate) async fn list_runs(conn: &mut Conn<'_>, filter: &RunFilter) -> Result<Vec<Run>, DbError> {
    let mut binds = vec![Bind::int(filter.limit)];
    let Parts { jobs, statuses, text, rest } = parts(conn, filter, &mut binds);
    let older = filter.before.map(|before| format!(" and id < ${}", bound(&mut binds, Bind::word(before))));
    let sql = format!(
        "select {RUN_COLUMNS} from ly2_job_runs where true{jobs}{statuses}{rest}{text}{} order by id desc limit $1",
        older.unwrap_or_default()
    );
    Ok(read_runs(&conn.fetch_all(&sql, &binds).await?))
}

/// A pattern that finds `text` anywhere.
pub(crate) fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern + "%"
}

/// Those that can be read: one that cannot must not hide the others.
pub(crate) fn read_runs(rows: &[StoredRow]) -> Vec<Run> {
    let read = |row: &StoredRow| {
        let told =
            |why: &DbError| tracing::warn!(run.id = row.text("id").ok(), %why, "a run cannot be read; it is left out");
        read_run(row).inspect_err(told).ok()
    };
    rows.iter().filter_map(read).collect()
}

/// `with … jobs (job_id)`: those of `asked`, bound after what is in `binds` already, or all that ever ran, and a null row.
///
/// For all, it jumps from job to job along the index instead of reading the whole history: neither planner does that by
/// itself.
pub(crate) fn with_jobs(conn: &Conn<'_>, asked: &[JobId], binds: &mut Vec<Bind<'_>>) -> String {
    if asked.is_empty() {
        return "with recursive jobs (job_id) as ( \
                    select min(job_id) from ly2_job_runs \
                    union all \
                    select (select min(r.job_id) from ly2_job_runs r where r.job_id > jobs.job_id) \
                    from jobs where jobs.job_id is not null)"
            .to_owned();
    }
    // One text for any number of them.
    binds.push(Bind::word(Json::from_iter(asked.iter().map(JobId::as_str))));
    let given = binds.len();
    match conn {
        Conn::Sqlite(_) => format!("with jobs (job_id) as (select value from json_each(${given}))"),
        Conn::Postgres(..) => {
            format!("with jobs (job_id) as (select json_array_elements_text(cast(${given} as json)))")
        }
    }
}

pub(crate) async fn list_latest_runs(conn: &mut Conn<'_>, jobs: &[JobId]) -> Result<Vec<Run>, DbError> {
    let mut binds = Vec::new();
    let jobs = with_jobs(conn, jobs, &mut binds);
    let sql = format!(
        "{jobs} select {RUN_COLUMNS} from ly2_job_runs where id in ( \
             select coalesce( \
                 (select max(r.id) from ly2_job_runs r where r.job_id = jobs.job_id and r.status <> 'SKIPPED'), \
                 (select max(r.id) from ly2_job_runs r where r.job_id = jobs.job_id)) \
             from jobs where jobs.job_id is not null) \
         order by job_id"
    );
    Ok(read_runs(&conn.fetch_many(RUN_COLUMNS, &sql, &binds).await?))
}

pub(crate) async fn list_steps(conn: &mut Conn<'_>, run: RunId) -> Result<Vec<StepRun>, DbError> {
    let sql = format!("select {STEP_COLUMNS} from ly2_step_runs where run_id = $1 order by step_index, attempt");
    let rows = conn.fetch_all(&sql, &[Bind::word(run)]).await?;
    rows.iter().map(read_step).collect()
}

pub(crate) async fn ping(conn: &mut Conn<'_>) -> Result<(), DbError> {
    conn.fetch_optional("select 1 as one", &[]).await.map(drop)
}
