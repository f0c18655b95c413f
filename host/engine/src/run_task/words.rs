//! What a run says of itself in its log.

use host_model::job::Step;
use host_model::log::LogLevel;
use host_model::run::Run;
use host_model::{Instant, StepError, StepStatus};

use super::Stage;
use crate::log_sink::NewLine;

impl Stage {
    pub(super) fn greeting(&self) -> String {
        let Run { job_id, triggered_by, term, started_at, owner, .. } = &self.task.run;
        match started_at {
            None => format!("run started: job `{job_id}`, triggered by {triggered_by}"),
            Some(_) => format!("run resumed: job `{job_id}`, taken up for the {term}. time, by {owner}"),
        }
    }

    pub(super) async fn say(&self, level: LogLevel, message: String) {
        let line = NewLine {
            job_id: self.task.job.id.clone(),
            run_id: self.task.run.id,
            at: self.now(),
            level,
            step: None,
            attempt: 0,
            message,
        };
        self.task.shared.sink.write(line).await;
    }

    /// Why a run that succeeded has failed steps, when it has: the names of those that may fail and did.
    pub(super) fn passed_over(&self) -> Option<String> {
        let failed = |step: &&Step| {
            step.continue_on_error && self.results.get(&step.name).is_some_and(|r| r.status == StepStatus::Failed)
        };
        // What a replay takes from the run before did not fail in this one.
        let steps = self.task.job.steps.iter().skip(self.task.head.count as usize);
        let names: Vec<String> = steps.filter(failed).map(|step| format!("`{}`", step.name)).collect();
        (!names.is_empty()).then(|| format!("went on after {} failed", names.join(", ")))
    }

    pub(super) fn took(&self, index: u32, now: Instant) -> String {
        let millis = self.tracker.started_at(index).map_or(0, |at| (now - at).num_milliseconds().max(0));
        if millis < 10_000 { format!("{millis} ms") } else { format!("{}.{} s", millis / 1000, millis % 1000 / 100) }
    }

    pub(super) async fn say_failure(&self, step: &Step, attempt: u32, error: &StepError) {
        let text =
            format!("step `{}` failed (attempt {attempt}, {}): {}", step.name, error.kind.as_str(), error.message);
        self.say(LogLevel::Error, text).await;
    }

    pub(super) async fn say_debug(&self, step: &Step, attempt: u32) {
        let again = if attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
        let text = format!("step `{}` started{again}: {}", step.name, step.spec.type_name());
        self.say(LogLevel::Info, text).await;
    }
}
