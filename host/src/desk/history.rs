//! Versions: changes that somebody made by hand, and putting one back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use host_api::desk::{DeskError, SaveDone};
use host_catalogue::edit::Content;
use host_model::version::{NewVersion, VersionChange};

use super::{Desk, blocking, new_version};
use crate::assemble::Ending;
use crate::memory;

/// Versions kept in one transaction.
const BATCH: usize = 100;
/// A start is not held up.
const AFTER_START: Duration = Duration::from_secs(1);

impl Desk {
    /// Keeps a version of whatever changed, soon after the start and after each reading of the catalogue.
    pub(crate) fn notice_changes(self: &Arc<Self>) -> Ending {
        let desk = Arc::clone(self);
        Ending(tokio::spawn(async move {
            tokio::time::sleep(AFTER_START).await;
            loop {
                if let Err(error) = desk.notice().await {
                    tracing::debug!(%error, "changes by hand could not be kept as versions");
                }
                desk.keeper.reloaded().await;
            }
        }))
    }

    /// Keeps what no version says yet. Whoever saves through the desk has kept it before the turn is free.
    async fn notice(&self) -> Result<(), DeskError> {
        let _turn = self.turn().await?;
        let files = self.files.clone();
        // A file that cannot be told apart into jobs is looked at again when it can.
        let (all, _) = blocking(move || files.all()).await?;
        let known: HashMap<String, String> = self.versions.list_newest_etags().await?.into_iter().collect();
        let changed = all.iter().filter(|saved| known.get(&saved.id) != Some(&saved.etag));
        let new: Vec<NewVersion> =
            changed.filter_map(|saved| new_version(saved, "file", VersionChange::File)).collect();
        drop(all);
        for batch in new.chunks(BATCH) {
            self.versions.add_versions(batch).await?;
        }
        drop(new);
        // Files are taken apart into many small pieces for this.
        memory::give_back();
        Ok(())
    }

    pub(super) async fn put_back(
        &self,
        id: &str,
        number: u32,
        etag: Option<&str>,
        by: &str,
    ) -> Result<SaveDone, DeskError> {
        let versions = self.versions.list_versions(id).await?;
        let Some(version) = versions.into_iter().find(|version| version.number == number) else {
            return Err(if self.find(id).await?.is_some() {
                DeskError::NoVersion { id: id.to_owned(), number }
            } else {
                DeskError::NoJob(id.to_owned())
            });
        };
        let content = Content::Text(version.version.text);
        match self.find(id).await? {
            Some(_) => self.set(id, etag, &content, by, VersionChange::Restore).await,
            None => self.add(&version.version.app, &content, by, VersionChange::Restore).await,
        }
    }
}
