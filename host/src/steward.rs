//! The steward of components: the API's `PluginVersions` over the files of the home, the store and the keeper.
//!
//! `book` knows what was approved and answers the sandbox; `shelf` keeps files to go back to; `install` puts a component in
//! force; `trial` calls one without changing anything. Whatever is in force is noted after each reading of the catalogue,
//! whoever put it there; so a file that was dropped by hand has versions, too.

mod book;
mod install;
mod shelf;
mod trial;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use host_api::CatalogueSource as _;
use host_api::plugin_desk::{
    Consent, KeptVersion, PluginError, PluginReport, PluginUpload, PluginUsage, PluginVersions, Trial,
};
use host_engine::clock::SystemClock;
use host_model::JsonMap;
use host_model::plugin_version::{PluginStats, PluginVersion, PluginVersionStore, excess_over};
use host_model::port::{Clock as _, Connectors};
use host_sandbox::{ComponentRunner, InForce};
use tokio::sync::Mutex;

use crate::keeper::Keeper;

pub(crate) use book::ApprovalBook;
pub(crate) use shelf::Shelf;

/// How far back calls are counted.
const COUNTED_DAYS: i64 = 30;
/// Versions that are told of, and counted; whoever builds a plugin over and over has many.
const MOST_VERSIONS: usize = 50;
/// Calls that are counted at most.
const MOST_CALLS: u32 = 50_000;

/// See the module's note.
pub(crate) struct Steward {
    keeper: Arc<Keeper>,
    sandbox: ComponentRunner,
    book: Arc<ApprovalBook>,
    store: Arc<dyn PluginVersionStore>,
    shelf: Shelf,
    connectors: Arc<dyn Connectors>,
    data: PathBuf,
    /// One installation at a time.
    turn: Mutex<()>,
}

impl Steward {
    pub(crate) fn new(
        keeper: Arc<Keeper>,
        book: Arc<ApprovalBook>,
        store: Arc<dyn PluginVersionStore>,
        connectors: Arc<dyn Connectors>,
    ) -> Self {
        let reader = keeper.reader();
        let (sandbox, data) = (reader.sandbox.clone(), reader.home.join("data"));
        Self { keeper, sandbox, book, store, shelf: Shelf::new(&data), connectors, data, turn: Mutex::new(()) }
    }

    /// What is in force under a name, if it is ready.
    async fn in_force(&self, plugin: &str) -> Result<Option<InForce>, PluginError> {
        let (sandbox, plugin) = (self.sandbox.clone(), plugin.to_owned());
        blocking(move || sandbox.in_force().into_iter().find(|it| it.plugin == plugin)).await
    }
}

/// Work on files, off the threads of the runtime.
async fn blocking<A: Send + 'static>(work: impl FnOnce() -> A + Send + 'static) -> Result<A, PluginError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| PluginError::File {
        operation: "work on",
        path: "plugins".to_owned(),
        why: error.to_string(),
    })
}

#[async_trait]
impl PluginVersions for Steward {
    async fn install(&self, upload: PluginUpload) -> Result<PluginReport, PluginError> {
        self.put_in_force(upload).await
    }

    async fn roll_back(
        &self,
        plugin: &str,
        digest: Option<&str>,
        consent: Consent,
        by: &str,
    ) -> Result<PluginReport, PluginError> {
        let versions = self.versions(plugin).await?;
        let none =
            || PluginError::NoVersion { plugin: plugin.to_owned(), version: digest.unwrap_or("before").to_owned() };
        if versions.is_empty() {
            return Err(PluginError::NoPlugin(plugin.to_owned()));
        }
        let is_wanted = |it: &&KeptVersion| match digest {
            Some(digest) => digest.len() >= 6 && it.version.seen.digest.starts_with(digest),
            None => !it.is_in_force && it.is_kept,
        };
        let wanted = versions.iter().find(is_wanted).filter(|it| it.is_kept).ok_or_else(none)?;
        let file = self.shelf.path(plugin, &wanted.version.seen.digest);
        let read = blocking(move || std::fs::read(&file)).await?;
        let upload = PluginUpload {
            plugin: plugin.to_owned(),
            app: self.in_force(plugin).await?.is_none().then(|| wanted.version.seen.app.clone()),
            bytes: read.map_err(|_| none())?.into(),
            consent,
            by: by.to_owned(),
        };
        self.put_in_force(upload).await
    }

    async fn approve(&self, plugin: &str, digest: Option<&str>, by: &str) -> Result<KeptVersion, PluginError> {
        let gone = || PluginError::NoPlugin(plugin.to_owned());
        let current = self.in_force(plugin).await?.ok_or_else(gone)?;
        if digest.is_some_and(|digest| digest != current.digest) {
            return Err(PluginError::Stale { plugin: plugin.to_owned(), digest: current.digest });
        }
        let digest = current.digest.clone();
        self.book.note(current.into_seen()).await?;
        self.book.approve(plugin, &digest, by).await?;
        tracing::info!(plugin, digest, by, "component approved");
        self.keeper.reload().await;
        self.versions(plugin).await?.into_iter().find(|it| it.version.seen.digest == digest).ok_or_else(gone)
    }

    async fn versions(&self, plugin: &str) -> Result<Vec<KeptVersion>, PluginError> {
        let current = self.in_force(plugin).await?;
        let versions = match current.clone() {
            // A reading may not have got round to it.
            Some(current) if !self.book.is_newest(plugin, &current.digest) => {
                self.book.note(current.into_seen()).await?
            }
            _ => self.store.list_plugin_versions(Some(plugin)).await?,
        };
        let (shelf, all) = (self.shelf.clone(), versions.clone());
        let kept = move |it: &PluginVersion| shelf.has(&it.seen.plugin, &it.seen.digest);
        let kept: Vec<bool> = blocking(move || all.iter().take(MOST_VERSIONS).map(kept).collect()).await?;
        let told = versions.iter().zip(kept).map(|(version, is_kept)| KeptVersion {
            is_in_force: current.as_ref().is_some_and(|it| it.digest == version.seen.digest),
            is_kept,
            excess: excess_over(&version.seen.asked, &versions),
            version: version.clone(),
        });
        Ok(told.collect())
    }

    async fn try_call(&self, callable: &str, params: JsonMap, by: &str) -> Result<Trial, PluginError> {
        Ok(trial::run(&self.sandbox, self.connectors.clone(), callable, params, by).await)
    }

    async fn usage(&self, plugin: &str) -> Result<PluginUsage, PluginError> {
        let versions = self.store.list_plugin_versions(Some(plugin)).await?;
        let digests: Vec<String> = versions.into_iter().take(MOST_VERSIONS).map(|it| it.seen.digest).collect();
        let since = SystemClock.now() - TimeDelta::days(COUNTED_DAYS);
        let calls = self.store.list_plugin_calls(&digests, since, MOST_CALLS).await?;
        let of = |digest: &String| PluginStats::of(calls.iter().filter(|call| call.digest == *digest));
        let by_digest = digests.iter().map(|digest| (digest.clone(), of(digest))).filter(|(_, stats)| stats.calls > 0);
        Ok(PluginUsage {
            since,
            is_cut: calls.len() == MOST_CALLS as usize,
            all: PluginStats::of(&calls),
            by_digest: by_digest.collect(),
        })
    }
}
