//! What is set up: transports and routes of the file and of the store, together. A name in both is the file's.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use host_model::connector::Hidden;
use host_model::notify::mute::{Mute, MuteKind};
use host_model::notify::route::{Route, read_routes};
use host_model::notify::store::{StoredRoutes, StoredTransport, secret_name};
use host_model::notify::transport::Transport;
use host_model::notify::{EventKind, Notice};

use crate::{NotifySettings, SecretKeeper};

/// Everything that is set up.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Book {
    /// Those of the file first.
    pub(crate) entries: Vec<Entry>,
    pub(crate) routes: Vec<Route>,
    pub(crate) group_seconds: u32,
    /// Those that have not ended.
    pub(crate) mutes: Vec<Mute>,
}

/// A transport, and where it is declared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) transport: Transport,
    pub(crate) is_from_file: bool,
}

impl Book {
    /// Puts together what the file and the store say. Routes of the store that cannot be read are left out, aloud.
    pub(crate) fn new(
        settings: &NotifySettings,
        stored: Vec<StoredTransport>,
        routes: &StoredRoutes,
        keeper: &dyn SecretKeeper,
    ) -> Self {
        let of_file = |transport: &Transport| Entry { transport: transport.clone(), is_from_file: true };
        let mut entries: Vec<Entry> = settings.transports.iter().map(of_file).collect();
        let is_in_file = |name: &str| settings.transports.iter().any(|transport| transport.name == name);
        let added = stored.into_iter().filter(|stored| !is_in_file(&stored.name)).map(|stored| open(stored, keeper));
        entries.extend(added);
        let stored = stored_routes(routes, settings.zone);
        let all = settings.routes.iter().cloned().chain(stored).collect();
        Self { entries, routes: all, group_seconds: settings.group_seconds, mutes: Vec::new() }
    }

    /// The mute that covers a message about `notice`, sent along `route`.
    pub(crate) fn mute_of(&self, notice: &Notice, route: Option<&str>) -> Option<&Mute> {
        let covers = |mute: &&Mute| match mute.kind {
            MuteKind::Job => mute.name == notice.job_id.as_str(),
            MuteKind::Route => route == Some(mute.name.as_str()),
        };
        self.mutes.iter().filter(|mute| mute.holds_at(notice.at)).find(covers)
    }

    pub(crate) fn transports(&self) -> impl Iterator<Item = &Transport> {
        self.entries.iter().map(|entry| &entry.transport)
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Transport> {
        self.transports().find(|transport| transport.name == name)
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.transport.name == name)
    }

    /// Transports that reach somebody when nobody is named.
    pub(crate) fn defaults(&self) -> impl Iterator<Item = &str> {
        let reaches = |transport: &&Transport| transport.enabled && transport.has_default_recipient();
        self.transports().filter(reaches).map(|transport| transport.name.as_str())
    }

    /// Whether a route asks for the event by its name.
    pub(crate) fn asks_for(&self, kind: EventKind) -> bool {
        self.routes.iter().any(|route| route.enabled && route.events.contains(&kind))
    }
}

/// The routes of the store.
pub(crate) fn stored_routes(stored: &StoredRoutes, zone: Tz) -> Vec<Route> {
    read_routes(&stored.routes, zone).unwrap_or_else(|problems| {
        for problem in problems {
            tracing::error!("the stored routes cannot be used: {}: {}", problem.pointer(), problem.message);
        }
        Vec::new()
    })
}

/// A stored transport with its secrets opened, as far as they open.
pub(crate) fn open(stored: StoredTransport, keeper: &dyn SecretKeeper) -> Entry {
    let mut secrets = BTreeMap::new();
    for field in stored.kind.secret_fields() {
        let text = keeper.open(&secret_name(&stored.name, field));
        secrets.extend(text.map(|text| ((*field).to_owned(), Hidden::new(text))));
    }
    let StoredTransport { name, kind, enabled, settings, .. } = stored;
    Entry { transport: Transport { name, kind, enabled, settings, secrets }, is_from_file: false }
}
