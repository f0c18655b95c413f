//! Keeps the catalogue: reads the files, hands connectors to the pools and valid jobs to the engine. A reading that
//! cannot be finished changes nothing.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use async_trait::async_trait;
use host_api::CatalogueSource;
use host_catalogue::{
    Catalogue, ComponentCheck, ComponentProblem, FileProblem, LoadOptions, SecretReader, load, system_zone,
};
use host_engine::{Engine, Jobs, internal_jobs};
use host_sandbox::{ComponentRunner, SandboxError};
use host_steps::ConnectorPools;

use crate::home::env;
use crate::memory;

/// Where the files are, and who needs to know what they say.
pub(crate) struct Keeper {
    reader: Reader,
    pools: Arc<ConnectorPools>,
    engine: OnceLock<Engine>,
    current: RwLock<Arc<Catalogue>>,
    /// One reading at a time, so that an older one never wins.
    turn: tokio::sync::Mutex<()>,
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

/// Lets the catalogue look inside components.
struct Inspector<'a>(&'a ComponentRunner);

fn problem(error: &SandboxError) -> ComponentProblem {
    ComponentProblem { message: error.to_string(), hint: error.hint() }
}

impl ComponentCheck for Inspector<'_> {
    fn check(&self, _file: &std::path::Path, callable: &str) -> Result<(), ComponentProblem> {
        self.0.check(callable).map_err(|error| problem(&error))
    }

    fn check_file(&self, file: &std::path::Path, grants: &str) -> Result<(), FileProblem> {
        self.0.check_file(file, grants).map_err(|error| match error {
            SandboxError::Grants(found) => FileProblem::Grants(found),
            other => FileProblem::Component(problem(&other)),
        })
    }
}

impl Reader {
    /// Reads every file. Blocks.
    pub(crate) fn read(&self) -> Catalogue {
        let options = LoadOptions {
            plugins_dir: Some(self.plugins.clone()),
            env: &env,
            secrets: Some(&*self.secrets),
            default_zone: system_zone(),
            components: Some(&Inspector(&self.sandbox)),
        };
        let catalogue = load(&self.home, &options);
        memory::give_back();
        catalogue
    }
}

impl Keeper {
    /// A keeper of what was read already.
    pub(crate) fn new(reader: Reader, pools: Arc<ConnectorPools>, first: Catalogue) -> Self {
        Self {
            reader,
            pools,
            engine: OnceLock::new(),
            current: RwLock::new(Arc::new(first)),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Introduces the engine that reloads are handed to.
    pub(crate) fn introduce(&self, engine: &Engine) {
        // Called once, by `assemble`.
        let _ = self.engine.set(engine.clone());
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
        let read = match tokio::task::spawn_blocking(move || reader.read()).await {
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
        read
    }
}
