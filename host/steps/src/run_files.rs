//! Files that a run leaves beside its history: what is too large for a step's output. They are below
//! `data/runs/<run id>/` of the home directory and go when the run goes from history.
//!
//! Invariant: a file has its final name only once it is whole; one that was not finished is removed.

use std::path::{Path, PathBuf};

use host_model::port::{StepContext, Store, StoreError};
use host_model::{RunId, StepError, StepErrorKind};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

/// The folder of all runs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RunFiles {
    root: PathBuf,
}

impl RunFiles {
    /// The files of the runs of `home`; nothing is made before a step needs it.
    pub fn new(home: &Path) -> Self {
        let root = home.join("data/runs");
        Self { root: std::path::absolute(&root).unwrap_or(root) }
    }

    /// A new file of this attempt, `<step>.<attempt>.<extension>`.
    pub(crate) async fn create(&self, ctx: &StepContext, extension: &str) -> Result<RunFile, StepError> {
        let folder = self.root.join(ctx.run_id.to_string());
        let path = folder.join(format!("{}.{}.{extension}", ctx.step, ctx.attempt));
        let part = path.with_extension(format!("{extension}.part"));
        let made = async {
            tokio::fs::create_dir_all(&folder).await?;
            File::create(&part).await
        };
        let file = made.await.map_err(|error| failed(&path, &error))?;
        Ok(RunFile { file: Some(file), part, path, bytes: 0 })
    }

    /// Removes the files of runs that `store` no longer has. Returns of how many.
    ///
    /// # Errors
    /// When the store cannot say. A folder that cannot be removed is left for the next time, and logged.
    pub async fn sweep(&self, store: &dyn Store) -> Result<u64, StoreError> {
        let Ok(mut folders) = tokio::fs::read_dir(&self.root).await else { return Ok(0) };
        let mut removed = 0;
        while let Ok(Some(folder)) = folders.next_entry().await {
            let Some(run) = folder.file_name().to_str().and_then(|name| RunId::parse(name).ok()) else { continue };
            if store.find_run(run).await?.is_some() {
                continue;
            }
            match tokio::fs::remove_dir_all(folder.path()).await {
                Ok(()) => removed += 1,
                Err(error) => tracing::warn!(folder = %folder.path().display(), %error, "files of a run stay"),
            }
        }
        Ok(removed)
    }
}

/// A file that is being written.
pub(crate) struct RunFile {
    /// Empty once it is finished.
    file: Option<File>,
    part: PathBuf,
    path: PathBuf,
    bytes: u64,
}

impl RunFile {
    /// Adds to its end.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), StepError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(bytes).await.map_err(|error| failed(&self.path, &error))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Bytes written.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives it its name, and says where it is.
    pub(crate) async fn finish(mut self) -> Result<PathBuf, StepError> {
        let Some(mut file) = self.file.take() else { return Ok(self.path.clone()) };
        let done = async {
            file.flush().await?;
            drop(file);
            tokio::fs::rename(&self.part, &self.path).await
        };
        let done = done.await;
        if let Err(error) = done {
            let _ = std::fs::remove_file(&self.part);
            return Err(failed(&self.path, &error));
        }
        Ok(self.path.clone())
    }
}

impl Drop for RunFile {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // The step fails, or was stopped, for a reason that is told elsewhere.
            let _ = std::fs::remove_file(&self.part);
        }
    }
}

fn failed(path: &Path, error: &std::io::Error) -> StepError {
    StepError::new(StepErrorKind::Failed, format!("`{}` cannot be written: {error}", path.display()))
}
