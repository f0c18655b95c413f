//! The notifier on a real store, sending to a real HTTP server of the test. The clock is turned by hand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed; the panic says where")]

mod delivery;
mod desk;
mod events;
mod support;
