//! The way in over HTTP: REST, live events and the page. The only user of axum.
//!
//! Invariants: every route but liveness, sign-in and the page's own files needs a signed-in caller (one middleware
//! decides); errors are RFC 9457 problems whose text is made for outsiders; nothing here decides what a run does.

#![warn(missing_docs)]

mod assets;
pub mod auth;
mod error;
mod live;
mod relay;
mod route;
pub mod server;
mod view;

use std::sync::Arc;

use async_trait::async_trait;
pub use axum::Router;
use axum::routing::{get, post, put};
use axum::{Extension, middleware};
use host_catalogue::Catalogue;
use host_engine::Engine;
use host_model::CancelToken;
use host_model::callable::CallableDirectory;
use host_model::port::StoreError;
use host_model::secret::SealedSecret;

pub use error::ApiError;

/// The jobs as they were last read, and a way to read them again.
#[async_trait]
pub trait CatalogueSource: Send + Sync + 'static {
    /// What was read last.
    fn current(&self) -> Arc<Catalogue>;
    /// Reads the files again and hands the valid jobs to the engine.
    async fn reload(&self) -> Arc<Catalogue>;
}

/// Keeps secrets, which go in and do not come out. The crate that assembles everything implements it.
#[async_trait]
pub trait SecretDesk: Send + Sync + 'static {
    /// All of them, sealed.
    async fn list(&self) -> Result<Vec<SealedSecret>, StoreError>;
    /// Seals and keeps one. The inner error says in words why it cannot be sealed.
    async fn put(&self, name: &str, value: &str, by: &str) -> Result<Result<(), String>, StoreError>;
    /// Deletes one. False when there was none.
    async fn delete(&self, name: &str) -> Result<bool, StoreError>;
}

/// What the API is built from.
pub struct ApiParts {
    /// The engine.
    pub engine: Engine,
    /// The catalogue.
    pub catalogue: Arc<dyn CatalogueSource>,
    /// The secrets.
    pub secrets: Arc<dyn SecretDesk>,
    /// What steps can call.
    pub callables: Arc<dyn CallableDirectory>,
    /// Who may come in.
    pub auth: auth::Auth,
    /// Cancelled when the server stops, so that live streams end first.
    pub stop: CancelToken,
    /// The program's version.
    pub version: &'static str,
}

pub(crate) type App = Arc<ApiParts>;

/// Builds the router of the whole surface.
pub fn router(parts: ApiParts) -> Router {
    let app: App = Arc::new(parts);
    let private = Router::new()
        .route("/auth/me", get(auth::me))
        .route("/auth/logout", post(auth::logout))
        .route("/admin/jobs", get(route::jobs::list))
        .route("/admin/jobs/health", get(route::health::ready))
        .route("/admin/jobs/cron-preview", get(route::cron::preview))
        .route("/admin/jobs/runs", get(route::runs::list))
        .route("/admin/jobs/runs/{id}", get(route::runs::show))
        .route("/admin/jobs/runs/{id}/logs", get(route::runs::logs))
        .route("/admin/jobs/runs/{id}/definition", get(route::runs::definition))
        .route("/admin/jobs/runs/{id}/cancel", post(route::runs::cancel))
        .route("/admin/jobs/runs/{id}/abort", post(route::runs::cancel))
        .route("/admin/jobs/runs/{id}/replay", post(route::runs::replay))
        .route("/admin/jobs/{id}", get(route::jobs::show))
        .route("/admin/jobs/{id}/run", post(route::jobs::run))
        .route("/admin/jobs/{id}/next", get(route::cron::next))
        .route("/admin/jobs/{id}/slots", get(route::slots::list))
        .route("/admin/jobs/{id}/why", get(route::slots::why))
        .route("/admin/scheduler", get(route::scheduler::show))
        .route("/admin/scheduler/pause", post(route::scheduler::pause))
        .route("/admin/scheduler/resume", post(route::scheduler::resume))
        .route("/admin/secrets", get(route::secrets::list))
        .route("/admin/secrets/{name}", put(route::secrets::put).delete(route::secrets::delete))
        .route("/admin/reload", post(route::jobs::reload))
        .route("/admin/events", get(live::events).layer(Extension(live::Streams::default())))
        .route_layer(middleware::from_fn_with_state(app.clone(), auth::require));
    Router::new()
        .route("/healthz", get(route::health::alive))
        .route("/auth/login", post(auth::login))
        .merge(private)
        .fallback(assets::page)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(middleware::from_fn(assets::common_headers))
        .with_state(app)
}
