//! Secrets as they are kept: by name, sealed. What seals and opens them has the key; the store has only the text.

use async_trait::async_trait;

use crate::Instant;
use crate::port::StoreError;

/// A secret in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// Its name, as in `${secret.NAME}`.
    pub name: String,
    /// `ENC:…`; never the secret itself.
    pub sealed: String,
    /// When it was written last.
    pub updated_at: Instant,
    /// Who wrote it: `cli:<user>`, `manual:<user>`.
    pub updated_by: String,
}

/// Where sealed secrets are kept.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// All of them, by name.
    async fn list_secrets(&self) -> Result<Vec<SealedSecret>, StoreError>;
    /// Writes one, in place of the one of the same name.
    async fn put_secret(&self, secret: &SealedSecret) -> Result<(), StoreError>;
    /// Deletes one. False when there was none.
    async fn delete_secret(&self, name: &str) -> Result<bool, StoreError>;
    /// Writes all of `secrets` or, when one of them is no longer what `before` says, none; a change of key must not
    /// undo what somebody else wrote meanwhile. Both lists have the same names in the same order.
    async fn reseal_secrets(&self, before: &[SealedSecret], secrets: &[SealedSecret]) -> Result<bool, StoreError>;
}

/// Longest name, in characters.
pub const LONGEST_SECRET_NAME: usize = 100;

/// Whether `${secret.NAME}` can say this name.
pub fn is_secret_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && name.len() <= LONGEST_SECRET_NAME
}
