//! A sandbox for one component outside of any job: a folder of its own with the component and its grants, as a home would
//! have them, so that everything is checked by the same code. Nothing is recorded.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use async_trait::async_trait;
use host_model::connector::ConnectorSet;
use host_model::diagnostic::nearest;
use host_model::job::SqlQuerySpec;
use host_model::log::LogLevel;
use host_model::port::{
    Access, Connectors, Secrets, StepContext, StepFailure, StepOutcome, StepRunner as _, StepVoice, Store,
};
use host_model::value::Value;
use host_model::{CancelToken, JobId, Json, JsonMap, RunId, StepError, StepName, StepSpec};
use host_sandbox::grants::Grants;
use host_sandbox::{CallableInfo, ComponentRunner, SandboxError};
use host_steps::{ConnectorPools, SqlQueryRunner};
use tempfile::TempDir;

use crate::assemble;
use crate::exit::{Exit, Failure};

/// Where compiled code is kept between commands.
pub(super) fn cache() -> anyhow::Result<PathBuf> {
    Ok(plugin_builder::cache_folder()?.join("components"))
}

/// Where the component lies on the bench, as messages of the sandbox say it.
const BENCH: &str = "plugins/bench/";

/// Where a component came from, its file and its folder. What is said of the bench is said of them.
#[derive(Clone)]
pub(super) struct Place {
    /// Where it lies on the bench, and where it came from.
    file: (String, String),
    folder: String,
}

impl Place {
    fn of(file: &Path) -> Self {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.map_or_else(String::new, |folder| format!("{}/", folder.display()));
        let name = file.file_stem().unwrap_or_default().display();
        Self { file: (format!("{BENCH}{name}.wasm"), file.display().to_string()), folder }
    }

    /// `text` with the names that people know.
    pub(super) fn name(&self, text: &str) -> String {
        text.replace(&self.file.0, &self.file.1).replace(BENCH, &self.folder)
    }
}

/// One component with its grants and connectors.
pub(super) struct Workbench {
    /// Holds `plugins/bench/<name>.wasm` for as long as it is needed.
    folder: TempDir,
    pub(super) place: Place,
    name: String,
    callables: Vec<CallableInfo>,
    runner: ComponentRunner,
    pools: Arc<ConnectorPools>,
    store: Arc<dyn Store>,
}

/// For calls that have no home.
pub(super) struct NoSecrets;

impl Secrets for NoSecrets {
    fn find_secret(&self, _name: &str) -> Option<String> {
        None
    }
}

impl Workbench {
    /// A bench with the component at `file`, to which nothing is granted; of `secrets` it gets what is granted later.
    ///
    /// # Errors
    /// When the file is not a component that fits this program, or there is no place for it.
    pub(super) async fn new(file: &Path, secrets: Arc<dyn Secrets>) -> Result<Self, Failure> {
        if !file.is_file() {
            return Err(Failure::new(Exit::NotFound, format!("there is no component `{}`", file.display())));
        }
        let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let folder = tempfile::tempdir().context("cannot make a folder for temporary files")?;
        let plugins = folder.path().join("plugins");
        std::fs::create_dir_all(folder.path().join(BENCH)).context("cannot make a folder for temporary files")?;
        let runner = ComponentRunner::new(&plugins, cache()?).context("the sandbox cannot start")?;
        let pools = Arc::new(ConnectorPools::new(ConnectorSet::default()));
        // What a plugin remembers ends with the bench: a trial must not move the watermark of a job.
        let roles = host_store::open_roles("sqlite:state.db", folder.path())
            .await
            .context("the state of the plugin cannot be kept")?;
        let store = roles.store;
        let runner = runner.with_services(assemble::services(&pools, secrets, roles.plugin_state, None)?);
        let place = Place::of(file);
        let mut bench = Self { folder, place, name, callables: Vec::new(), runner, pools, store };
        let copy = bench.component();
        std::fs::copy(file, &copy).with_context(|| format!("cannot copy `{}`", file.display()))?;
        // Compiled here, because compiling must not count as time of a call.
        let compiler = bench.runner.clone();
        let inspected = tokio::task::spawn_blocking(move || compiler.inspect(&copy)).await;
        let inspection = inspected.context("the compiler broke off")?.map_err(|error| bench.refusal(&error))?;
        bench.callables = inspection.callables;
        Ok(bench)
    }

    /// The callable of this name, or the only one.
    ///
    /// # Errors
    /// When there is none, or several to choose from.
    pub(super) fn callable(&self, name: Option<&str>) -> Result<&CallableInfo, Failure> {
        let known = || self.callables.iter().map(|callable| callable.name.as_str());
        let list = || match known().collect::<Vec<_>>().join("`, `") {
            none if none.is_empty() => "it has none".to_owned(),
            names => format!("it has `{names}`"),
        };
        let Some(name) = name else {
            return match self.callables.as_slice() {
                [only] => Ok(only),
                _ => Err(Failure::new(Exit::Usage, format!("say which callable of `{}.wasm`", self.name)).hint(list())),
            };
        };
        self.callables.iter().find(|callable| callable.name == name).ok_or_else(|| {
            let failure = Failure::new(Exit::NotFound, format!("`{}.wasm` has no callable `{name}`", self.name));
            failure.hint(nearest(name, known()).map_or_else(list, |nearest| format!("did you mean `{nearest}`?")))
        })
    }

    /// From now on these grants hold, with these connectors to be granted.
    ///
    /// # Errors
    /// When the grants cannot be written.
    pub(super) fn equip(&self, grants: &str, connectors: ConnectorSet) -> anyhow::Result<()> {
        std::fs::write(self.component().with_extension("toml"), grants).context("cannot write the grants")?;
        self.pools.replace(connectors);
        Ok(())
    }

    fn component(&self) -> PathBuf {
        self.folder.path().join(BENCH).join(format!("{}.wasm", self.name))
    }

    fn refusal(&self, error: &SandboxError) -> Failure {
        let failure = refusal(error);
        Failure { error: anyhow::anyhow!(self.place.name(&failure.error.to_string())), ..failure }
    }

    /// Calls a callable by the name it has in the component.
    pub(super) async fn call(
        &self,
        callable: &str,
        params: JsonMap,
        voice: Arc<dyn StepVoice>,
        log_level: LogLevel,
        timeout: Duration,
        cancel: CancelToken,
    ) -> Result<StepOutcome, StepFailure> {
        let name = match callable.split_once(':') {
            Some((module, function)) => format!("{}.{module}:{function}", self.name),
            None => format!("{}:{callable}", self.name),
        };
        let ctx = StepContext { log_level, timeout, ..self.context(params, voice, cancel)? };
        self.runner.run(&StepSpec::Wasm { callable: name, pins: Default::default() }, &ctx).await
    }

    /// Runs a script of any number of statements on a connector.
    pub(super) async fn run_script(&self, connector: &str, script: &str) -> Result<(), StepFailure> {
        let spec = SqlQuerySpec { connector: connector.to_owned(), query: script.to_owned(), params: JsonMap::new() };
        let ctx = self.context(JsonMap::new(), Arc::new(Mute), CancelToken::new())?;
        SqlQueryRunner::new(Arc::clone(&self.pools)).run(&StepSpec::SqlQuery(spec), &ctx).await.map(drop)
    }

    /// The rows of a query, as JSON arrays of cells.
    pub(super) async fn rows(&self, connector: &str, query: &str) -> Result<Json, StepError> {
        let session = self.pools.open(connector, Access::Read, &CancelToken::new()).await?;
        let mut cursor = session.query(query, Vec::new()).await?;
        let mut rows: Vec<Json> = Vec::new();
        loop {
            let batch = cursor.next_batch(1000).await?;
            if batch.is_empty() {
                return Ok(rows.into());
            }
            rows.extend(batch.iter().map(|row| row.iter().map(Value::to_json).collect::<Json>()));
        }
    }

    fn context(
        &self,
        params: JsonMap,
        voice: Arc<dyn StepVoice>,
        cancel: CancelToken,
    ) -> Result<StepContext, StepError> {
        let unnamed = |error: &dyn std::fmt::Display| StepError::definition(error.to_string());
        let millis = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        Ok(StepContext {
            run_id: RunId::from_parts(u64::try_from(millis).unwrap_or_default(), std::process::id()),
            job_id: JobId::new("plugin-run").map_err(|error| unnamed(&error))?,
            app: String::new(),
            step: StepName::new("call").map_err(|error| unnamed(&error))?,
            index: 0,
            attempt: 1,
            triggered_by: format!("cli:{}", crate::client::shell_user()),
            scheduled_at: SystemTime::now().into(),
            log_level: LogLevel::Info,
            own_keys: params.keys().cloned().collect(),
            params,
            results: Arc::new(HashMap::new()),
            cancel,
            timeout: Duration::from_secs(60),
            voice,
            connectors: Arc::clone(&self.pools) as Arc<dyn Connectors>,
        })
    }

    pub(super) async fn close(self) {
        self.pools.close().await;
        self.store.close().await;
    }
}

/// Why a component or its grants are not accepted.
pub(super) fn refusal(error: &SandboxError) -> Failure {
    let failure = Failure::new(Exit::Invalid, error);
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// The text of the file of grants at `path`, empty where there is none. Judged here, where its lines are those of the file;
/// what the command line adds comes afterwards.
///
/// # Errors
/// Everything that is wrong with it.
pub(super) fn read_grants(path: &Path) -> Result<String, Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => {
            return Err(anyhow::Error::new(error).context(format!("cannot read `{}`", path.display())).into());
        }
    };
    Grants::parse(&text, &path.display().to_string()).map_err(|problems| refusal(&SandboxError::Grants(problems)))?;
    Ok(text)
}

/// Writes the lines of a call to standard error, where a pipe of the result does not meet them.
pub(super) struct Aloud(pub(super) Place);

#[async_trait]
impl StepVoice for Aloud {
    async fn log(&self, level: LogLevel, message: &str) {
        for line in self.0.name(message).lines() {
            eprintln!("{:<7} {}", level.as_str(), crate::watch::visible(line));
        }
    }

    fn progress(&self, done: u64, total: Option<u64>, note: &str) {
        if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
            let of = total.map_or(String::new(), |total| format!(" of {total}"));
            eprintln!("{done}{of} {}", crate::watch::visible(note));
        }
    }
}

/// Hears nothing.
pub(super) struct Mute;

#[async_trait]
impl StepVoice for Mute {
    async fn log(&self, _level: LogLevel, _message: &str) {}

    fn progress(&self, _done: u64, _total: Option<u64>, _note: &str) {}
}
