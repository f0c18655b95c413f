//! What an archive says of itself, as JSON: a head at its beginning, a manifest at its end.

use std::collections::BTreeMap;

use host_model::Json;
use host_store::portable::TableSum;
use serde_json::json;

/// The form of archives this program writes, and the latest it reads.
pub(crate) const FORMAT: u64 = 1;
/// Name of the head in the archive.
pub(crate) const HEAD: &str = "nomaflow-backup.json";
/// Name of the manifest in the archive.
pub(crate) const MANIFEST: &str = "manifest.json";

/// What an archive is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) format: u64,
    /// Version of the program that wrote it.
    pub(crate) program: String,
    /// RFC 3339.
    pub(crate) created_at: String,
    /// Of the store it was taken from.
    pub(crate) dialect: String,
    /// Newest migration of that store.
    pub(crate) schema: i64,
    /// Whether the key file is in it.
    pub(crate) has_keys: bool,
}

/// A file of the home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileSum {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// The rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableEntry {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    pub(crate) sum: TableSum,
}

/// All that an archive holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) head: Head,
    pub(crate) files: BTreeMap<String, FileSum>,
    /// In the order they can be filled in.
    pub(crate) tables: Vec<TableEntry>,
}

fn text(json: &Json, key: &str) -> Option<String> {
    Some(json[key].as_str()?.to_owned())
}

impl Head {
    pub(crate) fn to_json(&self) -> Json {
        json!({
            "format": self.format, "program": self.program, "created_at": self.created_at,
            "store": { "dialect": self.dialect, "schema": self.schema }, "keys": self.has_keys,
        })
    }

    pub(crate) fn read(json: &Json) -> Option<Self> {
        Some(Self {
            format: json["format"].as_u64()?,
            program: text(json, "program")?,
            created_at: text(json, "created_at")?,
            dialect: text(&json["store"], "dialect")?,
            schema: json["store"]["schema"].as_i64()?,
            has_keys: json["keys"].as_bool()?,
        })
    }
}

impl Manifest {
    pub(crate) fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.sum.rows).sum()
    }

    pub(crate) fn to_json(&self) -> Json {
        let mut json = self.head.to_json();
        let file = |(path, sum): (&String, &FileSum)| json!({ "path": path, "bytes": sum.bytes, "sha256": sum.sha256 });
        json["files"] = self.files.iter().map(file).collect();
        let table = |table: &TableEntry| {
            json!({
                "name": table.name, "columns": table.columns, "rows": table.sum.rows, "sha256": table.sum.sha256,
            })
        };
        json["tables"] = self.tables.iter().map(table).collect();
        json
    }

    pub(crate) fn read(json: &Json) -> Option<Self> {
        let file = |file: &Json| {
            Some((text(file, "path")?, FileSum { bytes: file["bytes"].as_u64()?, sha256: text(file, "sha256")? }))
        };
        let table = |table: &Json| {
            let columns = table["columns"].as_array()?.iter().map(|name| name.as_str().map(str::to_owned));
            let sum = TableSum { rows: table["rows"].as_u64()?, sha256: text(table, "sha256")? };
            Some(TableEntry { name: text(table, "name")?, columns: columns.collect::<Option<_>>()?, sum })
        };
        Some(Self {
            head: Head::read(json)?,
            files: json["files"].as_array()?.iter().map(file).collect::<Option<_>>()?,
            tables: json["tables"].as_array()?.iter().map(table).collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let head = Head {
            format: FORMAT,
            program: "1.2.3".into(),
            created_at: "2026-01-01T00:00:00.000Z".into(),
            dialect: "sqlite".into(),
            schema: 7,
            has_keys: true,
        };
        let sum = TableSum { rows: 2, sha256: "ab".into() };
        let table = TableEntry { name: "t".into(), columns: vec!["a".into(), "b".into()], sum };
        let files = BTreeMap::from([("home/app.toml".to_owned(), FileSum { bytes: 3, sha256: "cd".into() })]);
        let manifest = Manifest { head, files, tables: vec![table] };
        assert_eq!(Manifest::read(&manifest.to_json()), Some(manifest));
    }
}
