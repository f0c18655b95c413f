//! What a request may name: steps and presets that the job has.

use host_model::job::Overrides;
use host_model::{Job, params};

use super::DispatchError;

pub(crate) fn check_steps(job: &Job, overrides: &Overrides) -> Result<(), DispatchError> {
    let unknown = params::unknown_steps(job, overrides);
    if !unknown.is_empty() {
        return Err(DispatchError::UnknownSteps {
            job: job.id.clone(),
            steps: unknown.into_iter().map(str::to_owned).collect(),
            known: job.steps.iter().map(|s| s.name.clone()).collect(),
        });
    }
    Ok(())
}

pub(super) fn check_preset(job: &Job, preset: Option<&str>) -> Result<(), DispatchError> {
    match preset.filter(|name| job.presets.iter().all(|preset| preset.name != *name)) {
        None => Ok(()),
        Some(name) => Err(DispatchError::UnknownPreset {
            job: job.id.clone(),
            preset: name.to_owned(),
            known: job.presets.iter().map(|preset| preset.name.clone()).collect(),
        }),
    }
}
