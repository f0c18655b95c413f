//! Liveness and readiness (seeds, administration: health checks).

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use host_engine::SchedulerState;
use host_model::access::Permissions;
use host_model::event;
use host_model::fire::Pause;
use host_model::port::StoreError;
use host_model::replica::{Lease, Replica};
use host_model::{Job, Run};
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::runs::list_visible;
use super::scheduler::state_of;
use crate::App;
use crate::auth::Caller;
use crate::checks::{Check, Found, Memory};
use crate::live::Streams;
use crate::taken::LastTaken;
use crate::view::instant;
use crate::view::remark::Remark;
use crate::view::replica::Standing;
use crate::view::words::SchedulerWord;

/// The process is up.
#[derive(Serialize, ToSchema)]
pub(crate) struct Alive {
    #[schema(value_type = String, example = "ok")]
    status: &'static str,
    #[schema(value_type = String)]
    version: &'static str,
}

/// The process is up. Says nothing but the version.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, body = Alive)))]
pub(crate) async fn alive(State(app): State<App>) -> Json<Alive> {
    Json(Alive { status: "ok", version: app.version })
}

/// The store as health sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct StoreHealth {
    /// `sqlite` or `postgres`.
    #[schema(value_type = String)]
    dialect: &'static str,
    ok: bool,
    /// Most connections of this process, those that nobody uses, and who waits for one.
    pool_size: u32,
    pool_idle: u32,
    pool_waiting: u32,
}

/// Whether schedules fire and runs can be recorded.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    #[schema(value_type = SchedulerWord)]
    scheduler: &'static str,
    /// The process that answers.
    replica: String,
    scheduler_enabled: bool,
    paused_by: Option<String>,
    #[schema(format = DateTime)]
    paused_at: Option<String>,
    store: StoreHealth,
    /// Jobs that can run.
    jobs: usize,
    invalid_jobs: usize,
    /// Not over, in any process; null when the store does not answer.
    runs_in_flight: Option<usize>,
    #[schema(value_type = String)]
    version: &'static str,
    #[serde(flatten)]
    standing: Standing,
    /// What can be wrong, each thing with its state.
    checks: Vec<Check>,
}

/// Who shares the store, and how many runs are not over, in any process.
///
/// Only runs that may be seen are counted.
pub(super) async fn read_standing(app: &App, may: &Permissions) -> Result<(Standing, usize), StoreError> {
    let store = app.engine.store();
    // In this order: who has the lease gave signs of life before.
    let lease = store.find_lease().await?;
    let replicas = store.list_replicas().await?;
    let active = list_visible(app, may).await?;
    Ok((Standing::new(&replicas, lease.as_ref(), &active), active.len()))
}

/// What the store says of all processes.
struct Stored {
    /// How long it took for its simplest answer.
    took: Duration,
    pause: Option<Pause>,
    replicas: Vec<Replica>,
    lease: Option<Lease>,
    active: Vec<Run>,
}

/// Whoever watches over processes gives up on an answer after a few seconds, and takes that for a process that hangs.
const PATIENCE: Duration = Duration::from_secs(2);

async fn read(app: &App, may: &Permissions) -> Result<Stored, StoreError> {
    let asked = async {
        let store = app.engine.store();
        let began = Instant::now();
        store.ping().await?;
        let took = began.elapsed();
        let pause = store.find_pause().await?;
        // In this order: who has the lease gave signs of life before.
        let lease = store.find_lease().await?;
        let replicas = store.list_replicas().await?;
        Ok(Stored { took, pause, replicas, lease, active: list_visible(app, may).await? })
    };
    timeout(PATIENCE, asked).await.unwrap_or_else(|_| {
        let message = format!("no answer within {} s", PATIENCE.as_secs());
        Err(StoreError::Unavailable { operation: "tell how it is", message })
    })
}

/// The same in short, for those who listen.
pub(crate) async fn summary(app: &App) -> event::Health {
    let (state, store) = (app.engine.scheduler_state(), app.engine.store());
    let asked = async {
        let (pause, lease) = tokio::try_join!(store.find_pause(), store.find_lease())?;
        Ok::<_, StoreError>((pause, store.list_replicas().await?, lease))
    };
    let mut health = match timeout(PATIENCE, asked).await {
        Ok(Ok((pause, replicas, lease))) => event::Health {
            scheduler: state_of(state, pause.as_ref()).as_str().to_owned(),
            holder: lease.as_ref().map(|lease| lease.holder.clone()).unwrap_or_default(),
            paused_by: pause.map(|pause| pause.by),
            replicas: replicas.len(),
            problems: Standing::new(&replicas, lease.as_ref(), &[]).problems,
        },
        _ => event::Health {
            scheduler: SchedulerState::Error.as_str().to_owned(),
            problems: vec![Remark::StoreSilent.text()],
            ..event::Health::default()
        },
    };
    health.problems.extend(app.engine.breakdown().map(str::to_owned));
    health
}

/// What telling of health needs beside the parts of the house.
#[derive(Clone)]
pub(crate) struct Lookout {
    pub(crate) streams: Streams,
    memory: Arc<Memory>,
    pub(crate) taken: Arc<LastTaken>,
}

impl Lookout {
    pub(crate) fn new(streams: Streams) -> Self {
        Self { streams, memory: Arc::default(), taken: Arc::default() }
    }
}

/// Whether schedules fire and runs can be recorded. `error` is the only state to alert on, and answers 503.
#[utoipa::path(get, path = "/admin/jobs/health", tag = "health",
    responses((status = 200, body = Health), (status = 503, body = Health, description = "Trouble: alert on this")))]
pub(crate) async fn ready(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Extension(lookout): Extension<Lookout>,
) -> (StatusCode, Json<Health>) {
    let health = tell(&app, &caller.permissions, &lookout).await;
    let is_broken = health.scheduler == SchedulerState::Error.as_str();
    (if is_broken { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }, Json(health))
}

/// How everything is, as far as `may` sees it.
pub(super) async fn tell(app: &App, may: &Permissions, lookout: &Lookout) -> Health {
    // Before the store is read: who takes the lease in between is found there, and is not said to hold what nobody holds.
    let own = app.engine.scheduler_state();
    let stored = match read(app, may).await {
        Ok(stored) => Some(stored),
        Err(error) => {
            tracing::warn!(%error, "health: the store does not answer");
            None
        }
    };
    let (state, mut standing) = match &stored {
        Some(Stored { pause, replicas, lease, active, .. }) => {
            (state_of(own, pause.as_ref()), Standing::new(replicas, lease.as_ref(), active))
        }
        None => {
            let mut standing = Standing::default();
            standing.tell(Remark::StoreSilent);
            (SchedulerState::Error, standing)
        }
    };
    if state == SchedulerState::Error && stored.is_some() {
        let broken = app.engine.breakdown().map(|what| Remark::PartBroke { what: what.to_owned() });
        standing.tell(broken.unwrap_or(Remark::SchedulerStopped));
    }
    let catalogue = app.catalogue.current();
    let seen = |id: &str| may.may_see_job(id);
    let jobs = catalogue.jobs.keys().filter(|id| seen(id.as_str())).count();
    let invalid: Vec<&str> = catalogue.invalid.iter().map(|job| job.id.as_str()).filter(|id| seen(id)).collect();
    let me = app.engine.presence();
    let pools = app.care.pools();
    let pool_size = pools.iter().map(|pool| pool.most).sum();
    // What is not open yet is free too.
    let in_use: u32 = pools.iter().map(|pool| pool.open.saturating_sub(pool.idle)).sum();
    let armed = |job: &Arc<Job>| job.schedules.iter().filter(|schedule| schedule.enabled && job.enabled).count();
    let taken = match &stored {
        Some(_) => timeout(PATIENCE, lookout.taken.read(app)).await.ok().and_then(Result::ok),
        None => None,
    };
    let holder = stored.as_ref().and_then(|stored| stored.lease.as_ref()).map(|lease| lease.holder.as_str());
    let checks = lookout.memory.look(&Found {
        now: app.engine.now(),
        store: stored.as_ref().map(|stored| stored.took),
        dialect: app.engine.store().dialect(),
        pools: &pools,
        scheduler: state,
        holder: holder.filter(|holder| !holder.is_empty()),
        replicas: stored.as_ref().map_or(&[], |stored| &stored.replicas),
        armed: app.engine.jobs().values().filter(|job| seen(job.id.as_str())).map(armed).sum(),
        jobs,
        invalid: invalid.clone(),
        sees_all: may.has_all_jobs(),
        diagnostics: &catalogue.diagnostics,
        free_bytes: app.host.free_bytes(),
        streams: lookout.streams.open(),
        taken,
    });
    let pause = stored.as_ref().and_then(|stored| stored.pause.as_ref());
    Health {
        scheduler: state.as_str(),
        replica: me.owner.clone(),
        scheduler_enabled: me.scheduler_enabled,
        paused_by: pause.map(|pause| pause.by.clone()),
        paused_at: pause.map(|pause| instant(pause.at)),
        store: StoreHealth {
            dialect: app.engine.store().dialect(),
            ok: stored.is_some(),
            pool_size,
            pool_idle: pool_size - in_use.min(pool_size),
            pool_waiting: pools.iter().map(|pool| pool.waiting).sum(),
        },
        jobs,
        invalid_jobs: invalid.len(),
        runs_in_flight: stored.as_ref().map(|stored| stored.active.len()),
        version: app.version,
        standing,
        checks,
    }
}
