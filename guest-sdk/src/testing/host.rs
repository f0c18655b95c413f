//! The stand-in for the host itself: connectors, facts about the run, and what the step logged and reported.
//!
//! It is installed per thread, because a test is one; the guard takes it away again.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Database, Services};
use crate::http::Response;
use crate::ldap::Entry;
use crate::log::Level;

thread_local! {
    static HOST: RefCell<Option<Rc<Host>>> = const { RefCell::new(None) };
}

/// Runs `act` on the installed host; `None` without one.
pub(crate) fn with_host<T>(act: impl FnOnce(&Host) -> T) -> Option<T> {
    // Cloned out, so that a stand-in may itself call in here.
    let host = HOST.with_borrow(Clone::clone);
    host.map(|host| act(&host))
}

/// One line that the step logged.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its level.
    pub level: Level,
    /// Its text.
    pub message: String,
    /// Further facts by name.
    pub fields: Vec<(String, String)>,
}

/// One report of progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// How much is done.
    pub done: u64,
    /// Of how much, if known.
    pub total: Option<u64>,
    /// The note with it.
    pub note: String,
}

/// A stand-in for the host. Build it, `install` it, run the step.
#[derive(Default)]
pub struct Host {
    databases: BTreeMap<String, Rc<RefCell<dyn Database>>>,
    facts: BTreeMap<String, String>,
    services: Services,
    lines: RefCell<Vec<Line>>,
    progress: RefCell<Vec<Progress>>,
    is_canceled: Cell<bool>,
    cancel_after: Cell<Option<usize>>,
}

impl Host {
    /// A host that grants nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Grants a connector. Every session on it talks to the same `database`.
    #[must_use]
    pub fn connector(mut self, name: &str, database: impl Database + 'static) -> Self {
        self.databases.insert(name.to_owned(), Rc::new(RefCell::new(database)));
        self
    }

    /// Grants a connector whose database the caller looks at afterwards.
    #[must_use]
    pub(crate) fn shared_connector(mut self, name: &str, database: Rc<RefCell<dyn Database>>) -> Self {
        self.databases.insert(name.to_owned(), database);
        self
    }

    /// Grants HTTP; `server` answers every request from its method, URL and body.
    #[must_use]
    pub fn http(mut self, server: impl Fn(&str, &str, &[u8]) -> Response + 'static) -> Self {
        self.services.server = Some(Box::new(server));
        self
    }

    /// Grants an LDAP connector; every search finds these entries.
    #[must_use]
    pub fn directory(mut self, connector: &str, entries: Vec<Entry>) -> Self {
        self.services.directories.insert(connector.to_owned(), entries);
        self
    }

    /// Grants a secret.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.services.secrets.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Grants durable state, which holds these keys at the start.
    #[must_use]
    pub fn state(mut self, entries: &[(&str, &str)]) -> Self {
        let entry = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        self.services.state = Some(RefCell::new(entries.iter().map(entry).collect()));
        self
    }

    /// Lets `context::parameter(name)` know a param, as JSON text.
    #[must_use]
    pub fn with_param(mut self, name: &str, json: &str) -> Self {
        self.services.params.insert(name.to_owned(), json.to_owned());
        self
    }

    /// Lets `context::get(key)` know a value.
    #[must_use]
    pub fn with_fact(mut self, key: &str, value: &str) -> Self {
        self.facts.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Asks the run to stop once the step has reported progress `reports` times; 0 means from the start.
    #[must_use]
    pub fn cancel_after(self, reports: usize) -> Self {
        self.is_canceled.set(reports == 0);
        self.cancel_after.set(Some(reports));
        self
    }

    /// Makes this the host of the present thread until the guard is dropped.
    #[must_use = "the host is taken away when the guard is dropped"]
    pub fn install(self) -> Installed {
        let host = Rc::new(self);
        let before = HOST.replace(Some(Rc::clone(&host)));
        Installed { host, before }
    }

    pub(crate) fn database(&self, name: &str) -> Option<Rc<RefCell<dyn Database>>> {
        self.databases.get(name).cloned()
    }

    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    pub(crate) fn fact(&self, key: &str) -> Option<String> {
        self.facts.get(key).cloned()
    }

    pub(crate) fn is_canceled(&self) -> bool {
        self.is_canceled.get()
    }

    pub(crate) fn add_line(&self, level: Level, message: &str, fields: &[(String, String)]) {
        self.lines.borrow_mut().push(Line { level, message: message.to_owned(), fields: fields.to_vec() });
    }

    pub(crate) fn add_progress(&self, done: u64, total: Option<u64>, note: &str) {
        let mut progress = self.progress.borrow_mut();
        progress.push(Progress { done, total, note: note.to_owned() });
        if self.cancel_after.get().is_some_and(|reports| progress.len() >= reports) {
            self.is_canceled.set(true);
        }
    }
}

/// An installed host, and what the step did to it.
pub struct Installed {
    host: Rc<Host>,
    before: Option<Rc<Host>>,
}

impl Installed {
    /// What the step logged, in order.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.host.lines.borrow().clone()
    }

    /// The state as it is now, by key; empty when none was granted.
    #[must_use]
    pub fn state(&self) -> Vec<(String, String)> {
        let state = self.host.services.state.as_ref();
        state.map(|state| state.borrow().clone().into_iter().collect()).unwrap_or_default()
    }

    /// What the step reported, in order.
    #[must_use]
    pub fn progress(&self) -> Vec<Progress> {
        self.host.progress.borrow().clone()
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        HOST.set(self.before.take());
    }
}
