//! Reads the file of grants. It walks the spanned tree, so every finding carries its line and column; each value is
//! checked where it is read, and every finding is reported, not only the first.

use std::borrow::Cow;
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::time::Duration;

use host_model::diagnostic::{Diagnostic, Severity, nearest};
use host_model::port::Access;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::grants::{DirectoryGrant, Grants, HostGrant, HttpGrants, toml_key};
use crate::limits::{LIMIT_KEYS, Limits};

const SECTIONS: [&str; 2] = ["grants", "limits"];
const GRANTS: [&str; 7] = ["connectors", "http", "directories", "env", "secrets", "ldap", "state"];
const HTTP: [&str; 2] = ["hosts", "methods"];
const DIRECTORY: [&str; 2] = ["path", "mode"];

type Key<'t> = Spanned<Cow<'t, str>>;
type Value<'t> = Spanned<DeValue<'t>>;

/// Reads the text of the file called `file`.
pub(super) fn parse(text: &str, file: &str) -> Result<Grants, Vec<Diagnostic>> {
    let mut reader = Reader { text, file, problems: Vec::new() };
    let (tree, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        reader.report("syntax", error.message().to_owned(), error.span().unwrap_or_default(), None);
    }
    if !reader.problems.is_empty() {
        // What the parser guessed around a mistake would only be reported a second time.
        return Err(reader.problems);
    }
    let mut grants = Grants::default();
    for (key, value) in tree.get_ref() {
        match key.get_ref().as_ref() {
            "grants" => reader.read_grants(value, &mut grants),
            "limits" => reader.read_limits(value, &mut grants.limits),
            _ => reader.refuse_key(key, &SECTIONS),
        }
    }
    if reader.problems.is_empty() {
        return Ok(grants);
    }
    reader.problems.sort_by_key(|problem| problem.span.start);
    Err(reader.problems)
}

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
                "http" => self.read_http(value, &mut grants.http),
                "directories" => self.read_directories(value, grants),
                "env" => grants.env = self.texts(key, value).into_iter().map(|(text, _)| text).collect(),
                "secrets" => grants.secrets = self.texts(key, value).into_iter().map(|(text, _)| text).collect(),
                "ldap" => grants.ldap = self.texts(key, value).into_iter().map(|(text, _)| text).collect(),
                "state" => match value.get_ref() {
                    DeValue::Boolean(granted) => grants.state = *granted,
                    _ => self.wrong_value(value, "`state` must be `true` or `false`"),
                },
                _ => self.refuse_key(key, &GRANTS),
            }
        }
    }

    fn read_connectors(&mut self, value: &Value<'_>, grants: &mut Grants) {
        for (key, value) in self.entries(value, "grants.connectors") {
            if let Some(access) = self.access(value, &format!("connector `{}`", key.get_ref())) {
                grants.connectors.insert(key.get_ref().to_string(), access);
            }
        }
    }

    fn read_http(&mut self, value: &Value<'_>, http: &mut HttpGrants) {
        for (key, value) in self.entries(value, "grants.http") {
            match key.get_ref().as_ref() {
                "hosts" => {
                    for (text, span) in self.texts(key, value) {
                        match HostGrant::parse(&text) {
                            Ok(host) => http.hosts.push(host),
                            Err(why) => self.report("wrong-value", format!("`{text}` is no host"), span, Some(why)),
                        }
                    }
                }
                "methods" => {
                    for (text, span) in self.texts(key, value) {
                        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
                            http.methods.insert(text);
                        } else {
                            let hint = Some("write it in capital letters: `GET`, `POST`".to_owned());
                            self.report("wrong-value", format!("`{text}` is no HTTP method"), span, hint);
                        }
                    }
                }
                _ => self.refuse_key(key, &HTTP),
            }
        }
    }

    /// `[grants.directories]` with `inbox = { path = "data/inbox", mode = "read" }`.
    fn read_directories(&mut self, value: &Value<'_>, grants: &mut Grants) {
        for (key, value) in self.entries(value, "grants.directories") {
            let name = key.get_ref().as_ref();
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if name.is_empty() || !name.chars().all(is_name) {
                let hint = Some("the plugin sees it as `/<name>`: letters, digits, `_` and `-`".to_owned());
                self.report("wrong-value", format!("`{name}` is no name of a directory"), key.span(), hint);
                continue;
            }
            let (mut path, mut access) = (None, Some(Access::Read));
            for (field, value) in self.entries(value, &format!("grants.directories.{name}")) {
                match (field.get_ref().as_ref(), value.get_ref()) {
                    ("path", DeValue::String(text)) if !text.is_empty() => path = Some(PathBuf::from(text.as_ref())),
                    ("path", _) => self.wrong_value(value, "`path` must be the path of a folder"),
                    ("mode", _) => access = self.access(value, &format!("directory `{name}`")),
                    _ => self.refuse_key(field, &DIRECTORY),
                }
            }
            match (path, access) {
                (Some(path), Some(access)) => {
                    grants.directories.insert(name.to_owned(), DirectoryGrant { path, access });
                }
                (None, Some(_)) if matches!(value.get_ref(), DeValue::Table(_)) => {
                    let hint = Some(format!("{} = {{ path = \"data/{name}\", mode = \"read\" }}", toml_key(name)));
                    self.report("missing-field", format!("directory `{name}` has no `path`"), key.span(), hint);
                }
                _ => {}
            }
        }
    }

    fn read_limits(&mut self, value: &Value<'_>, limits: &mut Limits) {
        for (key, value) in self.entries(value, "limits") {
            let name = key.get_ref().as_ref();
            match name {
                // 4096 is all that a 32-bit memory can be.
                "memory_mb" => self.set_number(key, value, 1..=4096, |n| limits.memory_bytes = n * 1024 * 1024),
                "wall_seconds" => limits.wall = self.seconds(key, value).or(limits.wall),
                "cpu_seconds" => limits.cpu = self.seconds(key, value).or(limits.cpu),
                "output_bytes" => self.set_number(key, value, 2..=1 << 30, |n| limits.output_bytes = n),
                "response_bytes" => self.set_number(key, value, 0..=1 << 30, |n| limits.response_bytes = n),
                "log_lines" => self.set_number(key, value, 0..=100_000_000, |n| limits.log_lines = n),
                "log_lines_per_second" => {
                    self.set_number(key, value, 1..=1_000_000, |n| limits.log_lines_per_second = n);
                }
                "table_elements" => self.set_number(key, value, 1..=10_000_000, |n| limits.table_elements = n),
                "stack_kb" => self.set_number(key, value, 64..=16 * 1024, |n| limits.stack_bytes = n * 1024),
                _ => self.refuse_key(key, &LIMIT_KEYS),
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

    /// A list of texts that are not empty, each with its place.
    fn texts(&mut self, key: &Key<'_>, value: &Value<'_>) -> Vec<(String, Range<usize>)> {
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_value(value, &format!("`{}` must be a list of texts", key.get_ref()));
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::String(text) if !text.is_empty() => texts.push((text.to_string(), item.span())),
                _ => self.wrong_value(item, &format!("`{}` holds texts, and none is empty", key.get_ref())),
            }
        }
        texts
    }

    fn access(&mut self, value: &Value<'_>, what: &str) -> Option<Access> {
        match value.get_ref() {
            DeValue::String(word) if word == "read" => Some(Access::Read),
            DeValue::String(word) if word == "read-write" => Some(Access::ReadWrite),
            _ => {
                self.wrong_value(value, &format!("{what} needs `\"read\"` or `\"read-write\"`"));
                None
            }
        }
    }

    fn set_number(&mut self, key: &Key<'_>, value: &Value<'_>, allowed: RangeInclusive<u64>, set: impl FnOnce(u64)) {
        let number = match value.get_ref() {
            DeValue::Integer(n) => u64::from_str_radix(&n.as_str().replace('_', ""), n.radix()).ok(),
            _ => None,
        };
        match number.filter(|n| allowed.contains(n)) {
            Some(number) => set(number),
            None => {
                let (least, most) = (allowed.start(), allowed.end());
                self.wrong_value(value, &format!("`{}` must be a whole number from {least} to {most}", key.get_ref()));
            }
        }
    }

    fn seconds(&mut self, key: &Key<'_>, value: &Value<'_>) -> Option<Duration> {
        let seconds: Option<f64> = match value.get_ref() {
            DeValue::Integer(n) if n.radix() == 10 => n.as_str().replace('_', "").parse().ok(),
            DeValue::Float(n) => n.as_str().replace('_', "").parse().ok(),
            _ => None,
        };
        let duration = seconds.filter(|s| (0.001..=31_536_000.0).contains(s)).map(Duration::from_secs_f64);
        if duration.is_none() {
            self.wrong_value(
                value,
                &format!("`{}` must be a number of seconds above 0, at most a year", key.get_ref()),
            );
        }
        duration
    }

    fn wrong_value(&mut self, value: &Value<'_>, message: &str) {
        self.report("wrong-value", message.to_owned(), value.span(), None);
    }

    fn refuse_key(&mut self, key: &Key<'_>, known: &[&str]) {
        let name = key.get_ref().as_ref();
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
