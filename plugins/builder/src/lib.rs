//! Builds the guest workspace (`plugins/Cargo.toml`) into components.
//!
//! `workspace` says which components there are, `source` digests what each is made of, `toolchain` finds a compiler for
//! `wasm32-wasip2`, `index` remembers what was built, `build` ties them together. Nothing compiled is committed: a
//! fresh clone builds, an unchanged one does nothing.

mod build;
mod index;
mod source;
mod toolchain;
mod workspace;

pub use build::{Outcome, Report, build};
pub use index::{Entry, Index};
pub use source::source_digest;
pub use workspace::{Guest, find_guests};
