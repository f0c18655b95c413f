//! A home with components in it, a step's context that remembers what was said, and components as text.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use host_model::connector::{ConnectorSet, Directory};
use host_model::log::LogLevel;
use host_model::port::{
    Access, Connectors, Secrets, SqlSession, StepContext, StepFailure, StepOutcome, StepRunner, StepVoice,
};
use host_model::{CancelToken, JobId, Json, JsonMap, RunId, StepError, StepName, StepSpec};
use host_sandbox::{ComponentRunner, Services};
use host_steps::{ConnectorPools, PluginHttp};
use tempfile::TempDir;

pub(crate) use crate::plugin_text::{plugin_text, plugin_text_with_list};

/// The root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate lies two folders deep")
}

/// The component of a test guest, built when it is missing or older than its sources.
pub(crate) fn guest(name: &str) -> PathBuf {
    let components = repository().join("target/components");
    let component = components.join(name).with_extension("wasm");
    if is_stale(name, &component) {
        fs::create_dir_all(&components).expect("a folder for components");
        // One process builds, the others wait and then find everything done.
        let lock = fs::File::create(components.join(".lock")).expect("a lock file");
        lock.lock().expect("the lock");
        let guests = plugin_builder::find_guests(repository()).expect("the guest workspace");
        plugin_builder::build(repository(), &guests)
            .unwrap_or_else(|error| panic!("run `cargo run -p plugin-builder -- --all` and see: {error:#}"));
    }
    component
}

fn is_stale(name: &str, component: &Path) -> bool {
    let Ok(built) = fs::metadata(component).and_then(|metadata| metadata.modified()) else { return true };
    ["wit", "guest-sdk/src", &format!("tests/guests/{name}")]
        .iter()
        .any(|folder| newest(&repository().join(folder)) > built)
}

fn newest(path: &Path) -> SystemTime {
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a folder of sources");
        return entries.map(|entry| newest(&entry.expect("an entry").path())).max().unwrap_or(SystemTime::UNIX_EPOCH);
    }
    fs::metadata(path).and_then(|metadata| metadata.modified()).expect("a source file")
}

/// A home of its own, with compiled code shared by all tests.
pub(crate) struct Home {
    pub(crate) folder: TempDir,
    pub(crate) runner: ComponentRunner,
}

impl Home {
    /// An empty home.
    pub(crate) fn empty() -> Self {
        Self::with_cache(&repository().join("target/sandbox-test-cache"))
    }

    /// An empty home whose compiled code is kept in `cache`.
    pub(crate) fn with_cache(cache: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("plugins/app")).expect("a folder for plugins");
        let runner = ComponentRunner::new(folder.path().join("plugins"), cache).expect("a runner");
        Self { folder, runner }
    }

    /// A home with one test guest.
    pub(crate) fn with(name: &str) -> Self {
        let home = Self::empty();
        home.put(name, &fs::read(guest(name)).expect("a component"));
        home
    }

    /// A home with one test guest and all services: state in a SQLite store, the secret `token`, the variable
    /// `GREETING`, and these LDAP connectors.
    pub(crate) async fn with_services(name: &str, directories: Vec<Directory>) -> Self {
        let mut home = Self::with(name);
        home.runner = home.runner.with_services(services(home.folder.path(), directories).await);
        home
    }

    /// A home with the plugin of [`plugin_text`] under the name `text`.
    pub(crate) fn with_text(module: &str) -> Self {
        let home = Self::empty();
        home.put("text", &wat::parse_str(plugin_text(module)).expect("sound text"));
        home
    }

    /// The file of a component.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("plugins/app").join(name).with_extension("wasm")
    }

    /// Puts a file where a component belongs.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        let beside = self.path(name).with_extension("new");
        fs::write(&beside, bytes).expect("writes");
        fs::rename(beside, self.path(name)).expect("renames");
    }

    /// Writes the file of grants of a component.
    pub(crate) fn grant(&self, name: &str, text: &str) -> &Self {
        fs::write(self.path(name).with_extension("toml"), text).expect("writes");
        self
    }

    /// Runs a step with the usual context.
    pub(crate) async fn run(&self, callable: &str, params: Json) -> Result<StepOutcome, StepFailure> {
        self.run_in(callable, &Step::new(params).ctx).await
    }

    /// Runs a step.
    pub(crate) async fn run_in(&self, callable: &str, ctx: &StepContext) -> Result<StepOutcome, StepFailure> {
        self.runner.run(&StepSpec::Wasm { callable: callable.to_owned(), pins: Default::default() }, ctx).await
    }
}

/// What [`Home::with_services`] says.
pub(crate) async fn services(home: &Path, directories: Vec<Directory>) -> Services {
    struct OneSecret;
    impl Secrets for OneSecret {
        fn find_secret(&self, name: &str) -> Option<String> {
            let known = [("token", "s3cret-token"), ("key", "first line of it\nsecond line of it\n")];
            known.into_iter().find(|(known, _)| *known == name).map(|(_, secret)| secret.to_owned())
        }
    }
    let state = host_store::open_roles("sqlite:state.db", home).await.expect("a store").plugin_state;
    let directories = directories.into_iter().map(|directory| (directory.name.clone(), directory)).collect();
    let set = ConnectorSet { directories, ..ConnectorSet::default() };
    Services {
        http: Arc::new(PluginHttp::new().expect("TLS works")),
        directories: Arc::new(ConnectorPools::new(set)),
        secrets: Arc::new(OneSecret),
        state,
        env: Arc::new(|name: &str| (name == "GREETING").then(|| "hello".to_owned())),
    }
}

/// The context of an attempt and what it heard.
pub(crate) struct Step {
    pub(crate) ctx: StepContext,
    pub(crate) voice: Arc<Recorder>,
}

impl Step {
    pub(crate) fn new(params: Json) -> Self {
        let voice = Arc::new(Recorder::default());
        let Json::Object(params) = params else { panic!("params are an object") };
        let ctx = StepContext {
            run_id: RunId::from_parts(1_700_000_000_000, 7),
            job_id: JobId::new("nightly").expect("an id"),
            app: "house".to_owned(),
            step: StepName::new("call").expect("a name"),
            index: 0,
            attempt: 2,
            triggered_by: "user:alice".to_owned(),
            scheduled_at: "2026-01-02T03:04:05Z".parse().expect("an instant"),
            log_level: LogLevel::Info,
            params,
            own_keys: Vec::new(),
            results: Arc::new(HashMap::new()),
            cancel: CancelToken::new(),
            timeout: Duration::from_secs(60),
            voice: Arc::clone(&voice) as Arc<dyn StepVoice>,
            connectors: Arc::new(NoConnectors),
        };
        Self { ctx, voice }
    }

    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.ctx.timeout = timeout;
        self
    }

    pub(crate) fn connectors(mut self, connectors: Arc<dyn Connectors>) -> Self {
        self.ctx.connectors = connectors;
        self
    }

    /// Waits until the guest has logged a line, so that it is surely at work.
    pub(crate) async fn heard(&self, text: &str) {
        let waited = tokio::time::timeout(Duration::from_secs(30), async {
            while !self.voice.lines().iter().any(|line| line.contains(text)) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        waited.await.expect("the guest says it is at work");
    }
}

/// A voice that remembers.
#[derive(Default)]
pub(crate) struct Recorder {
    lines: Mutex<Vec<String>>,
    progress: Mutex<Vec<(u64, Option<u64>, String)>>,
}

impl Recorder {
    /// Lines as `LEVEL text`.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no panic").clone()
    }

    pub(crate) fn progress(&self) -> Vec<(u64, Option<u64>, String)> {
        self.progress.lock().expect("no panic").clone()
    }
}

#[async_trait]
impl StepVoice for Recorder {
    async fn log(&self, level: LogLevel, message: &str) {
        self.lines.lock().expect("no panic").push(format!("{} {message}", level.as_str()));
    }

    fn progress(&self, done: u64, total: Option<u64>, note: &str) {
        self.progress.lock().expect("no panic").push((done, total, note.to_owned()));
    }
}

/// A home without connectors.
struct NoConnectors;

#[async_trait]
impl Connectors for NoConnectors {
    async fn open(&self, name: &str, _: Access, _: &CancelToken) -> Result<Box<dyn SqlSession>, StepError> {
        Err(StepError::definition(format!("there is no connector `{name}`")))
    }
}

/// The object of an outcome.
pub(crate) fn json(map: JsonMap) -> Json {
    Json::Object(map)
}
