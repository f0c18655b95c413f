//! The diagnostic bundle: one document with what somebody needs to understand this server from afar. It holds what the API
//! tells anyway, none of which has a password or a secret, and the last lines of the process's own log; before it goes
//! out, everything is looked through once more for the secrets that are known here.
//!
//! It is wanted most when something is broken: a part that cannot be told is named in `missing`, and the rest is there.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use host_model::care::RecentLog;
use host_model::diagnostic::Severity;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::about::{About, SettingView, read_about, read_settings};
use super::health::{Health, Lookout, tell};
use super::metrics::resident_bytes;
use super::store::{self, StoreView};
use crate::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::view::instant;

/// What a part may take that goes through much.
const PATIENCE: Duration = Duration::from_secs(10);
/// Findings that are told.
const MOST_FINDINGS: usize = 200;

/// The process and its machine.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProcessView {
    /// Memory in use, where the system tells it.
    resident_bytes: Option<u64>,
    /// Processors it may use.
    processors: Option<usize>,
    /// Free where the home keeps its data.
    disk_free_bytes: Option<u64>,
}

/// A finding about a file.
#[derive(Serialize, ToSchema)]
pub(crate) struct FindingView {
    file: String,
    line: u32,
    /// Stable.
    #[schema(value_type = String)]
    code: &'static str,
    is_error: bool,
    message: String,
}

/// A plugin.
#[derive(Serialize, ToSchema)]
pub(crate) struct PluginFact {
    app: String,
    name: String,
    path: String,
    callables: usize,
    /// Why it is not loaded.
    problem: Option<String>,
}

/// A connector.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectorFact {
    name: String,
    /// Null for a directory.
    #[schema(value_type = Option<String>)]
    dialect: Option<&'static str>,
    /// Without credentials.
    target: Option<String>,
    pool_size: Option<u32>,
    in_use: Option<u32>,
    waiting: Option<u32>,
}

/// The last lines of the log of the process, as they went to standard error.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogTail {
    /// Oldest first.
    lines: Vec<String>,
    /// Lines before them, which are not kept.
    forgotten: u64,
}

/// The bundle.
#[derive(Serialize, ToSchema)]
pub(crate) struct Bundle {
    /// Of this document: 1.
    format: u32,
    #[schema(format = DateTime)]
    taken_at: String,
    about: About,
    process: ProcessView,
    health: Health,
    /// As they count for this process, without passwords.
    settings: Vec<SettingView>,
    /// What is wrong with files, at most 200.
    findings: Vec<FindingView>,
    plugins: Vec<PluginFact>,
    connectors: Vec<ConnectorFact>,
    /// Null when the store could not be measured.
    store: Option<StoreView>,
    log: LogTail,
    /// Parts that could not be told, with the reason.
    missing: Vec<String>,
}

async fn collect(app: &App, caller: &Caller, lookout: &Lookout) -> Bundle {
    let mut missing = Vec::new();
    let mut part = |name: &str, why: String| missing.push(format!("{name}: {why}"));
    let store = match timeout(PATIENCE, store::read(app)).await {
        Ok(Ok(store)) => Some(store),
        Ok(Err(error)) => {
            part("store", error.to_string());
            None
        }
        Err(_) => {
            part("store", format!("not measured within {} s", PATIENCE.as_secs()));
            None
        }
    };
    let plugins = match timeout(PATIENCE, app.callables.list_callables()).await {
        Ok(found) => found.sources,
        Err(_) => {
            part("plugins", format!("not looked through within {} s", PATIENCE.as_secs()));
            Vec::new()
        }
    };
    let catalogue = app.catalogue.current();
    let RecentLog { lines, forgotten } = app.host.recent_log();
    Bundle {
        format: 1,
        taken_at: instant(app.engine.now()),
        about: read_about(app),
        process: ProcessView {
            resident_bytes: resident_bytes(),
            processors: std::thread::available_parallelism().ok().map(usize::from),
            disk_free_bytes: app.host.free_bytes(),
        },
        health: tell(app, &caller.permissions, lookout).await,
        settings: read_settings(app, &[]),
        findings: catalogue
            .diagnostics
            .iter()
            .take(MOST_FINDINGS)
            .map(|found| FindingView {
                file: found.file.clone(),
                line: found.line,
                code: found.code,
                is_error: found.severity == Severity::Error,
                message: found.message.clone(),
            })
            .collect(),
        plugins: plugins
            .into_iter()
            .map(|source| PluginFact {
                app: source.app,
                name: source.name,
                path: source.path.display().to_string(),
                callables: source.callables.len(),
                problem: source.problem,
            })
            .collect(),
        connectors: app
            .connectors
            .list_connectors()
            .into_iter()
            .map(|entry| ConnectorFact {
                name: entry.name,
                dialect: entry.dialect.map(|dialect| dialect.as_str()),
                target: entry.target,
                pool_size: entry.pool.as_ref().map(|pool| pool.size),
                in_use: entry.pool.as_ref().map(|pool| pool.in_use),
                waiting: entry.pool.as_ref().map(|pool| pool.waiting),
            })
            .collect(),
        store,
        log: LogTail { lines, forgotten },
        missing,
    }
}

/// Everything somebody needs to understand this server from afar, in one file: settings, versions, health, sizes, and the last
/// lines of its log. Every secret that is known here is masked.
#[utoipa::path(get, path = "/admin/diagnostics", tag = "health", responses((status = 200, body = Bundle)))]
pub(crate) async fn show(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Extension(lookout): Extension<Lookout>,
) -> Result<Response, ApiError> {
    let bundle = collect(&app, &caller, &lookout).await;
    let mut told = serde_json::to_value(&bundle).map_err(|_| ApiError::broken("the diagnostic bundle has no JSON"))?;
    app.host.conceal(&mut told);
    tracing::info!(by = caller.user, "diagnostic bundle taken");
    let text =
        serde_json::to_string_pretty(&told).map_err(|_| ApiError::broken("the diagnostic bundle has no text"))?;
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let attachment = HeaderValue::from_static("attachment; filename=\"nomaflow-diagnostics.json\"");
    headers.insert(header::CONTENT_DISPOSITION, attachment);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
