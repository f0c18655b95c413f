//! The stand-ins besides databases: a server, directories, secrets and state, as the test installs them. What is not
//! installed is not granted.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::http::Response;
use crate::ldap::Entry;

/// Answers a request: method, URL, body.
type Server = Box<dyn Fn(&str, &str, &[u8]) -> Response>;

/// What a test installed.
#[derive(Default)]
pub(crate) struct Services {
    pub(crate) server: Option<Server>,
    pub(crate) directories: BTreeMap<String, Vec<Entry>>,
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) state: Option<RefCell<BTreeMap<String, String>>>,
    pub(crate) params: BTreeMap<String, String>,
}
