//! `[limits.connectors]` and `[limits.tags]`: how many runs may use a connector, or carry a tag, at once, over all
//! processes of the store. Names nobody has are noted here and judged once the catalogue is known.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};

use host_model::diagnostic::{Diagnostic, Severity};
use host_model::placement::{Limits, connector_key, tag_key};

use super::layers::Layers;
use crate::Catalogue;
use crate::finding::{Findings, suggest};
use crate::reader::{Table, entries, whole_of};

const ALLOWED: RangeInclusive<u32> = 1..=10_000;

/// A name in the file that may turn out to be unknown.
#[derive(Debug, Clone)]
pub(super) struct LimitedName {
    name: String,
    is_tag: bool,
    /// What to say then; without a hint.
    warning: Diagnostic,
}

/// Reads both tables. Each may also come from the environment, whole: `NOMAFLOW_LIMITS_TAGS="etl=2,nightly=1"`.
pub(super) fn read_limits(
    table: &mut Table<'_, '_>,
    layers: &mut Layers<'_>,
    limited: &mut Vec<LimitedName>,
    out: &mut Findings,
) -> Limits {
    let mut limits = Limits::new();
    for (key, variable, is_tag) in
        [("connectors", "NOMAFLOW_LIMITS_CONNECTORS", false), ("tags", "NOMAFLOW_LIMITS_TAGS", true)]
    {
        let in_file = read_numbers(table, key, is_tag, limited, out);
        let found = layers.pick(&[variable], None, in_file, BTreeMap::new(), parse_numbers).value;
        let limit_key = if is_tag { tag_key } else { connector_key };
        limits.extend(found.into_iter().map(|(name, most)| (limit_key(&name), most)));
    }
    limits
}

fn read_numbers(
    table: &mut Table<'_, '_>,
    key: &'static str,
    is_tag: bool,
    limited: &mut Vec<LimitedName>,
    out: &mut Findings,
) -> Option<(BTreeMap<String, u32>, u32)> {
    let entry = table.take(key)?;
    table.table(key, out)?;
    let mut numbers = BTreeMap::new();
    for inner in entry.value.get_ref().as_table().map(entries).unwrap_or_default() {
        let name = inner.key.to_owned();
        let found = whole_of(&name, ALLOWED, inner.value, out);
        numbers.extend(found.map(|most| (name.clone(), most)));
        limited.push(LimitedName { warning: warning(key, &name, is_tag, inner.key_range(), out), name, is_tag });
    }
    Some((numbers, out.file.place(entry.key_span.0).0))
}

fn warning(key: &str, name: &str, is_tag: bool, span: Range<usize>, out: &Findings) -> Diagnostic {
    let (line, column) = out.file.place(span.start);
    let (code, message) = if is_tag {
        ("unknown-tag", format!("`[limits.{key}]`: no job has the tag `{name}`"))
    } else {
        ("unknown-connector", format!("`[limits.{key}]`: unknown connector `{name}`"))
    };
    let (severity, file) = (Severity::Warning, out.file.name.to_string());
    Diagnostic { code, severity, message, hint: None, file, line, column, span, job: None }
}

/// Reads `etl=2,nightly=1`.
fn parse_numbers(text: &str) -> Result<BTreeMap<String, u32>, String> {
    let read = |part: &str| {
        let (name, most) = part.split_once('=')?;
        let most = most.trim().parse().ok().filter(|most| ALLOWED.contains(most))?;
        (!name.trim().is_empty()).then(|| (name.trim().to_owned(), most))
    };
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    let wrong = |part: &str| format!("`{part}` is not of the form name=number, the number from 1 to 10000");
    parts.map(|part| read(part).ok_or_else(|| wrong(part))).collect()
}

/// Warns of every name that nothing in `catalogue` has, as far as its files could be read.
pub(super) fn check(limited: &[LimitedName], catalogue: &Catalogue) -> Vec<Diagnostic> {
    let errors = || catalogue.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    let are_connectors_known = !errors().any(|d| d.file == "connectors.toml");
    let are_tags_known = errors().all(|d| d.file == "connectors.toml");
    let set = &catalogue.connectors;
    let connectors: Vec<&str> = set.connectors.keys().chain(set.directories.keys()).map(|name| name.as_str()).collect();
    let tags: BTreeSet<&str> = catalogue.jobs.values().flat_map(|job| job.tags.iter().map(String::as_str)).collect();
    let tags: Vec<&str> = tags.into_iter().collect();
    let judge = |limit: &LimitedName| {
        let (known, is_sure) = if limit.is_tag { (&tags, are_tags_known) } else { (&connectors, are_connectors_known) };
        let is_unknown = is_sure && !known.contains(&limit.name.as_str());
        is_unknown.then(|| Diagnostic { hint: suggest(&limit.name, known.iter().copied()), ..limit.warning.clone() })
    };
    limited.iter().filter_map(judge).collect()
}
