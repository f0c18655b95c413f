//! The built-in steps against real databases (SQLite files, a private PostgreSQL server) and a small HTTP server with
//! bad manners. One binary, because linking is the slow part.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod authority;
mod cancel;
mod connectors;
mod copy;
mod copy_modes;
mod copy_overwrite;
mod copy_safety;
mod http;
mod http_answers;
mod http_reach;
mod kit;
mod ldap;
mod ldap_sync;
mod ldap_trouble;
mod plugin_http;
mod sql_query;
mod values;
