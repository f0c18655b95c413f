//! What stands between a fire and its run: the jobs it depends on, and the runs of its own job it waits for. Read in the
//! transaction that records the run, so that what was decided is what was true then.

use host_model::JobId;
use host_model::fire::{MOST_WAITING, NewRun, overlap_of, unmet_dependency};

use crate::cancels::FIRST_TO_ASK;
use crate::error::DbError;
use crate::sql::{Bind, Conn};

/// The reason of the first dependency that is not met.
pub(crate) async fn find_unmet(conn: &mut Conn<'_>, new: &NewRun) -> Result<Option<String>, DbError> {
    for job in &new.depends_on {
        let reason = unmet_dependency(job, latest_status(conn, job).await?);
        if reason.is_some() {
            return Ok(reason);
        }
    }
    Ok(None)
}

async fn latest_status(conn: &mut Conn<'_>, job: &JobId) -> Result<Option<host_model::RunStatus>, DbError> {
    let sql = "select status from ly2_job_runs where job_id = $1 and status <> 'SKIPPED' order by id desc limit 1";
    let row = conn.fetch_optional(sql, &[Bind::text(job.as_str())]).await?;
    row.map(|row| row.run_status()).transpose()
}

/// Keeps other fires of the job that wait out until this transaction ends, and whoever would take one of its runs up, so
/// that each sees the ones before it. SQLite has one writer anyway.
pub(crate) async fn lock_job(conn: &mut Conn<'_>, job: &JobId) -> Result<(), DbError> {
    if let Conn::Postgres(..) = conn {
        // Any seed will do as long as it is always the same one.
        let sql = "select pg_advisory_xact_lock(hashtextextended($1, 8317242619440226))";
        conn.execute(sql, &[Bind::text(job.as_str())]).await?;
    }
    Ok(())
}

/// Like [`lock_job`] for whoever can do without: false when somebody else is at it.
pub(crate) async fn try_lock_job(conn: &mut Conn<'_>, job: &JobId) -> Result<bool, DbError> {
    let Conn::Postgres(..) = conn else { return Ok(true) };
    let sql = "select pg_try_advisory_xact_lock(hashtextextended($1, 8317242619440226)) as got";
    let row = conn.fetch_optional(sql, &[Bind::text(job.as_str())]).await?;
    row.map_or(Ok(false), |row| row.flag("got"))
}

/// Whether as many runs of the job wait as may.
pub(crate) async fn is_queue_full(conn: &mut Conn<'_>, job: &JobId) -> Result<bool, DbError> {
    let sql = "select count(*) as waiting from ly2_job_runs \
               where job_id = $1 and status in ('QUEUED', 'RUNNING') and status = 'QUEUED'";
    let row = conn.fetch_optional(sql, &[Bind::text(job.as_str())]).await?;
    let waiting = row.map_or(Ok(0), |row| row.int("waiting"))?;
    Ok(waiting >= i64::from(MOST_WAITING))
}

/// Marks every run of the job in flight as to be cancelled in favor of `new`.
pub(crate) async fn supersede(conn: &mut Conn<'_>, new: &NewRun) -> Result<(), DbError> {
    let sql = format!("update ly2_job_runs set {FIRST_TO_ASK} where job_id = $1 and status in ('QUEUED', 'RUNNING')");
    let binds = [Bind::text(new.job_id.as_str()), Bind::word(overlap_of(new.id)), Bind::at(new.queued_at)];
    conn.execute(&sql, &binds).await.map(drop)
}

/// A run that may not overlap is not taken up as long as this finds one: an older run of its job, or one that somebody has.
/// `me` is that run. Whether it came as one that waits makes no difference: the job may have been of another mind then.
pub(crate) const AHEAD: &str = "select 1 from ly2_job_runs ahead where ahead.job_id = me.job_id and ahead.id <> me.id \
    and ahead.exclusive = true and ahead.status in ('QUEUED', 'RUNNING') and (ahead.owner <> '' or ahead.id < me.id)";
