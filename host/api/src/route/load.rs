//! How busy the installation was over the last hours: runs and lines of all processes, out of what is recorded of them; pools of
//! the process that answers, which alone knows them.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use chrono::{DateTime, TimeDelta};
use host_model::Instant;
use host_model::desk::STRETCH_SECONDS;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::error::ApiError;
use crate::view::instant;

const MOST_HOURS: u32 = 24;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LoadQuery {
    /// The last so many hours; 24 without one.
    #[param(minimum = 1, maximum = 24)]
    hours: Option<u32>,
}

/// A stretch of time. The last one has only begun.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoadStretch {
    /// Its beginning.
    #[schema(format = DateTime)]
    at: String,
    /// Runs that ran, the most at once.
    running: u64,
    /// Runs that waited, the most at once.
    queued: u64,
    /// Log lines that were written.
    lines: u64,
    /// The same for each of its seconds.
    lines_per_second: f64,
}

/// How a pool was used over a stretch.
#[derive(Serialize, ToSchema)]
pub(crate) struct PoolStretchView {
    #[schema(format = DateTime)]
    at: String,
    /// Connections that steps had, the most at once.
    in_use: u32,
    /// Steps that waited for one, the most at once.
    waiting: u32,
}

/// A pool of the process that answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct PoolLoad {
    name: String,
    /// Most connections at once.
    size: u32,
    /// Since the process began; stretches before that are missing.
    stretches: Vec<PoolStretchView>,
}

/// How busy it was.
#[derive(Serialize, ToSchema)]
pub(crate) struct Load {
    #[schema(format = DateTime)]
    from: String,
    #[schema(format = DateTime)]
    to: String,
    /// Length of a stretch.
    stretch_seconds: u32,
    /// Without a gap, oldest first.
    stretches: Vec<LoadStretch>,
    /// The process whose pools these are.
    replica: String,
    pools: Vec<PoolLoad>,
}

fn begin(slot: i64) -> Instant {
    DateTime::from_timestamp(slot * i64::from(STRETCH_SECONDS), 0).unwrap_or_default()
}

/// How busy it was over the last hours, by quarters of an hour.
#[utoipa::path(get, path = "/admin/load", tag = "health", params(LoadQuery), responses((status = 200, body = Load)))]
pub(crate) async fn show(
    State(app): State<App>,
    query: Result<Query<LoadQuery>, QueryRejection>,
) -> Result<Json<Load>, ApiError> {
    let Query(query) = query?;
    let hours = query.hours.unwrap_or(MOST_HOURS);
    if !(1..=MOST_HOURS).contains(&hours) {
        return Err(ApiError::invalid(format!("`hours` is {hours}; it may be 1 to {MOST_HOURS}")));
    }
    let to = app.engine.now();
    let from = to - TimeDelta::hours(i64::from(hours));
    let slots = app.care.load(from, to, STRETCH_SECONDS).await?;
    let stretch = |slot: &host_model::care::LoadSlot| {
        let at = begin(slot.slot);
        // Of the one that has only begun, the seconds that are over.
        let seconds = (to - at).as_seconds_f64().clamp(1.0, f64::from(STRETCH_SECONDS));
        LoadStretch {
            at: instant(at),
            running: slot.running,
            queued: slot.queued,
            lines: slot.lines,
            lines_per_second: slot.lines as f64 / seconds,
        }
    };
    let first = slots.first().map_or(0, |slot| slot.slot);
    let mut pools: Vec<_> = app.connectors.list_connectors().into_iter().filter_map(|entry| entry.pool).collect();
    pools.sort_by(|a, b| a.name.cmp(&b.name));
    pools.dedup_by(|a, b| a.name == b.name);
    let pool = |pool: host_model::desk::PoolGauge| PoolLoad {
        stretches: app
            .connectors
            .pool_day(&pool.name)
            .into_iter()
            .filter(|each| each.slot >= first)
            .map(|each| PoolStretchView { at: instant(begin(each.slot)), in_use: each.in_use, waiting: each.waiting })
            .collect(),
        name: pool.name,
        size: pool.size,
    };
    Ok(Json(Load {
        from: instant(from),
        to: instant(to),
        stretch_seconds: STRETCH_SECONDS,
        stretches: slots.iter().map(stretch).collect(),
        replica: app.engine.presence().owner.clone(),
        pools: pools.into_iter().map(pool).collect(),
    }))
}
