//! The two sides of a copy. A database joins by being an [`Origin`], a [`Destination`], or both; nothing else here
//! knows which databases there are, and a pair costs no code of its own.
//!
//! A destination says how it wants rows encoded ([`Encoding`]); an origin pushes its cells into a [`Sink`] that does
//! so, and sends full sinks through its [`Feed`]. Invariant: what is on the way never weighs more than [`BUDGET`] and a
//! row or two, however wide rows are.

use std::sync::Arc;

use async_trait::async_trait;
use host_model::StepError;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{Receiver, Sender};

use super::coerce::{Rules, Taste};
use super::plan::SourceColumn;
use super::progress::Progress;
use super::row::{CHUNK_BYTES, Chunk, Encoding, Mark, Message, Policy, Sink};
use crate::connector::fault::Place;

/// Bytes between reader and writer.
const BUDGET: usize = 4 * CHUNK_BYTES;

/// Where rows come from: opened and described, nothing read yet.
#[async_trait]
pub(super) trait Origin: Send {
    /// What it will return, in order.
    fn columns(&self) -> &[SourceColumn];

    /// Reads every row, from one state of the source, into `feed`; the expected number of rows is told to the progress
    /// where the source can count. Ends early without an error when the writer has gone: its error is the one that
    /// counts.
    async fn read(self: Box<Self>, feed: Feed) -> Result<(), StepError>;
}

/// Where rows go: opened, nothing changed that anybody else could see.
#[async_trait]
pub(super) trait Destination: Send {
    /// How it wants the rows.
    fn encoding(&self) -> Encoding;

    /// What its columns hold, in the same order.
    fn tastes(&self) -> Vec<Taste>;

    /// For the log: `writing …`.
    fn describe(&self) -> &'static str;

    /// Takes everything in, checks it and makes it visible at once. `Ok(None)` means that the source failed first:
    /// nothing was kept, and the reader's error is the one that counts.
    async fn write(
        self: Box<Self>,
        chunks: Receiver<Message>,
        progress: Arc<Progress>,
    ) -> Result<Option<Written>, StepError>;
}

/// What a finished destination has to say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// Rows it was given and has stored.
    pub(super) rows: u64,
    /// Rows it refused and put into the side table.
    pub(super) skipped: u64,
    /// Rows the target holds now.
    pub(super) target_rows: u64,
    /// What an upsert changed.
    pub(super) changes: Option<Changes>,
}

/// What has been taken in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Loaded {
    /// Rows in the table.
    pub(super) rows: u64,
    /// Rows in the side table.
    pub(super) skipped: u64,
    /// The checksum of the rows in the table.
    pub(super) sum: u64,
}

impl Loaded {
    /// Counts rows that are in the table now.
    pub(super) fn add(&mut self, marks: &[Mark]) {
        for mark in marks {
            self.rows += 1;
            self.sum = self.sum.wrapping_add(mark.hash);
        }
    }
}

/// What an upsert changed; the rest of the rows was there already, word for word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) inserted: u64,
    pub(super) updated: u64,
}

/// A reader's way to the writer; one for every reader of a source that is read by several.
#[derive(Clone)]
pub(super) struct Feed {
    out: Sender<Message>,
    budget: Arc<Semaphore>,
    encoding: Encoding,
    rules: Arc<Rules>,
    policy: Policy,
    pub(super) progress: Arc<Progress>,
}

impl Feed {
    pub(super) fn new(
        out: Sender<Message>,
        encoding: Encoding,
        rules: Arc<Rules>,
        policy: Policy,
        progress: Arc<Progress>,
    ) -> Self {
        Self { out, budget: Arc::new(Semaphore::new(BUDGET)), encoding, rules, policy, progress }
    }

    /// An encoder for one reader; `lane` is its number, from 1, or 0 when it is the only one.
    pub(super) fn sink(&self, place: &Place, columns: &[SourceColumn], lane: u32) -> Sink {
        let names = columns.iter().map(|c| c.name.clone()).collect();
        Sink::new(self.encoding.clone(), Arc::clone(&self.rules), self.policy, place.connector.clone(), names, lane)
    }

    /// Sends what the sink holds. False when the writer has gone.
    pub(super) async fn send(&self, sink: &mut Sink) -> bool {
        let Some(mut chunk) = sink.take() else { return true };
        let weight = u32::try_from(chunk.bytes().min(BUDGET)).unwrap_or(u32::MAX);
        // Nobody closes the semaphore.
        chunk.weight = Arc::clone(&self.budget).acquire_many_owned(weight).await.ok();
        self.progress.add_read(chunk.read());
        self.out.send(Message::Chunk(Box::new(chunk))).await.is_ok()
    }

    /// [`Feed::send`] from a blocking thread of the runtime.
    pub(super) fn send_blocking(&self, sink: &mut Sink) -> bool {
        tokio::runtime::Handle::current().block_on(self.send(sink))
    }

    /// Tells the writer that this was all.
    pub(super) async fn end(self) {
        // A writer that has gone knows already.
        let _ = self.out.send(Message::End).await;
    }
}

impl Chunk {
    /// Rows that were read to make this chunk.
    fn read(&self) -> u64 {
        (self.marks.len() + self.bad.len()) as u64
    }
}
