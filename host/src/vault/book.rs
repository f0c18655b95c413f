//! The stored secrets, opened and at hand: templates, plugins and the catalogue read them here without waiting. The
//! store is asked again every few seconds, so that a secret set by another process is known here soon after.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DurationRound as _, TimeDelta, Utc};
use host_api::SecretDesk;
use host_catalogue::{Lookup, SecretReader};
use host_model::port::{Secrets, StoreError};
use host_model::secret::{SealedSecret, SecretStore, is_secret_name};
use host_model::template::{self, Part, Token};
use host_notify::SecretKeeper;
use std::sync::Arc;

use super::{MARK, Vault, VaultError};
use crate::home::env;

/// How soon a secret that another process set is known here.
pub(crate) const REFRESH: Duration = Duration::from_secs(5);

/// What a value in a file is sealed for.
pub(crate) const FILES: &str = "file";

/// What a stored secret is sealed for.
pub(crate) fn purpose(name: &str) -> String {
    format!("secret:{name}")
}

/// Secrets by name.
pub(crate) struct SecretBook {
    vault: Vault,
    store: Arc<dyn SecretStore>,
    open: RwLock<HashMap<String, String>>,
    /// What the store had when it was asked last.
    seen: Mutex<Vec<SealedSecret>>,
}

impl SecretBook {
    /// The book of a store.
    pub(crate) async fn read(vault: Vault, store: Arc<dyn SecretStore>) -> Result<Self, StoreError> {
        let book = Self { vault, store, open: RwLock::default(), seen: Mutex::default() };
        book.refresh().await?;
        Ok(book)
    }

    /// Asks the store again. True when something is different now. A secret that stays closed is not in the book; the
    /// log says why, once.
    pub(crate) async fn refresh(&self) -> Result<bool, StoreError> {
        let sealed = self.store.list_secrets().await?;
        let before = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == sealed {
                return Ok(false);
            }
            std::mem::replace(&mut *seen, sealed.clone())
        };
        let open = sealed.iter().filter_map(|secret| match self.vault.unseal(&purpose(&secret.name), &secret.sealed) {
            Ok(text) => Some((secret.name.clone(), text)),
            Err(error) => {
                if !before.contains(secret) {
                    tracing::warn!("the secret `{}` stays closed: {error}", secret.name);
                }
                None
            }
        });
        let open: HashMap<String, String> = open.collect();
        let mut known = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let is_different = *known != open;
        *known = open;
        Ok(is_different)
    }

    /// Seals everything in the store with the current key. True when it is done; false when somebody wrote meanwhile.
    pub(crate) async fn reseal(&self) -> Result<Result<usize, VaultError>, StoreError> {
        loop {
            let before = self.store.list_secrets().await?;
            let mut after = before.clone();
            for secret in &mut after {
                match self.vault.reseal(&purpose(&secret.name), &secret.sealed) {
                    Ok(sealed) => secret.sealed = sealed,
                    Err(error) => return Ok(Err(error)),
                }
            }
            if self.store.reseal_secrets(&before, &after).await? {
                return Ok(Ok(after.len()));
            }
        }
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Every value that is open here, those with reserved names too.
    pub(crate) fn values(&self) -> Vec<String> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn opened(&self, name: &str) -> Option<String> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

/// For notifications, whose transports keep theirs under reserved names.
#[async_trait]
impl SecretKeeper for SecretBook {
    fn seal(&self, name: &str, text: &str) -> Result<String, String> {
        self.vault.seal(&purpose(name), text).map_err(|error| error.to_string())
    }

    fn open(&self, name: &str) -> Option<String> {
        self.opened(name)
    }

    fn fill(&self, text: &str) -> Result<String, String> {
        if text.starts_with(MARK) {
            return SecretReader::unseal(self, text);
        }
        let parts = template::parse(text).map_err(|error| error.message)?;
        let mut filled = String::new();
        for part in parts {
            match part {
                Part::Text(text) => filled.push_str(&text),
                Part::Token { token: Token::Secret(name), .. } => {
                    let found = self.find_secret(&name);
                    filled.push_str(&found.ok_or_else(|| format!("there is no secret named `{name}`"))?);
                }
                Part::Token { token: Token::Env(name) | Token::EnvOr(name, None), .. } => {
                    let found = env(&name);
                    filled.push_str(&found.ok_or_else(|| format!("the environment variable `{name}` is not set"))?);
                }
                Part::Token { token: Token::EnvOr(name, Some(default)), .. } => {
                    filled.push_str(&env(&name).unwrap_or(default));
                }
                Part::Token { start, end, .. } => {
                    return Err(format!("`{}` means nothing outside of a job", &text[start..end]));
                }
            }
        }
        Ok(filled)
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        Self::refresh(self).await.map(drop)
    }
}

impl Secrets for SecretBook {
    /// Those with reserved names are no business of jobs and plugins.
    fn find_secret(&self, name: &str) -> Option<String> {
        if is_secret_name(name) { self.opened(name) } else { None }
    }
}

impl SecretReader for SecretBook {
    fn find(&self, name: &str) -> Lookup {
        self.find_secret(name).map_or(Lookup::Missing, Lookup::Found)
    }

    fn unseal(&self, sealed: &str) -> Result<String, String> {
        self.vault.unseal(FILES, sealed).map_err(|error| error.to_string())
    }
}

/// A reader without a store, for commands that only look at files.
impl SecretReader for Vault {
    fn find(&self, _name: &str) -> Lookup {
        Lookup::Unasked
    }

    fn unseal(&self, sealed: &str) -> Result<String, String> {
        Vault::unseal(self, FILES, sealed).map_err(|error| error.to_string())
    }
}

#[async_trait]
impl SecretDesk for SecretBook {
    async fn list(&self) -> Result<Vec<SealedSecret>, StoreError> {
        let all = self.store.list_secrets().await?;
        Ok(all.into_iter().filter(|secret| is_secret_name(&secret.name)).collect())
    }

    async fn put(&self, name: &str, value: &str, by: &str) -> Result<Result<(), String>, StoreError> {
        let sealed = match self.vault.seal(&purpose(name), value) {
            Ok(sealed) => sealed,
            Err(error) => return Ok(Err(error.to_string())),
        };
        // The store keeps milliseconds; what is compared later must be what it gives back.
        let now = Utc::now();
        let updated_at = now.duration_trunc(TimeDelta::milliseconds(1)).unwrap_or(now);
        let secret = SealedSecret { name: name.to_owned(), sealed, updated_at, updated_by: by.to_owned() };
        self.store.put_secret(&secret).await?;
        self.refresh().await?;
        Ok(Ok(()))
    }

    async fn delete(&self, name: &str) -> Result<bool, StoreError> {
        if !is_secret_name(name) {
            return Ok(false);
        }
        let was_there = self.store.delete_secret(name).await?;
        self.refresh().await?;
        Ok(was_there)
    }
}
