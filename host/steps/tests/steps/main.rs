//! The built-in steps against real databases (SQLite files, private PostgreSQL and MariaDB servers) and a small HTTP server with
//! bad manners. One binary, because linking is the slow part.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod batches;
mod authority;
mod cancel;
mod connectors;
mod copy;
mod copy_bad_rows;
mod copy_checks;
mod copy_full_disk;
mod copy_jde;
mod copy_overwrite;
mod copy_safety;
mod copy_upsert;
mod http;
mod http_answers;
mod http_reach;
mod kit;
mod ldap;
mod mysql;
mod mysql_copy;
#[cfg(feature = "oracle")]
mod oracle;
mod ldap_sync;
mod ldap_trouble;
mod plugin_http;
mod round_trips;
mod sql_query;
mod tls;
#[cfg(feature = "sqlserver")]
mod sqlserver;
#[cfg(feature = "sqlserver")]
mod tds;
mod values;
