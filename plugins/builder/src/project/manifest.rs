//! The name of a plugin, as the manifest of its language says it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Language;

/// `name` of `[package]`, of `[project]`, or of the object.
pub(super) fn read_name(language: Language, manifest: &Path) -> Result<String> {
    let shown = manifest.display();
    let text = fs::read_to_string(manifest).with_context(|| format!("cannot read `{shown}`"))?;
    let name = match language {
        Language::Rust => toml_name(&text, "package")?,
        Language::Python => toml_name(&text, "project")?,
        Language::JavaScript => {
            let document: Value = serde_json::from_str(&text).with_context(|| format!("`{shown}` is no JSON"))?;
            document["name"].as_str().map(str::to_owned)
        }
    };
    name.with_context(|| format!("`{shown}` gives the plugin no name"))
}

fn toml_name(text: &str, table: &str) -> Result<Option<String>> {
    let document: toml::Table = text.parse().context("the manifest is no TOML")?;
    Ok(document.get(table).and_then(|table| table.get("name")).and_then(|name| name.as_str()).map(str::to_owned))
}
