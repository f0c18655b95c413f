//! What of a running home has to be saved, for the page that lists it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use host_model::care::{BackupDesk, ToSave};
use host_model::port::Store;

use crate::home::env;
use crate::keeper::Reader;
use crate::vault::keys::KeyPlace;

/// The things of one home.
pub(crate) struct ThingsToSave {
    home: PathBuf,
    plugins: PathBuf,
    store: Arc<dyn Store>,
    /// Where the store is, without a password.
    shown: String,
}

#[async_trait]
impl BackupDesk for ThingsToSave {
    async fn things_to_save(&self) -> Vec<ToSave> {
        let (home, plugins) = (self.home.clone(), self.plugins.clone());
        let looked = tokio::task::spawn_blocking(move || [key(&home), files(&home, &plugins)]).await;
        let mut all: Vec<ToSave> = looked.map(Vec::from).unwrap_or_default();
        all.push(match self.store.ping().await {
            Ok(()) => self.of_store(true, "answers".to_owned()),
            Err(error) => self.of_store(false, error.to_string()),
        });
        all
    }
}

impl ThingsToSave {
    /// `url` is the store's.
    pub(crate) fn new(reader: &Reader, store: &Arc<dyn Store>, url: &str) -> Self {
        Self {
            home: reader.home.clone(),
            plugins: reader.plugins.clone(),
            store: store.clone(),
            shown: host_store::shown_url(url),
        }
    }

    fn of_store(&self, is_reachable: bool, detail: String) -> ToSave {
        ToSave { what: "store", place: self.shown.clone(), is_reachable, detail }
    }
}

fn key(home: &Path) -> ToSave {
    let found = |place: String, is_reachable: bool, detail: &str| ToSave {
        what: "key",
        place,
        is_reachable,
        detail: detail.to_owned(),
    };
    match KeyPlace::find(home, env) {
        Ok(KeyPlace::File(path)) => {
            let place = path.display().to_string();
            match std::fs::read(&path) {
                Ok(_) => found(place, true, "a file, which is not part of a backup unless --with-keys is given"),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    found(place, true, "not made yet: nothing is sealed")
                }
                Err(error) => found(place, false, &error.to_string()),
            }
        }
        Ok(place) => found(place.to_string(), true, "a variable, which no backup holds"),
        Err(error) => found(home.join("data").display().to_string(), false, &error.to_string()),
    }
}

fn files(home: &Path, plugins: &Path) -> ToSave {
    let place = format!("{}: app.toml, connectors.toml, {}", home.display(), plugins.display());
    let unreadable = [home.join("app.toml"), home.join("connectors.toml")]
        .into_iter()
        .filter_map(|path| match std::fs::File::open(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Some(format!("{}: {error}", path.display())),
            _ => None,
        })
        .chain(std::fs::read_dir(plugins).err().map(|error| format!("{}: {error}", plugins.display())))
        .collect::<Vec<_>>();
    ToSave { what: "files", place, is_reachable: unreadable.is_empty(), detail: unreadable.join("; ") }
}
