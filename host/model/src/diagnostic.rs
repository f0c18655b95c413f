//! A finding about a file: what, where, what to do. Drawing it with a caret is the catalogue's `render`; the API sends
//! the same fields.

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Works, but probably not as meant.
    Warning,
    /// The job cannot run.
    Error,
}

impl Severity {
    /// The spelling in output and API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A finding about one place of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable dotted-by-dash code: `unknown-key`, `unknown-connector` …
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// What is wrong: the value found and what is allowed. Lower case start, no final stop, names in backticks.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// File as shown to people, relative to the home directory where possible; empty when no file is to blame.
    pub file: String,
    /// Line, from 1; 0 when the whole file is meant.
    pub line: u32,
    /// Column in characters, from 1; 0 when the whole line is meant.
    pub column: u32,
    /// Byte range in the file, for drawing.
    pub span: std::ops::Range<usize>,
    /// The job it makes invalid, when it belongs to one.
    pub job: Option<String>,
}

/// The candidate nearest to `found`, if one is near enough to be a slip of the hand.
pub fn nearest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = found.to_lowercase();
    let limit = (found.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(&lower, &c.to_lowercase()), c))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_name_is_offered_only_when_it_is_near() {
        let keys = ["schedule", "timezone", "steps"];
        assert_eq!(nearest("shedule", keys), Some("schedule"));
        assert_eq!(nearest("Schedule", keys), Some("schedule"));
        assert_eq!(nearest("colour", keys), None);
    }
}
