//! Reads one `[[jobs.steps]]` table: `step_defaults` are laid under it, the keys every step has are read here, the rest
//! by one reader per step type (`sql`, `http`, `directory`). What its strings claim about connectors, queries and
//! callables is noted in the draft.

mod directory;
mod http;
mod sql;

use std::ops::Range;

use host_model::condition::Condition;
use host_model::job::DEFAULT_STEP_TIMEOUT_SECONDS;
use host_model::job::spec::Pins;
use host_model::{Step, StepName, StepSpec, template};
use toml::de::{DeTable, DeValue};

use crate::draft::{ClaimKind, Draft, Templated};
use crate::finding::Findings;
use crate::job_table::read_retry;
use crate::param_place::ParamLayer;
use crate::reader::{Table, each_text, entries};

/// Keys of a step that no template may stand in.
const PLAIN_KEYS: [&str; 2] = ["name", "type"];
/// Tables of `step_defaults` that are merged key by key; everything else is replaced whole.
const MERGED_TABLES: [&str; 5] = ["source", "target", "headers", "mapping", "op_kwargs"];

/// Reads the step at `index`; the keys a step of its type has are added to `known`, which a step
/// without a type makes `None`.
pub(crate) fn read_step(
    index: usize,
    own: &DeTable<'_>,
    place: Range<usize>,
    defaults: Option<&DeTable<'_>>,
    draft: &mut Draft,
    known: &mut Option<Vec<&'static str>>,
    out: &mut Findings,
) -> Option<Step> {
    let merged = merge(defaults, own);
    let mut table = Table::new(format!("step {}", index + 1), &merged, place).with_defaults(own);
    let name = table.need_text("name", out);
    if let Some(name) = &name {
        table.what = format!("step `{}`", name.value);
    }
    draft.step_names.push(name.clone());
    let name = name.and_then(|name| match StepName::new(&name.value) {
        Ok(valid) => Some(valid),
        Err(error) => {
            out.error("step-name-invalid", name.span, error.to_string(), None);
            None
        }
    });
    table.require("type");
    let parse = |text: &str| StepSpec::TYPES.into_iter().find(|known| *known == text);
    let Some((kind, _)) = table.word("type", &StepSpec::TYPES, parse, out) else {
        // Without a type nobody can say which of the other keys are known.
        table.finish_typeless(out);
        *known = None;
        return None;
    };
    for entry in entries(&merged) {
        if !PLAIN_KEYS.contains(&entry.key) {
            each_text(entry.value, &mut |text| draft.templated.push(Templated { step: Some(index), text }));
        }
    }

    let enabled = table.boolean("enabled", out).unwrap_or(true);
    let timeout = table.whole("timeout_seconds", 1..=u32::MAX, out).unwrap_or(DEFAULT_STEP_TIMEOUT_SECONDS);
    let retry = read_retry(&mut table, out);
    let kwargs = table.alias("op_kwargs", "kwargs", out);
    let op_kwargs = table.object(kwargs, out);
    draft.param_layers.extend(table.take(kwargs).map(|entry| ParamLayer::new(entry, None, Some(index))));
    let continue_on_error = table.boolean("continue_on_error", out).unwrap_or(false);
    let when = read_when(&mut table, out);
    let resumable = table.boolean("resumable", out).unwrap_or(true);
    let spec = match kind {
        "sql_query" => sql::read_query(&mut table, draft, out),
        "sql_copy" => sql::read_copy(&mut table, draft, out),
        "python" => {
            read_callable(&mut table, ClaimKind::Python, draft, out).map(|callable| StepSpec::Python { callable })
        }
        "wasm" => {
            let claim = ClaimKind::Wasm { step: index };
            read_callable(&mut table, claim, draft, out).map(|callable| StepSpec::Wasm { callable, pins: Pins::new() })
        }
        "http" => http::read_http(&mut table, out),
        "ldap_sync" => directory::read_ldap_sync(&mut table, draft, out),
        _ => directory::read_call_job(&mut table, draft, out),
    };
    if let Some(known) = known {
        known.extend(table.known());
    }
    table.finish(out);
    let (name, spec) = (name?, spec?);
    Some(Step { name, enabled, when, timeout_seconds: timeout, retry, op_kwargs, resumable, continue_on_error, spec })
}

/// Its templates are checked with those of all other keys.
fn read_when(table: &mut Table<'_, '_>, out: &mut Findings) -> Option<Condition> {
    let text = table.text("when", out)?;
    match Condition::parse(&text.value) {
        Ok(condition) => Some(condition),
        Err(error) => {
            if template::parse(&text.value).is_ok() {
                let place = out.file.inside_string(&text.span, &text.value, error.start..error.end);
                out.error("condition-invalid", place, error.message, error.hint);
            }
            None
        }
    }
}

fn read_callable(table: &mut Table<'_, '_>, kind: ClaimKind, draft: &mut Draft, out: &mut Findings) -> Option<String> {
    let callable = table.need_text("callable", out);
    draft.claim(callable.as_ref(), kind);
    callable.map(|text| text.value)
}

/// `own` over `defaults`.
fn merge<'i>(defaults: Option<&DeTable<'i>>, own: &DeTable<'i>) -> DeTable<'i> {
    let mut merged = own.clone();
    for (key, value) in defaults.into_iter().flatten() {
        let is_renamed = key.get_ref() == "op_kwargs" && own.contains_key("kwargs");
        let name = if is_renamed { "kwargs" } else { key.get_ref() };
        match merged.get_mut(name).map(|found| found.get_mut()) {
            None => {
                merged.insert(key.clone(), value.clone());
            }
            Some(DeValue::Table(inner)) if MERGED_TABLES.contains(&key.get_ref().as_ref()) => {
                for (key, value) in value.get_ref().as_table().into_iter().flatten() {
                    if !inner.contains_key(key.get_ref().as_ref()) {
                        inner.insert(key.clone(), value.clone());
                    }
                }
            }
            Some(_) => {}
        }
    }
    merged
}
