//! One attempt of one step: the runner in a task of its own, bounded by timeout and cancellation, its panic contained.
//!
//! A runner is asked to stop through its token and given [`GRACE`]; one that does not return is abandoned (its task is
//! aborted at its next await), so that a run never hangs on a step.

use std::sync::Arc;
use std::time::Duration;

use host_model::port::{StepContext, StepFailure, StepOutcome, StepRunner};
use host_model::{CancelToken, StepError, StepErrorKind, StepSpec};
use tokio::task::JoinHandle;

/// Runners promise to stop within 2 s (product §7); a little more before they are abandoned.
const GRACE: Duration = Duration::from_millis(2_500);

type Answer = Result<StepOutcome, StepFailure>;

/// Runs the attempt to its end. `run` is the token of the whole run; `ctx.cancel` must be a child of it.
pub(crate) async fn attempt(
    runner: Arc<dyn StepRunner>,
    spec: StepSpec,
    ctx: StepContext,
    run: &CancelToken,
) -> Answer {
    let timeout = ctx.timeout;
    let token = ctx.cancel.clone();
    let span = tracing::info_span!("step", run.id = %ctx.run_id, step.name = %ctx.step, attempt = ctx.attempt);
    let work = async move { runner.run(&spec, &ctx).await };
    let mut task = Task(tokio::spawn(tracing::Instrument::instrument(work, span)));
    tokio::select! {
        answer = &mut task.0 => settle(answer),
        () = tokio::time::sleep(timeout) => {
            let message = format!("timed out after {} s", timeout.as_secs_f64());
            token.cancel(&message);
            let late = tokio::time::timeout(GRACE, &mut task.0).await;
            let mut failure = StepFailure::from(StepError::new(StepErrorKind::Timeout, message));
            if let Ok(Ok(Err(inner))) = late {
                failure.usage = inner.usage;
                failure.error.detail = inner.error.detail;
            }
            Err(failure)
        }
        () = run.canceled() => match tokio::time::timeout(GRACE, &mut task.0).await {
            // It may have finished just before it heard.
            Ok(answer) => settle(answer).map_err(|failure| canceled(run, failure.usage)),
            Err(_) => Err(canceled(run, None)),
        },
    }
}

fn canceled(run: &CancelToken, usage: Option<host_model::JsonMap>) -> StepFailure {
    let reason = run.reason().unwrap_or("canceled").to_owned();
    StepFailure { error: StepError::new(StepErrorKind::Canceled, reason), usage }
}

fn settle(answer: Result<Answer, tokio::task::JoinError>) -> Answer {
    answer.unwrap_or_else(|broken| {
        let message = match broken.try_into_panic() {
            Ok(payload) => format!("the step panicked: {}", panic_text(&*payload)),
            Err(_) => "the step's task was aborted".to_owned(),
        };
        Err(StepError::new(StepErrorKind::Crashed, message).into())
    })
}

pub(crate) fn panic_text(payload: &(dyn std::any::Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// Aborts its task when dropped: a run task that ends never leaves a step behind.
struct Task(JoinHandle<Answer>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
