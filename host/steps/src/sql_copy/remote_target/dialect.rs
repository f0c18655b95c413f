//! The statements of a copy into SQL Server or Oracle, where they are not the same, and what the errors of the two mean. A
//! name that needs no quotes has none in Oracle, which keeps it in upper case.

use host_model::connector::Dialect;
use host_model::job::spec::SqlCopySpec;
use host_model::value::Value;
use host_model::{StepError, StepErrorKind};

use crate::connector::remote::Link;
use crate::connector::vet::{quote, quote_table_for};
use crate::sql_copy::bad_rows::SideTable;
use crate::sql_copy::plan::TableColumn;
use crate::sql_copy::staged::Keys;
use crate::sql_copy::types::Standard;

/// How one target is spoken to.
pub(super) struct Words {
    pub(super) dialect: Dialect,
    /// The target, quoted.
    pub(super) path: String,
    schema: Option<String>,
    table: String,
}

impl Words {
    pub(super) fn of(dialect: Dialect, spec: &SqlCopySpec) -> Self {
        let (schema, table) = (spec.target.schema.clone(), spec.target.table.clone());
        let path = quote_table_for(dialect, schema.as_deref(), &table);
        Self { dialect, path, schema, table }
    }

    fn is_oracle(&self) -> bool {
        self.dialect == Dialect::Oracle
    }

    /// Whether rows can be brought in by key, and set aside.
    pub(super) fn has_merge(&self) -> bool {
        matches!(self.dialect, Dialect::SqlServer | Dialect::Oracle)
    }

    /// Whether a table that is not there can be made.
    pub(super) fn makes_tables(&self) -> bool {
        self.has_merge()
    }

    /// A column of ours as the server is to keep it.
    pub(super) fn spelled(&self, name: &str) -> String {
        let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '#'));
        if self.is_oracle() && is_plain { name.to_ascii_uppercase() } else { name.to_owned() }
    }

    pub(super) fn counting(&self) -> &'static str {
        if self.dialect == Dialect::SqlServer { "count_big" } else { "count" }
    }

    pub(super) fn savepoint(&self) -> Option<&'static str> {
        match self.dialect {
            Dialect::SqlServer => Some("save transaction nomaflow_rows"),
            Dialect::Oracle => Some("savepoint nomaflow_rows"),
            _ => None,
        }
    }

    pub(super) fn back_to_savepoint(&self) -> Option<&'static str> {
        match self.dialect {
            Dialect::SqlServer => Some("rollback transaction nomaflow_rows"),
            Dialect::Oracle => Some("rollback to savepoint nomaflow_rows"),
            _ => None,
        }
    }

    /// Where the rows of a table that is made go first, quoted.
    pub(super) fn new_table(&self) -> String {
        if self.is_oracle() { self.beside() } else { self.path.clone() }
    }

    /// The name of the table beside the target that only Oracle needs.
    fn beside(&self) -> String {
        let base: String = self.table.chars().take(100).collect();
        quote_table_for(self.dialect, self.schema.as_deref(), &format!("{base}__nomaflow_new"))
    }

    /// Removes a table beside the target, if it is there.
    pub(super) async fn drop_table(&self, link: &Link, path: &str) -> Result<(), StepError> {
        match link.execute(&format!("drop table {path} purge")).await {
            Err(error) if self.is_missing_table(&error) => Ok(()),
            done => done.map(drop),
        }
    }

    /// The statement that shows a new table.
    pub(super) fn rename(&self, from: &str) -> String {
        format!("alter table {from} rename to {}", quote_table_for(self.dialect, None, &self.table))
    }

    /// Makes the staging table of an upsert: the copied columns, and the key, so that a second row with it is refused.
    pub(super) async fn stage(&self, link: &Link, names: &[String], keys: &Keys) -> Result<String, StepError> {
        let list = names.iter().map(|n| quote(n)).collect::<Vec<_>>().join(", ");
        let (staging, make) = if self.is_oracle() {
            let staging = self.beside();
            self.drop_table(link, &staging).await?;
            let make = format!("create table {staging} as select {list} from {} where 1 = 0", self.path);
            (staging, make)
        } else {
            let nothing = format!("select {list} from {} where 1 = 0", self.path);
            // A union keeps the property IDENTITY out, which would refuse the rows.
            let rest = format!("from {} where 1 = 0 union all {nothing}", self.path);
            ("#nomaflow_staging".to_owned(), format!("select {list} into #nomaflow_staging {rest}"))
        };
        link.execute(&make).await?;
        link.execute(&format!("alter table {staging} add unique ({})", keys.list())).await?;
        Ok(staging)
    }

    /// Marks the columns of the primary key.
    pub(super) async fn find_key(
        &self,
        link: &Link,
        spec: &SqlCopySpec,
        columns: &mut [TableColumn],
    ) -> Result<(), StepError> {
        let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let sql = if self.is_oracle() {
            let owner = match &spec.target.schema {
                Some(schema) => text(&self.spelled(schema)),
                None => "sys_context('userenv', 'current_schema')".to_owned(),
            };
            format!(
                "select c.column_name, c.position from all_constraints p join all_cons_columns c on c.owner = p.owner and \
                 c.constraint_name = p.constraint_name where p.constraint_type = 'P' and p.owner = {owner} and \
                 p.table_name = {}",
                text(&self.spelled(&self.table))
            )
        } else {
            format!(
                "select c.name, k.key_ordinal from sys.indexes i join sys.index_columns k on k.object_id = i.object_id and \
                 k.index_id = i.index_id join sys.columns c on c.object_id = k.object_id and c.column_id = k.column_id \
                 where i.is_primary_key = 1 and i.object_id = object_id(N{})",
                text(&self.path)
            )
        };
        for row in link.ask_all(&sql).await? {
            let [Value::Text(name), position] = row.as_slice() else { continue };
            let position = match position {
                Value::Int(n) => u32::try_from(*n).ok(),
                Value::Decimal(digits) => digits.parse().ok(),
                _ => None,
            };
            for column in columns.iter_mut().filter(|c| c.name == *name) {
                column.key = position;
            }
        }
        Ok(())
    }

    /// Makes the side table unless it is there.
    pub(super) async fn make_side(&self, link: &Link, side: &SideTable) -> Result<(), StepError> {
        let body = if self.is_oracle() {
            "(run_id varchar2(64) not null, step varchar2(200 char) not null, row_number number(19) not null, \
             column_name varchar2(200 char), reason varchar2(4000) not null, row_data clob not null, \
             recorded_at timestamp default systimestamp not null)"
        } else {
            "(run_id nvarchar(64) not null, step nvarchar(200) not null, row_number bigint not null, \
             column_name nvarchar(200), reason nvarchar(max) not null, row_data nvarchar(max) not null, \
             recorded_at datetime2 not null default sysutcdatetime())"
        };
        let create = format!("create table {} {body}", side.path);
        let create = match self.dialect {
            Dialect::SqlServer => format!("if object_id(N'{}') is null {create}", side.path.replace('\'', "''")),
            _ => create,
        };
        match link.execute(&create).await {
            // "Name is already used by an existing object".
            Err(error) if code(&error) == Some(955) && self.is_oracle() => Ok(()),
            done => done.map(drop),
        }
    }

    /// Rows of the staging table without a whole key.
    pub(super) fn count_keyless(&self, staging: &str, keys: &Keys) -> String {
        let any = keys.keys.iter().map(|k| format!("{} is null", quote(k))).collect::<Vec<_>>().join(" or ");
        format!("select {}(*) from {staging} where {any}", self.counting())
    }

    /// Rows of the staging table that the target does not have.
    pub(super) fn count_new(&self, staging: &str, keys: &Keys) -> String {
        format!(
            "select {}(*) from {staging} s where not exists (select 1 from {} t where {})",
            self.counting(),
            self.path,
            keys.same()
        )
    }

    /// Brings the staging table into the target. Rows that did not change are not written again.
    pub(super) fn merge(&self, staging: &str, keys: &Keys, names: &[String], columns: &[Standard]) -> String {
        let insert = names.iter().map(|n| quote(n)).collect::<Vec<_>>().join(", ");
        let values = names.iter().map(|n| format!("s.{}", quote(n))).collect::<Vec<_>>().join(", ");
        let set = keys.others.iter().map(|n| format!("t.{0} = s.{0}", quote(n))).collect::<Vec<_>>().join(", ");
        let holds = |name: &String| names.iter().position(|n| n == name).and_then(|n| columns.get(n)).copied();
        let (hint, same, end) = match self.dialect {
            Dialect::SqlServer => (" with (holdlock)", keys.same(), ";"),
            _ => ("", format!("({})", keys.same()), ""),
        };
        let update = match (keys.others.is_empty(), self.dialect) {
            (true, _) => String::new(),
            (false, Dialect::SqlServer) => {
                let list =
                    |side: &str| keys.others.iter().map(|n| exact(side, n, holds(n))).collect::<Vec<_>>().join(", ");
                let differs = format!("exists (select {} except select {})", list("s"), list("t"));
                format!(" when matched and {differs} then update set {set}")
            }
            (false, _) => {
                let differs = keys.others.iter().map(|n| differs(n, holds(n))).collect::<Vec<_>>().join(" or ");
                format!(" when matched then update set {set} where {differs}")
            }
        };
        format!(
            "merge into {}{hint} t using {staging} s on {same}{update} when not matched then insert ({insert}) values ({values}){end}",
            self.path
        )
    }

    /// Whether the server says that there is no such table.
    pub(super) fn is_missing_table(&self, error: &StepError) -> bool {
        code(error) == Some(if self.is_oracle() { 942 } else { 208 })
    }

    /// Whether the server has something against a row, and not against the statement or the moment: a value that does not
    /// fit, a NULL, a doubled key, a broken reference or check, what a trigger raises.
    pub(super) fn blames_data(&self, error: &StepError) -> bool {
        if matches!(error.kind, StepErrorKind::Canceled | StepErrorKind::Timeout) {
            return false;
        }
        match code(error) {
            Some(code) if self.is_oracle() => {
                matches!(code, 1 | 1400 | 1401 | 1407 | 1438 | 1461 | 1722 | 1830..=1899 | 2290 | 2291 | 6502 | 12899)
                    || (20_000..=20_999).contains(&code)
            }
            Some(code) => {
                matches!(
                    code,
                    220 | 232 | 241 | 242 | 244 | 245 | 248 | 257 | 295 | 515 | 547 | 550 | 2601 | 2627 | 2628
                ) || matches!(code, 8114 | 8115 | 8152 | 8169)
                    || code >= 50_000
            }
            // A driver of Python sorts its errors by kind.
            None => ["IntegrityError", "DataError"].iter().any(|kind| error.detail.contains(kind)),
        }
    }
}

/// `error 2627, severity 14, …` of SQL Server, `ORA-00001: …` of Oracle.
fn code(error: &StepError) -> Option<u32> {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    match error.message.split_once("ORA-") {
        Some((_, rest)) => digits(rest),
        None => digits(error.detail.strip_prefix("error ")?),
    }
}

/// A cell of SQL Server in a form in which EXCEPT tells every difference: texts byte for byte.
fn exact(side: &str, name: &str, holds: Option<Standard>) -> String {
    let column = format!("{side}.{}", quote(name));
    match holds {
        Some(Standard::Text | Standard::Varchar(_)) => {
            format!("cast(cast({column} as nvarchar(max)) as varbinary(max))")
        }
        Some(Standard::Bytes) => format!("cast({column} as varbinary(max))"),
        _ => column,
    }
}

/// Whether a column of Oracle is another one now; NULL equals NULL.
fn differs(name: &str, holds: Option<Standard>) -> String {
    let (s, t) = (format!("s.{}", quote(name)), format!("t.{}", quote(name)));
    match holds {
        // Large objects are not compared by an operator.
        Some(Standard::Text | Standard::Bytes) => format!(
            "case when {t} is null and {s} is null then 0 when {t} is null or {s} is null then 1 \
             else abs(dbms_lob.compare({t}, {s})) end <> 0"
        ),
        _ => format!("decode({t}, {s}, 0, 1) = 1"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(dialect: Dialect) -> Words {
        Words {
            dialect,
            path: quote_table_for(dialect, Some("s"), "items"),
            schema: Some("s".into()),
            table: "items".into(),
        }
    }

    fn keys() -> Keys {
        Keys { keys: vec!["ID".into()], others: vec!["NAME".into(), "NOTE".into(), "PRICE".into()] }
    }

    #[test]
    fn an_upsert_is_one_merge_that_writes_only_what_differs() {
        let names = ["ID", "NAME", "NOTE", "PRICE"].map(String::from);
        let columns = [Standard::Bigint, Standard::Varchar(20), Standard::Text, Standard::Numeric(None)];
        let oracle = words(Dialect::Oracle);
        assert_eq!(
            oracle.merge(&oracle.beside(), &keys(), &names, &columns),
            "merge into s.items t using s.items__nomaflow_new s on (s.\"ID\" = t.\"ID\") when matched then update set \
             t.\"NAME\" = s.\"NAME\", t.\"NOTE\" = s.\"NOTE\", t.\"PRICE\" = s.\"PRICE\" where \
             decode(t.\"NAME\", s.\"NAME\", 0, 1) = 1 or case when t.\"NOTE\" is null and s.\"NOTE\" is null then 0 when \
             t.\"NOTE\" is null or s.\"NOTE\" is null then 1 else abs(dbms_lob.compare(t.\"NOTE\", s.\"NOTE\")) end <> 0 or \
             decode(t.\"PRICE\", s.\"PRICE\", 0, 1) = 1 when not matched then insert (\"ID\", \"NAME\", \"NOTE\", \"PRICE\") \
             values (s.\"ID\", s.\"NAME\", s.\"NOTE\", s.\"PRICE\")"
        );
        let bare = Keys { keys: vec!["ID".into()], others: Vec::new() };
        assert_eq!(
            words(Dialect::SqlServer).merge("#nomaflow_staging", &bare, &names[..1], &columns[..1]),
            "merge into \"s\".\"items\" with (holdlock) t using #nomaflow_staging s on s.\"ID\" = t.\"ID\" \
             when not matched then insert (\"ID\") values (s.\"ID\");"
        );
    }

    #[test]
    fn a_refusal_of_data_is_told_from_one_of_the_statement() {
        let oracle = |text: &str| StepError::remote(format!("connector `x` (oracle://h): {text}"));
        let words_of = words(Dialect::Oracle);
        assert!(words_of.blames_data(&oracle("ORA-00001: unique constraint (S.PK) violated")));
        assert!(words_of.blames_data(&oracle("ORA-20001: the trigger says no")));
        assert!(!words_of.blames_data(&oracle("ORA-00942: table or view does not exist")));
        assert!(words_of.is_missing_table(&oracle("ORA-00942: table or view does not exist")));
        let server = |number: u32| StepError::remote("x").with_detail(format!("error {number}, severity 14"));
        let words_of = words(Dialect::SqlServer);
        assert!(words_of.blames_data(&server(2627)) && words_of.blames_data(&server(50_001)));
        assert!(!words_of.blames_data(&server(1205)) && words_of.is_missing_table(&server(208)));
        let python = StepError::remote("x").with_detail("pyodbc.IntegrityError 23505");
        assert!(words_of.blames_data(&python));
    }
}
