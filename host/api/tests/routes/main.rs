//! The whole router over a real engine on SQLite: who may come in, what is refused, what is heard live.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod access;
mod audit;
mod below;
mod closed;
mod document;
mod events;
mod job_list;
mod notifications;
mod operations;
mod plain;
mod preferences;
mod problems;
mod refused;
mod replicas;
mod rest;
mod secrets;
mod settings;
mod shown;
mod sign_in;
mod slots;
mod support;
mod vouched;
