//! The far side of every call a step makes: the host in a component, the stand-ins of `testing` in a native build.
//!
//! Both modules offer the same names with the same signatures, those that `wit-bindgen` generates.

#[cfg(not(target_family = "wasm"))]
mod native;
#[cfg(not(target_family = "wasm"))]
mod native_services;
#[cfg(target_family = "wasm")]
mod wasm;

#[cfg(not(target_family = "wasm"))]
pub(crate) use native::{Connection, Cursor, context_canceled, context_get, context_report, log};
#[cfg(not(target_family = "wasm"))]
pub(crate) use native_services::{
    Search, context_parameter, http_send, secrets_get, state_compare_and_set, state_delete, state_get, state_scan,
    state_set,
};
#[cfg(target_family = "wasm")]
pub(crate) use wasm::*;

#[cfg(not(target_family = "wasm"))]
use native::check_canceled;
