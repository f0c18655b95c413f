//! Maintenance windows on the wire.

use host_model::Instant;
use host_model::hold::Maintenance;
use serde::Serialize;
use utoipa::ToSchema;

use super::instant;

/// A span of time in which no schedule fires.
#[derive(Serialize, ToSchema)]
#[schema(as = Maintenance)]
pub(crate) struct MaintenanceView {
    pub(crate) id: String,
    #[schema(format = DateTime)]
    pub(crate) from: String,
    /// The first instant at which schedules fire again.
    #[schema(format = DateTime)]
    pub(crate) to: String,
    /// Stands in every slot it skips; may be empty.
    pub(crate) reason: String,
    pub(crate) created_by: String,
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// `planned`, `active` or `over`.
    #[schema(value_type = String)]
    pub(crate) state: &'static str,
}

impl MaintenanceView {
    pub(crate) fn new(window: &Maintenance, now: Instant) -> Self {
        let state = match window.covers(now) {
            true => "active",
            false if window.from > now => "planned",
            false => "over",
        };
        Self {
            id: window.id.clone(),
            from: instant(window.from),
            to: instant(window.until),
            reason: window.reason.clone(),
            created_by: window.by.clone(),
            created_at: instant(window.at),
            state,
        }
    }
}
