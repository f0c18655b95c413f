//! Goes through an archive from end to end and believes nothing: every file and every row against the manifest, the audit
//! trail along its chain.

use std::collections::BTreeMap;
use std::path::Path;

use host_store::portable::{ChainCheck, RowSum};
use sha2::{Digest as _, Sha256};

use super::archive::{self, Member};
use super::manifest::{FileSum, Manifest};
use crate::exit::{Exit, Failure};

/// An archive that was gone through.
pub(crate) struct Verified {
    pub(crate) manifest: Manifest,
    /// What does not fit, in words; nothing when it is whole.
    pub(crate) faults: Vec<String>,
    pub(crate) audit_entries: u64,
}

/// Goes through the archive.
pub(crate) async fn verify(path: &Path) -> Result<Verified, Failure> {
    let mut files = BTreeMap::new();
    let mut tables: BTreeMap<String, RowSum> = BTreeMap::new();
    // The columns are known only at the end: the rows of the trail are few enough to wait.
    let mut trail: BTreeMap<String, String> = BTreeMap::new();
    let mut manifest = None;
    let read = archive::read(path, async |_, member| {
        match member {
            Member::File { name, bytes, .. } => {
                let sum = FileSum { bytes: bytes.len() as u64, sha256: hex::encode(Sha256::digest(&bytes)) };
                files.insert(name, sum);
            }
            Member::Rows { table, text } => {
                let sum = tables.entry(table.clone()).or_default();
                text.lines().for_each(|line| sum.add(line));
                if table == "ly2_audit" || table == "ly2_audit_head" {
                    trail.entry(table).or_default().push_str(&text);
                }
            }
            Member::Manifest(found) => manifest = Some(*found),
        }
        Ok(())
    });
    if let Err(error) = read.await {
        if let Some(error) = archive::absence(&error) {
            return Err(Failure::new(Exit::NotFound, format!("there is no archive `{}`: {error}", path.display())));
        }
        return Err(Failure { exit: Exit::Invalid, error, hint: Some("take another backup".to_owned()) });
    }
    let Some(manifest) = manifest else {
        let text = format!("`{}` has no manifest at its end: it was cut off", path.display());
        return Err(Failure::new(Exit::Invalid, text).hint("take another backup"));
    };
    let mut faults = Vec::new();
    for (name, wanted) in &manifest.files {
        match files.remove(name) {
            None => faults.push(format!("`{name}` is missing")),
            Some(found) if found != *wanted => faults.push(format!("`{name}` was changed")),
            Some(_) => {}
        }
    }
    faults.extend(files.keys().map(|name| format!("`{name}` is not in the manifest")));
    for table in &manifest.tables {
        let found = tables.remove(&table.name).unwrap_or_default().finish();
        if found.rows != table.sum.rows {
            faults.push(format!("`{}` has {} rows, the manifest says {}", table.name, found.rows, table.sum.rows));
        } else if found.sha256 != table.sum.sha256 {
            faults.push(format!("rows of `{}` were changed", table.name));
        }
    }
    faults.extend(tables.keys().map(|name| format!("the table `{name}` is not in the manifest")));
    let chain = follow(&manifest, &trail);
    let (audit_entries, broken_at) = chain.verdict();
    if let Some(at) = broken_at {
        faults.push(format!("the audit trail is broken at entry {at}"));
    }
    Ok(Verified { manifest, faults, audit_entries })
}

fn follow(manifest: &Manifest, trail: &BTreeMap<String, String>) -> ChainCheck {
    let mut chain = ChainCheck::default();
    let rows = |name: &str| {
        let table = manifest.tables.iter().find(|table| table.name == name)?;
        Some((&table.columns, trail.get(name)?))
    };
    if let Some((columns, text)) = rows("ly2_audit_head") {
        text.lines().for_each(|line| chain.head(columns, line));
    }
    if let Some((columns, text)) = rows("ly2_audit") {
        text.lines().for_each(|line| chain.entry(columns, line));
    }
    chain
}
