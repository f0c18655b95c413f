//! The far side of every call a step makes: the host in a component, the stand-ins of `testing` in a native build.
//!
//! Both modules offer the same names with the same signatures, those that `wit-bindgen` generates.

#[cfg(not(target_family = "wasm"))]
mod native;
#[cfg(target_family = "wasm")]
mod wasm;

#[cfg(not(target_family = "wasm"))]
pub(crate) use native::{Connection, Cursor, context_canceled, context_get, context_report, log};
#[cfg(target_family = "wasm")]
pub(crate) use wasm::{Connection, Cursor, context_canceled, context_get, context_report, log};
