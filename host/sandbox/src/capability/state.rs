//! `nomaflow:step/state`: the durable keys of the plugin. The component's name is the space of its keys, so two versions
//! of a plugin share them, and two plugins never do.

use std::sync::Arc;

use chrono::{SecondsFormat, Utc};
use host_model::plugin_port::{PluginState, StateCondition, StateEntry, StateSet};
use host_model::port::StoreError;

use crate::bindings::nomaflow::step::state::{Entry, Host};
use crate::bindings::nomaflow::step::types::Error;
use crate::capability::{Answer, host_error, unless_canceled};
use crate::state::CallState;

const KEY_BYTES: usize = 200;
const VALUE_BYTES: usize = 64 * 1024;
const KEYS: u32 = 10_000;
const LONGEST_LIST: u32 = 1_000;

impl Host for CallState {
    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "state.get"))]
    async fn get(&mut self, key: String) -> Answer<Option<String>> {
        let found = async {
            let store = self.begin_state(Some(&key))?;
            unless_canceled(&self.call.cancel, store.find_value(&self.call.plugin, &key)).await?.map_err(unavailable)
        };
        Ok(found.await)
    }

    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "state.set"))]
    async fn set(&mut self, key: String, value: String) -> Answer<()> {
        Ok(self.set_if(key, value, &StateCondition::Always).await.map(drop))
    }

    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "state.compare-and-set"))]
    async fn compare_and_set(&mut self, key: String, expected: Option<String>, value: String) -> Answer<bool> {
        let condition = expected.map_or(StateCondition::Absent, StateCondition::Holds);
        Ok(self.set_if(key, value, &condition).await)
    }

    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "state.delete"))]
    async fn delete(&mut self, key: String) -> Answer<bool> {
        let deleted = async {
            let store = self.begin_state(Some(&key))?;
            unless_canceled(&self.call.cancel, store.delete_value(&self.call.plugin, &key)).await?.map_err(unavailable)
        };
        Ok(deleted.await)
    }

    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "state.scan"))]
    async fn scan(&mut self, prefix: String, after: Option<String>, max: u32) -> Answer<Vec<Entry>> {
        let listed = async {
            let store = self.begin_state(None)?;
            if has_control(&prefix) || after.as_deref().is_some_and(has_control) {
                // No key holds one, and a database may not take it.
                return Err(host_error("invalid", "a prefix or key holds a control character"));
            }
            let max = if max == 0 { LONGEST_LIST } else { max.min(LONGEST_LIST) };
            let list = store.list_values(&self.call.plugin, &prefix, after.as_deref(), max);
            let entries = unless_canceled(&self.call.cancel, list).await?.map_err(unavailable)?;
            Ok(entries.into_iter().map(entry_to_guest).collect())
        };
        Ok(listed.await)
    }
}

impl CallState {
    /// Begins a call that needs the grant and, with `key`, a sound key.
    fn begin_state(&mut self, key: Option<&str>) -> Result<Arc<dyn PluginState>, Error> {
        self.begin_call()?;
        if !self.call.grants.state {
            return Err(self.deny("durable state is not granted", "state = true", "grants"));
        }
        if let Some(key) = key
            && (key.is_empty() || key.len() > KEY_BYTES || has_control(key))
        {
            let message = format!("a key has 1 to {KEY_BYTES} bytes and no control character");
            return Err(host_error("invalid", message));
        }
        let store = self.call.services.as_ref().map(|services| Arc::clone(&services.state));
        store.ok_or_else(|| host_error("unavailable", "there is no state here"))
    }

    /// Sets a key, and tells whether the condition held.
    async fn set_if(&mut self, key: String, value: String, condition: &StateCondition) -> Result<bool, Error> {
        let store = self.begin_state(Some(&key))?;
        if value.len() > VALUE_BYTES || value.contains('\0') {
            let bytes = value.len();
            let message =
                format!("the value of `{key}` has {bytes} bytes; a value has at most {VALUE_BYTES}, and no U+0000");
            return Err(host_error("invalid", message));
        }
        let entry = StateEntry { key, value, updated_at: Utc::now() };
        let set = store.set_value(&self.call.plugin, &entry, condition, KEYS);
        match unless_canceled(&self.call.cancel, set).await?.map_err(unavailable)? {
            StateSet::Done => Ok(true),
            StateSet::Unmet => Ok(false),
            StateSet::Full => Err(host_error("limit", format!("the plugin has {KEYS} keys already"))),
        }
    }
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

fn entry_to_guest(entry: StateEntry) -> Entry {
    let updated_at = entry.updated_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    Entry { key: entry.key, value: entry.value, updated_at }
}

fn unavailable(error: StoreError) -> Error {
    Error { retryable: true, ..host_error("unavailable", error.to_string()) }
}
