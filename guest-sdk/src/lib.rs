//! Write a Nomaflow step in Rust.
//!
//! ```
//! use nomaflow_guest::{Error, callable, log, schemars, sql};
//!
//! #[derive(serde::Serialize, schemars::JsonSchema)]
//! struct Purged {
//!     rows_affected: u64,
//! }
//!
//! /// Purges old visits.
//! #[callable]
//! fn purge(
//!     /// Where the visits are; needs the grant `read-write`.
//!     connector: String,
//!     /// Visits of earlier years go.
//!     before: i64,
//! ) -> Result<Purged, Error> {
//!     let mut database = sql::Connection::open(&connector)?;
//!     let rows_affected = database.execute("delete from visits where year < :year", &[("year", before.into())])?;
//!     log::info!("{rows_affected} visits purged");
//!     Ok(Purged { rows_affected })
//! }
//!
//! nomaflow_guest::plugin!(purge);
//! # fn main() {}
//! ```
//!
//! `#[callable]` describes a function, `plugin!` (module `step`) makes the component's exports; `sql`, `http`, `ldap`,
//! `secrets`, `state`, `log` and `context` are what a step may ask of the host, `testing` stands in for the host in native tests. The contract itself is `wit/step`; nothing here adds to it.

// What the attribute generates names the crate, in its own tests too.
#[cfg(test)]
extern crate self as nomaflow_guest;

#[allow(missing_docs, reason = "generated; the WIT files are the documentation")]
#[doc(hidden)]
pub mod bindings;
mod columns;
pub mod context;
mod error;
pub mod http;
mod imports;
pub mod ldap;
pub mod log;
pub mod secrets;
pub mod sql;
pub mod state;
mod step;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod typed;
mod value;

pub use bindings::nomaflow::step::types::{Column, ColumnBatch, ColumnData, ColumnValues, Packed, Value};
pub use error::Error;
pub use nomaflow_guest_macros::callable;
// The attribute names both through this crate, so that a plugin need not agree with it on versions.
pub use schemars::{self, JsonSchema};
pub use serde;
pub use step::Step;
#[doc(hidden)]
pub use step::run_step;
pub use value::FromValue;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
