//! Collects findings about one file. Everything that reads a file writes here and goes on; nothing returns early.
//!
//! Invariant: two findings with one code, place and message are one (a default shared by five steps is wrong once).

use std::ops::Range;

use host_model::diagnostic::{Diagnostic, Severity, nearest};

use crate::source::SourceFile;

/// The findings about one file so far.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) file: SourceFile,
    /// Id of the job being read; stamped on every finding.
    pub(crate) job: Option<String>,
    list: Vec<Diagnostic>,
}

impl Findings {
    pub(crate) fn new(file: SourceFile) -> Self {
        Self { file, job: None, list: Vec::new() }
    }

    pub(crate) fn error(&mut self, code: &'static str, span: Range<usize>, message: String, hint: Option<String>) {
        self.report(Severity::Error, code, span, message, hint);
    }

    pub(crate) fn warning(&mut self, code: &'static str, span: Range<usize>, message: String, hint: Option<String>) {
        self.report(Severity::Warning, code, span, message, hint);
    }

    /// Something a later version does. `what` is the key or the key with its value, in backticks.
    pub(crate) fn not_yet(&mut self, span: Range<usize>, what: &str, hint: &str) {
        self.error("not-supported-yet", span, format!("{what} is not supported yet"), Some(hint.to_owned()));
    }

    fn report(
        &mut self,
        severity: Severity,
        code: &'static str,
        span: Range<usize>,
        message: String,
        hint: Option<String>,
    ) {
        let (line, column) = self.file.place(span.start);
        let (file, start) = self.file.file_at(span.start);
        let file = file.name.to_string();
        let span = span.start - start..span.end - start;
        let known = |d: &Diagnostic| d.code == code && d.span == span && d.message == message && d.file == file;
        if self.list.iter().any(known) {
            return;
        }
        let job = self.job.clone();
        self.list.push(Diagnostic { code, severity, message, hint, file, line, column, span, job });
    }

    /// How many there are of this severity.
    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.list.iter().filter(|d| d.severity == severity).count()
    }

    /// Puts back what [`Findings::drain`] took.
    pub(crate) fn keep(&mut self, finding: Diagnostic) {
        self.list.push(finding);
    }

    /// Takes what was found since the last call.
    pub(crate) fn drain(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.list)
    }
}

/// A finding that no place in a file is to blame for.
pub(crate) fn placeless(file: &str, code: &'static str, message: String, hint: Option<String>) -> Diagnostic {
    let (severity, file) = (Severity::Error, file.to_owned());
    Diagnostic { code, severity, message, hint, file, line: 0, column: 0, span: 0..0, job: None }
}

/// `` did you mean `x`? `` or the list of what there is.
pub(crate) fn suggest<'a>(found: &str, allowed: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    let begins_alike = |word: &&str| found.len() > 2 && (word.starts_with(found) || found.starts_with(*word));
    let near = nearest(found, allowed.clone()).or_else(|| allowed.clone().into_iter().find(begins_alike));
    match near {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None => list_words(allowed).map(|all| format!("allowed are {all}")),
    }
}

/// The words in backticks, separated by commas; `None` without any.
pub(crate) fn list_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let all: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    (!all.is_empty()).then(|| all.join(", "))
}
