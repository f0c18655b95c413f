//! Every component below the plugins folder, whether a job names it or not, and the file of grants beside it: what is wrong
//! with them is found when they arrive and not when somebody needs them.

use std::path::Path;

use host_model::diagnostic::{Diagnostic, Severity};

use crate::check::{ComponentCheck, ComponentState, FileProblem};
use crate::finding::placeless;
use crate::load::{Catalogue, read_text};
use crate::plugin_files::PluginFiles;
use crate::source::SourceFile;

/// Adds what the components say about themselves to the catalogue.
pub(crate) fn check_component_files(plugins: &PluginFiles, components: &dyn ComponentCheck, catalogue: &mut Catalogue) {
    for (path, below) in plugins.component_files() {
        let shown = plugins.shown(&below);
        let grants = shown.trim_end_matches("wasm").to_owned() + "toml";
        let found = match components.check_file(&path, &grants) {
            Ok(ComponentState::Ready) => continue,
            Ok(ComponentState::Unapproved(problem)) => {
                let found = placeless(&shown, "component-unapproved", problem.message, problem.hint);
                vec![Diagnostic { severity: Severity::Warning, ..found }]
            }
            Ok(ComponentState::Compiling) => {
                let message = format!("component `{shown}` is being compiled");
                let found = placeless(&shown, "component-compiling", message, None);
                vec![Diagnostic { severity: Severity::Warning, ..found }]
            }
            Err(FileProblem::Component(problem)) => {
                vec![placeless(&shown, "component-invalid", problem.message, problem.hint)]
            }
            Err(FileProblem::Grants(found)) => found,
        };
        add_source(&path.with_extension("toml"), &grants, &found, catalogue);
        catalogue.diagnostics.extend(found);
    }
}

/// The text that findings are shown in.
fn add_source(path: &Path, shown: &str, found: &[Diagnostic], catalogue: &mut Catalogue) {
    if found.iter().any(|finding| finding.file == shown)
        && let Some(text) = read_text(path, shown, &mut Vec::new())
    {
        catalogue.sources.add(&SourceFile::new(shown, &text));
    }
}
