//! Step type → runner.

use std::collections::HashMap;
use std::sync::Arc;

use host_model::port::StepRunner;
use host_model::{StepError, StepSpec};

/// The runners of this process, by the step's `type` word. A build without a runner says so when a step wants it.
#[derive(Default, Clone)]
pub struct Runners(HashMap<&'static str, Arc<dyn StepRunner>>);

impl Runners {
    /// No runner yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the runner of `step_type`.
    #[must_use]
    pub fn with(mut self, step_type: &'static str, runner: Arc<dyn StepRunner>) -> Self {
        self.0.insert(step_type, runner);
        self
    }

    /// The runner for `spec`.
    ///
    /// # Errors
    /// `definition` when this build has none for its type.
    pub fn get(&self, spec: &StepSpec) -> Result<Arc<dyn StepRunner>, StepError> {
        let name = spec.type_name();
        self.0.get(name).cloned().ok_or_else(|| {
            StepError::definition(format!("steps of type `{name}` are not supported by this build of nomaflow"))
        })
    }
}
