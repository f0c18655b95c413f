//! Mutes as they are made and ended, and the count of what they held back.

use std::collections::BTreeMap;

use chrono::{SubsecRound as _, TimeDelta};
use host_model::notify::Problem;
use host_model::notify::desk::DeskError;
use host_model::notify::mute::{LONGEST_MUTE_DAYS, LONGEST_REASON, Mute, MuteKind, MuteStore};
use host_model::{Instant, JobId};

use crate::notifier::Notifier;

/// Messages that were not sent, by mute.
#[derive(Debug, Default)]
pub(crate) struct Muted(BTreeMap<(&'static str, String), (MuteKind, u64)>);

impl Muted {
    pub(crate) fn add(&mut self, mute: &Mute) {
        self.0.entry((mute.kind.as_str(), mute.name.clone())).or_insert((mute.kind, 0)).1 += 1;
    }

    /// Adds them to what is known. A count that is lost with the store is no reason to judge again.
    pub(crate) async fn count(self, store: &dyn MuteStore) {
        for ((_, name), (kind, count)) in self.0 {
            tracing::info!(kind = kind.as_str(), name, count, "alerts held back by a mute");
            if let Err(error) = store.count_held(kind, &name, count).await {
                tracing::debug!(%error, "what a mute held back was not counted");
            }
        }
    }
}

fn invalid(path: &[&str], why: impl Into<String>) -> DeskError {
    DeskError::Invalid(vec![Problem::new(path, why)])
}

impl Notifier {
    /// Mutes until `until`; what is muted already is muted anew.
    pub(crate) async fn mute(
        &self,
        kind: MuteKind,
        name: &str,
        until: Instant,
        reason: &str,
        by: &str,
    ) -> Result<Mute, DeskError> {
        let parts = &self.shared.parts;
        let now = parts.clock.now().trunc_subsecs(3);
        if until <= now {
            return Err(invalid(&["until"], "`until` is over already"));
        }
        if until > now + TimeDelta::days(LONGEST_MUTE_DAYS) {
            return Err(invalid(&["until"], format!("`until` is more than {LONGEST_MUTE_DAYS} days away")));
        }
        if reason.len() > LONGEST_REASON {
            return Err(invalid(&["reason"], format!("`reason` is longer than {LONGEST_REASON} bytes")));
        }
        let is_known = match kind {
            MuteKind::Job => {
                let id = JobId::new(name).map_err(|error| invalid(&["name"], error.to_string()))?;
                (parts.jobs)().contains_key(&id)
            }
            MuteKind::Route => self.shared.read_book().await?.routes.iter().any(|route| route.name == name),
        };
        if !is_known {
            return Err(invalid(&["name"], format!("there is no {} `{name}`", kind.as_str())));
        }
        let (name, by, reason) = (name.to_owned(), by.to_owned(), reason.to_owned());
        let mute = Mute { kind, name, until: until.trunc_subsecs(3), at: now, by, reason, held: 0 };
        parts.mutes.put_mute(&mute).await?;
        tracing::info!(by = mute.by, kind = kind.as_str(), name = mute.name, %until, "alerts muted");
        self.shared.read_book().await?;
        self.shared.changed.notify_one();
        Ok(mute)
    }

    /// Ends a mute.
    pub(crate) async fn unmute(&self, kind: MuteKind, name: &str) -> Result<(), DeskError> {
        if !self.shared.parts.mutes.delete_mute(kind, name).await? {
            return Err(DeskError::NotFound(format!("{} `{name}` is not muted", kind.as_str())));
        }
        self.shared.read_book().await?;
        self.shared.changed.notify_one();
        Ok(())
    }
}
