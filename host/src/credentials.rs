//! Sign-ins of this machine: one API token for each server's address, in `nomaflow/tokens.json` of the user's
//! configuration folder, readable by the user alone.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::home::env;

fn file() -> Option<PathBuf> {
    let set = |name| env(name).filter(|text| !text.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
    Some(folder.join("nomaflow/tokens.json"))
}

fn read() -> BTreeMap<String, String> {
    let text = file().and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// The token for the server at `base`.
pub(crate) fn find(base: &str) -> Option<String> {
    read().remove(base)
}

/// Keeps a token, in place of the one there was; gives back where.
pub(crate) fn keep(base: &str, token: &str) -> anyhow::Result<PathBuf> {
    let mut tokens = read();
    tokens.insert(base.to_owned(), token.to_owned());
    write(&tokens)
}

/// Forgets a token.
pub(crate) fn forget(base: &str) -> anyhow::Result<()> {
    let mut tokens = read();
    if tokens.remove(base).is_some() {
        write(&tokens)?;
    }
    Ok(())
}

fn write(tokens: &BTreeMap<String, String>) -> anyhow::Result<PathBuf> {
    let file = file().context("there is no folder for it: HOME is not set")?;
    let cannot = || format!("cannot write `{}`", file.display());
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(cannot)?;
    }
    let draft = file.with_extension(format!("json.{}", std::process::id()));
    let opened = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft);
    let text = serde_json::to_string_pretty(tokens).with_context(cannot)?;
    opened.and_then(|mut out| out.write_all(text.as_bytes())).with_context(cannot)?;
    std::fs::rename(&draft, &file).with_context(cannot)?;
    Ok(file)
}
