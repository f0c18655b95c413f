//! The vault: seals secrets for files (`ENC:…`) and for the store, and opens them. AES-256-GCM by `ring`, in envelopes:
//! each secret has a key of its own, which is sealed with the master key; a new master key means new envelopes only.
//!
//! `seal` is the form of one sealed text, `keys` says where master keys come from, `book` keeps the stored secrets at
//! hand. Invariant: a secret in clear, or a key, is in no message and no `Debug`.

pub(crate) mod book;
pub(crate) mod keys;
mod seal;

use std::path::Path;
use std::sync::{PoisonError, RwLock};

use host_api::auth::SigningKey;
use keys::{KeyError, KeyPlace, Keys};
use seal::SealError;

/// What every sealed text begins with.
pub(crate) const MARK: &str = "ENC:";

/// Why a sealed text stays closed, or a secret open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VaultError {
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("it is sealed with the key {wanted}, which is not among the keys of {place}")]
    KeyMissing { wanted: String, place: String },
    #[error("there is no key yet in {place}")]
    NoKey { place: String },
}

/// Seals and opens with the keys of one home.
pub(crate) struct Vault {
    place: KeyPlace,
    keys: RwLock<Keys>,
}

impl Vault {
    /// The vault of `home`. Without a key file it is empty: it opens nothing, and makes a key when it seals first.
    pub(crate) fn open(home: &Path, env: impl Fn(&str) -> Option<String>) -> Result<Self, KeyError> {
        let place = KeyPlace::find(home, env)?;
        let keys = place.read()?;
        Ok(Self { place, keys: RwLock::new(keys) })
    }

    /// Whether there is a key to open and seal with.
    pub(crate) fn has_key(&self) -> bool {
        self.with(|keys| keys.current().is_some())
    }

    /// Where its keys are, for people.
    pub(crate) fn place(&self) -> String {
        self.place.to_string()
    }

    /// Seals `text` for one purpose; only the same purpose opens it. Makes the first key where there is none.
    pub(crate) fn seal(&self, purpose: &str, text: &str) -> Result<String, VaultError> {
        if self.with(|keys| keys.current().is_none()) {
            self.place.make_first()?;
            self.refresh()?;
        }
        self.with(|keys| match keys.current() {
            Some(key) => Ok(seal::seal(key, purpose, text)?),
            None => Err(VaultError::NoKey { place: self.place() }),
        })
    }

    /// Opens what [`Vault::seal`] made for the same purpose. A key that another process added meanwhile is found.
    pub(crate) fn unseal(&self, purpose: &str, sealed: &str) -> Result<String, VaultError> {
        let wanted = seal::key_of(sealed)?;
        if self.with(|keys| keys.find(wanted).is_none()) {
            self.refresh()?;
        }
        self.with(|keys| match keys.find(wanted) {
            Some(key) => Ok(seal::unseal(key, purpose, sealed)?),
            None => Err(VaultError::KeyMissing { wanted: wanted.to_owned(), place: self.place() }),
        })
    }

    /// Keys to sign with, one for each master key, the current one first. Makes the first master key where there is none.
    pub(crate) fn signing_keys(&self) -> Result<Vec<SigningKey>, VaultError> {
        if self.with(|keys| keys.current().is_none()) {
            self.place.make_first()?;
            self.refresh()?;
        }
        Ok(self.with(|keys| {
            keys.iter().map(|key| SigningKey { id: key.id().to_owned(), secret: key.signing() }).collect()
        }))
    }

    /// The same secret in an envelope of the current key.
    pub(crate) fn reseal(&self, purpose: &str, sealed: &str) -> Result<String, VaultError> {
        let wanted = seal::key_of(sealed)?;
        self.with(|keys| match (keys.find(wanted), keys.current()) {
            (Some(old), Some(new)) => Ok(seal::change_key(old, new, purpose, sealed)?),
            _ => Err(VaultError::KeyMissing { wanted: wanted.to_owned(), place: self.place() }),
        })
    }

    /// Puts a new key before the others.
    pub(crate) fn add_key(&self) -> Result<(), VaultError> {
        self.place.add_key()?;
        self.refresh()
    }

    /// Drops every key but the current one.
    pub(crate) fn drop_old_keys(&self) -> Result<usize, VaultError> {
        let dropped = self.place.drop_old()?;
        self.refresh()?;
        Ok(dropped)
    }

    fn refresh(&self) -> Result<(), VaultError> {
        let keys = self.place.read()?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    fn with<T>(&self, work: impl FnOnce(&Keys) -> T) -> T {
        work(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_again_for_its_purpose_only() {
        let home = tempfile::tempdir().unwrap();
        let vault = Vault::open(home.path(), |_| None).unwrap();
        let sealed = vault.seal("file", "täglich 1€").unwrap();
        assert!(sealed.starts_with("ENC:1:") && !sealed.contains("glich"));
        assert_eq!(vault.unseal("file", &sealed).unwrap(), "täglich 1€");
        assert!(vault.unseal("secret:other", &sealed).is_err());
        assert_ne!(vault.seal("file", "täglich 1€").unwrap(), sealed);
    }

    #[test]
    fn a_new_key_opens_the_old_ones_secrets_until_they_are_dropped() {
        let home = tempfile::tempdir().unwrap();
        let vault = Vault::open(home.path(), |_| None).unwrap();
        let other = Vault::open(home.path(), |_| None).unwrap();
        let old = vault.seal("file", "a").unwrap();
        vault.add_key().unwrap();
        assert_eq!(vault.unseal("file", &old).unwrap(), "a");
        let new = vault.reseal("file", &old).unwrap();
        assert_ne!(seal::key_of(&new).unwrap(), seal::key_of(&old).unwrap());
        // The other process finds the key it did not know.
        assert_eq!(other.unseal("file", &new).unwrap(), "a");
        assert_eq!(vault.drop_old_keys().unwrap(), 1);
        assert_eq!(vault.unseal("file", &new).unwrap(), "a");
        let error = vault.unseal("file", &old).unwrap_err().to_string();
        assert!(error.contains("which is not among the keys of"), "{error}");
    }

    #[test]
    fn a_text_that_was_changed_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let vault = Vault::open(home.path(), |_| None).unwrap();
        let sealed = vault.seal("file", "secret").unwrap();
        for at in "ENC:1:00000000:".len()..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert!(vault.unseal("file", std::str::from_utf8(&bytes).unwrap()).is_err(), "byte {at}");
        }
        for text in ["ENC:", "ENC:abc", "ENC:1:xyz", "ENC:2:00000000:AAAA", "plain"] {
            assert!(vault.unseal("file", text).is_err(), "{text}");
        }
    }
}
