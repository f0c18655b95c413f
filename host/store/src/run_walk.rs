//! Runs of a filter, looked for from the newest to older ones, a slice at a time: what pages ask of a history of any length.
//!
//! A slice is a span of run ids that an index finds [`SLICE`] candidates in. Where several indexes could find what the filter
//! asks for (its jobs, its states, what began a run, what has a text to search), each slice goes along the one that gets
//! further back with its candidates. So a rare state, job or trigger costs a page however long the history is; a text or a
//! length that no index knows costs the time the caller allows, and the answer says how far back it got.
//!
//! Invariants: no statement reads more than a slice of rows, so the time can be watched between two; ids sort by time, so a
//! span of time is one of ids, with [`APART`] to spare on either side.

use std::time::Duration;

use chrono::TimeDelta;
use host_model::history::FoundRuns;
use host_model::run::RunFilter;
use host_model::{Instant, JobId, RunId};

use crate::error::DbError;
use crate::row::{RUN_COLUMNS, StoredRow};
use crate::runs::{Parts, bound, has, like, parts, read_runs, with_jobs};
use crate::sql::{Bind, Conn, quoted_words};

/// Candidates of a slice.
const SLICE: u32 = 4096;
/// Most ways that are walked together.
const MOST_ARMS: usize = 32;
/// How far what an id says may be from when its run was queued, unless the clock was set back.
const APART: TimeDelta = TimeDelta::hours(1);
/// After every id.
const BEYOND: &str = "~";
/// Of the trigger a schedule has.
const CRON: &str = "cron";

/// One index and what it is asked for; what it finds comes in the order of ids.
struct Arm {
    /// As SQLite calls it.
    index: &'static str,
    /// Begins with ` and`.
    condition: String,
}

/// Ways that together lead to every run of the filter, no two of them to the same one.
struct Route {
    arms: Vec<Arm>,
    /// What is left to ask of a row.
    also: String,
}

/// A filter on its way back in time.
pub(crate) struct Walk<'f> {
    routes: Vec<Route>,
    /// The first three are those of a slice: its lowest id, the id it ends before, and how many.
    binds: Vec<Bind<'f>>,
    floor: String,
    /// Everything from here on was looked at.
    at: String,
    until: std::time::Instant,
}

/// The next stretch of the way.
pub(crate) struct Slice {
    route: usize,
    /// Its oldest run; `None` when it is the last one.
    pub(crate) low: Option<String>,
}

impl<'f> Walk<'f> {
    pub(crate) async fn begin(
        conn: &mut Conn<'_>,
        filter: &'f RunFilter,
        patience: Duration,
    ) -> Result<Self, DbError> {
        let until = std::time::Instant::now() + patience;
        let mut binds = vec![Bind::Text(None), Bind::Text(None), Bind::Int(None)];
        let parts = parts(conn, filter, &mut binds);
        let routes = routes(conn, filter, &parts, &mut binds).await?;
        let floor = filter.from.map_or_else(String::new, |from| first_of(from - APART));
        let newest = match filter.to {
            Some(to) => Some(first_of(clock_before(conn, to).await? + APART)),
            None => None,
        };
        let before = filter.before.map(|before| before.to_string());
        let at = newest.into_iter().chain(before).min().unwrap_or_else(|| BEYOND.to_owned());
        Ok(Self { routes, binds, floor, at, until })
    }

    /// Chooses the way that gets furthest.
    pub(crate) async fn next(&mut self, conn: &mut Conn<'_>) -> Result<Slice, DbError> {
        self.set(&self.floor.clone(), SLICE - 1);
        let mut furthest: Option<Slice> = None;
        for (number, route) in self.routes.iter().enumerate() {
            let ids = route.statement(conn, "id", false);
            let (sql, binds) = used(&format!("{ids} order by id desc limit 1 offset $3"), &self.binds);
            let row = conn.fetch_optional(&sql, &binds).await?;
            let Some(low) = row.map(|row| row.text("id")).transpose()? else {
                return Ok(Slice { route: number, low: None });
            };
            if furthest.as_ref().and_then(|slice| slice.low.as_ref()).is_none_or(|before| low < *before) {
                furthest = Some(Slice { route: number, low: Some(low) });
            }
        }
        // There is one route at least.
        Ok(furthest.unwrap_or(Slice { route: 0, low: None }))
    }

    /// Reads what passes the filter in a slice: `whole` makes the statement of the one that finds the rows, in which `$3` is
    /// `most`.
    pub(crate) async fn read(
        &mut self,
        conn: &mut Conn<'_>,
        slice: &Slice,
        columns: &str,
        most: u32,
        whole: impl FnOnce(String) -> String,
    ) -> Result<Vec<StoredRow>, DbError> {
        let low = slice.low.clone().unwrap_or_else(|| self.floor.clone());
        self.set(&low, most);
        let Some(route) = self.routes.get(slice.route) else { return Ok(Vec::new()) };
        let (sql, binds) = used(&whole(route.statement(conn, columns, true)), &self.binds);
        conn.fetch_all(&sql, &binds).await
    }

    /// Goes on below `low`. The run to go on before, when the time is over.
    pub(crate) fn is_over(&mut self, low: String) -> Option<RunId> {
        self.at = low;
        // A cursor has to be an id; behind one that cannot be read the walk goes on.
        (std::time::Instant::now() >= self.until).then(|| RunId::parse(&self.at).ok()).flatten()
    }

    fn set(&mut self, low: &str, most: u32) {
        let span = [Bind::word(low), Bind::word(&self.at), Bind::int(most)];
        for (place, bind) in self.binds.iter_mut().zip(span) {
            *place = bind;
        }
    }
}

impl Route {
    /// Both databases merge the arms as far as they are read: each is in the order of ids.
    fn statement(&self, conn: &Conn<'_>, columns: &str, all: bool) -> String {
        let also = if all { self.also.as_str() } else { "" };
        let arm = |arm: &Arm| {
            let forced = match conn {
                Conn::Sqlite(_) => format!(" indexed by {}", arm.index),
                Conn::Postgres(..) => String::new(),
            };
            let condition = &arm.condition;
            format!("select {columns} from ly2_job_runs{forced} where id >= $1 and id < $2{condition}{also}")
        };
        self.arms.iter().map(arm).collect::<Vec<_>>().join(" union all ")
    }
}

/// The statement with the parameters it names, numbered anew: PostgreSQL wants no others. No word of ours has a `$` in it.
fn used<'f>(sql: &str, binds: &[Bind<'f>]) -> (String, Vec<Bind<'f>>) {
    let (mut text, mut places, mut kept) = (String::with_capacity(sql.len()), vec![0; binds.len()], Vec::new());
    let mut pieces = sql.split('$');
    text.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let end = piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len());
        let (number, rest) = piece.split_at(end);
        let known = number.parse().ok().and_then(|number: usize| number.checked_sub(1));
        if let Some((place, bind)) = known.and_then(|n| places.get_mut(n).zip(binds.get(n))) {
            if *place == 0 {
                kept.push(bind.clone());
                *place = kept.len();
            }
            text += &format!("${place}{rest}");
        }
    }
    (text, kept)
}

fn first_of(at: Instant) -> String {
    RunId::from_parts(u64::try_from(at.timestamp_millis()).unwrap_or(0), 0).to_string()
}

/// How far the clock had been when it said `at`: ids went on from there if it was set back.
async fn clock_before(conn: &mut Conn<'_>, at: Instant) -> Result<Instant, DbError> {
    let sql = "select max(ahead_to) as ahead_to from ly2_clock_set_back where set_to < $1";
    let row = conn.fetch_optional(sql, &[Bind::at(at)]).await?;
    let ahead = row.map(|row| row.opt_at("ahead_to")).transpose()?.flatten();
    Ok(ahead.map_or(at, |ahead| ahead.max(at)))
}

const BY_ID: &str = "sqlite_autoindex_ly2_job_runs_1";
const BY_JOB: &str = "ly2_job_runs_by_job";

/// The ways to what `filter` asks for: along all runs, and along every index that knows a part of it.
async fn routes<'f>(
    conn: &mut Conn<'_>,
    filter: &'f RunFilter,
    parts: &Parts,
    binds: &mut Vec<Bind<'f>>,
) -> Result<Vec<Route>, DbError> {
    let Parts { jobs, statuses, text, rest } = parts;
    let all = Arm { index: BY_ID, condition: String::new() };
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
        let arm = |word: &str| Arm {
            index: "ly2_job_runs_by_status",
            condition: format!(" and status = {}", quoted_words([word])),
        };
        routes.push(Route { arms: words.into_iter().map(arm).collect(), also: format!("{jobs}{rest}{text}") });
    }
    if let Some(arms) = by_trigger(conn, &filter.triggers) {
        routes.push(Route { arms, also: format!("{jobs}{statuses}{rest}{text}") });
    }
    if let Some(arms) = by_text(conn, filter, binds).await? {
        routes.push(Route { arms, also: format!("{jobs}{statuses}{rest}") });
    }
    Ok(routes)
}

fn of_job(job: &str, binds: &mut Vec<Bind<'_>>) -> Arm {
    Arm { index: BY_JOB, condition: format!(" and job_id = ${}", bound(binds, Bind::word(job))) }
}

/// By the kinds of triggers; the index leaves out what schedules began, which is most.
fn by_trigger(conn: &Conn<'_>, triggers: &[String]) -> Option<Vec<Arm>> {
    let mut kinds: Vec<&str> =
        triggers.iter().map(|trigger| trigger.split_once(':').map_or(trigger.as_str(), |(kind, _)| kind)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let is_known = |kind: &&str| *kind != CRON && !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_lowercase());
    if kinds.is_empty() || kinds.len() > MOST_ARMS || !kinds.iter().all(is_known) {
        return None;
    }
    let kind = match conn {
        Conn::Sqlite(_) => "substr(triggered_by, 1, instr(triggered_by || ':', ':') - 1)",
        Conn::Postgres(..) => "split_part(triggered_by, ':', 1)",
    };
    let arm = |word: &str| Arm {
        index: "ly2_job_runs_by_trigger",
        condition: format!(" and triggered_by <> '{CRON}' and {kind} = {}", quoted_words([word])),
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
    let [job, reason, error] = ["job_id", "reason", "error"].map(|column| has(conn, column, position));
    let told = Arm {
        index: "ly2_job_runs_told",
        condition: format!(
            " and (reason is not null or error is not null) and ({reason} or {error}) and not ({job}){others}"
        ),
    };
    let mut arms = vec![told];
    for job in &jobs {
        let Arm { index, condition } = of_job(job, binds);
        arms.push(Arm { index, condition: condition + &others });
    }
    if !this.is_empty() {
        arms.push(Arm { index: BY_ID, condition: this });
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

/// `History::find_runs`.
pub(crate) async fn find_runs(
    conn: &mut Conn<'_>,
    filter: &RunFilter,
    patience: Duration,
) -> Result<FoundRuns, DbError> {
    let mut walk = Walk::begin(conn, filter, patience).await?;
    let (limit, mut found) = (filter.limit as usize, FoundRuns::default());
    loop {
        let slice = walk.next(conn).await?;
        // One more tells whether there are more.
        let wanted = u32::try_from(limit + 1 - found.runs.len()).unwrap_or(u32::MAX);
        let newest = |runs| format!("{runs} order by id desc limit $3");
        let rows = walk.read(conn, &slice, RUN_COLUMNS, wanted, newest).await?;
        found.runs.extend(read_runs(&rows));
        if found.runs.len() > limit {
            found.runs.truncate(limit);
            found.next = found.runs.last().map(|run| run.id);
            return Ok(found);
        }
        // A row that cannot be read leaves room for one behind it.
        let last = rows.last().filter(|_| rows.len() == wanted as usize).map(|row| row.text("id")).transpose()?;
        let Some(low) = last.or(slice.low) else { return Ok(found) };
        if let Some(next) = walk.is_over(low) {
            (found.next, found.is_cut) = (Some(next), true);
            return Ok(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_given_the_parameters_it_names() {
        let binds = [Bind::int(1), Bind::int(2), Bind::int(3)];
        let (sql, kept) = used("a = $3 and (b < $1 or c = $3)", &binds);
        assert_eq!(sql, "a = $1 and (b < $2 or c = $1)");
        assert!(matches!(kept[..], [Bind::Int(Some(3)), Bind::Int(Some(1))]));
        assert_eq!(used("true", &binds).0, "true");
    }

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
