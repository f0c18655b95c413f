//! Write a Nomaflow step in Rust.
//!
//! ```
//! use nomaflow_guest::{Error, log, sql};
//!
//! #[derive(serde::Deserialize)]
//! struct Params {
//!     connector: String,
//!     before: i64,
//! }
//!
//! #[derive(serde::Serialize)]
//! struct Outcome {
//!     rows_affected: u64,
//! }
//!
//! fn purge(params: Params) -> Result<Outcome, Error> {
//!     let mut database = sql::Connection::open(&params.connector)?;
//!     let rows_affected = database.execute("delete from visits where year < :year", &[("year", params.before.into())])?;
//!     log::info!("{rows_affected} visits purged");
//!     Ok(Outcome { rows_affected })
//! }
//!
//! nomaflow_guest::plugin! {
//!     "purge" => purge { title: "Purge old visits" },
//! }
//! ```
//!
//! `plugin!` (module `step`) makes the component's exports; `sql`, `log` and `context` are what a step may ask of the
//! host, `testing` stands in for the host in native tests. The contract itself is `wit/step`; nothing here adds to it.

#[allow(missing_docs, reason = "generated; the WIT files are the documentation")]
#[doc(hidden)]
pub mod bindings;
mod columns;
pub mod context;
mod error;
mod imports;
pub mod log;
pub mod sql;
mod step;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod value;

pub use bindings::nomaflow::step::types::{Column, ColumnBatch, ColumnData, ColumnValues, Packed, Value};
pub use error::Error;
pub use step::Step;
#[doc(hidden)]
pub use step::run_step;
pub use value::FromValue;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
