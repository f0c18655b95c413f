//! One file per command.

pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod catalogue;
pub(crate) mod check;
pub(crate) mod connector;
pub(crate) mod cron;
pub(crate) mod diagnostics;
pub(crate) mod doctor;
pub(crate) mod holds;
pub(crate) mod init;
pub(crate) mod job;
pub(crate) mod logs;
pub(crate) mod manual;
pub(crate) mod notify;
pub(crate) mod plugin;
pub(crate) mod run;
pub(crate) mod scheduler;
pub(crate) mod secret;
pub(crate) mod serve;
pub(crate) mod store;
pub(crate) mod table;
pub(crate) mod token;
pub(crate) mod user;
