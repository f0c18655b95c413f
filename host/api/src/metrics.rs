//! What the process counts for Prometheus: runs that ended, how late schedules fired, lines, requests. One listener on the
//! engine's bus feeds the counters, so that counting never stands in the way of a run; what can be asked for at any time
//! (queues, pools, memory) is not counted but looked up when somebody reads.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use host_engine::Engine;
use host_model::event::Event;
use host_model::run::{Run, RunStatus};
use host_model::{CancelToken, RunId};
use tokio::sync::broadcast::error::RecvError;

/// Upper bounds of the classes of durations, in seconds.
const CLASSES: [f64; 11] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0];
/// Runs whose end is remembered: it may be told again.
const REMEMBERED: usize = 4_096;

/// The counters of a process, from its start.
#[derive(Default)]
pub(crate) struct Counters {
    ended: Mutex<Ended>,
    lines: AtomicU64,
    /// By status class: 1xx to 5xx.
    requests: [AtomicU64; 5],
    /// Events that were too many to be counted one by one.
    missed: AtomicU64,
}

#[derive(Default)]
struct Ended {
    /// By job and status.
    runs: BTreeMap<(String, &'static str), u64>,
    /// Runs by class of duration; the last has no upper bound.
    durations: [u64; CLASSES.len() + 1],
    seconds: f64,
    /// Fires of schedules, and how late they were together.
    fires: u64,
    late_seconds: f64,
    latest: f64,
    known: HashSet<RunId>,
    order: VecDeque<RunId>,
}

impl Counters {
    /// Counts until the process stops.
    pub(crate) fn listen(engine: &Engine, stop: &CancelToken) -> Arc<Self> {
        let counters = Arc::new(Self::default());
        let mut live = engine.bus().subscribe(None).live;
        let (counting, me, stop) = (counters.clone(), engine.presence().owner.clone(), stop.clone());
        tokio::spawn(async move {
            loop {
                let received = tokio::select! {
                    received = live.recv() => received,
                    () = stop.canceled() => return,
                };
                match received {
                    Ok((_, event)) => counting.count(&event, &me),
                    Err(RecvError::Lagged(missed)) => drop(counting.missed.fetch_add(missed, Ordering::Relaxed)),
                    Err(RecvError::Closed) => return,
                }
            }
        });
        counters
    }

    fn ended(&self) -> MutexGuard<'_, Ended> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, event: &Event, me: &str) {
        match event {
            Event::Log { lines, .. } => drop(self.lines.fetch_add(lines.len() as u64, Ordering::Relaxed)),
            // Runs of other processes are theirs to count.
            Event::Run(run) if run.status.is_final() && (run.owner == me || run.owner.is_empty()) => {
                self.ended().add(run);
            }
            _ => {}
        }
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, status: u16) {
        if let Some(class) = self.requests.get(usize::from(status / 100).wrapping_sub(1)) {
            class.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes all of it.
    pub(crate) fn render(&self, page: &mut Page) {
        let ended = self.ended();
        page.begin("nomaflow_runs_total", "counter", "Runs of this process that ended");
        for ((job, status), count) in &ended.runs {
            page.line("nomaflow_runs_total", &[("job", job), ("status", status)], *count as f64);
        }
        page.begin("nomaflow_run_duration_seconds", "histogram", "How long runs of this process took");
        let mut below = 0;
        for (class, count) in CLASSES.iter().map(ToString::to_string).chain(["+Inf".to_owned()]).zip(ended.durations) {
            below += count;
            page.line("nomaflow_run_duration_seconds_bucket", &[("le", &class)], below as f64);
        }
        page.line("nomaflow_run_duration_seconds_sum", &[], ended.seconds);
        page.line("nomaflow_run_duration_seconds_count", &[], below as f64);
        page.begin("nomaflow_schedule_lag_seconds", "summary", "Between the instant a schedule is due and its run");
        page.line("nomaflow_schedule_lag_seconds_sum", &[], ended.late_seconds);
        page.line("nomaflow_schedule_lag_seconds_count", &[], ended.fires as f64);
        page.one("nomaflow_schedule_lag_last_seconds", "gauge", "The same of the latest run", ended.latest);
        drop(ended);
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        page.one("nomaflow_log_lines_total", "counter", "Log lines that reached the store", read(&self.lines));
        page.one("nomaflow_events_missed_total", "counter", "Events too many to be counted", read(&self.missed));
        page.begin("nomaflow_http_requests_total", "counter", "Requests that were answered");
        for (class, counter) in self.requests.iter().enumerate() {
            page.line("nomaflow_http_requests_total", &[("code", &format!("{}xx", class + 1))], read(counter));
        }
    }
}

impl Ended {
    fn add(&mut self, run: &Run) {
        if !self.known.insert(run.id) {
            return;
        }
        self.order.push_back(run.id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        *self.runs.entry((run.job_id.to_string(), run.status.as_str())).or_default() += 1;
        if let (Some(started), Some(finished)) = (run.started_at, run.finished_at) {
            let seconds = (finished - started).as_seconds_f64().max(0.0);
            let class = CLASSES.iter().position(|bound| seconds <= *bound).unwrap_or(CLASSES.len());
            self.durations[class] += 1;
            self.seconds += seconds;
        }
        if run.triggered_by == "cron"
            && run.status != RunStatus::Skipped
            && let Some(due) = run.scheduled_at
        {
            self.latest = (run.queued_at - due).as_seconds_f64().max(0.0);
            self.late_seconds += self.latest;
            self.fires += 1;
        }
    }
}

/// Text in the format of Prometheus.
#[derive(Default)]
pub(crate) struct Page(String);

impl Page {
    /// The head of a metric.
    pub(crate) fn begin(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a text cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// A sample.
    pub(crate) fn line(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0 += name;
        if !labels.is_empty() {
            let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let each = labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value)));
            self.0 += &format!("{{{}}}", each.collect::<Vec<_>>().join(","));
        }
        let _ = writeln!(self.0, " {value}");
    }

    /// A metric with one sample.
    pub(crate) fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.begin(name, kind, help);
        self.line(name, &[], value);
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn labels_are_escaped() {
        let mut page = Page::default();
        page.line("a", &[("b", "x\"y\\z\n")], 1.5);
        page.one("c", "gauge", "Of c", 2.0);
        assert_eq!(page.into_text(), "a{b=\"x\\\"y\\\\z\\n\"} 1.5\n# HELP c Of c\n# TYPE c gauge\nc 2\n");
    }
}
