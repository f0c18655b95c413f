//! Files of components to go back to: `data/plugin-versions/<plugin>/<digest>.wasm`, the last few of each plugin and
//! those that jobs pin.
//!
//! Invariant: what is on the shelf has the digest it is called after; it is written beside and renamed.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use host_model::plugin_version::{PLUGIN_FILES_KEPT, PluginVersion};
use sha2::{Digest as _, Sha256};

/// See the module's note.
#[derive(Clone)]
pub(crate) struct Shelf(PathBuf);

impl Shelf {
    pub(crate) fn new(data: &Path) -> Self {
        Self(data.join("plugin-versions"))
    }

    /// The folder of all of them.
    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// Where a file is, or would be.
    pub(super) fn path(&self, plugin: &str, digest: &str) -> PathBuf {
        self.0.join(plugin).join(digest).with_extension("wasm")
    }

    pub(super) fn has(&self, plugin: &str, digest: &str) -> bool {
        self.path(plugin, digest).is_file()
    }

    /// Keeps the file at `from` unless it has changed since it had this digest, and lets go of those that are too old and
    /// that no job pins.
    pub(super) fn keep(
        &self,
        plugin: &str,
        digest: &str,
        from: &Path,
        versions: &[PluginVersion],
        pins: &BTreeSet<String>,
    ) -> io::Result<()> {
        let to = self.path(plugin, digest);
        if !to.is_file() {
            let bytes = fs::read(from)?;
            if hex::encode(Sha256::digest(&bytes)) != digest {
                return Ok(());
            }
            put(&to, &bytes)?;
        }
        self.prune(plugin, versions, pins)
    }

    fn prune(&self, plugin: &str, versions: &[PluginVersion], pins: &BTreeSet<String>) -> io::Result<()> {
        let is_pinned = |it: &&PluginVersion| pins.iter().any(|pin| it.seen.digest.starts_with(pin.as_str()));
        for old in versions.iter().skip(PLUGIN_FILES_KEPT).filter(|it| !is_pinned(it)) {
            match fs::remove_file(self.path(plugin, &old.seen.digest)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Writes a whole file beside its place, to the disk, and renames it there. The name it has until then is hidden, so that
/// nobody who watches the folder takes it for a component.
pub(super) fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut staged = tempfile::Builder::new().prefix(&format!(".{name}.")).suffix(".new").tempfile_in(folder)?;
    staged.write_all(bytes)?;
    staged.as_file().sync_all()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As a file that was copied there: who may read the folder may read it.
        staged.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    staged.persist(path).map_err(|error| error.error)?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use host_model::Instant;
    use host_model::plugin_version::SeenPlugin;

    use super::*;

    #[test]
    fn the_last_five_files_and_those_that_are_pinned_are_kept_and_none_under_a_digest_it_does_not_have() {
        let home = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(home.path());
        let file = home.path().join("words.wasm");
        let mut versions: Vec<PluginVersion> = Vec::new();
        let pins = BTreeSet::from([hex::encode(Sha256::digest("version 0"))[..12].to_owned()]);
        for n in 0..7 {
            fs::write(&file, format!("version {n}")).unwrap();
            let digest = hex::encode(Sha256::digest(format!("version {n}")));
            let seen = SeenPlugin {
                plugin: "words".into(),
                digest: digest.clone(),
                app: "a".into(),
                bytes: 9,
                asked: BTreeSet::new(),
                at: Instant::UNIX_EPOCH,
                by: "file".into(),
            };
            versions.insert(0, PluginVersion { seen, approved: None });
            shelf.keep("words", &digest, &file, &versions, &pins).unwrap();
        }
        let kept: Vec<bool> = versions.iter().map(|it| shelf.has("words", &it.seen.digest)).collect();
        assert_eq!(kept, [true, true, true, true, true, false, true]);
        shelf.keep("words", &"0".repeat(64), &file, &versions, &BTreeSet::new()).unwrap();
        assert!(!shelf.has("words", &"0".repeat(64)));
        shelf.keep("words", &versions[0].seen.digest, &file, &versions, &BTreeSet::new()).unwrap();
        assert!(!shelf.has("words", &versions[6].seen.digest), "nobody pins it any more");
    }
}
