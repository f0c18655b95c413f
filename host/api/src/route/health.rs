//! Liveness and readiness (seeds, administration: health checks).

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use host_engine::SchedulerState;
use host_model::access::Permissions;
use host_model::event;
use host_model::fire::Pause;
use host_model::port::StoreError;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::runs::list_visible;
use super::scheduler::state_of;
use crate::App;
use crate::auth::Caller;
use crate::view::instant;
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

/// Whoever watches over processes gives up on an answer after a few seconds, and takes that for a process that hangs.
const PATIENCE: Duration = Duration::from_secs(2);

async fn read(app: &App, may: &Permissions) -> Result<(Option<Pause>, Standing, usize), StoreError> {
    let asked = async {
        app.engine.store().ping().await?;
        let pause = app.engine.store().find_pause().await?;
        let (standing, active) = read_standing(app, may).await?;
        Ok((pause, standing, active))
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
            problems: vec!["the store does not answer".to_owned()],
            ..event::Health::default()
        },
    };
    health.problems.extend(app.engine.breakdown().map(str::to_owned));
    health
}

/// Whether schedules fire and runs can be recorded. `error` is the only state to alert on, and answers 503.
#[utoipa::path(get, path = "/admin/jobs/health", tag = "health",
    responses((status = 200, body = Health), (status = 503, body = Health, description = "Trouble: alert on this")))]
pub(crate) async fn ready(State(app): State<App>, Extension(caller): Extension<Caller>) -> (StatusCode, Json<Health>) {
    let (may, state) = (&caller.permissions, app.engine.scheduler_state());
    let found = read(&app, may).await;
    let is_stored = found.is_ok();
    let (state, pause, mut standing, active) = match found {
        Ok((pause, standing, active)) => (state_of(state, pause.as_ref()), pause, standing, Some(active)),
        Err(error) => {
            tracing::warn!(%error, "health: the store does not answer");
            let mut standing = Standing::default();
            standing.problems.push("the store does not answer".to_owned());
            (SchedulerState::Error, None, standing, None)
        }
    };
    let is_broken = state == SchedulerState::Error;
    if is_broken && is_stored {
        let why = app.engine.breakdown().unwrap_or("the scheduler of this process has stopped; its log says why");
        standing.problems.push(why.to_owned());
    }
    let status = if is_broken { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let catalogue = app.catalogue.current();
    let me = app.engine.presence();
    let pools = app.care.pools();
    let pool_size = pools.iter().map(|pool| pool.most).sum();
    // What is not open yet is free too.
    let in_use: u32 = pools.iter().map(|pool| pool.open.saturating_sub(pool.idle)).sum();
    let body = Health {
        scheduler: state.as_str(),
        replica: me.owner.clone(),
        scheduler_enabled: me.scheduler_enabled,
        paused_by: pause.as_ref().map(|pause| pause.by.clone()),
        paused_at: pause.as_ref().map(|pause| instant(pause.at)),
        store: StoreHealth {
            dialect: app.engine.store().dialect(),
            ok: is_stored,
            pool_size,
            pool_idle: pool_size - in_use.min(pool_size),
            pool_waiting: pools.iter().map(|pool| pool.waiting).sum(),
        },
        jobs: catalogue.jobs.keys().filter(|id| may.may_see_job(id.as_str())).count(),
        invalid_jobs: catalogue.invalid.iter().filter(|job| may.may_see_job(&job.id)).count(),
        runs_in_flight: active,
        version: app.version,
        standing,
    };
    (status, Json(body))
}
