//! The imports of the component.

pub(crate) use crate::bindings::nomaflow::step::context::{
    canceled as context_canceled, get as context_get, parameter as context_parameter, report as context_report,
};
pub(crate) use crate::bindings::nomaflow::step::http::send as http_send;
pub(crate) use crate::bindings::nomaflow::step::ldap::Search;
pub(crate) use crate::bindings::nomaflow::step::log::write as log;
pub(crate) use crate::bindings::nomaflow::step::secrets::get as secrets_get;
pub(crate) use crate::bindings::nomaflow::step::sql::{Connection, Cursor};
pub(crate) use crate::bindings::nomaflow::step::state::{
    compare_and_set as state_compare_and_set, delete as state_delete, get as state_get, scan as state_scan,
    set as state_set,
};
