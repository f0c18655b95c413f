//! What pages ask of the history beyond what running needs: how long runs took, which slots fell through, the lines of one
//! run searched and counted. The port [`History`] is implemented by the store; it only reads.

use std::time::Duration;

use async_trait::async_trait;

use crate::fire::SlotRecord;
use crate::log::{LogLevel, LogLine};
use crate::port::StoreError;
use crate::run::RunFilter;
use crate::{Instant, JobId, Run, RunId, RunStatus, StepName};

/// A run as its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunTime {
    /// Which run.
    pub id: RunId,
    /// Its job.
    pub job_id: JobId,
    /// Where it stands.
    pub status: RunStatus,
    /// The schedule that fired it.
    pub schedule: Option<String>,
    /// When it was accepted.
    pub queued_at: Instant,
    /// When it began.
    pub started_at: Option<Instant>,
    /// When it ended.
    pub finished_at: Option<Instant>,
}

impl RunTime {
    /// How long it ran, once it has ended.
    pub fn seconds(&self) -> Option<f64> {
        let took = self.finished_at? - self.started_at?;
        Some(took.as_seconds_f64().max(0.0))
    }
}

/// Which runs a list shows with each job, in one piece: a list of thousands of jobs asks for it each time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShownRuns(pub String);

impl ShownRuns {
    /// Each job with the ids of its runs, newest first, a blank between two. In the piece a job is a line: its id, a blank
    /// and those ids.
    pub fn jobs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.split('\n').filter_map(|line| line.split_once(' '))
    }
}

/// Runs found by looking from the newest to older ones.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FoundRuns {
    /// Newest first.
    pub runs: Vec<Run>,
    /// For `before` of the next page; `None` when there is nothing older.
    pub next: Option<RunId>,
    /// The time ran out before the page was full: nothing older than `next` was looked at.
    pub is_cut: bool,
}

/// A run as it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct DrawnRun {
    /// Which run.
    pub id: RunId,
    /// Its job.
    pub job_id: JobId,
    /// Where it stands.
    pub status: RunStatus,
    /// When it was accepted.
    pub queued_at: Instant,
    /// How long it ran, once it has ended.
    pub seconds: Option<f64>,
}

/// Runs over time and length: each of them, or counts where they are too many.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunPicture {
    /// How many were found.
    pub total: u64,
    /// When the oldest of them was queued; `None` when there is none.
    pub first: Option<Instant>,
    /// When the newest was queued.
    pub last: Option<Instant>,
    /// Each of them, newest first; empty when they are counted.
    pub runs: Vec<DrawnRun>,
    /// They are counted in stretches of so many seconds.
    pub width_seconds: u32,
    /// The counts, by stretch, state and length.
    pub cells: Vec<RunCell>,
    /// The time ran out: nothing older than this run was looked at.
    pub searched_to: Option<RunId>,
}

/// Runs of one state and of about one length that were queued in one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunCell {
    /// The stretch: seconds since 1970 divided by its width.
    pub slot: i64,
    /// Their state.
    pub status: RunStatus,
    /// The first of [`LENGTHS`] they stayed below, by index; its number of entries for longer ones, `None` for runs that
    /// have not begun or not ended.
    pub length: Option<u32>,
    /// How many.
    pub count: u64,
}

/// The lengths, in seconds, between which runs are counted together.
pub const LENGTHS: [u32; 7] = [1, 5, 30, 120, 600, 3_600, 18_000];

/// How long one step took in one run, back-off included.
#[derive(Debug, Clone, PartialEq)]
pub struct StepTime {
    /// The step.
    pub step: StepName,
    /// From its first start to its last end.
    pub seconds: f64,
}

crate::job::word_enum!(
    /// Who wrote a line.
    LineOrigin {
        /// The code of a step.
        Steps = "steps",
        /// Nomaflow itself, about the run.
        Run = "run",
    }
);

/// Which lines of a run; the default lets all through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineFilter {
    /// This level and those above it.
    pub level: Option<LogLevel>,
    /// Of these steps only; empty = of all, and of the run itself.
    pub steps: Vec<StepName>,
    /// Of this attempt of their step only.
    pub attempt: Option<u32>,
    /// Written by one of the two only.
    pub origin: Option<LineOrigin>,
}

impl LineFilter {
    /// Whether it lets every line through.
    pub fn is_open(&self) -> bool {
        self.level.is_none_or(|level| level == LogLevel::Debug)
            && self.steps.is_empty()
            && self.attempt.is_none()
            && self.origin.is_none()
    }
}

/// The text of many lines in one piece: reading them row by row takes longer than searching them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScannedLines(pub String);

impl ScannedLines {
    /// Number and text of each line. In the piece a line is its number, a blank and its text, up to a line break.
    pub fn lines(&self) -> impl Iterator<Item = (u64, &str)> {
        self.0.split('\n').filter_map(|line| {
            let (number, text) = line.split_once(' ')?;
            Some((number.parse().ok()?, text))
        })
    }
}

/// Lines of one level of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineCount {
    /// The level.
    pub level: LogLevel,
    /// The step; `None` for lines of the run itself.
    pub step: Option<StepName>,
    /// The attempt, 0 for the run itself.
    pub attempt: u32,
    /// Number of the first of them.
    pub first: u64,
    /// How many.
    pub count: u64,
}

/// Lines of one level in one part of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineDensity {
    /// Which part, from 0.
    pub part: u32,
    /// The level.
    pub level: LogLevel,
    /// How many.
    pub count: u64,
}

/// See the module's note.
#[async_trait]
pub trait History: Send + Sync + 'static {
    /// The ids of what [`History::recent_runs`] finds for `jobs`, for all when empty; of a job with no other the newest
    /// `SKIPPED` run. The first of a job is the one that `Store::list_latest_runs` finds. `per_job` is not 0.
    async fn shown_runs(&self, jobs: &[JobId], per_job: u32) -> Result<ShownRuns, StoreError>;
    /// The last runs of each of `jobs`, of all when empty: at most `per_job` of each, newest first within a job; `SKIPPED`
    /// ones are left out.
    async fn recent_runs(&self, jobs: &[JobId], per_job: u32) -> Result<Vec<RunTime>, StoreError>;
    /// The last runs of one job, newest first; `SKIPPED` ones are left out.
    async fn run_times(&self, job: &JobId, limit: u32) -> Result<Vec<RunTime>, StoreError>;
    /// The runs of the job right before and right after a run, by id; `SKIPPED` ones are left out.
    async fn neighbors(&self, job: &JobId, run: RunId) -> Result<(Option<RunId>, Option<RunId>), StoreError>;
    /// The newest runs queued in a span of time, newest first; `SKIPPED` ones are left out.
    async fn runs_between(&self, from: Instant, to: Instant, limit: u32) -> Result<Vec<RunTime>, StoreError>;
    /// Looks for runs of the filter, newest first, until there are `limit` of them, or `patience` is over; at least some are
    /// looked at. What `next` says goes on from there, and pages together are every run of the filter once.
    async fn find_runs(&self, filter: &RunFilter, patience: Duration) -> Result<FoundRuns, StoreError>;
    /// The runs of the filter, newest first until `patience` is over; above `most` counted in about `stretches` of the time
    /// they span. Its `limit` does not count.
    async fn draw_runs(
        &self,
        filter: &RunFilter,
        most: u32,
        stretches: u32,
        patience: Duration,
    ) -> Result<RunPicture, StoreError>;
    /// How long each step took in each of the last `runs` runs of a job that succeeded, before the run `before`.
    async fn step_times(&self, job: &JobId, before: Option<RunId>, runs: u32) -> Result<Vec<StepTime>, StoreError>;
    /// Slots due in a span of time that did not fire, newest first.
    async fn lost_slots(&self, from: Instant, to: Instant, limit: u32) -> Result<Vec<SlotRecord>, StoreError>;
    /// Lines of a run from `from` on that pass the filter, in order.
    async fn list_lines(
        &self,
        run: RunId,
        from: u64,
        limit: u32,
        filter: &LineFilter,
    ) -> Result<Vec<LogLine>, StoreError>;
    /// Those of the lines `from` to `from + span` of a run that pass the filter. With `having`, lines without this text in any
    /// case may be left out; whoever asks looks at those that come.
    async fn scan_lines(
        &self,
        run: RunId,
        from: u64,
        span: u32,
        filter: &LineFilter,
        having: Option<&str>,
    ) -> Result<ScannedLines, StoreError>;
    /// Lines of a run, counted.
    async fn count_lines(&self, run: RunId) -> Result<Vec<LineCount>, StoreError>;
    /// Warnings and errors among the first `total` lines of a run, counted in `parts` of the same length; parts without
    /// any are left out. `total` and `parts` are not 0.
    async fn line_density(&self, run: RunId, total: u64, parts: u32) -> Result<Vec<LineDensity>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scanned_lines_keep_their_numbers_and_their_blanks() {
        let scanned = ScannedLines("7 a  b \n9 \n10  c".to_owned());
        assert_eq!(scanned.lines().collect::<Vec<_>>(), [(7, "a  b "), (9, ""), (10, " c")]);
        assert_eq!(ScannedLines::default().lines().count(), 0);
    }

    #[test]
    fn shown_runs_are_told_job_by_job() {
        let shown = ShownRuns("a 3 2 1\nb 4".to_owned());
        assert_eq!(shown.jobs().collect::<Vec<_>>(), [("a", "3 2 1"), ("b", "4")]);
        assert_eq!(ShownRuns::default().jobs().count(), 0);
    }
}
