//! The only place that knows every crate: builds store, connectors, runners, engine and API, in this order, and takes
//! them down in the opposite one.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use host_api::server::LocalClient;
use host_api::{ApiParts, CatalogueSource as _, auth::Auth};
use host_catalogue::{Catalogue, Flags, Role, Settings, system_zone};
use host_engine::clock::SystemClock;
use host_engine::{Engine, EngineParts, Pace, PruneRunner, Runners, is_owner_alive, owner_id};
use host_model::CancelToken;
use host_model::plugin_port::PluginState;
use host_model::port::{Clock as _, EnvReader, Secrets, Store};
use host_model::replica::{COMMAND, Presence};
use host_python::{PythonConfig, PythonRunner};
use host_sandbox::{ComponentRunner, Services};
use host_steps::{ConnectorPools, HttpRunner, LdapSyncRunner, PluginHttp, RunFiles, SqlCopyRunner, SqlQueryRunner};

use crate::client::client_header;
use crate::exit::{Exit, Failure};
use crate::history::{self, PruneHistory};
use crate::home::{Home, env};
use crate::keeper::{Keeper, Reader, jobs_of};

/// A Python worker is replaced after so many steps: bounds what leaky callables can pile up.
const STEPS_PER_WORKER: u32 = 200;
/// What runs in flight get when a local command ends; there are none unless it was interrupted.
const LOCAL_DRAIN: Duration = Duration::from_secs(5);
/// What connectors, and then the store, get to close.
const CLOSING: Duration = Duration::from_secs(5);

/// No secret store in this version; the catalogue refuses `${secret.X}`.
struct NoSecrets;

impl Secrets for NoSecrets {
    fn find_secret(&self, _name: &str) -> Option<String> {
        None
    }
}

/// Everything that runs, ready to serve.
pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) router: host_api::Router,
    /// Ends live streams and the server.
    pub(crate) stop: CancelToken,
    pools: Arc<ConnectorPools>,
}

/// The reader of a home's catalogue, with the sandbox to look inside components.
pub(crate) fn reader(home: &Home, settings: &Settings) -> Result<Reader, Failure> {
    let plugins = settings.plugins_dir(home.path());
    let sandbox = ComponentRunner::new(&plugins, home.path().join("data/components"));
    let sandbox = sandbox.context("the sandbox cannot start")?;
    Ok(Reader { home: home.path().to_owned(), plugins, sandbox })
}

/// What a process is for.
#[derive(Clone, Copy)]
pub(crate) enum Part<'u> {
    /// A `--local` command: runs what it is asked for, and ends.
    Command,
    /// Serves at this address and, where it is enabled, asks for the scheduler's lease.
    Server(&'u str),
    /// Takes up runs; serves too when it has an address.
    Worker(Option<&'u str>),
}

impl<'u> Part<'u> {
    /// Where it listens. Templates read it as `NOMAFLOW_URL`.
    fn url(self) -> Option<&'u str> {
        match self {
            Self::Command => None,
            Self::Server(url) => Some(url),
            Self::Worker(url) => url,
        }
    }

    fn presence(self, settings: &Settings) -> Presence {
        let labels = if matches!(self, Self::Command) { Vec::new() } else { settings.labels.value.clone() };
        Presence {
            owner: owner_id(),
            role: match self {
                Self::Command => COMMAND,
                Self::Server(_) => Role::Server.as_str(),
                Self::Worker(_) => Role::Worker.as_str(),
            }
            .to_owned(),
            labels,
            url: self.url().map(str::to_owned),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            scheduler_enabled: matches!(self, Self::Server(_)) && settings.scheduler_enabled.value,
            room: settings.max_concurrent_runs.value,
            started_at: SystemClock.now(),
        }
    }
}

/// Builds everything a process needs for its part.
pub(crate) async fn build(home: &Home, settings: &Settings, part: Part<'_>) -> Result<House, Failure> {
    home.ensure_data()?;
    let token = home.ensure_token()?;
    let mut reader = reader(home, settings)?;
    let (store, plugin_state) =
        host_store::open_with_state(&Home::store_url(&settings.store.value)?, home.path()).await.map_err(|error| {
            let hint = error.hint();
            let failure = Failure {
                exit: Exit::Invalid,
                error: anyhow::Error::new(error).context("the store cannot be opened"),
                hint: None,
            };
            match hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        })?;
    let first = reader.clone();
    let catalogue = tokio::task::spawn_blocking(move || first.read()).await.context("reading the catalogue")?;
    if !matches!(part, Part::Command) {
        report(&catalogue);
    }
    let pools = Arc::new(ConnectorPools::new(catalogue.connectors.clone()));
    reader.sandbox = reader.sandbox.with_services(services(&pools, plugin_state, part.url())?);
    let files = RunFiles::new(home.path());
    if !matches!(part, Part::Command) {
        history::sweep(&files, &*store).await;
    }
    let rows = PruneRunner::new(store.clone(), settings.history_days.value);
    let runners = Runners::new()
        .with("sql_query", Arc::new(SqlQueryRunner::new(pools.clone())))
        .with("sql_copy", Arc::new(SqlCopyRunner::new(pools.clone())))
        .with("http", Arc::new(HttpRunner::new(home.path()).context("the HTTP client cannot start")?))
        .with("ldap_sync", Arc::new(LdapSyncRunner::new(pools.clone(), home.path())))
        .with("wasm", Arc::new(reader.sandbox.clone()))
        .with("python", Arc::new(PythonRunner::new(python_config(&reader, settings)?)))
        .with("prune_runs", Arc::new(PruneHistory { rows, files, store: store.clone() }));
    let jobs = jobs_of(&catalogue);
    let keeper = Arc::new(Keeper::new(reader, pools.clone(), catalogue));
    let engine = Engine::start(EngineParts {
        store: store.clone(),
        clock: Arc::new(SystemClock),
        runners,
        connectors: pools.clone(),
        secrets: Arc::new(NoSecrets),
        env: env_with(part.url()),
        jobs,
        presence: part.presence(settings),
        pace: Pace::of(store.dialect()),
        limits: settings.limits.clone(),
        is_owner_alive,
        default_zone: system_zone(),
    })
    .await
    .context("the engine cannot start")?;
    keeper.introduce(&engine);
    let stop = CancelToken::new();
    let router = host_api::router(ApiParts {
        engine: engine.clone(),
        catalogue: keeper.clone(),
        auth: Auth::new(&token),
        stop: stop.clone(),
        version: env!("CARGO_PKG_VERSION"),
    });
    Ok(House { engine, keeper, store, router, stop, pools })
}

/// What plugins may ask of the house.
pub(crate) fn services(
    pools: &Arc<ConnectorPools>,
    state: Arc<dyn PluginState>,
    url: Option<&str>,
) -> Result<Services, Failure> {
    Ok(Services {
        http: Arc::new(PluginHttp::new().context("the HTTP client cannot start")?),
        directories: pools.clone(),
        secrets: Arc::new(NoSecrets),
        state,
        env: env_with(url),
    })
}

/// The environment as templates see it.
fn env_with(url: Option<&str>) -> EnvReader {
    let own = url.map(str::to_owned);
    Arc::new(move |name| match (name, &own) {
        ("NOMAFLOW_URL", Some(url)) => env(name).or_else(|| Some(url.clone())),
        _ => env(name),
    })
}

/// A server says at its start what is wrong with its files; a command says it only about the job it is asked for.
fn report(catalogue: &Catalogue) {
    for found in &catalogue.diagnostics {
        tracing::warn!("{}:{}:{}: {}", found.file, found.line, found.column, found.message);
    }
    tracing::info!(jobs = catalogue.jobs.len(), invalid = catalogue.invalid.len(), "catalogue read");
}

fn python_config(reader: &Reader, settings: &Settings) -> Result<PythonConfig, Failure> {
    let mut shown = host_model::JsonMap::new();
    shown.insert("home".into(), reader.home.display().to_string().into());
    Ok(PythonConfig {
        program: std::env::current_exe().context("the path of this program")?,
        interpreter: settings.python_interpreter.value.clone().into(),
        plugins: reader.plugins.clone(),
        settings: shown,
        max_workers: settings.python_workers.value as usize,
        recycle_after: STEPS_PER_WORKER,
    })
}

impl House {
    /// Takes everything down: runs first, then streams, then pools and store.
    pub(crate) async fn close(self, drain: Duration, hurry: &CancelToken) {
        self.engine.shutdown(drain, hurry).await;
        self.stop.cancel("shutdown");
        // A step that was abandoned may still hold a connection; the process does not wait for it.
        let _ = tokio::time::timeout(CLOSING, self.pools.close()).await;
        let _ = tokio::time::timeout(CLOSING, self.store.close()).await;
    }

    /// Reads the catalogue again.
    pub(crate) async fn reload(&self) {
        self.keeper.reload().await;
    }
}

/// A house inside a command, called without a socket.
pub(crate) struct LocalHouse {
    pub(crate) client: LocalClient,
    house: House,
}

/// Builds the house for a `--local` command: everything but schedules and socket.
pub(crate) async fn local(home: &Home) -> Result<LocalHouse, Failure> {
    let loaded = home.settings(&Flags::default())?;
    let house = build(home, &loaded.settings, Part::Command).await?;
    let token = home.ensure_token()?;
    let headers = vec![("authorization", format!("Bearer {token}")), client_header()];
    Ok(LocalHouse { client: LocalClient::new(house.router.clone(), headers), house })
}

impl LocalHouse {
    pub(crate) async fn close(self) {
        self.house.close(LOCAL_DRAIN, &CancelToken::new()).await;
    }
}
