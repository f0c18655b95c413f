//! The home directory: where its files are, its settings, the bootstrap token and the address of a running server.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use host_catalogue::{Flags, LoadedSettings, Style, load_settings, render};
use host_engine::{is_owner_alive, owner_id};
use host_model::connector::PoolAddress;
use host_model::diagnostic::Severity;

use crate::exit::{Exit, Failure};

/// A home directory.
#[derive(Debug, Clone)]
pub(crate) struct Home(PathBuf);

/// Settings a client needs.
pub(crate) struct ClientSettings {
    pub(crate) listen: std::net::SocketAddr,
    pub(crate) public_url: Option<String>,
}

/// Reads the process's environment; a variable that is not UTF-8 counts as unset.
pub(crate) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// How findings are drawn on standard error.
pub(crate) fn style() -> Style {
    use std::io::IsTerminal as _;
    let plain = !std::io::stderr().is_terminal() || env("NO_COLOR").is_some_and(|v| !v.is_empty());
    if plain { Style::Plain } else { Style::Colored }
}

impl Home {
    pub(crate) fn new(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    fn token_file(&self) -> PathBuf {
        self.0.join("data/bootstrap.token")
    }

    fn address_file(&self) -> PathBuf {
        self.0.join("data/server.address")
    }

    /// Fails unless the directory is there.
    pub(crate) fn ensure_exists(&self) -> Result<(), Failure> {
        if self.0.is_dir() {
            return Ok(());
        }
        let shown = self.0.display();
        let failure = Failure::new(Exit::Invalid, format!("the home directory `{shown}` does not exist"));
        Err(failure.hint(format!("make one with: nomaflow init {shown}")))
    }

    /// Settings from flags, environment and `app.toml`.
    ///
    /// # Errors
    /// When a setting is wrong: every finding, drawn.
    pub(crate) fn settings(&self, flags: &Flags) -> Result<LoadedSettings, Failure> {
        self.ensure_exists()?;
        let loaded = load_settings(&self.0, &env, flags);
        if loaded.diagnostics.iter().any(|d| d.severity == Severity::Error) {
            let drawn = render(&loaded.diagnostics, &loaded.sources, style());
            return Err(Failure::new(Exit::Invalid, format!("the settings are invalid\n{drawn}")));
        }
        for finding in &loaded.diagnostics {
            tracing::warn!(file = finding.file, line = finding.line, "{}", finding.message);
        }
        Ok(loaded)
    }

    /// What a client needs of them; wrong settings do not keep a client from asking a server.
    pub(crate) fn settings_for_client(&self, listen: Option<String>) -> ClientSettings {
        let loaded = load_settings(&self.0, &env, &Flags { listen, ..Flags::default() });
        let settings = loaded.settings;
        ClientSettings { listen: settings.listen.value, public_url: settings.public_url.value }
    }

    /// The bootstrap token, if it can be read.
    pub(crate) fn read_token(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.token_file()).ok()?;
        Some(text.trim().to_owned()).filter(|t| !t.is_empty())
    }

    /// The bootstrap token, made on first use, readable by the owner only.
    pub(crate) fn ensure_token(&self) -> anyhow::Result<String> {
        if let Some(token) = self.read_token() {
            return Ok(token);
        }
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).context("no randomness for the bootstrap token")?;
        let token = hex::encode(secret);
        self.ensure_data()?;
        let path = self.token_file();
        let cannot = || format!("cannot write `{}`", path.display());
        // Written whole beside it and then put in place, so that two first starts at once end with one token.
        let draft = path.with_extension(format!("{}.new", std::process::id()));
        let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft);
        writeln!(file.with_context(cannot)?, "{token}").with_context(cannot)?;
        let placed = std::fs::hard_link(&draft, &path);
        let other = self.read_token();
        match (placed, other) {
            (Err(_), Some(other)) => {
                std::fs::remove_file(&draft).with_context(cannot)?;
                return Ok(other);
            }
            // An empty file is left of a start that was cut off, and some file systems have no links.
            (Err(_), None) => std::fs::rename(&draft, &path).with_context(cannot)?,
            (Ok(()), _) => std::fs::remove_file(&draft).with_context(cannot)?,
        }
        Ok(token)
    }

    /// Makes `data/`, closed to others.
    pub(crate) fn ensure_data(&self) -> anyhow::Result<()> {
        use std::os::unix::fs::DirBuilderExt as _;
        let path = self.0.join("data");
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.with_context(|| format!("cannot make `{}`", path.display()))
    }

    /// Where the server of this home listens at the moment. Lets commands find a server on a free port. The note of a
    /// server that was killed says nothing: somebody else may listen there now, who must not be sent our token.
    pub(crate) fn read_server_address(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.address_file()).ok()?;
        let (url, owner) = text.trim_end().split_once('\n')?;
        is_owner_alive(owner).then(|| url.to_owned())
    }

    /// Notes where the server listens; gone again when the note is dropped.
    pub(crate) fn note_server_address(&self, url: &str) -> anyhow::Result<AddressNote> {
        let path = self.address_file();
        let text = format!("{url}\n{}\n", owner_id());
        std::fs::write(&path, &text).with_context(|| format!("cannot write `{}`", path.display()))?;
        Ok(AddressNote { path, text })
    }

    /// The store's URL in the form the store opens.
    pub(crate) fn store_url(address: &PoolAddress) -> anyhow::Result<String> {
        match address {
            PoolAddress::Sqlite { path } => {
                let path = std::path::absolute(path).context("the store's path")?;
                Ok(format!("sqlite:{}", path.display()))
            }
            PoolAddress::Postgres { url, password: None } => Ok(url.reveal().to_owned()),
            PoolAddress::Postgres { url, password: Some(password) } => {
                let mut url = reqwest::Url::parse(url.reveal()).context("the store's URL")?;
                if url.set_password(Some(password.reveal())).is_err() {
                    anyhow::bail!("the store's URL cannot take a password");
                }
                Ok(url.into())
            }
            other => anyhow::bail!("the history cannot be kept in `{}`", other.dialect().as_str()),
        }
    }
}

/// Removes the note of a server's address when the server ends.
pub(crate) struct AddressNote {
    path: PathBuf,
    text: String,
}

impl Drop for AddressNote {
    fn drop(&mut self) {
        // A second server of this home may have written its own over it; the next one writes over what stays.
        if std::fs::read_to_string(&self.path).is_ok_and(|text| text == self.text) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_of_a_server_that_is_gone_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        home.ensure_data().unwrap();
        let note = home.note_server_address("http://127.0.0.1:1").unwrap();
        assert_eq!(home.read_server_address().as_deref(), Some("http://127.0.0.1:1"));
        let (front, start) =
            owner_id().rsplit_once('/').map(|(f, s)| (f.to_owned(), s.parse::<u64>().unwrap())).unwrap();
        std::fs::write(home.address_file(), format!("http://127.0.0.1:1\n{front}/{}\n", start + 1)).unwrap();
        assert_eq!(home.read_server_address(), None);
        drop(note);
        assert!(home.address_file().exists(), "the note of another server is left alone");
    }
}
