//! An id token of a provider: a signed statement about who has signed in (OpenID Connect Core §3.1.3.7). What is signed
//! with a key of the provider, for us, now, and for this very try is believed; everything else is refused, with the reason.
//!
//! Only signatures with a public key count: `none` is no signature, and one with the client secret (`HS256`) would make
//! whoever reads our settings the provider.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use host_model::{Json, JsonMap};
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};

/// How far the provider's clock may be from ours, in seconds.
const SKEW: i64 = 60;

/// What the token has to say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    /// Seconds since 1970.
    pub(super) now: i64,
}

/// Why a token is not believed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum IdTokenError {
    /// It names a key that is not among those we know; the provider may have a new one.
    #[error("the id token is signed with a key the provider does not publish")]
    UnknownKey,
    #[error("the id token {0}")]
    Wrong(&'static str),
}

use IdTokenError::Wrong;

/// The claims of a token that is sound.
pub(super) fn verify(token: &str, keys: &[Json], expected: Expected<'_>) -> Result<JsonMap, IdTokenError> {
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(signed), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Wrong("has not three parts"));
    };
    let head = read_part(header)?;
    let algorithm = head.get("alg").and_then(Json::as_str).unwrap_or_default();
    if head.contains_key("crit") {
        return Err(Wrong("wants something we do not know"));
    }
    let signature = URL_SAFE_NO_PAD.decode(signed).map_err(|_| Wrong("has a malformed signature"))?;
    let message = &token[..header.len() + 1 + claims.len()];
    let key_id = head.get("kid").and_then(Json::as_str);
    check_signature(algorithm, key_id, keys, message.as_bytes(), &signature)?;
    let claims = read_part(claims)?;
    check_claims(&claims, expected)?;
    Ok(claims)
}

fn read_part(part: &str) -> Result<JsonMap, IdTokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Wrong("is malformed"))?;
    serde_json::from_slice(&bytes).map_err(|_| Wrong("is malformed"))
}

/// The kind of key that an algorithm wants, and its curve.
fn wanted(algorithm: &str) -> Option<(&'static str, &'static str)> {
    Some(match algorithm {
        "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" => ("RSA", ""),
        "ES256" => ("EC", "P-256"),
        "ES384" => ("EC", "P-384"),
        "EdDSA" => ("OKP", "Ed25519"),
        _ => return None,
    })
}

fn check_signature(
    algorithm: &str,
    key_id: Option<&str>,
    keys: &[Json],
    message: &[u8],
    signature: &[u8],
) -> Result<(), IdTokenError> {
    let (kind, curve) = wanted(algorithm).ok_or(Wrong("is not signed by a method that proves anything"))?;
    let text = |key: &Json, name: &str| key.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let fits = |key: &&Json| {
        text(key, "kty") == kind
            && (curve.is_empty() || text(key, "crv") == curve)
            && key_id.is_none_or(|id| text(key, "kid") == id)
            && matches!(&*text(key, "use"), "" | "sig")
            && (text(key, "alg").is_empty() || text(key, "alg") == algorithm)
    };
    let mut fitting = keys.iter().filter(fits).peekable();
    if fitting.peek().is_none() {
        return Err(IdTokenError::UnknownKey);
    }
    let bytes = |key: &Json, name: &str| URL_SAFE_NO_PAD.decode(text(key, name)).unwrap_or_default();
    let is_signed = fitting.any(|key| {
        let rsa = |parameters: &'static signature::RsaParameters| {
            let public = RsaPublicKeyComponents { n: bytes(key, "n"), e: bytes(key, "e") };
            public.verify(parameters, message, signature).is_ok()
        };
        let other = |algorithm: &'static dyn signature::VerificationAlgorithm, public: Vec<u8>| {
            UnparsedPublicKey::new(algorithm, public).verify(message, signature).is_ok()
        };
        // An uncompressed point, SEC 1 §2.3.3.
        let point = || [vec![4], bytes(key, "x"), bytes(key, "y")].concat();
        match algorithm {
            "RS256" => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            "RS384" => rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            "RS512" => rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            "PS256" => rsa(&signature::RSA_PSS_2048_8192_SHA256),
            "PS384" => rsa(&signature::RSA_PSS_2048_8192_SHA384),
            "PS512" => rsa(&signature::RSA_PSS_2048_8192_SHA512),
            "ES256" => other(&signature::ECDSA_P256_SHA256_FIXED, point()),
            "ES384" => other(&signature::ECDSA_P384_SHA384_FIXED, point()),
            _ => other(&signature::ED25519, bytes(key, "x")),
        }
    });
    if is_signed { Ok(()) } else { Err(Wrong("has a signature that does not fit")) }
}

fn check_claims(claims: &JsonMap, expected: Expected<'_>) -> Result<(), IdTokenError> {
    let text = |name: &str| claims.get(name).and_then(Json::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(Wrong("is of another issuer"));
    }
    let audience: Vec<&str> = match claims.get("aud") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    };
    let party = text("azp");
    let is_ours = audience.contains(&expected.client_id)
        && party.is_none_or(|party| party == expected.client_id)
        && (audience.len() == 1 || party.is_some());
    if !is_ours {
        return Err(Wrong("is for somebody else"));
    }
    // Whole seconds by the letter; some providers write fractions.
    let seconds = |name: &str| claims.get(name).and_then(Json::as_f64).map(|seconds| seconds as i64);
    match seconds("exp") {
        Some(until) if until.saturating_add(SKEW) > expected.now => {}
        Some(_) => return Err(Wrong("has expired")),
        None => return Err(Wrong("does not say until when it counts")),
    }
    if ["iat", "nbf"].into_iter().filter_map(seconds).any(|from| from.saturating_sub(SKEW) > expected.now) {
        return Err(Wrong("is of the future"));
    }
    if text("nonce") != Some(expected.nonce) {
        return Err(Wrong("is for another try to sign in"));
    }
    if text("sub").is_none_or(|subject| subject.is_empty() || subject.len() > 255) {
        return Err(Wrong("does not say who it is"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
