//! `nomaflow init DIR`: lays out a home directory. What exists is left alone, so running it again is harmless.

use std::path::Path;

use anyhow::Context as _;
use serde_json::json;

use crate::cli::Global;
use crate::command::in_a_shell;
use crate::exit::{Exit, Outcome};
use crate::home::Home;
use crate::say;

const FILES: [(&str, &str); 3] = [
    ("app.toml", include_str!("init/app.toml")),
    ("connectors.toml", include_str!("init/connectors.toml")),
    (".gitignore", "/data/\n"),
];

/// Makes what is missing.
pub(crate) fn run(dir: &Path, global: &Global) -> Outcome {
    let home = Home::new(dir);
    std::fs::create_dir_all(dir.join("plugins")).with_context(|| format!("cannot make `{}`", dir.display()))?;
    home.ensure_data()?;
    let mut made = Vec::new();
    for (name, text) in FILES {
        let path = dir.join(name);
        match std::fs::OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                use std::io::Write as _;
                file.write_all(text.as_bytes()).with_context(|| format!("cannot write `{}`", path.display()))?;
                made.push(name);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(anyhow::Error::from(error).context(format!("cannot write `{}`", path.display())).into());
            }
        }
    }
    if home.read_token().is_none() {
        home.ensure_token()?;
        made.push("data/bootstrap.token");
    }
    let shown = dir.display();
    if global.json {
        say(&json!({ "home": shown.to_string(), "made": made }).to_string())?;
    } else if made.is_empty() {
        say(&format!("{shown} is a home directory already; nothing to do"))?;
    } else {
        say(&format!("made {shown}: {}", made.join(", ")))?;
        let argument = in_a_shell(&shown.to_string());
        say(&format!("next: put jobs into {shown}/plugins/<app>/jobs.toml, then: nomaflow --home {argument} check"))?;
    }
    Ok(Exit::Fine)
}
