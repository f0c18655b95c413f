//! Requests that may be sent twice: a key of the caller's stands for one run. The id of that run is chosen and kept before the
//! run is recorded, and a run id is unique, so whatever breaks in between, the key never begins two runs.

use async_trait::async_trait;

use crate::port::StoreError;
use crate::{Instant, RunId};

/// A key as a request brings it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// The account.
    pub caller: String,
    /// The key.
    pub key: String,
    /// Digest of what is asked for.
    pub request: String,
    /// The run it shall be.
    pub run: RunId,
    /// The process that is at it.
    pub owner: String,
    /// Now.
    pub at: Instant,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Status of HTTP.
    pub status: u16,
    /// JSON.
    pub body: String,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// Nothing was: it is the request's now.
    New,
    /// It came before.
    Known {
        /// Digest of what was asked for then.
        request: String,
        /// The run it stands for, recorded or not.
        run: RunId,
        /// The process that is, or was, at it.
        owner: String,
        /// The answer, once there is one.
        answer: Option<KeptAnswer>,
    },
}

/// Where keys are kept.
#[async_trait]
pub trait IdempotencyKeys: Send + Sync + 'static {
    /// Keeps a key, unless it is known; keys from before `expired` are forgotten first.
    async fn reserve_key(&self, request: &KeyedRequest, expired: Instant) -> Result<KeyState, StoreError>;
    /// Goes on with the work of a process that is gone: sets the owner if it is still `before` and nothing was answered.
    async fn take_key_over(&self, request: &KeyedRequest, before: &str) -> Result<bool, StoreError>;
    /// Keeps the answer of a request.
    async fn answer_key(&self, request: &KeyedRequest, answer: &KeptAnswer) -> Result<(), StoreError>;
    /// Forgets a key whose request came to nothing.
    async fn release_key(&self, request: &KeyedRequest) -> Result<(), StoreError>;
}
