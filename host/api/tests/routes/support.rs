//! An engine, a catalogue and the router over them, called without a socket.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use host_api::auth::{Auth, AuthParts, AuthRules, OidcProvider, PasswordSource, SigningKey};
use host_api::connector_desk::{
    ConnectorEditor, ConnectorError, ConnectorSource, ConnectorWish, PoolSource, Reference,
};
use host_api::desk::{
    AppJobs, CatalogueDesk, Checked, DeskError, ImportOptions, ImportPlan, JobPatch, JobSource, SaveDone, Target,
};
use host_api::plugin_desk::{
    Consent, KeptVersion, PluginError, PluginReport, PluginUpload, PluginUsage, PluginVersions, Trial,
};
use host_api::settings_desk::{SettingsDesk, SettingsError};
use host_api::{ApiParts, CatalogueSource, MetricsAccess, Router, SecretDesk, router};
use host_catalogue::edit::Content;
use host_catalogue::edit::settings::with_setting;
use host_catalogue::{Catalogue, Flags, SettingEntry, settings_of_text};
use host_engine::clock::SystemClock;
use host_engine::{Engine, EngineParts, FireRequest, Pace, Runners, owner_id};
use host_model::account::AccountStore;
use host_model::audit::{AuditDraft, AuditEntry, AuditFilter, AuditTrail, AuditVerdict};
use host_model::callable::EveryCallable;
use host_model::care::{BackupDesk, HostDesk, RecentLog, ToSave};
use host_model::connector::Dialect;
use host_model::desk::{
    ConnectorDesk, ConnectorEntry, PluginDesk, PluginFacts, PoolGauge, PoolSample, PoolStretch, QueryEntry,
    STRETCH_SECONDS, StatementReport, TableEntry, TestReport, TestStage, Verdict,
};
use host_model::notify::store::NotifyStore;
use host_model::placement::Limits;
use host_model::port::{
    Access, Clock as _, Connectors, Secrets, SqlSession, StepContext, StepFailure, StepOutcome, StepRunner, Store,
    StoreError,
};
use host_model::replica::Presence;
use host_model::run::Trigger;
use host_model::search::{Found, LineSearch, LogSearch, SearchError};
use host_model::secret::SealedSecret;
use host_model::version::{JobVersion, VersionChange};
use host_model::{
    CancelToken, Instant, Job, JobId, Json, JsonMap, RunId, Step, StepError, StepErrorKind, StepName, StepSpec,
};
use host_notify::{Notifier, NotifyParts, NotifySettings, SecretKeeper};
use serde_json::Value;
use tower::ServiceExt;

pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// What the house signs with.
pub(crate) const KEY: &[u8] = b"a signing key of exactly 32 bytes";
const SOON: Duration = Duration::from_secs(30);

/// `echo`, `hang`, `lines:N`.
struct Scripted;

#[async_trait]
impl StepRunner for Scripted {
    async fn run(&self, spec: &StepSpec, ctx: &StepContext) -> Result<StepOutcome, StepFailure> {
        let StepSpec::Python { callable } = spec else { return Err(StepError::definition("not scripted").into()) };
        let (word, number) = callable.split_once(':').unwrap_or((callable, "0"));
        for n in 0..number.parse().unwrap_or(0) {
            ctx.info(format!("line {n}")).await;
        }
        if word == "hang" {
            ctx.cancel.canceled().await;
            return Err(StepError::new(StepErrorKind::Canceled, "heard it").into());
        }
        Ok(StepOutcome::default())
    }
}

struct Nothing;

#[async_trait]
impl Connectors for Nothing {
    async fn open(&self, name: &str, _: Access, _: &CancelToken) -> Result<Box<dyn SqlSession>, StepError> {
        Err(StepError::definition(format!("there is no connector `{name}`")))
    }
}

#[async_trait]
impl BackupDesk for Nothing {
    async fn things_to_save(&self) -> Vec<ToSave> {
        let thing = |what| ToSave { what, place: format!("the {what}"), is_reachable: true, detail: "fine".into() };
        vec![thing("key"), thing("files"), thing("store")]
    }
}

/// What the house logs, and what it has to mask.
pub(crate) const PLANTED: &str = "pl4nted-in-the-log";

impl HostDesk for Nothing {
    fn free_bytes(&self) -> Option<u64> {
        Some(80 << 30)
    }

    fn recent_log(&self) -> RecentLog {
        RecentLog { lines: vec!["INFO it began".into(), format!("WARN no way in with {PLANTED}")], forgotten: 7 }
    }

    fn conceal(&self, told: &mut Json) {
        *told = told.to_string().replace(PLANTED, "***").parse().unwrap();
    }
}

#[async_trait]
impl ConnectorDesk for Nothing {
    fn list_connectors(&self) -> Vec<ConnectorEntry> {
        let pool = PoolGauge { name: "ops".into(), size: 5, in_use: 1, waiting: 0 };
        vec![ConnectorEntry {
            name: "ops".into(),
            dialect: Some(Dialect::Sqlite),
            target: Some("sqlite:ops.db".into()),
            read_only: false,
            pool: Some(pool),
            queries: vec![QueryEntry { name: "one".into(), sql: Some("select 1".into()), writable: false }],
        }]
    }

    async fn test_connector(&self, name: &str, _: &CancelToken) -> Option<TestReport> {
        let stage = |name, ok, detail: &str| TestStage { name, ok, took: Duration::ZERO, detail: detail.into() };
        let stages = vec![stage("declaration", true, "sqlite:ops.db"), stage("sign-in", false, "no such file")];
        (name == "ops").then_some(TestReport { stages, server_version: None, is_encrypted: None })
    }

    fn pool_history(&self, pool: &str) -> Vec<PoolSample> {
        let at = Instant::from_timestamp_millis(1_795_000_000_000).unwrap();
        let sample = PoolSample { at, in_use: 5, waiting: 2, queued: 3, gave_up: 1, longest_ms: 40 };
        if pool == "ops" { vec![sample] } else { Vec::new() }
    }

    async fn check_query(&self, _: &str, query: &str, _: &CancelToken) -> Result<Vec<StatementReport>, StepError> {
        let verdict = Verdict::Wrong { message: format!("near `{query}`"), hint: None };
        Ok(vec![StatementReport { keyword: "select".into(), line: 1, column: 8, params: vec!["a".into()], verdict }])
    }

    fn pool_day(&self, pool: &str) -> Vec<PoolStretch> {
        let slot = SystemClock.now().timestamp() / i64::from(STRETCH_SECONDS);
        if pool == "ops" { vec![PoolStretch { slot, in_use: 4, waiting: 2 }] } else { Vec::new() }
    }

    async fn list_tables(&self, _: &str, _: &str, _: usize) -> Result<Vec<TableEntry>, StepError> {
        Ok(vec![TableEntry { schema: None, name: "orders".into(), is_view: false }])
    }
}

#[async_trait]
impl PluginDesk for Nothing {
    fn plugins_root(&self) -> &Path {
        Path::new("plugins")
    }

    async fn facts_of(&self, _: &Path, _: bool) -> PluginFacts {
        PluginFacts::default()
    }
}

#[async_trait]
impl PluginVersions for Nothing {
    async fn install(&self, upload: PluginUpload) -> Result<PluginReport, PluginError> {
        Err(PluginError::NoPlugin(upload.plugin))
    }

    async fn roll_back(&self, plugin: &str, _: Option<&str>, _: Consent, _: &str) -> Result<PluginReport, PluginError> {
        Err(PluginError::NoPlugin(plugin.to_owned()))
    }

    async fn approve(&self, plugin: &str, _: Option<&str>, _: &str) -> Result<KeptVersion, PluginError> {
        Err(PluginError::NoPlugin(plugin.to_owned()))
    }

    async fn versions(&self, _: &str) -> Result<Vec<KeptVersion>, PluginError> {
        Ok(Vec::new())
    }

    async fn try_call(&self, callable: &str, _: JsonMap, _: &str) -> Result<Trial, PluginError> {
        Err(PluginError::NoPlugin(callable.to_owned()))
    }

    async fn usage(&self, plugin: &str) -> Result<PluginUsage, PluginError> {
        Err(PluginError::NoPlugin(plugin.to_owned()))
    }
}

impl Secrets for Nothing {
    fn find_secret(&self, _: &str) -> Option<String> {
        None
    }
}

/// A catalogue set by the test.
#[derive(Default)]
pub(crate) struct Shelf(Mutex<Arc<Catalogue>>);

#[async_trait]
impl CatalogueSource for Shelf {
    fn current(&self) -> Arc<Catalogue> {
        self.0.lock().unwrap().clone()
    }

    async fn reload(&self) -> Arc<Catalogue> {
        self.current()
    }
}

/// Secrets that are not sealed.
/// `app.toml` as a text.
#[derive(Default)]
struct Paper(Mutex<String>);

#[async_trait]
impl SettingsDesk for Paper {
    async fn next(&self) -> Result<Vec<SettingEntry>, SettingsError> {
        Ok(settings_of_text(&self.0.lock().unwrap(), Path::new("."), &|_| None, &Flags::default()).settings.list())
    }

    async fn write(&self, key: &str, value: Option<&Json>) -> Result<(), SettingsError> {
        let mut text = self.0.lock().unwrap();
        let after = with_setting(&text, key, value)?;
        let found = settings_of_text(&after, Path::new("."), &|_| None, &Flags::default()).diagnostics;
        match found.into_iter().next() {
            Some(found) => Err(SettingsError::Invalid(found.message)),
            None => {
                *text = after;
                Ok(())
            }
        }
    }
}

#[derive(Default)]
struct Drawer(Mutex<BTreeMap<String, SealedSecret>>);

#[async_trait]
impl SecretDesk for Drawer {
    async fn list(&self) -> Result<Vec<SealedSecret>, StoreError> {
        Ok(self.0.lock().unwrap().values().cloned().collect())
    }

    async fn put(&self, name: &str, value: &str, by: &str) -> Result<Result<(), String>, StoreError> {
        let (name, sealed) = (name.to_owned(), value.to_owned());
        let secret = SealedSecret { name: name.clone(), sealed, updated_at: SystemClock.now(), updated_by: by.into() };
        self.0.lock().unwrap().insert(name, secret);
        Ok(Ok(()))
    }

    async fn delete(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.0.lock().unwrap().remove(name).is_some())
    }
}

/// A trail that can be made to fail.
pub(crate) struct Trail {
    kept: Arc<dyn AuditTrail>,
    pub(crate) fails: AtomicBool,
}

#[async_trait]
impl AuditTrail for Trail {
    async fn append(&self, draft: &AuditDraft) -> Result<u64, StoreError> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable { operation: "write to the audit trail", message: "disk full".into() });
        }
        self.kept.append(draft).await
    }

    async fn list(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError> {
        self.kept.list(filter).await
    }

    async fn page(&self, after: u64, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        self.kept.page(after, limit).await
    }

    async fn verify(&self) -> Result<AuditVerdict, StoreError> {
        self.kept.verify().await
    }

    async fn prune(&self, cutoff: Instant, limit: u32) -> Result<u64, StoreError> {
        self.kept.prune(cutoff, limit).await
    }
}

/// A search that can be made to be busy.
pub(crate) struct Searching {
    kept: Arc<dyn LogSearch>,
    pub(crate) is_busy: AtomicBool,
}

#[async_trait]
impl LogSearch for Searching {
    async fn search(&self, search: &LineSearch) -> Result<Found, SearchError> {
        if self.is_busy.load(Ordering::Relaxed) {
            return Err(SearchError::Busy { waiting: 8, again: Duration::from_secs(2) });
        }
        self.kept.search(search).await
    }

    async fn indexed_from(&self) -> Result<Option<Instant>, StoreError> {
        self.kept.indexed_from().await
    }

    async fn index_older(&self, most: u32) -> Result<bool, StoreError> {
        self.kept.index_older(most).await
    }
}

pub(crate) fn job(id: &str, script: &str) -> Job {
    let spec = StepSpec::Python { callable: script.to_owned() };
    let step = Step { timeout_seconds: 60, ..Step::new(StepName::new("a").unwrap(), spec) };
    Job::new(JobId::new(id).unwrap(), "test", vec![step])
}

/// A server without a socket.
pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) accounts: Arc<dyn AccountStore>,
    pub(crate) audit: Arc<Trail>,
    pub(crate) search: Arc<Searching>,
    pub(crate) router: Router,
    pub(crate) stop: CancelToken,
    shelf: Arc<Shelf>,
    folder: tempfile::TempDir,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    /// Fails unless this is a problem document with `status`.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, what: &str) -> Value {
        assert_eq!(
            (self.status, self.header("content-type")),
            (status, "application/problem+json"),
            "{what}: {}",
            self.body
        );
        let json = self.json();
        assert_eq!(json["status"], status, "{what}");
        assert!(json["detail"].as_str().is_some_and(|d| !d.is_empty()), "{what}: {json}");
        json
    }
}

/// A desk at which nothing is saved; what a desk does is tested with files, over the whole program.
struct Closed;

fn closed<A>() -> Result<A, DeskError> {
    Err(DeskError::Conflict { code: "desk-closed", message: "the desk is closed".into(), hint: None })
}

fn nowhere<T>(name: &str) -> Result<T, ConnectorError> {
    Err(ConnectorError::NotFound { what: "connector", name: name.to_owned() })
}

#[async_trait]
impl ConnectorEditor for Closed {
    async fn source(&self, name: &str) -> Result<ConnectorSource, ConnectorError> {
        nowhere(name)
    }
    async fn pools(&self) -> Result<Vec<PoolSource>, ConnectorError> {
        Ok(Vec::new())
    }
    async fn create(&self, name: &str, _: &ConnectorWish, _: &str) -> Result<ConnectorSource, ConnectorError> {
        nowhere(name)
    }
    async fn save(
        &self,
        name: &str,
        _: Option<&str>,
        _: &ConnectorWish,
        _: &str,
    ) -> Result<ConnectorSource, ConnectorError> {
        nowhere(name)
    }
    async fn delete(&self, name: &str, _: Option<&str>) -> Result<(), ConnectorError> {
        nowhere(name)
    }
    async fn delete_pool(&self, name: &str) -> Result<(), ConnectorError> {
        nowhere(name)
    }
    async fn rename(&self, name: &str, _: &str, _: bool, _: &str) -> Result<Vec<Reference>, ConnectorError> {
        nowhere(name)
    }
    async fn test(&self, name: &str, _: &ConnectorWish, _: &CancelToken) -> Result<TestReport, ConnectorError> {
        nowhere(name)
    }
}

#[async_trait]
impl CatalogueDesk for Closed {
    async fn source(&self, id: &str) -> Result<JobSource, DeskError> {
        Err(DeskError::NoJob(id.to_owned()))
    }
    async fn check(&self, _: Option<&str>, _: &Content, _: Option<&str>) -> Result<Checked, DeskError> {
        closed()
    }
    async fn save(&self, _: Target<'_>, _: &Content, _: &str, _: VersionChange) -> Result<SaveDone, DeskError> {
        closed()
    }
    async fn patch(&self, _: &str, _: &JobPatch, _: Option<&str>, _: &str) -> Result<SaveDone, DeskError> {
        closed()
    }
    async fn delete(&self, _: &str, _: Option<&str>, _: &str) -> Result<(), DeskError> {
        closed()
    }
    async fn rename(&self, _: &str, _: &str, _: &str) -> Result<SaveDone, DeskError> {
        closed()
    }
    async fn versions(&self, _: &str) -> Result<Vec<JobVersion>, DeskError> {
        Ok(Vec::new())
    }
    async fn restore(&self, _: &str, _: u32, _: Option<&str>, _: &str) -> Result<SaveDone, DeskError> {
        closed()
    }
    async fn jobs_of(&self, _: Option<&str>) -> Result<AppJobs, DeskError> {
        closed()
    }
    async fn replace_jobs_of(&self, _: &str, _: &[JsonMap], _: &str, _: &str) -> Result<AppJobs, DeskError> {
        closed()
    }
    async fn export(&self) -> Result<Json, DeskError> {
        closed()
    }
    async fn import(&self, _: &Json, _: ImportOptions, _: &str) -> Result<ImportPlan, DeskError> {
        closed()
    }
}

/// A server that does not ask for the scheduler's lease.
pub(crate) fn server(owner: &str) -> Presence {
    Presence {
        owner: owner.into(),
        role: "server".into(),
        labels: Vec::new(),
        url: None,
        version: "1.2.3".into(),
        scheduler_enabled: false,
        room: 8,
        started_at: SystemClock.now(),
    }
}

async fn engine(store: Arc<dyn Store>, jobs: Vec<Job>, presence: Presence) -> Engine {
    let jobs: BTreeMap<JobId, Arc<Job>> = jobs.into_iter().map(|j| (j.id.clone(), Arc::new(j))).collect();
    // Beats of several engines in one starved process come late: nobody is given up for lost here.
    let patient = Duration::from_secs(600);
    let pace = Pace { lease_lost_after: patient, owner_lost_after: patient, ..Pace::of(store.dialect()) };
    let parts = EngineParts {
        store,
        clock: Arc::new(SystemClock),
        runners: Runners::new().with("python", Arc::new(Scripted)),
        connectors: Arc::new(Nothing),
        secrets: Arc::new(Nothing),
        env: Arc::new(|_| None),
        jobs: Arc::new(jobs),
        presence,
        pace,
        limits: Limits::new(),
        is_owner_alive: |_| true,
        default_zone: host_catalogue::system_zone(),
    };
    Engine::start(parts).await.unwrap()
}

pub(crate) async fn house() -> House {
    house_with(server(&owner_id())).await
}

/// A house whose process presents itself like this.
pub(crate) async fn house_with(presence: Presence) -> House {
    house_of(presence, Vouching::default()).await
}

/// Who vouches for people in a house.
#[derive(Default)]
pub(crate) struct Vouching {
    pub(crate) oidc: Vec<Arc<dyn OidcProvider>>,
    pub(crate) directories: Vec<Arc<dyn PasswordSource>>,
}

/// A house that also believes others.
pub(crate) async fn house_of(presence: Presence, providers: Vouching) -> House {
    let folder = tempfile::tempdir().unwrap();
    let roles = host_store::open_roles("sqlite:runs.db", folder.path()).await.unwrap();
    let audit = Arc::new(Trail { kept: roles.audit, fails: AtomicBool::new(false) });
    let search = Arc::new(Searching { kept: roles.search, is_busy: AtomicBool::new(false) });
    let (store, accounts) = (roles.store, roles.accounts);
    let jobs = vec![job("quick", "echo"), job("slow", "hang"), job("chatty", "lines:1200")];
    let engine = engine(store.clone(), jobs, presence).await;
    let auth = AuthParts {
        accounts: accounts.clone(),
        bootstrap_token: TOKEN.to_owned(),
        keys: vec![SigningKey { id: "k1".to_owned(), secret: KEY.to_vec() }],
        rules: AuthRules::default(),
        directories: providers.directories,
        providers: Vec::new(),
    };
    let (shelf, stop) = (Arc::new(Shelf::default()), CancelToken::new());
    let router = router(ApiParts {
        engine: engine.clone(),
        catalogue: shelf.clone(),
        history: roles.history,
        search: search.clone(),
        keys: roles.idempotency,
        desk: Arc::new(Closed),
        secrets: Arc::new(Drawer::default()),
        callables: Arc::new(EveryCallable::default()),
        plugins: Arc::new(Nothing),
        plugin_versions: Arc::new(Nothing),
        connectors: Arc::new(Nothing),
        connector_editor: Arc::new(Closed),
        metrics: MetricsAccess::Token,
        settings: settings_of_text("", folder.path(), &|_| None, &Flags::default()).settings.list(),
        settings_desk: Arc::new(Paper::default()),
        notifications: Arc::new(notifier(&engine, roles.notify, roles.mutes, folder.path())),
        audit: audit.clone(),
        care: roles.care,
        backup: Arc::new(Nothing),
        host: Arc::new(Nothing),
        auth: Auth::new(auth),
        oidc: providers.oidc,
        trusted_proxies: Default::default(),
        public_path: "/ops".to_owned(),
        stop: stop.clone(),
        version: "1.2.3",
    });
    House { engine, store, accounts, audit, search, router, stop, shelf, folder }
}

/// One that answers, and sends tests only.
fn notifier(
    engine: &Engine,
    store: Arc<dyn NotifyStore>,
    mutes: Arc<dyn host_model::notify::mute::MuteStore>,
    home: &std::path::Path,
) -> Notifier {
    let jobs = engine.clone();
    Notifier::new(NotifyParts {
        store,
        mutes,
        runs: engine.store().clone(),
        clock: Arc::new(SystemClock),
        jobs: Arc::new(move || jobs.jobs()),
        keeper: Arc::new(Drawer::default()),
        owner: owner_id(),
        is_owner_alive: |_| true,
        home: home.to_owned(),
        settings: NotifySettings {
            public_url: None,
            group_seconds: 10,
            retry_seconds: 5,
            give_up_hours: 24,
            transports: Vec::new(),
            routes: Vec::new(),
            zone: host_catalogue::system_zone(),
        },
        pace: host_notify::Pace::default(),
    })
}

#[async_trait]
impl SecretKeeper for Drawer {
    fn seal(&self, _name: &str, text: &str) -> Result<String, String> {
        Ok(format!("ENC:{}", text.len()))
    }

    fn open(&self, _name: &str) -> Option<String> {
        None
    }

    fn fill(&self, text: &str) -> Result<String, String> {
        Ok(text.to_owned())
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl House {
    pub(crate) fn shelve(&self, catalogue: Catalogue) {
        *self.shelf.0.lock().unwrap() = Arc::new(catalogue);
    }

    /// An engine of another process on the same store.
    pub(crate) async fn neighbor(&self) -> Engine {
        self.neighbor_with(server("elsewhere/1/1")).await
    }

    /// The same, which presents itself like this.
    pub(crate) async fn neighbor_with(&self, presence: Presence) -> Engine {
        let store = host_store::open("sqlite:runs.db", self.folder.path()).await.unwrap();
        engine(store, vec![job("slow", "hang")], presence).await
    }

    /// The same store once more, as another process has it.
    pub(crate) async fn roles(&self) -> host_store::Roles {
        host_store::open_roles("sqlite:runs.db", self.folder.path()).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 64 << 20).await.unwrap();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Sends with the headers given and nothing else.
    pub(crate) async fn plain(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// Sends with the right token, a body as JSON.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_as(TOKEN, method, path, body).await
    }

    /// The same with another token.
    pub(crate) async fn ask_as(&self, token: &str, method: &str, path: &str, body: &str) -> Answer {
        let token = format!("Bearer {token}");
        let mut headers = vec![("authorization", token.as_str())];
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        self.plain(method, path, &headers, body).await
    }

    pub(crate) async fn fire(&self, job: &str) -> RunId {
        let request = FireRequest::manual(JobId::new(job).unwrap(), Trigger::Api);
        self.engine.fire(request).await.unwrap().run_id
    }

    pub(crate) async fn idle(&self) {
        tokio::time::timeout(SOON, self.engine.wait_idle()).await.expect("the runs end");
    }

    /// Opens the event stream; its status when it is refused.
    pub(crate) async fn listen(&self, query: &str, last: Option<&str>) -> Result<Listening, Answer> {
        self.listen_as(TOKEN, query, last).await
    }

    /// The same with another token.
    pub(crate) async fn listen_as(&self, token: &str, query: &str, last: Option<&str>) -> Result<Listening, Answer> {
        let mut request = Request::builder().uri(format!("/admin/events{query}"));
        request = request.header("authorization", format!("Bearer {token}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        if parts.status != StatusCode::OK {
            let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            let body = String::from_utf8_lossy(&bytes).into_owned();
            return Err(Answer { status: parts.status.as_u16(), headers: parts.headers, body });
        }
        assert_eq!(parts.headers["content-type"], "text/event-stream");
        Ok(Listening { bytes: body.into_data_stream().boxed(), text: String::new() })
    }
}

/// An open event stream.
pub(crate) struct Listening {
    bytes: BoxStream<'static, Result<Bytes, axum::Error>>,
    text: String,
}

/// A server-sent event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Heard {
    pub(crate) event: String,
    pub(crate) id: Option<String>,
    pub(crate) data: Value,
}

impl Listening {
    /// The next event; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n").map(|(b, r)| (b.to_owned(), r.to_owned())) {
                self.text = rest;
                let field = |name: &str| block.lines().find_map(|l| l.strip_prefix(name)).map(|v| v.trim().to_owned());
                let Some(event) = field("event:") else { continue };
                let data = serde_json::from_str(&field("data:").unwrap()).unwrap();
                return Some(Heard { event, id: field("id:"), data });
            }
            let chunk = tokio::time::timeout(SOON, self.bytes.next()).await.expect("something is said");
            self.text += std::str::from_utf8(&chunk?.unwrap()).unwrap();
        }
    }

    /// Everything up to and including the first event that `last` accepts.
    pub(crate) async fn until(&mut self, last: impl Fn(&Heard) -> bool) -> Vec<Heard> {
        let mut all = Vec::new();
        loop {
            let heard = self.next().await.expect("the stream goes on");
            all.push(heard.clone());
            if last(&heard) {
                return all;
            }
        }
    }
}
