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

/// What a new project begins as. TypeScript is a template and no [`Language`] of its own: it is built as JavaScript is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// A crate.
    Rust,
    /// A module of Python.
    Python,
    /// A module of JavaScript.
    JavaScript,
    /// A module of TypeScript.
    TypeScript,
}

impl Template {
    /// Every template.
    pub const ALL: [Self; 4] = [Self::Rust, Self::Python, Self::JavaScript, Self::TypeScript];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::JavaScript => "js",
            Self::TypeScript => "ts",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
            Self::TypeScript => "TypeScript",
        }
    }

    /// The template called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.name() == name)
    }

    fn language(self) -> Language {
        match self {
            Self::Rust => Language::Rust,
            Self::Python => Language::Python,
            Self::JavaScript | Self::TypeScript => Language::JavaScript,
        }
    }

    /// The folders of its files.
    fn parts(self) -> [&'static str; 2] {
        let own = match self {
            Self::Rust => "rust/",
            Self::Python => "python/",
            Self::JavaScript => "javascript/",
            Self::TypeScript => "typescript/",
        };
        ["common/", own]
    }
}

/// Lays out a project called `name` in the new folder `folder`.
///
/// # Errors
/// When the name is not fit, the folder is there and not empty, or a file cannot be written.
pub fn create(folder: &Path, name: &str, template: Template) -> Result<Project> {
    check_name(name)?;
    if folder.is_file() || fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("`{}` is there already and not empty", folder.display());
    }
    let (language, parts) = (template.language(), template.parts());
    for path in Templates::iter() {
        let Some(inside) = parts.iter().find_map(|part| path.strip_prefix(part)) else { continue };
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
    fn every_template_is_a_project_with_tests_grants_and_a_job() {
        for template in Template::ALL {
            let name = template.name();
            assert_eq!(Template::from_name(name), Some(template));
            let parent = tempfile::tempdir().expect("a folder");
            let folder = parent.path().join("visits");
            let project = create(&folder, "visits", template).expect(name);
            assert_eq!((project.name.as_str(), project.language), ("visits", template.language()));
            for file in
                ["jobs.toml", "visits.toml", "tests/cases.json", ".gitignore", "README.md", "sdk/wit/step/step.wit"]
            {
                let text =
                    fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{name}: {file}: {error}"));
                assert!(!text.contains("{{"), "{name}: {file} has a blank that was not filled in");
            }
            let again = create(&folder, "visits", template).expect_err("is there");
            assert!(again.to_string().contains("is there already"), "{again}");
        }
    }
}
