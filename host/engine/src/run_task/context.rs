//! What an attempt gets: the step with its templates filled in, and the context it runs in.

use std::sync::Arc;
use std::time::Duration;

use host_model::job::Step;
use host_model::port::StepContext;
use host_model::template::{Reveal, Scope, resolve_spec};
use host_model::{Instant, JsonMap, StepError, StepSpec, params};

use super::Stage;
use crate::voice::{ProgressState, Voice};

/// A step as its runner gets it, and as history shows it.
pub(super) struct Prepared {
    pub(super) spec: StepSpec,
    pub(super) params: JsonMap,
}

/// What is handed to another run is kept with it, so no secret may be in it: masked and unmasked must be the same.
pub(super) fn keeps_secrets(shown: &StepSpec, filled: &StepSpec) -> Result<(), StepError> {
    if matches!(filled, StepSpec::CallJob { .. }) && shown != filled {
        let text = "`params` holds a secret or a value of the environment, which cannot be handed to another run; the \
                    called job can name it itself";
        return Err(StepError::definition(text));
    }
    Ok(())
}

fn fill(step: &Step, scope: &Scope<'_>) -> Result<Prepared, StepError> {
    let hinted = |message: String, hint: Option<&String>| {
        StepError::definition(message).with_detail(hint.cloned().unwrap_or_default())
    };
    let params = scope.resolve_params().map_err(|e| hinted(e.message.clone(), e.hint.as_ref()))?;
    let spec = resolve_spec(&step.spec, scope).map_err(|e| hinted(e.to_string(), e.source.hint.as_ref()))?;
    Ok(Prepared { spec, params })
}

impl Stage {
    /// Shows `work` what the templates of a step may see.
    pub(super) fn with_scope<R>(&self, step: &Step, reveal: Reveal, work: impl FnOnce(&Scope<'_>) -> R) -> R {
        let shared = &self.task.shared;
        let merged = params::step_params(&self.task.job, step, &self.task.schedule, &self.task.fire);
        let of_job = params::shared_params(&self.task.job, &self.task.schedule, &self.task.fire);
        let scheduled_at = self.scheduled_at();
        let position = self.task.job.steps.iter().position(|s| s.name == step.name).unwrap_or(0);
        let previous = position.checked_sub(1).and_then(|p| self.task.job.steps.get(p)).map(|s| &s.name);
        let env = |name: &str| (shared.env)(name);
        let secret = |name: &str| shared.secrets.find_secret(name);
        let scope = Scope {
            run_id: self.task.run.id,
            job_id: &self.task.job.id,
            scheduled_at,
            date: scheduled_at.with_timezone(&self.task.zone).date_naive(),
            params: &merged,
            shared: &of_job,
            steps: &self.results,
            previous,
            env: &env,
            secret: &secret,
            reveal,
        };
        work(&scope)
    }

    /// Fills in the templates of a step.
    pub(super) fn prepare(&self, step: &Step, reveal: Reveal) -> Result<Prepared, StepError> {
        self.with_scope(step, reveal, |scope| fill(step, scope))
    }

    fn scheduled_at(&self) -> Instant {
        self.task.run.scheduled_at.unwrap_or(self.task.run.queued_at)
    }

    pub(super) fn context(&self, index: u32, attempt: u32, step: &Step, params: JsonMap) -> (StepContext, Arc<Voice>) {
        let shared = &self.task.shared;
        let voice = Arc::new(Voice {
            job_id: self.task.job.id.clone(),
            run_id: self.task.run.id,
            step: step.name.clone(),
            index,
            attempt,
            level: self.task.run.log_level,
            clock: shared.clock.clone(),
            sink: shared.sink.clone(),
            bus: shared.bus.clone(),
            progress: std::sync::Mutex::new(ProgressState::new()),
        });
        let ctx = StepContext {
            run_id: self.task.run.id,
            job_id: self.task.job.id.clone(),
            app: self.task.job.app.clone(),
            step: step.name.clone(),
            index,
            attempt,
            triggered_by: self.task.run.triggered_by.clone(),
            scheduled_at: self.scheduled_at(),
            log_level: self.task.run.log_level,
            params,
            own_keys: params::own_keys(step, &self.task.schedule, &self.task.fire),
            results: Arc::new(self.results.clone()),
            cancel: self.task.cancel.child(),
            timeout: Duration::from_secs(step.timeout_seconds.into()),
            voice: voice.clone(),
            connectors: shared.connectors.clone(),
        };
        (ctx, voice)
    }
}
