//! One sealed text: `ENC:1:<key id>:<base64url>`, whose bytes are
//! nonce (12) · the secret's own key under the master key (32 + 16) · nonce (12) · the secret under its own key (n + 16).
//! The purpose is bound to both, so that a sealed text cannot be put in the place of another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::MARK;
use super::keys::{KEY_BYTES, MasterKey};

const VERSION: &str = "1:";
const TAG: usize = 16;
const WRAPPED: usize = KEY_BYTES + TAG;
const ID: usize = 8;

/// A text that cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    #[error("it is not sealed: `ENC:` is missing")]
    NoMark,
    #[error("it was not sealed by this program, or is cut off")]
    Form,
    #[error("it was changed, or sealed for another purpose")]
    Closed,
    #[error("the machine has no randomness")]
    Random,
}

/// The id of the key that `sealed` needs.
pub(super) fn key_of(sealed: &str) -> Result<&str, SealError> {
    Ok(split(sealed)?.0)
}

fn split(sealed: &str) -> Result<(&str, &str), SealError> {
    let body = sealed.trim().strip_prefix(MARK).ok_or(SealError::NoMark)?;
    let (id, rest) = body.strip_prefix(VERSION).and_then(|rest| rest.split_once(':')).ok_or(SealError::Form)?;
    if id.len() == ID { Ok((id, rest)) } else { Err(SealError::Form) }
}

/// A sealed text taken apart.
struct Envelope {
    wrap_nonce: [u8; NONCE_LEN],
    wrapped: Vec<u8>,
    nonce: [u8; NONCE_LEN],
    body: Vec<u8>,
}

impl Envelope {
    fn read(sealed: &str) -> Result<Self, SealError> {
        let bytes = URL_SAFE_NO_PAD.decode(split(sealed)?.1).map_err(|_| SealError::Form)?;
        let (wrap_nonce, rest) = bytes.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Form)?;
        let (wrapped, rest) = rest.split_at_checked(WRAPPED).ok_or(SealError::Form)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Form)?;
        Ok(Self { wrap_nonce: *wrap_nonce, wrapped: wrapped.to_vec(), nonce: *nonce, body: body.to_vec() })
    }

    fn write(&self, key: &MasterKey) -> String {
        let bytes = [&self.wrap_nonce[..], &self.wrapped, &self.nonce, &self.body].concat();
        format!("{MARK}{VERSION}{}:{}", key.id(), URL_SAFE_NO_PAD.encode(bytes))
    }
}

pub(super) fn seal(key: &MasterKey, purpose: &str, text: &str) -> Result<String, SealError> {
    let mut own = [0; KEY_BYTES];
    getrandom::fill(&mut own).map_err(|_| SealError::Random)?;
    let (wrap_nonce, wrapped) = close(key.bytes(), purpose, &own)?;
    let (nonce, body) = close(&own, purpose, text.as_bytes())?;
    Ok(Envelope { wrap_nonce, wrapped, nonce, body }.write(key))
}

pub(super) fn unseal(key: &MasterKey, purpose: &str, sealed: &str) -> Result<String, SealError> {
    let envelope = Envelope::read(sealed)?;
    let own = open(key.bytes(), purpose, envelope.wrap_nonce, envelope.wrapped)?;
    let text = open(&own, purpose, envelope.nonce, envelope.body)?;
    String::from_utf8(text).map_err(|_| SealError::Form)
}

/// A new envelope around the same secret, which is not opened.
pub(super) fn change_key(old: &MasterKey, new: &MasterKey, purpose: &str, sealed: &str) -> Result<String, SealError> {
    let mut envelope = Envelope::read(sealed)?;
    let own = open(old.bytes(), purpose, envelope.wrap_nonce, envelope.wrapped)?;
    (envelope.wrap_nonce, envelope.wrapped) = close(new.bytes(), purpose, &own)?;
    Ok(envelope.write(new))
}

fn cipher(key: &[u8]) -> Result<LessSafeKey, SealError> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| SealError::Form)
}

/// Every key but the master key is used once; the master key's nonces are random, 96 bits of them.
fn close(key: &[u8], purpose: &str, text: &[u8]) -> Result<([u8; NONCE_LEN], Vec<u8>), SealError> {
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce).map_err(|_| SealError::Random)?;
    let mut bytes = text.to_vec();
    let sealed = cipher(key)?.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(purpose.as_bytes()),
        &mut bytes,
    );
    sealed.map_err(|_| SealError::Form)?;
    Ok((nonce, bytes))
}

fn open(key: &[u8], purpose: &str, nonce: [u8; NONCE_LEN], mut bytes: Vec<u8>) -> Result<Vec<u8>, SealError> {
    let nonce = Nonce::assume_unique_for_key(nonce);
    let opened = cipher(key)?.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut bytes);
    let length = opened.map_err(|_| SealError::Closed)?.len();
    bytes.truncate(length);
    Ok(bytes)
}
