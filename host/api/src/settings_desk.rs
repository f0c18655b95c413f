//! The desk where settings are written: what the API asks of it. The crate that assembles everything implements it. Settings
//! are read when a process starts, so nothing that is written here counts before the next start.

use async_trait::async_trait;
use host_catalogue::SettingEntry;
use host_catalogue::edit::EditError;
use host_model::Json;

use crate::desk::DeskError;

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// With this value no process would start.
    #[error("{0}")]
    Invalid(String),
    /// The file could not be read or changed.
    #[error(transparent)]
    Desk(#[from] DeskError),
}

impl From<EditError> for SettingsError {
    fn from(error: EditError) -> Self {
        Self::Desk(error.into())
    }
}

/// Whoever writes `app.toml`.
#[async_trait]
pub trait SettingsDesk: Send + Sync + 'static {
    /// What a process would read that starts now, by the file and the environment of this one; flags are not looked at.
    ///
    /// # Errors
    /// The file cannot be read.
    async fn next(&self) -> Result<Vec<SettingEntry>, SettingsError>;
    /// Writes one setting; without a value it is taken out of the file. Its key is one of [`SettingEntry::is_changeable`].
    ///
    /// # Errors
    /// See [`SettingsError`]; the file is as it was then.
    async fn write(&self, key: &str, value: Option<&Json>) -> Result<(), SettingsError>;
}
