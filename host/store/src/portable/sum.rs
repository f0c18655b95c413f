//! Counts and digests of rows, by which a copy is known to be whole.

use sha2::{Digest, Sha256};

/// What is known of the rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSum {
    /// How many there are.
    pub rows: u64,
    /// SHA-256 over all lines, each with its line break, in hexadecimal digits.
    pub sha256: String,
}

/// Adds up rows, in the order of the table's key.
#[derive(Debug, Clone, Default)]
pub struct RowSum {
    rows: u64,
    hash: Sha256,
}

impl RowSum {
    /// Adds one line.
    pub fn add(&mut self, line: &str) {
        self.rows += 1;
        self.hash.update(line.as_bytes());
        self.hash.update(b"\n");
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The sum of all of them.
    pub fn finish(self) -> TableSum {
        TableSum { rows: self.rows, sha256: hex::encode(self.hash.finalize()) }
    }
}
