//! The layers of parameters and their order (product §4): job `params`, schedule or preset `params`, step
//! `op_kwargs`, per-fire `params`, per-fire `op_kwargs`; later wins, key by key, values replaced whole.

use crate::job::{Job, Overrides, Step};
use crate::log::LogLevel;
use crate::{Json, JsonMap, StepName};

fn lay(over: &JsonMap, base: &mut JsonMap) {
    for (key, value) in over {
        base.insert(key.clone(), value.clone());
    }
}

/// The values every step of the job shares: job, schedule or preset, and per-fire `params`.
pub fn shared_params(job: &Job, schedule: &Overrides, fire: &Overrides) -> JsonMap {
    let mut shared = job.params.clone();
    lay(&schedule.params, &mut shared);
    lay(&fire.params, &mut shared);
    shared
}

/// The values one step works with.
pub fn step_params(job: &Job, step: &Step, schedule: &Overrides, fire: &Overrides) -> JsonMap {
    let mut merged = job.params.clone();
    lay(&schedule.params, &mut merged);
    lay(&step.op_kwargs, &mut merged);
    if let Some(kwargs) = schedule.op_kwargs.get(&step.name) {
        lay(kwargs, &mut merged);
    }
    lay(&fire.params, &mut merged);
    if let Some(kwargs) = fire.op_kwargs.get(&step.name) {
        lay(kwargs, &mut merged);
    }
    merged
}

/// The keys a step was given by name (its own `op_kwargs` and per-fire ones), as opposed to those it only shares
/// with the whole job. A callable must accept the former; it may ignore the latter.
pub fn own_keys(step: &Step, schedule: &Overrides, fire: &Overrides) -> Vec<String> {
    let mut keys: Vec<String> = step.op_kwargs.keys().cloned().collect();
    for layer in [schedule, fire] {
        if let Some(kwargs) = layer.op_kwargs.get(&step.name) {
            keys.extend(kwargs.keys().filter(|k| !step.op_kwargs.contains_key(*k)).cloned());
        }
    }
    keys.dedup();
    keys
}

/// The merged snapshot stored with the run: the shared parameters, and per step what differs from them.
pub fn snapshot(job: &Job, schedule: &Overrides, fire: &Overrides) -> JsonMap {
    let shared = shared_params(job, schedule, fire);
    let mut steps = JsonMap::new();
    for step in &job.steps {
        let mut own = step_params(job, step, schedule, fire);
        own.retain(|key, value| shared.get(key) != Some(value));
        if !own.is_empty() {
            steps.insert(step.name.to_string(), own.into());
        }
    }
    let mut all = JsonMap::new();
    all.insert("params".into(), shared.into());
    all.insert("op_kwargs".into(), steps.into());
    all
}

/// Whether a step runs in this fire.
pub fn is_enabled(step: &Step, schedule: &Overrides, fire: &Overrides) -> bool {
    let by_schedule = schedule.step_enabled.get(&step.name).copied().unwrap_or(step.enabled);
    fire.step_enabled.get(&step.name).copied().unwrap_or(by_schedule)
}

/// Names in `fire` that no step of `job` has; a fire that names one is refused.
pub fn unknown_steps<'a>(job: &Job, fire: &'a Overrides) -> Vec<&'a str> {
    let named = fire.op_kwargs.keys().chain(fire.step_enabled.keys());
    let mut unknown: Vec<&str> = named.map(crate::StepName::as_str).filter(|n| job.find_step(n).is_none()).collect();
    unknown.sort_unstable();
    unknown.dedup();
    unknown
}

/// Makes the values of one fire literal: what an operator types in is data, not a template, or running a job would be
/// enough to read its secrets.
pub fn literal(fire: &Overrides) -> Overrides {
    let escape = |map: &JsonMap| map.iter().map(|(k, v)| (k.clone(), escape_json(v))).collect::<JsonMap>();
    Overrides {
        params: escape(&fire.params),
        op_kwargs: fire.op_kwargs.iter().map(|(step, map)| (step.clone(), escape(map))).collect(),
        step_enabled: fire.step_enabled.clone(),
        log_level: fire.log_level,
    }
}

fn escape_json(json: &Json) -> Json {
    match json {
        Json::String(text) => Json::String(text.replace("${", "$${")),
        Json::Array(items) => items.iter().map(escape_json).collect(),
        Json::Object(map) => map.iter().map(|(k, v)| (k.clone(), escape_json(v))).collect::<JsonMap>().into(),
        other => other.clone(),
    }
}

/// The key beside the overrides of a run that names its preset.
pub const PRESET: &str = "preset";

/// The JSON form of overrides, only what is set: the shape of the body of `POST …/run`.
pub fn overrides_json(overrides: &Overrides) -> JsonMap {
    let mut all = JsonMap::new();
    if !overrides.params.is_empty() {
        all.insert("params".into(), overrides.params.clone().into());
    }
    if !overrides.op_kwargs.is_empty() {
        let steps: JsonMap = overrides.op_kwargs.iter().map(|(k, v)| (k.to_string(), v.clone().into())).collect();
        all.insert("op_kwargs".into(), steps.into());
    }
    if !overrides.step_enabled.is_empty() {
        let steps: JsonMap = overrides.step_enabled.iter().map(|(k, v)| (k.to_string(), (*v).into())).collect();
        all.insert("step_enabled".into(), steps.into());
    }
    if let Some(level) = overrides.log_level {
        all.insert("log_level".into(), level.as_str().into());
    }
    all
}

/// Reads the form of [`overrides_json`]; what is not of that form is left out.
pub fn read_overrides(stored: &JsonMap) -> Overrides {
    let object = |key: &str| stored.get(key).and_then(Json::as_object).cloned().unwrap_or_default();
    let step = |name: &str| StepName::new(name).ok();
    Overrides {
        params: object("params"),
        op_kwargs: object("op_kwargs")
            .iter()
            .filter_map(|(name, values)| Some((step(name)?, values.as_object()?.clone())))
            .collect(),
        step_enabled: object("step_enabled")
            .iter()
            .filter_map(|(name, enabled)| Some((step(name)?, enabled.as_bool()?)))
            .collect(),
        log_level: stored.get("log_level").and_then(Json::as_str).and_then(LogLevel::parse),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::JobId;
    use crate::job::spec::StepSpec;

    fn map(json: Json) -> JsonMap {
        json.as_object().cloned().unwrap_or_default()
    }

    fn job() -> Job {
        let step = |name: &str, kwargs: Json| Step {
            op_kwargs: map(kwargs),
            ..Step::new(StepName::new(name).unwrap(), StepSpec::Python { callable: "a:b".into() })
        };
        let steps = vec![step("s", json!({"c": 3, "d": 3, "e": 3})), step("t", json!({}))];
        let params = map(json!({"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}));
        Job { params, ..Job::new(JobId::new("j").unwrap(), "a", steps) }
    }

    #[test]
    fn five_layers_later_wins() {
        let job = job();
        let s = StepName::new("s").unwrap();
        let schedule = Overrides { params: map(json!({"b": 2, "c": 2})), ..Overrides::default() };
        let fire = Overrides {
            params: map(json!({"d": 4, "e": 4})),
            op_kwargs: [(s.clone(), map(json!({"e": 5})))].into(),
            ..Overrides::default()
        };
        let merged = step_params(&job, &job.steps[0], &schedule, &fire);
        assert_eq!(Json::from(merged), json!({"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}));
        let snap = snapshot(&job, &schedule, &fire);
        assert_eq!(
            Json::from(snap),
            json!({"params": {"a": 1, "b": 2, "c": 2, "d": 4, "e": 4}, "op_kwargs": {"s": {"c": 3, "e": 5}}})
        );
    }

    #[test]
    fn what_an_operator_types_in_is_never_a_template() {
        let fire = Overrides { params: map(json!({"x": ["${secret.pw}"]})), ..Overrides::default() };
        assert_eq!(literal(&fire).params["x"], json!(["$${secret.pw}"]));
    }

    #[test]
    fn stored_overrides_are_read_back_as_they_were() {
        let s = StepName::new("s").unwrap();
        let fire = Overrides {
            params: map(json!({"d": [4, null], "t": "${x}"})),
            op_kwargs: [(s.clone(), map(json!({"e": {"f": 5}})))].into(),
            step_enabled: [(s, false)].into(),
            log_level: Some(LogLevel::Debug),
        };
        assert_eq!(read_overrides(&overrides_json(&fire)), fire);
        assert_eq!(read_overrides(&JsonMap::new()), Overrides::default());
    }

    #[test]
    fn a_fire_may_not_name_a_step_the_job_does_not_have() {
        let fire = Overrides { step_enabled: [(StepName::new("zz").unwrap(), false)].into(), ..Overrides::default() };
        assert_eq!(unknown_steps(&job(), &fire), ["zz"]);
    }
}
