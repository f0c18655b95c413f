//! What was approved, in memory over the store: the sandbox asks before every call, so what is known answers at once, and
//! only what is new goes to the store.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use host_engine::clock::SystemClock;
use host_model::plugin_version::{PluginApprovals, PluginVersion, PluginVersionStore, SeenPlugin, excess_over};
use host_model::port::{Clock as _, StoreError};
use host_sandbox::InForce;

use super::shelf::Shelf;

/// See the module's note.
pub(crate) struct ApprovalBook {
    store: Arc<dyn PluginVersionStore>,
    known: RwLock<HashMap<String, Known>>,
}

/// What is known of a plugin.
#[derive(PartialEq, Eq)]
struct Known {
    newest: String,
    digests: HashSet<String>,
    approved: BTreeSet<String>,
}

impl Known {
    fn of(versions: &[PluginVersion]) -> Option<Self> {
        let approved = versions.iter().filter(|version| version.approved.is_some());
        Some(Self {
            newest: versions.first()?.seen.digest.clone(),
            digests: versions.iter().map(|version| version.seen.digest.clone()).collect(),
            approved: approved.flat_map(|version| version.seen.asked.iter().cloned()).collect(),
        })
    }
}

impl ApprovalBook {
    /// Reads what the store has.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(crate) async fn read(store: Arc<dyn PluginVersionStore>) -> Result<Self, StoreError> {
        let book = Self { store, known: RwLock::default() };
        book.refresh().await?;
        Ok(book)
    }

    /// Reads again what other processes may have changed; whether they did.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(crate) async fn refresh(&self) -> Result<bool, StoreError> {
        let all = self.store.list_plugin_versions(None).await?;
        let known: HashMap<String, Known> = all
            .chunk_by(|a, b| a.seen.plugin == b.seen.plugin)
            .filter_map(|versions| Some((versions.first()?.seen.plugin.clone(), Known::of(versions)?)))
            .collect();
        let mut mine = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let has_changed = *mine != known;
        *mine = known;
        Ok(has_changed)
    }

    fn learn(&self, plugin: &str, versions: &[PluginVersion]) {
        if let Some(known) = Known::of(versions) {
            self.known.write().unwrap_or_else(PoisonError::into_inner).insert(plugin.to_owned(), known);
        }
    }

    fn ask<A>(&self, plugin: &str, question: impl FnOnce(&Known) -> A) -> Option<A> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(plugin).map(question)
    }

    /// Whether a file is known to be the one in force.
    pub(super) fn is_newest(&self, plugin: &str, digest: &str) -> bool {
        self.ask(plugin, |known| known.newest == digest).unwrap_or_default()
    }

    /// Keeps that a file is in force; all versions of its plugin.
    pub(super) async fn note(&self, seen: SeenPlugin) -> Result<Vec<PluginVersion>, StoreError> {
        let versions = self.store.note_plugin(&seen).await?;
        self.learn(&seen.plugin, &versions);
        Ok(versions)
    }

    /// Approves what a version asks for.
    pub(super) async fn approve(&self, plugin: &str, digest: &str, by: &str) -> Result<(), StoreError> {
        self.store.approve_plugin(plugin, digest, SystemClock.now(), by).await?;
        self.learn(plugin, &self.store.list_plugin_versions(Some(plugin)).await?);
        Ok(())
    }

    /// Keeps what is in force, and its files, those that `pins` names for longer. What cannot be kept is told and tried again after the next reading.
    pub(crate) async fn note_all(&self, found: Vec<InForce>, shelf: &Shelf, pins: &BTreeMap<String, BTreeSet<String>>) {
        for one in found {
            let (plugin, digest, path) = (one.plugin.clone(), one.digest.clone(), one.path.clone());
            let (is_newest, is_kept) = (self.is_newest(&plugin, &digest), shelf.has(&plugin, &digest));
            if is_newest && is_kept {
                continue;
            }
            let noted = match self.note(one.into_seen()).await {
                Ok(versions) => versions,
                Err(error) => {
                    tracing::warn!(%error, plugin, "the version of a component could not be kept");
                    continue;
                }
            };
            let (shelf, pins) = (shelf.clone(), pins.get(&plugin).cloned().unwrap_or_default());
            let kept = tokio::task::spawn_blocking(move || shelf.keep(&plugin, &digest, &path, &noted, &pins)).await;
            if let Ok(Err(error)) = kept {
                tracing::warn!(%error, "the file of a component could not be kept");
            }
        }
    }
}

#[async_trait]
impl PluginApprovals for ApprovalBook {
    fn known_excess(&self, plugin: &str, asked: &BTreeSet<String>) -> Vec<String> {
        self.ask(plugin, |known| asked.difference(&known.approved).cloned().collect()).unwrap_or_default()
    }

    async fn excess(&self, seen: SeenPlugin) -> Result<Vec<String>, StoreError> {
        let is_fine = |known: &Known| known.digests.contains(&seen.digest) && seen.asked.is_subset(&known.approved);
        if self.ask(&seen.plugin, is_fine).unwrap_or_default() {
            return Ok(Vec::new());
        }
        // Somebody else may have approved it meanwhile.
        let is_known = self.ask(&seen.plugin, |known| known.digests.contains(&seen.digest)).unwrap_or_default();
        let versions = if is_known {
            let versions = self.store.list_plugin_versions(Some(&seen.plugin)).await?;
            self.learn(&seen.plugin, &versions);
            versions
        } else {
            self.note(seen.clone()).await?
        };
        Ok(excess_over(&seen.asked, &versions))
    }
}
