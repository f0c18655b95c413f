//! The shapes on the wire, made from the model. Field names are the contract with every client.

pub(crate) mod concealed;
pub(crate) mod connector;
pub(crate) mod definition;
pub(crate) mod desk;
pub(crate) mod hold;
pub(crate) mod job;
pub(crate) mod notification;
pub(crate) mod notification_route;
pub(crate) mod part;
pub(crate) mod plugin;
pub(crate) mod remark;
pub(crate) mod replica;
pub(crate) mod run;
pub(crate) mod slot;
pub(crate) mod words;

use chrono::SecondsFormat;
use host_model::Instant;

/// RFC 3339, UTC, milliseconds.
pub(crate) fn instant(at: Instant) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
