//! The ways to the runs of a filter: along all of them, and along every index that knows a part of what is asked (the jobs, the
//! states, what began a run, what runs say). Which one is gone is decided in `run_walk`, by looking.
//!
//! Invariant: each way leads to every run of the filter, to each once, in the order of ids.

use host_model::run::RunFilter;
use host_model::{JobId, RunId};

use crate::error::DbError;
use crate::runs::{Parts, bound, has, like, with_jobs};
use crate::sql::{Bind, Conn, quoted_words};

/// Most arms of a way.
const MOST_ARMS: usize = 32;
/// The trigger of what a schedule began.
const CRON: &str = "cron";

const BY_ID: &str = "sqlite_autoindex_ly2_job_runs_1";
const BY_JOB: &str = "ly2_job_runs_by_job";

/// One index and what it is asked for; what it finds comes in the order of ids.
struct Arm {
    /// As SQLite calls it.
    index: &'static str,
    /// What the index knows; begins with ` and`.
    condition: String,
    /// What is asked of its rows alone.
    also: String,
}

/// Ways that together lead to every run of the filter, no two of them to the same one.
pub(crate) struct Route {
    arms: Vec<Arm>,
    /// What is asked of the rows of all arms.
    also: String,
}

impl Arm {
    fn new(index: &'static str, condition: String) -> Self {
        Self { index, condition, also: String::new() }
    }
}

impl Route {
    /// Finds runs of a span of ids, `$1` and `$2`; only those that pass the filter, or every candidate.
    ///
    /// Both databases merge the arms as far as they are read: each is in the order of ids.
    pub(crate) fn statement(&self, conn: &Conn<'_>, columns: &str, only: bool) -> String {
        let arm = |arm: &Arm| {
            let forced = match conn {
                Conn::Sqlite(_) => format!(" indexed by {}", arm.index),
                Conn::Postgres(..) => String::new(),
            };
            let mut condition = arm.condition.clone();
            if only {
                condition += &format!("{}{}", arm.also, self.also);
            }
            format!("select {columns} from ly2_job_runs{forced} where id >= $1 and id < $2{condition}")
        };
        let arms = self.arms.iter().map(arm);
        match conn {
            // It merges arms that are queries in order by themselves, and would sort the others.
            Conn::Postgres(..) if self.arms.len() > 1 => {
                let arms = arms.map(|arm| format!("({arm} order by id desc)")).collect::<Vec<_>>();
                format!("select * from ({}) found", arms.join(" union all "))
            }
            _ => arms.collect::<Vec<_>>().join(" union all "),
        }
    }
}

/// The ways to what `filter` asks for: along all runs, and along every index that knows a part of it.
pub(crate) async fn routes<'f>(
    conn: &mut Conn<'_>,
    filter: &'f RunFilter,
    parts: &Parts,
    binds: &mut Vec<Bind<'f>>,
) -> Result<Vec<Route>, DbError> {
    let Parts { jobs, statuses, text, rest } = parts;
    let all = Arm::new(BY_ID, String::new());
    let mut routes = vec![Route { arms: vec![all], also: format!("{jobs}{statuses}{rest}{text}") }];
    if (1..=MOST_ARMS).contains(&filter.jobs.len()) {
        let mut distinct: Vec<&JobId> = filter.jobs.iter().collect();
        distinct.sort_unstable();
        distinct.dedup();
        let arms = distinct.into_iter().map(|job| of_job(job.as_str(), binds)).collect();
        routes.push(Route { arms, also: format!("{statuses}{rest}{text}") });
    }
    if !filter.statuses.is_empty() {
        let mut words: Vec<&str> = filter.statuses.iter().map(|status| status.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        let arm = |word: &str| Arm::new("ly2_job_runs_by_status", format!(" and status = {}", quoted_words([word])));
        routes.push(Route { arms: words.into_iter().map(arm).collect(), also: format!("{jobs}{rest}{text}") });
    }
    if let Some(arms) = by_trigger(conn, &filter.triggers) {
        routes.push(Route { arms, also: format!("{jobs}{statuses}{rest}{text}") });
    }
    if let Some(arms) = by_text(conn, filter, binds).await? {
        routes.push(Route { arms, also: format!("{jobs}{statuses}{rest}{text}") });
    }
    Ok(routes)
}

fn of_job(job: &str, binds: &mut Vec<Bind<'_>>) -> Arm {
    Arm::new(BY_JOB, format!(" and job_id = ${}", bound(binds, Bind::word(job))))
}

/// By the kinds of triggers; the index leaves out what schedules began, which is most.
fn by_trigger(conn: &Conn<'_>, triggers: &[String]) -> Option<Vec<Arm>> {
    let mut kinds: Vec<&str> =
        triggers.iter().map(|trigger| trigger.split_once(':').map_or(trigger.as_str(), |(kind, _)| kind)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let is_known =
        |kind: &&str| *kind != CRON && !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_lowercase());
    if kinds.is_empty() || kinds.len() > MOST_ARMS || !kinds.iter().all(is_known) {
        return None;
    }
    let kind = match conn {
        Conn::Sqlite(_) => "substr(triggered_by, 1, instr(triggered_by || ':', ':') - 1)",
        Conn::Postgres(..) => "split_part(triggered_by, ':', 1)",
    };
    let arm = |word: &str| {
        let condition = format!(" and triggered_by <> '{CRON}' and {kind} = {}", quoted_words([word]));
        Arm::new("ly2_job_runs_by_trigger", condition)
    };
    Some(kinds.into_iter().map(arm).collect())
}

/// By the runs that say something, and those of jobs with the text in their ids. Not for a text that may be a part of any run's
/// id, nor for one that the ids of many jobs have.
async fn by_text<'f>(
    conn: &mut Conn<'_>,
    filter: &'f RunFilter,
    binds: &mut Vec<Bind<'f>>,
) -> Result<Option<Vec<Arm>>, DbError> {
    let Some(text) = &filter.text else { return Ok(None) };
    let whole = RunId::parse(&text.to_ascii_lowercase()).ok();
    if whole.is_none() && is_in_an_id(text) {
        return Ok(None);
    }
    let jobs = jobs_with(conn, filter, text).await?;
    if jobs.len() > MOST_ARMS {
        return Ok(None);
    }
    let position = bound(binds, Bind::word(like(text)));
    let other = whole.map(|id| {
        let place = bound(binds, Bind::word(id));
        (format!(" and id = ${place}"), format!(" and id <> ${place}"))
    });
    let (this, others) = other.unwrap_or_default();
    // What two arms find is left to one of them: a run to its job, and the run that is named by its id to itself.
    let told = " and (reason is not null or error is not null)".to_owned();
    let not_of_a_job = format!(" and not ({}){others}", has(conn, "job_id", position));
    let mut arms = vec![Arm { also: not_of_a_job, ..Arm::new("ly2_job_runs_told", told) }];
    arms.extend(jobs.iter().map(|job| Arm { also: others.clone(), ..of_job(job, binds) }));
    if !this.is_empty() {
        arms.push(Arm::new(BY_ID, this));
    }
    Ok(Some(arms))
}

/// Whether a text may be a part of the id of a run.
fn is_in_an_id(text: &str) -> bool {
    const LENGTH: usize = 13;
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() && !b"ilou".contains(&byte.to_ascii_lowercase());
    text.len() < LENGTH && text.bytes().all(is_digit)
}

/// The jobs that have `text` in their ids, among those of the filter; one more than there may be when they are too many.
async fn jobs_with(conn: &mut Conn<'_>, filter: &RunFilter, text: &str) -> Result<Vec<String>, DbError> {
    if JobId::new(text).is_err() {
        return Ok(Vec::new());
    }
    if !filter.jobs.is_empty() {
        let text = text.to_ascii_lowercase();
        let mut jobs: Vec<String> = filter.jobs.iter().map(ToString::to_string).collect();
        jobs.retain(|job| job.to_ascii_lowercase().contains(&text));
        jobs.sort_unstable();
        jobs.dedup();
        jobs.truncate(MOST_ARMS + 1);
        return Ok(jobs);
    }
    let mut binds = Vec::new();
    let jobs = with_jobs(conn, &[], &mut binds);
    let position = bound(&mut binds, Bind::word(like(text)));
    let sql = format!(
        "{jobs} select job_id from jobs where job_id is not null and {} limit {}",
        has(conn, "job_id", position),
        MOST_ARMS + 1
    );
    conn.fetch_all(&sql, &binds).await?.iter().map(|row| row.text("job_id")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_no_run_id_has_is_told_from_one_that_may_be_in_it() {
        for part in ["0d2m8x7k3q9v", "needed", "5", "0RA1"] {
            assert!(is_in_an_id(part), "{part}");
        }
        for other in ["error", "no-such", "two words", "0123456789abc", "é"] {
            assert!(!is_in_an_id(other), "{other}");
        }
    }
}
