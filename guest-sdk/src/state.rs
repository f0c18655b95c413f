//! What this plugin remembers from one call to the next: one durable space of keys, shared by its callables.
//!
//! A write lasts once it returns, also when the step fails afterwards; so move a watermark last. Keys have up to 200
//! bytes, values up to 64 KiB.

use crate::bindings::nomaflow::step::state::Entry as WireEntry;
use crate::{Error, imports};

/// One key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// When it was last written, RFC 3339.
    pub updated_at: String,
}

/// The value of a key, if there is one. Errors: `denied` without the grant `state = true`, `invalid`, `unavailable`.
pub fn get(key: &str) -> Result<Option<String>, Error> {
    Ok(imports::state_get(key)?)
}

/// Sets a key. Errors: as `get`, and `limit` for a key too many.
pub fn set(key: &str, value: &str) -> Result<(), Error> {
    Ok(imports::state_set(key, value)?)
}

/// Sets a key if its value is `expected` (none: if there is no such key), and tells whether it was. Errors: as `set`.
pub fn compare_and_set(key: &str, expected: Option<&str>, value: &str) -> Result<bool, Error> {
    Ok(imports::state_compare_and_set(key, expected, value)?)
}

/// Removes a key, and tells whether it was there. Errors: as `get`.
pub fn delete(key: &str) -> Result<bool, Error> {
    Ok(imports::state_delete(key)?)
}

/// All entries whose keys begin with `prefix`, by key. Errors: as `get`.
pub fn scan(prefix: &str) -> Result<Vec<Entry>, Error> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let page = imports::state_scan(prefix, entries.last().map(|entry| entry.key.as_str()), 0)?;
        if page.is_empty() {
            return Ok(entries);
        }
        let entry = |WireEntry { key, value, updated_at }| Entry { key, value, updated_at };
        entries.extend(page.into_iter().map(entry));
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Host;

    #[test]
    fn a_watermark_is_read_compared_and_moved() {
        let host = Host::new().state(&[("orders/scn", "41"), ("other", "x")]).install();
        assert_eq!(super::get("orders/scn"), Ok(Some("41".to_owned())));
        assert_eq!(super::compare_and_set("orders/scn", None, "1"), Ok(false));
        assert_eq!(super::compare_and_set("orders/scn", Some("41"), "42"), Ok(true));
        super::set("orders/rows", "7").expect("granted");
        let scanned: Vec<String> = super::scan("orders/").expect("granted").into_iter().map(|e| e.key).collect();
        assert_eq!(scanned, ["orders/rows", "orders/scn"]);
        assert_eq!(super::delete("orders/rows"), Ok(true));
        assert_eq!(host.state(), [("orders/scn".to_owned(), "42".to_owned()), ("other".to_owned(), "x".to_owned())]);
    }

    #[test]
    fn without_a_stand_in_state_is_denied() {
        let _host = Host::new().install();
        assert!(super::get("x").is_err_and(|error| error.is("denied")));
    }
}
