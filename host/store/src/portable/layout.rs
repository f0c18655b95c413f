//! Which tables and columns there are, asked of the database. Tables that only serve a search (virtual ones and what they
//! are made of, and the index of the log) and columns that the database computes are left out: they come back by themselves.

use std::collections::BTreeSet;

use super::Sign;
use crate::error::DbError;
use crate::log_index;
use crate::row::StoredRow;
use crate::sql::{Bind, Conn};

/// Signs of life, which say nothing an hour later.
const PASSING: [&str; 1] = ["ly2_replicas"];

/// How a value of a column travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As SQLite keeps it.
    Plain,
    Text,
    Int,
    At,
    Json,
    Flag,
}

/// A table and its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Names of its columns, in the order of the values of a row.
    pub columns: Vec<String>,
    pub(super) kinds: Vec<Kind>,
    pub(super) key: Vec<String>,
    /// The column whose numbers the database gives.
    pub(super) identity: Option<String>,
    refers_to: BTreeSet<String>,
}

pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Table {
    pub(super) fn quoted(&self) -> String {
        quote(&self.name)
    }

    fn is_postgres(&self) -> bool {
        self.kinds.iter().any(|kind| *kind != Kind::Plain)
    }

    /// A SELECT of every row as a JSON array called `line`, in the order of the key.
    pub(super) fn select(&self) -> String {
        let value = |(name, kind): (&String, &Kind)| {
            let name = quote(name);
            match kind {
                Kind::Plain | Kind::Text | Kind::Int => name,
                Kind::At => format!("to_char({name} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"),
                Kind::Json => format!("{name}::text"),
                Kind::Flag => format!("{name}::int"),
            }
        };
        let values: Vec<String> = self.columns.iter().zip(&self.kinds).map(value).collect();
        let build = if self.is_postgres() { "json_build_array" } else { "json_array" };
        let cast = if self.is_postgres() { "::text" } else { "" };
        // By code point, as SQLite compares.
        let order = |name: &String| {
            let at = self.columns.iter().position(|column| column == name).and_then(|at| self.kinds.get(at));
            let collate = if at == Some(&Kind::Text) { " collate \"C\"" } else { "" };
            format!("{}{collate}", quote(name))
        };
        let order: Vec<String> = self.key.iter().map(order).collect();
        format!(
            "select {build}({}){cast} as line from {} order by {}",
            values.join(", "),
            self.quoted(),
            order.join(", ")
        )
    }

    /// This table of a target, with the columns of `source` in their order. The inner error names a column it lacks.
    pub(super) fn with_columns_of(&self, source: &[String]) -> Result<Self, String> {
        let mut kinds = Vec::with_capacity(source.len());
        for name in source {
            let at = self.columns.iter().position(|column| column == name);
            let kind =
                at.and_then(|at| self.kinds.get(at)).ok_or_else(|| format!("the target has no column `{name}`"))?;
            kinds.push(*kind);
        }
        Ok(Self { columns: source.to_vec(), kinds, ..self.clone() })
    }
}

/// Number of the newest migration; `None` where there is no store.
pub(super) async fn find_schema(conn: &mut Conn<'_>) -> Result<Option<i64>, DbError> {
    let exists = match conn {
        Conn::Sqlite(_) => "select 1 as n from sqlite_master where type = 'table' and name = 'ly2_migrations'",
        Conn::Postgres(..) => "select 1 as n where to_regclass('ly2_migrations') is not null",
    };
    if conn.fetch_optional(exists, &[]).await?.is_none() {
        return Ok(None);
    }
    let row = conn.fetch_optional("select max(version) as version from ly2_migrations", &[]).await?;
    row.map(|row| row.opt_int("version")).transpose().map(Option::flatten)
}

/// Who has shown themselves; `None` where there is no store.
pub(super) async fn find_signs(conn: &mut Conn<'_>) -> Result<Option<Vec<Sign>>, DbError> {
    /// The migration that made the table.
    const SINCE: i64 = 5;
    match find_schema(conn).await? {
        None => return Ok(None),
        Some(schema) if schema < SINCE => return Ok(Some(Vec::new())),
        Some(_) => {}
    }
    let sql = "select r.owner, r.role, r.url, r.beat, l.holder from ly2_replicas r \
               left join ly2_jobs_lock l on l.holder = r.owner order by r.owner";
    let read = |row: &StoredRow| {
        let has_lease = row.opt_text("holder")?.is_some();
        let (owner, role, url) = (row.text("owner")?, row.text("role")?, row.opt_text("url")?);
        Ok(Sign { owner, role, url, beat: row.count("beat")?, has_lease })
    };
    conn.fetch_all(sql, &[]).await?.iter().map(read).collect::<Result<_, _>>().map(Some)
}

/// Every table that travels, those that others refer to first.
pub(super) async fn find_tables(conn: &mut Conn<'_>) -> Result<Vec<Table>, DbError> {
    let sql = match conn {
        Conn::Sqlite(_) => {
            "select name from pragma_table_list where schema = 'main' and type = 'table' and name glob 'ly2_*' order by name"
        }
        Conn::Postgres(..) => {
            "select c.relname::text as name from pg_class c where c.relkind = 'r' and c.relname like 'ly2\\_%' \
             and c.relnamespace = (select m.relnamespace from pg_class m where m.oid = to_regclass('ly2_migrations')) \
             order by 1"
        }
    };
    let mut tables = Vec::new();
    for row in conn.fetch_all(sql, &[]).await? {
        let name = row.text("name")?;
        let is_left_out = PASSING.contains(&name.as_str()) || log_index::TABLES.contains(&name.as_str());
        if name != "ly2_migrations" && !is_left_out {
            tables.push(find_table(conn, name).await?);
        }
    }
    Ok(in_order(tables))
}

async fn find_table(conn: &mut Conn<'_>, name: String) -> Result<Table, DbError> {
    let (columns, refers) = match conn {
        Conn::Sqlite(_) => (
            "select name, '' as type, pk - 1 as place, 0 as identity from pragma_table_info($1) order by cid",
            "select distinct \"table\" as name from pragma_foreign_key_list($1)",
        ),
        Conn::Postgres(..) => (
            "select a.attname::text as name, format_type(a.atttypid, null) as type, \
             coalesce(array_position(i.indkey::int2[], a.attnum), -1)::bigint as place, \
             (a.attidentity <> '')::int::bigint as identity \
             from pg_attribute a left join pg_index i on i.indrelid = a.attrelid and i.indisprimary \
             where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' \
             order by a.attnum",
            "select distinct c.relname::text as name from pg_constraint f join pg_class c on c.oid = f.confrelid \
             where f.contype = 'f' and f.conrelid = to_regclass($1)",
        ),
    };
    let bind = [Bind::text(&name)];
    let rows = conn.fetch_all(columns, &bind).await?;
    let mut table = Table {
        columns: rows.iter().map(|row| row.text("name")).collect::<Result<_, _>>()?,
        kinds: rows.iter().map(|row| kind(&name, row)).collect::<Result<_, _>>()?,
        key: Vec::new(),
        identity: None,
        refers_to: BTreeSet::new(),
        name,
    };
    let mut key = Vec::new();
    for row in &rows {
        let place = row.int("place")?;
        if place >= 0 {
            key.push((place, row.text("name")?));
        }
        if row.int("identity")? != 0 {
            table.identity = Some(row.text("name")?);
        }
    }
    key.sort();
    table.key = key.into_iter().map(|(_, name)| name).collect();
    if table.key.is_empty() {
        return Err(DbError::Corrupt(format!("table `{}` has no primary key", table.name)));
    }
    for row in conn.fetch_all(refers, &[Bind::text(&table.name)]).await? {
        table.refers_to.insert(row.text("name")?);
    }
    Ok(table)
}

fn kind(table: &str, row: &StoredRow) -> Result<Kind, DbError> {
    let found = row.text("type")?;
    Ok(match found.as_str() {
        "" => Kind::Plain,
        "text" => Kind::Text,
        "bigint" | "integer" | "smallint" => Kind::Int,
        "timestamp with time zone" => Kind::At,
        "json" | "jsonb" => Kind::Json,
        "boolean" => Kind::Flag,
        other => {
            let column = row.text("name")?;
            return Err(DbError::Corrupt(format!("`{table}.{column}` is of type {other}, which cannot be carried")));
        }
    })
}

fn in_order(mut waiting: Vec<Table>) -> Vec<Table> {
    let mut ready: Vec<Table> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let is_ready = |table: &Table| {
            table.refers_to.iter().all(|name| *name == table.name || ready.iter().any(|other| other.name == *name))
        };
        let (now, later): (Vec<Table>, Vec<Table>) = waiting.into_iter().partition(is_ready);
        if now.is_empty() {
            // They refer to each other in a ring: any order is as good as another.
            ready.extend(later);
            break;
        }
        ready.extend(now);
        waiting = later;
    }
    ready
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, refers_to: &[&str]) -> Table {
        Table {
            name: name.to_owned(),
            columns: Vec::new(),
            kinds: Vec::new(),
            key: Vec::new(),
            identity: None,
            refers_to: refers_to.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn a_table_comes_after_those_it_refers_to() {
        let all =
            vec![table("a", &["b"]), table("b", &["c", "b"]), table("c", &[]), table("x", &["y"]), table("y", &["x"])];
        let names: Vec<String> = in_order(all).into_iter().map(|table| table.name).collect();
        assert_eq!(names, ["c", "b", "a", "x", "y"]);
    }
}
