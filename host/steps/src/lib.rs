//! The built-in step types that run in the host, and the named connectors every step, guest and callable shares.
//!
//! Not here: when a step runs, how often it is tried, what becomes of its result (the engine). Only this crate talks
//! to the databases and servers of an operator; credentials leave it in no message and no value.

pub mod connector;

pub use connector::{ConnectorPools, ConnectorTest};
