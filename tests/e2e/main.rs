//! The built program as a process, in a home of its own, on a free port: what an operator meets. Nothing here links a
//! crate of the house.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed; the panic says where")]

mod access;
mod ask;
mod audit;
mod backup;
mod bad_input;
mod calls;
mod campaign;
mod cli;
mod connector;
mod connector_edit;
mod cron;
mod croniter;
mod deploy;
mod doctor;
mod drivers;
mod editing;
mod fleet;
mod flights;
mod follow;
mod holds;
mod ledger;
mod log_search;
mod notifications;
mod operations;
mod overlap;
mod packages;
mod params;
mod plugin;
mod plugin_force;
#[path = "../../host/sandbox/tests/sandbox/plugin_text.rs"]
mod plugin_text;
mod program;
mod proxies;
mod python;
mod replay;
mod replicas;
mod rest;
mod retention;
mod secrets;
mod server;
mod sign_in;
mod surfaces;
mod telemetry;
mod watch;
mod zoo;
