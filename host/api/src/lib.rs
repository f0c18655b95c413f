//! The way in over HTTP: REST, live events and the page. The only user of axum.
//!
//! Invariants: every route but liveness, sign-in and the page's own files needs a signed-in caller (one middleware
//! decides); errors are RFC 9457 problems whose text is made for outsiders; nothing here decides what a run does.

#![warn(missing_docs)]

mod assets;
mod audit;
pub mod auth;
mod below;
mod checks;
pub mod connector_desk;
pub mod desk;
mod error;
mod etag;
mod idempotency;
mod last_runs;
mod live;
mod metrics;
mod next_fires;
mod openapi;
mod plain;
pub mod plugin_desk;
mod proxies;
mod relay;
mod request_id;
mod route;
pub mod server;
pub mod settings_desk;
mod surface;
mod taken;
mod view;

use std::sync::Arc;

use async_trait::async_trait;
pub use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::{Extension, middleware};
use host_catalogue::{Catalogue, SettingEntry};
use host_engine::Engine;
use host_model::CancelToken;
use host_model::audit::AuditTrail;
use host_model::callable::CallableDirectory;
use host_model::care::{BackupDesk, HostDesk, StoreCare};
use host_model::desk::{ConnectorDesk, PluginDesk};
use host_model::history::History;
use host_model::idempotency::IdempotencyKeys;
use host_model::notify::desk::NotificationDesk;
use host_model::port::StoreError;
use host_model::proxy::TrustedProxies;
use host_model::search::LogSearch;
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

/// Who may read `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsAccess {
    /// Nobody.
    Off,
    /// Everybody.
    Open,
    /// Whoever brings a token with the permission `superuser`.
    Token,
}

/// What the API is built from.
pub struct ApiParts {
    /// The engine.
    pub engine: Engine,
    /// The catalogue.
    pub catalogue: Arc<dyn CatalogueSource>,
    /// What pages ask of the history.
    pub history: Arc<dyn History>,
    /// Search over the log lines of all runs.
    pub search: Arc<dyn LogSearch>,
    /// Where the catalogue is written.
    pub desk: Arc<dyn desk::CatalogueDesk>,
    /// The secrets.
    pub secrets: Arc<dyn SecretDesk>,
    /// What steps can call.
    pub callables: Arc<dyn CallableDirectory>,
    /// Keys of requests that may be sent twice.
    pub keys: Arc<dyn IdempotencyKeys>,
    /// Files of plugins.
    pub plugins: Arc<dyn PluginDesk>,
    /// Where components of plugins are put in force.
    pub plugin_versions: Arc<dyn plugin_desk::PluginVersions>,
    /// Databases and directories.
    pub connectors: Arc<dyn ConnectorDesk>,
    /// Where they are changed.
    pub connector_editor: Arc<dyn connector_desk::ConnectorEditor>,
    /// Who may read `/metrics`.
    pub metrics: MetricsAccess,
    /// The settings of this process.
    pub settings: Vec<SettingEntry>,
    /// Where they are written.
    pub settings_desk: Arc<dyn settings_desk::SettingsDesk>,
    /// Who did what.
    pub audit: Arc<dyn AuditTrail>,
    /// Sizes of the store and the use of its connections.
    pub care: Arc<dyn StoreCare>,
    /// What has to be saved.
    pub backup: Arc<dyn BackupDesk>,
    /// The process and its machine.
    pub host: Arc<dyn HostDesk>,
    /// What is set up to tell people, and what became of it.
    pub notifications: Arc<dyn NotificationDesk>,
    /// Who may come in.
    pub auth: auth::Auth,
    /// Providers of OpenID Connect.
    pub oidc: Vec<Arc<dyn auth::OidcProvider>>,
    /// Whose word about the address of a client is taken.
    pub trusted_proxies: TrustedProxies,
    /// Below which the page is found too, as `/ops`; empty for nowhere else.
    pub public_path: String,
    /// Cancelled when the server stops, so that live streams end first.
    pub stop: CancelToken,
    /// The program's version.
    pub version: &'static str,
}

pub(crate) type App = Arc<ApiParts>;

/// Builds the router of the whole surface.
pub fn router(parts: ApiParts) -> Router {
    let app: App = Arc::new(parts);
    let (routes, _, document) = surface(Some(app.clone()), app.version).finish();
    let path = app.public_path.clone();
    let router = routes
        .fallback(assets::page)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(Extension(openapi::Document::new(&document)))
        .layer(middleware::from_fn(assets::common_headers))
        .layer(middleware::from_fn(request_id::assign))
        .layer(Extension(metrics::Counters::listen(&app.engine, &app.stop)))
        .layer(middleware::from_fn_with_state(app.clone(), proxies::see_through))
        .with_state(app);
    below::serve_below(&path, router)
}

/// Every route with what a caller needs for it.
pub fn table() -> Vec<Line> {
    surface(None, "").finish().1
}

/// The OpenAPI document as JSON.
pub fn document(version: &str) -> String {
    surface(None, version).finish().2.to_pretty_json().unwrap_or_default()
}

fn surface(app: Option<App>, version: &str) -> Surface {
    use route::{
        about, accuracy, audit, calendar, catalogue, catalogue_history, catalogue_transfer, connector_check,
        connector_edit, connectors, cron, diagnostics, health, ics, inputs, jobs, load, log_file, log_search, logs,
        maintenance, mutes, notification_routes, notifications, oidc, oidc_sign_out, plain_sign_in, plugin_versions,
        plugins, preferences, previews, retention, run_plot, runs, scheduler, secrets, sign_in, skips, slots, stats,
        store, tokens, users,
    };
    let (schemas, paths, stream) = routes!(live::events);
    let streams = live::Streams::default();
    let stream = (schemas, paths, stream.layer(Extension(streams.clone())));
    let lookout = health::Lookout::new(streams);
    let looking = |(schemas, paths, routes): utoipa_axum::router::UtoipaMethodRouter<App>| {
        (schemas, paths, routes.layer(Extension(lookout.clone())))
    };
    let roomy = |(schemas, paths, routes): utoipa_axum::router::UtoipaMethodRouter<App>| {
        (schemas, paths, routes.layer(DefaultBodyLimit::max(catalogue_transfer::MOST_BYTES)))
    };
    let (schemas, paths, listing) = routes!(jobs::list);
    let remembered = (Extension(next_fires::NextFires::default()), Extension(last_runs::LastRuns::default()));
    let job_list = (schemas, paths, listing.layer(remembered));
    let tests = Arc::new(connectors::LastTests::default());
    let (schemas, paths, listing) = routes!(connectors::list);
    let connector_list = (schemas, paths, listing.layer(Extension(tests.clone())));
    let (schemas, paths, testing) = routes!(connectors::test);
    let connector_test = (schemas, paths, testing.layer(Extension(tests)));
    let metrics = app.as_ref().map_or(MetricsAccess::Token, |app| app.metrics);
    let mut surface = Surface::new(app, version);
    if metrics != MetricsAccess::Off {
        let need = if metrics == MetricsAccess::Open { Need::Nothing } else { Need::Superuser };
        surface = surface.add(need, looking(routes!(route::metrics::show)));
    }
    surface
        .add(Need::Nothing, routes!(health::alive))
        .add(Need::Nothing, routes!(openapi::document))
        .add(Need::Nothing, routes!(openapi::page))
        .add(Need::Nothing, routes!(openapi::script))
        .add(Need::Nothing, routes!(openapi::style))
        .add(Need::Nothing, routes!(sign_in::providers))
        .add(Need::Nothing, routes!(plain_sign_in::page, sign_in::login))
        .add(Need::Nothing, routes!(plain_sign_in::setup_page, plain_sign_in::set_up))
        .add(Need::Nothing, routes!(plain_sign_in::style))
        .add(Need::Nothing, routes!(sign_in::refresh))
        .add(Need::Nothing, routes!(sign_in::logout))
        .add(Need::Nothing, routes!(oidc::start))
        .add(Need::Nothing, routes!(oidc::callback))
        .add(Need::Nothing, routes!(oidc_sign_out::signed_out))
        .add(Need::OwnAccount, routes!(sign_in::me))
        .add(Need::OwnAccount, routes!(sign_in::password))
        .add(Need::OwnAccount, routes!(sign_in::logout_all))
        .add(Need::OwnAccount, routes!(preferences::show, preferences::put))
        .add(Need::SignedIn, routes!(tokens::list, tokens::create))
        .add(Need::SignedIn, routes!(tokens::delete))
        .add(Need::SignedIn, routes!(tokens::list_sessions))
        .add(Need::SignedIn, routes!(tokens::end_session))
        .add(Need::Superuser, routes!(users::list, users::create))
        .add(Need::Superuser, routes!(users::show, users::change, users::delete))
        .add(Need::Superuser, routes!(users::password))
        .add(Need::SomeJob, job_list)
        .add(Need::SignedIn, looking(routes!(health::ready)))
        .add(Need::SomeJob, routes!(cron::preview))
        .add(Need::SomeJob, routes!(cron::zones))
        .add(Need::SomeJob, routes!(runs::list))
        .add(Need::SomeJob, routes!(run_plot::show))
        .add(Need::SomeJob, routes!(run_plot::csv))
        .add(Need::SomeJob, routes!(run_plot::ndjson))
        .add(Need::Run, routes!(runs::show))
        .add(Need::SomeJob, routes!(log_search::search))
        .add(Need::Run, routes!(logs::page))
        .add(Need::Run, routes!(logs::search))
        .add(Need::Run, routes!(logs::counts))
        .add(Need::Run, routes!(logs::density))
        .add(Need::Run, routes!(log_file::download))
        .add(Need::Run, routes!(runs::definition))
        .add(Need::Run, routes!(runs::cancel))
        .add(Need::Run, routes!(runs::abort))
        .add(Need::Run, routes!(runs::replay))
        .add(Need::Job, routes!(jobs::show))
        .add(Need::RunJob, routes!(jobs::run))
        .add(Need::Job, routes!(cron::next))
        .add(Need::RunJob, routes!(slots::list))
        .add(Need::RunJob, routes!(slots::why))
        .add(Need::SomeJob, routes!(scheduler::show))
        .add(Need::RunJob, routes!(stats::show))
        .add(Need::RunJob, routes!(inputs::list))
        .add(Need::SomeJob, routes!(calendar::show))
        .add(Need::Nothing, routes!(ics::show))
        .add(Need::RunJob, routes!(skips::skip, skips::undo))
        .add(Need::SomeJob, routes!(maintenance::list))
        .add(Need::Superuser, routes!(maintenance::create))
        .add(Need::Superuser, routes!(maintenance::end))
        .add(Need::SomeJob, connector_list)
        .add(Need::EditJobs, connector_test)
        .add(Need::SomeJob, routes!(connectors::history))
        .add(Need::EditJobs, routes!(connector_edit::source))
        .add(Need::EditJobs, routes!(connector_edit::pools))
        .add(Need::Superuser, routes!(connector_edit::create))
        .add(Need::Superuser, routes!(connector_edit::save, connector_edit::delete))
        .add(Need::Superuser, routes!(connector_edit::delete_pool))
        .add(Need::Superuser, routes!(connector_edit::rename))
        .add(Need::Superuser, routes!(connector_edit::test_unsaved))
        .add(Need::EditJobs, routes!(connectors::tables))
        .add(Need::SomeJob, routes!(connectors::queries))
        .add(Need::EditJobs, routes!(connector_check::check))
        .add(Need::SomeJob, routes!(plugins::list))
        .add(Need::SomeJob, routes!(plugins::callables))
        .add(Need::Superuser, roomy(routes!(plugin_versions::install)))
        .add(Need::Superuser, routes!(plugin_versions::roll_back))
        .add(Need::Superuser, routes!(plugin_versions::approve))
        .add(Need::SomeJob, routes!(plugin_versions::versions))
        .add(Need::SomeJob, routes!(plugin_versions::stats))
        .add(Need::EditJobs, routes!(plugin_versions::try_call))
        .add(Need::SomeJob, routes!(retention::show))
        .add(Need::Superuser, routes!(retention::sweep))
        .add(Need::Superuser, routes!(store::estimate))
        .add(Need::Superuser, routes!(store::show))
        .add(Need::Superuser, routes!(store::backup))
        .add(Need::AllJobs, routes!(accuracy::show))
        .add(Need::AllJobs, routes!(load::show))
        .add(Need::Superuser, looking(routes!(diagnostics::show)))
        .add(Need::Superuser, routes!(about::settings))
        .add(Need::Superuser, routes!(about::write_setting))
        .add(Need::SignedIn, routes!(about::show))
        .add(Need::Superuser, routes!(scheduler::pause))
        .add(Need::Superuser, routes!(scheduler::resume))
        .add(Need::Superuser, routes!(secrets::list))
        .add(Need::Superuser, routes!(secrets::put, secrets::delete))
        .add(Need::Notifications, routes!(notifications::list_transports))
        .add(Need::Notifications, routes!(notifications::put_transport, notifications::delete_transport))
        .add(Need::Notifications, routes!(notifications::test_transport))
        .add(Need::Notifications, routes!(notifications::test_unsaved))
        .add(Need::Notifications, routes!(previews::preview))
        .add(Need::Notifications, routes!(notification_routes::list_routes, notification_routes::put_routes))
        .add(Need::SomeJob, routes!(mutes::list))
        .add(Need::Notifications, routes!(mutes::put))
        .add(Need::Notifications, routes!(mutes::end))
        .add(Need::Notifications, routes!(notification_routes::simulate))
        .add(Need::Notifications, routes!(notifications::list_deliveries))
        .add(Need::Notifications, routes!(notifications::show_delivery))
        .add(Need::Notifications, routes!(notifications::resend))
        .add(Need::EditJobs, routes!(jobs::reload))
        .add(Need::Superuser, routes!(audit::list))
        .add(Need::Superuser, routes!(audit::verify))
        .add(Need::Superuser, routes!(audit::export))
        .add(Need::Job, routes!(catalogue::source))
        .add(Need::EditJobs, routes!(catalogue::create))
        .add(Need::EditJobs, routes!(catalogue::replace, catalogue::patch, catalogue::delete))
        .add(Need::EditJobs, routes!(catalogue::rename))
        .add(Need::EditJobs, routes!(catalogue::validate))
        .add(Need::Job, routes!(catalogue_history::list))
        .add(Need::Job, routes!(catalogue_history::show))
        .add(Need::Job, routes!(catalogue_history::diff))
        .add(Need::EditJobs, routes!(catalogue_history::restore))
        .add(Need::EditJobs, routes!(catalogue_transfer::parsed))
        .add(Need::EditJobs, roomy(routes!(catalogue_transfer::put_parsed)))
        .add(Need::Superuser, routes!(catalogue_transfer::export))
        .add(Need::Superuser, roomy(routes!(catalogue_transfer::import)))
        .add(Need::Job, routes!(catalogue_transfer::export_job))
        .add(Need::SomeJob, stream)
}
