//! `nomaflow diagnostics`: the bundle of the server, or of this process with `--local`, into a file or onto standard output.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use serde_json::json;

use crate::cli::Global;
use crate::client::Client;
use crate::exit::{Exit, Outcome};
use crate::say;

/// Writes the bundle.
pub(crate) async fn run(file: Option<&Path>, global: &Global) -> Outcome {
    let client = Client::open(global).await?;
    let answer = client.call("GET", "/admin/diagnostics", None).await;
    client.close().await;
    let bundle = answer?;
    let text = serde_json::to_string_pretty(&bundle).context("the bundle")? + "\n";
    let Some(file) = file else {
        say(text.trim_end())?;
        return Ok(Exit::Fine);
    };
    let cannot = || format!("cannot write `{}`", file.display());
    // No secret is in it, but much about the house.
    let opened = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).with_context(cannot)?;
    let lines = bundle["log"]["lines"].as_array().map_or(0, Vec::len);
    let missing = bundle["missing"].as_array().cloned().unwrap_or_default();
    if global.json {
        say(&json!({ "file": file, "bytes": text.len(), "log_lines": lines, "missing": missing }).to_string())?;
        return Ok(Exit::Fine);
    }
    say(&format!("{}: {}, {lines} lines of the log", file.display(), crate::backup::bytes(text.len() as u64)))?;
    for part in missing {
        say(&format!("not in it: {}", part.as_str().unwrap_or_default()))?;
    }
    say("secrets that the server knows are masked; look through it before you pass it on")?;
    Ok(Exit::Fine)
}
