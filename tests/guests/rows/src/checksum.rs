//! FNV-1a, 64 bits, over the kind and the text of each cell: easy to write again in a test of the host.

use nomaflow_guest::Value;

/// The checksum of the cells so far.
pub(crate) struct Checksum(u64);

impl Checksum {
    pub(crate) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Adds `kind`, `=`, the text of the cell and `;`. Bytes are written in lower-case hex, floats as Rust displays them.
    pub(crate) fn add(&mut self, cell: &Value) {
        let text = match cell {
            Value::Null => String::new(),
            Value::Boolean(cell) => cell.to_string(),
            Value::Integer(cell) => cell.to_string(),
            Value::Float(cell) => cell.to_string(),
            Value::Bytes(cell) => cell.iter().map(|byte| format!("{byte:02x}")).collect(),
            Value::Decimal(text) | Value::Text(text) | Value::Date(text) | Value::Timestamp(text) => text.clone(),
            Value::Other((_, text)) => text.clone(),
        };
        for byte in format!("{}={text};", cell.kind()).bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(crate) fn to_hex(&self) -> String {
        format!("{:016x}", self.0)
    }
}
