//! The files of a home that a backup takes along, and where each goes when it is put back.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use host_catalogue::Settings;

/// The key file, under its name in a home.
pub(crate) const KEY_FILE: &str = "data/secrets.key";
/// Outputs that steps of runs left.
const RUN_FILES: &str = "data/runs";
const SINGLE: [&str; 2] = ["app.toml", "connectors.toml"];

/// A file to save.
pub(crate) struct Found {
    /// Its path in a home.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// Every file of the home, without the key, in the order of names; and what is left out because it is no plain file.
pub(crate) fn list(home: &Path, settings: &Settings) -> anyhow::Result<(Vec<Found>, Vec<PathBuf>)> {
    let mut found = Vec::new();
    let mut left_out = Vec::new();
    for name in SINGLE {
        let path = home.join(name);
        if path.is_file() {
            found.push(Found { name: name.to_owned(), path });
        }
    }
    for (root, name) in [(settings.plugins_dir(home), "plugins"), (home.join(RUN_FILES), RUN_FILES)] {
        if root.is_dir() {
            walk(&root, name, &mut found, &mut left_out)?;
        }
    }
    Ok((found, left_out))
}

fn walk(folder: &Path, name: &str, found: &mut Vec<Found>, left_out: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let cannot = || format!("cannot read `{}`", folder.display());
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).with_context(cannot)?.collect::<Result<_, _>>().with_context(cannot)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let kind = entry.file_type().with_context(cannot)?;
        match entry.file_name().to_str().map(|last| format!("{name}/{last}")) {
            Some(name) if kind.is_dir() => walk(&path, &name, found, left_out)?,
            Some(name) if kind.is_file() => found.push(Found { name, path }),
            _ => left_out.push(path),
        }
    }
    Ok(())
}

/// Its bytes and mode; `None` when it has gone since it was listed.
pub(crate) fn read(found: &Found) -> anyhow::Result<Option<(Vec<u8>, u32)>> {
    let cannot = || format!("cannot read `{}`", found.path.display());
    match std::fs::read(&found.path) {
        Ok(bytes) => {
            let mode = std::fs::metadata(&found.path).with_context(cannot)?.permissions().mode() & 0o777;
            Ok(Some((bytes, mode)))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(cannot),
    }
}

/// Writes a file below `root`, with the folders above it.
pub(crate) fn write(root: &Path, name: &str, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let path = root.join(name);
    let cannot = || format!("cannot write `{}`", path.display());
    std::fs::create_dir_all(path.parent().unwrap_or(root)).with_context(cannot)?;
    std::fs::write(&path, bytes).with_context(cannot)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode & 0o777)).with_context(cannot)
}

/// Files and folders that change places as one: what was in the way is kept aside until all is done.
pub(crate) struct Swap {
    aside: PathBuf,
    /// Place, and where what was there is now.
    done: Vec<(PathBuf, Option<PathBuf>)>,
}

impl Swap {
    pub(crate) fn new(aside: PathBuf) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&aside).with_context(|| format!("cannot make `{}`", aside.display()))?;
        Ok(Self { aside, done: Vec::new() })
    }

    /// Puts `from` in the place of `to`.
    pub(crate) fn place(&mut self, from: &Path, to: &Path) -> anyhow::Result<()> {
        let cannot = || format!("cannot put `{}` in its place", to.display());
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder).with_context(cannot)?;
        }
        if to.symlink_metadata().is_ok() {
            self.remove(to)?;
        } else {
            self.done.push((to.to_owned(), None));
        }
        std::fs::rename(from, to).with_context(cannot)
    }

    /// Takes `to` away.
    pub(crate) fn remove(&mut self, to: &Path) -> anyhow::Result<()> {
        let kept = self.aside.join(self.done.len().to_string());
        std::fs::rename(to, &kept).with_context(|| format!("cannot take `{}` away", to.display()))?;
        self.done.push((to.to_owned(), Some(kept)));
        Ok(())
    }

    /// Everything back to where it was.
    pub(crate) fn undo(self) {
        for (to, before) in self.done.into_iter().rev() {
            let gone = if to.is_dir() { std::fs::remove_dir_all(&to) } else { std::fs::remove_file(&to) };
            if let Err(error) = gone
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::error!(%error, file = %to.display(), "what was restored cannot be taken away again");
            }
            if let Some(before) = before
                && let Err(error) = std::fs::rename(&before, &to)
            {
                tracing::error!(%error, file = %before.display(), "what was there before stays aside");
            }
        }
    }
}
