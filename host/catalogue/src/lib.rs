//! Text to jobs: reads `app.toml`, `connectors.toml` and every `jobs.toml` of a home directory, checks them against
//! each other, and draws what is wrong. Only this crate knows how the files are spelled.
//!
//! Suggested reading order: `reader` (the questions asked of toml's spanned tree), `job_table` and `step_table`, `check`,
//! `load`. Invariants: reading never fails, it reports, and never stops at the first mistake; a key is read, refused as
//! "not supported yet" or unknown, never ignored.

#![warn(missing_docs)]

mod address;
mod blackout_table;
mod blot;
mod check;
mod component_files;
mod connector_table;
mod directory_table;
mod draft;
pub mod edit;
mod finding;
mod job_table;
mod load;
mod overlay;
mod param_place;
mod pin_table;
mod plugin_files;
mod pool_driver;
mod pool_tls;
mod reader;
mod render;
mod schedule_table;
mod settings;
mod source;
mod step_table;
mod venv;

pub use address::{EnvReader, Lookup, SecretReader};
pub use check::{ComponentCheck, ComponentProblem, ComponentState, FileProblem, ParamProblem, ParamRule};
pub use load::{Catalogue, InvalidJob, LoadOptions, Proposal, Submission, load, system_zone};
pub use render::{Style, render, summary};
pub use settings::{
    AuthSettings, Flags, LdapSettings, LdapUser, LoadedSettings, Metrics, NotificationSettings, OidcSettings, Origin,
    ProviderSettings, PythonSettings, Role, Setting, SettingEntry, Settings, SignInProviders, load_settings,
    load_sign_in, settings_of_text,
};
pub use source::Sources;
