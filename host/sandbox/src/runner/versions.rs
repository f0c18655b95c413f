//! Versions of a plugin as a runner meets them: which components are in force, whether what they ask for was approved, a
//! file that stands in for the one in force, and calls that must change nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use host_model::plugin_port::PluginState;
use host_model::plugin_version::{PluginApprovals, SeenPlugin};
use host_model::{StepError, StepErrorKind};

use super::ComponentRunner;
use crate::SandboxError;
use crate::grants::Grants;
use crate::inspect::Prepared;
use crate::plugins::{find_component, list_components};
use crate::services::Services;

/// A component that is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    /// Its file.
    pub path: PathBuf,
    /// Its name.
    pub plugin: String,
    /// The app it belongs to.
    pub app: String,
    /// SHA-256 of the file, in hexadecimal.
    pub digest: String,
    /// Its size.
    pub bytes: u64,
    /// What it asks for of that which can be granted.
    pub asked: BTreeSet<String>,
}

impl InForce {
    fn of(path: &Path, prepared: &Prepared) -> Option<Self> {
        let name = |path: &Path| Some(path.file_name()?.to_str()?.to_owned());
        Some(Self {
            path: path.to_owned(),
            plugin: path.file_stem()?.to_str()?.to_owned(),
            app: name(path.parent()?)?,
            digest: prepared.file.digest.clone(),
            bytes: prepared.file.bytes as u64,
            asked: prepared.asked(),
        })
    }

    /// As it is found now; nobody said that it was them.
    pub fn into_seen(self) -> SeenPlugin {
        let Self { plugin, app, digest, bytes, asked, .. } = self;
        SeenPlugin { plugin, digest, app, bytes, asked, at: SystemTime::now().into(), by: "file".to_owned() }
    }
}

/// A file in place of the one of a plugin.
pub(super) struct StandIn {
    plugin: String,
    file: PathBuf,
    /// Where the file of grants would be.
    grants: PathBuf,
}

impl ComponentRunner {
    /// The same runner, which calls no component that asks for more than was approved.
    #[must_use]
    pub fn with_approvals(self, approvals: Arc<dyn PluginApprovals>) -> Self {
        Self { approvals: Some(approvals), ..self }
    }

    /// The same runner with the component at `file` in place of that of `plugin`, which would lie at `place`. It asks for no
    /// approval: it is there to find out what would be.
    #[must_use]
    pub fn with_stand_in(&self, plugin: &str, file: &Path, place: &Path) -> Self {
        let stand_in =
            StandIn { plugin: plugin.to_owned(), file: file.to_owned(), grants: place.with_extension("toml") };
        Self { stand_in: Some(Arc::new(stand_in)), approvals: None, ..self.clone() }
    }

    /// The same runner for calls that must change nothing: databases and folders are read, the web is asked with GET and
    /// HEAD, as far as granted; secrets are not told, and what is remembered goes to `state`, not to the store.
    #[must_use]
    pub fn for_trial(&self, state: impl FnOnce(Arc<dyn PluginState>) -> Arc<dyn PluginState>) -> Self {
        let services = self.services.clone().map(|services| {
            let state = state(services.state.clone());
            Services { state, ..services }
        });
        Self { services, is_trial: true, ..self.clone() }
    }

    /// What the component at `path` asks for beyond what was approved, as far as is known without waiting.
    pub fn excess_of(&self, path: &Path) -> Vec<String> {
        let Some(approvals) = &self.approvals else { return Vec::new() };
        let known = self.in_force_at(path);
        known.map_or_else(Vec::new, |it| approvals.known_excess(&it.plugin, &it.asked))
    }

    /// Every component that is ready as its file is now. Begins nothing, and blocks only as long as it takes to look at files.
    pub fn in_force(&self) -> Vec<InForce> {
        let files = list_components(&self.plugins).unwrap_or_default();
        files.iter().filter_map(|path| self.in_force_at(path)).collect()
    }

    fn in_force_at(&self, path: &Path) -> Option<InForce> {
        let shown = path.with_extension("toml");
        let grants = Grants::read(&shown, &shown.display().to_string()).ok()?;
        let prepared = self.caches.with_stack(grants.limits.stack_bytes).ok()?.peek(path)?;
        InForce::of(path, &prepared)
    }

    /// Lets go of what was found out about a file that is gone.
    pub fn forget(&self, path: &Path) {
        self.caches.forget(path);
    }

    /// The component of a plugin, and the file of its grants.
    pub(super) fn files_of(&self, plugin: &str) -> Result<(PathBuf, PathBuf), SandboxError> {
        if let Some(stand_in) = self.stand_in.as_deref().filter(|it| it.plugin == plugin) {
            return Ok((stand_in.file.clone(), stand_in.grants.clone()));
        }
        let path = find_component(&self.plugins, plugin)?;
        let grants = path.with_extension("toml");
        Ok((path, grants))
    }

    /// Fails when the component asks for more than was approved, or nobody can tell.
    pub(super) async fn ensure_approved(&self, prepared: &Prepared) -> Result<(), StepError> {
        let Some(approvals) = &self.approvals else { return Ok(()) };
        let path = &prepared.file.path;
        let Some(found) = InForce::of(path, prepared) else { return Ok(()) };
        let (plugin, seen) = (found.plugin.clone(), found.into_seen());
        match approvals.excess(seen).await {
            Ok(asked) if asked.is_empty() => Ok(()),
            Ok(asked) => Err(SandboxError::Unapproved { path: path.clone(), plugin, asked }.below(self.home()).into()),
            Err(error) => {
                let message = format!("whether component `{plugin}` is approved cannot be found out: {error}");
                Err(StepError::new(StepErrorKind::Crashed, message))
            }
        }
    }
}
