//! The runner of `python` steps: finds the interpreter, takes a worker, makes the call, and puts every ending into the
//! words of the engine.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use host_model::port::{StepContext, StepFailure, StepOutcome, StepRunner};
use host_model::{JsonMap, StepError, StepErrorKind, StepSpec};

use crate::call::{self, After, Ended};
use crate::interpreter::{Interpreter, InterpreterError, Interpreters};
use crate::pool::Pool;
use crate::process::{self, Environment, Worker};

/// How `python` steps are run.
#[derive(Debug, Clone)]
pub struct PythonConfig {
    /// The program that becomes a worker when its first argument is [`crate::worker::COMMAND`]: the host binary.
    pub program: PathBuf,
    /// The interpreter: a path (a virtual environment's `bin/python` works) or a name on PATH.
    pub interpreter: PathBuf,
    /// The folder `plugins`. It and every folder in it are on the import path, in front of the interpreter's own.
    pub plugins: PathBuf,
    /// What a callable's parameter `settings` receives.
    pub settings: JsonMap,
    /// Most steps at once, at least 1.
    pub max_workers: usize,
    /// A worker is replaced after so many steps, at least 1.
    pub recycle_after: u32,
}

/// Runs `python` steps. Starts no process before the first step; dropping it ends its workers.
pub struct PythonRunner {
    interpreter: PathBuf,
    plugins: PathBuf,
    settings: JsonMap,
    interpreters: Interpreters,
    pool: Pool,
}

impl PythonRunner {
    /// A runner without workers yet.
    pub fn new(config: PythonConfig) -> Self {
        Self {
            interpreter: config.interpreter,
            plugins: std::path::absolute(&config.plugins).unwrap_or(config.plugins),
            settings: config.settings,
            interpreters: Interpreters::default(),
            pool: Pool::new(config.program, config.max_workers, config.recycle_after),
        }
    }

    /// The interpreter that steps run on, for checks and health reports.
    ///
    /// # Errors
    /// [`InterpreterError`] when it cannot serve.
    pub async fn find_interpreter(&self) -> Result<Arc<Interpreter>, InterpreterError> {
        self.interpreters.find(&self.interpreter).await
    }

    async fn environment(&self) -> Result<Arc<Environment>, StepError> {
        let interpreter = self.find_interpreter().await.map_err(|error| {
            StepError::definition(format!("a python step cannot run: {error}")).with_detail(error.hint())
        })?;
        Ok(Arc::new(Environment { interpreter, roots: roots(&self.plugins), settings: self.settings.clone() }))
    }

    async fn call(&self, callable: &str, ctx: &StepContext) -> Result<StepOutcome, StepError> {
        let place = unless_canceled(ctx, self.pool.place()).await?;
        let environment = unless_canceled(ctx, self.environment()).await??;
        // A stale worker has not begun, and each one is dropped, so a fresh one ends the loop.
        loop {
            let started = unless_canceled(ctx, self.pool.worker(&place, &environment)).await?;
            let mut worker = started.map_err(|error| {
                StepError::new(StepErrorKind::Crashed, error.to_string()).with_detail(error.detail())
            })?;
            match call::run(&mut worker, callable, ctx).await {
                Ended::Stale => {}
                Ended::Returned { output, after } => {
                    let stopped = after.signals > 0;
                    self.keep_clean(worker, &after);
                    return if stopped { Err(canceled(ctx, "")) } else { Ok(outcome(output)) };
                }
                Ended::Raised { kind, message, detail, after } => {
                    self.keep_clean(worker, &after);
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
                Ended::Killed => {
                    return Err(canceled(ctx, "the callable did not stop by itself, its process was killed"));
                }
            }
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

/// `plugins/*` in the order of their names, then `plugins` itself.
fn roots(plugins: &Path) -> Vec<String> {
    let folders = std::fs::read_dir(plugins).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_app = |folder: &PathBuf| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        !name.starts_with(['.', '_']) && folder.is_dir()
    };
    let mut roots: Vec<String> = folders.filter(is_app).map(|folder| folder.to_string_lossy().into_owned()).collect();
    roots.sort_unstable();
    roots.push(plugins.to_string_lossy().into_owned());
    roots
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
