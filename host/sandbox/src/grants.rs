//! `<name>.toml` beside a component: what it may touch and how much it may use. No file means no grants and the usual
//! limits.
//!
//! The reader walks the spanned tree, so every finding carries its line; a key that nobody knows is an error, because
//! a grant that is spelled wrong must not look as if it were given. Keys of later releases are refused by name.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use host_model::diagnostic::{Diagnostic, Severity, nearest};
use host_model::port::Access;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::SandboxError;
use crate::limits::Limits;

const SECTIONS: [&str; 2] = ["grants", "limits"];
const GRANTS: [&str; 1] = ["connectors"];
const GRANTS_LATER: [&str; 6] = ["hosts", "dirs", "env", "secrets", "state", "ldap"];
const LIMITS: [&str; 4] = ["memory_mb", "wall_seconds", "output_bytes", "log_lines"];
const LIMITS_LATER: [&str; 4] = ["cpu_seconds", "log_lines_per_second", "table_elements", "stack_bytes"];

/// What a component may touch and use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// Connectors by name.
    pub connectors: BTreeMap<String, Access>,
    /// Limits of each call.
    pub limits: Limits,
}

impl Grants {
    /// Reads the file of grants of a component; `shown` is its name in messages. A file that is not there grants
    /// nothing.
    ///
    /// # Errors
    /// [`SandboxError::Grants`] with every finding, or [`SandboxError::File`] when the file cannot be read.
    pub fn read(path: &Path, shown: &str) -> Result<Self, SandboxError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, shown).map_err(SandboxError::Grants),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(SandboxError::file("read", path)(error)),
        }
    }

    /// Reads the text of a file of grants called `file`.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file.
    pub fn parse(text: &str, file: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut reader = Reader { text, file, problems: Vec::new() };
        let (tree, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            reader.report("syntax", error.message().to_owned(), error.span().unwrap_or_default(), None);
        }
        if !reader.problems.is_empty() {
            // What the parser guessed around a mistake would only be reported a second time.
            return Err(reader.problems);
        }
        let mut grants = Self::default();
        for (key, value) in tree.get_ref() {
            match key.get_ref().as_ref() {
                "grants" => reader.read_grants(value, &mut grants),
                "limits" => reader.read_limits(value, &mut grants.limits),
                _ => reader.refuse_key(key, &SECTIONS, &[]),
            }
        }
        if reader.problems.is_empty() {
            return Ok(grants);
        }
        reader.problems.sort_by_key(|problem| problem.span.start);
        Err(reader.problems)
    }
}

type Key<'t> = Spanned<std::borrow::Cow<'t, str>>;
type Value<'t> = Spanned<DeValue<'t>>;

struct Reader<'t> {
    text: &'t str,
    file: &'t str,
    problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn read_grants(&mut self, value: &Value<'_>, grants: &mut Grants) {
        for (key, value) in self.entries(value, "grants") {
            match key.get_ref().as_ref() {
                "connectors" => self.read_connectors(value, grants),
                _ => self.refuse_key(key, &GRANTS, &GRANTS_LATER),
            }
        }
    }

    fn read_connectors(&mut self, value: &Value<'_>, grants: &mut Grants) {
        for (key, value) in self.entries(value, "grants.connectors") {
            let access = match value.get_ref() {
                DeValue::String(word) if word == "read" => Access::Read,
                DeValue::String(word) if word == "read-write" => Access::ReadWrite,
                _ => {
                    let message = format!("connector `{}` needs `\"read\"` or `\"read-write\"`", key.get_ref());
                    self.report("wrong-value", message, value.span(), None);
                    continue;
                }
            };
            grants.connectors.insert(key.get_ref().to_string(), access);
        }
    }

    fn read_limits(&mut self, value: &Value<'_>, limits: &mut Limits) {
        for (key, value) in self.entries(value, "limits") {
            match key.get_ref().as_ref() {
                "memory_mb" => {
                    // 4096 is all that a 32-bit memory can be.
                    if let Some(n) = self.whole_number(key, value, 1..=4096) {
                        limits.memory_bytes = n * 1024 * 1024;
                    }
                }
                "wall_seconds" => {
                    if let Some(seconds) = self.seconds(key, value) {
                        limits.wall = Some(seconds);
                    }
                }
                "output_bytes" => {
                    if let Some(n) = self.whole_number(key, value, 2..=1024 * 1024 * 1024) {
                        limits.output_bytes = n;
                    }
                }
                "log_lines" => {
                    if let Some(n) = self.whole_number(key, value, 0..=100_000_000) {
                        limits.log_lines = n;
                    }
                }
                _ => self.refuse_key(key, &LIMITS, &LIMITS_LATER),
            }
        }
    }

    /// The entries of a table in the order of the file; anything else is reported and has none.
    fn entries<'v, 't>(&mut self, value: &'v Value<'t>, name: &str) -> Vec<(&'v Key<'t>, &'v Value<'t>)> {
        match value.get_ref() {
            DeValue::Table(table) => table.iter().collect(),
            _ => {
                self.report("wrong-type", format!("`{name}` must be a table"), value.span(), None);
                Vec::new()
            }
        }
    }

    fn whole_number(
        &mut self,
        key: &Key<'_>,
        value: &Value<'_>,
        allowed: std::ops::RangeInclusive<u64>,
    ) -> Option<u64> {
        let number = match value.get_ref() {
            DeValue::Integer(n) => u64::from_str_radix(&n.as_str().replace('_', ""), n.radix()).ok(),
            _ => None,
        };
        let number = number.filter(|n| allowed.contains(n));
        if number.is_none() {
            let (least, most) = (allowed.start(), allowed.end());
            let message = format!("`{}` must be a whole number from {least} to {most}", key.get_ref());
            self.report("wrong-value", message, value.span(), None);
        }
        number
    }

    fn seconds(&mut self, key: &Key<'_>, value: &Value<'_>) -> Option<Duration> {
        let seconds: Option<f64> = match value.get_ref() {
            DeValue::Integer(n) if n.radix() == 10 => n.as_str().replace('_', "").parse().ok(),
            DeValue::Float(n) => n.as_str().replace('_', "").parse().ok(),
            _ => None,
        };
        let duration = seconds.filter(|s| (0.001..=31_536_000.0).contains(s)).map(Duration::from_secs_f64);
        if duration.is_none() {
            let message = format!("`{}` must be a number of seconds above 0, at most a year", key.get_ref());
            self.report("wrong-value", message, value.span(), None);
        }
        duration
    }

    fn refuse_key(&mut self, key: &Key<'_>, known: &[&str], later: &[&str]) {
        let name = key.get_ref().as_ref();
        if later.contains(&name) {
            return self.report("not-supported", format!("`{name}` is not supported yet"), key.span(), None);
        }
        let hint = match nearest(name, known.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("known here: `{}`", known.join("`, `")),
        };
        self.report("unknown-key", format!("unknown key `{name}`"), key.span(), Some(hint));
    }

    fn report(&mut self, code: &'static str, message: String, span: Range<usize>, hint: Option<String>) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let count = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
        self.problems.push(Diagnostic {
            code,
            severity: Severity::Error,
            message,
            hint,
            file: self.file.to_owned(),
            line: count(before.matches('\n').count()),
            column: count(before[line_start..].chars().count()),
            span,
            job: None,
        });
    }
}

#[cfg(test)]
mod tests;
