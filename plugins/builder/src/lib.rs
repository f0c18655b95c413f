//! Builds components: those of the guest workspace (`plugins/Cargo.toml`), and any plugin project in Rust, Python or
//! JavaScript for the commands `nomaflow plugin …`.
//!
//! For the workspace: `workspace` says which components there are, `source` digests what each is made of, `index`
//! remembers what was built, `build` ties them together. Nothing compiled is committed: a fresh clone builds, an unchanged
//! one does nothing. For projects: `template` lays one out, `sdk` gives it what it is written against, `project` builds and
//! tests it, `tools` holds the toolchains that are installed only when asked for. `toolchain` finds a compiler for
//! `wasm32-wasip2` for both.

mod build;
mod grants;
mod index;
mod project;
mod sdk;
mod source;
mod template;
mod toolchain;
mod tools;
mod workspace;

pub use build::{Outcome, Report, build};
pub use grants::{grants_as_json, merge_grants};
pub use index::{Entry, Index};
pub use project::{Built, Language, Project, check_name};
pub use sdk::{contract, is_current, write_sdk};
pub use source::source_digest;
pub use template::{Template, create};
pub use toolchain::describe_toolchain;
pub use tools::{Tools, cache_folder};
pub use workspace::{Guest, find_guests};
