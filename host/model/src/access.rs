//! Who may do what: the permissions of the seeds (administration, "Permissions") and the questions they answer. Where
//! they come from (an account, a token, a directory's group) is not said here.

use std::collections::BTreeSet;
use std::fmt;

use thiserror::Error;

use crate::JobId;

/// One permission, written as in the seeds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// `superuser`: everything.
    Superuser,
    /// `job:*`: see and run every job, see every run.
    AllJobs,
    /// `job:<name>`: see and run this job, see its runs.
    Job(JobId),
    /// `settings:jobs`: create, edit and delete jobs.
    SettingsJobs,
    /// `settings:notifications`: edit transports and routing rules.
    SettingsNotifications,
    /// `schedule:read`: subscribe to the calendar, and nothing else. For tokens that stand in an address; whoever sees a job
    /// may make one.
    ScheduleRead,
}

/// A text that is no permission.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{found}` is no permission; there are `superuser`, `job:*`, `job:<name>`, `settings:jobs`, `settings:notifications` and `schedule:read`"
)]
pub struct UnknownPermission {
    /// What was found.
    pub found: String,
}

impl Permission {
    /// Reads one.
    ///
    /// # Errors
    /// A text that is none.
    pub fn parse(text: &str) -> Result<Self, UnknownPermission> {
        let unknown = || UnknownPermission { found: text.to_owned() };
        match text {
            "superuser" => Ok(Self::Superuser),
            "job:*" => Ok(Self::AllJobs),
            "settings:jobs" => Ok(Self::SettingsJobs),
            "settings:notifications" => Ok(Self::SettingsNotifications),
            "schedule:read" => Ok(Self::ScheduleRead),
            _ => {
                let name = text.strip_prefix("job:").ok_or_else(unknown)?;
                JobId::new(name).map(Self::Job).map_err(|_| unknown())
            }
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Superuser => f.write_str("superuser"),
            Self::AllJobs => f.write_str("job:*"),
            Self::Job(id) => write!(f, "job:{id}"),
            Self::SettingsJobs => f.write_str("settings:jobs"),
            Self::SettingsNotifications => f.write_str("settings:notifications"),
            Self::ScheduleRead => f.write_str("schedule:read"),
        }
    }
}

/// What somebody may do. Empty: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions(BTreeSet<Permission>);

impl Permissions {
    /// Everything.
    pub fn all() -> Self {
        Self::from_iter([Permission::Superuser])
    }

    /// As texts, in a fixed order.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Permission> {
        self.0.iter()
    }

    /// Everything is allowed.
    pub fn is_superuser(&self) -> bool {
        self.0.contains(&Permission::Superuser)
    }

    /// Every job may be seen and run.
    pub fn has_all_jobs(&self) -> bool {
        self.is_superuser() || self.0.contains(&Permission::AllJobs)
    }

    /// This job may be seen and run.
    pub fn has_job(&self, id: &str) -> bool {
        self.has_all_jobs() || self.0.iter().any(|p| matches!(p, Permission::Job(job) if job.as_str() == id))
    }

    /// The definition of this job may be seen: whoever edits jobs sees them all, though not their runs.
    pub fn may_see_job(&self, id: &str) -> bool {
        self.has_job(id) || self.may_edit_jobs()
    }

    /// The catalogue may be looked at, be it for one job.
    pub fn has_some_job(&self) -> bool {
        self.has_all_jobs() || self.0.iter().any(|p| matches!(p, Permission::Job(_)))
    }

    /// The only jobs that may be seen, or none when there is no such limit.
    pub fn only_jobs(&self) -> Option<BTreeSet<JobId>> {
        let named = |p: &Permission| if let Permission::Job(id) = p { Some(id.clone()) } else { None };
        (!self.has_all_jobs()).then(|| self.0.iter().filter_map(named).collect())
    }

    /// Jobs may be created, edited and deleted.
    pub fn may_edit_jobs(&self) -> bool {
        self.is_superuser() || self.0.contains(&Permission::SettingsJobs)
    }

    /// Transports and routing rules may be edited.
    pub fn may_edit_notifications(&self) -> bool {
        self.is_superuser() || self.0.contains(&Permission::SettingsNotifications)
    }

    /// The calendar may be subscribed to, and nothing else is allowed.
    pub fn is_for_subscription(&self) -> bool {
        self.0.len() == 1 && self.0.contains(&Permission::ScheduleRead)
    }

    /// What both allow: a token never carries more than its owner has.
    pub fn narrowed_to(&self, wanted: &Self) -> Self {
        let both = wanted.0.iter().filter(|p| self.covers(p)).chain(self.0.iter().filter(|p| wanted.covers(p)));
        Self(both.cloned().collect())
    }

    fn covers(&self, permission: &Permission) -> bool {
        match permission {
            Permission::Superuser => self.is_superuser(),
            Permission::AllJobs => self.has_all_jobs(),
            Permission::Job(id) => self.has_job(id.as_str()),
            Permission::SettingsJobs => self.may_edit_jobs(),
            Permission::SettingsNotifications => self.may_edit_notifications(),
            Permission::ScheduleRead => self.has_some_job() || self.0.contains(&Permission::ScheduleRead),
        }
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<T: IntoIterator<Item = Permission>>(iter: T) -> Self {
        Self(iter.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> Permissions {
        texts.iter().map(|text| Permission::parse(text).unwrap()).collect()
    }

    #[test]
    fn permissions_are_read_as_written() {
        for text in ["superuser", "job:*", "job:nightly", "settings:jobs", "settings:notifications", "schedule:read"] {
            assert_eq!(Permission::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "job:", "jobs:*", "Superuser", "settings:users", "job:a b"] {
            assert!(Permission::parse(text).unwrap_err().to_string().contains("`settings:jobs`"), "{text}");
        }
    }

    #[test]
    fn each_permission_opens_what_the_seeds_say_and_no_more() {
        let rows: [(&[&str], [bool; 6]); 7] = [
            (&["schedule:read"], [false; 6]),
            (&[], [false; 6]),
            (&["superuser"], [true; 6]),
            (&["job:*"], [true, true, true, true, false, false]),
            (&["job:a"], [true, true, false, false, false, false]),
            (&["settings:jobs"], [false, false, false, false, true, false]),
            (&["settings:notifications"], [false, false, false, false, false, true]),
        ];
        for (texts, expected) in rows {
            let p = of(texts);
            let found = [
                p.has_some_job(),
                p.has_job("a"),
                p.has_job("b"),
                p.has_all_jobs(),
                p.may_edit_jobs(),
                p.may_edit_notifications(),
            ];
            assert_eq!(found, expected, "{texts:?}");
        }
    }

    #[test]
    fn a_token_never_has_more_than_its_owner() {
        assert_eq!(of(&["job:a", "job:b"]).narrowed_to(&of(&["job:a", "settings:jobs"])), of(&["job:a"]));
        assert_eq!(of(&["superuser"]).narrowed_to(&of(&["job:a"])), of(&["job:a"]));
        assert_eq!(of(&["job:a", "settings:jobs"]).narrowed_to(&of(&["superuser"])), of(&["job:a", "settings:jobs"]));
        assert_eq!(of(&["job:a"]).narrowed_to(&of(&["job:*"])), of(&["job:a"]));
        assert_eq!(of(&["settings:jobs"]).narrowed_to(&of(&["job:*"])), of(&[]));
        let subscription = of(&["schedule:read"]);
        assert_eq!(of(&["job:a"]).narrowed_to(&subscription), subscription);
        assert!(subscription.is_for_subscription() && !of(&["job:a", "schedule:read"]).is_for_subscription());
        assert_eq!(of(&["settings:jobs"]).narrowed_to(&subscription), of(&[]));
    }
}
