//! SQL Server, Oracle and whatever ODBC reaches as targets. What readers see changes with one commit:
//!
//! ```text
//! append, overwrite  INSERT, behind a DELETE, in one transaction: grants, keys and views stay
//! no such table      SQL Server makes it in the transaction; Oracle, where making a table commits, under another name
//! upsert             into a staging table, from there by MERGE
//! ```
//!
//! A copy that fails leaves the table as it was, because the server rolls back; Oracle may keep `<target>__nomaflow_new`,
//! which the next copy removes. The statements are in `dialect`, the rows go in in `load`.

mod dialect;
mod load;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use host_model::connector::Dialect;
use host_model::job::spec::{CopyMode, SqlCopySpec, Verify};
use host_model::port::Access;
use host_model::value::{Column, Value};
use host_model::{CancelToken, StepError};
use tokio::sync::mpsc::Receiver;

use super::bad_rows::SideTable;
use super::check::{check_counts, check_sums};
use super::checksum::RowHash;
use super::coerce::Taste;
use super::plan::{self, SourceColumn, TableColumn};
use super::progress::Progress;
use super::remote_types::{new_type, standard, taste};
use super::row::{Encoding, Message};
use super::side::{Changes, Destination, Loaded, Written};
use super::staged::Keys;
use super::types::{SourceType, Standard};
use crate::connector::cell::Cell;
use crate::connector::fault::Place;
use crate::connector::remote::{Control, Link, Server};
use crate::connector::vet::quote;
use dialect::Words;
use load::Loader;

/// A target that has been looked at, and the connection it will be written on.
pub(super) struct RemoteTarget {
    link: Link,
    words: Words,
    table: String,
    way: Way,
    /// Where the rows go, quoted.
    into: String,
    /// As the target calls them, in the source's order.
    names: Vec<String>,
    columns: Vec<Standard>,
    side: Option<SideTable>,
    verify: Verify,
    /// Whether an absent text becomes a space and an absent number 0.
    coalesces: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    /// The statement that makes the table.
    Create(String),
    Append,
    Refill,
    Upsert(Keys),
}

/// Looks at the target, and makes the tables beside it.
pub(super) async fn open(
    spec: &SqlCopySpec,
    server: &Arc<dyn Server>,
    place: &Place,
    source: &[SourceColumn],
    side: Option<SideTable>,
    longest: Duration,
    cancel: &CancelToken,
) -> Result<RemoteTarget, StepError> {
    let words = Words::of(server.dialect(), spec);
    if !words.has_merge() {
        let missing =
            [(spec.mode == CopyMode::Upsert, "`mode = \"upsert\"`"), (side.is_some(), "`on_bad_row = \"skip_to\"`")];
        if let Some((_, what)) = missing.iter().find(|(is_asked, _)| *is_asked) {
            return Err(place.definition(format!("{what} is not there for a target of `{}`", words.dialect.as_str())));
        }
    }
    let link = server.link(place, Access::ReadWrite, Some(longest), cancel).await?;
    let existing = look(&link, &words, place).await?;
    if let Some(side) = &side {
        words.make_side(&link, side).await?;
    }
    let mut target = RemoteTarget {
        link,
        into: words.path.clone(),
        words,
        table: spec.target.table.clone(),
        way: if spec.mode == CopyMode::Append { Way::Append } else { Way::Refill },
        names: Vec::new(),
        columns: Vec::new(),
        side,
        verify: spec.verify,
        coalesces: server.terms().coalesces_nulls,
    };
    match existing {
        Some(existing) => target.use_table(spec, source, &existing).await?,
        None => target.plan_table(spec, source).await?,
    }
    Ok(target)
}

/// The columns of the target; `None` when there is no such table.
async fn look(link: &Link, words: &Words, place: &Place) -> Result<Option<Vec<Column>>, StepError> {
    let all = plan::single_select(&format!("select * from {}", words.path), words.dialect, place)?;
    match link.describe(&all, &[]).await {
        Ok(columns) => Ok(Some(columns)),
        Err(error) if words.is_missing_table(&error) && words.makes_tables() => Ok(None),
        Err(mut error) => {
            if !words.makes_tables() {
                error.message.push_str("; a table that does not exist is not made for a target of this kind");
            }
            Err(error)
        }
    }
}

fn known(column: &Column) -> TableColumn {
    TableColumn {
        name: column.name.clone(),
        type_name: column.kind.clone(),
        is_not_null: !column.nullable,
        key: None,
        is_generated: false,
    }
}

impl RemoteTarget {
    async fn use_table(
        &mut self,
        spec: &SqlCopySpec,
        source: &[SourceColumn],
        existing: &[Column],
    ) -> Result<(), StepError> {
        let dialect = self.words.dialect;
        let mut known: Vec<TableColumn> = existing.iter().map(known).collect();
        self.names = plan::map_columns(source, &known, &self.table, &self.link.place)?;
        let kind = |name: &String| existing.iter().find(|c| c.name == *name).map(|c| c.kind.as_str());
        let of = |name: &String| kind(name).map_or(Standard::Text, |kind| standard(dialect, kind));
        self.columns = self.names.iter().map(of).collect();
        if spec.mode == CopyMode::Upsert {
            if spec.key_columns.is_empty() {
                self.words.find_key(&self.link, spec, &mut known).await?;
            }
            let place = self.link.place.clone();
            let keys = Keys::for_upsert(&known, &self.names, &spec.key_columns, &self.table, &place)?;
            self.into = self.words.stage(&self.link, &self.names, &keys).await?;
            self.way = Way::Upsert(keys);
        }
        Ok(())
    }

    /// A table that is made has the names and types of the source, in the spelling of the server.
    async fn plan_table(&mut self, spec: &SqlCopySpec, source: &[SourceColumn]) -> Result<(), StepError> {
        let dialect = self.words.dialect;
        let mut columns = source.to_vec();
        for column in &mut columns {
            column.name = self.words.spelled(&column.name);
            let standard = column.source_type.standard();
            // `''` is NULL in Oracle.
            let is_text = matches!(standard, Standard::Text | Standard::Varchar(_));
            column.is_not_null &= !(dialect == Dialect::Oracle && is_text && column.key.is_none());
            column.source_type = SourceType::Standard(standard);
        }
        self.names = columns.iter().map(|c| c.name.clone()).collect();
        plan::check_unique(&self.names, &self.link.place)?;
        self.columns = columns.iter().map(|c| new_type(dialect, c.source_type.standard(), false).1).collect();
        let into = self.words.new_table();
        let create = plan::create_table(&into, spec, &columns, dialect, &self.link.place)?;
        if dialect == Dialect::Oracle {
            self.words.drop_table(&self.link, &into).await?;
            self.link.execute(&create).await?;
        }
        (self.into, self.way) = (into, Way::Create(create));
        Ok(())
    }

    /// Everything between the beginning of the transaction and its end.
    async fn run(&self, mut chunks: Receiver<Message>, progress: &Progress) -> Result<Option<Written>, StepError> {
        self.link.control(Control::Begin).await?;
        match &self.way {
            Way::Refill => drop(self.link.execute(&format!("delete from {}", self.words.path)).await?),
            Way::Create(create) if self.words.dialect != Dialect::Oracle => drop(self.link.execute(create).await?),
            Way::Create(_) | Way::Append | Way::Upsert(_) => {}
        }
        let mut loader = Loader {
            link: &self.link,
            words: &self.words,
            into: &self.into,
            names: &self.names,
            columns: &self.columns,
            coalesces: self.coalesces,
            side: self.side.as_ref(),
            loaded: Loaded::default(),
        };
        loop {
            match chunks.recv().await {
                // The source failed: dropping the connection rolls back.
                None => return Ok(None),
                Some(Message::End) => break,
                Some(Message::Chunk(chunk)) => loader.take(*chunk, progress).await?,
            }
        }
        let loaded = loader.loaded;
        let stored = if self.way == Way::Append { loaded.rows } else { self.count(&self.into).await? };
        check_counts(progress, stored + loaded.skipped, &self.link.place, &self.table)?;
        if self.verify == Verify::Checksum {
            check_sums(loaded.sum, self.checksum().await?, &self.link.place, &self.table)?;
        }
        let changes = match &self.way {
            Way::Upsert(keys) => Some(self.merge(keys).await?),
            _ => None,
        };
        let target_rows = match self.way {
            Way::Refill | Way::Create(_) => stored,
            Way::Append | Way::Upsert(_) => self.count(&self.words.path).await?,
        };
        self.link.control(Control::Commit).await?;
        if matches!(self.way, Way::Create(_)) && self.words.dialect == Dialect::Oracle {
            self.link.execute(&self.words.rename(&self.into)).await?;
        }
        Ok(Some(Written { rows: loaded.rows, skipped: loaded.skipped, target_rows, changes }))
    }

    async fn merge(&self, keys: &Keys) -> Result<Changes, StepError> {
        let keyless = self.number(&self.words.count_keyless(&self.into, keys)).await?;
        if keyless > 0 {
            let text = format!("{keyless} rows have no value in a key column of `{}`", self.table);
            return Err(self.link.place.definition(text));
        }
        let inserted = self.number(&self.words.count_new(&self.into, keys)).await?;
        let merged = self.link.execute(&self.words.merge(&self.into, keys, &self.names, &self.columns)).await?;
        Ok(Changes { inserted, updated: merged.saturating_sub(inserted) })
    }

    async fn count(&self, path: &str) -> Result<u64, StepError> {
        self.number(&format!("select {}(*) from {path}", self.words.counting())).await
    }

    async fn number(&self, sql: &str) -> Result<u64, StepError> {
        let counted = self.link.ask_one(sql).await?;
        let rows = match &counted {
            Value::Int(n) => u64::try_from(*n).ok(),
            Value::Decimal(text) => text.parse().ok(),
            _ => None,
        };
        rows.ok_or_else(|| self.link.place.definition(format!("`{}` cannot be counted", self.table)))
    }

    /// Reads back what has been stored, before anybody else can see it.
    async fn checksum(&self) -> Result<u64, StepError> {
        let list = self.names.iter().map(|n| quote(n)).collect::<Vec<_>>().join(", ");
        let sql = format!("select {list} from {}", self.into);
        let statement = plan::single_select(&sql, self.words.dialect, &self.link.place)?;
        let mut running = self.link.run(&statement, &[]).await?;
        let (mut sum, mut hash) = (0_u64, RowHash::default());
        while let Ok(rows) = running.next(&self.link).await? {
            for row in &rows {
                row.iter().for_each(|value| hash.cell(Cell::from(value)));
                sum = sum.wrapping_add(hash.finish());
            }
        }
        Ok(sum)
    }
}

#[async_trait]
impl Destination for RemoteTarget {
    fn encoding(&self) -> Encoding {
        Encoding::Cells
    }

    fn tastes(&self) -> Vec<Taste> {
        self.columns.iter().map(|c| taste(*c)).collect()
    }

    fn describe(&self) -> &'static str {
        match self.way {
            Way::Create(_) => "creating the table",
            Way::Append => "appending, in one transaction",
            Way::Refill => "in one transaction, in place of the rows that are there",
            Way::Upsert(_) => "by key, through a staging table",
        }
    }

    async fn write(
        self: Box<Self>,
        chunks: Receiver<Message>,
        progress: Arc<Progress>,
    ) -> Result<Option<Written>, StepError> {
        let result = self.run(chunks, &progress).await;
        let is_visible = matches!((&self.way, &result), (Way::Create(_), Ok(Some(_))));
        if self.into != self.words.path && !is_visible && self.words.dialect == Dialect::Oracle {
            // What cannot be tidied up now is removed by the next copy.
            let _ = self.link.control(Control::Rollback).await;
            let _ = self.words.drop_table(&self.link, &self.into).await;
        }
        result
    }
}
