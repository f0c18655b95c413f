//! Passwords: argon2id with the parameters OWASP names (19 MiB, two passes, one lane), on threads that may block, at
//! most as many at once as the machine has cores, so that a flood of sign-ins takes neither memory nor the API's own
//! threads. An account that does not exist costs as much as one that does.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use axum::http::StatusCode;
use host_model::account::PasswordHash;
use tokio::sync::Semaphore;

use super::random;
use crate::error::ApiError;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const SALT: usize = 16;
/// Longest password, in bytes: a longer one is only work.
pub(super) const LONGEST: usize = 1024;
/// Sign-ins that may wait for their turn.
const WAITING: usize = 64;
/// What a sign-in waits at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// Hashes and compares.
pub(super) struct Passwords {
    working: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// Letters and digits that are not mistaken for each other.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789A";

fn argon() -> Result<Argon2<'static>, ApiError> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None);
    let params = params.map_err(|error| ApiError::broken(&format!("the password rules are wrong: {error}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_now(password: &str) -> Result<PasswordHash, ApiError> {
    let salt: [u8; SALT] = random()?;
    let hash = argon()?.hash_password_with_salt(password.as_bytes(), &salt);
    let hash = hash.map_err(|error| ApiError::broken(&format!("a password cannot be hashed: {error}")))?;
    Ok(PasswordHash(hash.to_string()))
}

/// Stands for the account nobody has.
fn nobody() -> Result<&'static PasswordHash, ApiError> {
    static NOBODY: OnceLock<PasswordHash> = OnceLock::new();
    if let Some(hash) = NOBODY.get() {
        return Ok(hash);
    }
    let hash = hash_now(&hex::encode(random::<32>()?))?;
    Ok(NOBODY.get_or_init(|| hash))
}

impl Passwords {
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { working: Arc::new(Semaphore::new(cores.min(4))), waiting: Arc::new(Semaphore::new(WAITING)) }
    }

    pub(super) async fn hash(&self, password: String) -> Result<PasswordHash, ApiError> {
        self.work(move || hash_now(&password)).await
    }

    /// Whether `password` is the one behind `hash`. Without a hash it is not, after the same time.
    pub(super) async fn is(&self, password: String, hash: Option<PasswordHash>) -> Result<bool, ApiError> {
        self.work(move || {
            let known = match &hash {
                Some(hash) => hash,
                None => nobody()?,
            };
            let fits = argon()?.verify_password(password.as_bytes(), known.0.as_str()).is_ok();
            Ok(fits && hash.is_some())
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let busy = || {
            let detail = "too many people sign in at the moment";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(Duration::from_secs(5))
        };
        let _place = self.waiting.clone().try_acquire_owned().map_err(|_| busy())?;
        let turn = tokio::time::timeout(PATIENCE, self.working.clone().acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or_else(busy)?;
        let done = tokio::task::spawn_blocking(move || {
            // Held to the end, also when nobody waits for it any more.
            let _turn = turn;
            work()
        });
        done.await.map_err(|error| ApiError::broken(&format!("a password could not be looked at: {error}")))?
    }
}

/// A password nobody chose: 100 random bits, in groups that can be read out.
pub(super) fn one_time() -> Result<String, ApiError> {
    let bytes: [u8; 20] = random()?;
    let text: Vec<u8> = bytes.iter().map(|byte| ALPHABET[usize::from(byte & 31)]).collect();
    let groups = text.chunks(5).map(|group| String::from_utf8_lossy(group).into_owned());
    Ok(groups.collect::<Vec<_>>().join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_and_nobody_has_one() {
        let passwords = Passwords::new();
        let hash = passwords.hash("täglich 1€".into()).await.unwrap();
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        assert_ne!(passwords.hash("täglich 1€".into()).await.unwrap(), hash, "each has its own salt");
        assert!(passwords.is("täglich 1€".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.is("täglich 1".into(), Some(hash)).await.unwrap());
        assert!(!passwords.is(String::new(), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_flood_of_sign_ins_is_turned_away_and_the_rest_get_their_turn() {
        let passwords = Arc::new(Passwords::new());
        let tries = (0..WAITING + 40).map(|_| {
            let passwords = passwords.clone();
            tokio::spawn(async move { passwords.is("x".into(), None).await })
        });
        let mut turned_away = 0;
        for tried in tries.collect::<Vec<_>>() {
            turned_away += usize::from(tried.await.unwrap().is_err());
        }
        assert!((1..WAITING + 40).contains(&turned_away), "{turned_away}");
        assert!(passwords.is("x".into(), None).await.is_ok());
    }

    #[test]
    fn a_one_time_password_can_be_read_out() {
        let text = one_time().unwrap();
        assert_eq!((text.len(), text.matches('-').count()), (23, 3), "{text}");
        assert_ne!(one_time().unwrap(), text);
    }
}
