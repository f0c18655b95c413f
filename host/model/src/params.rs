//! The layers of parameters and their order (product §4): job `params`, schedule or preset `params`, step
//! `op_kwargs`, per-fire `params`, per-fire `op_kwargs`; later wins, key by key, values replaced whole.

use crate::job::{Job, Overrides, Step};
use crate::JsonMap;

fn lay(over: &JsonMap, base: &mut JsonMap) {
    for (key, value) in over {
        base.insert(key.clone(), value.clone());
    }
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
    let mut shared = job.params.clone();
    lay(&schedule.params, &mut shared);
    lay(&fire.params, &mut shared);
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
