//! `jobs.local.toml`: what the operator changed on top of the jobs of `jobs.toml`, by id. A table of it whose id is one of
//! the file below is laid over that job; any other is a job of its own.
//!
//! The rule of [`merge`], the only one there is: a table goes into the table of the same key; `steps`, `schedules`,
//! `presets` and `blackouts` meet by `name`, and new names come after the others; everything else is replaced. A job with
//! `replace = true` takes the place of the one below as a whole.
//! Invariant: places in the upper file are counted on from the end of the lower one (`SourceFile::with_over`), so that
//! each finding about the merged job points at the line that is to blame.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::draft::Draft;
use crate::finding::Findings;

/// Lists of tables that meet by name.
pub(crate) const NAMED_LISTS: [&str; 4] = ["steps", "schedules", "presets", "blackouts"];
/// Two spellings of one key, and two keys of which only one may be there.
const PAIRS: [(&str, &str); 4] = [
    ("op_kwargs", "kwargs"),
    ("attempts", "max_attempts"),
    ("base_seconds", "initial_delay_seconds"),
    ("cron", "every"),
];
/// The key that makes a table take the place of the job below.
pub(crate) const REPLACE: &str = "replace";

/// What lies over the jobs of a file, and which jobs of a file do not count.
#[derive(Default)]
pub(crate) struct Laid<'i> {
    /// Job, header, and whether its text has syntax errors.
    over: BTreeMap<String, (DeTable<'i>, Range<usize>, bool)>,
    used: RefCell<BTreeSet<String>>,
    /// Ids that were laid over another job already; `None` for a file that is no overlay.
    skip: Option<RefCell<BTreeSet<String>>>,
}

/// What becomes of a job table.
pub(crate) enum Fate<'i> {
    /// It was part of another job.
    Skip,
    /// Nothing lies over it.
    Alone(Range<usize>),
    /// The job to read in its place, and the header it goes by.
    Merged(DeTable<'i>, Range<usize>),
}

/// The id as written.
pub(crate) fn id_of<'t>(table: &'t DeTable<'_>) -> Option<&'t str> {
    table.get("id").or_else(|| table.get("name"))?.get_ref().as_str()
}

impl<'i> Laid<'i> {
    /// The jobs of `parts`, each a part of an overlay at its place.
    pub(crate) fn new(parts: &'i [String]) -> Self {
        let mut over = BTreeMap::new();
        for part in parts {
            let (root, errors) = DeTable::parse_recoverable(part);
            let is_broken = !errors.is_empty();
            let jobs = root.get_ref().get("jobs").and_then(|jobs| jobs.get_ref().as_array());
            for job in jobs.into_iter().flat_map(|jobs| jobs.iter()) {
                let Some(table) = job.get_ref().as_table() else { continue };
                let Some(id) = id_of(table) else { continue };
                // The second of two is left to the file's own reading, which finds the first one missing.
                over.entry(id.to_owned()).or_insert((table.clone(), job.span(), is_broken));
            }
        }
        Self { over, ..Self::default() }
    }

    /// For the reading of the overlay as a file of its own.
    pub(crate) fn without(skip: BTreeSet<String>) -> Self {
        Self { skip: Some(RefCell::new(skip)), ..Self::default() }
    }

    /// Ids that something was laid over.
    pub(crate) fn used(self) -> BTreeSet<String> {
        self.used.into_inner()
    }

    /// What becomes of the job `table`.
    pub(crate) fn over(&self, table: &DeTable<'i>, header: Range<usize>) -> Fate<'i> {
        let Some(id) = id_of(table) else { return Fate::Alone(header) };
        if self.skip.as_ref().is_some_and(|skip| skip.borrow_mut().remove(id)) {
            return Fate::Skip;
        }
        let Some((over, over_header, _)) = self.over.get(id) else { return Fate::Alone(header) };
        self.used.borrow_mut().insert(id.to_owned());
        match replaces(over) {
            Some(true) => Fate::Merged(merge(&DeTable::new(), over), over_header.clone()),
            _ => Fate::Merged(merge(table, over), header),
        }
    }

    /// Findings about a job that only its overlay explains.
    pub(crate) fn judge(&self, table: &DeTable<'_>, draft: &Draft, out: &mut Findings) {
        let Some(id) = &draft.id else { return };
        if let Some((_, header, true)) = self.over.get(&id.value) {
            let message = format!("what is laid over job `{}` is not valid TOML", id.value);
            out.error("syntax", header.clone(), message, Some("the job does not run until it is".into()));
        }
        if self.skip.is_some() && !table.contains_key("steps") {
            out.drain();
            let message = format!("job `{}` is changed here, but there is no job of this id to change", id.value);
            let hint = "take it out, or give it steps of its own";
            out.error("overlay-without-job", draft.header.clone(), message, Some(hint.to_owned()));
        }
    }
}

fn replaces(over: &DeTable<'_>) -> Option<bool> {
    over.get(REPLACE)?.get_ref().as_bool()
}

/// `over` on top of `base`, without the key that says how.
pub(crate) fn merge<'i>(base: &DeTable<'i>, over: &DeTable<'i>) -> DeTable<'i> {
    let mut merged = base.clone();
    let is_switch = |key: &str| key == REPLACE && replaces(over).is_some();
    for (key, value) in over.iter().filter(|(key, _)| !is_switch(key.get_ref())) {
        let name = key.get_ref().as_ref();
        let below = twin(name).filter(|twin| !merged.contains_key(name) && merged.contains_key(*twin)).unwrap_or(name);
        match (merged.get_mut(below).map(Spanned::get_mut), value.get_ref()) {
            (Some(DeValue::Table(base)), DeValue::Table(over)) => *base = merge(base, over),
            (Some(DeValue::Array(base)), DeValue::Array(over)) if NAMED_LISTS.contains(&name) => {
                for item in over.iter() {
                    merge_item(base, item);
                }
            }
            _ => {
                // With the place of the key that is in force.
                merged.remove(below);
                merged.insert(key.clone(), value.clone());
            }
        }
    }
    merged
}

/// Lays `item` over the one of its name, or puts it behind all.
fn merge_item<'i>(list: &mut DeArray<'i>, item: &Spanned<DeValue<'i>>) {
    let found = list.iter_mut().find(|other| name_of(other).is_some() && name_of(other) == name_of(item));
    match (found.map(Spanned::get_mut), item.get_ref()) {
        (Some(DeValue::Table(base)), DeValue::Table(over)) => *base = merge(base, over),
        _ => list.push(item.clone()),
    }
}

/// The other spelling of a key, or the key it excludes.
pub(crate) fn twin(key: &str) -> Option<&'static str> {
    PAIRS.iter().find_map(|(a, b)| if *a == key { Some(*b) } else { (*b == key).then_some(*a) })
}

fn name_of<'t>(item: &'t Spanned<DeValue<'_>>) -> Option<&'t str> {
    item.get_ref().as_table()?.get("name")?.get_ref().as_str()
}
