//! What stands between a fire and its run: the jobs it depends on. Read in the transaction that records the run, so that
//! what was decided is what was true then.

use host_model::JobId;
use host_model::fire::{NewRun, unmet_dependency};

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
