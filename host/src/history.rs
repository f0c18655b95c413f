//! Pruning of history together with the files its runs left in this home, and of the audit trail; and the trail's entries
//! about what a process does without being asked over HTTP.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use host_engine::PruneRunner;
use host_engine::clock::SystemClock;
use host_model::audit::{AuditDraft, AuditOutcome, AuditTrail};
use host_model::port::{Clock as _, StepContext, StepFailure, StepOutcome, StepRunner, Store, StoreError};
use host_model::{Instant, JsonMap, StepError, StepSpec};
use host_steps::RunFiles;

use crate::client::shell_user;

/// Runs `prune_runs` steps: the store first, then the files of the runs it no longer has.
pub(crate) struct PruneHistory {
    pub(crate) rows: PruneRunner,
    pub(crate) files: RunFiles,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) trail: PruneTrail,
}

/// The audit trail, and for how long its entries stay.
pub(crate) struct PruneTrail {
    pub(crate) audit: Arc<dyn AuditTrail>,
    /// 0: for ever.
    pub(crate) keep_days: u32,
}

/// Entries of the trail that go in one transaction.
const AT_ONCE: u32 = 1000;

impl PruneTrail {
    /// Takes what is older than it has to be off the trail, which itself says so.
    async fn prune(&self, now: Instant) -> Result<u64, StoreError> {
        if self.keep_days == 0 {
            return Ok(0);
        }
        let mut removed = 0;
        let cutoff = now - TimeDelta::days(i64::from(self.keep_days));
        loop {
            match self.audit.prune(cutoff, AT_ONCE).await? {
                0 => break,
                gone => removed += gone,
            }
        }
        if removed > 0 {
            let mut detail = JsonMap::new();
            detail.insert("removed".to_owned(), removed.into());
            detail.insert("keep_days".to_owned(), self.keep_days.into());
            self.audit.append(&entry(now, "system", "retention", "audit.prune", "", detail)).await?;
        }
        Ok(removed)
    }
}

/// An entry of what a process did without being asked over HTTP.
fn entry(at: Instant, user: &str, source: &str, action: &str, object: &str, detail: JsonMap) -> AuditDraft {
    AuditDraft {
        at,
        user: user.to_owned(),
        source: source.to_owned(),
        address: "local".to_owned(),
        action: action.to_owned(),
        object: object.to_owned(),
        outcome: AuditOutcome::Done,
        detail,
        closes: None,
    }
}

/// Keeps what the process has done by itself at its start. It is done; a trail that cannot be written is only said.
pub(crate) async fn note(audit: &dyn AuditTrail, action: &str, object: &str) {
    let draft = entry(SystemClock.now(), "system", "start", action, object, JsonMap::new());
    if let Err(error) = audit.append(&draft).await {
        tracing::error!(%error, action, object, "an entry of the audit trail is missing");
    }
}

/// Announces what somebody at this machine is about to do to the home itself, without a server. When it cannot be kept,
/// it must not be done.
pub(crate) async fn announce(audit: &dyn AuditTrail, action: &str, object: &str) -> Result<Announced, StoreError> {
    let user = format!("cli:{}", shell_user());
    let draft = entry(SystemClock.now(), &user, "offline", action, object, JsonMap::new());
    let seq = audit.append(&AuditDraft { outcome: AuditOutcome::Begun, ..draft.clone() }).await?;
    Ok(Announced(AuditDraft { closes: Some(seq), ..draft }))
}

/// What was announced and has to be closed.
#[must_use]
#[derive(Clone)]
pub(crate) struct Announced(AuditDraft);

impl Announced {
    /// Says what came of it.
    pub(crate) async fn close(mut self, audit: &dyn AuditTrail, is_done: bool) {
        self.0.outcome = if is_done { AuditOutcome::Done } else { AuditOutcome::Failed };
        self.0.at = SystemClock.now();
        if let Err(error) = audit.append(&self.0).await {
            tracing::error!(%error, action = self.0.action, "what came of it is missing in the audit trail");
        }
    }
}

#[async_trait]
impl StepRunner for PruneHistory {
    async fn run(&self, spec: &StepSpec, ctx: &StepContext) -> Result<StepOutcome, StepFailure> {
        let mut outcome = self.rows.run(spec, ctx).await?;
        let swept = self.files.sweep(&*self.store).await.map_err(|error| StepError::remote(error.to_string()))?;
        if swept > 0 {
            ctx.info(format!("files of {swept} runs removed")).await;
        }
        let entries = self.trail.prune(SystemClock.now()).await;
        let entries = entries.map_err(|error| StepError::remote(error.to_string()))?;
        if entries > 0 {
            ctx.info(format!("{entries} entries of the audit trail removed")).await;
        }
        outcome.output.insert("audit_entries".to_owned(), entries.into());
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
