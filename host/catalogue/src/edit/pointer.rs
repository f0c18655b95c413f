//! From a place in the text of a job to the JSON Pointer of what stands there, so that a finding can be shown at its field.

use std::ops::Range;

use host_model::diagnostic::Diagnostic;
use toml::de::{DeTable, DeValue};

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// JSON Pointer into the job; empty for the job as a whole.
    pub pointer: String,
    /// Characters it covers, from its line and column on.
    pub length: u32,
}

/// Where in `text`, one `[[jobs]]` table, `found` is; several places when it names several missing keys.
pub fn place_of(text: &str, found: &Diagnostic) -> Vec<Place> {
    let (root, _) = DeTable::parse_recoverable(text);
    let mut seen = Vec::new();
    if let Some(jobs) = root.get_ref().get("jobs").and_then(|jobs| jobs.get_ref().as_array())
        && let Some(job) = jobs.first()
    {
        seen.push((String::new(), job.span()));
        if let DeValue::Table(table) = job.get_ref() {
            walk(table, "", &mut seen);
        }
    }
    narrowest(&seen, text, found)
}

/// Where in `text`, a whole file, `found` is: `/pools/erp/url`.
pub(super) fn place_in_file(text: &str, found: &Diagnostic) -> Vec<Place> {
    let (root, _) = DeTable::parse_recoverable(text);
    let mut seen = Vec::new();
    walk(root.get_ref(), "", &mut seen);
    narrowest(&seen, text, found)
}

fn narrowest(seen: &[(String, Range<usize>)], text: &str, found: &Diagnostic) -> Vec<Place> {
    let at = found.span.start;
    let around = seen.iter().filter(|(_, range)| range.contains(&at) || (range.start == at && found.line > 0));
    let narrowest = around.min_by_key(|(pointer, range)| (range.len(), usize::MAX - pointer.len()));
    let pointer = narrowest.map(|(pointer, _)| pointer.clone()).unwrap_or_default();
    let length = text.get(found.span.clone()).map_or(0, |part| part.lines().next().unwrap_or_default().chars().count());
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let place = |pointer: String| Place { pointer, length };
    match found.message.split_once("missing required field(s): ") {
        Some((_, list)) if found.code == "missing-field" => {
            let names = list.split('`').skip(1).step_by(2);
            names.map(|name| place(format!("{pointer}/{}", name.replace('.', "/")))).collect()
        }
        _ if found.code == "missing-field" && found.message.ends_with("has no steps") => {
            vec![place("/steps".to_owned())]
        }
        _ => vec![place(pointer)],
    }
}

/// Every key and value with its place: of a key with a plain value, from the key to the end of the value.
fn walk(table: &DeTable<'_>, at: &str, seen: &mut Vec<(String, Range<usize>)>) {
    for (key, value) in table {
        let at = format!("{at}/{}", key.get_ref().replace('~', "~0").replace('/', "~1"));
        seen.push((at.clone(), key.span()));
        seen.push((at.clone(), value.span()));
        match value.get_ref() {
            DeValue::Table(inner) => walk(inner, &at, seen),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let at = format!("{at}/{index}");
                    seen.push((at.clone(), item.span()));
                    if let DeValue::Table(inner) = item.get_ref() {
                        walk(inner, &at, seen);
                    }
                }
            }
            _ => {}
        }
    }
}
