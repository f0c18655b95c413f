//! Rules between jobs, and between a job and the rest of the home. Works on drafts, so that every finding has a place;
//! adds to a draft's findings and changes nothing else. References are in `reference`, callables in `callable`,
//! templates in `template`, params of components in `params`.

mod callable;
mod dependency;
mod params;
mod reference;
mod template;

use std::collections::BTreeMap;
use std::path::Path;

use host_model::JsonMap;
use host_model::diagnostic::Diagnostic;
use host_model::job::spec::Pins;

pub(crate) use dependency::check_dependencies;

use crate::address::Env;
use crate::connector_table::Connectors;
use crate::draft::{ClaimKind, Draft};
use crate::finding::Findings;
use crate::plugin_files::PluginFiles;

/// Why a component cannot serve a callable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentProblem {
    /// What is wrong, naming the component or the function; lower-case start, no final stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether the version that the job pins is to blame: it is not there.
    pub blames_pin: bool,
}

/// Whether a component was looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComponentState {
    /// It was.
    Ready,
    /// It was, and its calls fail until somebody approves what it asks for.
    Unapproved(ComponentProblem),
    /// It is being compiled; another reading will tell.
    Compiling,
}

/// What is wrong with the params for a callable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamProblem {
    /// The param, and the keys and positions inside it, outermost first; the last is what is unknown or missing.
    pub path: Vec<String>,
    /// Which rule it breaks.
    pub rule: ParamRule,
    /// What is wrong, naming param and rule and not the value; lower-case start, no final stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// See [`ParamProblem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamRule {
    /// There is no such param.
    Unknown,
    /// It has to be given.
    Missing,
    /// Its type is another.
    Type,
    /// Its type fits, its value does not.
    Value,
}

/// Looks inside a component: the host's answer, since only the sandbox can read one.
pub trait ComponentCheck {
    /// Whether the component at `file` can serve `callable` (`plugin.module:function` or `plugin:function`), or the version
    /// of it that `pins` names.
    ///
    /// # Errors
    /// [`ComponentProblem`] when the file is broken, is of another world or has no such function.
    fn check(&self, file: &Path, callable: &str, pins: &Pins) -> Result<ComponentState, ComponentProblem>;

    /// What is wrong with `params` for a callable that [`ComponentCheck::check`] found ready. Those named in `own` were
    /// meant for it; the others it shares with its job, and may not know.
    fn check_params(&self, callable: &str, pins: &Pins, params: &JsonMap, own: &[String]) -> Vec<ParamProblem>;

    /// Whether the component at `file`, and the file of grants beside it, which messages call `grants`, could serve
    /// anything at all.
    ///
    /// # Errors
    /// What is wrong with either.
    fn check_file(&self, file: &Path, grants: &str) -> Result<ComponentState, FileProblem>;
}

/// Why a component cannot serve anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileProblem {
    /// The component itself.
    Component(ComponentProblem),
    /// Its grants, each finding with its place.
    Grants(Vec<Diagnostic>),
}

/// What jobs are checked against.
pub(crate) struct Surroundings<'a> {
    pub(crate) connectors: &'a Connectors,
    pub(crate) plugins: &'a PluginFiles,
    pub(crate) env: &'a Env<'a>,
    pub(crate) components: Option<&'a dyn ComponentCheck>,
}

/// Checks one job; what is found goes to `out`.
pub(crate) fn check_job(draft: &Draft, around: &Surroundings<'_>, out: &mut Findings) {
    check_step_names(draft, out);
    for claim in &draft.claims {
        let text = &claim.text;
        match &claim.kind {
            // Only the run knows what a template will say.
            _ if text.value.contains("${") => {}
            ClaimKind::Connector => reference::check_connector(text, around.connectors, out),
            ClaimKind::Directory => reference::check_directory(text, around.connectors, out),
            ClaimKind::WritableQuery { connector } => {
                reference::check_writable_query(text, connector, &around.connectors.set, out);
            }
            ClaimKind::Query { connector } => reference::check_query(text, connector, &around.connectors.set, out),
            ClaimKind::CopyTarget { source, target } => {
                reference::check_copy_target(text, source, target, &around.connectors.set, out);
            }
            ClaimKind::Python => callable::check_python(text, &draft.app, around.plugins, out),
            ClaimKind::Wasm { step } => callable::check_wasm(text, draft, *step, around, out),
        }
    }
    template::check_templates(draft, around.env, out);
}

fn check_step_names(draft: &Draft, out: &mut Findings) {
    let mut lines: BTreeMap<&str, u32> = BTreeMap::new();
    for name in draft.step_names.iter().flatten() {
        let (line, _) = out.file.place(name.span.start);
        match lines.get(name.value.as_str()) {
            Some(first) => {
                let message = format!("duplicate step name `{}`: the step at line {first} has it too", name.value);
                out.error("duplicate-name", name.span.clone(), message, None);
            }
            None => {
                lines.insert(&name.value, line);
            }
        }
    }
}

/// Reports every id that several jobs have, at each of them.
pub(crate) fn check_duplicate_ids(drafts: &mut [Draft], files: &mut [Findings]) {
    let mut by_id: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        if let Some(id) = &draft.id {
            by_id.entry(id.value.clone()).or_default().push(index);
        }
    }
    for (id, indexes) in by_id.into_iter().filter(|(_, indexes)| indexes.len() > 1) {
        let places: Vec<String> = indexes.iter().map(|index| place_of(&drafts[*index], files)).collect();
        for (nth, index) in indexes.iter().enumerate() {
            let others: Vec<&str> =
                places.iter().enumerate().filter(|(other, _)| *other != nth).map(|(_, place)| place.as_str()).collect();
            let draft = &mut drafts[*index];
            let out = &mut files[draft.file];
            let span = draft.id.as_ref().map_or(draft.header.clone(), |id| id.span.clone());
            out.job = Some(id.clone());
            let message = format!("duplicate job id `{id}`: also at {}", others.join(", "));
            out.error(
                "duplicate-job-id",
                span,
                message,
                Some("give each job an id of its own; neither runs until then".into()),
            );
            draft.found.extend(out.drain());
        }
    }
}

fn place_of(draft: &Draft, files: &[Findings]) -> String {
    let file = &files[draft.file].file;
    let start = draft.id.as_ref().map_or(draft.header.start, |id| id.span.start);
    format!("{}:{}", file.file_at(start).0.name, file.place(start).0)
}
