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
use host_model::{Instant, RunId};

use crate::error::DbError;
use crate::row::{RUN_COLUMNS, StoredRow};
use crate::run_routes::{Route, routes};
use crate::runs::{parts, read_runs};
use crate::sql::{Bind, Conn};

/// Candidates of a slice.
const SLICE: u32 = 4096;
/// How far what an id says may be from when its run was queued, unless the clock was set back.
const APART: TimeDelta = TimeDelta::hours(1);
/// After every id.
const BEYOND: &str = "~";

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
    pub(crate) async fn begin(conn: &mut Conn<'_>, filter: &'f RunFilter, patience: Duration) -> Result<Self, DbError> {
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

    /// Every statement there may be, for whoever looks at their plans.
    #[cfg(feature = "testing")]
    pub(crate) fn statements(&mut self, conn: &Conn<'_>) -> Vec<(String, Vec<Bind<'f>>)> {
        self.set(&self.floor.clone(), SLICE - 1);
        let both = |route: &Route| {
            let low = route.statement(conn, "id", false) + " order by id desc limit 1 offset $3";
            [low, route.statement(conn, RUN_COLUMNS, true) + " order by id desc limit $3"]
        };
        self.routes.iter().flat_map(both).map(|sql| used(&sql, &self.binds)).collect()
    }

    fn set(&mut self, low: &str, most: u32) {
        let span = [Bind::word(low), Bind::word(&self.at), Bind::int(most)];
        for (place, bind) in self.binds.iter_mut().zip(span) {
            *place = bind;
        }
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
}
