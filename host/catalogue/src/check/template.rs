//! Every token of every string of a job: it parses, and what it names is there before the step runs.

use std::collections::BTreeSet;
use std::ops::Range;

use host_model::template::{Part, Token, parse};
use host_model::{Job, JsonMap};

use crate::address::{Env, Lookup, set_secret};
use crate::draft::{Draft, Templated};
use crate::finding::{Findings, suggest};

pub(super) fn check_templates(draft: &Draft, env: &Env<'_>, out: &mut Findings) {
    for templated in &draft.templated {
        let text = &templated.text;
        let parts = match parse(&text.value) {
            Ok(parts) => parts,
            Err(error) => {
                let place = out.file.inside_string(&text.span, &text.value, error.start..error.end);
                out.error("template-invalid", place, error.message, error.hint);
                continue;
            }
        };
        for part in parts {
            if let Part::Token { token, start, end } = part {
                let place = out.file.inside_string(&text.span, &text.value, start..end);
                check_token(&token, &text.value[start..end], place, draft, templated, env, out);
            }
        }
    }
}

fn check_token(
    token: &Token,
    written: &str,
    place: Range<usize>,
    draft: &Draft,
    templated: &Templated,
    env: &Env<'_>,
    out: &mut Findings,
) {
    match token {
        Token::Param(path) => {
            let Some(known) = draft.job.as_ref().map(|job| param_keys(job, draft, templated.step)) else { return };
            if let Some(key) = path.first().filter(|key| !known.contains(key.as_str())) {
                let hint = suggest(key, known.iter().copied()).or_else(|| Some("the job has no parameters".into()));
                out.error("unknown-param", place, format!("`{written}`: no layer has the parameter `{key}`"), hint);
            }
        }
        Token::Step(name, _) => check_step(name, written, place, draft, templated.step, out),
        Token::PreviousStep(_) if templated.step == Some(0) => {
            out.error("unknown-step", place, format!("`{written}`: no step comes before the first one"), None);
        }
        Token::Secret(name) if env.secret(name) == Lookup::Missing => {
            let message = format!("`{written}`: there is no secret `{name}` yet");
            out.warning("unknown-secret", place, message, Some(set_secret(name)));
        }
        Token::Env(name) | Token::EnvOr(name, None) if env.var(name).is_none() => {
            let hint = format!("set `{name}` for the server, or give a default: `${{{name}:-…}}`");
            let message = format!("`{written}`: the environment variable `{name}` is not set here");
            out.warning("unset-variable", place, message, Some(hint));
        }
        _ => {}
    }
}

fn check_step(name: &str, written: &str, place: Range<usize>, draft: &Draft, here: Option<usize>, out: &mut Findings) {
    let names: Vec<Option<&str>> = draft.step_names.iter().map(|n| n.as_ref().map(|n| n.value.as_str())).collect();
    // Strings that all steps share may name any of them.
    let earlier = &names[..here.unwrap_or(names.len()).min(names.len())];
    if earlier.contains(&Some(name)) {
        return;
    }
    let message = match names.iter().position(|known| *known == Some(name)) {
        Some(at) if Some(at) == here => format!("`{written}` asks for the output of its own step"),
        Some(_) => format!("`{written}`: step `{name}` runs later"),
        None => format!("`{written}`: there is no step `{name}`"),
    };
    let hint = match suggest(name, earlier.iter().flatten().copied()) {
        Some(hint) => hint,
        None => "no step comes before this one".to_owned(),
    };
    out.error("unknown-step", place, message, Some(hint));
}

/// The keys some layer gives the step at `index` in `[[jobs.steps]]`, or any step for shared strings.
fn param_keys<'a>(job: &'a Job, draft: &Draft, index: Option<usize>) -> BTreeSet<&'a str> {
    fn add<'a>(map: &'a JsonMap, keys: &mut BTreeSet<&'a str>) {
        keys.extend(map.keys().map(String::as_str));
    }
    let mut keys = BTreeSet::new();
    add(&job.params, &mut keys);
    let step_name = index.and_then(|index| draft.step_names.get(index)?.as_ref());
    let is_meant = |name: &str| index.is_none() || step_name.is_some_and(|meant| meant.value == name);
    for step in job.steps.iter().filter(|step| is_meant(step.name.as_str())) {
        add(&step.op_kwargs, &mut keys);
    }
    let schedules = job.schedules.iter().map(|schedule| &schedule.overrides);
    for overrides in schedules.chain(job.presets.iter().map(|preset| &preset.overrides)) {
        add(&overrides.params, &mut keys);
        for (_, kwargs) in overrides.op_kwargs.iter().filter(|(name, _)| is_meant(name.as_str())) {
            add(kwargs, &mut keys);
        }
    }
    keys
}
