//! Rows on their way: from a store into an archive, out of an archive into a store, and from one store into another.

use std::path::Path;

use host_store::portable::{Loader, PortableError, RowSum, Snapshot, TableSum};

use super::archive::{self, Member, Writer};
use super::manifest::Manifest;

/// A table that has been copied.
pub(crate) struct Copied {
    pub(crate) name: String,
    pub(crate) rows: u64,
}

fn told(error: anyhow::Error) -> PortableError {
    PortableError::Sink(std::io::Error::other(format!("{error:#}")))
}

/// Every table of the store into the archive. `say` hears of each.
pub(crate) async fn into_archive(
    snapshot: &mut Snapshot,
    writer: &mut Writer,
    mut say: impl FnMut(&Copied),
) -> Result<(), PortableError> {
    for table in snapshot.tables() {
        writer.begin_table(&table);
        snapshot.read(&table, async |line| writer.row(line).map_err(told)).await?;
        let rows = writer.end_table().map_err(told)?;
        say(&Copied { name: table.name, rows });
    }
    Ok(())
}

/// Every table of a store into another, which is then read back.
pub(crate) async fn into_store(
    snapshot: &mut Snapshot,
    loader: &mut Loader,
    mut say: impl FnMut(&Copied),
) -> Result<(), PortableError> {
    for table in snapshot.tables() {
        let mut sum = RowSum::default();
        loader.begin_table(&table.name, &table.columns).await?;
        let push = async |line: &str| {
            sum.add(line);
            loader.push(line).await
        };
        snapshot.read(&table, push).await?;
        let sum = sum.finish();
        loader.compare(&table.name, &table.columns, &sum).await?;
        say(&Copied { name: table.name, rows: sum.rows });
    }
    Ok(())
}

/// The rows of an archive into a store, which is then read back. The files go to `file`.
pub(crate) async fn out_of_archive(
    path: &Path,
    manifest: &Manifest,
    loader: &mut Loader,
    mut say: impl FnMut(&Copied),
) -> anyhow::Result<()> {
    let mut current = String::new();
    let take = async |_: &super::manifest::Head, member: Member| {
        let Member::Rows { table, text } = member else { return Ok(()) };
        if table != current {
            let columns =
                manifest.tables.iter().find(|entry| entry.name == table).map(|entry| entry.columns.as_slice());
            loader.begin_table(&table, columns.unwrap_or_default()).await?;
            current = table;
        }
        for line in text.lines() {
            loader.push(line).await?;
        }
        Ok(())
    };
    archive::read(path, take).await?;
    for table in &manifest.tables {
        let wanted = TableSum { rows: table.sum.rows, sha256: table.sum.sha256.clone() };
        loader.compare(&table.name, &table.columns, &wanted).await?;
        say(&Copied { name: table.name.clone(), rows: wanted.rows });
    }
    Ok(())
}
