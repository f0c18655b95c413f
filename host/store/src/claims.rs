//! Giving runs that wait with nobody to a process, oldest first.
//!
//! Who may have a run is told by its row ([`Claimable`]); which of those the process gets is told by the limits ([`pick`]).
//! In SQLite one writer at a time makes that exact. In PostgreSQL many claim at once, and three things keep them apart: the
//! rows taken are locked, and rows somebody else has locked are passed over; a limit is counted and used up under an
//! advisory lock of its own; a run that may not overlap is taken under the lock of its job, which fires that wait take too,
//! so that no older run of the job can appear meanwhile, and no two of them are taken, whatever the job said when each was
//! fired. Limits are waited for in the order of their keys, jobs are not waited
//! for at all, so nobody can wait for anybody in a circle.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use host_model::placement::Limits;
use host_model::port::{Claim, Claimed};
use host_model::{JobId, Json, RunId};

use crate::error::DbError;
use crate::gate::{self, AHEAD};
use crate::row::{RUN_COLUMNS, StoredRow, read_run};
use crate::sql::{Bind, Conn, numbered};
use crate::write::{Verdict, Write};

/// Candidates looked at in one claim. Runs held back by a limit that is used up already are not among them.
const CANDIDATES: u32 = 200;

/// `Store::claim_runs`.
pub(crate) struct ClaimRuns(pub(crate) Claim);

#[async_trait]
impl Write for ClaimRuns {
    type Answer = Vec<Claimed>;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Vec<Claimed>>, DbError> {
        let claim = &self.0;
        if claim.most == 0 || claim.placements.is_empty() || !is_known(conn, &claim.owner).await? {
            return Ok(Verdict::Keep(Vec::new()));
        }
        let mut used = count_used(conn, &claim.limits).await?;
        let mut candidates = find_candidates(conn, claim, &used).await?;
        if lock_limits(conn, &candidates, &claim.limits).await? {
            used = count_used(conn, &claim.limits).await?;
        }
        let mut taken = Vec::new();
        while taken.len() < claim.most as usize {
            let room = claim.most as usize - taken.len();
            let picked = pick(&mut candidates, &claim.limits, &mut used, room);
            if picked.is_empty() {
                break;
            }
            taken.extend(lock_runs(conn, claim, picked).await?);
        }
        Ok(Verdict::Keep(take(conn, &claim.owner, &taken).await?))
    }
}

/// A run the process may have, as far as its own row tells.
#[derive(Debug)]
struct Candidate {
    id: RunId,
    job: JobId,
    exclusive: bool,
    /// What it counts against and this process knows a limit for.
    limits: Vec<String>,
}

/// Whether the process has introduced itself. Until the claim is over it cannot be given up for lost, so that it never
/// gets runs that nobody would give back.
async fn is_known(conn: &mut Conn<'_>, owner: &str) -> Result<bool, DbError> {
    let sql = format!("select beat from ly2_replicas where owner = $1 {}", conn.locking("for key share"));
    Ok(conn.fetch_optional(&sql, &[Bind::text(owner)]).await?.is_some())
}

/// Runs that are with a process, by limit. There are never more of them than all processes have room for.
async fn count_used(conn: &mut Conn<'_>, limits: &Limits) -> Result<HashMap<String, u32>, DbError> {
    let mut used = HashMap::new();
    if limits.is_empty() {
        return Ok(used);
    }
    let sql =
        "select limits from ly2_job_runs where status in ('QUEUED', 'RUNNING') and owner <> '' and limits <> '[]'";
    for row in conn.fetch_all(sql, &[]).await? {
        // One that cannot be read has come to its process in some other way, and counts against nothing.
        for key in row.texts("limits").unwrap_or_default() {
            if limits.contains_key(&key) {
                *used.entry(key).or_default() += 1;
            }
        }
    }
    Ok(used)
}

/// What makes a run one that `claim` may have; its placements are the parameters from `$1` on. `me` is the run.
fn claimable(claim: &Claim) -> String {
    let placements = numbered(1, claim.placements.len());
    format!(
        "me.status = 'QUEUED' and me.owner = '' and me.cancel_requested_by is null and me.definition is not null \
         and me.placement in ({placements}) and (me.exclusive = false or not exists ({AHEAD}))"
    )
}

fn placement_binds(claim: &Claim) -> Vec<Bind<'_>> {
    claim.placements.iter().map(|placement| Bind::text(placement)).collect()
}

async fn find_candidates(
    conn: &mut Conn<'_>,
    claim: &Claim,
    used: &HashMap<String, u32>,
) -> Result<Vec<Candidate>, DbError> {
    let mut sql =
        format!("select me.id, me.job_id, me.exclusive, me.limits from ly2_job_runs me where {}", claimable(claim));
    let mut binds = placement_binds(claim);
    let full = claim.limits.iter().filter(|(key, limit)| used.get(*key).copied().unwrap_or(0) >= **limit);
    for (key, _) in full {
        // A key begins with a word of ours, so in a list of texts it is found as an element only.
        binds.push(Bind::word(Json::from(key.as_str())));
        let find = if matches!(conn, Conn::Sqlite(_)) { "instr" } else { "strpos" };
        sql.push_str(&format!(" and {find}(me.limits, ${}) = 0", binds.len()));
    }
    // Where no limit holds a run back and nobody else can be about to have it, the oldest are the ones taken.
    let takes_all = claim.limits.is_empty() && matches!(conn, Conn::Sqlite(_));
    binds.push(Bind::int(if takes_all { claim.most.min(CANDIDATES) } else { CANDIDATES }));
    sql.push_str(&format!(" order by me.id limit ${}", binds.len()));
    let read = |row: &StoredRow| {
        let mut limits = row.texts("limits")?;
        limits.retain(|key| claim.limits.contains_key(key));
        Ok(Candidate { id: row.run_id("id")?, job: row.job_id()?, exclusive: row.flag("exclusive")?, limits })
    };
    let mut candidates = Vec::new();
    for row in conn.fetch_all(&sql, &binds).await? {
        match read(&row) {
            Ok(candidate) => candidates.push(candidate),
            Err(why) => set_aside(conn, &row.text("id")?, &why).await?,
        }
    }
    Ok(candidates)
}

/// Keeps other claims out of every limit concerned until this transaction ends. False when there was nothing to lock.
async fn lock_limits(conn: &mut Conn<'_>, candidates: &[Candidate], limits: &Limits) -> Result<bool, DbError> {
    let Conn::Postgres(..) = conn else { return Ok(false) };
    let keys: BTreeSet<&str> = candidates.iter().flat_map(|run| run.limits.iter().map(String::as_str)).collect();
    debug_assert!(keys.iter().all(|key| limits.contains_key(*key)));
    for key in &keys {
        // Any seed will do as long as it is always the same one, and not that of jobs.
        conn.execute("select pg_advisory_xact_lock(hashtextextended($1, 2619440226831724))", &[Bind::text(key)])
            .await?;
    }
    Ok(!keys.is_empty())
}

/// Takes up to `room` runs out of `candidates`, oldest first, that are within every limit, and uses the limits up. Runs
/// that a limit holds back are dropped: limits do not grow during a claim.
fn pick(
    candidates: &mut Vec<Candidate>,
    limits: &Limits,
    used: &mut HashMap<String, u32>,
    room: usize,
) -> Vec<Candidate> {
    let mut picked = Vec::new();
    let mut rest = std::mem::take(candidates).into_iter();
    for run in rest.by_ref() {
        let is_free = |key: &String| used.get(key).copied().unwrap_or(0) < limits.get(key).copied().unwrap_or(u32::MAX);
        if run.limits.iter().all(is_free) {
            for key in &run.limits {
                *used.entry(key.clone()).or_default() += 1;
            }
            picked.push(run);
            if picked.len() >= room {
                break;
            }
        }
    }
    *candidates = rest.collect();
    picked
}

/// Those of `picked` that nobody else has or is about to have.
async fn lock_runs(conn: &mut Conn<'_>, claim: &Claim, picked: Vec<Candidate>) -> Result<Vec<RunId>, DbError> {
    let mut ids = Vec::with_capacity(picked.len());
    for run in picked {
        if !run.exclusive || gate::try_lock_job(conn, &run.job).await? {
            ids.push(run.id);
        }
    }
    if ids.is_empty() || matches!(conn, Conn::Sqlite(_)) {
        return Ok(ids);
    }
    let mut binds = placement_binds(claim);
    let sql = format!(
        "select me.id from ly2_job_runs me where {} and me.id in ({}) for update of me skip locked",
        claimable(claim),
        numbered(binds.len() + 1, ids.len())
    );
    binds.extend(ids.iter().map(Bind::word));
    conn.fetch_all(&sql, &binds).await?.iter().map(|row| row.run_id("id")).collect()
}

async fn take(conn: &mut Conn<'_>, owner: &str, ids: &[RunId]) -> Result<Vec<Claimed>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut binds = vec![Bind::text(owner)];
    binds.extend(ids.iter().map(Bind::word));
    let sql = format!(
        "update ly2_job_runs set owner = $1, term = term + 1 where id in ({}) returning {RUN_COLUMNS}, definition",
        numbered(2, ids.len())
    );
    let mut runs = Vec::with_capacity(ids.len());
    for row in conn.fetch_all(&sql, &binds).await? {
        match read_run(&row) {
            Ok(run) => runs.push((run, row.text("definition")?)),
            Err(why) => set_aside(conn, &row.text("id")?, &why).await?,
        }
    }
    runs.sort_by_key(|(run, _)| run.id);
    let bodies = find_bodies(conn, runs.iter().map(|(_, digest)| digest.as_str()).collect()).await?;
    let mut claimed = Vec::with_capacity(runs.len());
    for (run, digest) in runs {
        match bodies.get(&digest) {
            Some(body) => claimed.push(Claimed { run, definition: body.as_str().into() }),
            None => {
                let why = DbError::Corrupt(format!("its definition `{digest}` is gone"));
                set_aside(conn, &run.id.to_string(), &why).await?;
            }
        }
    }
    Ok(claimed)
}

/// Fails a run of which the row cannot be read, so that it is not met again with every claim: nobody could run it, and the
/// others must go on. It ends when it began; what time it is, the store does not know.
async fn set_aside(conn: &mut Conn<'_>, run: &str, why: &DbError) -> Result<(), DbError> {
    tracing::error!(run.id = run, %why, "a run cannot be read; it is failed and not taken up");
    let error = format!("the run cannot be read: {why}");
    conn.execute(
        "update ly2_step_runs set status = 'CANCELED', reason = 'the run cannot be read', finished_at = \
         (select coalesce(started_at, queued_at) from ly2_job_runs where id = $1) \
         where run_id = $1 and status in ('PENDING', 'QUEUED', 'RUNNING')",
        &[Bind::text(run)],
    )
    .await?;
    conn.execute(
        "update ly2_job_runs set status = 'FAILED', error = $2, finished_at = coalesce(started_at, queued_at) \
         where id = $1 and status in ('QUEUED', 'RUNNING')",
        &[Bind::text(run), Bind::text(&error)],
    )
    .await
    .map(drop)
}

async fn find_bodies(conn: &mut Conn<'_>, digests: BTreeSet<&str>) -> Result<BTreeMap<String, String>, DbError> {
    let sql = format!("select digest, body from ly2_job_definitions where digest in ({})", numbered(1, digests.len()));
    let binds: Vec<Bind<'_>> = digests.into_iter().map(Bind::text).collect();
    let rows = conn.fetch_all(&sql, &binds).await?;
    rows.iter().map(|row| Ok((row.text("digest")?, row.text("body")?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(number: u32, limits: &[&str]) -> Candidate {
        let limits = limits.iter().map(|&key| key.to_owned()).collect();
        Candidate { id: RunId::from_parts(1, number), job: JobId::new("j").unwrap(), exclusive: false, limits }
    }

    fn numbers(runs: &[Candidate]) -> Vec<RunId> {
        runs.iter().map(|run| run.id).collect()
    }

    #[test]
    fn a_limit_that_is_used_up_does_not_hold_up_the_runs_behind() {
        let limits: Limits = [("tag:a".into(), 2), ("tag:b".into(), 0)].into();
        let mut used: HashMap<String, u32> = [("tag:a".to_owned(), 1)].into();
        let mut candidates = vec![run(1, &["tag:a"]), run(2, &["tag:a"]), run(3, &["tag:b"]), run(4, &[]), run(5, &[])];
        let first = pick(&mut candidates, &limits, &mut used, 2);
        assert_eq!(numbers(&first), [RunId::from_parts(1, 1), RunId::from_parts(1, 4)]);
        assert_eq!(numbers(&pick(&mut candidates, &limits, &mut used, 2)), [RunId::from_parts(1, 5)]);
        assert!(candidates.is_empty() && used["tag:a"] == 2);
    }
}
