//! What this server is, and how it was told to be.

use axum::Json;
use axum::extract::State;
use chrono::DateTime;
use host_catalogue::Origin;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::view::instant;

/// A setting with what counts and who said so.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingView {
    /// As in `app.toml`.
    #[schema(value_type = String, example = "jobs.history_days")]
    key: &'static str,
    value: serde_json::Value,
    /// `default`, `file`, `env` or `flag`.
    #[schema(value_type = String, example = "file")]
    source: &'static str,
    /// The line of the file, the variable or the flag.
    from: Option<String>,
    /// The variable of the environment that sets it.
    env: String,
    /// Whether a new value counts only after a restart.
    restart: bool,
}

/// Every setting.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingList {
    settings: Vec<SettingView>,
}

/// The settings of the process that answers. What could hold a password is told without it.
#[utoipa::path(get, path = "/admin/settings", tag = "server", responses((status = 200, body = SettingList)))]
pub(crate) async fn settings(State(app): State<App>) -> Json<SettingList> {
    Json(SettingList { settings: read_settings(&app) })
}

pub(super) fn read_settings(app: &App) -> Vec<SettingView> {
    let view = |entry: &host_catalogue::SettingEntry| SettingView {
        key: entry.key,
        value: entry.value.clone(),
        source: match entry.origin {
            Origin::Default => "default",
            Origin::File { .. } => "file",
            Origin::Env(_) => "env",
            Origin::Flag(_) => "flag",
        },
        from: (entry.origin != Origin::Default).then(|| entry.origin.to_string()),
        env: entry.variable(),
        // Settings are read when the process starts, and never again.
        restart: true,
    };
    app.settings.iter().map(view).collect()
}

/// What this server is.
#[derive(Serialize, ToSchema)]
pub(crate) struct About {
    #[schema(value_type = String)]
    version: &'static str,
    /// Of the source it was built from, where the builder said so.
    #[schema(value_type = Option<String>)]
    commit: Option<&'static str>,
    /// When it was built; null of a build that is not optimized.
    #[schema(format = DateTime)]
    built_at: Option<String>,
    /// `linux`, `macos` …
    #[schema(value_type = String)]
    os: &'static str,
    /// `x86_64`, `aarch64` …
    #[schema(value_type = String)]
    arch: &'static str,
    /// `sqlite` or `postgres`.
    #[schema(value_type = String)]
    store: &'static str,
    /// The process that answers.
    replica: String,
    role: String,
    #[schema(format = DateTime)]
    started_at: String,
    #[schema(format = DateTime)]
    server_time: String,
    /// The zone of schedules that name none.
    #[schema(value_type = String)]
    timezone: &'static str,
}

/// What this server is.
#[utoipa::path(get, path = "/admin/about", tag = "server", responses((status = 200, body = About)))]
pub(crate) async fn show(State(app): State<App>) -> Json<About> {
    Json(read_about(&app))
}

pub(super) fn read_about(app: &App) -> About {
    let me = app.engine.presence();
    About {
        version: app.version,
        commit: option_env!("NOMAFLOW_COMMIT"),
        built_at: option_env!("NOMAFLOW_BUILT_AT")
            .and_then(|seconds| DateTime::from_timestamp(seconds.parse().ok()?, 0))
            .map(instant),
        os: std::env::consts::OS,
        arch: std::env::consts::ARCH,
        store: app.engine.store().dialect(),
        replica: me.owner.clone(),
        role: me.role.clone(),
        started_at: instant(me.started_at),
        server_time: instant(app.engine.now()),
        timezone: host_catalogue::system_zone().name(),
    }
}
