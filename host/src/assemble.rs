//! The only place that knows every crate: builds store, connectors, runners, engine and API, in this order, and takes
//! them down in the opposite one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use host_api::auth::{Auth, AuthParts};
use host_api::server::LocalClient;
use host_api::{ApiParts, CatalogueSource as _, MetricsAccess};
use host_catalogue::{Catalogue, Flags, Metrics, Role, Setting, Settings, system_zone};
use host_engine::clock::SystemClock;
use host_engine::{Engine, EngineParts, Pace, PruneRunner, Runners, is_owner_alive, owner_id};
use host_model::CancelToken;
use host_model::callable::EveryCallable;
use host_model::plugin_port::PluginState;
use host_model::port::{Clock as _, EnvReader, Secrets, Store};
use host_model::replica::{COMMAND, Presence};
use host_notify::Notifier;
use host_python::{AppInterpreters, PythonCallables, PythonConfig, PythonDrivers, PythonRunner, PythonServices};
use host_sandbox::{ComponentRunner, Services};
use host_steps::{ConnectorPools, HttpRunner, LdapSyncRunner, PluginHttp, RunFiles, SqlCopyRunner, SqlQueryRunner};
use host_store::Roles;

use crate::backup::desk::ThingsToSave;
use crate::client::client_header;
use crate::desk::{ConnectorDesk, Desk, SettingsFile, recover};
use crate::exit::{Exit, Failure};
use crate::history::{self, PruneHistory, PruneTrail};
use crate::home::{Home, env};
use crate::indexing;
use crate::inventory::{Connectors, Plugins, PoolHistory};
use crate::keeper::{Keeper, Noting, Reader, jobs_of};
use crate::notifications;
use crate::others;
use crate::sign_in::{Vouchers, auth_rules, vouchers};
use crate::steward::{ApprovalBook, Shelf, Steward};
use crate::surroundings::Surroundings;
use crate::vault::Vault;
use crate::vault::book::SecretBook;

/// What runs in flight get when a local command ends; there are none unless it was interrupted.
const LOCAL_DRAIN: Duration = Duration::from_secs(5);
/// What connectors, and then the store, get to close.
const CLOSING: Duration = Duration::from_secs(5);

/// Everything that runs, ready to serve.
pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) router: host_api::Router,
    /// Ends live streams and the server.
    pub(crate) stop: CancelToken,
    /// The one-time password of the account that this start has made.
    pub(crate) first_password: Option<String>,
    notifier: Arc<Notifier>,
    pools: Arc<ConnectorPools>,
    /// What goes on beside runs for as long as the house stands.
    _beside: Vec<Ending>,
}

/// A task that ends with the house.
pub(crate) struct Ending(pub(crate) tokio::task::JoinHandle<()>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The reader of a home's catalogue, with the sandbox to look inside components.
pub(crate) fn reader(home: &Home, settings: &Settings) -> Result<Reader, Failure> {
    let plugins = settings.plugins_dir(home.path());
    let sandbox = ComponentRunner::new(&plugins, home.path().join("data/components"));
    let versions = Shelf::new(&home.path().join("data")).folder().to_owned();
    let sandbox = sandbox.context("the sandbox cannot start")?.with_versions(versions);
    let vault = Vault::open(home.path(), env).context("the secrets cannot be opened")?;
    Ok(Reader { home: home.path().to_owned(), plugins, sandbox, secrets: Arc::new(vault) })
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
    let (roles, secrets) = open_store(home, settings).await?;
    recover(home.path(), &*roles.versions).await.context("a change of the catalogue that was cut off")?;
    let (store, secrets) = (roles.store.clone(), Arc::new(secrets));
    reader.secrets = secrets.clone();
    let book =
        ApprovalBook::read(roles.plugin_versions.clone()).await.context("the versions of plugins cannot be read")?;
    let book = Arc::new(book);
    reader.sandbox = reader.sandbox.with_approvals(book.clone());
    let first = reader.clone();
    // A server starts while components are compiled; a command waits for those that jobs name.
    let is_command = matches!(part, Part::Command);
    let read = move || if is_command { first.read_jobs() } else { first.read_soon() };
    let catalogue = tokio::task::spawn_blocking(read).await.context("reading the catalogue")?;
    if !matches!(part, Part::Command) {
        report(&catalogue);
    }
    let pools = ConnectorPools::new(catalogue.connectors.clone()).with_drivers(drivers(settings)?);
    let pools = Arc::new(pools);
    let python_services = PythonServices { secrets: secrets.clone(), state: roles.plugin_state.clone() };
    reader.sandbox =
        reader.sandbox.with_services(services(&pools, secrets.clone(), roles.plugin_state.clone(), part.url())?);
    let files = RunFiles::new(home.path());
    if !matches!(part, Part::Command) {
        history::sweep(&files, &*store).await;
    }
    let trail = PruneTrail { audit: roles.audit.clone(), keep_days: settings.audit_days.value };
    let rows = PruneRunner::new(store.clone(), settings.history_days.value);
    let runners = Runners::new()
        .with("sql_query", Arc::new(SqlQueryRunner::new(pools.clone())))
        .with("sql_copy", Arc::new(SqlCopyRunner::new(pools.clone())))
        .with("http", Arc::new(HttpRunner::new(home.path()).context("the HTTP client cannot start")?))
        .with("ldap_sync", Arc::new(LdapSyncRunner::new(pools.clone(), home.path())))
        .with("wasm", Arc::new(reader.sandbox.clone()))
        .with("python", Arc::new(PythonRunner::new(python_config(&reader, settings, python_services)?)))
        .with("prune_runs", Arc::new(PruneHistory { rows, files, store: store.clone(), trail }));
    let python = PythonCallables::new(app_interpreters(&reader.plugins, settings));
    let callables = EveryCallable(vec![Arc::new(reader.sandbox.clone()), Arc::new(python)]);
    let jobs = jobs_of(&catalogue);
    let to_save = ThingsToSave::new(&reader, &store, &Home::store_url(&settings.store.value)?);
    let (plugins_root, sandbox) = (reader.plugins.clone(), reader.sandbox.clone());
    // A command runs what it is asked for, and looks after nothing.
    let noting = (!is_command).then(|| Noting { book: book.clone(), shelf: Shelf::new(&home.path().join("data")) });
    let keeper = Arc::new(Keeper::new(reader, pools.clone(), catalogue, noting));
    let steward = Steward::new(keeper.clone(), book.clone(), roles.plugin_versions, pools.clone());
    let engine = Engine::start(EngineParts {
        store: store.clone(),
        clock: Arc::new(SystemClock),
        runners,
        connectors: pools.clone(),
        secrets: secrets.clone(),
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
    let keys = secrets.vault().signing_keys().context("access tokens cannot be signed")?;
    let Vouchers { oidc, directories, shown } = vouchers(home, &secrets);
    let auth = Auth::new(AuthParts {
        accounts: roles.accounts,
        bootstrap_token: token.clone(),
        keys,
        rules: auth_rules(settings),
        directories,
        providers: shown,
    });
    let first_password = if matches!(part, Part::Server(_)) {
        auth.make_first_account().await.map_err(|error| anyhow::anyhow!("the first account cannot be made: {error}"))?
    } else {
        None
    };
    if first_password.is_some() {
        history::note(&*roles.audit, "users.create", "admin").await;
    }
    let desk = Arc::new(Desk::new(keeper.clone(), roles.versions));
    let pool_history = Arc::new(PoolHistory::default());
    let mut beside = match part {
        Part::Command => Vec::new(),
        _ => vec![
            // Changes by hand are kept as versions.
            desk.notice_changes(),
            pool_history.follow(&pools),
            indexing::index_older(roles.search.clone()),
            others::follow(secrets.clone(), book, keeper.clone()),
        ],
    };
    let stop = CancelToken::new();
    let notifier =
        Arc::new(notifications::notifier(home, settings, &store, roles.notify, roles.mutes, &secrets, &engine));
    let router = host_api::router(ApiParts {
        engine: engine.clone(),
        catalogue: keeper.clone(),
        history: roles.history,
        search: roles.search.clone(),
        keys: roles.idempotency,
        desk: desk.clone(),
        secrets: secrets.clone(),
        callables: Arc::new(callables),
        plugin_versions: Arc::new(steward),
        plugins: Arc::new(Plugins { root: plugins_root, sandbox }),
        connectors: Arc::new(Connectors { pools: pools.clone(), history: pool_history }),
        connector_editor: Arc::new(ConnectorDesk::new(
            desk.clone(),
            &secrets,
            roles.connector_secrets,
            drivers(settings)?,
        )),
        metrics: match settings.metrics.value {
            Metrics::Off => MetricsAccess::Off,
            Metrics::Open => MetricsAccess::Open,
            Metrics::Token => MetricsAccess::Token,
        },
        settings: settings.list(),
        settings_desk: Arc::new(SettingsFile::new(desk)),
        notifications: notifier.clone(),
        audit: roles.audit.clone(),
        care: roles.care,
        backup: Arc::new(to_save),
        host: Arc::new(Surroundings::new(home, &secrets, &pools, &token)),
        auth,
        oidc,
        trusted_proxies: settings.trusted_proxies.value.clone(),
        public_path: settings.public_path().to_owned(),
        stop: stop.clone(),
        version: env!("CARGO_PKG_VERSION"),
    });
    // A worker may have no key; a command ends before anything is sent.
    beside.extend(matches!(part, Part::Server(_)).then(|| notifications::start(&notifier, &engine)));
    Ok(House { engine, keeper, store, router, stop, first_password, notifier, pools, _beside: beside })
}

/// Opens the store of a home, and what it keeps sealed.
pub(crate) async fn open_store(home: &Home, settings: &Settings) -> Result<(Roles, SecretBook), Failure> {
    let opened = host_store::open_roles(&Home::store_url(&settings.store.value)?, home.path()).await;
    let roles = opened.map_err(|error| {
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
    let vault = Vault::open(home.path(), env).context("the secrets cannot be opened")?;
    let book = SecretBook::read(vault, roles.secrets.clone()).await.context("the secrets cannot be read")?;
    Ok((roles, book))
}

/// The secrets of the home, if it is one that was used.
pub(crate) async fn home_secrets(home: &Home) -> Result<Option<Arc<SecretBook>>, Failure> {
    if !home.path().join("app.toml").is_file() || !home.path().join("data").is_dir() {
        return Ok(None);
    }
    let settings = home.settings(&Flags::default())?.settings;
    let (roles, book) = open_store(home, &settings).await?;
    // What is needed is at hand in the book.
    let _ = roles.store.close().await;
    Ok(Some(Arc::new(book)))
}

/// What plugins may ask of the house.
pub(crate) fn services(
    pools: &Arc<ConnectorPools>,
    secrets: Arc<dyn Secrets>,
    state: Arc<dyn PluginState>,
    url: Option<&str>,
) -> Result<Services, Failure> {
    Ok(Services {
        http: Arc::new(PluginHttp::new().context("the HTTP client cannot start")?),
        directories: pools.clone(),
        secrets,
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

/// Drivers of databases that are modules of Python.
pub(crate) fn drivers(settings: &Settings) -> Result<Arc<PythonDrivers>, Failure> {
    let program = std::env::current_exe().context("the path of this program")?;
    Ok(Arc::new(PythonDrivers::new(program, settings.python.interpreter.value.clone().into())))
}

/// Which interpreter the steps of each app run on.
pub(crate) fn app_interpreters(plugins: &Path, settings: &Settings) -> AppInterpreters {
    let named = settings.python.apps.value.iter();
    AppInterpreters {
        plugins: plugins.to_owned(),
        default: settings.python.interpreter.value.clone().into(),
        named: named.map(|(app, interpreter)| (app.clone(), interpreter.into())).collect(),
    }
}

fn python_config(reader: &Reader, settings: &Settings, services: PythonServices) -> Result<PythonConfig, Failure> {
    let mebibytes = |setting: &Setting<u32>| u64::from(setting.value) << 20;
    let python = &settings.python;
    let mut shown = host_model::JsonMap::new();
    shown.insert("home".into(), reader.home.display().to_string().into());
    Ok(PythonConfig {
        program: std::env::current_exe().context("the path of this program")?,
        apps: app_interpreters(&reader.plugins, settings),
        settings: shown,
        max_workers: python.workers.value as usize,
        recycle_after: python.recycle_steps.value,
        recycle_memory: mebibytes(&python.recycle_memory_mb),
        step_memory: Some(mebibytes(&python.memory_mb)).filter(|bytes| *bytes > 0),
        services,
    })
}

impl House {
    /// Takes everything down: runs first, then streams, then pools and store.
    pub(crate) async fn close(self, drain: Duration, hurry: &CancelToken) {
        self.engine.shutdown(drain, hurry).await;
        self.notifier.stop().await;
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
