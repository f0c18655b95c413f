//! The built-in step types that run in the host, and the named connectors every step, guest and callable shares.
//!
//! Not here: when a step runs, how often it is tried, what becomes of its result (the engine). Only this crate talks
//! to the databases and servers of an operator; credentials leave it in no message and no value.

#![warn(missing_docs)]

pub mod connector;
mod http;
mod ldap;
mod ldap_sync;
mod params;
mod run_files;
mod sql_copy;
mod sql_query;
mod tls;

pub use connector::{Answer, ConnectorPools, ConnectorTest, Hurdle, Question, QueueSample, Rows};
pub use http::{HttpRunner, PluginHttp};
pub use ldap::{People, Person};
pub use ldap_sync::LdapSyncRunner;
pub use run_files::RunFiles;
pub use sql_copy::SqlCopyRunner;
pub use sql_query::SqlQueryRunner;

/// The engine handed a step to the runner of another type: a fault of ours, not of the job.
fn wrong_runner(runner: &str, spec: &host_model::StepSpec) -> host_model::StepError {
    let text = format!("the `{runner}` runner was given a `{}` step", spec.type_name());
    host_model::StepError::new(host_model::StepErrorKind::Crashed, text)
}
