//! What a worker writes below Python: file descriptors 1 and 2 are pipes that end here, as lines for the step's log.
//!
//! The pipes are read by plain non-blocking reads as well as through the runtime: when a step ends, what it wrote is
//! already in the pipe, but the runtime may not have heard of it yet.

use std::fs::File;
use std::io::{self, PipeWriter, Read};
use std::os::fd::{AsFd, OwnedFd};

use tokio::net::unix::pipe::Receiver;

/// A line longer than this is cut into several.
const LONGEST_LINE: usize = 64 * 1024;

/// How much of the end is kept for the report of a crash.
const TAIL: usize = 8 * 1024;

/// Most reads when a step has ended; a pipe holds less, unless somebody goes on writing.
const DRAIN_READS: usize = 256;

/// The reading end of one pipe.
pub(crate) struct Output {
    pipe: Receiver,
    /// The same end again, for reads that ask the kernel and not the runtime.
    direct: File,
    part: Vec<u8>,
    tail: Vec<u8>,
    ended: bool,
}

impl Output {
    /// A pipe: the end for the worker, and the end for the host.
    pub(crate) fn pipe() -> io::Result<(PipeWriter, Self)> {
        let (reader, writer) = io::pipe()?;
        // This makes the pipe non-blocking, for both handles to it.
        let pipe = Receiver::from_owned_fd(OwnedFd::from(reader))?;
        let direct = File::from(pipe.as_fd().try_clone_to_owned()?);
        Ok((writer, Self { pipe, direct, part: Vec::new(), tail: Vec::new(), ended: false }))
    }

    /// Waits until there are whole lines; never completes once the pipe has ended. May be given up at any moment.
    pub(crate) async fn lines(&mut self) -> Vec<String> {
        let mut chunk = [0; 8 * 1024];
        while !self.ended {
            let read = match self.pipe.readable().await {
                Ok(()) => self.pipe.try_read(&mut chunk),
                Err(error) => Err(error),
            };
            let lines = self.accept(read, &chunk);
            if !lines.is_empty() {
                return lines;
            }
        }
        std::future::pending().await
    }

    /// Every line written until now, the unfinished one included.
    pub(crate) fn drain(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut chunk = [0; 8 * 1024];
        // Bounded, so that a child process that writes without end cannot keep a step from ending.
        for _ in 0..DRAIN_READS {
            let read = self.direct.read(&mut chunk);
            let more = matches!(read, Ok(1..));
            lines.extend(self.accept(read, &chunk));
            if !more {
                break;
            }
        }
        if !self.part.is_empty() {
            lines.push(text(&std::mem::take(&mut self.part)));
        }
        lines
    }

    /// The last lines ever written.
    pub(crate) fn tail(&self) -> String {
        let text = text(&self.tail);
        if self.tail.len() < TAIL {
            text
        } else {
            text.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or(text)
        }
    }

    /// What one read brought, as whole lines.
    fn accept(&mut self, read: io::Result<usize>, chunk: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        match read {
            Ok(0) => self.ended = true,
            Ok(n) => self.take(&chunk[..n], &mut lines),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => self.ended = true,
        }
        lines
    }

    fn take(&mut self, bytes: &[u8], lines: &mut Vec<String>) {
        self.tail.extend_from_slice(bytes);
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.part.extend_from_slice(piece);
            if self.part.last() == Some(&b'\n') || self.part.len() >= LONGEST_LINE {
                lines.push(text(&std::mem::take(&mut self.part)));
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.strip_suffix('\n').unwrap_or(&text);
    line.strip_suffix('\r').unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[tokio::test]
    async fn lines_come_whole_and_the_last_part_when_the_step_ends() {
        let (mut writer, mut output) = Output::pipe().unwrap();
        writer.write_all(b"one\ntw").unwrap();
        assert_eq!(output.lines().await, ["one"]);
        writer.write_all(b"o\r\nthree").unwrap();
        assert_eq!(output.drain(), ["two", "three"]);
        assert!(output.drain().is_empty());
        assert_eq!(output.tail(), "one\ntwo\r\nthree");
    }

    #[tokio::test]
    async fn a_reader_that_waits_hears_of_a_line_written_later() {
        let (mut writer, mut output) = Output::pipe().unwrap();
        let waiting = tokio::spawn(async move { output.lines().await });
        tokio::task::yield_now().await;
        writer.write_all(b"late\n").unwrap();
        assert_eq!(waiting.await.unwrap(), ["late"]);
    }
}
