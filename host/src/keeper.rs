//! Keeps the catalogue: reads the files, hands connectors to the pools and valid jobs to the engine. A reading that
//! cannot be finished changes nothing.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use host_api::CatalogueSource;
use host_catalogue::{
    Catalogue, ComponentCheck, ComponentProblem, ComponentState, FileProblem, LoadOptions, ParamProblem, ParamRule,
    Proposal, SecretReader, load, system_zone,
};
use host_engine::{Engine, Jobs, internal_jobs};
use host_model::JsonMap;
use host_model::job::spec::Pins;
use host_sandbox::{ComponentRunner, Readiness, SandboxError, approve_hint};
use host_steps::ConnectorPools;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::home::env;
use crate::memory;
use crate::steward::{ApprovalBook, Shelf};

/// How long a reading of a server waits for components to be compiled, all of them together: long enough for small ones,
/// and a change of anything else is in force within a second all the same.
const COMPILING: Duration = Duration::from_millis(300);

/// Where the files are, and who needs to know what they say.
pub(crate) struct Keeper {
    reader: Reader,
    pools: Arc<ConnectorPools>,
    engine: OnceLock<Engine>,
    current: RwLock<Arc<Catalogue>>,
    /// One reading at a time, so that an older one never wins.
    turn: tokio::sync::Mutex<()>,
    /// Rings after each reading.
    reloaded: Notify,
    noting: Option<Noting>,
}

/// What keeps versions of the components that a reading found.
pub(crate) struct Noting {
    pub(crate) book: Arc<ApprovalBook>,
    pub(crate) shelf: Shelf,
}

/// Reads the catalogue; also without engine and pools, for `check`.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(crate) home: PathBuf,
    pub(crate) plugins: PathBuf,
    pub(crate) sandbox: ComponentRunner,
    /// Opens what files name; without a store it opens `ENC:…` only.
    pub(crate) secrets: Arc<dyn SecretReader + Send + Sync>,
}

/// Lets the catalogue look inside components, as far as they are compiled until then.
struct Inspector<'a> {
    sandbox: &'a ComponentRunner,
    /// For those that jobs name.
    until: Option<Instant>,
    /// For all the others.
    files_until: Option<Instant>,
}

fn problem(error: &SandboxError) -> ComponentProblem {
    ComponentProblem {
        message: error.to_string(),
        hint: error.hint(),
        blames_pin: matches!(error, SandboxError::NotKept { .. }),
    }
}

impl Inspector<'_> {
    /// What is to be said of a component that is fit for use.
    fn state(&self, file: &Path, readiness: Readiness) -> ComponentState {
        if readiness == Readiness::Compiling {
            return ComponentState::Compiling;
        }
        let asked = self.sandbox.excess_of(file);
        if asked.is_empty() {
            return ComponentState::Ready;
        }
        let plugin = file.file_stem().unwrap_or_default().to_string_lossy();
        ComponentState::Unapproved(ComponentProblem {
            message: format!("component `{plugin}` asks for more than was approved: `{}`", asked.join("`, `")),
            hint: Some(approve_hint(&plugin)),
            blames_pin: false,
        })
    }
}

impl ComponentCheck for Inspector<'_> {
    fn check(&self, file: &Path, callable: &str, pins: &Pins) -> Result<ComponentState, ComponentProblem> {
        let checked = self.sandbox.check_until(callable, pins, self.until);
        // What the file in force asks for does not matter to a job that calls another.
        let state = |readiness| match readiness {
            Readiness::Ready if !pins.is_empty() => ComponentState::Ready,
            readiness => self.state(file, readiness),
        };
        checked.map(state).map_err(|error| problem(&error))
    }

    fn check_params(&self, callable: &str, pins: &Pins, params: &JsonMap, own: &[String]) -> Vec<ParamProblem> {
        let found = self.sandbox.check_params(callable, pins, params, own).into_iter();
        let translated = found.map(|it| ParamProblem {
            path: it.path,
            rule: match it.rule {
                host_sandbox::ParamRule::Unknown => ParamRule::Unknown,
                host_sandbox::ParamRule::Missing => ParamRule::Missing,
                host_sandbox::ParamRule::Type => ParamRule::Type,
                host_sandbox::ParamRule::Value => ParamRule::Value,
            },
            message: it.message,
            hint: it.hint,
        });
        translated.collect()
    }

    fn check_file(&self, file: &Path, grants: &str) -> Result<ComponentState, FileProblem> {
        let checked = self.sandbox.check_file(file, grants, self.files_until);
        checked.map(|readiness| self.state(file, readiness)).map_err(|error| match error {
            SandboxError::Grants(found) => FileProblem::Grants(found),
            other => FileProblem::Component(problem(&other)),
        })
    }
}

impl Reader {
    /// Reads every file, and waits for every component to be compiled. Blocks.
    pub(crate) fn read(&self) -> Catalogue {
        self.read_until(None, None)
    }

    /// Reads every file, and waits for the components that jobs name. Blocks.
    pub(crate) fn read_jobs(&self) -> Catalogue {
        self.read_until(None, Some(Instant::now() + COMPILING))
    }

    /// Reads every file. A component that is not compiled soon is found to be compiling. Blocks.
    pub(crate) fn read_soon(&self) -> Catalogue {
        let soon = Some(Instant::now() + COMPILING);
        self.read_until(soon, soon)
    }

    fn read_until(&self, until: Option<Instant>, files_until: Option<Instant>) -> Catalogue {
        self.read_with(until, files_until, None)
    }

    /// Reads every file, and what somebody wants to save among them. Blocks.
    pub(crate) fn read_proposal(&self, proposal: &Proposal) -> Catalogue {
        let soon = Some(Instant::now() + COMPILING);
        self.read_with(soon, soon, Some(proposal))
    }

    fn read_with(
        &self,
        until: Option<Instant>,
        files_until: Option<Instant>,
        proposal: Option<&Proposal>,
    ) -> Catalogue {
        let options = LoadOptions {
            plugins_dir: Some(self.plugins.clone()),
            env: &env,
            secrets: Some(&*self.secrets),
            default_zone: system_zone(),
            components: Some(&Inspector { sandbox: &self.sandbox, until, files_until }),
            proposal,
        };
        let catalogue = load(&self.home, &options);
        memory::give_back();
        catalogue
    }
}

impl Keeper {
    /// A keeper of what was read already.
    pub(crate) fn new(reader: Reader, pools: Arc<ConnectorPools>, first: Catalogue, noting: Option<Noting>) -> Self {
        Self {
            reader,
            pools,
            engine: OnceLock::new(),
            current: RwLock::new(Arc::new(first)),
            turn: tokio::sync::Mutex::new(()),
            reloaded: Notify::new(),
            noting,
        }
    }

    /// Keeps versions of the components that are in force.
    pub(crate) async fn note_components(&self) {
        let Some(noting) = &self.noting else { return };
        let sandbox = self.reader.sandbox.clone();
        if let Ok(found) = tokio::task::spawn_blocking(move || sandbox.in_force()).await {
            noting.book.note_all(found, &noting.shelf, &self.current().pins).await;
        }
    }

    /// Reads again, and says in the log what is wrong now.
    pub(crate) async fn reload_aloud(&self) {
        for found in &self.reload().await.diagnostics {
            tracing::warn!("{}:{}:{}: {}", found.file, found.line, found.column, found.message);
        }
    }

    /// Reads again whenever a component is ready that a reading did not wait for.
    pub(crate) fn follow_compiler(self: &Arc<Self>) -> Following {
        let keeper = Arc::clone(self);
        Following(tokio::spawn(async move {
            loop {
                keeper.reader.sandbox.compiled().await;
                keeper.reload_aloud().await;
            }
        }))
    }

    /// Comes back after the next reading, or at once when there was one since the last call.
    pub(crate) async fn reloaded(&self) {
        self.reloaded.notified().await;
    }

    /// What reads the files.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Introduces the engine that reloads are handed to.
    pub(crate) fn introduce(&self, engine: &Engine) {
        // Called once, by `assemble`.
        let _ = self.engine.set(engine.clone());
    }
}

/// Ends the following when dropped.
pub(crate) struct Following(JoinHandle<()>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The valid jobs as the engine takes them, with those of our own.
pub(crate) fn jobs_of(catalogue: &Catalogue) -> Jobs {
    let mut jobs = catalogue.jobs.clone();
    jobs.extend(internal_jobs(system_zone()).into_iter().map(|job| (job.id.clone(), Arc::new(job))));
    Arc::new(jobs)
}

#[async_trait]
impl CatalogueSource for Keeper {
    fn current(&self) -> Arc<Catalogue> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn reload(&self) -> Arc<Catalogue> {
        let _turn = self.turn.lock().await;
        let reader = self.reader.clone();
        let read = match tokio::task::spawn_blocking(move || reader.read_soon()).await {
            Ok(read) => Arc::new(read),
            Err(error) => {
                tracing::error!(%error, "the catalogue could not be read; the one before stays");
                return self.current();
            }
        };
        self.pools.replace(read.connectors.clone());
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = read.clone();
        if let Some(engine) = self.engine.get() {
            engine.replace_jobs(jobs_of(&read), read.diagnostics.len());
        }
        tracing::info!(jobs = read.jobs.len(), invalid = read.invalid.len(), "catalogue read");
        self.reloaded.notify_one();
        self.note_components().await;
        read
    }
}
