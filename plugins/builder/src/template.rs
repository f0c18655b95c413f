//! `nomaflow plugin new`: a project that builds, has a test, and comes with the job that runs it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use rust_embed::Embed;

use crate::index::write_file;
use crate::project::{Language, Project, check_name};
use crate::sdk;

#[derive(Embed)]
#[folder = "templates"]
struct Templates;

/// The versions the SDK is tested with; cargo takes what a project needs of it.
const LOCK: &[u8] = include_bytes!("../../Cargo.lock");
/// Stands for the name in the templates, as it is and as an identifier.
const NAME: &str = "{{name}}";
const IDENTIFIER: &str = "{{identifier}}";

/// Lays out a project called `name` in the new folder `folder`.
///
/// # Errors
/// When the name is not fit, the folder is there and not empty, or a file cannot be written.
pub fn create(folder: &Path, name: &str, language: Language) -> Result<Project> {
    check_name(name)?;
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("`{}` is there already and not empty", folder.display());
    }
    let part = match language {
        Language::Rust => "rust/",
        Language::Python => "python/",
        Language::JavaScript => "javascript/",
    };
    for path in Templates::iter() {
        let Some(inside) = path.strip_prefix(part).or_else(|| path.strip_prefix("common/")) else { continue };
        let Some(file) = Templates::get(&path) else { continue };
        let text = std::str::from_utf8(&file.data).with_context(|| format!("the template `{path}` is no text"))?;
        let filled = |text: &str| text.replace(NAME, name).replace(IDENTIFIER, &name.replace('-', "_"));
        // Files that would mean something where the templates lie have another name there.
        let inside = inside.replace("_gitignore", ".gitignore").replace("grants.toml", &format!("{name}.toml"));
        write_file(&folder.join(inside), filled(text).as_bytes())?;
    }
    if language == Language::Rust {
        write_file(&folder.join("Cargo.lock"), LOCK)?;
    }
    sdk::write_sdk(folder, language)?;
    Project::open(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_a_project_with_tests_grants_and_a_job() {
        for (language, name, manifest) in Language::ALL {
            let parent = tempfile::tempdir().expect("a folder");
            let folder = parent.path().join("visits");
            let project = create(&folder, "visits", language).expect(name);
            assert_eq!((project.name.as_str(), project.language), ("visits", language));
            for file in [
                manifest,
                "jobs.toml",
                "visits.toml",
                "tests/cases.json",
                ".gitignore",
                "README.md",
                "sdk/wit/step/step.wit",
            ] {
                let text =
                    fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{name}: {file}: {error}"));
                assert!(!text.contains("{{"), "{name}: {file} has a blank that was not filled in");
            }
            let again = create(&folder, "visits", language).expect_err("is there");
            assert!(again.to_string().contains("is there already"), "{again}");
        }
    }
}
