//! `nomaflow completions` and `nomaflow man`: made from the definition of the command line itself, so they never lag behind.

use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;
use serde_json::json;

use crate::cli::{Cli, Global};
use crate::exit::{Exit, Outcome};
use crate::say;

/// The name we were called by: the seeds know the program as `liberty-admin`.
fn name() -> String {
    let called = std::env::args_os().next().map(std::path::PathBuf::from);
    let name = called.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
    name.unwrap_or("nomaflow").to_owned()
}

/// Prints the completion script of a shell.
pub(crate) fn completions(shell: clap_complete::Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), name(), &mut script);
    say(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Fine)
}

/// Writes a page for each command into `dir`.
pub(crate) fn pages(dir: &Path, global: &Global) -> Outcome {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make `{}`", dir.display()))?;
    clap_mangen::generate_to(Cli::command(), dir)
        .with_context(|| format!("cannot write manual pages to `{}`", dir.display()))?;
    let count = std::fs::read_dir(dir).map(Iterator::count).unwrap_or_default();
    if global.json {
        say(&json!({ "dir": dir.display().to_string(), "pages": count }).to_string())?;
        return Ok(Exit::Fine);
    }
    say(&format!("{count} pages in {}; read one with: man -l {}/nomaflow.1", dir.display(), dir.display()))?;
    Ok(Exit::Fine)
}
