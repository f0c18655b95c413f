//! The digest of everything one component is made of.
//!
//! It covers the manifests and sources of the guest and of the SDK, the WIT files, the workspace manifest and the lock
//! file. Job files, grants and Python modules that lie in the same folder are no part of the component.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// SHA-256, in hex, over the relative path, length and content of every source file of the guest in `folder`.
/// Fails when a file cannot be read.
pub fn source_digest(root: &Path, folder: &Path) -> Result<String> {
    let sdk = root.join("guest-sdk");
    let plugins = root.join("plugins");
    let manifests = [plugins.as_path(), &sdk, &sdk.join("macros"), folder].map(|folder| folder.join("Cargo.toml"));
    let mut files: Vec<PathBuf> = manifests.into_iter().chain([plugins.join("Cargo.lock")]).collect();
    collect_files(&root.join("wit/step"), &mut files)?;
    collect_files(&sdk.join("src"), &mut files)?;
    collect_files(&sdk.join("macros/src"), &mut files)?;
    collect_files(&folder.join("src"), &mut files)?;
    files.sort();
    let mut hasher = Sha256::new();
    for file in files {
        let content = fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        // Length before content: moving bytes from one file to the next must change the digest.
        hasher.update(format!("{}:{name}:{}:", name.len(), content.len()));
        hasher.update(&content);
    }
    Ok(hex::encode(hasher.finalize()))
}

fn collect_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read the folder `{}`", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect_files(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository with one guest, in a folder that is removed at the end of the test.
    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("nomaflow-builder-{}-{name}", std::process::id()));
            let tree = Self(root);
            for file in
                ["plugins/Cargo.toml", "plugins/Cargo.lock", "guest-sdk/Cargo.toml", "guest-sdk/macros/Cargo.toml"]
            {
                tree.write(file, file);
            }
            for file in ["guest-sdk/src/lib.rs", "guest-sdk/macros/src/lib.rs", "wit/step/step.wit"] {
                tree.write(file, file);
            }
            for file in ["Cargo.toml", "src/lib.rs", "jobs.toml"] {
                tree.write(&format!("plugins/a/{file}"), file);
            }
            tree
        }

        fn write(&self, file: &str, content: &str) {
            let path = self.0.join(file);
            fs::create_dir_all(path.parent().expect("parent")).expect("folder");
            fs::write(path, content).expect("write");
        }

        fn digest(&self) -> String {
            source_digest(&self.0, &self.0.join("plugins/a")).expect("digest")
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn every_kind_of_source_changes_the_digest() {
        let tree = Tree::new("change");
        let mut seen = vec![tree.digest()];
        let of_all = ["wit/step/step.wit", "guest-sdk/src/lib.rs", "guest-sdk/macros/src/lib.rs", "plugins/Cargo.lock"];
        for file in of_all.into_iter().chain(["plugins/a/src/lib.rs"]) {
            tree.write(file, "changed");
            let digest = tree.digest();
            assert!(!seen.contains(&digest), "`{file}` did not change the digest");
            seen.push(digest);
        }
        tree.write("plugins/a/src/more/new.rs", "");
        assert!(!seen.contains(&tree.digest()));
    }

    #[test]
    fn the_job_file_beside_a_component_is_not_part_of_it() {
        let tree = Tree::new("jobs");
        let before = tree.digest();
        tree.write("plugins/a/jobs.toml", "changed");
        assert_eq!(tree.digest(), before);
    }
}
