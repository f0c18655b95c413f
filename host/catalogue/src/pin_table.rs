//! Reads `[jobs.pins]`: which version of a component the steps of a job call, whatever is in force. A version is known by
//! the digest of its file; how much of it has to be written keeps two versions apart and a slip from naming another.

use host_model::job::spec::Pins;
use host_model::{Step, StepSpec};

use crate::draft::Draft;
use crate::finding::Findings;
use crate::reader::{Table, Text, entries, text_of, wrong_type};

/// Digits of a digest that have to be written, and all of them.
const LEAST_DIGITS: usize = 12;
const DIGITS: usize = 64;

/// Reads the pins of a job into its steps.
pub(crate) fn read_pins(table: &mut Table<'_, '_>, steps: &mut [Step], draft: &mut Draft, out: &mut Findings) {
    let Some(entry) = table.take("pins") else { return };
    let Some(found) = entry.value.get_ref().as_table() else {
        wrong_type("pins", "a table", entry.value, out);
        return;
    };
    let mut pins = Pins::new();
    for entry in entries(found) {
        let Some(text) = text_of(entry.value) else {
            wrong_type(entry.key, "a string", entry.value, out);
            continue;
        };
        let digest = text.value.to_ascii_lowercase();
        let is_digest =
            (LEAST_DIGITS..=DIGITS).contains(&digest.len()) && digest.chars().all(|c| c.is_ascii_hexdigit());
        if !is_digest {
            let message = format!(
                "`pins.{}` of {} is `{}`, which is not how the digest of a version begins",
                entry.key, table.what, text.value
            );
            let hint = format!(
                "write {LEAST_DIGITS} to {DIGITS} hexadecimal digits, see `nomaflow plugin versions {}`",
                entry.key
            );
            out.error("pin-invalid", text.span, message, Some(hint));
            continue;
        }
        if !steps.iter().any(|step| may_call(step, entry.key)) {
            let message = format!("{} pins component `{}`, which none of its steps calls", table.what, entry.key);
            out.warning("pin-unused", entry.key_range(), message, None);
        }
        pins.insert(entry.key.to_owned(), digest.clone());
        draft.pins.insert(entry.key.to_owned(), Text { value: digest, span: text.span });
    }
    for step in steps {
        if let StepSpec::Wasm { pins: of_step, .. } = &mut step.spec {
            of_step.clone_from(&pins);
        }
    }
}

/// Only the run knows what a template will say.
fn may_call(step: &Step, plugin: &str) -> bool {
    let StepSpec::Wasm { callable, .. } = &step.spec else { return false };
    callable.contains("${") || callable.split(['.', ':']).next() == Some(plugin)
}
