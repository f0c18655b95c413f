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

/// ` where …` of a filter but its `limit`; what it binds comes after what is in `binds` already.
pub(crate) fn condition<'f>(conn: &Conn<'_>, filter: &'f RunFilter, binds: &mut Vec<Bind<'f>>) -> String {
    let mut conditions = Vec::new();
    if !filter.jobs.is_empty() {
        conditions.push(format!("job_id in ({})", numbered(binds.len() + 1, filter.jobs.len())));
        binds.extend(filter.jobs.iter().map(|job| Bind::text(job.as_str())));
    }
    if !filter.statuses.is_empty() {
        conditions.push(format!("status in ({})", quoted_words(filter.statuses.iter().map(|status| status.as_str()))));
    }
    let bounds = [
        ("id <", filter.before.map(Bind::word)),
        ("queued_at >=", filter.from.map(Bind::at)),
        ("queued_at <", filter.to.map(Bind::at)),
    ];
    for (condition, bind) in bounds {
        if let Some(bind) = bind {
            binds.push(bind);
            conditions.push(format!("{condition} ${}", binds.len()));
        }
    }
    if !filter.triggers.is_empty() {
        let each = filter.triggers.iter().map(|trigger| {
            binds.extend([Bind::text(trigger), Bind::word(format_args!("{trigger}:"))]);
            let (whole, kind) = (binds.len() - 1, binds.len());
            format!("triggered_by = ${whole} or substr(triggered_by, 1, length(${kind})) = ${kind}")
        });
        conditions.push(format!("({})", each.collect::<Vec<_>>().join(" or ")));
    }
    if let Some(text) = &filter.text {
        let (escaped, position) = (like(text), binds.len() + 1);
        binds.push(Bind::word(escaped));
        let among = ["id", "job_id", "reason", "error"];
        // SQLite's `like` takes ASCII letters in any case, PostgreSQL's takes them as they are.
        let like = if matches!(conn, Conn::Sqlite(_)) { "like" } else { "ilike" };
        let each = among.map(|column| format!("{column} {like} ${position} escape '\\'"));
        conditions.push(format!("({})", each.join(" or ")));
    }
    if let Some(seconds) = filter.min_seconds {
        conditions.push(format!("{} >= {seconds:.3}", took(conn)));
    }
    if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) }
}

/// How many seconds a run took; null unless it has begun and ended.
pub(crate) fn took(conn: &Conn<'_>) -> &'static str {
    match conn {
        Conn::Sqlite(_) => "(julianday(finished_at) - julianday(started_at)) * 86400.0 + 0.0005",
        Conn::Postgres(..) => "extract(epoch from finished_at - started_at)",
    }
}

pub(crate) async fn list_runs(conn: &mut Conn<'_>, filter: &RunFilter) -> Result<Vec<Run>, DbError> {
    let mut binds = Vec::new();
    let condition = condition(conn, filter, &mut binds);
    binds.push(Bind::int(filter.limit));
    let sql = format!("select {RUN_COLUMNS} from ly2_job_runs{condition} order by id desc limit ${}", binds.len());
    Ok(read_runs(&conn.fetch_all(&sql, &binds).await?))
}

/// A pattern that finds `text` anywhere.
fn like(text: &str) -> String {
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
fn read_runs(rows: &[StoredRow]) -> Vec<Run> {
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
