//! A home folder for one test, removed with everything in it when dropped.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

/// A temporary home (`app.toml`, `connectors.toml`, `plugins/`, `data/`), empty at first.
#[derive(Debug)]
pub struct TempHome {
    folder: TempDir,
}

impl TempHome {
    /// Makes an empty one.
    ///
    /// # Errors
    /// When the system's folder for temporary files cannot be written.
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("nomaflow-").tempdir().context("making a temporary home")?;
        Ok(Self { folder })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, with the folders above it, and returns its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, relative: &str, content: impl AsRef<[u8]>) -> anyhow::Result<PathBuf> {
        let path = self.path().join(relative);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("making `{}`", folder.display()))?;
        }
        std::fs::write(&path, content).with_context(|| format!("writing `{}`", path.display()))?;
        Ok(path)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it is not there or not text.
    pub fn read(&self, relative: &str) -> anyhow::Result<String> {
        let path = self.path().join(relative);
        std::fs::read_to_string(&path).with_context(|| format!("reading `{}`", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_gone_with_its_value() {
        let home = TempHome::new().unwrap();
        let file = home.write("plugins/demo/jobs.toml", "x").unwrap();
        assert_eq!(home.read("plugins/demo/jobs.toml").unwrap(), "x");
        drop(home);
        assert!(!file.exists());
    }
}
