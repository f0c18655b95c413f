//! The statements of `ldap_sync` for each kind of database, and nothing else: a new one is added here.

use host_model::StepError;

use super::convert::Class;
use crate::connector::vet::{quote, quote_path};

/// The temporary table entries are gathered in; it lives and dies with the session.
pub(super) const STAGING: &str = "nomaflow_ldap_sync";

/// The databases rows can be synchronized into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavor {
    Sqlite,
    Postgres,
}

impl Flavor {
    /// From the word of a session.
    pub(super) fn of(dialect: &str) -> Result<Self, StepError> {
        match dialect {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" => Ok(Self::Postgres),
            other => {
                let text = format!("`ldap_sync` cannot write into a table of `{other}` yet; `target_query` works");
                Err(StepError::definition(text))
            }
        }
    }
}

/// A column of the table, by its own name.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) class: Class,
}

/// The table and what is done with it.
pub(super) struct Statements {
    pub(super) flavor: Flavor,
    /// Schema and table.
    pub(super) path: String,
    /// The columns entries are mapped to; the first ones are the key.
    pub(super) columns: Vec<Column>,
    pub(super) keys: usize,
    /// Where a row is marked as deleted, with `soft`.
    pub(super) mark: Option<Column>,
}

impl Statements {
    fn table(&self) -> String {
        quote_path(&self.path)
    }

    fn list(columns: &[Column], side: &str) -> String {
        columns.iter().map(|c| format!("{side}{}", quote(&c.name))).collect::<Vec<_>>().join(", ")
    }

    fn key(&self) -> &[Column] {
        &self.columns[..self.keys]
    }

    fn others(&self) -> &[Column] {
        &self.columns[self.keys..]
    }

    /// `s` and `t` are the same row.
    fn same(&self) -> String {
        self.key().iter().map(|c| format!("s.{0} = t.{0}", quote(&c.name))).collect::<Vec<_>>().join(" and ")
    }

    /// No entry has the key of row `t`.
    fn gone(&self) -> String {
        format!("not exists (select 1 from {STAGING} as s where {})", self.same())
    }

    /// Row `t` is not marked as deleted.
    fn alive(&self) -> String {
        let Some(mark) = &self.mark else { return "1 = 1".to_owned() };
        let name = quote(&mark.name);
        match (mark.class, self.flavor) {
            (Class::Bool, Flavor::Postgres) => format!("t.{name} is not true"),
            (Class::Bool | Class::Int | Class::Decimal, _) => format!("coalesce(t.{name}, 0) = 0"),
            _ => format!("t.{name} is null"),
        }
    }

    /// The mark of a row that is there.
    fn unmarked(&self) -> &'static str {
        match (self.mark.as_ref().map(|mark| mark.class), self.flavor) {
            (Some(Class::Bool), Flavor::Postgres) => "false",
            (Some(Class::Bool | Class::Int | Class::Decimal), _) => "0",
            _ => "null",
        }
    }

    /// Makes the temporary table, with the types of the table.
    pub(super) fn create(&self) -> String {
        let (columns, table) = (Self::list(&self.columns, ""), self.table());
        match self.flavor {
            Flavor::Sqlite => format!("create temp table {STAGING} as select {columns} from {table} where 0"),
            Flavor::Postgres => {
                format!("create temporary table {STAGING} as select {columns} from {table} with no data")
            }
        }
    }

    /// What makes it fast, once it is filled.
    pub(super) fn prepare(&self) -> Vec<String> {
        let key = Self::list(self.key(), "");
        match self.flavor {
            Flavor::Sqlite => vec![format!("create index temp.{STAGING}_key on {STAGING} ({key})")],
            Flavor::Postgres => {
                vec![format!("create index {STAGING}_key on {STAGING} ({key})"), format!("analyze {STAGING}")]
            }
        }
    }

    /// A key that two entries have, if there is one.
    pub(super) fn duplicate(&self) -> String {
        let key = Self::list(self.key(), "");
        format!("select {key} from {STAGING} group by {key} having count(*) > 1 limit 1")
    }

    /// Rows that are there, and how many of them no entry has.
    pub(super) fn count(&self) -> String {
        let (table, alive, gone) = (self.table(), self.alive(), self.gone());
        format!("select count(*), coalesce(sum(case when {gone} then 1 else 0 end), 0) from {table} as t where {alive}")
    }

    /// Known rows that are different, or were marked; `None` when nothing of a row can differ.
    pub(super) fn update(&self) -> Option<String> {
        let mut sets: Vec<String> = self.others().iter().map(|c| format!("{0} = s.{0}", quote(&c.name))).collect();
        let mut reasons = Vec::new();
        if !self.others().is_empty() {
            reasons.push(self.differs());
        }
        if let Some(mark) = &self.mark {
            sets.push(format!("{} = {}", quote(&mark.name), self.unmarked()));
            reasons.push(format!("not ({})", self.alive()));
        }
        if sets.is_empty() {
            return None;
        }
        let (table, same) = (self.table(), self.same());
        let (sets, reasons) = (sets.join(", "), reasons.join(" or "));
        Some(format!("update {table} as t set {sets} from {STAGING} as s where {same} and ({reasons})"))
    }

    fn differs(&self) -> String {
        let one = |c: &Column| {
            let name = quote(&c.name);
            match self.flavor {
                Flavor::Sqlite => format!("t.{name} is not s.{name}"),
                // Some types have no equality; their text has.
                Flavor::Postgres if matches!(c.kind.as_str(), "json" | "xml" | "point" | "polygon") => {
                    format!("t.{name}::text is distinct from s.{name}::text")
                }
                Flavor::Postgres => format!("t.{name} is distinct from s.{name}"),
            }
        };
        self.others().iter().map(one).collect::<Vec<_>>().join(" or ")
    }

    /// New rows.
    pub(super) fn insert(&self) -> String {
        let (table, same) = (self.table(), self.same());
        let mut columns = Self::list(&self.columns, "");
        let mut values = Self::list(&self.columns, "s.");
        if let Some(mark) = self.mark.as_ref().filter(|_| self.unmarked() != "null") {
            columns.push_str(&format!(", {}", quote(&mark.name)));
            values.push_str(&format!(", {}", self.unmarked()));
        }
        format!(
            "insert into {table} ({columns}) select {values} from {STAGING} as s \
             where not exists (select 1 from {table} as t where {same})"
        )
    }

    /// Deletes, or marks with `:gone`, the rows no entry has.
    pub(super) fn delete(&self) -> String {
        let (table, gone) = (self.table(), self.gone());
        match &self.mark {
            None => format!("delete from {table} as t where {gone}"),
            Some(mark) => {
                format!("update {table} as t set {} = :gone where {} and {gone}", quote(&mark.name), self.alive())
            }
        }
    }
}
