//! What is drawn of many runs: their span, their times, and counts by time, state and length when they are too many to draw
//! one by one; and how long the steps of a job take. Reads only.

use host_model::history::{LENGTHS, RunCell, RunSpan, RunTime, StepTime};
use host_model::run::RunFilter;
use host_model::{JobId, RunId};

use crate::error::DbError;
use crate::history::{TIME_COLUMNS, read_times};
use crate::row::StoredRow;
use crate::runs::{condition, took};
use crate::sql::{Bind, Conn};

pub(crate) async fn run_span(conn: &mut Conn<'_>, filter: &RunFilter) -> Result<RunSpan, DbError> {
    let mut binds = Vec::new();
    let filter = RunFilter { before: None, ..filter.clone() };
    let condition = condition(conn, &filter, &mut binds);
    let sql = format!(
        "select count(*) as runs, min(queued_at) as first, max(queued_at) as last from ly2_job_runs{condition}"
    );
    let Some(row) = conn.fetch_optional(&sql, &binds).await? else { return Ok(RunSpan::default()) };
    Ok(RunSpan { count: row.count("runs")?, first: row.opt_at("first")?, last: row.opt_at("last")? })
}

pub(crate) async fn filtered_times(conn: &mut Conn<'_>, filter: &RunFilter) -> Result<Vec<RunTime>, DbError> {
    let mut binds = Vec::new();
    let condition = condition(conn, filter, &mut binds);
    binds.push(Bind::int(filter.limit));
    let sql = format!("select {TIME_COLUMNS} from ly2_job_runs{condition} order by id desc limit ${}", binds.len());
    Ok(read_times(&conn.fetch_all(&sql, &binds).await?))
}

pub(crate) async fn run_cells(
    conn: &mut Conn<'_>,
    filter: &RunFilter,
    width_seconds: u32,
) -> Result<Vec<RunCell>, DbError> {
    let mut binds = Vec::new();
    let condition = condition(conn, filter, &mut binds);
    let epoch = match conn {
        Conn::Sqlite(_) => "cast(strftime('%s', queued_at) as integer)",
        Conn::Postgres(..) => "floor(extract(epoch from queued_at))::bigint",
    };
    let took = took(conn);
    let below = LENGTHS.iter().enumerate().map(|(index, seconds)| format!(" when {took} < {seconds} then {index}"));
    let length = format!(
        "cast(case when {took} is null then null{} else {} end as bigint)",
        below.collect::<String>(),
        LENGTHS.len()
    );
    let sql = format!(
        "select {epoch} / {} as slot, status, {length} as length, count(*) as runs from ly2_job_runs{condition} \
         group by 1, 2, 3 order by 1, 2, 3",
        width_seconds.max(1)
    );
    let read = |row: &StoredRow| {
        let length = row.opt_int("length")?.and_then(|index| u32::try_from(index).ok());
        Ok(RunCell { slot: row.int("slot")?, status: row.run_status()?, length, count: row.count("runs")? })
    };
    conn.fetch_all(&sql, &binds).await?.iter().map(read).collect()
}

pub(crate) async fn step_times(
    conn: &mut Conn<'_>,
    job: &JobId,
    before: Option<RunId>,
    runs: u32,
) -> Result<Vec<StepTime>, DbError> {
    let mut binds = vec![Bind::text(job.as_str()), Bind::int(runs)];
    let older = before.map_or("", |_| " and id < $3");
    binds.extend(before.map(Bind::word));
    let sql = format!(
        "select step_name, min(started_at) as started_at, max(finished_at) as finished_at from ly2_step_runs \
         where run_id in (select id from ly2_job_runs where job_id = $1 and status = 'SUCCEEDED'{older} \
                          order by id desc limit $2) \
         and started_at is not null and finished_at is not null group by run_id, step_name order by step_name, run_id"
    );
    let mut times = Vec::new();
    for row in conn.fetch_all(&sql, &binds).await? {
        if let Some(step) = row.opt_step_name("step_name")? {
            let took = row.at("finished_at")? - row.at("started_at")?;
            times.push(StepTime { step, seconds: took.as_seconds_f64().max(0.0) });
        }
    }
    Ok(times)
}
