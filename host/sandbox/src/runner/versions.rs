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
use crate::plugins::{Callable, find_component, list_components};
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
        Some(Self {
            path: path.to_owned(),
            plugin: path.file_stem()?.to_str()?.to_owned(),
            app: app_of(path),
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

/// The app that a file of a plugin belongs to: the folder it is in.
pub(super) fn app_of(file: &Path) -> String {
    let folder = file.parent().and_then(Path::file_name).unwrap_or_default();
    folder.to_string_lossy().into_owned()
}

/// What is said of a version that is wanted and not there.
pub(super) fn not_kept(callable: &Callable) -> SandboxError {
    SandboxError::NotKept { plugin: callable.plugin.clone(), pin: callable.pin.clone().unwrap_or_default() }
}

impl ComponentRunner {
    /// The same runner, whose jobs may pin a version of a component that is kept below `folder`, as
    /// `<plugin>/<digest>.wasm`, or is the one in force.
    #[must_use]
    pub fn with_versions(self, folder: impl Into<PathBuf>) -> Self {
        Self { kept: Some(folder.into()), ..self }
    }

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

    /// The component to run, and the file of grants of its plugin: those are of every version. Of a version that is not
    /// kept, the component in force, which may be that one.
    pub(super) fn files_of(&self, callable: &Callable) -> Result<(PathBuf, PathBuf), SandboxError> {
        let (path, grants) = match self.stand_in.as_deref().filter(|it| it.plugin == callable.plugin) {
            Some(stand_in) => (stand_in.file.clone(), stand_in.grants.clone()),
            None => {
                let path = find_component(&self.plugins, &callable.plugin)?;
                let grants = path.with_extension("toml");
                (path, grants)
            }
        };
        Ok((self.kept_file(callable).unwrap_or(path), grants))
    }

    fn kept_file(&self, callable: &Callable) -> Option<PathBuf> {
        callable.pin.as_ref()?;
        let files = std::fs::read_dir(self.kept.as_ref()?.join(&callable.plugin)).ok()?;
        let is_wanted = |path: &PathBuf| {
            let digest = path.file_stem().and_then(|stem| stem.to_str());
            path.extension().is_some_and(|it| it == "wasm") && digest.is_some_and(|digest| callable.takes(digest))
        };
        files.filter_map(Result::ok).map(|entry| entry.path()).find(is_wanted)
    }

    /// Fails when the component asks for more than was approved, or nobody can tell.
    pub(super) async fn ensure_approved(
        &self,
        plugin: &str,
        app: String,
        prepared: &Prepared,
    ) -> Result<(), StepError> {
        let Some(approvals) = &self.approvals else { return Ok(()) };
        let (path, plugin) = (prepared.file.path.clone(), plugin.to_owned());
        let (digest, bytes) = (prepared.file.digest.clone(), prepared.file.bytes as u64);
        let found = InForce { path: path.clone(), plugin: plugin.clone(), app, digest, bytes, asked: prepared.asked() };
        match approvals.excess(found.into_seen()).await {
            Ok(asked) if asked.is_empty() => Ok(()),
            Ok(asked) => Err(SandboxError::Unapproved { path, plugin, asked }.below(self.home()).into()),
            Err(error) => {
                let message = format!("whether component `{plugin}` is approved cannot be found out: {error}");
                Err(StepError::new(StepErrorKind::Crashed, message))
            }
        }
    }
}
