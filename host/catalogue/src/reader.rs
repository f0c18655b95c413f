//! Walks toml's spanned tree: take a key of an expected type; what nobody took is an unknown key, reported with the
//! nearest known one; every mismatch becomes a finding and reading goes on. The only module that knows toml's types
//! well; the tables of jobs, connectors and settings are built from these few questions.
//!
//! Invariant: a question about an absent key is silent and answers `None`; one about a wrong value reports and
//! answers `None`. A key asked for is a known key, whatever the answer.

use std::ops::{Range, RangeInclusive};

use host_model::{Json, JsonMap};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::blot::is_sensitive;
use crate::finding::{Findings, list_words, suggest};

/// A string with the place of its literal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Text {
    pub(crate) value: String,
    pub(crate) span: Range<usize>,
}

/// A value of the tree with the place of its key.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'t, 'i> {
    pub(crate) key: &'t str,
    pub(crate) key_span: (usize, usize),
    pub(crate) value: &'t Spanned<DeValue<'i>>,
}

impl Entry<'_, '_> {
    pub(crate) fn key_range(&self) -> Range<usize> {
        self.key_span.0..self.key_span.1
    }
}

/// The entries of a table in the order of the file.
pub(crate) fn entries<'t, 'i>(table: &'t DeTable<'i>) -> Vec<Entry<'t, 'i>> {
    let mut all: Vec<Entry<'t, 'i>> = table
        .iter()
        .map(|(key, value)| {
            let span = key.span();
            Entry { key: key.get_ref(), key_span: (span.start, span.end), value }
        })
        .collect();
    all.sort_by_key(|entry| entry.key_span);
    all
}

/// One table being read.
pub(crate) struct Table<'t, 'i> {
    /// What it is, for messages: ``job `x` ``, ``step `y` ``.
    pub(crate) what: String,
    /// Its header, where missing keys are reported.
    pub(crate) place: Range<usize>,
    entries: &'t DeTable<'i>,
    /// Only these count as written here; others were laid under it by `step_defaults`.
    own: Option<&'t DeTable<'i>>,
    known: Vec<&'static str>,
    missing: Vec<String>,
}

impl<'t, 'i> Table<'t, 'i> {
    pub(crate) fn new(what: impl Into<String>, entries: &'t DeTable<'i>, place: Range<usize>) -> Self {
        Self { what: what.into(), place, entries, own: None, known: Vec::new(), missing: Vec::new() }
    }

    /// A table some of whose entries come from defaults: only those of `own` can be unknown here.
    pub(crate) fn with_defaults(mut self, own: &'t DeTable<'i>) -> Self {
        self.own = Some(own);
        self
    }

    /// The keys asked for so far.
    pub(crate) fn known(&self) -> &[&'static str] {
        &self.known
    }

    /// The entry, whatever its type.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<Entry<'t, 'i>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let (name, value) = self.entries.get_key_value(key)?;
        let span = name.span();
        Some(Entry { key: name.get_ref(), key_span: (span.start, span.end), value })
    }

    fn take_as<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        out: &mut Findings,
        convert: impl FnOnce(&'t Spanned<DeValue<'i>>) -> Option<T>,
    ) -> Option<T> {
        let entry = self.take(key)?;
        let converted = convert(entry.value);
        if converted.is_none() {
            wrong_type(key, expected, entry.value, out);
        }
        converted
    }

    /// Notes a required key that is absent; all of them are reported together by [`Table::finish`].
    pub(crate) fn require(&mut self, key: &'static str) {
        if self.take(key).is_none() {
            self.missing.push(key.to_owned());
        }
    }

    pub(crate) fn text(&mut self, key: &'static str, out: &mut Findings) -> Option<Text> {
        self.take_as(key, "a string", out, text_of)
    }

    /// A string with something in it.
    pub(crate) fn filled_text(&mut self, key: &'static str, out: &mut Findings) -> Option<Text> {
        let text = self.text(key, out)?;
        if text.value.trim().is_empty() {
            out.error("empty-value", text.span, format!("`{key}` of {} is empty", self.what), None);
            return None;
        }
        Some(text)
    }

    /// [`Table::filled_text`] that must be there.
    pub(crate) fn need_text(&mut self, key: &'static str, out: &mut Findings) -> Option<Text> {
        self.require(key);
        self.filled_text(key, out)
    }

    pub(crate) fn boolean(&mut self, key: &'static str, out: &mut Findings) -> Option<bool> {
        self.take_as(key, "`true` or `false`", out, |value| value.get_ref().as_bool())
    }

    pub(crate) fn whole(&mut self, key: &'static str, allowed: RangeInclusive<u32>, out: &mut Findings) -> Option<u32> {
        let entry = self.take(key)?;
        whole_of(key, allowed, entry.value, out)
    }

    /// One of a list of words.
    pub(crate) fn word<T>(
        &mut self,
        key: &'static str,
        allowed: &[&str],
        parse: impl FnOnce(&str) -> Option<T>,
        out: &mut Findings,
    ) -> Option<(T, Text)> {
        let text = self.text(key, out)?;
        let parsed = parse(&text.value);
        if parsed.is_none() {
            let list = list_words(allowed.iter().copied()).unwrap_or_default();
            let message = format!("`{key}` is `{}`; allowed are {list}", text.value);
            let near = host_model::diagnostic::nearest(&text.value, allowed.iter().copied());
            out.error("not-allowed", text.span.clone(), message, near.map(|n| format!("did you mean `{n}`?")));
        }
        parsed.map(|parsed| (parsed, text))
    }

    /// A list of strings.
    pub(crate) fn texts(&mut self, key: &'static str, out: &mut Findings) -> Vec<Text> {
        let mut list = Vec::new();
        for item in self.items(key, "a list of strings", out) {
            match text_of(item) {
                Some(text) => list.push(text),
                None => wrong_type(key, "a list of strings", item, out),
            }
        }
        list
    }

    /// The items of a list; none when it is absent or wrong.
    pub(crate) fn items(
        &mut self,
        key: &'static str,
        expected: &str,
        out: &mut Findings,
    ) -> &'t [Spanned<DeValue<'i>>] {
        self.take_as(key, expected, out, |value| value.get_ref().as_array()).map_or(&[], |array| array)
    }

    /// A table below this one, as JSON.
    pub(crate) fn object(&mut self, key: &'static str, out: &mut Findings) -> JsonMap {
        let table = self.take_as(key, "a table", out, |value| value.get_ref().as_table());
        table.map(|table| json_object(table, out)).unwrap_or_default()
    }

    /// Any value, as JSON.
    pub(crate) fn json(&mut self, key: &'static str, out: &mut Findings) -> Option<Json> {
        let entry = self.take(key)?;
        json_of(entry.value, out)
    }

    /// A table below this one.
    pub(crate) fn table(&mut self, key: &'static str, out: &mut Findings) -> Option<Table<'t, 'i>> {
        let what = format!("`{key}` of {}", self.what);
        self.take_as(key, "a table", out, |value| {
            value.get_ref().as_table().map(|entries| Table::new(what, entries, value.span()))
        })
    }

    /// The tables of a `[[list]]`, as written.
    pub(crate) fn tables(
        &mut self,
        key: &'static str,
        header: &str,
        out: &mut Findings,
    ) -> Vec<(&'t DeTable<'i>, Range<usize>)> {
        let expected = format!("a list of tables, each under `{header}`");
        let mut list = Vec::new();
        for item in self.items(key, &expected, out) {
            match item.get_ref().as_table() {
                Some(table) => list.push((table, item.span())),
                None => wrong_type(key, &expected, item, out),
            }
        }
        list
    }

    /// A key of a later version: refused wherever it stands.
    pub(crate) fn refuse(&mut self, key: &'static str, hint: &str, out: &mut Findings) {
        if let Some(entry) = self.take(key) {
            out.not_yet(entry.key_range(), &format!("`{key}`"), hint);
        }
    }

    /// A key that belongs elsewhere: unknown here, and `hint` says where it goes.
    pub(crate) fn misplaced(&mut self, key: &'static str, hint: &str, out: &mut Findings) {
        if let Some(entry) = self.take(key) {
            let message = format!("unknown key `{key}` in {}", self.what);
            out.error("unknown-key", entry.key_range(), message, Some(hint.to_owned()));
        }
    }

    /// Two spellings of one key: the first may be used or the second, both at once are an error.
    pub(crate) fn alias(&mut self, key: &'static str, alias: &'static str, out: &mut Findings) -> &'static str {
        match (self.take(key), self.take(alias)) {
            (Some(_), Some(second)) => {
                let message = format!("{} has both `{key}` and `{alias}`, which mean the same", self.what);
                out.error("conflict", second.key_range(), message, Some(format!("keep `{key}`")));
                key
            }
            (None, Some(_)) => alias,
            _ => key,
        }
    }

    /// Reports unknown and missing keys.
    pub(crate) fn finish(self, out: &mut Findings) {
        self.report_unknown(out);
        self.report_missing(out);
    }

    /// Reports missing keys only: without its type nobody can say which keys a table has.
    pub(crate) fn finish_typeless(self, out: &mut Findings) {
        self.report_missing(out);
    }

    /// Reports unknown keys; missing ones are left to `parent`, as `prefix.key`.
    pub(crate) fn finish_below(self, prefix: &str, parent: &mut Self, out: &mut Findings) {
        self.report_unknown(out);
        parent.missing.extend(self.missing.iter().map(|key| format!("{prefix}.{key}")));
    }

    fn report_missing(&self, out: &mut Findings) {
        if let Some(list) = list_words(self.missing.iter().map(String::as_str)) {
            let message = format!("{} is missing required field(s): {list}", self.what);
            out.error("missing-field", self.place.clone(), message, None);
        }
    }

    fn report_unknown(&self, out: &mut Findings) {
        for entry in entries(self.own.unwrap_or(self.entries)) {
            if !self.known.contains(&entry.key) {
                unknown_key(entry, &self.what, &self.known, out);
            }
        }
    }
}

/// Reports a key nobody asked for.
pub(crate) fn unknown_key(entry: Entry<'_, '_>, what: &str, known: &[&'static str], out: &mut Findings) {
    let message = format!("unknown key `{}` in {what}", entry.key);
    out.error("unknown-key", entry.key_range(), message, suggest(entry.key, known.iter().copied()));
}

/// Reports a value of another type than the key wants.
pub(crate) fn wrong_type(key: &str, expected: &str, value: &Spanned<DeValue<'_>>, out: &mut Findings) {
    let found = describe(value.get_ref(), is_sensitive(key));
    let is_number_in_quotes =
        expected.contains("number") && value.get_ref().as_str().is_some_and(|text| text.trim().parse::<u32>().is_ok());
    let hint = is_number_in_quotes.then(|| "write the number without quotes".to_owned());
    out.error("wrong-type", value.span(), format!("`{key}` must be {expected}, found {found}"), hint);
}

fn describe(value: &DeValue<'_>, hide: bool) -> String {
    match value {
        DeValue::String(_) if hide => "a string".to_owned(),
        DeValue::String(text) => {
            let short: String = text.chars().take(40).collect();
            let dots = if short.len() < text.len() { "…" } else { "" };
            format!("the string {short:?}{dots}")
        }
        DeValue::Integer(number) if !hide => format!("the number `{number}`"),
        DeValue::Float(number) if !hide => format!("the number `{number}`"),
        DeValue::Integer(_) | DeValue::Float(_) => "a number".to_owned(),
        DeValue::Boolean(value) => format!("`{value}`"),
        DeValue::Datetime(value) => format!("the date `{value}`"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

pub(crate) fn text_of(value: &Spanned<DeValue<'_>>) -> Option<Text> {
    let text = value.get_ref().as_str()?;
    Some(Text { value: text.to_owned(), span: value.span() })
}

/// A whole number within `allowed`.
pub(crate) fn whole_of(
    key: &str,
    allowed: RangeInclusive<u32>,
    value: &Spanned<DeValue<'_>>,
    out: &mut Findings,
) -> Option<u32> {
    let Some(number) = value.get_ref().as_integer() else {
        wrong_type(key, "a whole number", value, out);
        return None;
    };
    let read = i64::from_str_radix(number.as_str(), number.radix()).ok().and_then(|n| u32::try_from(n).ok());
    let fitting = read.filter(|n| allowed.contains(n));
    if fitting.is_none() {
        let (least, most) = (*allowed.start(), *allowed.end());
        let message = match most {
            _ if least == most => format!("`{key}` is {number}; it must be {least}"),
            u32::MAX if number.as_str().starts_with('-') || read.is_some() => {
                format!("`{key}` is {number}; it must be at least {least}")
            }
            _ => format!("`{key}` is {number}; allowed are {least} to {most}"),
        };
        out.error("out-of-range", value.span(), message, None);
    }
    fitting
}

/// A table as a JSON object, keys in the order of the file.
pub(crate) fn json_object(table: &DeTable<'_>, out: &mut Findings) -> JsonMap {
    let items = entries(table).into_iter();
    items.filter_map(|entry| Some((entry.key.to_owned(), json_of(entry.value, out)?))).collect()
}

/// A value as JSON; dates become text.
pub(crate) fn json_of(value: &Spanned<DeValue<'_>>, out: &mut Findings) -> Option<Json> {
    let number = match value.get_ref() {
        DeValue::String(text) => return Some(Json::String(text.to_string())),
        DeValue::Boolean(flag) => return Some(Json::Bool(*flag)),
        DeValue::Datetime(date) => return Some(Json::String(date.to_string())),
        DeValue::Array(items) => {
            return Some(Json::Array(items.iter().filter_map(|item| json_of(item, out)).collect()));
        }
        DeValue::Table(table) => return Some(Json::Object(json_object(table, out))),
        DeValue::Integer(n) => i64::from_str_radix(n.as_str(), n.radix()).ok().map(Json::from),
        DeValue::Float(n) => n.as_str().parse().ok().and_then(serde_json::Number::from_f64).map(Json::Number),
    };
    if number.is_none() {
        let message = format!("{} cannot be a parameter", describe(value.get_ref(), false));
        out.error("out-of-range", value.span(), message, Some("write it as a string".into()));
    }
    number
}

/// Shows `see` every string inside `value`, with the place of its literal.
pub(crate) fn each_text(value: &Spanned<DeValue<'_>>, see: &mut dyn FnMut(Text)) {
    match value.get_ref() {
        DeValue::String(text) => see(Text { value: text.to_string(), span: value.span() }),
        DeValue::Array(items) => items.iter().for_each(|item| each_text(item, see)),
        DeValue::Table(table) => entries(table).iter().for_each(|entry| each_text(entry.value, see)),
        _ => {}
    }
}
