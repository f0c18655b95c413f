//! What pages ask of the history.

use std::sync::Arc;
use std::time::Duration;

use host_model::fire::SlotOutcome;
use host_model::history::{History, LineDensity, LineFilter, LineOrigin, RunPicture};
use host_model::log::{LogLevel, LogLine};
use host_model::port::Store;
use host_model::run::RunFilter;
use host_model::transition::{RunChange, StepChange};
use host_model::{JobId, Json, JsonMap, RunId};

use super::{Bench, ME, at, first_attempt, job_id, line, step_name, took};

/// No search of a check takes so long.
pub(super) const LONG: Duration = Duration::from_secs(600);

impl Bench {
    pub(super) async fn open_history(&self) -> (Arc<dyn Store>, Arc<dyn History>) {
        let roles = crate::open_roles(&self.url, &self.home).await.unwrap();
        (roles.store, roles.history)
    }
}

pub(super) async fn the_last_runs_of_each_job_come_newest_first_without_skipped_ones(bench: &Bench) {
    let (store, history) = bench.open_history().await;
    assert!(history.recent_runs(&[], 3).await.unwrap().is_empty());
    let mut of_a = Vec::new();
    for n in 0..5 {
        let run = bench.running(&*store, "a").await;
        took(&*store, &[RunChange::succeed(run.id, ME, run.queued_at + chrono::TimeDelta::seconds(n)).into()]).await;
        of_a.push(run.id);
    }
    let of_b = bench.running(&*store, "b").await.id;
    // It runs: this one is skipped.
    store.record_fire(&bench.new_run("b")).await.unwrap();
    of_a.reverse();
    let recent = history.recent_runs(&[], 3).await.unwrap();
    assert_eq!(history.recent_runs(&[job_id("b"), job_id("nowhere")], 3).await.unwrap(), recent[3..]);
    assert_eq!(history.recent_runs(&[job_id("b"), job_id("a")], 3).await.unwrap(), recent);
    let told: Vec<RunId> = recent.iter().map(|time| time.id).collect();
    assert_eq!(told, [&of_a[..3], &[of_b]].concat());
    assert_eq!((recent[0].seconds(), recent[3].seconds()), (Some(4.0), None));
    let times = history.run_times(&job_id("a"), 100).await.unwrap();
    assert_eq!(times.iter().map(|time| time.id).collect::<Vec<_>>(), of_a);
    let between = history.runs_between(at(1), at(3), 100).await.unwrap();
    assert_eq!(between.iter().map(|time| time.id).collect::<Vec<_>>(), [of_a[2], of_a[3]]);
    assert!(history.runs_between(at(100), at(200), 100).await.unwrap().is_empty());
}

/// What a list shows with each job: its id and the ids of its runs.
async fn shown(history: &dyn History, per_job: u32) -> Vec<String> {
    shown_of(history, &[], per_job).await
}

async fn shown_of(history: &dyn History, jobs: &[&str], per_job: u32) -> Vec<String> {
    let jobs: Vec<JobId> = jobs.iter().map(|id| job_id(id)).collect();
    let shown = history.shown_runs(&jobs, per_job).await.unwrap();
    shown.jobs().map(|(job, ids)| format!("{job} {ids}")).collect()
}

pub(super) async fn the_runs_a_list_shows_are_named_as_they_are_now(bench: &Bench) {
    let (store, history) = bench.open_history().await;
    assert_eq!(shown(&*history, 2).await, [""; 0]);
    let end = async |id: RunId| took(&*store, &[RunChange::succeed(id, ME, at(1_000)).into()]).await;
    let first = bench.running(&*store, "a").await.id;
    end(first).await;
    // It comes in later than its id says, as from a process whose clock is behind.
    let late = bench.new_run("a");
    let last = bench.running(&*store, "a").await.id;
    assert_eq!(shown(&*history, 2).await, [format!("a {last} {first}")]);
    // A skipped fire is not shown beside others.
    let skipped = bench.new_run("a");
    store.record_fire(&skipped).await.unwrap();
    end(last).await;
    assert_eq!(shown(&*history, 2).await, [format!("a {last} {first}")]);
    assert_eq!(store.record_fire(&late).await.unwrap(), host_model::fire::Recorded::Queued);
    assert_eq!(shown(&*history, 2).await, [format!("a {last} {}", late.id)]);
    let of_b = bench.queued(&*store, "b").await.id;
    assert_eq!(shown(&*history, 1).await, [format!("a {last}"), format!("b {of_b}")]);
    assert_eq!(shown(&*history, 20).await, [format!("a {last} {} {first}", late.id), format!("b {of_b}")]);
    // Of some of them, and of one that never ran.
    assert_eq!(shown_of(&*history, &["b", "nowhere"], 1).await, [format!("b {of_b}")]);
    assert_eq!(shown_of(&*history, &["a", "b"], 1).await, shown(&*history, 1).await);
    assert_eq!(shown_of(&*history, &["nowhere"], 1).await, [""; 0]);
    // The first of a job is its latest run, and the ids are those of its recent ones.
    let latest = store.list_latest_runs(&[]).await.unwrap();
    assert_eq!(latest.iter().map(|run| run.id).collect::<Vec<_>>(), [last, of_b]);
    let recent = history.recent_runs(&[], 20).await.unwrap();
    assert_eq!(recent.iter().map(|time| time.id).collect::<Vec<_>>(), [last, late.id, first, of_b]);
    // What goes is not named any more, from the middle or from either end.
    let delete = async |id: RunId| bench.execute(&format!("delete from ly2_job_runs where id = '{id}'")).await.unwrap();
    delete(late.id).await;
    assert_eq!(shown(&*history, 20).await, [format!("a {last} {first}"), format!("b {of_b}")]);
    delete(first).await;
    delete(of_b).await;
    assert_eq!(shown(&*history, 20).await, [format!("a {last}")]);
    delete(last).await;
    assert_eq!(shown(&*history, 20).await, [format!("a {}", skipped.id)]);
}

pub(super) async fn the_runs_beside_a_run_are_of_its_job_and_were_not_skipped(bench: &Bench) {
    let (store, history) = bench.open_history().await;
    let mut of_a = Vec::new();
    for _ in 0..3 {
        let run = bench.running(&*store, "a").await;
        // It runs: this one is skipped.
        store.record_fire(&bench.new_run("a")).await.unwrap();
        bench.queued(&*store, &format!("b{}", of_a.len())).await;
        took(&*store, &[RunChange::succeed(run.id, ME, run.queued_at).into()]).await;
        of_a.push(run.id);
    }
    let beside = async |run| history.neighbors(&job_id("a"), run).await.unwrap();
    assert_eq!(beside(of_a[0]).await, (None, Some(of_a[1])));
    assert_eq!(beside(of_a[1]).await, (Some(of_a[0]), Some(of_a[2])));
    assert_eq!(beside(of_a[2]).await, (Some(of_a[1]), None));
    assert_eq!(history.neighbors(&job_id("nobody"), of_a[1]).await.unwrap(), (None, None));
}

pub(super) async fn runs_are_found_by_trigger_text_and_length(bench: &Bench) {
    let (store, history) = bench.open_history().await;
    let mut all = Vec::new();
    for (n, trigger) in ["cron", "user:alice", "user:al", "api"].into_iter().enumerate() {
        let new = host_model::fire::NewRun { triggered_by: trigger.to_owned(), ..bench.new_run(&format!("job_{n}")) };
        store.record_fire(&new).await.unwrap();
        let ended = new.queued_at + chrono::TimeDelta::milliseconds(1500);
        took(&*store, &[RunChange::start(new.id, ME, new.queued_at).into()]).await;
        took(&*store, &[RunChange::fail(new.id, ME, ended, "100% Broken".to_owned()).into()]).await;
        all.push(new.id);
    }
    let list = async |filter: RunFilter| {
        let filter = RunFilter { limit: 100, ..filter };
        let found = store.list_runs(&filter).await.unwrap();
        assert_eq!(history.find_runs(&filter, LONG).await.unwrap().runs, found);
        found.into_iter().map(|run| all.iter().position(|id| *id == run.id).unwrap()).collect::<Vec<_>>()
    };
    let by = |triggers: &[&str]| RunFilter {
        triggers: triggers.iter().map(|trigger| (*trigger).to_owned()).collect(),
        ..RunFilter::default()
    };
    assert_eq!(list(by(&["user"])).await, [2, 1]);
    assert_eq!(list(by(&["user:al"])).await, [2]);
    assert_eq!(list(by(&["cron", "api"])).await, [3, 0]);
    assert_eq!(list(by(&["use", "_ser"])).await, [0; 0]);
    let with = |text: &str| RunFilter { text: Some(text.to_owned()), ..RunFilter::default() };
    assert_eq!(list(with("100% broken")).await, [3, 2, 1, 0]);
    assert_eq!(list(with("JOB_2")).await, [2]);
    for none in ["job%2", "job-2", "100_ Broken", "\\"] {
        assert_eq!(list(with(none)).await, [0; 0], "{none}");
    }
    let long = |seconds: f64| RunFilter { min_seconds: Some(seconds), ..RunFilter::default() };
    assert_eq!((list(long(1.5)).await.len(), list(long(1.6)).await.len()), (4, 0));
}

pub(super) async fn runs_are_counted_by_time_state_and_length(bench: &Bench) {
    let (store, history) = bench.open_history().await;
    let all = RunFilter::default();
    let draw = async |filter: &RunFilter, most: u32| history.draw_runs(filter, most, 1, LONG).await.unwrap();
    assert_eq!(draw(&all, 2).await, RunPicture::default());
    let mut runs = Vec::new();
    for (n, seconds) in [0, 7, 40_000].into_iter().enumerate() {
        let run = bench.running(&*store, "a").await;
        let ended = run.queued_at + chrono::TimeDelta::seconds(seconds);
        let change = if n == 1 {
            RunChange::fail(run.id, ME, ended, "broken".to_owned())
        } else {
            RunChange::succeed(run.id, ME, ended)
        };
        took(&*store, &[change.into()]).await;
        runs.push(run);
    }
    runs.push(bench.running(&*store, "b").await);
    let one_by_one = draw(&all, 4).await;
    assert_eq!((one_by_one.total, one_by_one.cells.len(), one_by_one.searched_to), (4, 0, None));
    assert_eq!((one_by_one.first, one_by_one.last), (Some(runs[0].queued_at), Some(runs[3].queued_at)));
    let drawn: Vec<_> = one_by_one.runs.iter().map(|run| (run.id, run.queued_at, run.seconds)).collect();
    let seconds = [None, Some(40_000.0), Some(7.0), Some(0.0)];
    let expected: Vec<_> = runs.iter().rev().zip(seconds).map(|(run, took)| (run.id, run.queued_at, took)).collect();
    assert_eq!(drawn, expected);
    assert_eq!((one_by_one.runs[0].job_id.as_str(), one_by_one.runs[2].status.as_str()), ("b", "FAILED"));
    let counted = draw(&all, 3).await;
    assert_eq!((counted.total, counted.runs.len(), counted.first), (4, 0, one_by_one.first));
    let mut told: Vec<_> = counted.cells.iter().map(|cell| (cell.status.as_str(), cell.length, cell.count)).collect();
    told.sort_unstable();
    let expected = [("FAILED", Some(2), 1), ("RUNNING", None, 1), ("SUCCEEDED", Some(0), 1), ("SUCCEEDED", Some(7), 1)];
    assert_eq!(told, expected);
    let failed = RunFilter { statuses: vec![host_model::RunStatus::Failed], ..RunFilter::default() };
    let counted = draw(&failed, 0).await;
    let slot = runs[1].queued_at.timestamp() / i64::from(counted.width_seconds);
    assert_eq!(counted.cells.iter().map(|cell| cell.slot).collect::<Vec<_>>(), [slot]);
}

pub(super) async fn steps_are_timed_over_the_last_successes(bench: &Bench) {
    let (store, history) = bench.open_history().await;
    let mut runs = Vec::new();
    for n in 0..3 {
        let run = bench.running(&*store, "a").await;
        let (begin, end) = (run.queued_at, run.queued_at + chrono::TimeDelta::seconds(10 + n));
        let key = || first_attempt(run.id, 0);
        took(&*store, &[StepChange::start(key(), begin, Json::Null).into()]).await;
        took(&*store, &[StepChange::succeed(key(), end, JsonMap::new(), None, None).into()]).await;
        let change =
            if n == 1 { RunChange::fail(run.id, ME, end, "x".to_owned()) } else { RunChange::succeed(run.id, ME, end) };
        took(&*store, &[change.into()]).await;
        runs.push(run.id);
    }
    let seconds = async |before: Option<RunId>, most: u32| {
        let times = history.step_times(&job_id("a"), before, most).await.unwrap();
        assert!(times.windows(2).all(|pair| pair[0].step == pair[1].step));
        times.into_iter().map(|time| time.seconds).collect::<Vec<_>>()
    };
    assert_eq!(seconds(None, 20).await, [10.0, 12.0]);
    assert_eq!(seconds(None, 1).await, [12.0]);
    assert_eq!(seconds(Some(runs[2]), 20).await, [10.0]);
    assert!(history.step_times(&job_id("b"), None, 20).await.unwrap().is_empty());
}

pub(super) async fn slots_that_did_not_fire_are_found_by_time(bench: &Bench) {
    let (store, history) = bench.open_history().await;
    for (n, outcome) in [SlotOutcome::Missed, SlotOutcome::Fired, SlotOutcome::Skipped].into_iter().enumerate() {
        let due_at = at(n as i64 * 1000);
        let slot = host_model::fire::Slot { job_id: job_id("a"), schedule: "default".to_owned(), due_at };
        let record = host_model::fire::SlotRecord { slot, outcome, reason: None, run_id: None, decided_at: at(0) };
        assert!(store.record_slot(&record).await.unwrap());
    }
    let outcomes = async |from: i64, to: i64| {
        let found = history.lost_slots(at(from), at(to), 10).await.unwrap();
        found.into_iter().map(|record| record.outcome).collect::<Vec<_>>()
    };
    assert_eq!(outcomes(0, 9000).await, [SlotOutcome::Skipped, SlotOutcome::Missed]);
    assert_eq!(outcomes(0, 2000).await, [SlotOutcome::Missed]);
}

fn many(run: RunId) -> Vec<LogLine> {
    let of = |seq: u64| {
        let level = LogLevel::ALL[seq as usize % 4];
        let step = (seq >= 10).then(|| step_name(if seq < 20 { "load" } else { "check" }));
        LogLine { level, attempt: u32::from(step.is_some()), step, ..line(run, seq, &format!("line {seq}\nnext")) }
    };
    (0..30).map(of).collect()
}

/// Whatever case and language: the Kelvin sign is a `k`, and a line break is read as a blank.
pub(super) async fn lines_with_a_text_are_scanned_and_most_others_are_not(bench: &Bench) {
    let (store, history) = bench.open_history().await;
    let run = RunId::from_parts(6, 6);
    let texts = [
        "copy of F0005",
        "COPY OF f0005",
        "100% of a_b",
        "100 of aXb",
        "\u{212a}elvin 5",
        "two\nlines",
        "c:\\temp",
        "\u{dc}BER",
    ];
    let lines: Vec<LogLine> = (0..).zip(texts).map(|(n, text)| line(run, n, text)).collect();
    store.append_logs(&lines).await.unwrap();
    let found = async |text: &str| {
        let scanned = history.scan_lines(run, 0, 100, &LineFilter::default(), Some(text)).await.unwrap();
        scanned.lines().map(|(number, _)| number).collect::<Vec<_>>()
    };
    assert_eq!(found("Copy of F0005").await, [0, 1]);
    assert_eq!(found("100% of").await, [2]);
    assert_eq!(found("f a_b").await, [2]);
    assert_eq!(found("kelvin 5").await, [4]);
    assert_eq!(found("two lines").await, [5]);
    assert_eq!(found("C:\\TEMP").await, [6]);
    assert_eq!(found("\u{fc}ber").await, [7]);
    assert_eq!(found("nowhere").await, [0; 0]);
    // Too little to go by: everything comes.
    assert_eq!(found("is").await.len(), texts.len());
}

pub(super) async fn lines_are_filtered_scanned_and_counted(bench: &Bench) {
    let (store, history) = bench.open_history().await;
    let run = RunId::from_parts(5, 5);
    let lines = many(run);
    store.append_logs(&lines).await.unwrap();
    let steps = vec![step_name("load"), step_name("check")];
    let filter = LineFilter { level: Some(LogLevel::Warning), steps, ..LineFilter::default() };
    let expected: Vec<LogLine> =
        lines.iter().filter(|line| line.seq >= 10 && line.level >= LogLevel::Warning).cloned().collect();
    assert_eq!(history.list_lines(run, 0, 100, &filter).await.unwrap(), expected);
    assert_eq!(history.list_lines(run, 15, 2, &filter).await.unwrap(), expected[3..5]);
    let open = LineFilter::default();
    assert_eq!(history.list_lines(run, 0, 100, &open).await.unwrap(), lines);
    let scanned = history.scan_lines(run, 8, 4, &open, None).await.unwrap();
    let told: Vec<(u64, &str)> = scanned.lines().collect();
    assert_eq!(told, [(8, "line 8 next"), (9, "line 9 next"), (10, "line 10 next"), (11, "line 11 next")]);
    let scanned = history.scan_lines(run, 0, 100, &filter, None).await.unwrap();
    assert_eq!(scanned.lines().map(|(n, _)| n).collect::<Vec<_>>(), expected.iter().map(|l| l.seq).collect::<Vec<_>>());
    assert_eq!(history.scan_lines(run, u64::MAX, u32::MAX, &open, None).await.unwrap().lines().count(), 0);
    let numbers = async |filter: LineFilter| {
        let found = history.list_lines(run, 0, 100, &filter).await.unwrap();
        found.iter().map(|line| line.seq).collect::<Vec<_>>()
    };
    let of = |origin| LineFilter { origin: Some(origin), ..LineFilter::default() };
    assert_eq!(numbers(of(LineOrigin::Run)).await, (0..10).collect::<Vec<_>>());
    assert_eq!(numbers(of(LineOrigin::Steps)).await, (10..30).collect::<Vec<_>>());
    let second = LineFilter { attempt: Some(2), steps: vec![step_name("load")], ..LineFilter::default() };
    assert!(numbers(second.clone()).await.is_empty());
    assert_eq!(numbers(LineFilter { attempt: Some(1), ..second }).await, (10..20).collect::<Vec<_>>());
    let found = history.line_density(run, 30, 3).await.unwrap();
    let told: Vec<_> = found.iter().map(|LineDensity { part, level, count }| (*part, level.as_str(), *count)).collect();
    assert_eq!(
        told,
        [(0, "ERROR", 2), (0, "WARNING", 2), (1, "ERROR", 3), (1, "WARNING", 3), (2, "ERROR", 2), (2, "WARNING", 2)]
    );
    let counts = history.count_lines(run).await.unwrap();
    assert_eq!((counts.len(), counts.iter().map(|count| count.count).sum::<u64>()), (12, 30));
    let first = counts.iter().find(|c| c.step == Some(step_name("load")) && c.level == LogLevel::Error).unwrap();
    assert_eq!((first.first, first.count, first.attempt), (11, 3, 1));
    assert!(history.count_lines(RunId::from_parts(9, 9)).await.unwrap().is_empty());
}
