//! Id tokens of a provider whose key the test has.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::json;

use super::*;

const NOW: i64 = 1_800_000_000;
const EXPECTED: Expected<'_> =
    Expected { issuer: "https://id.example.org", client_id: "nomaflow", nonce: "n-1", now: NOW };

/// A provider's key.
struct Signing(EcdsaKeyPair);

impl Signing {
    fn new() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap())
    }

    fn published(&self, id: &str) -> Json {
        let point = self.0.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        json!({ "kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "alg": "ES256", "x": x, "y": y })
    }

    fn sign(&self, header: &Json, claims: &Json) -> String {
        let message = unsigned(header, claims);
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn unsigned(header: &Json, claims: &Json) -> String {
    let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}", part(header), part(claims))
}

fn header() -> Json {
    json!({ "alg": "ES256", "kid": "k1", "typ": "JWT" })
}

fn claims() -> Json {
    json!({ "iss": "https://id.example.org", "aud": "nomaflow", "sub": "248", "nonce": "n-1", "exp": NOW + 300, "iat": NOW })
}

fn with(change: &[(&str, Json)]) -> Json {
    let mut claims = claims();
    for (name, value) in change {
        claims[*name] = value.clone();
    }
    claims
}

#[test]
fn a_token_of_the_provider_for_us_and_this_try_is_believed() {
    let key = Signing::new();
    let keys = [key.published("k0"), key.published("k1")];
    for claims in [
        claims(),
        with(&[("exp", json!(NOW - 59))]),
        with(&[("iat", json!(NOW + 59))]),
        with(&[("aud", json!(["nomaflow"]))]),
        with(&[("aud", json!(["nomaflow", "other"])), ("azp", json!("nomaflow"))]),
        with(&[("exp", json!(NOW as f64 + 0.5))]),
    ] {
        assert_eq!(verify(&key.sign(&header(), &claims), &keys, EXPECTED).unwrap()["sub"], "248", "{claims}");
    }
}

#[test]
fn every_claim_that_is_wrong_is_refused_with_its_reason() {
    let key = Signing::new();
    let keys = [key.published("k1")];
    for (change, word) in [
        (vec![("iss", json!("https://id.example.org/"))], "issuer"),
        (vec![("aud", json!("other"))], "somebody else"),
        (vec![("aud", json!(["nomaflow", "other"]))], "somebody else"),
        (vec![("azp", json!("other"))], "somebody else"),
        (vec![("aud", Json::Null)], "somebody else"),
        (vec![("exp", json!(NOW - 61))], "expired"),
        (vec![("exp", json!("never"))], "until when"),
        (vec![("iat", json!(NOW + 61))], "future"),
        (vec![("nbf", json!(NOW + 3600))], "future"),
        (vec![("nonce", json!("n-2"))], "another try"),
        (vec![("nonce", Json::Null)], "another try"),
        (vec![("sub", json!(""))], "who it is"),
    ] {
        let error = verify(&key.sign(&header(), &with(&change)), &keys, EXPECTED).unwrap_err();
        assert!(error.to_string().contains(word), "{change:?}: {error}");
    }
}

#[test]
fn what_is_not_signed_with_a_key_of_the_provider_is_refused() {
    let (key, other) = (Signing::new(), Signing::new());
    let keys = [key.published("k1")];
    let refused = |token: &str| verify(token, &keys, EXPECTED).unwrap_err();
    assert!(refused(&other.sign(&header(), &claims())).to_string().contains("does not fit"));
    let stranger = json!({ "alg": "ES256", "kid": "k9" });
    assert_eq!(refused(&other.sign(&stranger, &claims())), IdTokenError::UnknownKey);
    for algorithm in ["none", "None", "NONE", "", "HS256", "HS512", "RS257"] {
        let head = json!({ "alg": algorithm, "kid": "k1" });
        for token in [format!("{}.", unsigned(&head, &claims())), key.sign(&head, &claims())] {
            assert!(refused(&token).to_string().contains("proves"), "{algorithm}");
        }
    }
    // A key of one kind is not used for another.
    assert_eq!(refused(&key.sign(&json!({ "alg": "RS256", "kid": "k1" }), &claims())), IdTokenError::UnknownKey);
    let good = key.sign(&header(), &claims());
    let (rest, _) = good.rsplit_once('.').unwrap();
    let changed = good.replacen('.', ".e30", 1);
    for token in ["", "a.b", "a.b.c", &format!("{rest}."), &format!("{good}.x"), &changed, &format!("{rest}.AAAA")] {
        refused(token);
    }
    let critical = key.sign(&json!({ "alg": "ES256", "kid": "k1", "crit": ["x"] }), &claims());
    assert!(refused(&critical).to_string().contains("do not know"));
}

#[test]
fn a_key_that_is_not_for_signatures_is_not_used() {
    let key = Signing::new();
    let token = key.sign(&header(), &claims());
    for (name, value) in [("use", "enc"), ("alg", "ES384"), ("crv", "P-384"), ("kty", "RSA")] {
        let mut published = key.published("k1");
        published[name] = json!(value);
        assert_eq!(verify(&token, &[published], EXPECTED).unwrap_err(), IdTokenError::UnknownKey, "{name}");
    }
}

#[test]
fn ed25519_signatures_count_too() {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let key = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
    let message = unsigned(&json!({ "alg": "EdDSA" }), &claims());
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes())));
    let public = URL_SAFE_NO_PAD.encode(key.public_key().as_ref());
    let keys = [json!({ "kty": "OKP", "crv": "Ed25519", "x": public })];
    assert!(verify(&token, &keys, EXPECTED).is_ok());
}
