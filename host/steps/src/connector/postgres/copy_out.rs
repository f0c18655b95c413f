//! The binary format of `COPY … TO STDOUT`, cut into rows, and rows into cells where somebody wants them. The server sends about one row
//! in a message, but does not promise to.

use super::copy_in::BINARY_HEADER;

/// Rows in a stream of messages.
#[derive(Default)]
pub(crate) struct Rows {
    bytes: Vec<u8>,
    /// What has been handed out already.
    at: usize,
    has_header: bool,
}

/// A buffer that one wide row has made larger than this is given back.
const MOST_KEPT: usize = 256 * 1024;

impl Rows {
    /// Adds a message.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), sqlx::Error> {
        self.bytes.drain(..self.at);
        self.at = 0;
        if self.bytes.is_empty() && self.bytes.capacity() > MOST_KEPT {
            self.bytes = Vec::new();
        }
        self.bytes.extend_from_slice(bytes);
        if !self.has_header && self.bytes.len() >= BINARY_HEADER.len() {
            // Signature, flags (none we could ignore), length of the extension (none).
            if !self.bytes.starts_with(BINARY_HEADER) {
                return Err(sqlx::Error::Protocol("the server's COPY has another format than expected".to_owned()));
            }
            self.has_header = true;
            self.at = BINARY_HEADER.len();
        }
        Ok(())
    }

    /// The next whole row, if it is here.
    pub(crate) fn next_row(&mut self) -> Option<&[u8]> {
        if !self.has_header {
            return None;
        }
        let start = self.at;
        self.at = row_end(&self.bytes, start)?;
        Some(&self.bytes[start..self.at])
    }
}

/// Where the row that begins at `start` ends; `None` when it is not whole, or is the end of the stream.
pub(crate) fn row_end(bytes: &[u8], start: usize) -> Option<usize> {
    let count = i16::from_be_bytes(bytes.get(start..start + 2)?.try_into().ok()?);
    // -1 cells are the end of the stream.
    let count = usize::try_from(count).ok()?;
    let mut at = start + 2;
    for _ in 0..count {
        let length = i32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?);
        at += 4 + usize::try_from(length).unwrap_or(0);
    }
    (at <= bytes.len()).then_some(at)
}

/// The cells of a whole row, `None` being NULL.
pub(crate) fn cells(row: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = row.get(2..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, tail) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(i32::from_be_bytes(*length)).ok();
        let (cell, tail) = tail.split_at_checked(length.unwrap_or(0))?;
        rest = tail;
        Some(length.map(|_| cell))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_wherever_messages_are_cut() {
        let rows: [&[u8]; 3] =
            [&[0, 1, 0, 0, 0, 2, 7, 8], &[0, 2, 255, 255, 255, 255, 0, 0, 0, 0], &[0, 1, 0, 0, 0, 1, 9]];
        let mut stream = BINARY_HEADER.to_vec();
        rows.iter().for_each(|row| stream.extend_from_slice(row));
        stream.extend([255, 255]);
        for size in 1..stream.len() {
            let mut found = Vec::new();
            let mut reader = Rows::default();
            for message in stream.chunks(size) {
                reader.push(message).unwrap();
                while let Some(row) = reader.next_row() {
                    found.push(row.to_vec());
                }
            }
            assert_eq!(found, rows, "messages of {size} bytes");
        }
        assert_eq!(cells(rows[1]).collect::<Vec<_>>(), [None, Some(&[][..])]);
        assert!(Rows::default().push(b"PGCOPY\n\xff\r\n\0\0\0\x01\0\0\0\0\0").is_err());
    }
}
