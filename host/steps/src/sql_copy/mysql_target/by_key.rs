//! MySQL's side of [`crate::sql_copy::staged`]: the temporary table, and the statements that bring its rows into the live
//! one. The statements are not the ones of the others: an UPDATE joins, and a temporary table can be named only once.

use host_model::StepError;
use host_model::connector::Dialect;
use host_model::job::spec::SqlCopySpec;

use super::catalog::Names;
use super::{MySqlTarget, quoted};
use crate::connector::mysql::Lease;
use crate::connector::mysql::kind::Kind;
use crate::connector::vet::mysql_quote;
use crate::connector::vet::quote_table_for;
use crate::sql_copy::side::Changes;
use crate::sql_copy::staged::Keys;

/// The temporary table of rows that go by key: the copied columns, and the key, so that a second row with it, or one
/// without, is refused by name. It goes with the connection.
pub(super) async fn stage(
    lease: &mut Lease,
    names: &Names,
    spec: &SqlCopySpec,
    keys: &Keys,
    copied: &[String],
) -> Result<String, StepError> {
    let staging = quote_table_for(Dialect::MySql, spec.target.schema.as_deref(), "nomaflow_staging");
    let key = quoted(keys.keys.iter());
    let list = quoted(copied.iter());
    lease
        .batch(&format!(
            "create temporary table {staging} (primary key ({key})) engine = InnoDB select {list} from {} limit 0",
            names.path
        ))
        .await?;
    Ok(staging)
}

impl MySqlTarget {
    /// Brings the rows of the temporary table into the live one; `deletes` makes it hold no others.
    pub(super) async fn apply(&mut self, keys: &Keys, deletes: bool) -> Result<Changes, StepError> {
        let (path, staging) = (self.names.path.clone(), self.into.clone());
        let same: Vec<String> = keys.keys.iter().map(|k| format!("s.{0} = t.{0}", mysql_quote(k))).collect();
        let same = same.join(" and ");
        let first = keys.keys.first().map(|k| mysql_quote(k)).unwrap_or_default();
        if deletes {
            let delete =
                format!("delete t from {path} as t left join {staging} as s on {same} where s.{first} is null");
            self.lease.execute(&delete).await?;
        }
        let mut changes = Changes::default();
        if !keys.others.is_empty() {
            let set: Vec<String> = keys.others.iter().map(|c| format!("t.{0} = s.{0}", mysql_quote(c))).collect();
            let is_same: Vec<String> = keys.others.iter().map(|c| self.is_same(c)).collect();
            let update = format!(
                "update {path} as t join {staging} as s on {same} set {} where not ({})",
                set.join(", "),
                is_same.join(" and ")
            );
            changes.updated = self.lease.execute(&update).await?;
        }
        let list = quoted(self.columns.names.iter());
        let values: Vec<String> = self.columns.names.iter().map(|n| format!("s.{}", mysql_quote(n))).collect();
        let insert = format!(
            "insert into {path} ({list}) select {} from {staging} as s left join {path} as t on {same} where t.{first} is null",
            values.join(", ")
        );
        changes.inserted = self.lease.execute(&insert).await?;
        Ok(changes)
    }

    /// Word for word: most collations take `a` and `A` for the same.
    fn is_same(&self, name: &str) -> String {
        let kind = self.columns.names.iter().position(|n| n == name).map(|n| self.columns.kinds[n]);
        let column = mysql_quote(name);
        match kind {
            Some(Kind::Text | Kind::Json) => format!("cast(t.{column} as binary) <=> cast(s.{column} as binary)"),
            _ => format!("t.{column} <=> s.{column}"),
        }
    }
}
