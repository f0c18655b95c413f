//! One file per command.

pub(crate) mod check;
pub(crate) mod connector;
pub(crate) mod cron;
pub(crate) mod init;
pub(crate) mod job;
pub(crate) mod notify;
pub(crate) mod plugin;
pub(crate) mod run;
pub(crate) mod scheduler;
pub(crate) mod secret;
pub(crate) mod serve;
pub(crate) mod table;
