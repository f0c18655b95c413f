//! The statements of `ldap_sync` for each kind of database, and nothing else: a new one is added here.

use host_model::StepError;
use host_model::connector::Dialect;

use super::convert::Class;
use crate::connector::vet::{quote_for, quote_path_for};

/// The databases rows can be synchronized into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavor {
    Sqlite,
    Postgres,
    MySql,
    SqlServer,
    Oracle,
}

impl Flavor {
    /// From the word of a session.
    pub(super) fn of(dialect: &str) -> Result<Self, StepError> {
        match Dialect::parse(dialect) {
            Some(Dialect::Sqlite) => Ok(Self::Sqlite),
            Some(Dialect::Postgres) => Ok(Self::Postgres),
            Some(Dialect::MySql) => Ok(Self::MySql),
            Some(Dialect::SqlServer) => Ok(Self::SqlServer),
            Some(Dialect::Oracle) => Ok(Self::Oracle),
            Some(Dialect::Odbc) | None => {
                let text = format!("`ldap_sync` cannot write into a table of `{dialect}`; `target_query` works");
                Err(StepError::definition(text))
            }
        }
    }

    fn dialect(self) -> Dialect {
        match self {
            Self::Sqlite => Dialect::Sqlite,
            Self::Postgres => Dialect::Postgres,
            Self::MySql => Dialect::MySql,
            Self::SqlServer => Dialect::SqlServer,
            Self::Oracle => Dialect::Oracle,
        }
    }

    /// The temporary table entries are gathered in; it lives and dies with the session.
    pub(super) fn staging(self) -> &'static str {
        match self {
            Self::SqlServer => "#nomaflow_ldap_sync",
            // The only names Oracle takes for a table of one session.
            Self::Oracle => "ora$ptt_nomaflow_ldap_sync",
            _ => "nomaflow_ldap_sync",
        }
    }

    /// One identifier, quoted.
    pub(super) fn quote(self, name: &str) -> String {
        quote_for(self.dialect(), name)
    }

    /// Schema and table, quoted.
    pub(super) fn table(self, path: &str) -> String {
        quote_path_for(self.dialect(), path)
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
        self.flavor.table(&self.path)
    }

    fn staging(&self) -> &'static str {
        self.flavor.staging()
    }

    fn quote(&self, column: &Column) -> String {
        self.flavor.quote(&column.name)
    }

    fn list(&self, columns: &[Column], side: &str) -> String {
        columns.iter().map(|c| format!("{side}{}", self.quote(c))).collect::<Vec<_>>().join(", ")
    }

    fn key(&self) -> &[Column] {
        &self.columns[..self.keys]
    }

    fn others(&self) -> &[Column] {
        &self.columns[self.keys..]
    }

    /// `AS`, where a table may have it before its other name.
    fn alias(&self) -> &'static str {
        if self.flavor == Flavor::Oracle { "" } else { "as " }
    }

    /// The table of entries, called `s`.
    fn entries(&self) -> String {
        format!("{} {}s", self.staging(), self.alias())
    }

    /// The live table, called `t`.
    fn rows(&self) -> String {
        format!("{} {}t", self.table(), self.alias())
    }

    /// `s` and `t` are the same row.
    fn same(&self) -> String {
        self.key().iter().map(|c| format!("s.{0} = t.{0}", self.quote(c))).collect::<Vec<_>>().join(" and ")
    }

    /// No entry has the key of row `t`.
    fn gone(&self) -> String {
        format!("not exists (select 1 from {} where {})", self.entries(), self.same())
    }

    /// Row `t` is not marked as deleted.
    fn alive(&self) -> String {
        let Some(mark) = &self.mark else { return "1 = 1".to_owned() };
        let name = self.quote(mark);
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
        let (columns, table, staging) = (self.list(&self.columns, ""), self.table(), self.staging());
        match self.flavor {
            Flavor::Sqlite => format!("create temp table {staging} as select {columns} from {table} where 0"),
            Flavor::Postgres => {
                format!("create temporary table {staging} as select {columns} from {table} with no data")
            }
            Flavor::MySql => format!("create temporary table {staging} as select {columns} from {table} limit 0"),
            // A union keeps the property IDENTITY out, which would refuse the rows.
            Flavor::SqlServer => format!(
                "select {columns} into {staging} from {table} where 1 = 0 union all select {columns} from {table} where 1 = 0"
            ),
            Flavor::Oracle => format!(
                "create private temporary table {staging} on commit preserve definition as select {columns} from {table} \
                 where 1 = 0"
            ),
        }
    }

    /// What makes it fast, once it is filled.
    pub(super) fn prepare(&self) -> Vec<String> {
        let (key, staging) = (self.list(self.key(), ""), self.staging());
        match self.flavor {
            Flavor::Sqlite => vec![format!("create index temp.{staging}_key on {staging} ({key})")],
            Flavor::Postgres => {
                vec![format!("create index {staging}_key on {staging} ({key})"), format!("analyze {staging}")]
            }
            // Texts without a length cannot be in an index there.
            Flavor::MySql if self.key().iter().any(|c| c.kind.contains("text") || c.kind.contains("blob")) => {
                Vec::new()
            }
            Flavor::MySql => vec![format!("create index {staging}_key on {staging} ({key})")],
            Flavor::SqlServer => vec![format!("create index nomaflow_key on {staging} ({key})")],
            // Private temporary tables have no indexes; a hash join needs none.
            Flavor::Oracle => Vec::new(),
        }
    }

    /// Removes it.
    pub(super) fn drop(&self) -> String {
        let word = if self.flavor == Flavor::MySql { "drop temporary table" } else { "drop table" };
        format!("{word} {}", self.staging())
    }

    /// Keys that two entries have, if there are any.
    pub(super) fn duplicate(&self) -> String {
        let (key, staging) = (self.list(self.key(), ""), self.staging());
        let body = format!("{key} from {staging} group by {key} having count(*) > 1");
        match self.flavor {
            Flavor::SqlServer => format!("select top 1 {body}"),
            Flavor::Oracle => format!("select {body}"),
            _ => format!("select {body} limit 1"),
        }
    }

    /// Rows that are there, and how many of them no entry has.
    pub(super) fn count(&self) -> String {
        let (rows, alive, gone) = (self.rows(), self.alive(), self.gone());
        let end = if self.flavor == Flavor::Oracle { " from dual" } else { "" };
        format!(
            "select (select count(*) from {rows} where {alive}), (select count(*) from {rows} where {alive} and {gone}){end}"
        )
    }

    /// Known rows that are different, or were marked; `None` when nothing of a row can differ.
    pub(super) fn update(&self) -> Option<String> {
        // Where a statement knows two tables, the column says whose it is.
        let side = if matches!(self.flavor, Flavor::Sqlite | Flavor::Postgres) { "" } else { "t." };
        let mut sets: Vec<String> = self.others().iter().map(|c| format!("{side}{0} = s.{0}", self.quote(c))).collect();
        let mut reasons = Vec::new();
        if !self.others().is_empty() {
            reasons.push(self.others().iter().map(|c| self.differs(c)).collect::<Vec<_>>().join(" or "));
        }
        if let Some(mark) = &self.mark {
            sets.push(format!("{side}{} = {}", self.quote(mark), self.unmarked()));
            reasons.push(format!("not ({})", self.alive()));
        }
        if sets.is_empty() {
            return None;
        }
        let (rows, entries, same) = (self.rows(), self.entries(), self.same());
        let (sets, reasons) = (sets.join(", "), reasons.join(" or "));
        Some(match self.flavor {
            Flavor::Sqlite | Flavor::Postgres => {
                format!("update {rows} set {sets} from {entries} where {same} and ({reasons})")
            }
            Flavor::MySql => format!("update {rows} join {entries} on {same} set {sets} where {reasons}"),
            Flavor::SqlServer => format!("update t set {sets} from {rows} join {entries} on {same} where {reasons}"),
            Flavor::Oracle => {
                format!(
                    "merge into {rows} using {entries} on ({same}) when matched then update set {sets} where {reasons}"
                )
            }
        })
    }

    fn differs(&self, column: &Column) -> String {
        let name = self.quote(column);
        let (t, s) = (format!("t.{name}"), format!("s.{name}"));
        let is_text = column.class == Class::Text;
        match self.flavor {
            Flavor::Sqlite => format!("{t} is not {s}"),
            // Some types have no equality; their text has.
            Flavor::Postgres if matches!(column.kind.as_str(), "json" | "xml" | "point" | "polygon") => {
                format!("{t}::text is distinct from {s}::text")
            }
            Flavor::Postgres => format!("{t} is distinct from {s}"),
            // Most collations take `a` and `A` for the same.
            Flavor::MySql if is_text => format!("not (cast({t} as binary) <=> cast({s} as binary))"),
            Flavor::MySql => format!("not ({t} <=> {s})"),
            Flavor::SqlServer if is_text => {
                let exact = |side: &str| format!("cast(cast({side} as nvarchar(max)) as varbinary(max))");
                format!("exists (select {} except select {})", exact(&s), exact(&t))
            }
            Flavor::SqlServer => format!("exists (select {s} except select {t})"),
            Flavor::Oracle if column.kind.contains("lob") => format!(
                "case when {t} is null and {s} is null then 0 when {t} is null or {s} is null then 1 \
                 else abs(dbms_lob.compare({t}, {s})) end <> 0"
            ),
            Flavor::Oracle => format!("decode({t}, {s}, 0, 1) = 1"),
        }
    }

    /// New rows.
    pub(super) fn insert(&self) -> String {
        let (table, same) = (self.table(), self.same());
        let mut columns = self.list(&self.columns, "");
        let mut values = self.list(&self.columns, "s.");
        if let Some(mark) = self.mark.as_ref().filter(|_| self.unmarked() != "null") {
            columns.push_str(&format!(", {}", self.quote(mark)));
            values.push_str(&format!(", {}", self.unmarked()));
        }
        format!(
            "insert into {table} ({columns}) select {values} from {} where not exists (select 1 from {} where {same})",
            self.entries(),
            self.rows()
        )
    }

    /// Deletes, or marks with `:gone`, the rows no entry has.
    pub(super) fn delete(&self) -> String {
        let (rows, gone) = (self.rows(), self.gone());
        match (&self.mark, self.flavor) {
            (None, Flavor::MySql | Flavor::SqlServer) => format!("delete t from {rows} where {gone}"),
            (None, _) => format!("delete from {rows} where {gone}"),
            (Some(mark), Flavor::SqlServer) => {
                format!("update t set {} = :gone from {rows} where {} and {gone}", self.quote(mark), self.alive())
            }
            (Some(mark), _) => {
                format!("update {rows} set {} = :gone where {} and {gone}", self.quote(mark), self.alive())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(flavor: Flavor) -> Statements {
        let column = |name: &str, kind: &str| Column { name: name.into(), kind: kind.into(), class: Class::of(kind) };
        Statements {
            flavor,
            path: "hr.people".into(),
            columns: vec![column("LOGIN", "varchar2(20)"), column("NAME", "varchar2(80)")],
            keys: 1,
            mark: Some(column("GONE", "number(1)")),
        }
    }

    #[test]
    fn the_statements_of_oracle_and_sql_server_are_their_own() {
        let oracle = statements(Flavor::Oracle);
        assert_eq!(
            oracle.update().unwrap(),
            "merge into hr.people t using ora$ptt_nomaflow_ldap_sync s on (s.\"LOGIN\" = t.\"LOGIN\") when matched then \
             update set t.\"NAME\" = s.\"NAME\", t.\"GONE\" = 0 where decode(t.\"NAME\", s.\"NAME\", 0, 1) = 1 or \
             not (coalesce(t.\"GONE\", 0) = 0)"
        );
        assert_eq!(
            oracle.delete(),
            "update hr.people t set \"GONE\" = :gone where coalesce(t.\"GONE\", 0) = 0 and not exists (select 1 from \
             ora$ptt_nomaflow_ldap_sync s where s.\"LOGIN\" = t.\"LOGIN\")"
        );
        assert!(oracle.count().ends_with(" from dual"));
        let server = statements(Flavor::SqlServer);
        assert_eq!(
            server.delete(),
            "update t set \"GONE\" = :gone from \"hr\".\"people\" as t where coalesce(t.\"GONE\", 0) = 0 and not exists \
             (select 1 from #nomaflow_ldap_sync as s where s.\"LOGIN\" = t.\"LOGIN\")"
        );
        assert_eq!(
            server.duplicate(),
            "select top 1 \"LOGIN\" from #nomaflow_ldap_sync group by \"LOGIN\" having count(*) > 1"
        );
    }
}
