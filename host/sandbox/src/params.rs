//! A step's params against the JSON Schema that its callable publishes: [`ParamsSchema`] is made once per callable,
//! `cost` refuses a schema that could keep the host busy, `words` turns what the library finds into sentences.
//!
//! Checked are the params a step is given by name, and of those it shares with its whole job the ones the schema has a
//! property for (`callables.call` in `wit/step`). Invariants: a schema comes from anybody, so nothing in it is fetched,
//! and it is refused before it is compiled when checking against it could take long; no message holds a value of the
//! params, because at run time it may be a secret.

mod cost;
mod words;

use std::collections::HashSet;

use host_model::diagnostic::nearest;
use host_model::{Json, JsonMap, StepError};
use jsonschema::{Draft, PatternOptions, Validator};

use words::{Complaint, complaints};

/// Steps back a pattern may take, which bounds the time of one check.
const BACKTRACKS: usize = 100_000;
/// Bytes a compiled pattern may take.
const PATTERN_BYTES: usize = 1024 * 1024;
/// What is told about one set of params; the rest shows when these are mended.
const MOST_PROBLEMS: usize = 20;

/// What is wrong with the params for one callable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamProblem {
    /// The param, and the keys and positions inside it, outermost first. Of one that is unknown or missing the last is
    /// its name.
    pub path: Vec<String>,
    /// What kind of rule it breaks.
    pub rule: ParamRule,
    /// What is wrong, naming the param and the rule and never the value; lower-case start, no final stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// See [`ParamProblem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamRule {
    /// The schema forbids a param of this name.
    Unknown,
    /// The schema demands it.
    Missing,
    /// The value is of another type.
    Type,
    /// The value is of a type that fits and breaks another rule.
    Value,
}

/// The params one callable takes.
pub(crate) struct ParamsSchema {
    validator: Validator,
    /// Names the schema has a property for, in its order.
    names: Vec<String>,
}

impl ParamsSchema {
    /// Reads the text a component publishes.
    ///
    /// # Errors
    /// Why nothing can be checked against it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let schema: Json = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
        cost::ensure_modest(&schema)?;
        let patterns = PatternOptions::fancy_regex()
            .backtrack_limit(BACKTRACKS)
            .size_limit(PATTERN_BYTES)
            .dfa_size_limit(PATTERN_BYTES);
        let options = jsonschema::options().with_draft(Draft::Draft202012).with_pattern_options(patterns);
        let validator = options.build(&schema).map_err(|error| {
            let place = error.instance_path().as_str();
            if place.is_empty() { error.to_string() } else { format!("{error}, at `{place}`") }
        })?;
        let mut names = Vec::new();
        collect_names(&schema, &schema, &mut HashSet::new(), &mut names);
        Ok(Self { validator, names })
    }

    /// What is wrong with `params`, of which those named in `own` were meant for this step. `callable` is for messages.
    pub(crate) fn check(&self, callable: &str, params: &JsonMap, own: &[String]) -> Vec<ParamProblem> {
        let is_meant = |key: &String| own.contains(key) || self.names.contains(key);
        let meant = params.iter().filter(|(key, _)| is_meant(key));
        let meant = Json::Object(meant.map(|(key, value)| (key.clone(), value.clone())).collect());
        let mut problems: Vec<ParamProblem> = Vec::new();
        for complaint in self.validator.iter_errors(&meant).flat_map(|error| complaints(&error)) {
            let problem = self.problem(callable, complaint);
            if !problems.contains(&problem) {
                problems.push(problem);
            }
            if problems.len() == MOST_PROBLEMS {
                break;
            }
        }
        problems
    }

    fn problem(&self, callable: &str, complaint: Complaint) -> ParamProblem {
        let Complaint { mut path, rule, text, mut hint } = complaint;
        let parent = match path.split_last() {
            Some((_, [])) => format!("`{callable}`"),
            Some((_, above)) => format!("param `{}` of `{callable}`", above.join(".")),
            None => format!("the params of `{callable}`"),
        };
        let name = path.last().cloned().unwrap_or_default();
        let message = match rule {
            ParamRule::Unknown => {
                if path.len() == 1 {
                    hint = self.suggest(&name);
                }
                format!("{parent} has no param `{name}`")
            }
            ParamRule::Missing if path.len() == 1 => format!("{parent} is not given its param `{name}`"),
            ParamRule::Missing => format!("{parent} lacks `{name}`"),
            _ if path.is_empty() => format!("{parent} {text}"),
            _ => format!("param `{}` of `{callable}` {text}", path.join(".")),
        };
        path.shrink_to_fit();
        ParamProblem { path, rule, message, hint }
    }

    fn suggest(&self, name: &str) -> Option<String> {
        if let Some(near) = nearest(name, self.names.iter().map(String::as_str)) {
            return Some(format!("did you mean `{near}`?"));
        }
        Some(if self.names.is_empty() {
            "it has none".to_owned()
        } else {
            format!("it has `{}`", self.names.join("`, `"))
        })
    }
}

/// The names a schema has a property for at its root, by whatever way they get there.
fn collect_names<'s>(schema: &'s Json, root: &'s Json, seen: &mut HashSet<&'s str>, names: &mut Vec<String>) {
    let Some(schema) = schema.as_object() else { return };
    for name in schema.get("properties").and_then(Json::as_object).into_iter().flat_map(JsonMap::keys) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        for part in schema.get(key).and_then(Json::as_array).into_iter().flatten() {
            collect_names(part, root, seen, names);
        }
    }
    for part in ["if", "then", "else"].into_iter().filter_map(|key| schema.get(key)) {
        collect_names(part, root, seen, names);
    }
    if let Some(pointer) = schema.get("$ref").and_then(Json::as_str).filter(|pointer| seen.insert(pointer))
        && let Some(target) = cost::find_target(root, pointer)
    {
        collect_names(target, root, seen, names);
    }
}

/// A call whose params do not fit, as the failure of its step. The code is the one a guest would use.
pub(crate) fn refusal(problems: &[ParamProblem]) -> StepError {
    let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    let hints: Vec<&str> = problems.iter().filter_map(|problem| problem.hint.as_deref()).collect();
    let detail = std::iter::once("code: invalid").chain(hints).collect::<Vec<_>>().join("\n");
    StepError::definition(messages.join("; ")).with_detail(detail)
}

#[cfg(test)]
mod tests;
