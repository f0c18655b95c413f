//! Reads a home directory into a [`Catalogue`]: finds the files, has the tables read and checked, and sorts jobs into
//! those that may run and those that are shown with their errors.
//!
//! Invariants: reading a catalogue never fails, it reports; a job with an error is never among `jobs`; one broken job,
//! or one broken file, takes nothing else down.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono_tz::Tz;
use host_model::connector::ConnectorSet;
use host_model::diagnostic::{Diagnostic, Severity};
use host_model::job::SourcePlace;
use host_model::{Job, JobId};
use toml::de::DeTable;

use crate::address::{Env, EnvReader, SecretReader};
use crate::check::{ComponentCheck, Surroundings, check_dependencies, check_duplicate_ids, check_job};
use crate::component_files::check_component_files;
use crate::connector_table::{Connectors, read_connectors};
use crate::draft::Draft;
use crate::finding::{Findings, placeless};
use crate::job_table;
use crate::overlay::Laid;
use crate::plugin_files::PluginFiles;
use crate::source::{SourceFile, Sources};

/// How a catalogue is read.
pub struct LoadOptions<'a> {
    /// The folder with one folder per app; `None` = `plugins` in the home directory.
    pub plugins_dir: Option<PathBuf>,
    /// Reads an environment variable.
    pub env: &'a EnvReader<'a>,
    /// Opens secrets; `None` = they are not looked at.
    pub secrets: Option<&'a dyn SecretReader>,
    /// The zone of schedules that name none; see [`system_zone`].
    pub default_zone: Tz,
    /// Looks inside components; `None` = only their first bytes are read.
    pub components: Option<&'a dyn ComponentCheck>,
    /// What is not in the files yet; `None` = the files as they are.
    pub proposal: Option<&'a Proposal>,
}

/// Jobs that somebody wants to save, to be read among those of the files.
#[derive(Debug, Clone, Default)]
pub struct Proposal {
    /// The jobs.
    pub submissions: Vec<Submission>,
    /// Ids of jobs of the files that do not count: those that change or go.
    pub without: BTreeSet<String>,
    /// The text to read in place of `connectors.toml`; `None` = the file.
    pub connectors: Option<String>,
}

/// One job as submitted.
#[derive(Debug, Clone)]
pub struct Submission {
    /// What findings about it call its file; no other submission has the same.
    pub name: String,
    /// The app it would belong to.
    pub app: String,
    /// One `[[jobs]]` table with everything below it.
    pub text: String,
}

/// All jobs known now, with their sources and everything found while reading them.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// Jobs without an error.
    pub jobs: BTreeMap<JobId, Arc<Job>>,
    /// Jobs with errors, in the order of the files. They do not fire.
    pub invalid: Vec<InvalidJob>,
    /// What `connectors.toml` declares.
    pub connectors: ConnectorSet,
    /// Every finding, by file and line.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts, for drawing the findings.
    pub sources: Sources,
    /// The versions of components that jobs pin, those of invalid jobs too: by component, how their digests begin.
    pub pins: BTreeMap<String, BTreeSet<String>>,
}

/// A job that was declared and cannot run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidJob {
    /// The id as written; the place of the declaration when there is none. Not unique when ids collide.
    pub id: String,
    /// The app.
    pub app: String,
    /// Where it was declared.
    pub source: SourcePlace,
    /// What is wrong with it, warnings included.
    pub diagnostics: Vec<Diagnostic>,
}

impl Catalogue {
    /// Whether anything has an error.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// Findings about the job, in the order of the file.
    pub fn problems_of<'a>(&'a self, job: &'a str) -> impl Iterator<Item = &'a Diagnostic> {
        self.diagnostics.iter().filter(move |d| d.job.as_deref() == Some(job))
    }
}

/// The zone of this machine; UTC when it does not say.
pub fn system_zone() -> Tz {
    iana_time_zone::get_timezone().ok().and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC)
}

/// Reads the catalogue of `home`.
pub fn load(home: &Path, options: &LoadOptions<'_>) -> Catalogue {
    let mut catalogue = Catalogue::default();
    let env = Env { variables: options.env, secrets: options.secrets };
    let connectors = load_connectors(home, options.proposal, &env, &mut catalogue);
    let plugins = find_plugins(home, options, &mut catalogue);

    let mut files = Vec::new();
    let mut drafts = Vec::new();
    for app in &plugins.apps {
        read_app(&plugins, app, options.default_zone, &mut files, &mut drafts, &mut catalogue);
    }
    if let Some(proposal) = options.proposal {
        drafts.retain(|draft| draft.id.as_ref().is_none_or(|id| !proposal.without.contains(&id.value)));
        for submission in &proposal.submissions {
            let file = SourceFile::new(&submission.name, &submission.text);
            let around =
                job_table::Surroundings { file: files.len(), app: &submission.app, zone: options.default_zone };
            add(read_jobs(file, around, &Laid::default()), &mut files, &mut drafts);
        }
    }

    let around = Surroundings { connectors: &connectors, plugins: &plugins, env: &env, components: options.components };
    for draft in &mut drafts {
        let out = &mut files[draft.file];
        let about_file = out.drain();
        out.job = draft.id.as_ref().map(|id| id.value.clone());
        check_job(draft, &around, out);
        draft.found.extend(out.drain());
        about_file.into_iter().for_each(|finding| out.keep(finding));
    }
    for out in &mut files {
        catalogue.diagnostics.extend(out.drain());
    }
    check_duplicate_ids(&mut drafts, &mut files);
    check_dependencies(&mut drafts, &mut files);
    drop_cascades(&mut drafts);
    for draft in drafts {
        for (plugin, pin) in &draft.pins {
            catalogue.pins.entry(plugin.clone()).or_default().insert(pin.value.clone());
        }
        sort_in(draft, &files, &mut catalogue);
    }
    if let Some(components) = options.components {
        check_component_files(&plugins, components, &mut catalogue);
    }
    catalogue.connectors = connectors.set;
    catalogue.diagnostics.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    catalogue
}

/// The text of a file; `None` when it does not exist or cannot be read, which is reported.
pub(crate) fn read_text(path: &Path, shown: &str, found: &mut Vec<Diagnostic>) -> Option<String> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            found.push(placeless(shown, "file-unreadable", format!("`{shown}` cannot be read: {error}"), None));
            return None;
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let line = error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
            let message = format!("`{shown}` is not UTF-8: the first other byte is in line {line}");
            let hint = Some("save the file as UTF-8".to_owned());
            let mut finding = placeless(shown, "file-unreadable", message, hint);
            finding.line = u32::try_from(line).unwrap_or(u32::MAX);
            found.push(finding);
            None
        }
    }
}

/// Reports what the TOML grammar refuses, the first error of each line; the lines are returned, because what follows
/// from an error is better not reported as well.
pub(crate) fn report_syntax(errors: &[toml::de::Error], out: &mut Findings) -> Vec<u32> {
    let end = out.file.text.trim_end().len();
    let mut ordered: Vec<(Range<usize>, &str)> =
        errors.iter().map(|error| (error.span().unwrap_or(0..0), error.message())).collect();
    ordered.sort_by_key(|(span, _)| span.start);
    // Whatever follows an open bracket is misread as its content, and every complaint about it is an echo.
    let is_open = ordered.iter().any(|(_, message)| message.starts_with("unclosed array,"));
    let of_array = |(_, message): &(Range<usize>, &str)| message.contains("array") && !message.contains("array table");
    let opened = ordered.iter().position(of_array).filter(|_| is_open);
    ordered.truncate(opened.map_or(ordered.len(), |at| at + 1));
    let mut lines = Vec::new();
    for (index, (span, message)) in ordered.into_iter().enumerate() {
        // An error at the very end would be drawn on an empty line; the last character is the better place.
        let span = if span.start >= end { end.saturating_sub(1)..end } else { span };
        let (line, _) = out.file.place(span.start);
        if !lines.contains(&line) {
            lines.push(line);
            let hint = (opened == Some(index)).then(|| "the list before it is not closed with `]`".to_owned());
            out.error("syntax", span, format!("not valid TOML: {message}"), hint);
        }
    }
    lines
}

fn load_connectors(home: &Path, proposal: Option<&Proposal>, env: &Env<'_>, catalogue: &mut Catalogue) -> Connectors {
    let name = "connectors.toml";
    let proposed = proposal.and_then(|proposal| proposal.connectors.clone());
    let Some(text) = proposed.or_else(|| read_text(&home.join(name), name, &mut catalogue.diagnostics)) else {
        return Connectors::default();
    };
    let file = SourceFile::new(name, &text);
    catalogue.sources.add(&file);
    let mut out = Findings::new(file);
    let (root, errors) = DeTable::parse_recoverable(&text);
    let broken_lines = report_syntax(&errors, &mut out);
    let broken_at: Vec<usize> = errors.iter().filter_map(|error| Some(error.span()?.start)).collect();
    let connectors = read_connectors(&root, &broken_at, home, env, &mut out);
    let found = out.drain().into_iter().filter(|d| d.code == "syntax" || !broken_lines.contains(&d.line));
    catalogue.diagnostics.extend(found);
    connectors
}

fn find_plugins(home: &Path, options: &LoadOptions<'_>, catalogue: &mut Catalogue) -> PluginFiles {
    let (root, shown) = match &options.plugins_dir {
        Some(folder) if *folder != home.join("plugins") => (folder.clone(), folder.display().to_string()),
        _ => (home.join("plugins"), "plugins".to_owned()),
    };
    match PluginFiles::scan(root.clone(), shown.clone()) {
        Ok(plugins) => plugins,
        Err(error) => {
            let message = format!("the folder `{shown}` cannot be read: {error}");
            catalogue.diagnostics.push(placeless("", "file-unreadable", message, None));
            PluginFiles::empty(root, shown)
        }
    }
}

/// The jobs of one app: those of `jobs.toml` with what lies over them, and those that are only in `jobs.local.toml`.
fn read_app(
    plugins: &PluginFiles,
    app: &str,
    zone: Tz,
    files: &mut Vec<Findings>,
    drafts: &mut Vec<Draft>,
    catalogue: &mut Catalogue,
) {
    let mut open = |name: &str| {
        let below = format!("{app}/{name}");
        let shown = plugins.shown(&below);
        let text = read_text(&plugins.path(&below), &shown, &mut catalogue.diagnostics)?;
        let file = SourceFile::new(&shown, &text);
        catalogue.sources.add(&file);
        Some(file)
    };
    let (base, local) = (open("jobs.toml"), open("jobs.local.toml"));
    let mut used = BTreeSet::new();
    if let Some(base) = base {
        let around = job_table::Surroundings { file: files.len(), app, zone };
        let Some(local) = &local else {
            return add(read_jobs(base, around, &Laid::default()), files, drafts);
        };
        let shifted = " ".repeat(base.over_at()) + &local.text;
        let parts = match DeTable::parse(&shifted) {
            Ok(_) => vec![shifted],
            Err(_) => split_at_jobs(&shifted).iter().map(|part| blank_outside(&shifted, part)).collect(),
        };
        let laid = Laid::new(&parts);
        add(read_jobs(base.with_over(local.clone()), around, &laid), files, drafts);
        used = laid.used();
    }
    if let Some(local) = local {
        let around = job_table::Surroundings { file: files.len(), app, zone };
        add(read_jobs(local, around, &Laid::without(used)), files, drafts);
    }
}

fn add((out, mut found): (Findings, Vec<Draft>), files: &mut Vec<Findings>, drafts: &mut Vec<Draft>) {
    files.push(out);
    drafts.append(&mut found);
}

fn read_jobs(file: SourceFile, around: job_table::Surroundings<'_>, laid: &Laid<'_>) -> (Findings, Vec<Draft>) {
    let text = file.text.clone();
    let mut out = Findings::new(file);
    let (root, errors) = DeTable::parse_recoverable(&text);
    if errors.is_empty() {
        let drafts = job_table::read_file(&root, around, laid, &mut out);
        return (out, drafts);
    }
    // Each job is parsed alone, at its place, so that an open quote or bracket ends with the job it stands in.
    let mut drafts = Vec::new();
    let mut about_file = Vec::new();
    for chunk in split_at_jobs(&text) {
        let alone = blank_outside(&text, &chunk);
        let (root, errors) = DeTable::parse_recoverable(&alone);
        report_syntax(&errors, &mut out);
        let mut syntax = out.drain();
        let mut found = job_table::read_file(&root, around, laid, &mut out);
        about_file.extend(out.drain().into_iter().filter(|_| syntax.is_empty()));
        if let Some(draft) = found.first_mut() {
            syntax.iter_mut().for_each(|error| error.job = draft.id.as_ref().map(|id| id.value.clone()));
            draft.found.append(&mut syntax);
        }
        about_file.append(&mut syntax);
        drafts.append(&mut found);
    }
    about_file.into_iter().for_each(|finding| out.keep(finding));
    (out, drafts)
}

/// The text before the first `[[jobs]]` line and then from each to the next; a line that was meant to be one counts.
fn split_at_jobs(text: &str) -> Vec<Range<usize>> {
    let mut starts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let head = line.split('#').next().unwrap_or(line).trim();
        let is_header = head.starts_with('[') && head.trim_matches(['[', ']', ' ', '\t']) == "jobs";
        if is_header && at > 0 {
            starts.push(at);
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

/// `text` up to the end of `keep`, with spaces for the bytes before it, so that offsets stay.
fn blank_outside(text: &str, keep: &Range<usize>) -> String {
    let mut alone = " ".repeat(keep.start);
    alone.push_str(&text[keep.clone()]);
    alone
}

/// In a job with syntax errors, what is missing or stands on the same line is not worth saying, nor is anything after an
/// open bracket (the only syntax error with a hint).
fn drop_cascades(drafts: &mut [Draft]) {
    for draft in drafts {
        let syntax = || draft.found.iter().filter(|d| d.code == "syntax");
        let lines: Vec<u32> = syntax().map(|d| d.line).collect();
        let opened = syntax().filter(|d| d.hint.is_some()).map(|d| d.span.start).min().unwrap_or(usize::MAX);
        if !lines.is_empty() {
            let is_cascade =
                |d: &Diagnostic| d.code == "missing-field" || lines.contains(&d.line) || d.span.start >= opened;
            draft.found.retain(|d| d.code == "syntax" || !is_cascade(d));
        }
    }
}

fn sort_in(draft: Draft, files: &[Findings], catalogue: &mut Catalogue) {
    catalogue.diagnostics.extend(draft.found.iter().cloned());
    let has_errors = draft.has_errors();
    let (file, _) = files[draft.file].file.file_at(draft.header.start);
    let (line, _) = files[draft.file].file.place(draft.header.start);
    match draft.job {
        Some(job) if !has_errors => {
            catalogue.jobs.insert(job.id.clone(), Arc::new(job));
        }
        _ => {
            let id = draft.id.map_or_else(|| format!("{}:{line}", file.name), |id| id.value);
            let source = SourcePlace { file: file.name.clone(), line };
            catalogue.invalid.push(InvalidJob { id, app: draft.app, source, diagnostics: draft.found });
        }
    }
}
