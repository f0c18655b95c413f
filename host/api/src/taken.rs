//! When the last backup was taken and the catalogue last exported, as the audit trail says: whoever takes them, in whatever
//! process, leaves an entry. The trail is asked once a minute at most, because health and metrics are read far more often.

use std::time::Duration;

use host_model::Instant;
use host_model::audit::{AuditEntry, AuditFilter, AuditOutcome};
use host_model::port::StoreError;
use tokio::sync::Mutex;

use crate::App;

/// How long an answer counts.
const FRESH: Duration = Duration::from_secs(60);
/// What the trail calls a backup.
const BACKUP: &str = "backup.create";
/// What it calls an export of the whole catalogue.
const EXPORT: &str = "catalogue.export";

/// When each was last done; `None`: never, or longer ago than the trail reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Taken {
    pub(crate) backup: Option<Instant>,
    pub(crate) export: Option<Instant>,
}

/// The answer of the last minute.
#[derive(Debug, Default)]
pub(crate) struct LastTaken(Mutex<Option<(tokio::time::Instant, Taken)>>);

async fn last(app: &App, action: &str) -> Result<Option<AuditEntry>, StoreError> {
    let filter = AuditFilter {
        action: Some(action.to_owned()),
        outcome: Some(AuditOutcome::Done),
        limit: 1,
        ..AuditFilter::default()
    };
    Ok(app.audit.list(&filter).await?.into_iter().next())
}

/// The last backup, asked now.
pub(crate) async fn last_backup(app: &App) -> Result<Option<AuditEntry>, StoreError> {
    last(app, BACKUP).await
}

/// The last export of the whole catalogue, asked now.
pub(crate) async fn last_export(app: &App) -> Result<Option<AuditEntry>, StoreError> {
    last(app, EXPORT).await
}

impl LastTaken {
    /// As the trail said within the last minute.
    pub(crate) async fn read(&self, app: &App) -> Result<Taken, StoreError> {
        // Who comes meanwhile waits for the one who asks, and asks no second time.
        let mut known = self.0.lock().await;
        if let Some((asked, taken)) = *known
            && asked.elapsed() < FRESH
        {
            return Ok(taken);
        }
        let at = |entry: Option<AuditEntry>| entry.map(|entry| entry.draft.at);
        let taken = Taken { backup: at(last_backup(app).await?), export: at(last_export(app).await?) };
        *known = Some((tokio::time::Instant::now(), taken));
        Ok(taken)
    }
}
