//! Mutes: somebody has seen it and wants no more alerts of a job, or along a route, until a given instant. A mute ends by
//! itself; runs and their history know nothing of it.

use async_trait::async_trait;

use crate::Instant;
use crate::job::word_enum;
use crate::port::StoreError;

word_enum!(
    /// What is muted.
    MuteKind {
        /// Every alert of a job.
        Job = "job",
        /// What goes along a route.
        Route = "route",
    }
);

/// The longest a mute lasts, in days: what is to be silent for good is not to be alerted of.
pub const LONGEST_MUTE_DAYS: i64 = 30;
/// The longest reason, in bytes.
pub const LONGEST_REASON: usize = 500;

/// One of them; a job or route has at most one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mute {
    /// What is muted.
    pub kind: MuteKind,
    /// The id of the job, or the name of the route.
    pub name: String,
    /// When it ends.
    pub until: Instant,
    /// When it was made.
    pub at: Instant,
    /// Who made it.
    pub by: String,
    /// Why, in the words of whoever made it; may be empty.
    pub reason: String,
    /// Messages that were not sent because of it.
    pub held: u64,
}

impl Mute {
    /// Whether it covers what happens at `instant`.
    pub fn holds_at(&self, instant: Instant) -> bool {
        instant < self.until
    }
}

/// Where mutes are kept.
#[async_trait]
pub trait MuteStore: Send + Sync + 'static {
    /// Those that have not ended at `now`, by kind and name.
    async fn list_mutes(&self, now: Instant) -> Result<Vec<Mute>, StoreError>;
    /// Makes one, in place of the one of the same name; those that have ended go.
    async fn put_mute(&self, mute: &Mute) -> Result<(), StoreError>;
    /// Ends one. False when there was none.
    async fn delete_mute(&self, kind: MuteKind, name: &str) -> Result<bool, StoreError>;
    /// Counts messages that were not sent.
    async fn count_held(&self, kind: MuteKind, name: &str, more: u64) -> Result<(), StoreError>;
}
