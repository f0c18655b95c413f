//! The page that Prometheus reads.

use axum::Extension;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use host_engine::SchedulerState;
use host_model::run::RunStatus;
use std::sync::Arc;

use super::health::Lookout;
use super::runs::list_active;
use super::scheduler::state_of;
use crate::App;
use crate::error::ApiError;
use crate::metrics::{Counters, Page};

/// What this process counts, and how full everything is, as Prometheus reads it. `[server] metrics` says who may.
#[utoipa::path(get, path = "/metrics", tag = "server", responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn show(
    State(app): State<App>,
    Extension(counters): Extension<Arc<Counters>>,
    Extension(lookout): Extension<Lookout>,
) -> Result<Response, ApiError> {
    let mut page = Page::default();
    let me = app.engine.presence();
    page.begin("nomaflow_info", "gauge", "What this process is");
    let store = app.engine.store().dialect();
    page.line("nomaflow_info", &[("version", app.version), ("store", store), ("role", &me.role)], 1.0);
    counters.render(&mut page);

    let active = list_active(&app, Vec::new()).await?;
    let now = app.engine.now();
    page.begin("nomaflow_runs_in_flight", "gauge", "Runs that are not over, in any process");
    for status in [RunStatus::Queued, RunStatus::Running] {
        let count = active.iter().filter(|run| run.status == status).count();
        page.line("nomaflow_runs_in_flight", &[("status", status.as_str())], count as f64);
    }
    let waiting = active.iter().filter(|run| run.status == RunStatus::Queued).map(|run| now - run.queued_at).max();
    let waiting = waiting.map_or(0.0, |wait| wait.as_seconds_f64().max(0.0));
    page.one("nomaflow_queue_oldest_seconds", "gauge", "How long the oldest waiting run has waited", waiting);

    let pause = app.engine.store().find_pause().await?;
    let state = state_of(app.engine.scheduler_state(), pause.as_ref());
    page.begin(
        "nomaflow_scheduler_state",
        "gauge",
        "The state of the scheduler of this process: 1 for the one it is in",
    );
    for known in [SchedulerState::Active, SchedulerState::Standby, SchedulerState::Error] {
        let is_it = f64::from(u8::from(known == state));
        page.line("nomaflow_scheduler_state", &[("state", known.as_str())], is_it);
    }
    let catalogue = app.catalogue.current();
    page.begin("nomaflow_jobs", "gauge", "Jobs of the catalogue");
    page.line("nomaflow_jobs", &[("state", "valid")], catalogue.jobs.len() as f64);
    page.line("nomaflow_jobs", &[("state", "invalid")], catalogue.invalid.len() as f64);

    let mut pools: Vec<_> = app.connectors.list_connectors().into_iter().filter_map(|entry| entry.pool).collect();
    pools.sort_by(|a, b| a.name.cmp(&b.name));
    pools.dedup_by(|a, b| a.name == b.name);
    page.begin("nomaflow_pool_connections", "gauge", "Connections that steps have");
    for pool in &pools {
        page.line("nomaflow_pool_connections", &[("pool", &pool.name)], f64::from(pool.in_use));
    }
    page.begin("nomaflow_pool_size", "gauge", "Most connections at once");
    for pool in &pools {
        page.line("nomaflow_pool_size", &[("pool", &pool.name)], f64::from(pool.size));
    }
    let is_complete = app.search.indexed_from().await?.is_none();
    page.one(
        "nomaflow_log_index_complete",
        "gauge",
        "1 when every log line is in the index of the search, 0 while lines from before it are being indexed",
        f64::from(u8::from(is_complete)),
    );
    let store_pools = app.care.pools();
    page.begin("nomaflow_store_connections", "gauge", "Connections of this process to the store");
    for pool in &store_pools {
        let states = [("idle", pool.idle), ("in_use", pool.open.saturating_sub(pool.idle))];
        for (state, count) in states {
            page.line("nomaflow_store_connections", &[("pool", &pool.name), ("state", state)], f64::from(count));
        }
    }
    page.begin("nomaflow_store_connections_max", "gauge", "Most connections to the store at once");
    for pool in &store_pools {
        page.line("nomaflow_store_connections_max", &[("pool", &pool.name)], f64::from(pool.most));
    }
    page.begin("nomaflow_store_waiting", "gauge", "Operations of this process that wait for a connection to the store");
    for pool in &store_pools {
        page.line("nomaflow_store_waiting", &[("pool", &pool.name)], f64::from(pool.waiting));
    }
    page.one("nomaflow_event_listeners", "gauge", "Open event streams", lookout.streams.open() as f64);
    // None of a line that says nothing yet: an alert on an old backup goes with `absent()`.
    let taken = lookout.taken.read(&app).await?;
    for (name, help, at) in [
        ("nomaflow_backup_last_timestamp_seconds", "When the last backup was taken, by the audit trail", taken.backup),
        (
            "nomaflow_catalogue_export_last_timestamp_seconds",
            "When the whole catalogue was last exported, by the audit trail",
            taken.export,
        ),
    ] {
        if let Some(at) = at {
            page.one(name, "gauge", help, at.timestamp() as f64);
        }
    }
    if let Some(bytes) = app.host.free_bytes() {
        page.one("nomaflow_disk_free_bytes", "gauge", "Free where the home keeps its data", bytes as f64);
    }
    if let Some(bytes) = resident_bytes() {
        page.one("process_resident_memory_bytes", "gauge", "Memory in use", bytes as f64);
    }
    let started = me.started_at.timestamp() as f64;
    page.one("process_start_time_seconds", "gauge", "When the process began", started);
    let kind = (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    Ok(([kind], page.into_text()).into_response())
}

/// Memory of this process, where the system tells it.
pub(super) fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
