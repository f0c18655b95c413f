//! Handlers, by subject.

pub(crate) mod cron;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod runs;
