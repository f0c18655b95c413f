//! What a copy will do, settled before the first row moves: the statements that read, the columns and their types, and
//! the target's columns they go to. Everything impossible is refused here, by name. What a database's own catalog has
//! to say is asked in `postgres_source` and `sqlite_source`.

use host_model::StepError;
use host_model::connector::Dialect;
use host_model::job::spec::{CopyMode, SourceTable, SqlCopySpec};
use host_model::value::Value;

use super::remote_types::new_type;
use super::types::{self, SourceType};
use crate::connector::fault::Place;
use crate::connector::scan::{self, Statement};
use crate::connector::vet::{quote_for, quote_table_for};
use crate::connector::{Database, Found};

/// How the source is read.
#[derive(Clone)]
pub(super) struct Source {
    /// The rows.
    pub(super) rows: Statement,
    /// How many there are; only a table is worth counting first.
    pub(super) count: Option<Statement>,
    /// For both, and for every range.
    pub(super) values: Vec<Value>,
    /// What it returns.
    pub(super) columns: Vec<SourceColumn>,
    /// The parts of the statement, where it reads a table.
    pub(super) table: Option<TableRead>,
}

/// `select <list> from <path> where <filter>`, which can be read in ranges of a key.
#[derive(Clone)]
pub(super) struct TableRead {
    pub(super) list: String,
    pub(super) path: String,
    pub(super) filter: Option<String>,
}

/// A column of the source.
#[derive(Debug, Clone)]
pub(super) struct SourceColumn {
    pub(super) name: String,
    pub(super) source_type: SourceType,
    /// Nobody declared the type: a sample of the rows did. A SQLite table needs none to keep every value as it is.
    pub(super) is_sampled: bool,
    pub(super) is_not_null: bool,
    /// Position in the primary key, from 1.
    pub(super) key: Option<u32>,
}

/// A column of a table as its catalog tells it.
pub(super) struct TableColumn {
    pub(super) name: String,
    pub(super) type_name: String,
    pub(super) is_not_null: bool,
    pub(super) key: Option<u32>,
    pub(super) is_generated: bool,
}

/// A copy of a table onto itself would empty it first.
pub(super) fn check_distinct(spec: &SqlCopySpec, source: &Found, target: &Found) -> Result<(), StepError> {
    let SourceTable::Table { schema, table } = &spec.source.table else { return Ok(()) };
    let same_database = match (&source.database, &target.database) {
        (Database::Sqlite(a), Database::Sqlite(b)) => a.path() == b.path(),
        (Database::Postgres(a), Database::Postgres(b)) => a.label() == b.label(),
        (Database::MySql(a), Database::MySql(b)) => a.label() == b.label(),
        (Database::Remote(a), Database::Remote(b)) => a.label() == b.label(),
        _ => false,
    };
    if same_database && table == &spec.target.table && schema == &spec.target.schema {
        return Err(StepError::definition(format!(
            "source and target are the same table `{table}` of `{}`",
            target.place.label
        )));
    }
    Ok(())
}

/// `"schema"."table"`, as SQLite and PostgreSQL quote.
pub(super) fn quoted_table(schema: Option<&str>, table: &str) -> String {
    quote_table_for(Dialect::Postgres, schema, table)
}

pub(super) fn source_column(name: &str, source_type: SourceType, table: Option<&[TableColumn]>) -> SourceColumn {
    let known = table.and_then(|columns| columns.iter().find(|c| c.name == name));
    SourceColumn {
        name: name.to_owned(),
        source_type,
        is_sampled: false,
        is_not_null: known.is_some_and(|c| c.is_not_null),
        key: known.and_then(|c| c.key),
    }
}

/// The statements of a copy before anybody has looked at their columns.
pub(super) fn statements(
    spec: &SqlCopySpec,
    dialect: Dialect,
    table: Option<&[TableColumn]>,
    values: impl FnOnce(&Statement) -> Result<Vec<Value>, StepError>,
    place: &Place,
) -> Result<Source, StepError> {
    let wanted = &spec.source.columns;
    let read = match (&spec.source.table, table) {
        (SourceTable::Table { schema, table: name }, Some(known)) => {
            let names: Vec<&str> = match wanted.is_empty() {
                true => known.iter().map(|c| c.name.as_str()).collect(),
                false => wanted.iter().map(|w| pick(w, known, name, place)).collect::<Result<_, _>>()?,
            };
            let list = names.iter().map(|n| quote_for(dialect, n)).collect::<Vec<_>>().join(", ");
            let path = quote_table_for(dialect, schema.as_deref(), name);
            Some(TableRead { list, path, filter: spec.source.filter.clone() })
        }
        (SourceTable::Table { table, .. }, None) => {
            return Err(place.definition(format!("the table `{table}` was not described")));
        }
        (SourceTable::Query(_), _) => None,
    };
    let (rows, count) = match (&read, &spec.source.table) {
        (Some(read), _) => {
            (single_select(&read.select(&read.list, None), dialect, place)?, Some(read.select("count(*)", None)))
        }
        (None, SourceTable::Query(query)) if !wanted.is_empty() => {
            let list = wanted.iter().map(|n| quote_for(dialect, n)).collect::<Vec<_>>().join(", ");
            // A SELECT by itself first, so that nothing else hides in the parentheses.
            single_select(query, dialect, place)?;
            (single_select(&format!("select {list} from (\n{query}\n) source"), dialect, place)?, None)
        }
        (None, SourceTable::Query(query)) => (single_select(query, dialect, place)?, None),
        (None, SourceTable::Table { table, .. }) => {
            return Err(place.definition(format!("the table `{table}` was not described")));
        }
    };
    let count = count.map(|sql| single_select(&sql, dialect, place)).transpose()?;
    let values = values(&rows)?;
    Ok(Source { rows, count, values, columns: Vec::new(), table: read })
}

impl TableRead {
    /// The SELECT of `list`, for the rows that `also` holds for.
    pub(super) fn select(&self, list: &str, also: Option<&str>) -> String {
        // Each on a line of its own, so that a comment at its end ends there.
        let conditions: Vec<String> =
            self.filter.as_deref().into_iter().chain(also).map(|text| format!("(\n{text}\n)")).collect();
        let filter = if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) };
        format!("select {list} from {}{filter}", self.path)
    }
}

fn pick<'a>(wanted: &str, known: &'a [TableColumn], table: &str, place: &Place) -> Result<&'a str, StepError> {
    find_name(wanted, known.iter().map(|c| c.name.as_str()))
        .ok_or_else(|| place.definition(format!("the table `{table}` has no column `{wanted}`")))
}

/// The exact name, else the only one that differs in case.
pub(super) fn find_name<'a>(wanted: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let exact = names.clone().find(|n| *n == wanted);
    exact.or_else(|| {
        let mut alike = names.filter(|n| n.eq_ignore_ascii_case(wanted));
        let first = alike.next()?;
        alike.next().is_none().then_some(first)
    })
}

pub(super) fn single_select(sql: &str, dialect: Dialect, place: &Place) -> Result<Statement, StepError> {
    let mut statements = scan::split(sql, dialect).map_err(|e| place.definition(e))?;
    if statements.len() != 1 || !statements[0].is_reading() {
        return Err(place.definition("the source of a copy is one SELECT"));
    }
    Ok(statements.remove(0))
}

/// The target's name for every source column, in the source's order.
pub(super) fn map_columns(
    source: &[SourceColumn],
    target: &[TableColumn],
    table: &str,
    place: &Place,
) -> Result<Vec<String>, StepError> {
    let map = |column: &SourceColumn| {
        let found = find_name(&column.name, target.iter().map(|c| c.name.as_str()));
        let Some(name) = found else {
            return Err(place.definition(format!("the target table `{table}` has no column `{}`", column.name)));
        };
        if target.iter().any(|c| c.name == name && c.is_generated) {
            let hint = "leave it out with `columns`";
            return Err(
                place.definition(format!("the column `{name}` of the target table `{table}` is computed; {hint}"))
            );
        }
        Ok(name.to_owned())
    };
    let names: Vec<String> = source.iter().map(map).collect::<Result<_, _>>()?;
    check_unique(&names, place)?;
    Ok(names)
}

/// Two columns of one name cannot both be copied.
pub(super) fn check_unique(names: &[String], place: &Place) -> Result<(), StepError> {
    for (n, name) in names.iter().enumerate() {
        if names[..n].iter().any(|other| other.eq_ignore_ascii_case(name)) {
            return Err(place.definition(format!("the source has two columns that would be `{name}` in the target")));
        }
    }
    Ok(())
}

/// `CREATE TABLE` for a target that does not exist: derived types, NOT NULL, and the key: the one the step names, else
/// the primary key of a source table.
pub(super) fn create_table(
    path: &str,
    spec: &SqlCopySpec,
    source: &[SourceColumn],
    dialect: Dialect,
    place: &Place,
) -> Result<String, StepError> {
    let table = &spec.target.table;
    if spec.mode == CopyMode::Append {
        return Err(place.definition(format!("there is no table `{table}` to append to")));
    }
    let key = new_key(spec, source)
        .map_err(|name| place.definition(format!("`key_columns` names `{name}`, which is no copied column")))?;
    let mut parts = Vec::new();
    for column in source {
        let type_name = match dialect {
            Dialect::Sqlite if column.is_sampled => String::new(),
            Dialect::Sqlite => column.source_type.for_sqlite(),
            Dialect::Postgres => column.source_type.for_postgres(),
            Dialect::MySql => column.source_type.for_mysql(key.contains(&column.name.as_str())),
            Dialect::SqlServer | Dialect::Oracle => {
                let standard = column.source_type.standard();
                new_type(dialect, standard, key.contains(&column.name.as_str())).0
            }
            Dialect::Odbc => return Err(place.definition("a table is not made through ODBC")),
        };
        let null = match (column.is_not_null, dialect) {
            (true, _) => " not null",
            // Or a TIMESTAMP would not be.
            // A key is never NULL, and SQL Server wants to hear it.
            (false, Dialect::SqlServer) if key.contains(&column.name.as_str()) => " not null",
            (false, Dialect::MySql) if !key.contains(&column.name.as_str()) => " null",
            (false, _) => "",
        };
        parts.push(format!("{} {type_name}{null}", quote_for(dialect, &column.name)));
    }
    if spec.mode == CopyMode::Upsert && key.is_empty() {
        let why = "its rows are told apart by `key_columns` or by a primary key of the source";
        return Err(place.definition(format!("the table `{table}` does not exist and cannot be made: {why}")));
    }
    if !key.is_empty() {
        parts.push(format!(
            "primary key ({})",
            key.iter().map(|n| quote_for(dialect, n)).collect::<Vec<_>>().join(", ")
        ));
    }
    let options = if dialect == Dialect::MySql { types::MYSQL_TABLE_OPTIONS } else { "" };
    Ok(format!("create table {path} ({}){options}", parts.join(", ")))
}

/// The primary key of a new table; the error is a name that is no column.
fn new_key<'a>(spec: &'a SqlCopySpec, source: &'a [SourceColumn]) -> Result<Vec<&'a str>, &'a str> {
    if spec.mode == CopyMode::Upsert && !spec.key_columns.is_empty() {
        let names = source.iter().map(|c| c.name.as_str());
        let find = |wanted: &'a String| find_name(wanted, names.clone()).ok_or(wanted.as_str());
        return spec.key_columns.iter().map(find).collect();
    }
    let mut key: Vec<(u32, &str)> = source.iter().filter_map(|c| Some((c.key?, c.name.as_str()))).collect();
    key.sort_unstable();
    // Only a whole key is one: columns of it may have been left out.
    let is_whole = key.iter().enumerate().all(|(n, (position, _))| *position as usize == n + 1);
    Ok(if is_whole { key.into_iter().map(|(_, name)| name).collect() } else { Vec::new() })
}
