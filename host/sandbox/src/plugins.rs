//! From the text of a step's `callable` to a file: which component, which function in it. Opens nothing.

use std::path::{Path, PathBuf};

use host_model::diagnostic::nearest;
use host_model::job::spec::Pins;

use crate::SandboxError;

/// `flights.reports:carrier_delays`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Callable {
    /// The component: `flights`.
    pub(crate) plugin: String,
    /// The name inside the component: `reports:carrier_delays`, or just `carrier_delays`.
    pub(crate) function: String,
    /// How the digest of the version begins that is wanted; `None`: the one in force.
    pub(crate) pin: Option<String>,
}

impl Callable {
    /// Reads `plugin:function` or `plugin.module:function`.
    pub(crate) fn parse(text: &str) -> Result<Self, SandboxError> {
        let bad = || SandboxError::BadCallable { callable: text.to_owned() };
        let (path, function) = text.split_once(':').ok_or_else(bad)?;
        let mut segments = path.split('.').chain([function]);
        if !segments.all(is_name) {
            return Err(bad());
        }
        Ok(match path.split_once('.') {
            None => Self { plugin: path.to_owned(), function: function.to_owned(), pin: None },
            Some((plugin, module)) => {
                Self { plugin: plugin.to_owned(), function: format!("{module}:{function}"), pin: None }
            }
        })
    }
}

impl Callable {
    /// The same of the version that `pins` names for its component.
    pub(crate) fn pinned(mut self, pins: &Pins) -> Self {
        self.pin = pins.get(&self.plugin).cloned();
        self
    }

    /// Whether a file with this digest is a version that is wanted.
    pub(crate) fn takes(&self, digest: &str) -> bool {
        self.pin.as_deref().is_none_or(|pin| digest.starts_with(pin))
    }
}

/// Whether a component may call a callable so: `carrier_delays`, `reports.daily:carrier_delays`.
pub(crate) fn is_function(text: &str) -> bool {
    match text.split_once(':') {
        None => is_name(text),
        Some((modules, function)) => modules.split('.').chain([function]).all(is_name),
    }
}

/// A name cannot lead out of the folder it is looked up in.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

/// The one file `<folder>/*/<plugin>.wasm`.
pub(crate) fn find_component(folder: &Path, plugin: &str) -> Result<PathBuf, SandboxError> {
    let apps = list_folder(folder)?;
    let mut found: Vec<PathBuf> =
        apps.iter().map(|app| app.join(plugin).with_extension("wasm")).filter(|path| path.is_file()).collect();
    found.sort();
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => {
            let names = list_names(&apps);
            let nearest = nearest(plugin, names.iter().map(String::as_str)).map(str::to_owned);
            Err(SandboxError::NoComponent { plugin: plugin.to_owned(), folder: folder.to_owned(), nearest })
        }
        _ => {
            let (first, second) = (found.remove(0), found.remove(0));
            Err(SandboxError::Ambiguous { plugin: plugin.to_owned(), first, second })
        }
    }
}

/// The files `<folder>/*/*.wasm`, sorted.
pub(crate) fn list_components(folder: &Path) -> Result<Vec<PathBuf>, SandboxError> {
    let apps = list_folder(folder)?;
    let files = apps.iter().filter(|app| app.is_dir()).filter_map(|app| list_folder(app).ok()).flatten();
    let mut found: Vec<PathBuf> = files.filter(|path| is_component(path) && path.is_file()).collect();
    found.sort();
    Ok(found)
}

fn is_component(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "wasm")
}

/// A folder that is not there is an empty one.
fn list_folder(folder: &Path) -> Result<Vec<PathBuf>, SandboxError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(SandboxError::file("read the folder", folder)(error)),
    };
    Ok(entries.filter_map(Result::ok).map(|entry| entry.path()).collect())
}

fn list_names(apps: &[PathBuf]) -> Vec<String> {
    let files = apps.iter().filter(|app| app.is_dir()).filter_map(|app| list_folder(app).ok()).flatten();
    files.filter(|path| is_component(path)).filter_map(|path| path.file_stem()?.to_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_segment_names_the_component_and_the_rest_the_function() {
        let parsed = |text: &str| Callable::parse(text).map(|c| (c.plugin, c.function)).ok();
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(parsed("flights:delays"), pair("flights", "delays"));
        assert_eq!(parsed("flights.reports:delays"), pair("flights", "reports:delays"));
        assert_eq!(parsed("flights.reports.daily:delays"), pair("flights", "reports.daily:delays"));
        for wrong in ["", "flights", ":delays", "flights:", "flights..x:y", "../flights:x", "a:b:c", "a/b:c"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_component_names_its_callables_as_jobs_can_write_them() {
        assert!(["delays", "reports:delays", "reports.daily:delays", "a-b"].into_iter().all(is_function));
        assert!(!["", ":", "a:", ":a", "a:b:c", "a b", "../a", "a\n", "a.b"].into_iter().any(is_function));
    }
}
