//! What the catalog of MySQL or MariaDB says about a table that is to be replaced, and the names that a copy uses beside
//! it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use host_model::connector::Dialect;
use host_model::value::Value;
use host_model::{StepError, StepErrorKind};

use crate::connector::mysql::Lease;
use crate::connector::vet::quote_table_for;

/// The longest name of a table, in letters.
const LONGEST_NAME: usize = 64;

/// A table that is there.
pub(super) struct Table {
    pub(super) engine: String,
    /// Whether a failed statement or transaction is undone.
    pub(super) is_transactional: bool,
    /// The name of a foreign key of another table.
    pub(super) referred_by: Option<String>,
    /// It has triggers, foreign keys of its own or a history: what a staging table would not get.
    pub(super) is_special: bool,
    /// The next number, where it has a column that counts.
    pub(super) auto_increment: Option<i64>,
}

/// The live table and those beside it, quoted.
pub(super) struct Names {
    pub(super) path: String,
    pub(super) staging: String,
    pub(super) old: String,
}

impl Names {
    pub(super) fn of(schema: Option<&str>, table: &str) -> Self {
        let quoted = |name: &str| quote_table_for(Dialect::MySql, schema, name);
        let beside = |suffix: &str| quoted(&(stem(table, LONGEST_NAME - suffix.len()) + suffix));
        Self { path: quoted(table), staging: beside("__nomaflow_new"), old: beside("__nomaflow_old") }
    }

    /// Removes what a copy that was killed has left over.
    pub(super) fn clean_up(&self) -> String {
        format!("drop table if exists {}, {}", self.staging, self.old)
    }
}

/// The name of the table, or so much of it that it stays its own.
fn stem(table: &str, most: usize) -> String {
    if table.chars().count() <= most {
        return table.to_owned();
    }
    let mut hash = DefaultHasher::new();
    table.hash(&mut hash);
    let head: String = table.chars().take(most - 9).collect();
    format!("{head}_{:08x}", hash.finish() as u32)
}

fn schema_value(schema: Option<&str>) -> Value {
    schema.map_or(Value::Null, |schema| Value::Text(schema.to_owned()))
}

/// One copy into a table at a time; the lock goes with the connection. It is waited for a little, because the server may
/// still be undoing what a canceled copy has done.
pub(super) async fn lock_copy(lease: &mut Lease, schema: Option<&str>, table: &str) -> Result<(), StepError> {
    let sql = "select get_lock(concat('nomaflow copy ', md5(concat(coalesce(?, database()), '.', ?))), 5)";
    let values = [schema_value(schema), Value::Text(table.to_owned())];
    let place = lease.stop.place.clone();
    match lease.select(sql, &values).await?.first().and_then(|row| row.first()) {
        Some(Value::Int(1)) => Ok(()),
        Some(Value::Int(_)) => {
            let text = format!("connector `{}`: another copy into `{table}` is running", place.connector);
            Err(StepError::new(StepErrorKind::Remote, text))
        }
        _ => Err(place.definition("no database is chosen; name one in the `url` or as the target's `schema`")),
    }
}

/// Looks at a table; `None` when there is none.
pub(super) async fn look(lease: &mut Lease, schema: Option<&str>, table: &str) -> Result<Option<Table>, StepError> {
    const SQL: &str = "select t.table_type, coalesce(t.engine, ''), t.auto_increment, \
        coalesce((select e.transactions = 'YES' from information_schema.engines e where e.engine = t.engine), 0), \
        (select min(concat(k.constraint_name, ' of ', k.constraint_schema, '.', k.table_name)) \
          from information_schema.key_column_usage k where k.referenced_table_schema = t.table_schema \
          and k.referenced_table_name = t.table_name), \
        (select count(*) from information_schema.table_constraints k where k.table_schema = t.table_schema \
          and k.table_name = t.table_name and k.constraint_type = 'FOREIGN KEY') \
        + (select count(*) from information_schema.triggers g where g.event_object_schema = t.table_schema \
          and g.event_object_table = t.table_name) \
        from information_schema.tables t where t.table_schema = coalesce(?, database()) and t.table_name = ?";
    let values = [schema_value(schema), Value::Text(table.to_owned())];
    let found = lease.select(SQL, &values).await?;
    let Some(row) = found.into_iter().next() else { return Ok(None) };
    let text = |value: &Value| match value {
        Value::Text(text) => text.clone(),
        _ => String::new(),
    };
    let number = |value: &Value| match value {
        Value::Int(number) => Some(*number),
        Value::Decimal(digits) => digits.parse().ok(),
        _ => None,
    };
    let kind = text(&row[0]);
    if !matches!(kind.as_str(), "BASE TABLE" | "SYSTEM VERSIONED") {
        let kind = kind.to_lowercase();
        return Err(lease.stop.place.definition(format!("`{table}` is a {kind}; only a table can be a target")));
    }
    Ok(Some(Table {
        engine: text(&row[1]),
        is_transactional: number(&row[3]).is_some_and(|n| n != 0),
        referred_by: matches!(row[4], Value::Text(_)).then(|| text(&row[4])),
        is_special: kind == "SYSTEM VERSIONED" || number(&row[5]).is_some_and(|n| n != 0),
        auto_increment: number(&row[2]),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beside_a_table_are_its_own_and_never_too_long() {
        let names = Names::of(Some("a`b"), "t");
        assert_eq!((names.path.as_str(), names.staging.as_str()), ("`a``b`.`t`", "`a``b`.`t__nomaflow_new`"));
        let (a, b) = ("x".repeat(63) + "a", "x".repeat(63) + "b");
        let (a, b) = (Names::of(None, &a), Names::of(None, &b));
        assert_ne!(a.staging, b.staging);
        assert!(a.staging.chars().count() <= LONGEST_NAME + 2);
    }
}
