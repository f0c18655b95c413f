//! The rows of a running statement on their way from the worker that reads them to the step that asked. At most so many are
//! ahead of their reader; when it goes, the worker hears of it.

use host_model::StepError;
use host_model::value::{Column, Row, Value};
use tokio::sync::mpsc;

use super::Link;

/// Rows and bytes of one batch on its way from a worker, at most; the last row may exceed the bytes.
const BATCH_ROWS: usize = 500;
const BATCH_BYTES: usize = 64 * 1024;
/// Batches a worker is ahead of its reader.
const BATCHES_AHEAD: usize = 2;

/// A statement whose rows are being read. Dropping it ends the statement on the server.
pub(crate) struct Running {
    /// Empty when it returns no rows.
    pub(crate) columns: Vec<Column>,
    pieces: mpsc::Receiver<Piece>,
}

enum Piece {
    Rows(Vec<Row>),
    /// The last one, with the rows the statement changed where it counts them.
    End(Option<u64>),
    Failed(StepError),
}

/// A worker's side of a [`Running`].
pub(crate) struct Output {
    pieces: mpsc::Sender<Piece>,
    batch: Vec<Row>,
    bytes: usize,
}

impl Running {
    /// Both sides of a result with these columns.
    pub(crate) fn new(columns: Vec<Column>) -> (Self, Output) {
        let (sender, pieces) = mpsc::channel(BATCHES_AHEAD);
        (Self { columns, pieces }, Output { pieces: sender, batch: Vec::new(), bytes: 0 })
    }

    /// The result of a statement that only counts.
    pub(crate) fn counted(affected: Option<u64>) -> Self {
        let (running, output) = Self::new(Vec::new());
        // There is room for it, and a receiver.
        let _ = output.pieces.try_send(Piece::End(affected));
        running
    }

    /// The next rows; `Err(count)` inside at the end.
    pub(crate) async fn next(&mut self, link: &Link) -> Result<Result<Vec<Row>, Option<u64>>, StepError> {
        let piece = async { self.pieces.recv().await.ok_or(()) };
        match link.unless_canceled(piece).await {
            Some(Piece::Rows(rows)) => Ok(Ok(rows)),
            Some(Piece::End(affected)) => Ok(Err(affected)),
            Some(Piece::Failed(error)) => Err(error),
            None => Err(link.gone()),
        }
    }

    /// Reads to the end and counts.
    pub(crate) async fn finish(mut self, link: &Link) -> Result<Option<u64>, StepError> {
        loop {
            if let Err(affected) = self.next(link).await? {
                return Ok(affected);
            }
        }
    }
}

impl Output {
    /// Adds a row; true when it is time to [`Output::flush`].
    pub(crate) fn push(&mut self, row: Row) -> bool {
        self.bytes += row.iter().map(weight).sum::<usize>();
        self.batch.push(row);
        self.batch.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    /// Sends the rows so far. False when nobody reads any more.
    pub(crate) async fn flush(&mut self) -> bool {
        if self.batch.is_empty() {
            return true;
        }
        self.bytes = 0;
        self.pieces.send(Piece::Rows(std::mem::take(&mut self.batch))).await.is_ok()
    }

    /// [`Output::flush`] from a thread of its own.
    pub(crate) fn flush_blocking(&mut self) -> bool {
        if self.batch.is_empty() {
            return true;
        }
        self.bytes = 0;
        self.pieces.blocking_send(Piece::Rows(std::mem::take(&mut self.batch))).is_ok()
    }

    /// The end, well or not. A reader that has gone needs no end.
    pub(crate) async fn end(self, end: Result<Option<u64>, StepError>) {
        let _ = self.pieces.send(Self::last(end)).await;
    }

    /// [`Output::end`] from a thread of its own.
    pub(crate) fn end_blocking(self, end: Result<Option<u64>, StepError>) {
        let _ = self.pieces.blocking_send(Self::last(end));
    }

    fn last(end: Result<Option<u64>, StepError>) -> Piece {
        end.map_or_else(Piece::Failed, Piece::End)
    }

    /// Resolves when nobody reads any more.
    pub(crate) async fn abandoned(&self) {
        self.pieces.closed().await;
    }
}

fn weight(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Decimal(t) | Value::Text(t) | Value::Date(t) | Value::Timestamp(t) | Value::Other(_, t) => t.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => 0,
        }
}
