//! Pruning of history together with the files its runs left in this home.

use std::sync::Arc;

use async_trait::async_trait;
use host_engine::PruneRunner;
use host_model::port::{StepContext, StepFailure, StepOutcome, StepRunner, Store};
use host_model::{StepError, StepSpec};
use host_steps::RunFiles;

/// Runs `prune_runs` steps: the store first, then the files of the runs it no longer has.
pub(crate) struct PruneHistory {
    pub(crate) rows: PruneRunner,
    pub(crate) files: RunFiles,
    pub(crate) store: Arc<dyn Store>,
}

#[async_trait]
impl StepRunner for PruneHistory {
    async fn run(&self, spec: &StepSpec, ctx: &StepContext) -> Result<StepOutcome, StepFailure> {
        let mut outcome = self.rows.run(spec, ctx).await?;
        let swept = self.files.sweep(&*self.store).await.map_err(|error| StepError::remote(error.to_string()))?;
        if swept > 0 {
            ctx.info(format!("files of {swept} runs removed")).await;
        }
        outcome.output.insert("run_folders".to_owned(), swept.into());
        Ok(outcome)
    }
}

/// Removes what is left of runs that another process pruned from the store.
pub(crate) async fn sweep(files: &RunFiles, store: &dyn Store) {
    match files.sweep(store).await {
        Ok(0) => {}
        Ok(runs) => tracing::info!(runs, "files of runs that are no longer in history were removed"),
        Err(error) => tracing::warn!(%error, "files of runs that are no longer in history stay for now"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_of_runs_that_the_store_does_not_have_are_removed() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("data/runs");
        for name in ["0123456789abc", "0000000000000", "not-a-run"] {
            std::fs::create_dir_all(folder.join(name)).unwrap();
            std::fs::write(folder.join(name).join("fetch.1.json"), "[]").unwrap();
        }
        let store = host_store::open("sqlite:runs.db", home.path()).await.unwrap();
        let known = host_model::RunId::parse("0000000000000").unwrap();
        store.record_fire(&new_run(known)).await.unwrap();
        let files = RunFiles::new(home.path());
        assert_eq!(files.sweep(&*store).await.unwrap(), 1);
        let mut left: Vec<String> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["0000000000000", "not-a-run"]);
        assert_eq!(RunFiles::new(&home.path().join("nowhere")).sweep(&*store).await.unwrap(), 0);
        store.close().await;
    }

    fn new_run(id: host_model::RunId) -> host_model::fire::NewRun {
        host_model::fire::NewRun {
            id,
            job_id: host_model::JobId::new("j").unwrap(),
            overlap: host_model::job::Overlap::Allow,
            depends_on: Vec::new(),
            triggered_by: "api".into(),
            slot: None,
            replay: None,
            as_of: None,
            queued_at: host_model::Instant::UNIX_EPOCH,
            owner: String::new(),
            placement: "any".into(),
            limits: Vec::new(),
            definition: "{}".into(),
            lease: None,
            log_level: host_model::log::LogLevel::Info,
            params: Default::default(),
            overrides: Default::default(),
            steps: Vec::new(),
        }
    }
}
