//! One cargo call for whatever is stale, then the components to where they belong.
//!
//! A guest is stale unless the index has its present source digest and the component file has the recorded digest.
//! Copies beside the grants of a shipped plugin are renewed whenever they differ, also without a build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::index::{Entry, Index, write_file};
use crate::source::source_digest;
use crate::toolchain::{TARGET, Toolchain, cargo};
use crate::workspace::Guest;

/// What happened to one guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its sources are those of the component that is there.
    Unchanged,
    /// It was compiled.
    Built,
}

/// The result for one guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The guest's name.
    pub name: String,
    /// What happened.
    pub outcome: Outcome,
    /// The component file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: usize,
}

/// Brings the components of `guests` up to date. Fails when there is no compiler for them, when cargo fails, or when a
/// file cannot be written; the index then keeps what it had.
pub fn build(root: &Path, guests: &[Guest]) -> Result<Vec<Report>> {
    let components = root.join("target/components");
    let index_path = components.join("index.json");
    let mut index = Index::read(&index_path);
    let mut stale = Vec::new();
    for guest in guests {
        let source = source_digest(root, &guest.folder)?;
        let entry = index.entries.get(&guest.name).filter(|entry| entry.source == source);
        let component = fs::read(component_path(&components, guest)).ok();
        if entry.is_none() || entry.map(|entry| entry.sha256.clone()) != component.map(|bytes| digest(&bytes)) {
            stale.push((guest, source));
        }
    }
    if !stale.is_empty() {
        let toolchain = Toolchain::find()?;
        eprintln!("compiling {} guests with {}", stale.len(), toolchain.describe());
        let artifacts = compile(root, &toolchain, stale.iter().map(|(guest, _)| *guest))?;
        for (guest, source) in &stale {
            let path = artifacts.join(&guest.artifact);
            let bytes = fs::read(&path).with_context(|| format!("cargo left no `{}`", path.display()))?;
            write_file(&component_path(&components, guest), &bytes)?;
            let entry =
                Entry { sha256: digest(&bytes), source: source.clone(), compiler: toolchain.version().to_owned() };
            index.entries.insert(guest.name.clone(), entry);
        }
        index.write(&index_path)?;
    }
    guests
        .iter()
        .map(|guest| {
            let is_stale = stale.iter().any(|(each, _)| each.name == guest.name);
            let outcome = if is_stale { Outcome::Built } else { Outcome::Unchanged };
            deliver(&components, guest, outcome)
        })
        .collect()
}

fn compile<'a>(root: &Path, toolchain: &Toolchain, guests: impl Iterator<Item = &'a Guest>) -> Result<PathBuf> {
    // A folder of its own: another rustc in the folder of the host would make each rebuild for the other.
    let target_folder = root.join("target/plugins");
    let mut command = Command::new(cargo());
    command
        .current_dir(root.join("plugins"))
        .args(["build", "--locked", "--release"])
        .env("CARGO_TARGET_DIR", &target_folder);
    for guest in guests {
        command.args(["-p", &guest.name]);
    }
    toolchain.apply(&mut command)?;
    let status = command.status().context("cannot start cargo")?;
    if !status.success() {
        bail!("the guests do not compile (see above)");
    }
    Ok(target_folder.join(TARGET).join("release"))
}

/// Puts the component of a shipped plugin beside its grants.
fn deliver(components: &Path, guest: &Guest, outcome: Outcome) -> Result<Report> {
    let path = component_path(components, guest);
    let bytes = fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    if guest.is_shipped {
        let shipped = component_path(&guest.folder, guest);
        if fs::read(&shipped).ok().as_deref() != Some(bytes.as_slice()) {
            write_file(&shipped, &bytes)?;
        }
    }
    Ok(Report { name: guest.name.clone(), outcome, path, bytes: bytes.len() })
}

fn component_path(folder: &Path, guest: &Guest) -> PathBuf {
    folder.join(format!("{}.wasm", guest.name))
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
