//! The built-in steps against real databases (SQLite files, private PostgreSQL and MariaDB servers) and a small HTTP server with
//! bad manners. One binary, because linking is the slow part.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod authority;
mod batches;
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
mod hang_ups;
mod http;
mod http_answers;
mod http_reach;
mod kit;
mod ldap;
mod ldap_people;
mod ldap_range;
#[cfg(feature = "sqlserver")]
mod ldap_sqlserver;
mod ldap_sync;
mod ldap_trouble;
mod mysql;
mod mysql_copy;
#[cfg(feature = "odbc")]
mod odbc;
#[cfg(feature = "oracle")]
mod oracle;
mod plugin_http;
mod prove;
mod round_trips;
mod sql_query;
#[cfg(feature = "sqlserver")]
mod sqlserver;
#[cfg(feature = "sqlserver")]
mod sqlserver_copy;
#[cfg(feature = "sqlserver")]
mod sqlserver_tls;
#[cfg(feature = "sqlserver")]
mod tds;
#[cfg(feature = "sqlserver")]
mod tds_tls;
mod tls;
mod values;
#[cfg(not(all(feature = "oracle", feature = "sqlserver", feature = "odbc")))]
mod without_drivers;
