//! The runner of a simulated process: a step takes its time and succeeds or fails as its definition says; what was
//! executed when, and by whom, is written down for the oracle.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use host_model::port::{Access, Connectors, Secrets, SqlSession, StepContext, StepFailure, StepOutcome, StepRunner};
use host_model::{CancelToken, JobId, JsonMap, RunId, StepError, StepErrorKind, StepSpec};

use crate::handle::{Process, lock};

/// One attempt of one step, as it was really executed.
#[derive(Clone, Debug)]
pub(crate) struct Execution {
    pub(crate) run: RunId,
    pub(crate) job: JobId,
    pub(crate) index: u32,
    pub(crate) attempt: u32,
    pub(crate) by: Arc<str>,
    pub(crate) began: u64,
    /// When it ended, and whether it succeeded; `None` = it goes on, or died with its process.
    pub(crate) ended: Option<(u64, bool)>,
}

pub(crate) type Executions = Arc<Mutex<Vec<Execution>>>;

pub(crate) struct Hands {
    pub(crate) process: Arc<Process>,
    pub(crate) executions: Executions,
}

/// Writes the end down, also when the attempt is dropped.
struct Ending<'h> {
    hands: &'h Hands,
    place: usize,
    ok: bool,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if self.hands.process.died().is_none() {
            let now = self.hands.process.shop.now();
            if let Some(execution) = lock(&self.hands.executions).get_mut(self.place) {
                execution.ended = Some((now, self.ok));
            }
        }
    }
}

#[async_trait]
impl StepRunner for Hands {
    async fn run(&self, spec: &StepSpec, ctx: &StepContext) -> Result<StepOutcome, StepFailure> {
        let StepSpec::Python { callable } = spec else { return Err(StepError::definition("not scripted").into()) };
        let (millis, failures) = callable.split_once(':').unwrap_or((callable, "0"));
        let (millis, failures): (u64, u32) = (millis.parse().unwrap_or(0), failures.parse().unwrap_or(0));
        self.process.gate().await;
        let execution = Execution {
            run: ctx.run_id,
            job: ctx.job_id.clone(),
            index: ctx.index,
            attempt: ctx.attempt,
            by: self.process.name.clone(),
            began: self.process.shop.now(),
            ended: None,
        };
        let place = {
            let mut executions = lock(&self.executions);
            executions.push(execution);
            executions.len() - 1
        };
        let mut ending = Ending { hands: self, place, ok: false };
        tokio::select! {
            biased;
            () = ctx.cancel.canceled() => {
                return Err(StepError::new(StepErrorKind::Canceled, "heard it").into());
            }
            () = tokio::time::sleep(Duration::from_millis(millis)) => {}
        }
        self.process.gate().await;
        if ctx.attempt <= failures {
            return Err(StepError::remote("no route to host").into());
        }
        ending.ok = true;
        Ok(StepOutcome { output: JsonMap::new(), rows_affected: Some(1), usage: None })
    }
}

pub(crate) struct Nothing;

#[async_trait]
impl Connectors for Nothing {
    async fn open(&self, name: &str, _: Access, _: &CancelToken) -> Result<Box<dyn SqlSession>, StepError> {
        Err(StepError::definition(format!("there is no connector `{name}`")))
    }
}

impl Secrets for Nothing {
    fn find_secret(&self, _: &str) -> Option<String> {
        None
    }
}
