//! Handlers, by subject.

pub(crate) mod cron;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod notifications;
pub(crate) mod runs;
pub(crate) mod scheduler;
pub(crate) mod secrets;
pub(crate) mod slots;
