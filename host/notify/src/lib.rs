//! Notifications: judges what happened to jobs and sends messages about it. The only user of `lettre`.
//!
//! Suggested reading order: `judge` (who is told, pure), `observe` (what no run tells: long runs and silent jobs, pure),
//! `message` and `payload` (the words), `send` (one attempt), then `notifier`, which does all of it in a loop under a
//! lease, and `desk`, through which the API asks (`mutes`, `preview`).
//!
//! Invariants: nothing here is in the way of a run: events are written by the database, and a transport that hangs or
//! fails delays only messages over it. A message is sent at least once. No secret is in a log, an answer or a record.

#![warn(missing_docs)]

mod body;
mod book;
mod desk;
mod http;
mod judge;
mod mail;
mod message;
mod mutes;
mod notifier;
mod observe;
mod payload;
mod post;
mod preview;
mod send;
mod tenure;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono_tz::Tz;
use host_model::notify::mute::MuteStore;
use host_model::notify::route::Route;
use host_model::notify::store::NotifyStore;
use host_model::notify::transport::Transport;
use host_model::port::{Clock, Store, StoreError};
use host_model::{Job, JobId};

pub use notifier::Notifier;

/// What opens and closes secrets.
#[async_trait]
pub trait SecretKeeper: Send + Sync + 'static {
    /// Seals `text` under the reserved name, for the store. The error says in words why it cannot.
    fn seal(&self, name: &str, text: &str) -> Result<String, String>;
    /// What is sealed under the reserved name, opened.
    fn open(&self, name: &str) -> Option<String>;
    /// Fills in the `${secret.…}` and `${env.…}` of a text, and opens one that is `ENC:…`. The error says in words, without
    /// the text, why it cannot.
    fn fill(&self, text: &str) -> Result<String, String>;
    /// Looks for what was sealed meanwhile.
    async fn refresh(&self) -> Result<(), StoreError>;
}

/// The jobs known now.
pub type JobSource = Arc<dyn Fn() -> Arc<BTreeMap<JobId, Arc<Job>>> + Send + Sync>;

/// What is set in `app.toml`.
#[derive(Debug, Clone)]
pub struct NotifySettings {
    /// Where people find the page; links in messages begin with it.
    pub public_url: Option<String>,
    /// Events of one route to one recipient within so many seconds become one message.
    pub group_seconds: u32,
    /// The first repetition of an attempt comes after so many seconds, each later one after twice as long.
    pub retry_seconds: u32,
    /// A message is given up when it is so old, in hours.
    pub give_up_hours: u32,
    /// Transports of the file.
    pub transports: Vec<Transport>,
    /// Routes of the file, looked at before the stored ones.
    pub routes: Vec<Route>,
    /// The zone of quiet hours that name none.
    pub zone: Tz,
}

/// How fast the notifier works; a test is in more of a hurry.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two signs of life, and between two looks at those of the holder.
    pub beat: Duration,
    /// A holder that gives no sign of life for so long has lost its lease.
    pub patience: Duration,
    /// Between two looks at events and the outbox.
    pub tick: Duration,
    /// Between two looks at long runs and silent jobs.
    pub look: Duration,
    /// Between two readings of transports and routes.
    pub settings: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            beat: Duration::from_secs(2),
            patience: Duration::from_secs(8),
            tick: Duration::from_secs(1),
            look: Duration::from_secs(15),
            settings: Duration::from_secs(5),
        }
    }
}

/// What a notifier is built from.
pub struct NotifyParts {
    /// Where notifications are kept.
    pub store: Arc<dyn NotifyStore>,
    /// Where mutes are kept.
    pub mutes: Arc<dyn MuteStore>,
    /// Where runs are kept, for reading.
    pub runs: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The jobs.
    pub jobs: JobSource,
    /// The secrets.
    pub keeper: Arc<dyn SecretKeeper>,
    /// This process.
    pub owner: String,
    /// False when the process behind an owner text is known to be dead.
    pub is_owner_alive: fn(&str) -> bool,
    /// The home directory, where files of authorities are looked for.
    pub home: PathBuf,
    /// What is set.
    pub settings: NotifySettings,
    /// How fast.
    pub pace: Pace,
}
