//! The built-in steps against real databases (SQLite files, a private PostgreSQL server) and a small HTTP server with
//! bad manners. One binary, because linking is the slow part.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod cancel;
mod connectors;
mod copy;
mod copy_modes;
mod copy_overwrite;
mod copy_safety;
mod http;
mod kit;
mod ldap;
#[cfg(feature = "oracle")]
mod oracle;
mod plugin_http;
mod sql_query;
#[cfg(feature = "sqlserver")]
mod sqlserver;
#[cfg(feature = "sqlserver")]
mod tds;
mod values;
#[cfg(not(all(feature = "oracle", feature = "sqlserver")))]
mod without_drivers;
