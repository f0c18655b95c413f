//! The changes of one run as one statement, for PostgreSQL: the run's row first, then each step if the run's row took. The
//! guards are those of `changes`; where one of them does not hold, nothing is changed: the statement finds no run, or
//! undoes itself by dividing by zero because a step is missing. `changes` then goes the long way and says what it met.

use std::collections::HashSet;

use host_model::RunStatus;
use host_model::transition::{Change, RunChange, StepChange};

use crate::changes::{ADD_ROWS, FREES, done_and_rows, step_binds};
use crate::error::DbError;
use crate::sql::{Bind, Conn, quoted_words};

/// Steps in one statement; each number of them is a text of its own that the server keeps prepared.
const MOST_STEPS: usize = 4;
/// Parameters before those of the first step.
const OF_RUN: usize = 5;

/// Applies all changes; says whether a run may be taken up now that could not be before. `None` when nothing was changed.
pub(crate) async fn apply(conn: &mut Conn<'_>, changes: &[Change]) -> Result<Option<bool>, DbError> {
    let Some(batch) = Batch::of(changes) else { return Ok(None) };
    let (sql, binds) = batch.statement();
    match conn.fetch_optional(&sql, &binds).await {
        Ok(Some(row)) => Ok(Some(batch.frees(row.int("frees")? == 1))),
        Ok(None) => Ok(None),
        Err(error) if error.is_own_undoing() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Changes that touch each row once, all in the name of one owner of one run.
struct Batch<'a> {
    run: Option<&'a RunChange>,
    steps: Vec<&'a StepChange>,
}

impl<'a> Batch<'a> {
    fn of(changes: &'a [Change]) -> Option<Self> {
        let mut batch = Self { run: None, steps: Vec::new() };
        let mut touched = HashSet::new();
        let mut owners = HashSet::new();
        for change in changes {
            match change {
                Change::Run(change) => {
                    owners.insert((change.run_id, change.owner.as_str(), change.term));
                    if batch.run.replace(change).is_some() {
                        return None;
                    }
                }
                Change::Step(change) => {
                    owners.insert((change.run_id, change.owner.as_str(), change.term));
                    if change.retry_at.is_some() || !touched.insert((change.index, change.attempt)) {
                        return None;
                    }
                    batch.steps.push(change);
                }
            }
        }
        (owners.len() == 1 && batch.steps.len() <= MOST_STEPS).then_some(batch)
    }

    fn frees(&self, may_free: bool) -> bool {
        self.run.is_some_and(|run| run.give_to.is_some() || (run.to.is_final() && may_free))
    }

    fn statement(&self) -> (String, Vec<Bind<'a>>) {
        let (done, rows) = self
            .steps
            .iter()
            .map(|step| done_and_rows(step))
            .fold((0, 0_i64), |sum, one| (sum.0 + one.0, sum.1.saturating_add(one.1).max(-i64::MAX)));
        let mut binds = Vec::with_capacity(OF_RUN + 6 + 11 * self.steps.len());
        binds.extend(self.owner());
        binds.extend([Bind::int(done), Bind::int(rows)]);
        let mut sql = format!("with run as ({})", self.run_statement(done != 0 || rows != 0, &mut binds));
        let mut counts = Vec::with_capacity(self.steps.len());
        for (n, step) in self.steps.iter().enumerate() {
            let from = quoted_words(step.from.iter().map(|status| status.as_str()));
            let at = binds.len();
            let p = |n: usize| at + n;
            sql.push_str(&format!(
                ", step{n} as (update ly2_step_runs set status = ${}, reason = coalesce(${}, reason), \
                 started_at = coalesce(${}, started_at), finished_at = ${}, input = coalesce(${}, input), output = ${}, \
                 rows_affected = ${}, error = ${}, usage = ${} \
                 where run_id = $1 and step_index = ${} and attempt = ${} and status in ({from}) \
                 and exists (select 1 from run) returning 1)",
                p(3), p(4), p(5), p(6), p(7), p(8), p(9), p(10), p(11), p(1), p(2),
            ));
            binds.extend([Bind::int(step.index), Bind::int(step.attempt)]);
            binds.extend(step_binds(step));
            counts.push(format!("(select count(*) from step{n})"));
        }
        match counts.is_empty() {
            true => sql.push_str(" select frees from run"),
            false => sql.push_str(&format!(
                " select frees, 1 / (case when {} = {} then 1 else 0 end) as whole from run",
                counts.join(" + "),
                counts.len()
            )),
        }
        (sql, binds)
    }

    fn owner(&self) -> [Bind<'a>; 3] {
        let (id, owner, term) = match (self.run, self.steps.first()) {
            (Some(run), _) => (Some(run.run_id), run.owner.as_str(), run.term),
            (None, Some(step)) => (Some(step.run_id), step.owner.as_str(), step.term),
            (None, None) => (None, "", 0),
        };
        [Bind::Text(id.map(|id| id.to_string().into())), Bind::text(owner), Bind::int(term)]
    }

    /// Changes the run's row or, where there is nothing to change, holds it.
    fn run_statement(&self, counts: bool, binds: &mut Vec<Bind<'a>>) -> String {
        const WHERE: &str = "where id = $1 and owner = $2 and term = $3";
        let add = format!("steps_done = steps_done + $4, rows_affected = {}", ADD_ROWS.replace("$3", "$5"));
        let Some(change) = self.run else {
            return match counts {
                true => format!("update ly2_job_runs set {add} {WHERE} returning cast(0 as bigint) as frees"),
                false => format!("select cast(0 as bigint) as frees from ly2_job_runs {WHERE} for no key update"),
            };
        };
        let from = quoted_words(change.from.iter().map(|status| status.as_str()));
        binds.extend([
            Bind::text(change.to.as_str()),
            Bind::opt_text(change.reason.as_deref()),
            Bind::opt_text(change.error.as_deref()),
            Bind::opt_at((change.to == RunStatus::Running).then_some(change.at)),
            Bind::opt_at(change.to.is_final().then_some(change.at)),
            Bind::opt_text(change.give_to.as_deref()),
        ]);
        let add = if counts { format!(", {add}") } else { String::new() };
        format!(
            "update ly2_job_runs set status = $6, reason = coalesce($7, reason), error = coalesce($8, error), \
             started_at = coalesce(started_at, $9), finished_at = $10, \
             owner = case when $11 is null then owner else '' end, placement = coalesce($11, placement){add} \
             {WHERE} and status in ({from}) returning cast({FREES} as bigint) as frees"
        )
    }
}
