//! The `when` of a step: judged before its first attempt, and kept in its row with what it came to.

use host_model::condition::Judgement;
use host_model::job::Step;
use host_model::log::LogLevel;
use host_model::template::{Reveal, TemplateError};
use host_model::transition::{SKIPPED_CONDITION, StepChange};
use host_model::{Json, JsonMap, StepError, StepStatus};
use serde_json::json;

use super::Stage;

/// The key of an attempt's input that holds the judgement.
const WHEN: &str = "when";

/// `input`, with what the condition came to.
pub(super) fn with_judgement(mut input: Json, judged: Option<&Option<Judgement>>) -> Json {
    if let (Json::Object(map), Some(Some(judged))) = (&mut input, judged) {
        map.insert(WHEN.to_owned(), json!(judged));
    }
    input
}

impl Stage {
    /// What the condition of `step` comes to; `None` without one.
    pub(super) fn judge(&self, step: &Step) -> Result<Option<Judgement>, StepError> {
        let Some(condition) = &step.when else { return Ok(None) };
        let broken = |error: TemplateError| {
            StepError::definition(format!("`when`: {}", error.message)).with_detail(error.hint.unwrap_or_default())
        };
        let result = self.with_scope(step, Reveal::All, |scope| condition.holds(scope)).map_err(broken)?;
        Ok(Some(self.with_scope(step, Reveal::Masked, |scope| condition.judged(result, scope))))
    }

    /// Whether `step` is done with because its condition does not hold. One that cannot be judged fails its attempt. A
    /// step that has begun once is not asked again.
    pub(super) async fn is_skipped_by_condition(&mut self, index: u32, step: &Step) -> bool {
        if self.tracker.attempt(index).attempt > 1 {
            return false;
        }
        let Some(judged) = self.judge(step).ok().flatten().filter(|judged| !judged.result) else { return false };
        let text = format!("step `{}` {SKIPPED_CONDITION}: {}", step.name, judged.condition);
        let kept = with_judgement(json!({ "type": step.spec.type_name() }), Some(&Some(judged)));
        let change = StepChange::skip_by_condition(self.tracker.attempt(index), self.now(), kept);
        self.tracker.queue(change);
        self.keep(step, StepStatus::Canceled, JsonMap::new());
        self.say(LogLevel::Info, text).await;
        true
    }
}
