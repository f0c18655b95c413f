//! `python` steps against real worker processes and real interpreters, with the modules of `tests/python` as test data.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod apps;
mod arguments;
mod connectors;
mod endings;
mod environment;
mod services;
mod speech;
mod stopping;
mod support;
