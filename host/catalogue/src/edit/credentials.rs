//! The password of a pool or directory, kept apart from the values that anybody may see: it stands under `password`, or in
//! the address. It goes in by a wish (keep, set, clear) and comes out as nothing but the fact that there is one.
//!
//! Invariant: what [`shown`] gives back has no password in it, and what [`with_password`] gives back has none in clear.

use host_model::{Json, JsonMap};

use crate::blot::find_url_password;

const KEY: &str = "password";
/// The keys of an ODBC connection string that hold one.
const ODBC_KEYS: [&str; 2] = ["pwd", "password"];

/// What is kept of a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// There is none.
    Nothing,
    /// It names an environment variable or a stored secret; that may be seen.
    Named(String),
    /// It is sealed (`ENC:…`).
    Sealed(String),
    /// It is in clear, under its key or in the address.
    Open(String),
}

/// What is to become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish<'w> {
    /// It stays.
    Keep,
    /// It becomes this.
    Set(&'w str),
    /// It goes.
    Clear,
}

/// Why values cannot be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A password stands where it does not belong: the key.
    Misplaced(&'static str),
    /// It cannot be sealed, and why.
    Unsealed(String),
}

/// Whether a text names a secret instead of being one.
fn is_named(text: &str) -> bool {
    text.starts_with("${") && text.ends_with('}') && text.matches("${").count() == 1
}

/// `table` without its password, and what is known of that.
pub fn shown(table: &JsonMap) -> (JsonMap, Held) {
    let mut shown = table.clone();
    let own = shown.remove(KEY);
    let in_url = match table.get("url").and_then(Json::as_str).and_then(take_from_url) {
        Some((url, password)) => {
            shown.insert("url".to_owned(), url.into());
            Some(password)
        }
        None => None,
    };
    let held = match (own.as_ref().and_then(Json::as_str), in_url) {
        (None | Some(""), None) => Held::Nothing,
        (None | Some(""), Some(password)) => Held::Open(password),
        (Some(text), _) if text.starts_with("ENC:") => Held::Sealed(text.to_owned()),
        (Some(text), _) if is_named(text) => Held::Named(text.to_owned()),
        (Some(text), _) => Held::Open(text.to_owned()),
    };
    (shown, held)
}

/// `want` with the password that `wish` leads to, sealed unless it names one.
///
/// # Errors
/// [`Refusal`]; nothing of a password is in it.
pub fn with_password(
    want: &JsonMap,
    current: Option<&JsonMap>,
    wish: &Wish<'_>,
    seal: impl Fn(&str) -> Result<String, String>,
) -> Result<JsonMap, Refusal> {
    if want.contains_key(KEY) {
        return Err(Refusal::Misplaced(KEY));
    }
    if want.get("url").and_then(Json::as_str).and_then(take_from_url).is_some() {
        return Err(Refusal::Misplaced("url"));
    }
    let mut table = want.clone();
    let sealed = |text: &str| if is_named(text) { Ok(text.to_owned()) } else { seal(text).map_err(Refusal::Unsealed) };
    let text = match wish {
        Wish::Clear => None,
        Wish::Set(text) => Some(sealed(text)?),
        Wish::Keep => match current.map(shown) {
            None | Some((_, Held::Nothing)) => None,
            Some((_, Held::Named(text) | Held::Sealed(text))) => Some(text),
            // With `${…}` in the middle it is filled in when it is read: sealed it would not be.
            Some((_, Held::Open(text))) if text.contains("${") => Some(text),
            Some((_, Held::Open(text))) => Some(sealed(&text)?),
        },
    };
    if let Some(text) = text {
        table.insert(KEY.to_owned(), text.into());
    }
    Ok(table)
}

/// An address without its password, and the password; `None` when there is none in clear.
fn take_from_url(url: &str) -> Option<(String, String)> {
    if let Some(text) = url.strip_prefix("odbc:") {
        let is_password = |part: &&str| {
            part.split_once('=').is_some_and(|(key, value)| {
                ODBC_KEYS.contains(&key.trim().to_ascii_lowercase().as_str()) && !value.starts_with("${")
            })
        };
        let found = text.split(';').find(is_password)?;
        let rest: Vec<&str> = text.split(';').filter(|part| !is_password(part)).collect();
        let (_, password) = found.split_once('=')?;
        return Some((format!("odbc:{}", rest.join(";")), password.trim_matches(['{', '}']).to_owned()));
    }
    let range = find_url_password(url)?;
    // The colon before it goes too.
    let rest = format!("{}{}", &url[..range.start - 1], &url[range.end..]);
    Some((rest, decoded(&url[range])))
}

/// Without the percent signs of a URL.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%').then(|| after.get(..2)).flatten().and_then(|two| std::str::from_utf8(two).ok());
        match hex.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Json) -> JsonMap {
        value.as_object().unwrap().clone()
    }

    fn seal(text: &str) -> Result<String, String> {
        Ok(format!("ENC:{}", text.len()))
    }

    #[test]
    fn what_is_shown_has_no_password_wherever_it_stood() {
        for (table, held) in [
            (json!({ "url": "postgres://u@h/d" }), Held::Nothing),
            (json!({ "url": "postgres://u:p%40ss@h/d" }), Held::Open("p@ss".into())),
            (json!({ "url": "postgres://u@h/d", "password": "geheim" }), Held::Open("geheim".into())),
            (json!({ "url": "postgres://u@h/d", "password": "ENC:1" }), Held::Sealed("ENC:1".into())),
            (json!({ "url": "postgres://u@h/d", "password": "${env.P}" }), Held::Named("${env.P}".into())),
            (json!({ "url": "odbc:DSN=x;PWD={geheim};UID=u" }), Held::Open("geheim".into())),
        ] {
            let (shown, found) = shown(&map(table));
            assert_eq!(found, held);
            let text = Json::Object(shown).to_string();
            assert!(!text.contains("p%40ss") && !text.contains("geheim") && !text.contains("ENC:"), "{text}");
        }
        assert_eq!(shown(&map(json!({ "url": "postgres://u:p@h/d" }))).0, map(json!({ "url": "postgres://u@h/d" })));
    }

    #[test]
    fn a_password_that_is_kept_is_sealed_where_it_was_in_clear_and_else_untouched() {
        let want = map(json!({ "url": "postgres://u@h/d" }));
        for (current, password) in [
            (json!({ "url": "postgres://u:secret@h/d" }), json!("ENC:6")),
            (json!({ "url": "postgres://u@h/d", "password": "ENC:as-it-was" }), json!("ENC:as-it-was")),
            (json!({ "url": "postgres://u@h/d", "password": "${env.P}" }), json!("${env.P}")),
        ] {
            let kept = with_password(&want, Some(&map(current)), &Wish::Keep, seal).unwrap();
            assert_eq!(kept["password"], password);
        }
        assert!(!with_password(&want, None, &Wish::Keep, seal).unwrap().contains_key("password"));
    }

    #[test]
    fn a_password_is_set_sealed_or_by_its_name_and_cleared() {
        let want = map(json!({ "url": "postgres://u@h/d" }));
        let current = map(json!({ "url": "x", "password": "ENC:old" }));
        let set = |text| with_password(&want, Some(&current), &Wish::Set(text), seal).unwrap()["password"].clone();
        assert_eq!(set("new"), "ENC:3");
        assert_eq!(set("${secret.erp}"), "${secret.erp}");
        assert!(!with_password(&want, Some(&current), &Wish::Clear, seal).unwrap().contains_key("password"));
    }

    #[test]
    fn a_password_among_the_values_is_refused() {
        let refused = |table| with_password(&map(table), None, &Wish::Keep, seal).unwrap_err();
        assert_eq!(refused(json!({ "url": "postgres://u:p@h/d" })), Refusal::Misplaced("url"));
        assert_eq!(refused(json!({ "password": "p" })), Refusal::Misplaced("password"));
    }
}
