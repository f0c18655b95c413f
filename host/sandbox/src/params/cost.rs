//! Whether checking against a schema is surely quick. References make a short text stand for a schema of any size: twenty
//! definitions that each name the next one twice are a million rules. So every reference is followed, and counted as
//! often as the library would follow it.
//!
//! Invariant: what is let through refers to itself only by `#` and `#/…`, or the count would be one of another schema.

use std::collections::HashMap;

use host_model::Json;

/// Rules of an unfolded schema. Honest ones have hundreds; checking one takes about a microsecond.
const MOST_RULES: u64 = 20_000;
/// Schemas inside one another, references followed.
const DEEPEST: usize = 200;
/// Keywords whose value is a schema for each of many names.
const BY_NAME: [&str; 5] = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];
/// Keywords whose value is data, not a schema.
const DATA: [&str; 5] = ["enum", "const", "default", "examples", "required"];
/// Keywords that change what a reference means, or follow one that only the params decide.
const REFUSED: [&str; 5] = ["$id", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor"];

/// Refuses a schema that could take long, or that refers to anything but itself.
pub(super) fn ensure_modest(schema: &Json) -> Result<(), String> {
    let mut counter = Counter { root: schema, counted: HashMap::new() };
    let rules = counter.count(schema, 0)?;
    if rules > MOST_RULES {
        return Err(format!("it stands for more than {MOST_RULES} rules once its references are followed"));
    }
    Ok(())
}

/// What a reference of the form `#/…` means.
pub(super) fn find_target<'s>(root: &'s Json, reference: &str) -> Option<&'s Json> {
    root.pointer(reference.strip_prefix('#')?)
}

struct Counter<'s> {
    root: &'s Json,
    /// By reference; `None` while its target is counted, and then it is a circle, which the library stops too.
    counted: HashMap<&'s str, Option<u64>>,
}

impl<'s> Counter<'s> {
    fn count(&mut self, schema: &'s Json, depth: usize) -> Result<u64, String> {
        if depth > DEEPEST {
            return Err(format!("its schemas are more than {DEEPEST} deep inside one another"));
        }
        let Some(object) = schema.as_object() else { return Ok(1) };
        let mut rules: u64 = 1;
        for (key, value) in object {
            let found = match key.as_str() {
                // At its root an identifier names the whole and changes nothing.
                "$id" if depth == 0 => 0,
                key if REFUSED.contains(&key) && value.is_string() => {
                    return Err(format!("it uses `{key}`, and only `$ref` within itself is supported"));
                }
                "$ref" => self.count_target(value, depth)?,
                key if DATA.contains(&key) => 1,
                key if BY_NAME.contains(&key) => {
                    self.count_all(value.as_object().into_iter().flat_map(|it| it.values()), depth)?
                }
                _ => match value {
                    Json::Array(items) => self.count_all(items.iter(), depth)?,
                    other => self.count(other, depth + 1)?,
                },
            };
            rules = rules.saturating_add(found);
        }
        Ok(rules)
    }

    fn count_all(&mut self, schemas: impl Iterator<Item = &'s Json>, depth: usize) -> Result<u64, String> {
        let mut rules: u64 = 0;
        for schema in schemas {
            rules = rules.saturating_add(self.count(schema, depth + 1)?);
        }
        Ok(rules)
    }

    fn count_target(&mut self, reference: &'s Json, depth: usize) -> Result<u64, String> {
        let Some(reference) = reference.as_str() else { return Ok(1) };
        match self.counted.get(reference) {
            Some(Some(rules)) => return Ok(*rules),
            Some(None) => return Ok(1),
            None => {}
        }
        let is_inside = reference == "#" || reference.starts_with("#/");
        let target = Some(reference).filter(|_| is_inside).and_then(|reference| find_target(self.root, reference));
        let Some(target) = target else {
            return Err(format!("its `$ref` `{reference}` leads to nothing within it"));
        };
        self.counted.insert(reference, None);
        let rules = self.count(target, depth + 1)?;
        self.counted.insert(reference, Some(rules));
        Ok(rules)
    }
}
