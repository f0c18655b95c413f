//! The imports of the component.

pub(crate) use crate::bindings::nomaflow::step::context::{
    canceled as context_canceled, get as context_get, report as context_report,
};
pub(crate) use crate::bindings::nomaflow::step::log::write as log;
pub(crate) use crate::bindings::nomaflow::step::sql::{Connection, Cursor};
