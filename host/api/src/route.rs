//! Handlers, by subject.

pub(crate) mod catalogue;
pub(crate) mod catalogue_history;
pub(crate) mod catalogue_transfer;
pub(crate) mod cron;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod runs;
pub(crate) mod scheduler;
pub(crate) mod secrets;
pub(crate) mod slots;
