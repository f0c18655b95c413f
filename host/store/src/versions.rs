//! The port's `VersionStore`: versions of jobs in `ly2_job_versions`, and a job that goes on under another id.
//!
//! The next number is found and used in one transaction; in PostgreSQL, where transactions run side by side, a lock per
//! job makes them wait for each other.

use async_trait::async_trait;
use host_model::JobId;
use host_model::port::StoreError;
use host_model::version::{JobVersion, NewVersion, Renamed, VERSIONS_KEPT, VersionChange, VersionStore};

use crate::error::DbError;
use crate::row::StoredRow;
use crate::sql::{Bind, Conn};
use crate::store::SqlStore;
use crate::write::{Verdict, Write};

/// Tables whose rows belong to a job by its id.
const OF_A_JOB: [&str; 4] = ["ly2_job_runs", "ly2_slots", "ly2_schedules", "ly2_job_versions"];

struct Add(Vec<NewVersion>);

#[async_trait]
impl Write for Add {
    /// How many were kept, and the number of the last.
    type Answer = (u32, u32);

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<(u32, u32)>, DbError> {
        let (mut kept, mut last) = (0, 0);
        for version in &self.0 {
            lock(conn, version.job_id.as_str()).await?;
            let (number, is_new) = add(conn, version).await?;
            last = number;
            kept += u32::from(is_new);
        }
        Ok(Verdict::Keep((kept, last)))
    }
}

async fn add(conn: &mut Conn<'_>, version: &NewVersion) -> Result<(u32, bool), DbError> {
    let NewVersion { job_id, app, at, by, change, etag, text } = version;
    let sql = "select version, etag, change from ly2_job_versions where job_id = $1 order by version desc limit 1";
    let newest = conn.fetch_optional(sql, &[Bind::text(job_id.as_str())]).await?;
    let speaks = matches!(change, VersionChange::Delete | VersionChange::Rename);
    let mut number = 1;
    if let Some(row) = newest {
        let last = self::number(&row)?;
        // A job that was deleted and is there again has changed, even into the very text it had.
        let is_there = row.text("change")? != VersionChange::Delete.as_str();
        if is_there && !speaks && row.text("etag")? == *etag {
            return Ok((last, false));
        }
        number = last.saturating_add(1);
    }
    let sql = "insert into ly2_job_versions (job_id, version, app, changed_at, changed_by, change, etag, body) \
               values ($1, $2, $3, $4, $5, $6, $7, $8)";
    let binds = [
        Bind::text(job_id.as_str()),
        Bind::int(number),
        Bind::text(app),
        Bind::at(*at),
        Bind::text(by),
        Bind::text(change.as_str()),
        Bind::text(etag),
        Bind::text(text),
    ];
    conn.execute(sql, &binds).await?;
    let oldest = Bind::int(i64::from(number) - i64::from(VERSIONS_KEPT));
    conn.execute(
        "delete from ly2_job_versions where job_id = $1 and version <= $2",
        &[Bind::text(job_id.as_str()), oldest],
    )
    .await?;
    Ok((number, true))
}

async fn lock(conn: &mut Conn<'_>, job: &str) -> Result<(), DbError> {
    if let Conn::Postgres(..) = conn {
        let sql = "select pg_advisory_xact_lock(hashtextextended('nomaflow versions of ' || $1, 0))";
        conn.execute(sql, &[Bind::text(job)]).await?;
    }
    Ok(())
}

struct Rename {
    from: JobId,
    to: JobId,
    must: bool,
}

#[async_trait]
impl Write for Rename {
    type Answer = Renamed;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Renamed>, DbError> {
        let (from, to) = (Bind::text(self.from.as_str()), Bind::text(self.to.as_str()));
        for job in [self.from.as_str().min(self.to.as_str()), self.from.as_str().max(self.to.as_str())] {
            lock(conn, job).await?;
        }
        if !self.must {
            let sql =
                "select 1 as found from ly2_job_runs where job_id = $1 and status in ('QUEUED', 'RUNNING') limit 1";
            if conn.fetch_optional(sql, std::slice::from_ref(&from)).await?.is_some() {
                return Ok(Verdict::Undo(Renamed::Active));
            }
            for table in OF_A_JOB {
                let sql = format!("select 1 as found from {table} where job_id = $1 limit 1");
                if conn.fetch_optional(&sql, std::slice::from_ref(&to)).await?.is_some() {
                    return Ok(Verdict::Undo(Renamed::Taken));
                }
            }
        }
        let both = [from, to];
        for table in OF_A_JOB {
            if self.must {
                // What came under the new id meanwhile stays; the rest of a key that is there already is the same fact.
                let same = match table {
                    "ly2_slots" => {
                        " and not exists (select 1 from ly2_slots o where o.job_id = $2 and o.due_at = ly2_slots.due_at and o.schedule = ly2_slots.schedule)"
                    }
                    "ly2_schedules" => {
                        " and not exists (select 1 from ly2_schedules o where o.job_id = $2 and o.schedule = ly2_schedules.schedule)"
                    }
                    "ly2_job_versions" => {
                        " and not exists (select 1 from ly2_job_versions o where o.job_id = $2 and o.version = ly2_job_versions.version)"
                    }
                    _ => "",
                };
                conn.execute(&format!("update {table} set job_id = $2 where job_id = $1{same}"), &both).await?;
            } else {
                conn.execute(&format!("update {table} set job_id = $2 where job_id = $1"), &both).await?;
            }
        }
        conn.execute("update ly2_log_jobs set job_id = $2 where job_id = $1", &both).await?;
        // Whoever might see the old id may see the new one. The lists are JSON texts, and no id holds a quote.
        let grants = [&self.from, &self.to].map(|id| Bind::word(format!("\"job:{id}\"")));
        for (table, column) in [("ly2_users", "granted"), ("ly2_tokens", "permissions")] {
            conn.execute(&format!("update {table} set {column} = replace({column}, $1, $2)"), &grants).await?;
        }
        Ok(Verdict::Keep(Renamed::Done))
    }
}

fn number(row: &StoredRow) -> Result<u32, DbError> {
    Ok(u32::try_from(row.int("version")?).unwrap_or(u32::MAX))
}

fn read_version(row: &StoredRow) -> Result<JobVersion, DbError> {
    // A word of a later version of this program says at least that somebody saved it.
    let change = VersionChange::parse(&row.text("change")?).unwrap_or(VersionChange::Edit);
    let version = NewVersion {
        job_id: row.job_id()?,
        app: row.text("app")?,
        at: row.at("changed_at")?,
        by: row.text("changed_by")?,
        change,
        etag: row.text("etag")?,
        text: row.text("body")?,
    };
    Ok(JobVersion { number: number(row)?, version })
}

#[async_trait]
impl VersionStore for SqlStore {
    async fn add_version(&self, version: &NewVersion) -> Result<u32, StoreError> {
        Ok(self.write("keep a version", Add(vec![version.clone()])).await?.1)
    }

    async fn add_versions(&self, versions: &[NewVersion]) -> Result<u32, StoreError> {
        if versions.is_empty() {
            return Ok(0);
        }
        Ok(self.write("keep versions", Add(versions.to_vec())).await?.0)
    }

    async fn list_versions(&self, job: &str) -> Result<Vec<JobVersion>, StoreError> {
        const OPERATION: &str = "list the versions of a job";
        let mut reader = self.reader(OPERATION).await?;
        let sql = "select job_id, version, app, changed_at, changed_by, change, etag, body from ly2_job_versions \
                   where job_id = $1 order by version desc";
        let rows = reader.conn().fetch_all(sql, &[Bind::text(job)]).await.map_err(|error| error.during(OPERATION))?;
        rows.iter().map(read_version).collect::<Result<_, DbError>>().map_err(|error| error.during(OPERATION))
    }

    async fn list_newest_etags(&self) -> Result<Vec<(String, String)>, StoreError> {
        const OPERATION: &str = "list the newest versions";
        let mut reader = self.reader(OPERATION).await?;
        let sql = "select v.job_id, v.etag from ly2_job_versions v join \
                   (select job_id, max(version) as version from ly2_job_versions group by job_id) n \
                   on n.job_id = v.job_id and n.version = v.version where v.change <> 'delete'";
        let rows = reader.conn().fetch_all(sql, &[]).await.map_err(|error| error.during(OPERATION))?;
        let pair = |row: &StoredRow| Ok((row.text("job_id")?, row.text("etag")?));
        rows.iter().map(pair).collect::<Result<_, DbError>>().map_err(|error| error.during(OPERATION))
    }

    async fn rename_job(&self, from: &JobId, to: &JobId, must: bool) -> Result<Renamed, StoreError> {
        self.write("give a job another id", Rename { from: from.clone(), to: to.clone(), must }).await
    }
}
