//! Reads the socket together with the files that cross it. The kernel hands a file over with the first byte of the frame
//! that brings it or before, so whoever has read such a frame finds its file here; several come in order.

use std::collections::VecDeque;
use std::io::{self, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

/// The reading side of a socket.
pub(crate) struct Incoming<'a> {
    stream: &'a UnixStream,
    files: VecDeque<OwnedFd>,
}

impl<'a> Incoming<'a> {
    pub(crate) fn new(stream: &'a UnixStream) -> Self {
        Self { stream, files: VecDeque::new() }
    }

    /// The next file that crossed.
    pub(crate) fn take_file(&mut self) -> Option<OwnedFd> {
        self.files.pop_front()
    }
}

impl Read for Incoming<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The host sends one at a time, and the kernel never joins two.
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let buffers = &mut [IoSliceMut::new(buffer)];
        let received = recvmsg(self.stream, buffers, &mut control, RecvFlags::CMSG_CLOEXEC)?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(files) = message {
                self.files.extend(files);
            }
        }
        Ok(received.bytes)
    }
}
