//! What a callable may ask of the house besides connectors: secrets by name and the durable keys of its app. Secrets that
//! were handed out are blotted out of everything the step says and returns.

use std::sync::{Arc, Mutex, PoisonError};

use host_model::plugin_port::{PluginState, StateCondition, StateEntry, StateSet};
use host_model::port::{Secrets, StepContext, StoreError};
use host_model::{Json, JsonMap, StepError};
use serde::Deserialize;
use serde_json::json;

const KEY_BYTES: usize = 200;
const VALUE_BYTES: usize = 64 * 1024;
const KEYS: u32 = 10_000;
const LONGEST_LIST: u32 = 1_000;
/// Bytes a secret must have to be blotted out; shorter ones are in every other word.
const HIDEABLE: usize = 4;

/// The services of a house that callables may use.
#[derive(Clone)]
pub struct PythonServices {
    /// Secrets by name.
    pub secrets: Arc<dyn Secrets>,
    /// Durable keys.
    pub state: Arc<dyn PluginState>,
}

/// The secrets one step was given.
#[derive(Default)]
pub(crate) struct Hidden(Mutex<Vec<String>>);

impl Hidden {
    fn add(&self, secret: &str) {
        let mut hidden = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if secret.len() >= HIDEABLE && !hidden.iter().any(|known| known == secret) {
            hidden.push(secret.to_owned());
        }
    }

    /// `text` without them.
    pub(crate) fn blot(&self, text: String) -> String {
        let hidden = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hidden.iter().fold(text, |text, secret| if text.contains(secret) { text.replace(secret, "•••") } else { text })
    }

    /// `output` without them, however deep they are.
    pub(crate) fn blot_output(&self, output: JsonMap) -> JsonMap {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return output;
        }
        output.into_iter().map(|(key, value)| (self.blot(key), self.blot_json(value))).collect()
    }

    fn blot_json(&self, value: Json) -> Json {
        match value {
            Json::String(text) => self.blot(text).into(),
            Json::Array(items) => items.into_iter().map(|item| self.blot_json(item)).collect(),
            Json::Object(inner) => self.blot_output(inner).into(),
            plain => plain,
        }
    }
}

/// One call on the state.
#[derive(Deserialize)]
#[serde(tag = "what", rename_all = "lowercase")]
pub(crate) enum StateCall {
    /// The value of a key.
    Get { key: String },
    /// Sets a key, whatever there is.
    Set { key: String, value: String },
    /// Sets a key if it has this value, or none.
    Swap { key: String, expected: Option<String>, value: String },
    /// Removes a key.
    Delete { key: String },
    /// Keys after `after` that begin with `prefix`.
    Keys { prefix: String, after: Option<String> },
}

/// The secret `name`.
pub(super) fn find_secret(services: &PythonServices, hidden: &Hidden, name: &str) -> Result<Vec<u8>, StepError> {
    match services.secrets.find_secret(name) {
        Some(secret) => {
            hidden.add(&secret);
            Ok(answer(secret))
        }
        None => Err(StepError::definition(format!("there is no secret `{name}`"))),
    }
}

/// Answers a call on the state of the step's app.
pub(super) async fn use_state(
    services: &PythonServices,
    ctx: &StepContext,
    call: StateCall,
) -> Result<Vec<u8>, StepError> {
    // No component is called so: the two kinds of plugins never share a space.
    let space = format!("python:{}", ctx.app);
    let state = services.state.as_ref();
    Ok(match call {
        StateCall::Get { key } => answer(state.find_value(&space, sound(&key)?).await.map_err(away)?),
        StateCall::Set { key, value } => {
            set(state, &space, key, value, &StateCondition::Always).await?;
            answer(Json::Null)
        }
        StateCall::Swap { key, expected, value } => {
            let condition = expected.map_or(StateCondition::Absent, StateCondition::Holds);
            answer(set(state, &space, key, value, &condition).await?)
        }
        StateCall::Delete { key } => answer(state.delete_value(&space, sound(&key)?).await.map_err(away)?),
        StateCall::Keys { prefix, after } => {
            let found = state.list_values(&space, &prefix, after.as_deref(), LONGEST_LIST).await.map_err(away)?;
            answer(found.into_iter().map(|entry| entry.key).collect::<Vec<_>>())
        }
    })
}

async fn set(
    state: &dyn PluginState,
    space: &str,
    key: String,
    value: String,
    condition: &StateCondition,
) -> Result<bool, StepError> {
    sound(&key)?;
    if value.len() > VALUE_BYTES {
        let message = format!("the value of `{key}` has {} bytes as JSON, at most {VALUE_BYTES} are kept", value.len());
        return Err(StepError::definition(message));
    }
    let entry = StateEntry { key, value, updated_at: chrono::Utc::now() };
    match state.set_value(space, &entry, condition, KEYS).await.map_err(away)? {
        StateSet::Done => Ok(true),
        StateSet::Unmet => Ok(false),
        StateSet::Full => Err(StepError::definition(format!("the app has {KEYS} keys already"))),
    }
}

fn sound(key: &str) -> Result<&str, StepError> {
    if key.is_empty() || key.len() > KEY_BYTES || key.chars().any(char::is_control) {
        return Err(StepError::definition(format!("a key has 1 to {KEY_BYTES} bytes and no control character")));
    }
    Ok(key)
}

fn away(error: StoreError) -> StepError {
    StepError::remote(error.to_string())
}

fn answer(value: impl Into<Json>) -> Vec<u8> {
    json!({ "value": value.into() }).to_string().into_bytes()
}
