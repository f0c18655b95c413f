//! The runner of `python` steps: finds the interpreter, takes a worker, makes the call, and puts every ending into the
//! words of the engine.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use host_model::log::LogLevel;
use host_model::port::{StepContext, StepFailure, StepOutcome, StepRunner};
use host_model::{JsonMap, StepError, StepErrorKind, StepSpec};

use crate::apps::AppInterpreters;
use crate::call::{self, After, Ended, Means};
use crate::interpreter::{Interpreter, InterpreterError, Interpreters};
use crate::pool::{Pool, Recycle};
use crate::process::{self, Environment, Worker};
use crate::question::PythonServices;

/// How `python` steps are run.
#[derive(Clone)]
pub struct PythonConfig {
    /// The program that becomes a worker when its first argument is [`crate::worker::COMMAND`]: the host binary.
    pub program: PathBuf,
    /// The interpreters, and the folder `plugins`: it and every folder in it are on the import path.
    pub apps: AppInterpreters,
    /// What a callable's parameter `settings` receives.
    pub settings: JsonMap,
    /// Most steps at once, at least 1.
    pub max_workers: usize,
    /// A worker is replaced after so many steps, at least 1.
    pub recycle_after: u32,
    /// A worker is replaced after a step that leaves it with more bytes of memory than this.
    pub recycle_memory: u64,
    /// Most bytes of memory of one step, all its processes together; `None` is as much as there is.
    pub step_memory: Option<u64>,
    /// What callables may ask of the house besides connectors.
    pub services: PythonServices,
}

/// Runs `python` steps. Starts no process before the first step; dropping it ends its workers.
pub struct PythonRunner {
    apps: AppInterpreters,
    settings: JsonMap,
    interpreters: Interpreters,
    pool: Pool,
    step_memory: Option<u64>,
    services: PythonServices,
}

impl PythonRunner {
    /// A runner without workers yet.
    pub fn new(config: PythonConfig) -> Self {
        let mut apps = config.apps;
        apps.plugins = std::path::absolute(&apps.plugins).unwrap_or(apps.plugins);
        let recycle = Recycle { steps: config.recycle_after, memory: config.recycle_memory };
        Self {
            apps,
            settings: config.settings,
            interpreters: Interpreters::default(),
            pool: Pool::new(config.program, config.max_workers, recycle),
            step_memory: config.step_memory,
            services: config.services,
        }
    }

    /// The interpreter that steps of `app` run on, for checks and health reports.
    ///
    /// # Errors
    /// [`InterpreterError`] when it cannot serve.
    pub async fn find_interpreter(&self, app: &str) -> Result<Arc<Interpreter>, InterpreterError> {
        self.interpreters.find(&self.apps.interpreter_of(app)).await
    }

    async fn environment(&self, app: &str) -> Result<Arc<Environment>, StepError> {
        let interpreter = self.find_interpreter(app).await.map_err(|error| {
            StepError::definition(format!("a python step cannot run: {error}")).with_detail(error.hint())
        })?;
        let packages_changed_at = self.apps.packages_changed_at(&interpreter.executable);
        let (roots, settings) = (self.apps.roots(app), self.settings.clone());
        Ok(Arc::new(Environment { interpreter, roots, settings, packages_changed_at }))
    }

    async fn call(&self, callable: &str, ctx: &StepContext) -> Result<StepOutcome, StepError> {
        let place = unless_canceled(ctx, self.pool.place()).await?;
        let environment = unless_canceled(ctx, self.environment(&ctx.app)).await??;
        if let Some(stale) = self.apps.stale_requirements(&ctx.app) {
            ctx.voice.log(LogLevel::Warning, &stale).await;
        }
        let means = Means { services: &self.services, memory: self.step_memory };
        // A stale worker has not begun, and each one is dropped, so a fresh one ends the loop.
        loop {
            let started = unless_canceled(ctx, self.pool.worker(&place, &environment)).await?;
            let mut worker = started.map_err(|error| {
                StepError::new(StepErrorKind::Crashed, error.to_string()).with_detail(error.detail())
            })?;
            match call::run(&mut worker, callable, ctx, means).await {
                Ended::Stale => {}
                Ended::Returned { output, after } => {
                    let stopped = after.signals > 0;
                    self.keep_clean(worker, &after);
                    return if stopped { Err(canceled(ctx, "")) } else { Ok(outcome(output)) };
                }
                Ended::Raised { kind, message, detail, after } => {
                    self.keep_clean(worker, &after);
                    let detail = self.advise(ctx, &message, detail);
                    return Err(raised(ctx, kind, message, detail));
                }
                Ended::Died(status) if ctx.cancel.is_canceled() => {
                    return Err(canceled(ctx, &format!("the worker process ended: {}", process::describe(status))));
                }
                Ended::Died(status) => {
                    let message = format!(
                        "the Python process of `{callable}` ended before the callable did: {}",
                        process::describe(status)
                    );
                    return Err(
                        StepError::new(StepErrorKind::Crashed, message).with_detail(worker.stderr.tail().trim())
                    );
                }
                Ended::OverLimit(why) => {
                    let message = format!("the Python process of `{callable}` was killed: {why}");
                    return Err(StepError::new(StepErrorKind::Crashed, message));
                }
                Ended::Killed => {
                    return Err(canceled(ctx, "the callable did not stop by itself, its process was killed"));
                }
            }
        }
    }

    /// Adds to a traceback what may help an operator more.
    fn advise(&self, ctx: &StepContext, message: &str, detail: String) -> String {
        let advice = message.starts_with("ModuleNotFoundError").then(|| self.apps.missing_environment(&ctx.app));
        match advice.flatten() {
            Some(advice) => format!("{}\n{advice}", detail.trim_end()),
            None => detail,
        }
    }

    /// Keeps the worker unless the step was stopped or left something behind.
    fn keep_clean(&self, worker: Worker, after: &After) {
        match &after.leftovers {
            Some(left) => tracing::debug!(%left, "a python worker is replaced because of what a step left behind"),
            None if after.signals > 0 => {}
            None => self.pool.give_back(worker),
        }
    }
}

#[async_trait]
impl StepRunner for PythonRunner {
    async fn run(&self, spec: &StepSpec, ctx: &StepContext) -> Result<StepOutcome, StepFailure> {
        let StepSpec::Python { callable } = spec else {
            let message = format!("the python runner was given a step of type `{}`", spec.type_name());
            return Err(StepError::definition(message).into());
        };
        Ok(self.call(callable, ctx).await?)
    }
}

/// Waits for what a step needs before it begins; a cancel meanwhile has nothing to wind down.
async fn unless_canceled<T>(ctx: &StepContext, wanted: impl Future<Output = T>) -> Result<T, StepError> {
    tokio::select! {
        biased;
        () = ctx.cancel.canceled() => Err(canceled(ctx, "")),
        got = wanted => Ok(got),
    }
}

fn outcome(output: JsonMap) -> StepOutcome {
    let rows_affected = output.get("rows_affected").and_then(serde_json::Value::as_i64);
    StepOutcome { output, rows_affected, usage: None }
}

fn canceled(ctx: &StepContext, how: &str) -> StepError {
    StepError::new(StepErrorKind::Canceled, ctx.cancel.reason().unwrap_or("canceled")).with_detail(how)
}

fn raised(ctx: &StepContext, kind: StepErrorKind, message: String, detail: String) -> StepError {
    if ctx.cancel.is_canceled() {
        // The signal made it raise, or a statement that was stopped did; the detail says where it was.
        return canceled(ctx, &detail);
    }
    // Nobody here cancelled, so the signal came from outside, and trying again is fine.
    let kind = if kind == StepErrorKind::Canceled { StepErrorKind::Failed } else { kind };
    StepError::new(kind, message).with_detail(detail)
}
