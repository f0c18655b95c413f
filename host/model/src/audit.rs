//! The audit trail: who signed in, changed or set off what, from where, and what came of it. What an entry is, the text
//! over which the chain of hashes goes, and the port of whoever keeps it.
//!
//! Invariant: entries are only ever added. Each names the hash of the one before it, so that an entry that was changed,
//! or taken out of the middle, is found by whoever goes along the chain. What is here holds no value of a secret, and no password.

use async_trait::async_trait;

use crate::port::StoreError;
use crate::{Instant, JsonMap};

/// What the first entry of all names as the one before it.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOutcome {
    /// It was allowed and is about to happen; another entry closes this one.
    Begun,
    /// It happened.
    Done,
    /// It was allowed and did not happen: a wrong value, a conflict, a fault.
    Failed,
    /// It was not allowed.
    Refused,
}

impl AuditOutcome {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Begun, Self::Done, Self::Failed, Self::Refused];

    /// The spelling everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }

    /// Reads [`AuditOutcome::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// An entry before it has its place in the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditDraft {
    /// When, to the millisecond.
    pub at: Instant,
    /// The account; `cli:<user>` for whoever works on a home directory without a server, empty when nobody knows.
    pub user: String,
    /// By which way: `page`, `api`, `cli:<user>` as a command line says of itself, `offline`.
    pub source: String,
    /// The peer's address; `local` for a command that works in its own process.
    pub address: String,
    /// `jobs.run`, `secrets.put`, `auth.login`.
    pub action: String,
    /// What it was done to: a job, a run, a user; empty when the action says it all.
    pub object: String,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// More about it.
    pub detail: JsonMap,
    /// The entry this one closes.
    pub closes: Option<u64>,
}

impl AuditDraft {
    /// The text that the chain protects, next to the hash of the entry before: a JSON list of the fields in order, so
    /// that no two entries have the same text. `detail` is the text as it is kept.
    pub fn canonical(&self, seq: u64, previous: &str, at: &str, detail: &str) -> String {
        let (user, source, address) = (&*self.user, &*self.source, &*self.address);
        let (action, object, outcome) = (&*self.action, &*self.object, self.outcome.as_str());
        let list = (previous, seq, at, user, source, address, action, object, outcome, detail, self.closes);
        serde_json::json!(list).to_string()
    }
}

/// An entry of the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its place, from 1, without gaps.
    pub seq: u64,
    /// What it says.
    pub draft: AuditDraft,
    /// The hash of the entry before it.
    pub previous: String,
    /// SHA-256 over [`AuditDraft::canonical`], in hex.
    pub hash: String,
    /// What closed it, for an entry that has [`AuditOutcome::Begun`]: nothing when the process ended in between.
    pub closing: Option<AuditClosing>,
}

/// What the closing entry of another one says.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditClosing {
    /// What came of it.
    pub outcome: AuditOutcome,
    /// What it was done to, where that was not known before: a thing that was made.
    pub object: String,
    /// More about it.
    pub detail: JsonMap,
}

/// Which entries are wanted; every condition that is set has to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// By this account.
    pub user: Option<String>,
    /// This action, or all below it: `jobs` is also `jobs.run`.
    pub action: Option<String>,
    /// Done to this.
    pub object: Option<String>,
    /// Ended like this.
    pub outcome: Option<AuditOutcome>,
    /// At this instant or later.
    pub from: Option<Instant>,
    /// Before this instant.
    pub to: Option<Instant>,
    /// Older than this entry.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

/// What came of going along the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerdict {
    /// So many entries were looked at and are sound.
    pub entries: u64,
    /// The first place where the chain does not hold.
    pub broken_at: Option<u64>,
    /// Place and hash of the last sound entry. Written down elsewhere, they also show that the newest entries are missing.
    pub last: (u64, String),
}

/// Keeps the trail.
#[async_trait]
pub trait AuditTrail: Send + Sync + 'static {
    /// Adds an entry at the end and says its place. When this returns, the entry is kept.
    async fn append(&self, draft: &AuditDraft) -> Result<u64, StoreError>;
    /// The newest entries first, each with what closed it; closing entries are not listed by themselves.
    async fn list(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError>;
    /// Every entry as kept, after `seq`, oldest first, at most `limit`.
    async fn page(&self, after: u64, limit: u32) -> Result<Vec<AuditEntry>, StoreError>;
    /// Goes along the whole chain.
    async fn verify(&self) -> Result<AuditVerdict, StoreError>;
    /// Takes the entries from before `cutoff` off the old end of the chain, at most `limit`, and says how many. The place
    /// where the chain then begins is kept, so that it still verifies. The only way by which entries go.
    async fn prune(&self, cutoff: Instant, limit: u32) -> Result<u64, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(user: &str, source: &str) -> AuditDraft {
        AuditDraft {
            at: Instant::UNIX_EPOCH,
            user: user.to_owned(),
            source: source.to_owned(),
            address: String::new(),
            action: "jobs.run".to_owned(),
            object: String::new(),
            outcome: AuditOutcome::Begun,
            detail: JsonMap::new(),
            closes: None,
        }
    }

    #[test]
    fn a_text_that_moves_from_one_field_to_the_next_changes_what_is_hashed() {
        let text = |draft: AuditDraft| draft.canonical(1, GENESIS, "t", "{}");
        assert_ne!(text(draft("a", "bc")), text(draft("ab", "c")));
        assert_ne!(text(draft(r#"a","b"#, "")), text(draft("a", "b")));
    }

    #[test]
    fn outcomes_are_read_as_they_are_written() {
        for outcome in AuditOutcome::ALL {
            assert_eq!(AuditOutcome::parse(outcome.as_str()), Some(outcome));
        }
        assert_eq!(AuditOutcome::parse("Done"), None);
    }
}
