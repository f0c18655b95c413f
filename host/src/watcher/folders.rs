//! Which folders are watched, and which paths matter. Each folder has a watch of its own: links are followed, folders
//! that hold nothing of ours (caches, virtual environments, hidden ones) cost nothing, and no file under `data/` is ever
//! seen.
//!
//! Invariant: a folder that was replaced, renamed or removed is forgotten at once and watched anew by the next
//! [`Folders::sync`], because its watch belongs to what stood there before.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher as _};

const CONNECTORS: &str = "connectors.toml";
/// Endings of the files a catalogue is read from.
const ENDINGS: [&str; 3] = ["toml", "wasm", "py"];
/// Folders that hold nothing of ours, by name …
const OTHERS: [&str; 2] = ["__pycache__", "node_modules"];
/// … and by a file in them: build folders and caches, virtual environments.
const MARKS: [&str; 2] = ["CACHEDIR.TAG", "pyvenv.cfg"];
/// What a mounted Kubernetes volume replaces when it changes.
const VOLUME: &str = "..data";

/// The folders under watch.
pub(super) struct Folders {
    watcher: RecommendedWatcher,
    home: PathBuf,
    plugins: PathBuf,
    watched: BTreeSet<PathBuf>,
    /// Wanted, but not there: links that lead nowhere, a plugins folder outside the home.
    missing: BTreeSet<PathBuf>,
    /// Whether the system's limit was reached and said.
    is_full: bool,
}

/// What a walk over the plugins folder finds.
#[derive(Default)]
struct Found {
    /// Folders by their real path, so that a loop of links ends and no folder is watched twice.
    folders: BTreeMap<PathBuf, PathBuf>,
    missing: BTreeSet<PathBuf>,
    /// Files that are links; what they lead to changes elsewhere.
    links: Vec<PathBuf>,
}

impl Folders {
    /// Watches nothing until [`Folders::sync`].
    pub(super) fn new(watcher: RecommendedWatcher, home: &Path, plugins: PathBuf) -> Self {
        // The system names what changed by real paths; the last part stays, as it may be a link that is replaced.
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let plugins = match (plugins.parent(), plugins.file_name()) {
            (Some(parent), Some(name)) => real(parent).join(name),
            _ => plugins,
        };
        let (watched, missing) = (BTreeSet::new(), BTreeSet::new());
        Self { watcher, home: real(home), plugins, watched, missing, is_full: false }
    }

    /// Whether the catalogue may read otherwise because something happened at `path`.
    pub(super) fn note(&mut self, path: &Path) -> bool {
        if path == self.plugins || self.watched.contains(path) {
            if path != self.home {
                self.forget(path);
            }
            return true;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.parent() == Some(&self.home) {
            return name == CONNECTORS;
        }
        is_read(&name) || name == VOLUME || (!is_other(&name) && path.is_dir())
    }

    /// Whether some folder is waited for that no watch will tell of.
    pub(super) fn is_one_missing(&self) -> bool {
        !self.missing.is_empty()
    }

    /// Whether one of them is there now.
    pub(super) fn has_one_come(&self) -> bool {
        self.missing.iter().any(|path| path.exists())
    }

    fn forget(&mut self, path: &Path) {
        let below: Vec<PathBuf> = self.watched.iter().filter(|folder| folder.starts_with(path)).cloned().collect();
        for folder in below {
            // The watch of a folder that is gone went with it.
            let _ = self.watcher.unwatch(&folder);
            self.watched.remove(&folder);
        }
    }

    /// Watches every folder that is there and should be. Blocks.
    pub(super) fn sync(&mut self) {
        let mut found = Found::default();
        found.add(&self.home);
        found.links.push(self.home.join(CONNECTORS));
        if self.plugins.is_dir() {
            found.walk(&self.plugins);
        } else if self.plugins.parent() != Some(&self.home) {
            found.missing.insert(self.plugins.clone());
        }
        found.add_links();
        let wanted: BTreeSet<PathBuf> = found.folders.into_values().collect();
        let gone: Vec<PathBuf> = self.watched.difference(&wanted).cloned().collect();
        for folder in gone {
            let _ = self.watcher.unwatch(&folder);
            self.watched.remove(&folder);
        }
        for folder in wanted {
            if !self.watched.contains(&folder) && self.watch(&folder) {
                self.watched.insert(folder);
            }
        }
        self.missing = found.missing;
    }

    fn watch(&mut self, folder: &Path) -> bool {
        match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => true,
            // Removed since the walk: its parent tells.
            Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => false,
            Err(error) => {
                if !self.is_full {
                    let folder = folder.display();
                    tracing::warn!(%error, "the folder `{folder}` is not watched; after a change: nomaflow reload");
                }
                self.is_full |= matches!(error.kind, ErrorKind::MaxFilesWatch);
                false
            }
        }
    }
}

impl Found {
    /// False when the folder is known already.
    fn add(&mut self, folder: &Path) -> bool {
        let Ok(real) = folder.canonicalize() else { return false };
        let is_new = !self.folders.contains_key(&real);
        if is_new {
            self.folders.insert(real, folder.to_owned());
        }
        is_new
    }

    fn walk(&mut self, folder: &Path) {
        if MARKS.iter().any(|mark| folder.join(mark).exists()) || !self.add(folder) {
            return;
        }
        // A folder that cannot be read is the catalogue's to report.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            if is_other(&name) {
                continue;
            } else if is_link && !path.exists() {
                self.missing.insert(path);
            } else if path.is_dir() {
                self.walk(&path);
            } else if is_link && is_read(&name) {
                self.links.push(path);
            }
        }
    }

    /// After the walk, which would pass by a folder that is known already.
    fn add_links(&mut self) {
        for link in std::mem::take(&mut self.links) {
            if let Ok(real) = link.canonicalize()
                && let Some(folder) = real.parent()
            {
                self.add(folder);
            }
        }
    }
}

/// Whether a file of this name is read; editors' swap and backup files are hidden or end otherwise.
fn is_read(name: &str) -> bool {
    let ending = Path::new(name).extension().unwrap_or_default();
    !name.starts_with('.') && ENDINGS.iter().any(|known| ending == *known)
}

fn is_other(name: &str) -> bool {
    name.starts_with('.') || OTHERS.contains(&name)
}

#[cfg(test)]
mod tests;
