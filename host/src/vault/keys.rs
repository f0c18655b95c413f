//! Master keys: 32 bytes each, in `data/secrets.key` of the home, one a line in hexadecimal digits, the current one
//! first; or in the variable NOMAFLOW_MASTER_KEY (LIBERTY_MASTER_KEY too), with commas between them, which then is
//! read only. The file is its owner's alone: with other rights it is refused.

use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use sha2::{Digest as _, Sha256};

/// Length of a key.
pub(super) const KEY_BYTES: usize = 32;
const VARIABLES: [&str; 2] = ["NOMAFLOW_MASTER_KEY", "LIBERTY_MASTER_KEY"];
const FILE: &str = "data/secrets.key";

/// A key that cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("{place} has a key that is not 32 bytes in hexadecimal digits or base64 (number {number} in it)")]
    Form { place: String, number: usize },
    #[error("others may read `{file}` (mode {mode:o}); run `chmod 600 {file}`", file = .file.display())]
    Rights { file: PathBuf, mode: u32 },
    #[error("the key file `{file}`: {error}", file = .file.display())]
    File { file: PathBuf, error: std::io::Error },
    #[error("the key is in the variable {0}: put the new key before the others there, with a comma between them")]
    InVariable(&'static str),
    #[error("there is a key already in `{0}`; `nomaflow secret rotate` puts a new one in its place")]
    Exists(PathBuf),
    #[error("the machine has no randomness")]
    Random,
}

/// A master key and its name: the first digits of its digest.
pub(crate) struct MasterKey {
    id: String,
    bytes: [u8; KEY_BYTES],
}

impl MasterKey {
    fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self { id: hex::encode(&Sha256::digest(bytes)[..4]), bytes }
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = hex::decode(text).ok().or_else(|| STANDARD.decode(text).ok())?;
        Some(Self::new(bytes.try_into().ok()?))
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The keys in force, the current one first.
#[derive(Default)]
pub(crate) struct Keys(Vec<MasterKey>);

impl Keys {
    pub(super) fn current(&self) -> Option<&MasterKey> {
        self.0.first()
    }

    pub(super) fn find(&self, id: &str) -> Option<&MasterKey> {
        self.0.iter().find(|key| key.id == id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &MasterKey> {
        self.0.iter()
    }

    fn parse<'t>(parts: impl Iterator<Item = &'t str>, place: &KeyPlace) -> Result<Self, KeyError> {
        let parts = parts.map(str::trim).filter(|part| !part.is_empty() && !part.starts_with('#')).enumerate();
        let key = |(at, part)| {
            MasterKey::parse(part).ok_or_else(|| KeyError::Form { place: place.to_string(), number: at + 1 })
        };
        parts.map(key).collect::<Result<_, _>>().map(Self)
    }
}

/// What a key signs with: derived from the master key, which itself only seals.
const SIGNING: &[u8] = b"nomaflow access tokens 1";

impl MasterKey {
    /// A key for signatures, which says nothing about this one.
    pub(super) fn signing(&self) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.bytes);
        hmac::sign(&key, SIGNING).as_ref().to_vec()
    }
}

/// Where keys are kept.
pub(crate) enum KeyPlace {
    Variable { name: &'static str, value: String },
    File(PathBuf),
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable { name, .. } => write!(f, "the variable {name}"),
            Self::File(file) => write!(f, "`{}`", file.display()),
        }
    }
}

impl KeyPlace {
    pub(crate) fn find(home: &Path, env: impl Fn(&str) -> Option<String>) -> Result<Self, KeyError> {
        let set = VARIABLES.into_iter().find_map(|name| Some((name, env(name).filter(|text| !text.is_empty())?)));
        Ok(match set {
            Some((name, value)) => Self::Variable { name, value },
            None => Self::File(home.join(FILE)),
        })
    }

    pub(super) fn read(&self) -> Result<Keys, KeyError> {
        let file = match self {
            Self::Variable { value, .. } => return Keys::parse(value.split(','), self),
            Self::File(file) => file,
        };
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Keys::default()),
            Err(error) => return Err(KeyError::File { file: file.clone(), error }),
        };
        let rights = std::fs::metadata(file).map_err(|error| KeyError::File { file: file.clone(), error })?;
        let mode = rights.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Rights { file: file.clone(), mode });
        }
        Keys::parse(text.lines(), self)
    }

    /// Makes the key file with one key; an empty variable cannot be.
    pub(super) fn make_first(&self) -> Result<(), KeyError> {
        let file = self.file()?;
        if !self.read()?.0.is_empty() {
            return Ok(());
        }
        self.write(file, &[MasterKey::new(random()?)])
    }

    /// Makes the key file, unless there is one.
    pub(crate) fn generate(&self) -> Result<(), KeyError> {
        let file = self.file()?;
        if !self.read()?.0.is_empty() {
            return Err(KeyError::Exists(file.clone()));
        }
        self.make_first()
    }

    pub(super) fn add_key(&self) -> Result<(), KeyError> {
        let file = self.file()?;
        let mut keys = self.read()?.0;
        keys.insert(0, MasterKey::new(random()?));
        self.write(file, &keys)
    }

    pub(super) fn drop_old(&self) -> Result<usize, KeyError> {
        let file = self.file()?;
        let mut keys = self.read()?.0;
        let dropped = keys.len().saturating_sub(1);
        keys.truncate(1);
        if dropped > 0 {
            self.write(file, &keys)?;
        }
        Ok(dropped)
    }

    fn file(&self) -> Result<&PathBuf, KeyError> {
        match self {
            Self::Variable { name, .. } => Err(KeyError::InVariable(name)),
            Self::File(file) => Ok(file),
        }
    }

    /// Written whole beside it and then put in place: a crash leaves the keys there were.
    fn write(&self, file: &Path, keys: &[MasterKey]) -> Result<(), KeyError> {
        let failed = |error| KeyError::File { file: file.to_owned(), error };
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut text =
            "# Keys of the secrets of this home, the current one first. Keep a copy with every backup.\n".to_owned();
        for key in keys {
            text.push_str(&hex::encode(key.bytes));
            text.push('\n');
        }
        let draft = file.with_extension(format!("key.{}", std::process::id()));
        let mut options = std::fs::OpenOptions::new();
        let mut out = options.write(true).create(true).truncate(true).mode(0o600).open(&draft).map_err(failed)?;
        out.write_all(text.as_bytes()).and_then(|()| out.sync_all()).map_err(failed)?;
        std::fs::rename(&draft, file).map_err(failed)
    }
}

fn random() -> Result<[u8; KEY_BYTES], KeyError> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| KeyError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_wins_over_the_file_and_takes_both_spellings_of_a_key() {
        let home = tempfile::tempdir().unwrap();
        let keys = format!("{}, {}", "ab".repeat(32), STANDARD.encode([7; 32]));
        let place = KeyPlace::find(home.path(), |name| (name == "LIBERTY_MASTER_KEY").then(|| keys.clone())).unwrap();
        assert_eq!(place.read().unwrap().0.len(), 2);
        assert!(place.add_key().unwrap_err().to_string().contains("LIBERTY_MASTER_KEY"));
        let place = KeyPlace::Variable { name: VARIABLES[0], value: format!("{},short", "00".repeat(32)) };
        assert!(place.read().err().unwrap().to_string().contains("number 2"));
    }

    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone_and_refused_when_others_may_read_it() {
        let home = tempfile::tempdir().unwrap();
        let place = KeyPlace::find(home.path(), |_| None).unwrap();
        assert!(place.read().unwrap().0.is_empty());
        place.generate().unwrap();
        let file = home.path().join(FILE);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(place.generate().unwrap_err().to_string().contains("rotate"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(place.read().err().unwrap().to_string().contains("chmod 600"));
    }
}
