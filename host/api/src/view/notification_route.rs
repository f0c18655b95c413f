//! The routes of notifications on the wire, and who would get what along them.

use host_model::notify::desk::{RouteList, Simulated};
use host_model::notify::quiet::QuietHours;
use host_model::notify::route::Route;
use serde::Serialize;
use utoipa::ToSchema;

use super::instant;
use super::words::{AlertEventWord, AlertSeverityWord, QuietWord};

/// A rule: which events go to whom. Conditions that are empty hold always; all of them have to hold.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertRoute)]
pub(crate) struct RouteView {
    name: String,
    enabled: bool,
    /// Ids; `*` and `?` as in a shell.
    jobs: Vec<String>,
    tags: Vec<String>,
    /// Empty: those that are told without being asked for.
    #[schema(value_type = Vec<AlertEventWord>)]
    events: Vec<&'static str>,
    #[schema(value_type = Option<AlertSeverityWord>)]
    min_severity: Option<&'static str>,
    /// Channels, addresses, names of transports; empty: every transport at its default recipient.
    recipients: Vec<String>,
    /// The routes after it are looked at too.
    #[serde(rename = "continue")]
    goes_on: bool,
    quiet_hours: Option<QuietView>,
    /// Null: as set for all routes.
    group_seconds: Option<u32>,
}

/// When a route does not disturb, by the clocks of the zone.
#[derive(Serialize, ToSchema)]
#[schema(as = QuietHours)]
pub(crate) struct QuietView {
    #[schema(example = "22:00")]
    from: String,
    #[schema(example = "07:00")]
    to: String,
    timezone: String,
    #[schema(value_type = QuietWord)]
    then: &'static str,
    /// From this severity on nobody sleeps.
    #[schema(value_type = Option<AlertSeverityWord>)]
    let_through: Option<&'static str>,
}

impl From<&QuietHours> for QuietView {
    fn from(hours: &QuietHours) -> Self {
        Self {
            from: hours.from.format("%H:%M").to_string(),
            to: hours.to.format("%H:%M").to_string(),
            timezone: hours.zone.name().to_owned(),
            then: hours.then.as_str(),
            let_through: hours.let_through.map(|severity| severity.as_str()),
        }
    }
}

impl From<&Route> for RouteView {
    fn from(route: &Route) -> Self {
        Self {
            name: route.name.clone(),
            enabled: route.enabled,
            jobs: route.jobs.clone(),
            tags: route.tags.clone(),
            events: route.events.iter().map(|event| event.as_str()).collect(),
            min_severity: route.min_severity.map(|severity| severity.as_str()),
            recipients: route.recipients.clone(),
            goes_on: route.goes_on,
            quiet_hours: route.quiet_hours.as_ref().map(QuietView::from),
            group_seconds: route.group_seconds,
        }
    }
}

/// The ordered list of routes.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertRoutes)]
pub(crate) struct RoutesView {
    /// Those of `app.toml`, which are looked at first.
    from_file: Vec<RouteView>,
    routes: Vec<RouteView>,
    /// For `If-Match` when they are written.
    etag: String,
    #[schema(format = DateTime)]
    updated_at: Option<String>,
    updated_by: Option<String>,
}

impl From<&RouteList> for RoutesView {
    fn from(list: &RouteList) -> Self {
        let (updated_at, updated_by) = list.changed.clone().map(|(at, by)| (instant(at), by)).unzip();
        Self {
            from_file: list.from_file.iter().map(RouteView::from).collect(),
            routes: list.stored.iter().map(RouteView::from).collect(),
            etag: format!("\"{}\"", list.version),
            updated_at,
            updated_by,
        }
    }
}

/// Who would get what.
#[derive(Serialize, ToSchema)]
pub(crate) struct Simulation {
    #[schema(value_type = AlertSeverityWord)]
    pub(crate) severity: &'static str,
    pub(crate) recipients: Vec<SimulatedView>,
}

/// Somebody who would be told.
#[derive(Serialize, ToSchema)]
#[schema(as = SimulatedRecipient)]
pub(crate) struct SimulatedView {
    /// Empty when none was found.
    transport: String,
    /// Empty: the transport's default.
    recipient: String,
    /// Null: the job's own alerts, or the defaults.
    route: Option<String>,
    /// Held back until then by quiet hours.
    #[schema(format = DateTime)]
    hold_until: Option<String>,
    /// Gathered over so many seconds.
    group_seconds: u32,
    /// Why nobody would get it.
    failure: Option<String>,
    /// The job or the route is muted until then.
    #[schema(format = DateTime)]
    muted_until: Option<String>,
}

impl From<Simulated> for SimulatedView {
    fn from(told: Simulated) -> Self {
        Self {
            transport: told.transport,
            recipient: told.recipient,
            route: told.route,
            hold_until: told.hold_until.map(instant),
            group_seconds: told.group_seconds,
            failure: told.failure,
            muted_until: told.muted_until.map(instant),
        }
    }
}
