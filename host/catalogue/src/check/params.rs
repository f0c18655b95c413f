//! The params of `wasm` steps against what their callable says it takes: for a fire by hand, and as each schedule and
//! preset would fire the step. What the schema means is the sandbox's answer; here each answer gets its place and the
//! value that was found.
//!
//! A value with `${…}` in it is known when the step runs, and then it is checked; here its name is, and its type where it
//! is surely a string. A param that is missing is an error of the schedule that fires without it; who fires by hand may
//! still give it.

use std::ops::Range;

use host_model::job::Overrides;
use host_model::job::spec::Pins;
use host_model::template::{Part, parse};
use host_model::{Json, JsonMap, params};

use crate::blot::is_sensitive;
use crate::check::{ComponentCheck, ParamProblem, ParamRule};
use crate::draft::Draft;
use crate::finding::Findings;
use crate::param_place::ParamLayer;
use crate::reader::Text;

/// One way in which the step may be fired.
struct Fire<'a> {
    /// As in [`ParamLayer`].
    owner: Option<String>,
    overrides: &'a Overrides,
    is_scheduled: bool,
}

pub(super) fn check_params(
    draft: &Draft,
    index: usize,
    callable: &Text,
    pins: &Pins,
    components: &dyn ComponentCheck,
    out: &mut Findings,
) {
    let Some(job) = &draft.job else { return };
    let name = draft.step_names.get(index).and_then(Option::as_ref);
    let Some(step) = job.steps.iter().find(|step| name.is_some_and(|name| name.value == step.name.as_str())) else {
        return;
    };
    let by_hand = Overrides::default();
    let mut fires = vec![Fire { owner: None, overrides: &by_hand, is_scheduled: false }];
    fires.extend(job.schedules.iter().map(|schedule| Fire {
        owner: Some(format!("schedule `{}`", schedule.name)),
        overrides: &schedule.overrides,
        is_scheduled: true,
    }));
    fires.extend(job.presets.iter().map(|preset| Fire {
        owner: Some(format!("preset `{}`", preset.name)),
        overrides: &preset.overrides,
        is_scheduled: false,
    }));
    // Names that one fire of an operator after the other leaves open.
    let mut open: Option<Vec<ParamProblem>> = None;
    for fire in &fires {
        let merged = params::step_params(job, step, fire.overrides, &by_hand);
        let merged: JsonMap = merged.into_iter().map(|(key, value)| (key, unescaped(value))).collect();
        let own = params::own_keys(step, fire.overrides, &by_hand);
        let is_enabled = params::is_enabled(step, fire.overrides, &by_hand);
        let mut missing = Vec::new();
        for problem in components.check_params(&callable.value, pins, &merged, &own) {
            let value = value_at(&merged, &problem.path);
            if problem.rule == ParamRule::Missing && problem.path.len() == 1 {
                missing.push(problem);
            } else if value.is_none_or(|value| is_sure(problem.rule, value)) {
                report(draft, index, callable, fire, &problem, value, out);
            }
        }
        if fire.is_scheduled && is_enabled {
            missing.iter().for_each(|problem| report(draft, index, callable, fire, problem, None, out));
        } else if !fire.is_scheduled {
            let before = open.take();
            open = Some(
                before.map_or(missing.clone(), |before| missing.into_iter().filter(|it| before.contains(it)).collect()),
            );
        }
    }
    for problem in open.iter().flatten().filter(|_| job.schedules.is_empty() && step.enabled) {
        let place = table_place(draft, index, callable);
        let hint = "give it here, or whoever fires the job has to".to_owned();
        out.warning("missing-param", place, problem.message.clone(), Some(hint));
    }
}

fn report(
    draft: &Draft,
    index: usize,
    callable: &Text,
    fire: &Fire<'_>,
    problem: &ParamProblem,
    value: Option<&Json>,
    out: &mut Findings,
) {
    let code = match problem.rule {
        ParamRule::Unknown => "unknown-param",
        ParamRule::Missing => "missing-param",
        ParamRule::Type | ParamRule::Value => "param-invalid",
    };
    let is_secret = problem.path.iter().any(|key| is_sensitive(key));
    let found = value.filter(|_| matches!(problem.rule, ParamRule::Type | ParamRule::Value));
    let message = match found {
        Some(value) => format!("{}, found {}", problem.message, describe(value, is_secret)),
        None => problem.message.clone(),
    };
    let place = place_of(draft, index, fire, problem).unwrap_or_else(|| table_place(draft, index, callable));
    out.error(code, place, message, problem.hint.clone());
}

/// The key of a param that should not be there, the value of one that is wrong.
fn place_of(draft: &Draft, index: usize, fire: &Fire<'_>, problem: &ParamProblem) -> Option<Range<usize>> {
    let holds = |layer: &&ParamLayer| {
        let is_of_fire = layer.owner.is_none() || layer.owner == fire.owner;
        is_of_fire && layer.step.is_none_or(|step| step == index) && layer.find(&problem.path).is_some()
    };
    let layer = draft.param_layers.iter().filter(holds).max_by_key(|layer| layer.rank())?;
    let found = layer.find(&problem.path)?;
    Some(match problem.rule {
        ParamRule::Unknown | ParamRule::Missing => found.key.clone(),
        ParamRule::Type | ParamRule::Value => found.value.clone(),
    })
}

/// Where a param would be given: the table of the step's own, else what it calls.
fn table_place(draft: &Draft, index: usize, callable: &Text) -> Range<usize> {
    let own = draft.param_layers.iter().find(|layer| layer.owner.is_none() && layer.step == Some(index));
    own.map_or_else(|| callable.span.clone(), |layer| layer.key.clone())
}

fn value_at<'j>(params: &'j JsonMap, path: &[String]) -> Option<&'j Json> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(params.get(first)?, |here, key| match here {
        Json::Object(object) => object.get(key),
        Json::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Whether the rule is broken whatever the tokens in the value come to.
fn is_sure(rule: ParamRule, value: &Json) -> bool {
    match value {
        _ if !has_tokens(value) || matches!(rule, ParamRule::Unknown | ParamRule::Missing) => true,
        // A token alone has the type of what it stands for.
        Json::String(text) => rule == ParamRule::Type && parse(text).is_ok_and(|parts| parts.len() > 1),
        _ => rule == ParamRule::Type,
    }
}

fn has_tokens(value: &Json) -> bool {
    match value {
        // What cannot be parsed is reported as that.
        Json::String(text) => parse(text).map_or(true, |parts| parts.iter().any(|it| matches!(it, Part::Token { .. }))),
        Json::Array(items) => items.iter().any(has_tokens),
        Json::Object(object) => object.values().any(has_tokens),
        _ => false,
    }
}

/// `$${` is how a text without tokens has `${` in it.
fn unescaped(value: Json) -> Json {
    match value {
        Json::String(text) => match parse(&text).as_deref() {
            Ok([Part::Text(plain)]) => Json::String(plain.clone()),
            _ => Json::String(text),
        },
        Json::Array(items) => items.into_iter().map(unescaped).collect(),
        Json::Object(object) => Json::Object(object.into_iter().map(|(key, value)| (key, unescaped(value))).collect()),
        other => other,
    }
}

fn describe(value: &Json, is_secret: bool) -> String {
    match value {
        Json::Null => "nothing".to_owned(),
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "a table".to_owned(),
        Json::String(_) if is_secret => "a string".to_owned(),
        Json::Number(_) if is_secret => "a number".to_owned(),
        Json::String(text) => {
            let short: String = text.chars().take(40).collect();
            let dots = if short.len() < text.len() { "…" } else { "" };
            format!("the string {short:?}{dots}")
        }
        Json::Number(number) => format!("the number `{number}`"),
        Json::Bool(flag) => format!("`{flag}`"),
    }
}
