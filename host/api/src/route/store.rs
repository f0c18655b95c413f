//! The store as its keeper sees it: its tables and how they grow, what a shorter history would remove, what to save and
//! when that was last done.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use chrono::TimeDelta;
use host_model::port::StoreError;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::error::ApiError;
use crate::taken::{last_backup, last_export};
use crate::view::instant;

/// Growth is measured over so many days.
const GROWTH_DAYS: i64 = 7;
const DAYS: &str = "jobs.history_days";
/// The longest history there is.
const MOST_DAYS: u32 = 36_500;

/// A table.
#[derive(Serialize, ToSchema)]
pub(crate) struct StoreTable {
    name: String,
    /// Large ones as the database last estimated them.
    rows: u64,
    /// With its indexes; null where the database does not say.
    bytes: Option<u64>,
    /// Over the last 7 days; null for tables that do not grow with time.
    rows_per_day: Option<f64>,
    /// As many as so many rows take now.
    bytes_per_day: Option<f64>,
}

/// Connections to a database.
#[derive(Serialize, ToSchema)]
pub(crate) struct StorePool {
    name: String,
    size: u32,
    open: u32,
    idle: u32,
    /// Who waits for one.
    waiting: u32,
}

/// The store.
#[derive(Serialize, ToSchema)]
pub(crate) struct StoreView {
    /// `sqlite` or `postgres`.
    #[schema(value_type = String)]
    dialect: &'static str,
    bytes: u64,
    bytes_per_day: f64,
    /// The largest first.
    tables: Vec<StoreTable>,
    pools: Vec<StorePool>,
}

fn pools(app: &App) -> Vec<StorePool> {
    let view = |pool: host_model::care::PoolUse| StorePool {
        name: pool.name,
        size: pool.most,
        open: pool.open,
        idle: pool.idle,
        waiting: pool.waiting,
    };
    app.care.pools().into_iter().map(view).collect()
}

/// Tables with their sizes and how fast they grow, and how busy the connections are. SQLite goes through its whole file.
#[utoipa::path(get, path = "/admin/store", tag = "server", responses((status = 200, body = StoreView)))]
pub(crate) async fn show(State(app): State<App>) -> Result<Json<StoreView>, ApiError> {
    Ok(Json(read(&app).await?))
}

/// The store with its tables.
pub(super) async fn read(app: &App) -> Result<StoreView, StoreError> {
    let now = app.engine.now();
    let sizes = app.care.table_sizes(now - TimeDelta::days(GROWTH_DAYS), now).await?;
    let table = |size: host_model::care::TableSize| {
        let each = size.bytes.filter(|_| size.rows > 0).map(|bytes| bytes as f64 / size.rows as f64);
        let bytes_per_day = size.rows_per_day.zip(each).map(|(rows, each)| rows * each);
        StoreTable {
            name: size.name,
            rows: size.rows,
            bytes: size.bytes,
            rows_per_day: size.rows_per_day,
            bytes_per_day,
        }
    };
    let tables: Vec<StoreTable> = sizes.into_iter().map(table).collect();
    Ok(StoreView {
        dialect: app.engine.store().dialect(),
        bytes: tables.iter().filter_map(|table| table.bytes).sum(),
        bytes_per_day: tables.iter().filter_map(|table| table.bytes_per_day).sum(),
        tables,
        pools: pools(app),
    })
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EstimateQuery {
    /// Days of history to keep; as it is set without one.
    #[param(minimum = 1, maximum = 36_500)]
    history_days: Option<u32>,
}

/// What a pass of retention would remove.
#[derive(Serialize, ToSchema)]
pub(crate) struct Estimate {
    history_days: u64,
    #[schema(format = DateTime)]
    cutoff: String,
    run_rows: u64,
    step_rows: u64,
    log_rows: u64,
    slot_rows: u64,
}

/// What a pass of retention would remove if so many days were kept. Nothing is removed.
#[utoipa::path(get, path = "/admin/jobs/retention/estimate", tag = "server", params(EstimateQuery),
    responses((status = 200, body = Estimate)))]
pub(crate) async fn estimate(
    State(app): State<App>,
    query: Result<Query<EstimateQuery>, QueryRejection>,
) -> Result<Json<Estimate>, ApiError> {
    let Query(query) = query?;
    let set = app.settings.iter().find(|entry| entry.key == DAYS).and_then(|entry| entry.value.as_u64());
    let days = match query.history_days {
        Some(days) if (1..=MOST_DAYS).contains(&days) => u64::from(days),
        Some(days) => {
            return Err(ApiError::invalid(format!("`history_days` is {days}; it may be 1 to {MOST_DAYS}")));
        }
        None => set.ok_or_else(|| ApiError::invalid("`history_days` is not set here: say how many"))?,
    };
    let cutoff = app.engine.now() - TimeDelta::days(i64::try_from(days).unwrap_or(i64::from(MOST_DAYS)));
    let found = app.care.estimate_prune(cutoff).await?;
    Ok(Json(Estimate {
        history_days: days,
        cutoff: instant(cutoff),
        run_rows: found.run_rows,
        step_rows: found.step_rows,
        log_rows: found.log_rows,
        slot_rows: found.slot_rows,
    }))
}

/// Something to save.
#[derive(Serialize, ToSchema)]
pub(crate) struct ThingToSave {
    /// `store`, `files` or `key`.
    #[schema(value_type = String)]
    what: &'static str,
    place: String,
    reachable: bool,
    detail: String,
}

/// What to save, and when it was.
#[derive(Serialize, ToSchema)]
pub(crate) struct BackupState {
    /// In the order in which it is put back.
    things: Vec<ThingToSave>,
    /// As the audit trail says; null when there was none, or longer ago than the trail reaches.
    #[schema(format = DateTime)]
    last_backup_at: Option<String>,
    /// By whom.
    last_backup_by: Option<String>,
    /// When somebody last took the whole catalogue out; null like the other.
    #[schema(format = DateTime)]
    last_export_at: Option<String>,
    /// Who that was.
    last_export_by: Option<String>,
}

/// The three things to save, whether each can be read, and when the last backup was taken and the catalogue last exported.
#[utoipa::path(get, path = "/admin/backup", tag = "server", responses((status = 200, body = BackupState)))]
pub(crate) async fn backup(State(app): State<App>) -> Result<Json<BackupState>, ApiError> {
    let (backup, export) = (last_backup(&app).await?, last_export(&app).await?);
    let thing = |thing: host_model::care::ToSave| ThingToSave {
        what: thing.what,
        place: thing.place,
        reachable: thing.is_reachable,
        detail: thing.detail,
    };
    Ok(Json(BackupState {
        things: app.backup.things_to_save().await.into_iter().map(thing).collect(),
        last_backup_at: backup.as_ref().map(|entry| instant(entry.draft.at)),
        last_backup_by: backup.map(|entry| entry.draft.user),
        last_export_at: export.as_ref().map(|entry| instant(entry.draft.at)),
        last_export_by: export.map(|entry| entry.draft.user),
    }))
}
