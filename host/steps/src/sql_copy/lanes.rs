//! The readers of a source, one or several. Several share a table: each takes the next range of its key until none is left.
//! That they look at one state of it is their source's business, before it begins here.
//!
//! Invariant: the first failure drops the other readers, which ends their statements on the server.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::future::try_join_all;
use host_model::StepError;
use host_model::connector::Dialect;

use super::plan::{self, Source, TableRead};
use super::ranges::Ranges;
use super::row::Sink;
use super::side::Feed;
use crate::connector::fault::Place;
use crate::connector::scan::Statement;

/// A connection that reads.
#[async_trait]
pub(super) trait Reader: Send + Sized {
    /// How messages call its database.
    fn place(&self) -> Place;

    /// Reads the rows of one statement. False when the writer has gone: the connection is not to be used again then.
    async fn read_rows(
        &mut self,
        rows: &Statement,
        source: &Source,
        feed: &Feed,
        sink: &mut Sink,
    ) -> Result<bool, StepError>;

    /// Gives the connection back.
    async fn give_back(self);
}

/// One reader reads everything.
pub(super) async fn read_whole<R: Reader>(mut reader: R, source: &Source, feed: &Feed) -> Result<(), StepError> {
    let mut sink = feed.sink(&reader.place(), &source.columns, 0);
    if reader.read_rows(&source.rows, source, feed, &mut sink).await? {
        feed.send(&mut sink).await;
        reader.give_back().await;
    }
    Ok(())
}

/// A table that several readers share.
pub(super) struct Shared<'a> {
    pub(super) source: &'a Source,
    pub(super) table: &'a TableRead,
    /// The column whose ranges they share out, quoted.
    pub(super) key: &'a str,
    pub(super) dialect: Dialect,
    pub(super) ranges: Ranges,
    pub(super) feed: &'a Feed,
}

impl Shared<'_> {
    /// Reads all of it.
    pub(super) async fn read<R: Reader>(&self, readers: Vec<R>) -> Result<(), StepError> {
        let next = AtomicUsize::new(0);
        let lanes = readers.into_iter().zip(1..).map(|(reader, number)| self.read_lane(reader, number, &next));
        for reader in try_join_all(lanes).await?.into_iter().flatten() {
            reader.give_back().await;
        }
        Ok(())
    }

    /// Reads range after range; the reader comes back when it is in order.
    async fn read_lane<R: Reader>(
        &self,
        mut reader: R,
        number: u32,
        next: &AtomicUsize,
    ) -> Result<Option<R>, StepError> {
        let mut sink = self.feed.sink(&reader.place(), &self.source.columns, number);
        while let Some(condition) = self.ranges.condition(next.fetch_add(1, Ordering::Relaxed), self.key) {
            let sql = self.table.select(&self.table.list, Some(&condition));
            let rows = plan::single_select(&sql, self.dialect, &reader.place())?;
            if !reader.read_rows(&rows, self.source, self.feed, &mut sink).await? {
                return Ok(None);
            }
        }
        self.feed.send(&mut sink).await;
        Ok(Some(reader))
    }
}
