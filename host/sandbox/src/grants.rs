//! `<name>.toml` beside a component: what it may touch and how much it may use. No file means no grants and the usual
//! limits.
//!
//! `reader` reads the file, `http` knows hosts; here is what they came to, and how a denial names the line that is
//! missing. Invariant: what is not written is not granted, and a key that nobody knows is an error, because a grant that
//! is spelled wrong must not look as if it were given.

mod http;
mod reader;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use host_model::diagnostic::Diagnostic;
use host_model::port::Access;

use crate::SandboxError;
use crate::limits::Limits;

pub use http::{HostGrant, HttpGrants};

/// What a component may touch and use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// SQL connectors by name. A call has at most eight sessions at once, four of them on one pool, and never the last
    /// connection of a pool that has several.
    pub connectors: BTreeMap<String, Access>,
    /// Hosts and methods.
    pub http: HttpGrants,
    /// LDAP connectors.
    pub ldap: BTreeSet<String>,
    /// Folders by the name the guest sees below `/`.
    pub directories: BTreeMap<String, DirectoryGrant>,
    /// Variables of the environment.
    pub env: BTreeSet<String>,
    /// Secrets.
    pub secrets: BTreeSet<String>,
    /// Durable state.
    pub state: bool,
    /// Limits of each call.
    pub limits: Limits,
}

/// A folder a component may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryGrant {
    /// Relative to the home of Nomaflow, or absolute.
    pub path: PathBuf,
    /// Whether it may write there.
    pub access: Access,
}

impl Grants {
    /// Reads the file of grants of a component; `shown` is its name in messages. A file that is not there grants
    /// nothing.
    ///
    /// # Errors
    /// [`SandboxError::Grants`] with every finding, or [`SandboxError::File`] when the file cannot be read.
    pub fn read(path: &Path, shown: &str) -> Result<Self, SandboxError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, shown).map_err(SandboxError::Grants),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(SandboxError::file("read", path)(error)),
        }
    }

    /// The same grants for a call that must change nothing: what may be written is only read, and no secret is told.
    pub(crate) fn for_trial(mut self) -> Self {
        self.connectors.values_mut().for_each(|access| *access = Access::Read);
        self.directories.values_mut().for_each(|directory| directory.access = Access::Read);
        self.http.read_only();
        self.secrets.clear();
        self
    }

    /// Reads the text of a file of grants called `file`.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file.
    pub fn parse(text: &str, file: &str) -> Result<Self, Vec<Diagnostic>> {
        reader::parse(text, file)
    }
}

/// A name as a key of TOML, quoted where it has to be.
pub(crate) fn toml_key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { toml_text(name) }
}

/// A name as a text of TOML.
pub(crate) fn toml_text(name: &str) -> String {
    serde_json::Value::String(name.to_owned()).to_string()
}

/// The sentence of a denial: what was tried, and the line that would allow it.
pub(crate) fn denial(what: &str, missing: &str, section: &str, file: &str) -> String {
    format!("{what}; missing is `{missing}` under `[{section}]` in `{file}`")
}

#[cfg(test)]
mod tests;
