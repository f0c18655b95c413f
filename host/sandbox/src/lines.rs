//! Everything a guest says, in the order it says it: `log.write`, stdout (`INFO`) and stderr (`WARNING`).
//!
//! Lines wait in a small queue until somebody who may wait (`log.write`, a stream that must be ready, the end of the
//! call) hands them to the voice of the step. So a full log slows the guest down, and memory stays bounded. More
//! lines in a second than allowed wait for the next one; lines beyond what a call may write are dropped.
//! Invariant: only the thread of the call drains, hence a line is taken off the queue after it was written, and a
//! drain that is dropped half-way loses nothing.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use host_model::log::LogLevel;
use host_model::port::StepVoice;
use host_model::{Json, JsonMap};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::limits::Limits;

/// Bytes of one line; what is longer is cut.
const LINE_BYTES: usize = 8 * 1024;
/// Lines in the queue from which streams make the guest wait.
const QUEUE_LINES: usize = 256;
/// Bytes a stream takes at once.
const WRITE_BYTES: usize = 4096;
/// Lines of stderr kept for the report of a crash.
const TAIL_LINES: usize = 20;
/// Bytes a secret must have to be replaced; shorter ones are in every other word.
const HIDEABLE: usize = 4;
/// The same for one line of a secret that has several.
const HIDEABLE_LINE: usize = 8;

/// The lines of one call.
pub(crate) struct Lines {
    voice: Option<Arc<dyn StepVoice>>,
    least_level: LogLevel,
    state: Mutex<State>,
}

struct State {
    queue: VecDeque<(LogLevel, String)>,
    limit: u64,
    n_accepted: u64,
    rate: Rate,
    hidden: Vec<String>,
    stderr_tail: VecDeque<String>,
}

/// Lines handed over in the present second.
struct Rate {
    limit: u64,
    began: Instant,
    count: u64,
}

impl Rate {
    /// Counts one line. When it is one too many for its second, that second's end has to be waited for first.
    fn count_line(&mut self) -> Option<Instant> {
        let end = self.began + Duration::from_secs(1);
        let now = Instant::now();
        if self.count < self.limit && now < end {
            self.count += 1;
            return None;
        }
        (self.began, self.count) = (now.max(end), 1);
        (now < end).then_some(end)
    }
}

impl Lines {
    /// Lines for `voice`, as many as `limits` allow; without a voice nothing is kept.
    pub(crate) fn new(voice: Option<Arc<dyn StepVoice>>, least_level: LogLevel, limits: &Limits) -> Arc<Self> {
        let rate = Rate { limit: limits.log_lines_per_second, began: Instant::now(), count: 0 };
        let state = State {
            queue: VecDeque::new(),
            limit: limits.log_lines,
            n_accepted: 0,
            rate,
            hidden: Vec::new(),
            stderr_tail: VecDeque::new(),
        };
        Arc::new(Self { voice, least_level, state: Mutex::new(state) })
    }

    /// Replaces `secret` from now on, and its lines one by one when it has several: that is how it would be printed.
    pub(crate) fn hide(&self, secret: &str) {
        let mut state = self.lock();
        let lines = secret.lines().filter(|line| line.len() >= HIDEABLE_LINE && line.len() < secret.len());
        for text in Some(secret).filter(|secret| secret.len() >= HIDEABLE).into_iter().chain(lines) {
            if !state.hidden.iter().any(|known| known == text) {
                state.hidden.push(text.to_owned());
            }
        }
        // The rest of a longer one must not show when it begins like a shorter one.
        state.hidden.sort_by_key(|text| Reverse(text.len()));
    }

    /// `text` without the secrets that were handed out.
    pub(crate) fn without_secrets(&self, text: String) -> String {
        self.lock().hidden.iter().fold(text, |text, secret| match text.contains(secret) {
            true => text.replace(secret, "•••"),
            false => text,
        })
    }

    /// `output` without them, however deep they are.
    pub(crate) fn output_without_secrets(&self, output: JsonMap) -> JsonMap {
        if self.lock().hidden.is_empty() {
            return output;
        }
        output.into_iter().map(|(key, value)| (self.without_secrets(key), self.json_without_secrets(value))).collect()
    }

    fn json_without_secrets(&self, value: Json) -> Json {
        match value {
            Json::String(text) => self.without_secrets(text).into(),
            Json::Array(items) => items.into_iter().map(|item| self.json_without_secrets(item)).collect(),
            Json::Object(inner) => self.output_without_secrets(inner).into(),
            plain => plain,
        }
    }

    /// Takes a message of the guest; line breaks split it.
    pub(crate) fn push(&self, level: LogLevel, message: &str) {
        if level < self.least_level || self.voice.is_none() {
            return;
        }
        let message = self.without_secrets(message.to_owned());
        let mut state = self.lock();
        for line in message.lines() {
            if state.n_accepted == state.limit {
                let note = format!("log_lines limit of {} lines reached, further lines are dropped", state.limit);
                state.queue.push_back((LogLevel::Warning, note));
            }
            // One beyond the limit remembers that the note was given.
            state.n_accepted = state.n_accepted.saturating_add(1).min(state.limit.saturating_add(1));
            if state.n_accepted > state.limit {
                return;
            }
            state.queue.push_back((level, cut(line)));
        }
    }

    /// Hands the queue to the voice, which may make the caller wait; so does the limit of lines per second.
    pub(crate) async fn drain(&self) {
        self.hand_over(true).await;
    }

    /// Hands over the rest, at the end of the call: what is there now is little, and nobody can add to it.
    pub(crate) async fn finish(&self) {
        self.hand_over(false).await;
    }

    async fn hand_over(&self, is_paced: bool) {
        let Some(voice) = &self.voice else { return };
        loop {
            let Some((level, line)) = self.lock().queue.front().cloned() else { return };
            let wait = if is_paced { self.lock().rate.count_line() } else { None };
            if let Some(until) = wait {
                tokio::time::sleep_until(until.into()).await;
            }
            voice.log(level, &line).await;
            self.lock().queue.pop_front();
        }
    }

    /// The last lines of stderr, oldest first.
    pub(crate) fn stderr_tail(&self) -> Vec<String> {
        self.lock().stderr_tail.iter().cloned().collect()
    }

    fn push_stderr_tail(&self, line: &str) {
        let line = &self.without_secrets(line.to_owned());
        let mut state = self.lock();
        if state.stderr_tail.len() == TAIL_LINES {
            state.stderr_tail.pop_front();
        }
        state.stderr_tail.push_back(cut(line));
    }

    fn is_full(&self) -> bool {
        self.lock().queue.len() >= QUEUE_LINES
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cut(line: &str) -> String {
    if line.len() <= LINE_BYTES {
        return line.to_owned();
    }
    let mut end = LINE_BYTES;
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}… (cut, {} bytes)", &line[..end], line.len())
}

/// stdout or stderr of a guest. All clones are the same stream.
#[derive(Clone)]
pub(crate) struct GuestStream {
    lines: Arc<Lines>,
    kind: StreamKind,
    /// The line that has no end yet, at most twice [`LINE_BYTES`].
    partial: Arc<Mutex<Vec<u8>>>,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamKind {
    Stdout,
    Stderr,
}

impl GuestStream {
    pub(crate) fn new(lines: &Arc<Lines>, kind: StreamKind) -> Self {
        Self { lines: Arc::clone(lines), kind, partial: Arc::default() }
    }

    /// Ends a last line that has no line break.
    pub(crate) fn finish(&self) {
        let rest = std::mem::take(&mut *self.lock());
        if !rest.is_empty() {
            self.push_line(&rest);
        }
    }

    fn append(&self, bytes: &[u8]) {
        let mut partial = self.lock();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = piece.strip_suffix(b"\n").unwrap_or(piece);
            // More than a line may have, so that a secret is still seen whole where the line is cut.
            let room = (2 * LINE_BYTES).saturating_sub(partial.len());
            partial.extend_from_slice(&text[..text.len().min(room)]);
            if text.len() < piece.len() {
                let line = std::mem::take(&mut *partial);
                self.push_line(&line);
            }
        }
    }

    fn push_line(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = text.strip_suffix('\r').unwrap_or(&text);
        match self.kind {
            StreamKind::Stdout => self.lines.push(LogLevel::Info, text),
            StreamKind::Stderr => {
                self.lines.push_stderr_tail(text);
                self.lines.push(LogLevel::Warning, text);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.partial.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IsTerminal for GuestStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestStream {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for GuestStream {
    async fn ready(&mut self) {
        self.lines.drain().await;
    }
}

impl OutputStream for GuestStream {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        // Who asks first is made to wait; only who does not ask comes here with more.
        if bytes.len() > WRITE_BYTES || self.lines.is_full() {
            return Err(StreamError::trap("it wrote more to a stream than the stream allowed"));
        }
        self.append(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(if self.lines.is_full() { 0 } else { WRITE_BYTES })
    }
}

/// Only WASI 0.3 asks for this form, which the linker does not offer; the trait wants it all the same.
impl tokio::io::AsyncWrite for GuestStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.append(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
