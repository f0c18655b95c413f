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
mod surface;
mod view;

use std::sync::Arc;

use async_trait::async_trait;
pub use axum::Router;
use axum::{Extension, middleware};
use host_catalogue::Catalogue;
use host_engine::Engine;
use host_model::CancelToken;
use host_model::notify::desk::NotificationDesk;
use host_model::port::StoreError;
use host_model::secret::SealedSecret;

pub use error::ApiError;
use surface::Surface;
pub use surface::{Line, Need};
use utoipa_axum::routes;

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
    /// What is set up to tell people, and what became of it.
    pub notifications: Arc<dyn NotificationDesk>,
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
    let (routes, ..) = surface(Some(app.clone()), app.version).finish();
    routes
        .fallback(assets::page)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(middleware::from_fn(assets::common_headers))
        .with_state(app)
}

/// Every route with what a caller needs for it.
pub fn table() -> Vec<Line> {
    surface(None, "").finish().1
}

fn surface(app: Option<App>, version: &str) -> Surface {
    use route::{cron, health, jobs, notifications, runs, scheduler, secrets, slots};
    let (schemas, paths, stream) = routes!(live::events);
    let stream = (schemas, paths, stream.layer(Extension(live::Streams::default())));
    Surface::new(app, version)
        .add(Need::Nothing, routes!(health::alive))
        .add(Need::Nothing, routes!(auth::login))
        .add(Need::SignedIn, routes!(auth::me))
        .add(Need::SignedIn, routes!(auth::logout))
        .add(Need::SomeJob, routes!(jobs::list))
        .add(Need::SignedIn, routes!(health::ready))
        .add(Need::SomeJob, routes!(cron::preview))
        .add(Need::SomeJob, routes!(runs::list))
        .add(Need::Run, routes!(runs::show))
        .add(Need::Run, routes!(runs::logs))
        .add(Need::Run, routes!(runs::definition))
        .add(Need::Run, routes!(runs::cancel))
        .add(Need::Run, routes!(runs::abort))
        .add(Need::Run, routes!(runs::replay))
        .add(Need::Job, routes!(jobs::show))
        .add(Need::Job, routes!(jobs::run))
        .add(Need::Job, routes!(cron::next))
        .add(Need::Job, routes!(slots::list))
        .add(Need::Job, routes!(slots::why))
        .add(Need::SomeJob, routes!(scheduler::show))
        .add(Need::Superuser, routes!(scheduler::pause))
        .add(Need::Superuser, routes!(scheduler::resume))
        .add(Need::Superuser, routes!(secrets::list))
        .add(Need::Superuser, routes!(secrets::put, secrets::delete))
        .add(Need::Notifications, routes!(notifications::list_transports))
        .add(Need::Notifications, routes!(notifications::put_transport, notifications::delete_transport))
        .add(Need::Notifications, routes!(notifications::test_transport))
        .add(Need::Notifications, routes!(notifications::test_unsaved))
        .add(Need::Notifications, routes!(notifications::list_routes, notifications::put_routes))
        .add(Need::Notifications, routes!(notifications::simulate))
        .add(Need::Notifications, routes!(notifications::list_deliveries))
        .add(Need::Notifications, routes!(notifications::show_delivery))
        .add(Need::Notifications, routes!(notifications::resend))
        .add(Need::EditJobs, routes!(jobs::reload))
        .add(Need::SomeJob, stream)
}
