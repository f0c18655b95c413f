//! A whole result as columns, in memory that the worker maps: nothing of it goes over the socket, and reading it there
//! copies nothing. While one batch is written, the connector fetches the next.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use host_model::batch::BatchLimit;
use host_model::port::SqlCursor;
use host_model::{StepError, StepErrorKind};
use rustix::fs::MemfdFlags;

use crate::arrow::ArrowWriter;

/// Reads all rows of `cursor`, `batch_size` at a time, of which a stream of at most `most` bytes is made.
pub(super) async fn collect(
    cursor: &mut dyn SqlCursor,
    batch_size: usize,
    most: Option<u64>,
) -> Result<OwnedFd, StepError> {
    let limit = BatchLimit::rows(batch_size);
    let mut batch = cursor.next_columns(limit).await?;
    let mut writer = ArrowWriter::begin(cursor.columns(), &batch, shared_memory().map_err(no_memory)?)?;
    while !batch.is_empty() {
        let writing = tokio::task::spawn_blocking(move || writer.write(batch).map(|()| writer));
        let (written, next) = tokio::join!(writing, cursor.next_columns(limit));
        let broke_off = |error| StepError::new(StepErrorKind::Crashed, format!("writing the rows broke off: {error}"));
        writer = written.map_err(broke_off)??;
        batch = next?;
        let bytes = writer.out().metadata().map_err(no_memory)?.len();
        if most.is_some_and(|most| bytes > most) {
            return Err(too_large(most.unwrap_or_default()));
        }
    }
    writer.finish().map(OwnedFd::from)
}

/// A file without a name that lives in memory, until the last process that has it open or mapped lets go of it.
fn shared_memory() -> io::Result<File> {
    Ok(File::from(rustix::fs::memfd_create("nomaflow-rows", MemfdFlags::CLOEXEC)?))
}

fn no_memory(error: io::Error) -> StepError {
    StepError::new(StepErrorKind::Failed, format!("there is no memory for the rows: {error}"))
}

fn too_large(most: u64) -> StepError {
    let message = format!(
        "the rows take more than {} MiB, the memory a step may use (`memory_mb` of `[python]`); read them in batches with `stream`",
        most >> 20
    );
    StepError::new(StepErrorKind::Failed, message)
}
