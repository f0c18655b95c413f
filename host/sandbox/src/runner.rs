//! [`ComponentRunner`]: from a step's `callable` to its outcome. Owns the folder of plugins and the cache; the engine
//! above it owns timeouts, retries and state.

mod versions;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use host_model::job::spec::Pins;
use host_model::plugin_version::PluginApprovals;
use host_model::port::{StepContext, StepFailure, StepOutcome, StepRunner};
use host_model::{CancelToken, JsonMap, StepError, StepErrorKind, StepSpec};

use crate::SandboxError;
use crate::component_cache::{ComponentCaches, Loaded, Patience};
use crate::grants::Grants;
use crate::inspect::{CallableInfo, Inspection, Prepared};
use crate::instance::{CancelOnDrop, Ending, GRACE, Watch, new_store, run_on_thread, supervise};
use crate::limits::Limits;
use crate::outcome::{Answer, CallReport, Over};
use crate::params::{ParamProblem, refusal};
use crate::plugins::Callable;
use crate::services::Services;
use crate::state::CallState;
use crate::usage::Stopwatch;
pub use versions::InForce;
use versions::{StandIn, app_of, not_kept};

/// Whether a component was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Whatever there is to say of it was said.
    Ready,
    /// It is being compiled, and nobody knows yet; [`ComponentRunner::compiled`] tells when to ask again.
    Compiling,
}

/// Runs `wasm` steps. Cheap to clone; one per process is enough.
#[derive(Clone)]
pub struct ComponentRunner {
    plugins: PathBuf,
    caches: Arc<ComponentCaches>,
    services: Option<Services>,
    approvals: Option<Arc<dyn PluginApprovals>>,
    stand_in: Option<Arc<StandIn>>,
    /// Files of versions: `<kept>/<plugin>/<digest>.wasm`.
    kept: Option<PathBuf>,
    /// Whether calls must change nothing.
    is_trial: bool,
}

/// Everything found out before a call.
struct Located {
    prepared: Arc<Prepared>,
    grants: Grants,
    /// The file of grants as messages name it.
    grants_file: String,
    /// The app its plugin belongs to.
    app: String,
}

impl ComponentRunner {
    /// A runner for the components in `<plugins>/*/`, which keeps compiled code in `<cache>` (`data/components` of the
    /// home). Starts the epoch thread.
    ///
    /// # Errors
    /// When Wasmtime does not work on this machine, or the folder cannot be made.
    pub fn new(plugins: impl Into<PathBuf>, cache: impl AsRef<Path>) -> Result<Self, SandboxError> {
        let caches = Arc::new(ComponentCaches::open(cache.as_ref())?);
        let plugins = plugins.into();
        Ok(Self { plugins, caches, services: None, approvals: None, stand_in: None, kept: None, is_trial: false })
    }

    /// The same runner, whose components may ask for what they are granted of these services. Without any, what is
    /// granted is unavailable.
    #[must_use]
    pub fn with_services(self, services: Services) -> Self {
        Self { services: Some(services), ..self }
    }

    /// Whether a step could run `callable`: the component exists once, fits, has that callable, and its file of grants
    /// is sound. Blocks as long as it takes to compile the component; may be called from anywhere.
    ///
    /// # Errors
    /// What is wrong; [`SandboxError::hint`] says what to do.
    pub fn check(&self, callable: &str) -> Result<(), SandboxError> {
        self.check_until(callable, &Pins::new(), None).map(drop)
    }

    /// As [`ComponentRunner::check`] for a job with these pins, and waits for the compiler no longer than `until`.
    ///
    /// # Errors
    /// As there.
    pub fn check_until(&self, callable: &str, pins: &Pins, until: Option<Instant>) -> Result<Readiness, SandboxError> {
        let callable = Callable::parse(callable)?.pinned(pins);
        let (located, readiness) = self.locate(&callable, patience(until))?;
        if let (Some(located), Readiness::Ready) = (located, readiness) {
            let checked = located.prepared.params_schema(&callable.function);
            checked.map_err(|error| error.below(self.home()))?;
        }
        Ok(readiness)
    }

    /// What is wrong with `params` for `callable`, of which those named in `own` are meant for it. Nothing is, when the
    /// component is not ready or has no such callable, which [`ComponentRunner::check_until`] tells.
    pub fn check_params(&self, callable: &str, pins: &Pins, params: &JsonMap, own: &[String]) -> Vec<ParamProblem> {
        let Ok(parsed) = Callable::parse(callable).map(|it| it.pinned(pins)) else { return Vec::new() };
        let Ok((Some(located), Readiness::Ready)) = self.locate(&parsed, Patience::Until(Instant::now())) else {
            return Vec::new();
        };
        let schema = located.prepared.params_schema(&parsed.function);
        schema.map_or_else(|_| Vec::new(), |schema| schema.check(callable, params, own))
    }

    /// Whether the component at `path` could serve anybody: it fits, lists its callables and what they take, and the file
    /// of grants beside it, which messages call `grants_file`, is sound. Waits for the compiler until `until`, or as long as
    /// it takes; may be called from anywhere.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check_file(
        &self,
        path: &Path,
        grants_file: &str,
        until: Option<Instant>,
    ) -> Result<Readiness, SandboxError> {
        let checked = self.load_granted(path, grants_file, patience(until)).and_then(|loaded| match loaded {
            Loaded::Ready(prepared) => prepared.ensure_sound().map(|()| Readiness::Ready),
            Loaded::Compiling(_) => Ok(Readiness::Compiling),
        });
        checked.map_err(|error| error.below(self.home()))
    }

    /// What the component at `path` offers if it is fit for use; while it is being compiled, what the one before it did.
    pub(crate) fn callables_of(
        &self,
        path: &Path,
        until: Instant,
    ) -> Result<(Vec<CallableInfo>, Readiness), SandboxError> {
        let grants_path = path.with_extension("toml");
        let grants_file = grants_path.strip_prefix(self.home()).unwrap_or(&grants_path).display().to_string();
        let looked = self.load_granted(path, &grants_file, Patience::Until(until)).and_then(|loaded| match loaded {
            Loaded::Ready(prepared) => {
                prepared.ensure_sound()?;
                Ok((prepared.callables()?.to_vec(), Readiness::Ready))
            }
            Loaded::Compiling(None) => Ok((Vec::new(), Readiness::Compiling)),
            Loaded::Compiling(Some(before)) => Ok((before.callables()?.to_vec(), Readiness::Compiling)),
        });
        looked.map_err(|error| error.below(self.home()))
    }

    /// The folder that holds the apps.
    pub(crate) fn plugins(&self) -> &Path {
        &self.plugins
    }

    /// The component at `path` on the stack its grants say.
    fn load_granted(&self, path: &Path, grants_file: &str, patience: Patience) -> Result<Loaded, SandboxError> {
        let grants = Grants::read(&path.with_extension("toml"), grants_file)?;
        self.caches.with_stack(grants.limits.stack_bytes)?.load(path, patience)
    }

    /// Returns when a component is ready, or turned out to be bad, that somebody was told is being compiled.
    pub async fn compiled(&self) {
        self.caches.compiled().await;
    }

    /// What the file at `path` is. Blocks; may be called from anywhere.
    ///
    /// # Errors
    /// When it is not a component that fits this host.
    pub fn inspect(&self, path: &Path) -> Result<Inspection, SandboxError> {
        self.load(path).and_then(|prepared| prepared.inspection()).map_err(|error| error.below(self.home()))
    }

    /// The time of one fresh store and instance of the component at `path`, for benches.
    ///
    /// # Errors
    /// When it is not a component that fits this host, or does not start.
    pub async fn time_instance(&self, path: &Path) -> Result<Duration, SandboxError> {
        let prepared = self.load(path)?;
        let watch = Watch::new(CancelToken::new(), GRACE, GRACE);
        let start = Instant::now();
        let mut store =
            new_store(prepared.plugin.engine(), CallState::without_capabilities(watch.cancel.clone()), &watch);
        let instance = prepared.plugin.instantiate(&mut store).await;
        let took = start.elapsed();
        instance.map(|()| took).map_err(|error| SandboxError::Engine { message: format!("{error:#}") })
    }

    /// Messages name files below the folder that holds the plugins.
    fn home(&self) -> &Path {
        self.plugins.parent().unwrap_or(&self.plugins)
    }

    fn load(&self, path: &Path) -> Result<Arc<Prepared>, SandboxError> {
        self.caches.with_stack(Limits::default().stack_bytes)?.load_now(path)
    }

    fn locate(&self, callable: &Callable, patience: Patience) -> Result<(Option<Located>, Readiness), SandboxError> {
        self.locate_unshown(callable, patience).map_err(|error| error.below(self.home()))
    }

    /// What is in force of a component, if anything, and whether that is the file as it is now.
    fn locate_unshown(
        &self,
        callable: &Callable,
        patience: Patience,
    ) -> Result<(Option<Located>, Readiness), SandboxError> {
        let (path, grants_path) = self.files_of(callable)?;
        let grants_file = grants_path.strip_prefix(self.home()).unwrap_or(&grants_path).display().to_string();
        let grants = Grants::read(&grants_path, &grants_file)?;
        let grants = if self.is_trial { grants.for_trial() } else { grants };
        let cache = self.caches.with_stack(grants.limits.stack_bytes)?;
        let (prepared, readiness) = match cache.load(&path, patience)? {
            Loaded::Ready(prepared) if callable.takes(&prepared.file.digest) => (Some(prepared), Readiness::Ready),
            Loaded::Ready(_) => return Err(not_kept(callable)),
            Loaded::Compiling(before) => (before.filter(|it| callable.takes(&it.file.digest)), Readiness::Compiling),
        };
        if let (Some(prepared), Readiness::Ready) = (&prepared, readiness) {
            prepared.ensure_callable(&callable.function)?;
        }
        let app = app_of(&grants_path);
        Ok((prepared.map(|prepared| Located { prepared, grants, grants_file, app }), readiness))
    }

    /// What a call runs: the file as it is now, or what was there before as long as that is compiled and has the callable.
    fn locate_for_call(&self, callable: &Callable) -> Result<Located, SandboxError> {
        let mut patience = Patience::OfCall;
        loop {
            let (located, readiness) = self.locate(callable, patience)?;
            let may_serve =
                |it: &Located| readiness == Readiness::Ready || it.prepared.ensure_callable(&callable.function).is_ok();
            if let Some(located) = located.filter(may_serve) {
                // Known from now on, so that the call finds it.
                let schema = located.prepared.params_schema(&callable.function);
                schema.map_err(|error| error.below(self.home()))?;
                return Ok(located);
            }
            patience = Patience::Endless;
        }
    }

    /// Finds and compiles away from the runtime's workers. A cancel does not wait for the compiler, which goes on: the
    /// next attempt finds its work done.
    async fn locate_or_stop(&self, callable: &Callable, ctx: &StepContext) -> Result<Located, StepError> {
        let (runner, wanted) = (self.clone(), callable.clone());
        let located = tokio::task::spawn_blocking(move || runner.locate_for_call(&wanted));
        tokio::select! {
            located = located => match located {
                Ok(located) => Ok(located?),
                Err(error) => Err(StepError::new(StepErrorKind::Crashed, format!("the host failed to prepare it: {error}"))),
            },
            () = ctx.cancel.canceled() => {
                let reason = ctx.cancel.reason().unwrap_or("canceled");
                Err(StepError::new(StepErrorKind::Canceled, format!("canceled while it was prepared: {reason}")))
            }
            () = tokio::time::sleep(ctx.timeout) => {
                let message = format!("timed out after {} s while it was compiled", ctx.timeout.as_secs_f64());
                Err(StepError::new(StepErrorKind::Timeout, message))
            }
        }
    }

    async fn call(&self, text: &str, pins: &Pins, ctx: &StepContext) -> Result<StepOutcome, StepFailure> {
        let started = Instant::now();
        let callable = Callable::parse(text).map_err(StepError::from)?.pinned(pins);
        let Located { prepared, grants, grants_file, app } = self.locate_or_stop(&callable, ctx).await?;
        self.ensure_approved(&callable.plugin, app, &prepared).await?;
        let limits = grants.limits;
        let step_time = ctx.timeout.saturating_sub(started.elapsed());
        let wall_limit = limits.wall.filter(|wall| *wall < step_time);
        let cancel = ctx.cancel.child();
        let _guard = CancelOnDrop(cancel.clone());
        let granted = (grants, grants_file.clone());
        let services = self.services.clone();
        let state = CallState::new(ctx, cancel.clone(), &callable.plugin, granted, services, self.home())?;
        let lines = Arc::clone(&state.call.lines);
        let watch = Watch::new(cancel, wall_limit.unwrap_or(step_time), GRACE);
        let given = Given { callable: text.to_owned(), params: ctx.params.clone(), own: ctx.own_keys.clone() };
        let thread = format!("wasm-{}", callable.plugin);
        let ran = run_on_thread(thread, run_checked(prepared, state, watch, callable.function, given)).await;
        let (ending, report) =
            ran.map_err(|why| StepError::new(StepErrorKind::Crashed, format!("`{text}` did not run: {why}")))??;
        let deadline = match wall_limit {
            Some(wall) => format!("its limit of {} s (`wall_seconds` in `{grants_file}`)", wall.as_secs_f64()),
            None => format!("the timeout of its step, {} s", ctx.timeout.as_secs_f64()),
        };
        let over =
            Over { callable: text, report: &report, limits: &limits, deadline: &deadline, grants_file: &grants_file };
        let concluded = over.conclude(ending);
        let usage = Some(report.usage);
        match concluded {
            Ok(outcome) => Ok(StepOutcome { usage, output: lines.output_without_secrets(outcome.output), ..outcome }),
            Err(error) => {
                let (message, detail) = (lines.without_secrets(error.message), lines.without_secrets(error.detail));
                Err(StepFailure { error: StepError { message, detail, ..error }, usage })
            }
        }
    }
}

fn patience(until: Option<Instant>) -> Patience {
    until.map_or(Patience::Endless, Patience::Until)
}

/// What a call is given.
struct Given {
    /// As the job wrote it.
    callable: String,
    params: JsonMap,
    /// Names of those that are meant for this step.
    own: Vec<String>,
}

/// Holds the params against what the callable says it takes, then calls it. Here, because a schema comes from anybody:
/// whatever it makes of deep params, it keeps no thread of the runtime busy.
async fn run_checked(
    prepared: Arc<Prepared>,
    state: CallState,
    watch: Watch,
    function: String,
    given: Given,
) -> Result<(Ending<Answer>, CallReport), StepError> {
    let schema = prepared.params_schema(&function)?;
    let problems = schema.check(&given.callable, &given.params, &given.own);
    if !problems.is_empty() {
        return Err(refusal(&problems));
    }
    let params = serde_json::Value::Object(given.params).to_string();
    Ok(run_in_store(prepared, state, watch, function, params).await)
}

/// One call from its fresh store to its end, on the thread it runs on.
async fn run_in_store(
    prepared: Arc<Prepared>,
    state: CallState,
    watch: Watch,
    function: String,
    params: String,
) -> (Ending<Answer>, CallReport) {
    let stopwatch = Stopwatch::start();
    let mut store = new_store(prepared.plugin.engine(), state, &watch);
    let ending = supervise(prepared.plugin.call(&mut store, &function, &params), &watch).await;
    // Dropping the rest of the store ends sessions and rolls transactions back, before the outcome is known outside.
    let CallState { call, meter, .. } = store.into_data();
    let usage = stopwatch.record(&call.usage, &meter, &prepared.file.digest);
    let flush = call.finish_lines();
    if ending.stop.is_some() {
        // A stopped call must be over soon, however slow the log is.
        let _ = tokio::time::timeout(Duration::from_millis(300), flush).await;
    } else {
        flush.await;
    }
    let report = CallReport {
        usage,
        refused_memory: meter.refused_memory(),
        refused_table: meter.refused_table(),
        stderr_tail: call.lines.stderr_tail(),
    };
    (ending, report)
}

#[async_trait]
impl StepRunner for ComponentRunner {
    async fn run(&self, spec: &StepSpec, ctx: &StepContext) -> Result<StepOutcome, StepFailure> {
        match spec {
            StepSpec::Wasm { callable, pins } => self.call(callable, pins, ctx).await,
            other => {
                let message = format!("the sandbox does not run steps of type `{}`", other.type_name());
                Err(StepError::definition(message).into())
            }
        }
    }
}
