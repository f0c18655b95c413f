//! `app.toml` while the page changes one of its settings: read, changed as text, read as a starting process would, written.
//!
//! Invariant: nothing is written that keeps a process from starting.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use host_api::settings_desk::{SettingsDesk, SettingsError};
use host_catalogue::edit::settings::{SETTINGS_FILE, with_setting};
use host_catalogue::edit::{Change, EditError, Journal};
use host_catalogue::{Flags, SettingEntry, settings_of_text};
use host_model::Json;
use host_model::diagnostic::Severity;

use super::{Desk, blocking};
use crate::home::env;

/// See the module's note.
pub(crate) struct SettingsFile(Arc<Desk>);

/// The bytes, `None` without a file, and the text.
fn read(path: &Path) -> Result<(Option<Vec<u8>>, String), EditError> {
    let unreadable = |why: String| EditError::Unreadable { file: SETTINGS_FILE.to_owned(), why };
    let before = match std::fs::read(path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !path.is_symlink() => None,
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let text = String::from_utf8(before.clone().unwrap_or_default());
    Ok((before, text.map_err(|_| unreadable("it is not UTF-8".to_owned()))?))
}

impl SettingsFile {
    pub(crate) fn new(desk: Arc<Desk>) -> Self {
        Self(desk)
    }

    fn home(&self) -> PathBuf {
        self.0.keeper.reader().home.clone()
    }
}

#[async_trait]
impl SettingsDesk for SettingsFile {
    async fn next(&self) -> Result<Vec<SettingEntry>, SettingsError> {
        let home = self.home();
        let told = blocking(move || -> Result<_, SettingsError> {
            let (_, text) = read(&home.join(SETTINGS_FILE))?;
            Ok(settings_of_text(&text, &home, &env, &Flags::default()).settings.list())
        });
        told.await?
    }

    async fn write(&self, key: &str, value: Option<&Json>) -> Result<(), SettingsError> {
        let _turn = self.0.turn().await?;
        let (home, data) = (self.home(), self.0.data.clone());
        let (key, value) = (key.to_owned(), value.cloned());
        let written = blocking(move || -> Result<(), SettingsError> {
            let path = home.join(SETTINGS_FILE);
            let (before, text) = read(&path)?;
            let after = with_setting(&text, &key, value.as_ref())?;
            let found = settings_of_text(&after, &home, &env, &Flags::default()).diagnostics;
            if let Some(error) = found.into_iter().find(|found| found.severity == Severity::Error) {
                return Err(SettingsError::Invalid(error.message));
            }
            let change = Change { path, shown: SETTINGS_FILE.to_owned(), before, after };
            Ok(Journal::begin(&data, &[change], None)?.finish()?)
        });
        written.await?
    }
}
