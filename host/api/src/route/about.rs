//! What this server is, and how it is told to be.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use chrono::DateTime;
use host_catalogue::{Origin, SettingEntry};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::jobs::read_body;
use crate::App;
use crate::audit::Note;
use crate::error::ApiError;
use crate::settings_desk::SettingsError;
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
    /// Whether `PUT /admin/settings/{key}` writes it: neither a variable nor a flag is set over the file.
    changeable: bool,
    /// What will count after a restart, where that is another value.
    next: Option<serde_json::Value>,
}

/// Every setting.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingList {
    settings: Vec<SettingView>,
}

/// The settings of the process that answers. What could hold a password is told without it.
#[utoipa::path(get, path = "/admin/settings", tag = "server", responses((status = 200, body = SettingList)))]
pub(crate) async fn settings(State(app): State<App>) -> Json<SettingList> {
    let next = app.settings_desk.next().await.unwrap_or_else(|error| {
        tracing::warn!(%error, "nobody can say what will count after a restart");
        Vec::new()
    });
    Json(SettingList { settings: read_settings(&app, &next) })
}

/// A setting as somebody wants it.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingBody {
    /// Null, as no body, takes it out of the file, so that the default counts.
    #[schema(required = true)]
    value: serde_json::Value,
}

/// Writes a setting into `app.toml`; it counts after a restart. Comments and order of the file stay.
#[utoipa::path(put, path = "/admin/settings/{key}", tag = "server", params(("key" = String, Path)), request_body = SettingBody,
    responses((status = 200, body = SettingView), (status = 404), (status = 409), (status = 422)))]
pub(crate) async fn write_setting(
    State(app): State<App>,
    Extension(note): Extension<Note>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<SettingView>, ApiError> {
    let SettingBody { value } = read_body(&headers, &body?)?;
    let known = app.settings.iter().find(|entry| entry.key == key && entry.is_changeable());
    let Some(entry) = known else {
        return Err(ApiError::not_found(format!("there is no setting `{key}` that can be changed here")));
    };
    if let Origin::Env(_) | Origin::Flag(_) = entry.origin {
        let detail = format!("`{key}` is set by {}, which counts more than the file", entry.origin);
        return Err(ApiError::new(StatusCode::CONFLICT, "setting-locked", detail));
    }
    note.add("value", value.clone());
    app.settings_desk.write(&key, Some(&value).filter(|value| !value.is_null())).await?;
    tracing::info!(key, %value, "setting written; it counts after a restart");
    Ok(Json(view(entry, &app.settings_desk.next().await?)))
}

impl From<SettingsError> for ApiError {
    fn from(error: SettingsError) -> Self {
        match error {
            SettingsError::Invalid(why) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "setting-invalid", why),
            SettingsError::Desk(error) => error.into(),
        }
    }
}

/// `next`: what a process would read that starts now.
pub(super) fn read_settings(app: &App, next: &[SettingEntry]) -> Vec<SettingView> {
    app.settings.iter().map(|entry| view(entry, next)).collect()
}

fn view(entry: &SettingEntry, next: &[SettingEntry]) -> SettingView {
    let is_open = matches!(entry.origin, Origin::Default | Origin::File { .. });
    let next = next.iter().find(|other| other.key == entry.key && other.value != entry.value && is_open);
    SettingView {
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
        changeable: is_open && entry.is_changeable(),
        next: next.map(|other| other.value.clone()),
    }
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
