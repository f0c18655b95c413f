//! Frames between host and worker: `u32` length, `u32` question number, body; little endian. Number 0 is a message that
//! wants no answer. A frame to the worker may bring a file: its length then has [`WITH_FILE`] set, and the descriptor
//! crosses with or before its first byte. Several cross in the order of their frames. What bodies mean is the business of
//! `call` and `question`; the worker's half of this file is `embed/src/channel.rs`.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use bytes::{Buf, Bytes, BytesMut};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::{AsyncRead, AsyncReadExt, Interest};
use tokio::net::unix::OwnedWriteHalf;

/// The largest body either side sends.
pub(crate) const LARGEST: usize = 64 * 1024 * 1024;

const HEAD: usize = 8;
/// In the length of a frame that brings a file.
const WITH_FILE: u32 = 1 << 31;

/// What is to be written.
#[derive(Default)]
pub(crate) struct Outgoing(VecDeque<Segment>);

/// Bytes of frames, and the file that crosses with the first of them.
#[derive(Default)]
struct Segment {
    bytes: BytesMut,
    file: Option<OwnedFd>,
}

impl Outgoing {
    /// Adds one frame.
    pub(crate) fn append(&mut self, number: u32, body: &[u8], file: Option<OwnedFd>) {
        // Bodies are held under LARGEST by whoever makes them.
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let length = if file.is_some() { length | WITH_FILE } else { length };
        if file.is_some() || self.0.is_empty() {
            self.0.push_back(Segment { bytes: BytesMut::new(), file });
        }
        let Some(Segment { bytes, .. }) = self.0.back_mut() else { return };
        bytes.reserve(HEAD + body.len());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&number.to_le_bytes());
        bytes.extend_from_slice(body);
    }

    /// Whether everything is written.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes some of it; waiting may be given up at any moment.
    ///
    /// # Errors
    /// The socket's.
    pub(crate) async fn write(&mut self, socket: &OwnedWriteHalf) -> io::Result<()> {
        let socket = socket.as_ref();
        while !self.is_empty() {
            socket.writable().await?;
            match socket.try_io(Interest::WRITABLE, || self.send(socket.as_fd())) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                done => return done,
            }
        }
        Ok(())
    }

    fn send(&mut self, socket: impl AsFd) -> io::Result<()> {
        let Some(Segment { bytes, file }) = self.0.front_mut() else { return Ok(()) };
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let files = file.as_ref().map(AsFd::as_fd);
        if let Some(file) = &files {
            control.push(SendAncillaryMessage::ScmRights(std::slice::from_ref(file)));
        }
        let sent = sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?;
        bytes.advance(sent);
        // It is the worker's now.
        *file = None;
        if bytes.is_empty() {
            self.0.pop_front();
        }
        Ok(())
    }
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
        let mut outgoing = Outgoing::default();
        outgoing.append(0, b"first", None);
        outgoing.append(7, b"", None);
        let wire = outgoing.0.pop_front().unwrap().bytes;
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
    async fn everything_is_written_whatever_the_socket_holds_at_once() {
        let (ours, theirs) = tokio::net::UnixStream::pair().unwrap();
        let (_, writer) = ours.into_split();
        let mut reader = FrameReader::new(theirs);
        let large = vec![7; 3_000_000];
        let mut outgoing = Outgoing::default();
        for number in 1..=3 {
            let file = std::fs::File::open("/dev/null").unwrap();
            outgoing.append(number, &large, (number == 2).then(|| file.into()));
        }
        let writing = async {
            while !outgoing.is_empty() {
                outgoing.write(&writer).await.unwrap();
            }
        };
        let reading = async {
            // This side reads plain frames, and does not know of files.
            assert_eq!(reader.next().await.unwrap().unwrap().1, large);
            assert!(reader.next().await.is_err());
            let mut rest = vec![0; 2 * (large.len() + HEAD)];
            let had = reader.buffer.len();
            reader.source.read_exact(&mut rest[had..]).await.unwrap();
        };
        tokio::join!(writing, reading);
    }

    #[tokio::test]
    async fn a_frame_larger_than_allowed_is_refused_before_it_is_read() {
        let mut wire = BytesMut::new();
        wire.extend_from_slice(&u32::MAX.to_le_bytes());
        wire.extend_from_slice(&[0; 4]);
        assert!(FrameReader::new(&wire[..]).next().await.is_err());
    }
}
