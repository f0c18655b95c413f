//! What is drawn of many runs: each of them over time and length, or counts by time, state and length when they are too many
//! to draw one by one; and how long the steps of a job take. Reads only.

use std::collections::BTreeMap;
use std::time::Duration;

use host_model::history::{DrawnRun, LENGTHS, RunCell, RunPicture, StepTime};
use host_model::run::{RunFilter, RunStatus};
use host_model::{Instant, JobId, RunId};

use crate::error::DbError;
use crate::run_walk::Walk;
use crate::sql::{Bind, Conn};

/// A run as a line of text: reading rows takes longer than finding them.
fn line_of(conn: &Conn<'_>) -> String {
    let at = |column: &str| match conn {
        Conn::Sqlite(_) => format!("coalesce({column}, '-')"),
        Conn::Postgres(..) => {
            format!("coalesce(cast(cast(extract(epoch from {column}) * 1000 as bigint) as text), '-')")
        }
    };
    let times = ["queued_at", "started_at", "finished_at"].map(at).join(" || ' ' || ");
    format!("id || ' ' || status || ' ' || {times} || ' ' || job_id as line")
}

fn read_at(text: &str) -> Option<Instant> {
    match text.parse() {
        Ok(millis) => Instant::from_timestamp_millis(millis),
        Err(_) => chrono::DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc()),
    }
}

fn read_line(line: &str) -> Option<DrawnRun> {
    let mut words = line.split(' ');
    let mut word = || words.next();
    let (id, status, queued_at) = (RunId::parse(word()?).ok()?, RunStatus::parse(word()?)?, read_at(word()?)?);
    let (started_at, finished_at) = (read_at(word()?), read_at(word()?));
    let seconds = started_at.zip(finished_at).map(|(from, to)| (to - from).as_seconds_f64().max(0.0));
    Some(DrawnRun { id, job_id: JobId::new(word()?).ok()?, status, queued_at, seconds })
}

/// What is known of a run when it is one of too many.
struct Mark {
    at: i64,
    status: RunStatus,
    length: Option<u32>,
}

impl From<&DrawnRun> for Mark {
    fn from(run: &DrawnRun) -> Self {
        let below = |seconds| LENGTHS.iter().position(|length| seconds < f64::from(*length)).unwrap_or(LENGTHS.len());
        let length = run.seconds.and_then(|seconds| u32::try_from(below(seconds)).ok());
        Self { at: run.queued_at.timestamp(), status: run.status, length }
    }
}

/// `History::draw_runs`.
pub(crate) async fn draw_runs(
    conn: &mut Conn<'_>,
    filter: &RunFilter,
    most: u32,
    stretches: u32,
    patience: Duration,
) -> Result<RunPicture, DbError> {
    let mut walk = Walk::begin(conn, filter, patience).await?;
    let (mut picture, mut marks, most) = (RunPicture::default(), Vec::new(), most as usize);
    let line = line_of(conn);
    let all = match conn {
        Conn::Sqlite(_) => "group_concat(line, char(10))",
        Conn::Postgres(..) => "string_agg(line, chr(10))",
    };
    loop {
        let slice = walk.next(conn).await?;
        let whole = |lines| format!("select {all} as lines from ({lines}) told");
        for row in walk.read(conn, &slice, &line, 0, whole).await? {
            for run in row.opt_text("lines")?.unwrap_or_default().lines().filter_map(read_line) {
                marks.push(Mark::from(&run));
                picture.first = Some(picture.first.map_or(run.queued_at, |first| first.min(run.queued_at)));
                picture.last = Some(picture.last.map_or(run.queued_at, |last| last.max(run.queued_at)));
                if marks.len() <= most {
                    picture.runs.push(run);
                }
            }
        }
        let Some(low) = slice.low else { break };
        if let Some(next) = walk.is_over(low) {
            picture.searched_to = Some(next);
            break;
        }
    }
    picture.total = marks.len() as u64;
    if marks.len() <= most {
        picture.runs.sort_unstable_by_key(|run| std::cmp::Reverse(run.id));
    } else {
        picture.runs.clear();
        let span = picture.last.zip(picture.first).map_or(0, |(last, first)| (last - first).num_seconds());
        let width = (span / i64::from(stretches.max(1))).max(1);
        picture.width_seconds = u32::try_from(width).unwrap_or(u32::MAX);
        picture.cells = cells(&marks, width);
    }
    Ok(picture)
}

fn cells(marks: &[Mark], width: i64) -> Vec<RunCell> {
    let mut counts: BTreeMap<(i64, &str, Option<u32>), RunCell> = BTreeMap::new();
    for Mark { at, status, length } in marks {
        let (slot, status, length) = (at.div_euclid(width), *status, *length);
        let none = RunCell { slot, status, length, count: 0 };
        counts.entry((slot, status.as_str(), length)).or_insert(none).count += 1;
    }
    counts.into_values().collect()
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
