//! Who changed the password of a pool or directory, and when. The password itself is in `connectors.toml`, sealed; here is
//! only a digest of what stands there, which tells whether somebody has changed it by hand since.

use async_trait::async_trait;

use crate::Instant;
use crate::port::StoreError;

/// A change of a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretChange {
    /// `pools/<name>` or `connectors/<name>`.
    pub place: String,
    /// Of the text in the file.
    pub digest: String,
    /// When.
    pub at: Instant,
    /// Who.
    pub by: String,
}

/// Where changes are remembered, the latest of each place.
#[async_trait]
pub trait ConnectorSecretStore: Send + Sync + 'static {
    /// All of them, by place.
    async fn list_secret_changes(&self) -> Result<Vec<SecretChange>, StoreError>;
    /// Remembers one, in place of the one before.
    async fn put_secret_change(&self, change: &SecretChange) -> Result<(), StoreError>;
    /// Has what is remembered of one place follow to another, in place of what is known there.
    async fn move_secret_change(&self, from: &str, to: &str) -> Result<(), StoreError>;
}
