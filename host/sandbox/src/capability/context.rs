//! `nomaflow:step/context`: facts of the run, progress, and whether to stop. Answered from memory, never waits.

use crate::bindings::nomaflow::step::context::Host;
use crate::state::CallState;

/// Characters of a progress note that are kept.
const NOTE_CHARACTERS: usize = 200;

impl Host for CallState {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        self.call.usage.host_calls += 1;
        Ok(self.call.facts.iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone()))
    }

    fn parameter(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        self.call.usage.host_calls += 1;
        Ok(self.call.params.get(&name).map(ToString::to_string))
    }

    fn report(&mut self, done: u64, total: Option<u64>, note: String) -> wasmtime::Result<()> {
        self.call.usage.host_calls += 1;
        if let Some(voice) = &self.call.voice {
            let note: String = self.call.lines.without_secrets(note).chars().take(NOTE_CHARACTERS).collect();
            voice.progress(done, total, &note);
        }
        Ok(())
    }

    fn canceled(&mut self) -> wasmtime::Result<bool> {
        self.call.usage.host_calls += 1;
        Ok(self.call.cancel.is_canceled())
    }
}
