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
    pub(crate) state: MaintenanceState,
}

/// Where a window stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MaintenanceState {
    Planned,
    Active,
    Over,
}

impl MaintenanceView {
    pub(crate) fn new(window: &Maintenance, now: Instant) -> Self {
        let state = match window.covers(now) {
            true => MaintenanceState::Active,
            false if window.from > now => MaintenanceState::Planned,
            false => MaintenanceState::Over,
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
