//! Rows as Arrow record batches, in the streaming form of Arrow IPC: one stream for one result, in memory that host and
//! worker share. A million rows cross as columns of plain memory and not as a million Python objects; numbers and texts are
//! copied once on the way, from the connector's columns into that memory.
//!
//! The first batch settles the type of each column (`kind`): by its values, and where all are NULL by the database's name
//! for it. What a later value cannot be said in is refused with the column's name; nothing is rounded or cut (`moment`,
//! `column`).

mod column;
mod kind;
mod moment;

use std::io::Write;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, Field, Schema};
use host_model::batch::Batch;
use host_model::value::{Column, Value};
use host_model::{StepError, StepErrorKind};

use kind::Kind;

/// One stream of record batches on its way into `W`.
pub(crate) struct ArrowWriter<W> {
    kinds: Vec<Kind>,
    schema: Arc<Schema>,
    writer: StreamWriter<W>,
}

impl<W: Write> ArrowWriter<W> {
    /// Begins a stream whose types are those of `first`, which is still to be written. A result without rows is a stream too.
    ///
    /// # Errors
    /// When `out` takes nothing.
    pub(crate) fn begin(columns: &[Column], first: &Batch, out: W) -> Result<Self, StepError> {
        let kinds: Vec<Kind> = (columns.iter().enumerate())
            .map(|(n, column)| {
                let seen = first.columns().get(n).and_then(kind::of_column);
                seen.unwrap_or_else(|| kind::of_name(&column.kind))
            })
            .collect();
        // Nullable throughout: a later batch may hold what the first did not.
        let fields: Vec<Field> =
            columns.iter().zip(&kinds).map(|(column, kind)| Field::new(&column.name, kind.data_type(), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let writer = StreamWriter::try_new(out, &schema).map_err(broken)?;
        Ok(Self { kinds, schema, writer })
    }

    /// Adds the rows of a batch.
    ///
    /// # Errors
    /// When a value has no place in its column, or nothing more can be written.
    pub(crate) fn write(&mut self, batch: Batch) -> Result<(), StepError> {
        if batch.is_empty() {
            return Ok(());
        }
        let cells = self.kinds.iter().zip(batch.into_columns()).enumerate();
        let arrays = cells.map(|(n, (kind, cells))| {
            column::build(*kind, cells).map_err(|value| misfit(self.schema.field(n).name(), *kind, &value))
        });
        let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(broken)?;
        self.writer.write(&batch).map_err(broken)
    }

    /// Where it goes.
    pub(crate) fn out(&self) -> &W {
        self.writer.get_ref()
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// When its end cannot be written.
    pub(crate) fn finish(mut self) -> Result<W, StepError> {
        self.writer.finish().map_err(broken)?;
        self.writer.into_inner().map_err(broken)
    }
}

fn misfit(column: &str, kind: Kind, value: &Value) -> StepError {
    let shown: String = value.to_json().to_string().chars().take(60).collect();
    let message = format!(
        "column `{column}` holds {shown}, and began with {}; cast it in the SELECT, or read it with `stream`",
        kind.describe()
    );
    StepError::new(StepErrorKind::Failed, message)
}

fn broken(error: ArrowError) -> StepError {
    StepError::new(StepErrorKind::Failed, format!("the rows cannot be put into Arrow's form: {error}"))
}

#[cfg(test)]
mod tests;
