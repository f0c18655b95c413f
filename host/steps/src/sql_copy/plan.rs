//! What a copy will do, settled before the first row moves: the statement that reads, the columns and their types, and
//! the target's columns they go to. Everything impossible is refused here, by name.

use std::sync::Arc;

use host_model::connector::Dialect;
use host_model::job::spec::{CopyMode, SourceTable, SqlCopySpec, TypeCoercion};
use host_model::port::Access;
use host_model::value::Value;
use host_model::{CancelToken, StepError};

use super::types::{Seen, SourceType};
use crate::connector::fault::Place;
use crate::connector::postgres::Lease;
use crate::connector::postgres::statement::{self, Ready};
use crate::connector::scan::{self, Statement};
use crate::connector::sqlite::{Link, SqliteFile, Use};
use crate::connector::vet::{self, quote};
use crate::connector::{Database, Found};
use crate::params;

/// Rows looked at to find a type where SQLite has none.
const SAMPLE_ROWS: usize = 1_000;

/// How the source is read.
#[derive(Clone)]
pub(super) struct Source {
    /// The rows.
    pub(super) rows: Statement,
    /// How many there are; only a table is worth counting first.
    pub(super) count: Option<Statement>,
    /// For both.
    pub(super) values: Vec<Value>,
    /// What it returns.
    pub(super) columns: Vec<SourceColumn>,
}

/// A column of the source.
#[derive(Debug, Clone)]
pub(super) struct SourceColumn {
    pub(super) name: String,
    pub(super) source_type: SourceType,
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

/// Refuses what this version does not do, rather than doing something else.
pub(super) fn check_supported(spec: &SqlCopySpec) -> Result<(), StepError> {
    let refused = if spec.mode == CopyMode::Upsert {
        Some("`mode = \"upsert\"`")
    } else if spec.type_coercion == TypeCoercion::Jde {
        Some("`type_coercion = \"jde\"`")
    } else if !spec.strip_both_columns.is_empty() {
        Some("`strip_both_columns`")
    } else if spec.parallel > 1 {
        Some("`parallel`")
    } else {
        None
    };
    match refused {
        Some(what) => Err(StepError::definition(format!("{what} of `sql_copy` is not supported yet"))),
        None => Ok(()),
    }
}

/// A copy of a table onto itself would empty it first.
pub(super) fn check_distinct(spec: &SqlCopySpec, source: &Found, target: &Found) -> Result<(), StepError> {
    let SourceTable::Table { schema, table } = &spec.source.table else { return Ok(()) };
    let same_database = match (&source.database, &target.database) {
        (Database::Sqlite(a), Database::Sqlite(b)) => a.path() == b.path(),
        (Database::Postgres(a), Database::Postgres(b)) => a.label() == b.label(),
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

/// `"schema"."table"`.
pub(super) fn quoted_table(schema: Option<&str>, table: &str) -> String {
    match schema {
        Some(schema) => format!("{}.{}", quote(schema), quote(table)),
        None => quote(table),
    }
}

/// Looks at a SQLite source. `samples` asks for a type of every column, by looking at rows where nothing is declared.
pub(super) async fn describe_sqlite(
    spec: &SqlCopySpec,
    file: &Arc<SqliteFile>,
    place: &Place,
    samples: bool,
    cancel: &CancelToken,
) -> Result<Source, StepError> {
    let spec = spec.clone();
    file.work(place, Use::Step(Access::Read), cancel, move |link| {
        let table = match &spec.source.table {
            SourceTable::Table { schema, table } => {
                let columns = sqlite_table(link, schema.as_deref(), table)?;
                if columns.is_empty() {
                    return Err(link.place().definition(format!("there is no table `{table}` to copy from")));
                }
                Some(columns)
            }
            SourceTable::Query(_) => None,
        };
        let (rows, count) = statements(&spec, Dialect::Sqlite, table.as_deref(), link.place())?;
        let values = vet::values(&rows, &params::binds(&spec.source.params), link.place())?;
        let prepared = link.prepare(&rows, &values)?;
        let mut columns: Vec<SourceColumn> = prepared
            .columns()
            .iter()
            .map(|c| {
                source_column(
                    c.name(),
                    SourceType::Sqlite { declared: c.decl_type().unwrap_or_default().to_owned() },
                    table.as_deref(),
                )
            })
            .collect();
        drop(prepared);
        if samples {
            sample(link, &rows, &values, &mut columns)?;
        }
        Ok(Source { rows, count, values, columns })
    })
    .await
}

/// Looks at a PostgreSQL source.
pub(super) async fn describe_postgres(spec: &SqlCopySpec, lease: &mut Lease) -> Result<Source, StepError> {
    let place = lease.stop.place.clone();
    let table = match &spec.source.table {
        SourceTable::Table { schema, table } => {
            let path = quoted_table(schema.as_deref(), table);
            let columns = postgres_table(lease, &path).await?;
            Some(columns.ok_or_else(|| place.definition(format!("there is no table `{table}` to copy from")))?)
        }
        SourceTable::Query(_) => None,
    };
    let (rows, count) = statements(spec, Dialect::Postgres, table.as_deref(), &place)?;
    let values = vet::values(&rows, &params::binds(&spec.source.params), &place)?;
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    let work = async {
        let Ready { decoder, .. } = statement::prepare(conn, &stop, &rows, &values).await?;
        Ok(decoder)
    };
    let decoder = stop.guard(rows.keyword(), work).await?;
    let described = decoder.columns.iter().zip(&decoder.kinds);
    let columns = described.map(|(column, kind)| {
        let formatted =
            table.as_deref().and_then(|t| t.iter().find(|c| c.name == column.name)).map(|c| c.type_name.clone());
        let formatted = formatted.unwrap_or_else(|| column.kind.clone());
        source_column(&column.name, SourceType::Postgres { kind: *kind, formatted }, table.as_deref())
    });
    Ok(Source { count, values, columns: columns.collect(), rows })
}

fn source_column(name: &str, source_type: SourceType, table: Option<&[TableColumn]>) -> SourceColumn {
    let known = table.and_then(|columns| columns.iter().find(|c| c.name == name));
    SourceColumn {
        name: name.to_owned(),
        source_type,
        is_not_null: known.is_some_and(|c| c.is_not_null),
        key: known.and_then(|c| c.key),
    }
}

/// The statement that reads and the one that counts.
fn statements(
    spec: &SqlCopySpec,
    dialect: Dialect,
    table: Option<&[TableColumn]>,
    place: &Place,
) -> Result<(Statement, Option<Statement>), StepError> {
    let wanted = &spec.source.columns;
    let (sql, count) = match (&spec.source.table, table) {
        (SourceTable::Table { schema, table: name }, Some(known)) => {
            let names: Vec<&str> = match wanted.is_empty() {
                true => known.iter().map(|c| c.name.as_str()).collect(),
                false => wanted.iter().map(|w| pick(w, known, name, place)).collect::<Result<_, _>>()?,
            };
            let list = names.iter().map(|n| quote(n)).collect::<Vec<_>>().join(", ");
            let path = quoted_table(schema.as_deref(), name);
            // On a line of its own, so that a comment at its end ends there.
            let filter = spec.source.filter.as_ref().map(|f| format!(" where (\n{f}\n)")).unwrap_or_default();
            (format!("select {list} from {path}{filter}"), Some(format!("select count(*) from {path}{filter}")))
        }
        (SourceTable::Query(query), _) if wanted.is_empty() => (query.clone(), None),
        (SourceTable::Query(query), _) => {
            let list = wanted.iter().map(|n| quote(n)).collect::<Vec<_>>().join(", ");
            (format!("select {list} from (\n{query}\n) as source"), None)
        }
        (SourceTable::Table { table, .. }, None) => {
            return Err(place.definition(format!("the table `{table}` was not described")));
        }
    };
    let rows = single_select(&sql, dialect, place)?;
    let count = count.map(|sql| single_select(&sql, dialect, place)).transpose()?;
    Ok((rows, count))
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

fn single_select(sql: &str, dialect: Dialect, place: &Place) -> Result<Statement, StepError> {
    let mut statements = scan::split(sql, dialect).map_err(|e| place.definition(e))?;
    if statements.len() != 1 || !statements[0].is_reading() {
        return Err(place.definition("the source of a copy is one SELECT"));
    }
    Ok(statements.remove(0))
}

/// The columns of a SQLite table; none when there is no such table.
pub(super) fn sqlite_table(link: &Link, schema: Option<&str>, table: &str) -> Result<Vec<TableColumn>, StepError> {
    let sql =
        "select name, type, \"notnull\", pk, hidden from pragma_table_xinfo(?1, ?2) where hidden <> 1 order by cid";
    let read = || -> rusqlite::Result<Vec<TableColumn>> {
        let mut prepared = link.conn.prepare(sql)?;
        let rows = prepared.query_map((table, schema.unwrap_or("main")), |row| {
            let key: u32 = row.get(3)?;
            Ok(TableColumn {
                name: row.get(0)?,
                type_name: row.get(1)?,
                is_not_null: row.get(2)?,
                key: (key > 0).then_some(key),
                is_generated: row.get::<_, i64>(4)? != 0,
            })
        })?;
        rows.collect()
    };
    read().map_err(|e| link.fail(&e, sql))
}

/// The columns of a PostgreSQL table (`path` is quoted); `None` when there is no such relation.
pub(super) async fn postgres_table(lease: &mut Lease, path: &str) -> Result<Option<Vec<TableColumn>>, StepError> {
    const SQL: &str = "select a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated <> '', \
         array_position(i.indkey::int2[], a.attnum)::int4 \
         from pg_attribute a left join pg_index i on i.indrelid = a.attrelid and i.indisprimary \
         where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped order by a.attnum";
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    let work = async {
        let rows: Vec<(String, String, bool, bool, Option<i32>)> =
            sqlx::query_as(SQL).bind(path).fetch_all(conn).await?;
        let columns = rows.into_iter().map(|(name, type_name, is_not_null, is_generated, position)| TableColumn {
            name,
            type_name,
            is_not_null,
            // An int2vector counts from 0.
            key: position.and_then(|p| u32::try_from(p).ok()).map(|p| p + 1),
            is_generated,
        });
        Ok(columns.collect::<Vec<_>>())
    };
    let columns = stop.guard(SQL, work).await?;
    Ok((!columns.is_empty()).then_some(columns))
}

/// Fills in the types of columns nobody declared.
fn sample(link: &Link, rows: &Statement, values: &[Value], columns: &mut [SourceColumn]) -> Result<(), StepError> {
    use rusqlite::types::Type;
    let is_open = |c: &SourceColumn| matches!(&c.source_type, SourceType::Sqlite { declared } if declared.is_empty());
    if !columns.iter().any(is_open) {
        return Ok(());
    }
    let mut seen = vec![Seen::default(); columns.len()];
    let mut prepared = link.prepare(rows, values)?;
    let mut found = prepared.raw_query();
    for _ in 0..SAMPLE_ROWS {
        let Some(row) = found.next().map_err(|e| link.fail(&e, rows.keyword()))? else { break };
        for (n, seen) in seen.iter_mut().enumerate() {
            match row.get_ref(n).map_err(|e| link.fail(&e, rows.keyword()))?.data_type() {
                Type::Null => {}
                Type::Integer => seen.integers = true,
                Type::Real => seen.reals = true,
                Type::Text => seen.texts = true,
                Type::Blob => seen.blobs = true,
            }
        }
    }
    for (column, seen) in columns.iter_mut().zip(seen) {
        if is_open(column) {
            column.source_type = SourceType::Sqlite { declared: seen.declared().to_owned() };
        }
    }
    Ok(())
}

/// The target's name for every source column, in the source's order.
pub(super) fn map_columns(
    source: &Source,
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
    let names: Vec<String> = source.columns.iter().map(map).collect::<Result<_, _>>()?;
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

/// `CREATE TABLE` for a target that does not exist: derived types, NOT NULL and the primary key of a source table.
pub(super) fn create_table(path: &str, source: &Source, dialect: Dialect) -> String {
    let mut parts: Vec<String> = source
        .columns
        .iter()
        .map(|c| {
            let type_name = match dialect {
                Dialect::Sqlite => c.source_type.for_sqlite(),
                Dialect::Postgres => c.source_type.for_postgres(),
            };
            format!("{} {type_name}{}", quote(&c.name), if c.is_not_null { " not null" } else { "" })
        })
        .collect();
    let mut key: Vec<(u32, &str)> = source.columns.iter().filter_map(|c| Some((c.key?, c.name.as_str()))).collect();
    key.sort_unstable();
    // Only a whole key is one: columns of it may have been left out.
    let is_whole = key.iter().enumerate().all(|(n, (position, _))| *position as usize == n + 1);
    if !key.is_empty() && is_whole {
        parts.push(format!("primary key ({})", key.iter().map(|(_, n)| quote(n)).collect::<Vec<_>>().join(", ")));
    }
    format!("create table {path} ({})", parts.join(", "))
}
