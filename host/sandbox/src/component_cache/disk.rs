//! Compiled code on disk, by content.
//!
//! An entry is `<key>.cwasm` and `<key>.sha256`, its checksum; the key is the digest of the component together with
//! Wasmtime's compatibility hash, so another engine never reads it. Both are written beside and renamed. A loaded entry
//! is native code, so nothing is loaded whose checksum does not fit, and the folder is for its owner only. The entries
//! that were not used for the longest time go when there are too many; what is mapped stays with those who run it.

use std::fs::{self, Permissions};
use std::hash::{Hash, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::SandboxError;

/// Entries that are kept: enough for every plugin of a house, not for every version of them.
const KEPT: usize = 64;

/// The folder of compiled code, for one engine.
pub(super) struct CompiledCode {
    engine: Engine,
    folder: PathBuf,
    compatibility: String,
}

impl CompiledCode {
    /// Code in `folder`, which is made if need be.
    pub(super) fn open(engine: &Engine, folder: &Path) -> Result<Self, SandboxError> {
        fs::create_dir_all(folder).map_err(SandboxError::file("make the folder", folder))?;
        fs::set_permissions(folder, Permissions::from_mode(0o700))
            .map_err(SandboxError::file("close to others", folder))?;
        let mut hasher = Sha256Hasher::default();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let compatibility = hex::encode(hasher.0.finalize());
        Ok(Self { engine: engine.clone(), folder: folder.to_owned(), compatibility })
    }

    /// The component with this digest, if it was compiled before.
    pub(super) fn find(&self, digest: &str) -> Option<Component> {
        self.read_entry(&self.folder.join(self.entry_name(digest)))
    }

    /// Compiles the component of `bytes` with this digest, and keeps it. `path` is for messages.
    pub(super) fn compile(&self, path: &Path, bytes: &[u8], digest: &str) -> Result<Component, SandboxError> {
        let entry = self.folder.join(self.entry_name(digest));
        let code = self
            .engine
            .precompile_component(bytes)
            .map_err(|error| SandboxError::Damaged { path: path.to_owned(), message: format!("{error:#}") })?;
        self.write_entry(&entry, &code)?;
        self.read_entry(&entry).ok_or_else(|| SandboxError::Engine {
            message: format!("compiled code that was just written to `{}` cannot be read back", entry.display()),
        })
    }

    fn entry_name(&self, digest: &str) -> String {
        let mut hasher = Sha256::new();
        hasher.update(digest);
        hasher.update(&self.compatibility);
        format!("{}.cwasm", hex::encode(hasher.finalize()))
    }

    /// The entry, if it is there and sound.
    fn read_entry(&self, entry: &Path) -> Option<Component> {
        let code = fs::read(entry).ok()?;
        let checksum = fs::read_to_string(entry.with_extension("sha256")).ok()?;
        if hex::encode(Sha256::digest(&code)) != checksum.trim() {
            tracing::warn!(entry = %entry.display(), "compiled code does not fit its checksum, compiling again");
            return None;
        }
        match deserialize(&self.engine, entry) {
            Ok(component) => {
                // Says when it was last of use; where that fails it only goes sooner.
                let _ = fs::File::open(entry).and_then(|file| file.set_modified(SystemTime::now()));
                Some(component)
            }
            Err(error) => {
                tracing::warn!(entry = %entry.display(), %error, "compiled code is not usable, compiling again");
                None
            }
        }
    }

    /// The code first, its checksum second: between the two the entry does not fit and is not used.
    fn write_entry(&self, entry: &Path, code: &[u8]) -> Result<(), SandboxError> {
        let checksum = hex::encode(Sha256::digest(code));
        for (path, content) in [(entry.to_owned(), code), (entry.with_extension("sha256"), checksum.as_bytes())] {
            // The mapped code of a running process must never change, hence never a write in place.
            let beside = path.with_extension(format!("{}-{:?}.new", std::process::id(), std::thread::current().id()));
            fs::write(&beside, content)
                .and_then(|()| fs::rename(&beside, &path))
                .map_err(SandboxError::file("write", &path))?;
        }
        self.forget_oldest();
        Ok(())
    }

    /// Removes what is too much. Another process may do the same; an entry that cannot be removed is no harm.
    fn forget_oldest(&self) {
        let files = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut entries: Vec<(SystemTime, PathBuf)> = files
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "cwasm"))
            .filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))
            .collect();
        entries.sort();
        let too_many = entries.len().saturating_sub(KEPT);
        for (_, entry) in entries.into_iter().take(too_many) {
            let _ = fs::remove_file(entry.with_extension("sha256")).and_then(|()| fs::remove_file(&entry));
        }
    }
}

#[allow(unsafe_code, reason = "Wasmtime can load compiled code in no other way")]
fn deserialize(engine: &Engine, entry: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file is what `Engine::precompile_component` of this very engine configuration and version made, as
    // the key in its name and the checksum just verified say; it lies in a folder only this user can write to, is
    // never written in place, and never comes from the author of a plugin.
    unsafe { Component::deserialize_file(engine, entry) }
}

/// A hasher that is the same in every build, unlike the one of the standard library.
#[derive(Default)]
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}
