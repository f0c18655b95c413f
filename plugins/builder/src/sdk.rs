//! What a plugin is written against, carried inside the program: the WIT files and the SDK of each language. A new project
//! gets a copy in `sdk/`, so that it builds anywhere, without this repository and without this program.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use rust_embed::Embed;

use crate::index::write_file;
use crate::project::Language;

#[derive(Embed)]
#[folder = "../../guest-sdk"]
#[include = "Cargo.toml"]
#[include = "src/*"]
#[include = "macros/*"]
#[include = "python/*"]
#[include = "javascript/*"]
#[exclude = "*/__pycache__/*"]
#[exclude = "*/target/*"]
struct Sdk;

#[derive(Embed)]
#[folder = "../../wit"]
#[include = "step/*"]
struct Wit;

/// The contract that new projects are written against: `nomaflow:step@1.0.0`.
#[must_use]
pub fn contract() -> String {
    let file = Wit::get("step/step.wit").map(|file| String::from_utf8_lossy(&file.data).into_owned());
    let package = file.as_deref().unwrap_or_default().lines().find_map(|line| line.strip_prefix("package "));
    package.unwrap_or_default().trim_end_matches(';').to_owned()
}

/// The folder of a project that holds the copy.
const FOLDER: &str = "sdk";

/// Writes the SDK of `language` and the WIT files into `sdk/` of a project, in place of what was there.
///
/// # Errors
/// When a file cannot be written.
pub fn write_sdk(project: &Path, language: Language) -> Result<()> {
    let folder = project.join(FOLDER);
    // A link leads to somebody else's copy.
    if folder.is_symlink() {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot replace `{}`", folder.display()))?;
    }
    write_wit(&folder)?;
    match language {
        Language::Rust => write_rust(&folder),
        Language::Python => write_python(&folder),
        Language::JavaScript => write_part(&folder, "javascript/"),
    }
}

/// Whether the copy in a project is the one this program carries; a project without one counts as such.
#[must_use]
pub fn is_current(project: &Path, language: Language) -> bool {
    let folder = project.join(FOLDER);
    if folder.is_symlink() || !folder.is_dir() {
        return true;
    }
    let Ok(fresh) = tempfile::tempdir() else { return true };
    write_sdk(fresh.path(), language).is_ok() && is_same(&fresh.path().join(FOLDER), &folder)
}

/// Whether every file below `fresh` is below `other` with the same content.
fn is_same(fresh: &Path, other: &Path) -> bool {
    let Ok(entries) = fs::read_dir(fresh) else { return false };
    entries.filter_map(Result::ok).all(|entry| {
        let (ours, theirs) = (entry.path(), other.join(entry.file_name()));
        if ours.is_dir() { is_same(&ours, &theirs) } else { fs::read(ours).ok() == fs::read(theirs).ok() }
    })
}

/// `wit/step` below `folder`.
pub(crate) fn write_wit(folder: &Path) -> Result<()> {
    for name in Wit::iter() {
        if let Some(file) = Wit::get(&name) {
            write_file(&folder.join("wit").join(name.as_ref()), &file.data)?;
        }
    }
    Ok(())
}

/// `python/nomaflow` below `folder`.
pub(crate) fn write_python(folder: &Path) -> Result<()> {
    write_part(folder, "python/")
}

/// `rust/` below `folder`: the crate and its macros, at home in no workspace.
fn write_rust(folder: &Path) -> Result<()> {
    for name in Sdk::iter().filter(|name| !name.starts_with("python/") && !name.starts_with("javascript/")) {
        let Some(file) = Sdk::get(&name) else { continue };
        let path = folder.join("rust").join(name.as_ref());
        if name.ends_with("Cargo.toml") {
            let text = String::from_utf8_lossy(&file.data);
            write_file(&path, without_workspace(&text).as_bytes())?;
        } else {
            write_file(&path, &file.data)?;
        }
    }
    Ok(())
}

fn write_part(folder: &Path, part: &str) -> Result<()> {
    for name in Sdk::iter().filter(|name| name.starts_with(part)) {
        if let Some(file) = Sdk::get(&name) {
            write_file(&folder.join(name.as_ref()), &file.data)?;
        }
    }
    Ok(())
}

/// The manifest without the ties to this repository: which workspace it belongs to, and whose lints it follows.
fn without_workspace(manifest: &str) -> String {
    let mut is_lints = false;
    let mut kept = String::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_lints = line == "[lints]";
        }
        if !is_lints && !line.starts_with("workspace = ") {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_rust_sdk_stands_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        write_sdk(folder.path(), Language::Rust).expect("writes");
        for manifest in ["sdk/rust/Cargo.toml", "sdk/rust/macros/Cargo.toml"] {
            let text = fs::read_to_string(folder.path().join(manifest)).expect(manifest);
            let leans = text.lines().any(|line| !line.starts_with('#') && line.contains("workspace"));
            assert!(!leans, "{manifest} leans on a workspace:\n{text}");
        }
        assert!(folder.path().join("sdk/rust/src/lib.rs").is_file());
        assert!(folder.path().join("sdk/wit/step/step.wit").is_file());
        assert!(!folder.path().join("sdk/python").exists());
    }

    #[test]
    fn a_copy_that_was_changed_is_not_the_current_one() {
        let folder = tempfile::tempdir().expect("a folder");
        write_sdk(folder.path(), Language::Python).expect("writes");
        assert!(is_current(folder.path(), Language::Python));
        fs::write(folder.path().join("sdk/wit/step/step.wit"), "older").expect("writes");
        assert!(!is_current(folder.path(), Language::Python));
        write_sdk(folder.path(), Language::Python).expect("writes");
        assert!(is_current(folder.path(), Language::Python));
    }
}
