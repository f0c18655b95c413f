//! Whether a component is that of its sources still. For toolchains that take many seconds and remember nothing: everything
//! that goes into the component is digested, and the digest kept beside it once it is made.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// SHA-256, in hex, over `texts` and over the path and content of every file below `folders`; what Python writes by itself
/// does not count.
pub(super) fn digest(texts: &[&str], folders: &[PathBuf]) -> Result<String> {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update(format!("{}:{text}", text.len()));
    }
    for folder in folders {
        let mut files = Vec::new();
        collect(folder, &mut files)?;
        files.sort();
        hasher.update(format!("{} files", files.len()));
        for file in files {
            let content = fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
            let name = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().into_owned();
            // Lengths before contents: moving bytes from one file to the next must change the digest.
            hasher.update(format!("{}:{name}:{}:", name.len(), content.len()));
            hasher.update(&content);
        }
    }
    Ok(hex::encode(hasher.finalize()))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read the folder `{}`", folder.display()))? {
        let path = entry?.path();
        if !path.is_dir() {
            files.push(path);
        } else if !path.ends_with("__pycache__") {
            collect(&path, files)?;
        }
    }
    Ok(())
}

/// Whether `made` was made from what has this digest.
pub(super) fn is_made_from(made: &Path, digest: &str) -> bool {
    made.is_file() && fs::read_to_string(note(made)).is_ok_and(|kept| kept == digest)
}

/// Makes `made` by `make` and notes what it was made from; a build that breaks leaves no note.
pub(super) fn noting(made: &Path, digest: &str, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let note = note(made);
    if note.exists() {
        fs::remove_file(&note).with_context(|| format!("cannot remove `{}`", note.display()))?;
    }
    make()?;
    fs::write(&note, digest).with_context(|| format!("cannot write `{}`", note.display()))
}

fn note(made: &Path) -> PathBuf {
    made.with_extension("made-from")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_made_again_after_any_change_and_after_a_broken_build() {
        let folder = tempfile::tempdir().expect("a folder");
        let (src, made) = (folder.path().join("src"), folder.path().join("x.wasm"));
        fs::create_dir_all(src.join("__pycache__")).expect("a folder");
        fs::write(src.join("a.py"), "1").expect("writes");
        let present = |texts: &[&str]| digest(texts, std::slice::from_ref(&src)).expect("digests");
        let first = present(&["tool 1"]);
        assert!(!is_made_from(&made, &first));
        noting(&made, &first, || Ok(fs::write(&made, "component")?)).expect("makes");
        fs::write(src.join("__pycache__/a.pyc"), "noise").expect("writes");
        assert!(is_made_from(&made, &present(&["tool 1"])));
        assert!(!is_made_from(&made, &present(&["tool 2"])), "another tool");
        noting(&made, &first, || anyhow::bail!("breaks")).expect_err("breaks");
        assert!(!is_made_from(&made, &first), "what a broken build left is not believed");
        fs::rename(src.join("a.py"), src.join("b.py")).expect("renames");
        assert_ne!(present(&["tool 1"]), first, "another name");
    }
}
