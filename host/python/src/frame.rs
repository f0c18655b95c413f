//! Frames between host and worker: `u32` length, `u32` question number, body; little endian. Number 0 is a message that
//! wants no answer. What bodies mean is the business of `call` and `question`; the worker's half of this file is
//! `embed/src/channel.rs`.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The largest body either side sends.
pub(crate) const LARGEST: usize = 64 * 1024 * 1024;

const HEAD: usize = 8;

/// Adds one frame to what is to be written.
pub(crate) fn append(outgoing: &mut BytesMut, number: u32, body: &[u8]) {
    // Bodies are held under LARGEST by whoever makes them.
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    outgoing.reserve(HEAD + body.len());
    outgoing.extend_from_slice(&length.to_le_bytes());
    outgoing.extend_from_slice(&number.to_le_bytes());
    outgoing.extend_from_slice(body);
}

/// Reads frames; what has been read of an unfinished one is kept, so that waiting may be given up at any moment.
pub(crate) struct FrameReader<R> {
    source: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, buffer: BytesMut::with_capacity(16 * 1024) }
    }

    /// The next frame; `None` at the end of the stream, also in the middle of a frame.
    ///
    /// # Errors
    /// The socket's, and a frame larger than [`LARGEST`].
    pub(crate) async fn next(&mut self) -> io::Result<Option<(u32, Bytes)>> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(Some(frame));
            }
            if self.source.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    fn take(&mut self) -> io::Result<Option<(u32, Bytes)>> {
        if self.buffer.len() < HEAD {
            return Ok(None);
        }
        let mut head = &self.buffer[..HEAD];
        let (length, number) = (head.get_u32_le() as usize, head.get_u32_le());
        if length > LARGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message passes the largest size"));
        }
        if self.buffer.len() < HEAD + length {
            self.buffer.reserve(HEAD + length - self.buffer.len());
            return Ok(None);
        }
        self.buffer.advance(HEAD);
        Ok(Some((number, self.buffer.split_to(length).freeze())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    #[tokio::test]
    async fn frames_survive_being_cut_anywhere_and_waiting_given_up() {
        let mut wire = BytesMut::new();
        append(&mut wire, 0, b"first");
        append(&mut wire, 7, b"");
        let (mut one, other) = tokio::io::duplex(64);
        let mut reader = FrameReader::new(other);
        let mut seen = Vec::new();
        for byte in &wire {
            one.write_all(&[*byte]).await.unwrap();
            tokio::select! {
                biased;
                frame = reader.next() => seen.push(frame.unwrap().unwrap()),
                () = tokio::task::yield_now() => {}
            }
        }
        assert_eq!(seen, [(0, Bytes::from("first")), (7, Bytes::new())]);
        drop(one);
        assert_eq!(reader.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_frame_larger_than_allowed_is_refused_before_it_is_read() {
        let mut wire = BytesMut::new();
        wire.extend_from_slice(&u32::MAX.to_le_bytes());
        wire.extend_from_slice(&[0; 4]);
        assert!(FrameReader::new(&wire[..]).next().await.is_err());
    }
}
