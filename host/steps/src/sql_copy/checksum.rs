//! A checksum over rows that does not depend on their order: the sum of one hash per row. Both sides of a copy are
//! hashed cell by cell in a form that does not depend on the database either, so that `1.50` in one and `1.5` in the
//! other are the same number, and a `char(5)` the same text as its unpadded self.
//!
//! It finds what was lost, doubled or changed on the way (a rounded decimal, a cut text); it is no defence against
//! anybody who means it.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher as _;

use crate::connector::cell::Cell;
use crate::connector::postgres::moment;

/// The hash of one row under way.
#[derive(Default)]
pub(super) struct RowHash(DefaultHasher);

impl RowHash {
    /// Adds the next cell.
    pub(super) fn cell(&mut self, cell: Cell<'_>) {
        let to = &mut self.0;
        match cell {
            Cell::Null => to.write_u8(0),
            Cell::Bool(b) => number(&u8::from(b).to_string(), to),
            Cell::Int(n) => number(&n.to_string(), to),
            // As SQLite keeps it.
            Cell::Float(f) if f.is_nan() => bytes(1, b"NaN", to),
            Cell::Float(f) => number(&f.to_string(), to),
            Cell::Bytes(bytes) => {
                to.write_u8(3);
                to.write(bytes);
                to.write_usize(bytes.len());
            }
            Cell::Text(text) => self.text(text),
        }
    }

    fn text(&mut self, text: &str) {
        let to = &mut self.0;
        let text = text.trim_end_matches(' ');
        if is_number(text) {
            return number(text, to);
        }
        if let Some(micros) = moment::parse_timestamp(text) {
            to.write_u8(2);
            return to.write_i64(micros);
        }
        let json: Option<serde_json::Value> =
            text.starts_with(['{', '[']).then(|| serde_json::from_str(text).ok()).flatten();
        match json {
            Some(json) => value(&json, to),
            None => bytes(1, text.as_bytes(), to),
        }
    }

    /// The hash of the row; the next cell begins another one.
    pub(super) fn finish(&mut self) -> u64 {
        std::mem::take(self).0.finish()
    }
}

fn bytes(tag: u8, bytes: &[u8], to: &mut DefaultHasher) {
    to.write_u8(tag);
    to.write(bytes);
    to.write_usize(bytes.len());
}

/// `-12.340`, nothing longer than a decimal of any database.
fn is_number(text: &str) -> bool {
    text.len() <= 1_000 && crate::connector::sqlite::value::is_plain_number(text)
}

/// Digits without zeros that say nothing.
fn number(text: &str, to: &mut DefaultHasher) {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    to.write_u8(4);
    if !(whole.is_empty() && part.is_empty()) {
        to.write(sign.as_bytes());
    }
    to.write(whole.as_bytes());
    to.write_u8(b'.');
    to.write(part.as_bytes());
    to.write_u8(0);
}

/// JSON without its blanks and the order of its keys, which `jsonb` does not keep.
fn value(json: &serde_json::Value, to: &mut DefaultHasher) {
    use serde_json::Value as J;
    match json {
        J::Null => to.write_u8(10),
        J::Bool(b) => to.write_u8(11 + u8::from(*b)),
        J::Number(n) => number(&n.to_string(), to),
        J::String(text) => bytes(13, text.as_bytes(), to),
        J::Array(items) => {
            to.write_u8(14);
            items.iter().for_each(|item| value(item, to));
            to.write_u8(15);
        }
        J::Object(map) => {
            to.write_u8(16);
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            for (key, item) in entries {
                bytes(13, key.as_bytes(), to);
                value(item, to);
            }
            to.write_u8(17);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(cells: &[Cell<'_>]) -> u64 {
        let mut hash = RowHash::default();
        cells.iter().for_each(|cell| hash.cell(*cell));
        hash.finish()
    }

    #[test]
    fn what_databases_spell_differently_is_the_same() {
        for (a, b) in [
            (Cell::Text("1.50"), Cell::Float(1.5)),
            (Cell::Text("007.0"), Cell::Int(7)),
            (Cell::Text("-0"), Cell::Int(0)),
            (Cell::Bool(true), Cell::Int(1)),
            (Cell::Text("ab   "), Cell::Text("ab")),
            (Cell::Text("2024-02-29T10:00:00Z"), Cell::Text("2024-02-29 12:00:00+02:00")),
            (Cell::Text("2024-02-29"), Cell::Text("2024-02-29T00:00:00")),
            (Cell::Text("{\"b\":1, \"a\":[]}"), Cell::Text("{\"a\": [], \"b\": 1}")),
        ] {
            assert_eq!(hash(&[a]), hash(&[b]), "{a:?} {b:?}");
        }
    }

    #[test]
    fn what_is_different_is_told_apart() {
        let rows: [&[Cell<'_>]; 9] = [
            &[Cell::Null],
            &[Cell::Text("")],
            &[Cell::Text("a"), Cell::Text("b")],
            &[Cell::Text("ab"), Cell::Text("")],
            &[Cell::Int(12), Cell::Int(3)],
            &[Cell::Int(1), Cell::Int(23)],
            &[Cell::Bytes(b"ab")],
            &[Cell::Int(-1)],
            &[Cell::Text("1.01")],
        ];
        for (n, a) in rows.iter().enumerate() {
            for b in &rows[n + 1..] {
                assert_ne!(hash(a), hash(b), "{a:?} {b:?}");
            }
        }
    }
}
