//! A store in a temporary folder, a notifier in a hurry, and a server that notes every request and answers as told.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use chrono_tz::Tz;
use host_model::connector::Hidden;
use host_model::fire::{NewRun, Recorded};
use host_model::job::{Alerts, Overlap};
use host_model::log::LogLevel;
use host_model::notify::delivery::{Delivery, DeliveryFilter, DeliveryStatus};
use host_model::notify::mute::MuteStore;
use host_model::notify::route::read_routes;
use host_model::notify::store::NotifyStore;
use host_model::notify::transport::{Transport, TransportKind};
use host_model::port::{Clock, Store, StoreError};
use host_model::transition::{Applied, RunChange};
use host_model::{Instant, Job, JobId, Json, RunId, StepName};
use host_notify::{Notifier, NotifyParts, NotifySettings, Pace, SecretKeeper};

const SOON: Duration = Duration::from_secs(30);
pub(crate) const OWNER: &str = "host/1/0";

/// Waits for something that has to come.
pub(crate) async fn until(mut condition: impl AsyncFnMut() -> bool, what: &str) {
    let end = std::time::Instant::now() + SOON;
    while !condition().await {
        assert!(std::time::Instant::now() < end, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A request as the server got it.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// What the server answers: a status, a header, and how late.
pub(crate) type Answer = (u16, Option<(&'static str, &'static str)>, Duration);

#[derive(Default)]
pub(crate) struct Sink {
    got: Mutex<Vec<Got>>,
    answers: Mutex<VecDeque<Answer>>,
}

impl Sink {
    /// A server on a free port, and its URL.
    pub(crate) async fn open() -> (Arc<Self>, String) {
        let sink = Arc::new(Self::default());
        let router = Router::new().fallback(take).with_state(sink.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (sink, url)
    }

    pub(crate) fn answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.answers.lock().unwrap().extend(answers);
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// Waits until there are so many requests.
    pub(crate) async fn wait(&self, count: usize) -> Vec<Got> {
        until(async || self.got().len() >= count, "the requests come").await;
        self.got()
    }
}

async fn take(State(sink): State<Arc<Sink>>, headers: HeaderMap, body: String) -> Response {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    sink.got.lock().unwrap().push(Got { headers: headers.collect(), body });
    let answer = sink.answers.lock().unwrap().pop_front();
    let (status, header, late) = answer.unwrap_or((200, None, Duration::ZERO));
    tokio::time::sleep(late).await;
    let mut response = (StatusCode::from_u16(status).unwrap(), "said the sink").into_response();
    if let Some((name, value)) = header {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

pub(crate) struct HandClock(Mutex<Instant>);

#[async_trait]
impl Clock for HandClock {
    fn now(&self) -> Instant {
        *self.0.lock().unwrap()
    }
}

/// Keeps secrets in the open, as the tests of the vault are elsewhere.
#[derive(Default)]
pub(crate) struct Drawer;

#[async_trait]
impl SecretKeeper for Drawer {
    fn seal(&self, _name: &str, text: &str) -> Result<String, String> {
        SEALED.lock().unwrap().push((_name.to_owned(), text.to_owned()));
        Ok(format!("ENC:{}", hex::encode(text)))
    }

    fn open(&self, name: &str) -> Option<String> {
        SEALED.lock().unwrap().iter().rev().find(|(known, _)| known == name).map(|(_, text)| text.clone())
    }

    fn fill(&self, text: &str) -> Result<String, String> {
        if text.contains("${secret.gone}") {
            return Err("there is no secret named `gone`".to_owned());
        }
        Ok(text.replace("${secret.key}", "pl4nted-key"))
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

static SEALED: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

type Jobs = Arc<BTreeMap<JobId, Arc<Job>>>;

/// Everything of a test.
pub(crate) struct House {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) notify: Arc<dyn NotifyStore>,
    pub(crate) mutes: Arc<dyn MuteStore>,
    pub(crate) clock: Arc<HandClock>,
    jobs: Arc<Mutex<Jobs>>,
    next: Mutex<u32>,
    pub(crate) folder: tempfile::TempDir,
}

/// What a notifier is told.
pub(crate) fn settings(transports: Vec<Transport>, routes: Json) -> NotifySettings {
    NotifySettings {
        public_url: Some("https://jobs.test".into()),
        group_seconds: 0,
        retry_seconds: 1,
        give_up_hours: 24,
        transports,
        routes: read_routes(routes.as_array().unwrap(), Tz::UTC).unwrap(),
        zone: Tz::UTC,
    }
}

/// A webhook to `url`.
pub(crate) fn webhook(name: &str, url: &str) -> Transport {
    let settings = serde_json::json!({ "url": url }).as_object().cloned().unwrap();
    let secrets = [("signing_key".to_owned(), Hidden::new("${secret.key}"))].into_iter().collect();
    Transport { name: name.into(), kind: TransportKind::Webhook, enabled: true, settings, secrets }
}

pub(crate) fn alerts(recipients: &[&str]) -> Alerts {
    Alerts {
        on_failure: true,
        on_recovery: true,
        on_success: false,
        on_canceled: false,
        on_long_run_minutes: None,
        no_success_within_hours: None,
        recipients: recipients.iter().map(|name| (*name).to_owned()).collect(),
    }
}

impl House {
    pub(crate) async fn build() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let roles = host_store::open_roles("sqlite:runs.db", folder.path()).await.unwrap();
        let clock = Arc::new(HandClock(Mutex::new("2026-11-23T10:00:00Z".parse().unwrap())));
        let (store, notify, mutes) = (roles.store, roles.notify, roles.mutes);
        Self { store, notify, mutes, clock, jobs: Arc::default(), next: Mutex::new(0), folder }
    }

    pub(crate) fn declare(&self, job: &str, alerts: Option<Alerts>, tags: &[&str]) {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let job = Job { alerts, tags, ..Job::new(JobId::new(job).unwrap(), "app", Vec::new()) };
        let mut jobs = self.jobs.lock().unwrap();
        let mut all = (**jobs).clone();
        all.insert(job.id.clone(), Arc::new(job));
        *jobs = Arc::new(all);
    }

    pub(crate) fn parts(&self, owner: &str, settings: NotifySettings) -> NotifyParts {
        let jobs = self.jobs.clone();
        let quick = Duration::from_millis(30);
        NotifyParts {
            store: self.notify.clone(),
            mutes: self.mutes.clone(),
            runs: self.store.clone(),
            clock: self.clock.clone(),
            jobs: Arc::new(move || jobs.lock().unwrap().clone()),
            keeper: Arc::new(Drawer),
            owner: owner.to_owned(),
            is_owner_alive: |owner| !owner.starts_with("dead"),
            home: self.folder.path().to_owned(),
            settings,
            pace: Pace { beat: quick, patience: quick * 100, tick: quick, look: quick, settings: quick },
        }
    }

    pub(crate) fn notifier(&self, settings: NotifySettings) -> Notifier {
        let notifier = Notifier::new(self.parts(OWNER, settings));
        notifier.start();
        notifier
    }

    pub(crate) fn turn(&self, seconds: i64) {
        *self.clock.0.lock().unwrap() += TimeDelta::seconds(seconds);
    }

    /// A run of `job` that has begun.
    pub(crate) async fn begin(&self, job: &str) -> RunId {
        let low = {
            let mut next = self.next.lock().unwrap();
            *next += 1;
            *next
        };
        let now = self.clock.now();
        let id = RunId::from_parts(u64::try_from(now.timestamp_millis()).unwrap(), low);
        let new = NewRun {
            id,
            job_id: JobId::new(job).unwrap(),
            overlap: Overlap::Allow,
            depends_on: Vec::new(),
            triggered_by: "api".into(),
            slot: None,
            replay: None,
            as_of: None,
            queued_at: now,
            owner: OWNER.into(),
            placement: "any".into(),
            limits: Vec::new(),
            definition: "{}".into(),
            lease: None,
            log_level: LogLevel::Info,
            params: Default::default(),
            overrides: Default::default(),
            steps: vec![(StepName::new("extract").unwrap(), "http")],
        };
        assert_eq!(self.store.record_fire(&new).await.unwrap(), Recorded::Queued);
        self.apply(RunChange::start(id, OWNER, now)).await;
        id
    }

    pub(crate) async fn apply(&self, change: RunChange) {
        assert_eq!(self.store.apply(&[change.into()]).await.unwrap(), Applied::Yes);
    }

    pub(crate) async fn fail(&self, job: &str) -> RunId {
        let id = self.begin(job).await;
        self.apply(RunChange::fail(id, OWNER, self.clock.now(), "step `extract` failed: no such host".into())).await;
        id
    }

    pub(crate) async fn succeed(&self, job: &str) -> RunId {
        let id = self.begin(job).await;
        self.apply(RunChange::succeed(id, OWNER, self.clock.now())).await;
        id
    }

    pub(crate) async fn deliveries(&self) -> Vec<Delivery> {
        self.notify.list_deliveries(&DeliveryFilter { limit: 100, ..DeliveryFilter::default() }).await.unwrap()
    }

    /// Waits until the newest delivery is in this state.
    pub(crate) async fn wait(&self, status: DeliveryStatus) -> Delivery {
        let is_there = async || self.deliveries().await.first().is_some_and(|newest| newest.status == status);
        until(is_there, status.as_str()).await;
        self.deliveries().await.remove(0)
    }

    /// Waits until every event is judged.
    pub(crate) async fn judged(&self) {
        let is_empty = async || self.notify.list_events(1).await.unwrap().is_empty();
        until(is_empty, "every event is judged").await;
    }
}
