//! `target/components/index.json`: what was built, from which sources, by which compiler.
//!
//! Only the builder writes it. A missing or unreadable index means "nothing is built", never an error: the cost of
//! being wrong is one build.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// One built component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// SHA-256 of the component file, in hex.
    pub sha256: String,
    /// Digest of its sources when it was built; see `source_digest`.
    pub source: String,
    /// The first line of `rustc --version` of the compiler that made it.
    pub compiler: String,
}

/// All built components by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// Component name to what is known of it.
    pub entries: BTreeMap<String, Entry>,
}

impl Index {
    /// Reads the index; empty when there is none or it cannot be read.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let document: Value =
            fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let entries = document["components"].as_array().into_iter().flatten().filter_map(read_entry).collect();
        Self { entries }
    }

    /// Writes the index, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<()> {
        let components: Vec<Value> = self
            .entries
            .iter()
            .map(|(name, entry)| {
                json!({"name": name, "sha256": entry.sha256, "source": entry.source, "compiler": entry.compiler})
            })
            .collect();
        let text = serde_json::to_vec_pretty(&json!({ "components": components }))?;
        write_file(path, &text)
    }
}

fn read_entry(entry: &Value) -> Option<(String, Entry)> {
    let text = |key: &str| entry[key].as_str().map(str::to_owned);
    Some((text("name")?, Entry { sha256: text("sha256")?, source: text("source")?, compiler: text("compiler")? }))
}

/// Writes a file through a neighbour and a rename: a host that watches the folder never sees half a component.
pub(crate) fn write_file(path: &Path, content: &[u8]) -> Result<()> {
    let failed = || format!("cannot write `{}`", path.display());
    let neighbour = path.with_extension(format!("new-{}", std::process::id()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(failed)?;
    }
    fs::write(&neighbour, content).with_context(failed)?;
    fs::rename(&neighbour, path).with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_reads_back_as_written_and_a_broken_one_reads_as_empty() {
        let path = std::env::temp_dir().join(format!("nomaflow-builder-{}-index.json", std::process::id()));
        let mut index = Index::default();
        let entry = Entry { sha256: "aa".into(), source: "bb".into(), compiler: "rustc 1.96.0".into() };
        index.entries.insert("flights".into(), entry);
        index.write(&path).expect("writes");
        assert_eq!(Index::read(&path), index);
        fs::write(&path, "{ not json").expect("writes");
        assert_eq!(Index::read(&path), Index::default());
        fs::remove_file(&path).expect("removes");
    }
}
