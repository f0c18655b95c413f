//! Where params are written: each layer of them (of the job, of a schedule or preset, of a step) as keys and values with
//! their places, so that a finding about a merged set of params points at the line that gave the one it is about.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use crate::reader::{Entry, entries};

/// One table of params.
#[derive(Debug)]
pub(crate) struct ParamLayer {
    /// The schedule or preset it belongs to, in the words of findings: ``schedule `nightly` ``.
    pub(crate) owner: Option<String>,
    /// Index of the step it belongs to; `None` for what all steps share.
    pub(crate) step: Option<usize>,
    /// The key of the table.
    pub(crate) key: Range<usize>,
    places: Vec<ParamPlace>,
}

/// One value, at whatever depth.
#[derive(Debug)]
pub(crate) struct ParamPlace {
    path: Vec<String>,
    pub(crate) key: Range<usize>,
    pub(crate) value: Range<usize>,
}

impl ParamLayer {
    pub(crate) fn new(table: Entry<'_, '_>, owner: Option<String>, step: Option<usize>) -> Self {
        let mut layer = Self { owner, step, key: table.key_range(), places: Vec::new() };
        layer.note(table.value, &table.key_range(), &mut Vec::new());
        layer
    }

    fn note(&mut self, value: &Spanned<DeValue<'_>>, key: &Range<usize>, path: &mut Vec<String>) {
        if !path.is_empty() {
            self.places.push(ParamPlace { path: path.clone(), key: key.clone(), value: value.span() });
        }
        match value.get_ref() {
            DeValue::Table(table) => {
                for entry in entries(table) {
                    path.push(entry.key.to_owned());
                    self.note(entry.value, &entry.key_range(), path);
                    path.pop();
                }
            }
            DeValue::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    path.push(at.to_string());
                    self.note(item, key, path);
                    path.pop();
                }
            }
            _ => {}
        }
    }

    /// The value at `path`, or what holds it when it is not written itself.
    pub(crate) fn find(&self, path: &[String]) -> Option<&ParamPlace> {
        let within = self.places.iter().filter(|place| path.starts_with(&place.path));
        within.max_by_key(|place| place.path.len())
    }

    /// Later layers win over earlier ones (`host_model::params`).
    pub(crate) fn rank(&self) -> (bool, bool) {
        (self.step.is_some(), self.owner.is_some())
    }
}
