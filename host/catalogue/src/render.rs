//! Draws findings for a terminal: message, file, line, column, the line itself with a caret, and the hint. The API
//! sends the same fields without a drawing.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use host_model::diagnostic::{Diagnostic, Severity};

use crate::source::Sources;

/// How a drawing looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Letters only, for pipes and files.
    Plain,
    /// With colours, for a terminal.
    Colored,
}

/// Draws every finding, one under the other, and the summary line.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Colored => Renderer::styled(),
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&renderer.render(&[group(diagnostic, sources)]));
        out.push_str("\n\n");
    }
    out.push_str(&summary(diagnostics));
    out.push('\n');
    out
}

/// `N errors, M warnings`.
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let warnings = diagnostics.len() - errors;
    let plural = |n: usize| if n == 1 { "" } else { "s" };
    format!("{errors} error{}, {warnings} warning{}", plural(errors), plural(warnings))
}

fn group<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(&diagnostic.message).id(diagnostic.code);
    let text = sources.find_text(&diagnostic.file).filter(|_| diagnostic.line > 0 && diagnostic.column > 0);
    let group = match text {
        Some(text) => {
            // The byte order mark takes no column on the screen.
            let mark = text.len() - text.trim_start_matches('\u{feff}').len();
            let text = &text[mark..];
            let clamp = |at: usize| floor_char(text, at.saturating_sub(mark));
            let (start, end) = (clamp(diagnostic.span.start), clamp(diagnostic.span.end));
            let line_end = text[start..].find(['\n', '\r']).map_or(text.len(), |length| start + length);
            let span = start..end.clamp(start, line_end.max(start));
            let annotation = AnnotationKind::Primary.span(span);
            title.element(Snippet::source(text).path(&diagnostic.file).annotation(annotation))
        }
        None if diagnostic.file.is_empty() => Group::with_title(title),
        None => {
            let origin = Origin::path(&diagnostic.file);
            let line = usize::try_from(diagnostic.line).ok().filter(|line| *line > 0);
            title.element(match line {
                Some(line) => origin.line(line),
                None => origin,
            })
        }
    };
    match &diagnostic.hint {
        Some(hint) => group.element(Level::HELP.message(hint)),
        None => group,
    }
}

fn floor_char(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
