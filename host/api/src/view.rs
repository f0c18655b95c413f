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
use serde::{Deserialize, Deserializer, de::Error as _};

/// RFC 3339, UTC, milliseconds.
pub(crate) fn instant(at: Instant) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// An instant in a query; what is none is named, with what one looks like.
pub(crate) fn read_instant<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Instant>, D::Error> {
    let text = String::deserialize(value)?;
    let wrong = |_| {
        D::Error::custom(format!(
            "`{text}` is not an instant such as `2026-03-29T02:30:00+01:00` (a plus is `%2B` here)"
        ))
    };
    text.parse::<Instant>().map(Some).map_err(wrong)
}
