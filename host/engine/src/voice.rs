//! The voice of one attempt: gives its lines their run, step and attempt, drops `DEBUG` lines nobody asked for, and
//! thins progress out to what a person can see.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use host_model::event::{Event, Progress};
use host_model::log::LogLevel;
use host_model::port::{Clock, StepVoice};
use host_model::{JobId, RunId, StepName};

use crate::bus::Bus;
use crate::log_sink::{LogSink, NewLine};

/// Progress is published at most this often per attempt.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

pub(crate) struct Voice {
    pub(crate) job_id: JobId,
    pub(crate) run_id: RunId,
    pub(crate) step: StepName,
    pub(crate) index: u32,
    pub(crate) attempt: u32,
    pub(crate) level: LogLevel,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sink: LogSink,
    pub(crate) bus: Arc<Bus>,
    pub(crate) progress: Mutex<ProgressState>,
}

pub(crate) struct ProgressState {
    started: tokio::time::Instant,
    published: Option<tokio::time::Instant>,
    held_back: Option<(u64, Option<u64>, String)>,
    /// The attempt is over: whoever still speaks is not heard.
    over: bool,
}

impl ProgressState {
    pub(crate) fn new() -> Self {
        Self { started: tokio::time::Instant::now(), published: None, held_back: None, over: false }
    }
}

impl Voice {
    fn publish(&self, state: &mut ProgressState, done: u64, total: Option<u64>, note: String) {
        let now = tokio::time::Instant::now();
        state.published = Some(now);
        let seconds = (now - state.started).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people; 2^53 rows are enough")]
        let rate = if seconds > 0.0 { done as f64 / seconds } else { 0.0 };
        let progress = Progress {
            run_id: self.run_id,
            index: self.index,
            attempt: self.attempt,
            at: self.clock.now(),
            done,
            total,
            note,
            rate,
        };
        self.bus.publish(Event::Progress { job_id: self.job_id.clone(), progress });
    }

    fn state(&self) -> MutexGuard<'_, ProgressState> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes the last progress that was held back, so that the final figure is always seen, and falls silent: an
    /// abandoned runner may go on speaking into a run that is over.
    pub(crate) fn last_word(&self) {
        let mut state = self.state();
        state.over = true;
        if let Some((done, total, note)) = state.held_back.take() {
            self.publish(&mut state, done, total, note);
        }
    }
}

#[async_trait]
impl StepVoice for Voice {
    async fn log(&self, level: LogLevel, message: &str) {
        if level < self.level || self.state().over {
            return;
        }
        let line = NewLine {
            job_id: self.job_id.clone(),
            run_id: self.run_id,
            at: self.clock.now(),
            level,
            step: Some(self.step.clone()),
            attempt: self.attempt,
            message: message.to_owned(),
        };
        self.sink.write(line).await;
    }

    fn progress(&self, done: u64, total: Option<u64>, note: &str) {
        let mut state = self.state();
        if state.over {
            return;
        }
        let recent = state.published.is_some_and(|at| at.elapsed() < PROGRESS_EVERY);
        if recent {
            state.held_back = Some((done, total, note.to_owned()));
        } else {
            state.held_back = None;
            self.publish(&mut state, done, total, note.to_owned());
        }
    }
}
