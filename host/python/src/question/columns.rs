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

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _};

    use async_trait::async_trait;
    use host_model::value::{Column, Row, Value};

    use super::*;

    /// So many rows of a text of a megabyte.
    struct Wide(Vec<Column>, usize);

    impl Wide {
        fn new(rows: usize) -> Self {
            Self(vec![Column { name: "t".into(), kind: "text".into(), nullable: true }], rows)
        }
    }

    #[async_trait]
    impl SqlCursor for Wide {
        fn columns(&self) -> &[Column] {
            &self.0
        }

        async fn next_batch(&mut self, max: usize) -> Result<Vec<Row>, StepError> {
            let given = max.min(self.1);
            self.1 -= given;
            Ok(vec![vec![Value::Text("x".repeat(1 << 20))]; given])
        }
    }

    #[tokio::test]
    async fn a_result_is_one_stream_in_a_file_of_memory() {
        let mut file = File::from(collect(&mut Wide::new(5), 2, None).await.unwrap());
        file.rewind().unwrap();
        let mut stream = Vec::new();
        file.read_to_end(&mut stream).unwrap();
        let batches = arrow_ipc::reader::StreamReader::try_new(&stream[..], None).unwrap();
        assert_eq!(batches.map(|batch| batch.unwrap().num_rows()).collect::<Vec<_>>(), [2, 2, 1]);
    }

    #[tokio::test]
    async fn a_result_larger_than_the_memory_of_a_step_is_refused_before_it_is_all_there() {
        let mut endless = Wide::new(usize::MAX);
        let error = collect(&mut endless, 2, Some(3 << 20)).await.unwrap_err();
        let message = "the rows take more than 3 MiB, the memory a step may use (`memory_mb` of `[python]`); read them in batches with `stream`";
        assert_eq!(error.message, message);
        assert!(usize::MAX - endless.1 < 20);
    }
}
