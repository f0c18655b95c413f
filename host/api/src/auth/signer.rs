//! Signed tokens (JWT, HS256): the algorithm is pinned, and each kind has an audience of its own, so that one is never
//! taken for another. The keys come from the home's master keys; the newest signs, all of them verify.

use std::sync::Once;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, Header, Validation};
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;

const ISSUER: &str = "nomaflow";

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Opens the API for some minutes.
    Access,
    /// Gets the next pair of tokens, once.
    Refresh,
    /// Says that somebody has signed in to the account from this browser before.
    Device,
}

impl Kind {
    fn audience(self) -> &'static str {
        match self {
            Self::Access => "nomaflow-access",
            Self::Refresh => "nomaflow-refresh",
            Self::Device => "nomaflow-device",
        }
    }
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) aud: String,
    /// The account.
    pub(super) sub: String,
    /// The session; empty for a device.
    pub(super) sid: String,
    /// Makes every token different.
    pub(super) jti: String,
    /// Seconds since 1970, as the next.
    pub(super) iat: i64,
    pub(super) exp: i64,
}

/// A key that signs, with the name by which a token refers to it.
#[derive(Clone)]
pub struct SigningKey {
    /// Says nothing about the key.
    pub id: String,
    /// 32 bytes or more.
    pub secret: Vec<u8>,
}

/// Signs and verifies.
pub(super) struct Signer(Vec<SigningKey>);

impl Signer {
    /// `keys` with the newest first.
    pub(super) fn new(keys: Vec<SigningKey>) -> Self {
        static ONCE: Once = Once::new();
        // Whoever was first stays; nobody else in this program installs one.
        ONCE.call_once(|| {
            let _ = PROVIDER.install_default();
        });
        Self(keys)
    }

    /// A token of `kind` for `user`, from now on for `seconds`.
    pub(super) fn sign(
        &self,
        kind: Kind,
        user: &str,
        session: &str,
        now: i64,
        seconds: i64,
    ) -> Result<String, ApiError> {
        let key = self.0.first().ok_or_else(|| ApiError::broken("there is no key to sign with"))?;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: kind.audience().to_owned(),
            sub: user.to_owned(),
            sid: session.to_owned(),
            jti: super::random_hex::<16>()?,
            iat: now,
            exp: now + seconds,
        };
        let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&key.secret))
            .map_err(|error| ApiError::broken(&format!("a token cannot be signed: {error}")))
    }

    /// What `token` says, if it is of this kind, signed by one of our keys and not expired.
    pub(super) fn verify(&self, kind: Kind, token: &str) -> Option<Claims> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.leeway = 0;
        rules.set_audience(&[kind.audience()]);
        rules.set_issuer(&[ISSUER]);
        rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        self.0.iter().find_map(|key| {
            let key = DecodingKey::from_secret(&key.secret);
            jsonwebtoken::decode::<Claims>(token, &key, &rules).ok().map(|data| data.claims)
        })
    }
}

/// HMAC by `ring`, and nothing else: a token that asks for another algorithm finds none.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(Hs256::of(*algorithm, key.family(), key.as_bytes())?)),
    verifier_factory: |algorithm, key| Ok(Box::new(Hs256::of(*algorithm, key.family(), key.try_get_as_bytes()?)?)),
    key_utils: KeyUtils::new_unimplemented(),
};

struct Hs256(hmac::Key);

impl Hs256 {
    fn of(algorithm: Algorithm, family: AlgorithmFamily, secret: &[u8]) -> Result<Self, Error> {
        if algorithm != Algorithm::HS256 || family != AlgorithmFamily::Hmac {
            return Err(ErrorKind::InvalidAlgorithm.into());
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }
}

impl signature::Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl signature::Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], found: &Vec<u8>) -> Result<(), signature::Error> {
        hmac::verify(&self.0, message, found).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}
