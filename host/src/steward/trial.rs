//! One call of a component that changes nothing: databases and folders are only read, the web is asked with GET and HEAD, as
//! far as the plugin was granted it; secrets are not told; what it remembers is forgotten at its end.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use host_api::plugin_desk::Trial;
use host_model::log::LogLevel;
use host_model::plugin_port::{PluginState, StateCondition, StateEntry, StateSet};
use host_model::port::{Connectors, StepContext, StepRunner as _, StepVoice, StoreError};
use host_model::{CancelToken, JobId, JsonMap, RunId, StepError, StepName, StepSpec};
use host_sandbox::ComponentRunner;

/// What a trial gets.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Lines that are shown of one.
const MOST_LINES: usize = 500;

pub(super) async fn run(
    sandbox: &ComponentRunner,
    connectors: Arc<dyn Connectors>,
    callable: &str,
    params: JsonMap,
    by: &str,
) -> Trial {
    let voice = Arc::new(Heard::default());
    let begun = Instant::now();
    let outcome = match context(connectors, params, by, voice.clone()) {
        Ok(ctx) => {
            let runner = sandbox.for_trial(|state| Arc::new(Forgetful { state, own: Mutex::default() }));
            let spec = StepSpec::Wasm { callable: callable.to_owned(), pins: Default::default() };
            let ended = tokio::time::timeout(TIMEOUT + Duration::from_secs(5), async { runner.run(&spec, &ctx).await });
            ended.await.unwrap_or_else(|_| {
                let message = format!("the trial did not end within {} s", TIMEOUT.as_secs());
                Err(StepError::new(host_model::StepErrorKind::Timeout, message).into())
            })
        }
        Err(error) => Err(error.into()),
    };
    let (lines, lines_left_out) = std::mem::take(&mut *lock(&voice.0));
    Trial { outcome, lines, lines_left_out, took: begun.elapsed() }
}

fn context(
    connectors: Arc<dyn Connectors>,
    params: JsonMap,
    by: &str,
    voice: Arc<dyn StepVoice>,
) -> Result<StepContext, StepError> {
    let unnamed = |error: &dyn std::fmt::Display| StepError::definition(error.to_string());
    let millis = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    Ok(StepContext {
        run_id: RunId::from_parts(u64::try_from(millis).unwrap_or_default(), 0),
        job_id: JobId::new("plugin-trial").map_err(|error| unnamed(&error))?,
        app: String::new(),
        step: StepName::new("trial").map_err(|error| unnamed(&error))?,
        index: 0,
        attempt: 1,
        triggered_by: format!("manual:{by}"),
        scheduled_at: SystemTime::now().into(),
        log_level: LogLevel::Debug,
        own_keys: params.keys().cloned().collect(),
        params,
        results: Arc::new(HashMap::new()),
        cancel: CancelToken::new(),
        timeout: TIMEOUT,
        voice,
        connectors,
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the first lines of a trial, and counts the others.
#[derive(Default)]
struct Heard(Mutex<(Vec<(LogLevel, String)>, usize)>);

#[async_trait]
impl StepVoice for Heard {
    async fn log(&self, level: LogLevel, message: &str) {
        let mut heard = lock(&self.0);
        if heard.0.len() < MOST_LINES {
            heard.0.push((level, message.to_owned()));
        } else {
            heard.1 += 1;
        }
    }

    fn progress(&self, _done: u64, _total: Option<u64>, _note: &str) {}
}

/// The state of plugins as it is, with changes that nobody keeps: `None` stands for a key that was deleted.
struct Forgetful {
    state: Arc<dyn PluginState>,
    own: Mutex<BTreeMap<String, Option<StateEntry>>>,
}

impl Forgetful {
    /// What the trial itself made of a key, if it touched it.
    fn touched(&self, key: &str) -> Option<Option<StateEntry>> {
        lock(&self.own).get(key).cloned()
    }
}

#[async_trait]
impl PluginState for Forgetful {
    async fn find_value(&self, plugin: &str, key: &str) -> Result<Option<String>, StoreError> {
        match self.touched(key) {
            Some(own) => Ok(own.map(|entry| entry.value)),
            None => self.state.find_value(plugin, key).await,
        }
    }

    async fn set_value(
        &self,
        plugin: &str,
        entry: &StateEntry,
        condition: &StateCondition,
        max_keys: u32,
    ) -> Result<StateSet, StoreError> {
        let found = self.find_value(plugin, &entry.key).await?;
        let is_met = match condition {
            StateCondition::Always => true,
            StateCondition::Absent => found.is_none(),
            StateCondition::Holds(value) => found.as_ref() == Some(value),
        };
        if !is_met {
            return Ok(StateSet::Unmet);
        }
        let mut own = lock(&self.own);
        if found.is_none() && own.len() >= max_keys as usize {
            return Ok(StateSet::Full);
        }
        own.insert(entry.key.clone(), Some(entry.clone()));
        Ok(StateSet::Done)
    }

    async fn delete_value(&self, plugin: &str, key: &str) -> Result<bool, StoreError> {
        let was_there = self.find_value(plugin, key).await?.is_some();
        lock(&self.own).insert(key.to_owned(), None);
        Ok(was_there)
    }

    async fn list_values(
        &self,
        plugin: &str,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StateEntry>, StoreError> {
        let own = lock(&self.own).clone();
        // Enough of the kept ones to make up for those that were deleted.
        let most = limit.saturating_add(u32::try_from(own.len()).unwrap_or(u32::MAX));
        let kept = self.state.list_values(plugin, prefix, after, most).await?;
        let is_full = kept.len() == most as usize;
        let last = kept.last().map(|entry| entry.key.clone());
        let mut all: BTreeMap<String, StateEntry> = kept.into_iter().map(|entry| (entry.key.clone(), entry)).collect();
        for (key, entry) in own {
            let is_asked = key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after);
            // Beyond the last key that was read there may be others before it.
            let is_within = !is_full || last.as_ref().is_none_or(|last| key <= *last);
            match entry {
                Some(entry) if is_asked && is_within => drop(all.insert(key, entry)),
                Some(_) => {}
                None => drop(all.remove(&key)),
            }
        }
        Ok(all.into_values().take(limit as usize).collect())
    }
}
