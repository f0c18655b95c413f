//! Handlers, by subject.

pub(crate) mod about;
pub(crate) mod audit;
pub(crate) mod calendar;
pub(crate) mod catalogue;
pub(crate) mod catalogue_history;
pub(crate) mod catalogue_transfer;
pub(crate) mod connectors;
pub(crate) mod cron;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod log_file;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod notifications;
pub(crate) mod oidc;
pub(crate) mod plugins;
pub(crate) mod preferences;
pub(crate) mod retention;
pub(crate) mod runs;
pub(crate) mod scheduler;
pub(crate) mod secrets;
pub(crate) mod sign_in;
pub(crate) mod slots;
pub(crate) mod stats;
pub(crate) mod tokens;
pub(crate) mod users;
