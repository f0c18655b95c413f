//! The desk where the catalogue is written: the API's `CatalogueDesk` over job files, versions and keeper.
//!
//! A change goes: take the turn (of this process) and the lock (of the home), read what is saved, look at what is wanted
//! among all other jobs, write the file, read the catalogue again, keep the version. Nothing is written before everything
//! was found to be right. Who is killed after the file was written has saved: the next start finds the change and keeps it
//! as one made by hand. `check` looks at jobs, `save` changes one, `history` is about versions, `transfer` about many.

mod check;
mod connector_findings;
mod connector_names;
mod connectors;
mod history;
mod rename;
mod save;
mod settings;
mod transfer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use host_api::CatalogueSource as _;
use host_api::desk::{
    AppJobs, CatalogueDesk, Checked, DeskError, ImportOptions, ImportPlan, JobPatch, JobSource, SaveDone, Target,
};
use host_catalogue::edit::{Content, EditError, EditLock, JobFiles, Journal, Plan, Saved, mask_job, mask_text};
use host_engine::clock::SystemClock;
use host_model::port::Clock as _;
use host_model::version::{JobVersion, NewVersion, VersionChange, VersionStore};
use host_model::{JobId, Json, JsonMap};
use tokio::sync::{Mutex, MutexGuard};

use crate::keeper::Keeper;

pub(crate) use connectors::Connectors as ConnectorDesk;
pub(crate) use settings::SettingsFile;

/// See the module's note.
pub(crate) struct Desk {
    keeper: Arc<Keeper>,
    versions: Arc<dyn VersionStore>,
    files: JobFiles,
    data: PathBuf,
    /// One change at a time; whoever notices changes by hand takes it too.
    turn: Mutex<()>,
}

/// The turn in this process, and the lock of the home.
struct Turn<'d> {
    _turn: MutexGuard<'d, ()>,
    _lock: EditLock,
}

impl Desk {
    pub(crate) fn new(keeper: Arc<Keeper>, versions: Arc<dyn VersionStore>) -> Self {
        let reader = keeper.reader();
        let own = reader.home.join("plugins");
        let shown = if reader.plugins == own { "plugins".to_owned() } else { reader.plugins.display().to_string() };
        let files = JobFiles::new(&reader.plugins, &shown);
        let data = reader.home.join("data");
        Self { keeper, versions, files, data, turn: Mutex::new(()) }
    }

    async fn turn(&self) -> Result<Turn<'_>, DeskError> {
        let turn = self.turn.lock().await;
        let data = self.data.clone();
        let lock = blocking(move || {
            let unwritable =
                |error: std::io::Error| EditError::Unwritable { file: "data".to_owned(), why: error.to_string() };
            EditLock::take(&data).map_err(unwritable)
        });
        Ok(Turn { _turn: turn, _lock: lock.await?? })
    }

    /// Work on the files, off the threads of the runtime.
    async fn on_files<A: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Plan<'_>) -> Result<A, EditError> + Send + 'static,
    ) -> Result<A, DeskError> {
        let files = self.files.clone();
        Ok(blocking(move || work(&mut Plan::new(&files))).await??)
    }

    async fn find(&self, id: &str) -> Result<Option<Saved>, DeskError> {
        let wanted = id.to_owned();
        self.on_files(move |plan| plan.find(&wanted)).await
    }

    async fn need(&self, id: &str) -> Result<Saved, DeskError> {
        self.find(id).await?.ok_or_else(|| DeskError::NoJob(id.to_owned()))
    }

    async fn all(&self) -> Result<Vec<Saved>, DeskError> {
        let files = self.files.clone();
        let (all, mut broken) = blocking(move || files.all()).await?;
        match broken.pop() {
            Some(error) => Err(error.into()),
            None => Ok(all),
        }
    }

    /// Keeps what is saved for a job now as a version.
    async fn keep(&self, saved: &Saved, by: &str, change: VersionChange) -> Result<u32, DeskError> {
        match new_version(saved, by, change) {
            Some(version) => Ok(self.versions.add_version(&version).await?),
            None => Ok(0),
        }
    }

    async fn reload(&self) {
        self.keeper.reload().await;
    }
}

fn new_version(saved: &Saved, by: &str, change: VersionChange) -> Option<NewVersion> {
    Some(NewVersion {
        job_id: JobId::new(&saved.id).ok()?,
        app: saved.app.clone(),
        at: SystemClock.now(),
        by: by.to_owned(),
        change,
        etag: saved.etag.clone(),
        text: mask_text(&saved.whole_text()),
    })
}

fn source_of(saved: &Saved) -> JobSource {
    JobSource {
        id: saved.id.clone(),
        app: saved.app.clone(),
        path: saved.file.clone(),
        is_vendor: saved.is_vendor,
        etag: saved.etag.clone(),
        text: mask_text(&saved.text),
        local: saved.local.as_deref().map(mask_text),
        whole: mask_text(&saved.whole_text()),
        job: mask_job(&saved.job),
    }
}

async fn blocking<A: Send + 'static>(work: impl FnOnce() -> A + Send + 'static) -> Result<A, DeskError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| DeskError::Conflict {
        code: "edit-failed",
        message: format!("the job files could not be worked on: {error}"),
        hint: None,
    })
}

/// Carries out what a process was killed over. Before the catalogue is read for the first time.
pub(crate) async fn recover(home: &Path, versions: &dyn VersionStore) -> anyhow::Result<()> {
    let data = home.join("data");
    if !data.join("catalogue.journal").exists() {
        return Ok(());
    }
    let place = data.clone();
    let _lock = tokio::task::spawn_blocking(move || EditLock::take(&place)).await??;
    let Some(journal) = Journal::find(&data)? else { return Ok(()) };
    if let Some(rename) = &journal.rename {
        versions.rename_job(&JobId::new(&rename.from)?, &JobId::new(&rename.to)?, true).await?;
    }
    journal.finish()?;
    tracing::warn!("a change of the catalogue that was cut off has been finished");
    Ok(())
}

#[async_trait]
impl CatalogueDesk for Desk {
    async fn source(&self, id: &str) -> Result<JobSource, DeskError> {
        Ok(source_of(&self.need(id).await?))
    }

    async fn check(&self, app: Option<&str>, content: &Content, replaces: Option<&str>) -> Result<Checked, DeskError> {
        self.look_at(app, content, replaces).await
    }

    async fn save(
        &self,
        target: Target<'_>,
        content: &Content,
        by: &str,
        change: VersionChange,
    ) -> Result<SaveDone, DeskError> {
        match target {
            Target::New(app) => self.add(app, content, by, change).await,
            Target::Saved(id, etag) => self.set(id, Some(etag), content, by, change).await,
        }
    }

    async fn patch(&self, id: &str, patch: &JobPatch, etag: Option<&str>, by: &str) -> Result<SaveDone, DeskError> {
        self.set_switches(id, patch, etag, by).await
    }

    async fn delete(&self, id: &str, etag: Option<&str>, by: &str) -> Result<(), DeskError> {
        self.take_out(id, etag, by).await
    }

    async fn rename(&self, id: &str, to: &str, by: &str) -> Result<SaveDone, DeskError> {
        self.give_id(id, to, by).await
    }

    async fn versions(&self, id: &str) -> Result<Vec<JobVersion>, DeskError> {
        Ok(self.versions.list_versions(id).await?)
    }

    async fn restore(&self, id: &str, number: u32, etag: Option<&str>, by: &str) -> Result<SaveDone, DeskError> {
        self.put_back(id, number, etag, by).await
    }

    async fn jobs_of(&self, app: Option<&str>) -> Result<AppJobs, DeskError> {
        self.app_jobs(app).await
    }

    async fn replace_jobs_of(&self, app: &str, jobs: &[JsonMap], etag: &str, by: &str) -> Result<AppJobs, DeskError> {
        self.set_app_jobs(app, jobs, etag, by).await
    }

    async fn export(&self) -> Result<Json, DeskError> {
        self.snapshot().await
    }

    async fn import(&self, snapshot: &Json, options: ImportOptions, by: &str) -> Result<ImportPlan, DeskError> {
        self.take_over(snapshot, options, by).await
    }
}
