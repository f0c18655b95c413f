//! Handlers, by subject.

pub(crate) mod audit;
pub(crate) mod cron;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod oidc;
pub(crate) mod runs;
pub(crate) mod scheduler;
pub(crate) mod secrets;
pub(crate) mod sign_in;
pub(crate) mod slots;
pub(crate) mod tokens;
pub(crate) mod users;
