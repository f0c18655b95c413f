//! Entries into a table: gathered in a temporary table as they come, so that memory holds one page, then brought into the
//! live one in one transaction: known rows that differ are updated, new ones inserted, those without an entry deleted or
//! marked. A failure before the commit leaves the table as it was.

use chrono::Utc;
use host_model::diagnostic::nearest;
use host_model::job::spec::{DeleteMode, LdapSyncSpec};
use host_model::log::LogLevel;
use host_model::port::SqlSession;
use host_model::value::{Row, Value};
use host_model::{StepError, StepErrorKind};

use super::convert::{Class, Mapping};
use super::dialect::{Column, Flavor, Statements};
use super::{Source, Synced};

pub(super) async fn sync(
    session: &dyn SqlSession,
    spec: &LdapSyncSpec,
    mapping: &Mapping,
    source: &mut Source<'_>,
) -> Result<Synced, StepError> {
    let plan = Plan::read(session, spec, mapping).await?;
    session.execute(&plan.sql.create(), Vec::new()).await?;
    plan.gather(session, mapping, source).await?;
    for statement in plan.sql.prepare() {
        session.execute(&statement, Vec::new()).await?;
    }
    plan.check_keys(session).await?;
    session.begin().await?;
    // An error on the way drops the session, which rolls back.
    let synced = plan.apply(session, spec, source).await?;
    session.commit().await?;
    session.execute(&plan.sql.drop(), Vec::new()).await?;
    Ok(synced)
}

struct Plan {
    sql: Statements,
    /// The place of each column of the statements among the mapped ones.
    order: Vec<usize>,
    /// By place among the mapped ones.
    classes: Vec<Class>,
}

impl Plan {
    async fn read(session: &dyn SqlSession, spec: &LdapSyncSpec, mapping: &Mapping) -> Result<Self, StepError> {
        let flavor = Flavor::of(session.dialect())?;
        let path = match &spec.target_schema {
            Some(schema) => format!("{schema}.{}", spec.target_table),
            None => spec.target_table.clone(),
        };
        let all = live_columns(session, flavor, &path).await?;
        let find = |name: &str| {
            all.iter().find(|c| c.name.eq_ignore_ascii_case(name)).cloned().ok_or_else(|| {
                let near = nearest(name, all.iter().map(|c| c.name.as_str()));
                let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                StepError::definition(format!("table `{path}` has no column `{name}`{hint}"))
            })
        };
        let mapped: Vec<Column> = mapping.mapped.iter().map(|m| find(&m.column)).collect::<Result<_, _>>()?;
        let is_key = |column: &Column| spec.key_columns.iter().any(|key| key.eq_ignore_ascii_case(&column.name));
        let (keys, others): (Vec<usize>, Vec<usize>) = (0..mapped.len()).partition(|at| is_key(&mapped[*at]));
        if keys.is_empty() || keys.len() != spec.key_columns.len() {
            let names = spec.key_columns.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            return Err(StepError::definition(format!("`key_columns` names {names}, which are not all mapped")));
        }
        let mark = match (spec.delete_mode, &spec.delete_column) {
            (DeleteMode::Soft, Some(name)) => Some(find(name)?),
            (DeleteMode::Soft, None) => return Err(StepError::definition("`delete_column` is missing")),
            _ => None,
        };
        if let Some(mark) = mark.as_ref().filter(|mark| matches!(mark.class, Class::Bytes | Class::Float)) {
            let text = format!(
                "`delete_column` is `{}` of type `{}`; it takes a time, a flag or a text",
                mark.name, mark.kind
            );
            return Err(StepError::definition(text));
        }
        let classes = mapped.iter().map(|column| column.class).collect();
        let order: Vec<usize> = keys.iter().chain(&others).copied().collect();
        let columns = order.iter().map(|at| mapped[*at].clone()).collect();
        Ok(Self { sql: Statements { flavor, path, columns, keys: keys.len(), mark }, order, classes })
    }

    /// Every entry into the temporary table.
    async fn gather(
        &self,
        session: &dyn SqlSession,
        mapping: &Mapping,
        source: &mut Source<'_>,
    ) -> Result<(), StepError> {
        let names: Vec<String> = self.sql.columns.iter().map(|column| column.name.clone()).collect();
        let mut is_found = vec![false; names.len()];
        loop {
            let page = source.next().await?;
            if page.is_empty() {
                if source.fetched > 0 {
                    self.tell_missing(&is_found, mapping, source).await;
                }
                return Ok(());
            }
            let mut rows = Vec::with_capacity(page.len());
            for entry in &page {
                let mut cells = mapping.row(entry, &self.classes)?;
                let row: Row = self.order.iter().map(|at| std::mem::replace(&mut cells[*at], Value::Null)).collect();
                if let Some(at) = row[..self.sql.keys].iter().position(|cell| *cell == Value::Null) {
                    let text = format!(
                        "entry `{}` has no value for the key column `{}`; leave such entries out with `search_filter`",
                        entry.dn, names[at]
                    );
                    return Err(StepError::definition(text));
                }
                is_found.iter_mut().zip(&row).for_each(|(found, cell)| *found |= *cell != Value::Null);
                rows.push(row);
            }
            session.insert_rows(self.sql.flavor.staging(), &names, rows).await?;
        }
    }

    /// A name that is written wrong, or that the account may not read, empties a column without an error.
    async fn tell_missing(&self, is_found: &[bool], mapping: &Mapping, source: &Source<'_>) {
        for (at, _) in is_found.iter().enumerate().filter(|(_, found)| !**found) {
            let mapped = &mapping.mapped[self.order[at]];
            let text = format!("no entry has the attribute `{}`: `{}` is NULL", mapped.attribute, mapped.column);
            source.ctx.voice.log(LogLevel::Warning, &text).await;
        }
    }

    async fn check_keys(&self, session: &dyn SqlSession) -> Result<(), StepError> {
        let mut cursor = session.query(&self.sql.duplicate(), Vec::new()).await?;
        let mut found = cursor.next_batch(1).await?;
        let Some(key) = found.pop() else { return Ok(()) };
        let shown: Vec<String> = key.iter().map(|cell| cell.to_json().to_string()).collect();
        let text = format!("two entries have the same key {} in `key_columns`", shown.join(", "));
        Err(StepError::definition(text))
    }

    /// Inside the transaction.
    async fn apply(
        &self,
        session: &dyn SqlSession,
        spec: &LdapSyncSpec,
        source: &Source<'_>,
    ) -> Result<Synced, StepError> {
        let deletes = spec.delete_mode != DeleteMode::None;
        if deletes {
            self.guard(session, spec, source.fetched).await?;
        }
        let mut synced = Synced::default();
        if let Some(update) = self.sql.update() {
            synced.updated = session.execute(&update, Vec::new()).await?;
        }
        synced.inserted = session.execute(&self.sql.insert(), Vec::new()).await?;
        if deletes {
            let binds = self.sql.mark.as_ref().map(|mark| ("gone".to_owned(), marked(mark.class)));
            synced.deleted = session.execute(&self.sql.delete(), binds.into_iter().collect()).await?;
        }
        synced.unchanged = Some(source.fetched.saturating_sub(synced.inserted + synced.updated));
        Ok(synced)
    }

    /// Refuses to delete more than the step allows: a wrong filter, or a server that gives less than it should, must not
    /// empty the table.
    async fn guard(&self, session: &dyn SqlSession, spec: &LdapSyncSpec, fetched: u64) -> Result<(), StepError> {
        let mut cursor = session.query(&self.sql.count(), Vec::new()).await?;
        let counts = cursor.next_batch(1).await?.pop().unwrap_or_default();
        cursor.next_batch(1).await?;
        let count = |at: usize| match counts.get(at) {
            Some(Value::Int(count)) => u64::try_from(*count).ok(),
            Some(Value::Decimal(count)) => count.parse().ok(),
            _ => None,
        };
        let (Some(rows), Some(gone)) = (count(0), count(1)) else {
            return Err(StepError::new(StepErrorKind::Crashed, "the rows of the table could not be counted"));
        };
        let path = &self.sql.path;
        let refuse = |text: String| Err(StepError { may_retry: false, ..StepError::new(StepErrorKind::Failed, text) });
        if fetched == 0 {
            if gone == 0 || spec.allow_empty {
                return Ok(());
            }
            return refuse(format!(
                "the search found nothing, and all {gone} rows of `{path}` would be deleted; nothing was changed. If that \
                 is meant, set `allow_empty = true`"
            ));
        }
        let most = spec.max_delete_percent;
        if gone * 100 > rows * u64::from(most) {
            return refuse(format!(
                "{gone} of {rows} rows of `{path}` would be deleted, more than {most} %; nothing was changed. If that is \
                 meant, raise `max_delete_percent`"
            ));
        }
        Ok(())
    }
}

async fn live_columns(session: &dyn SqlSession, flavor: Flavor, path: &str) -> Result<Vec<Column>, StepError> {
    let sql = format!("select * from {} where 1 = 0", flavor.table(path));
    let mut cursor = session.query(&sql, Vec::new()).await?;
    // To its end: where a connection runs one statement at a time, a cursor that is left takes the connection along.
    cursor.next_batch(1).await?;
    let column = |c: &host_model::value::Column| Column {
        name: c.name.clone(),
        kind: c.kind.clone(),
        class: Class::of(&c.kind),
    };
    Ok(cursor.columns().iter().map(column).collect())
}

/// What marks a row whose entry is gone.
fn marked(class: Class) -> Value {
    let now = Utc::now();
    match class {
        Class::Bool => Value::Bool(true),
        Class::Int => Value::Int(1),
        Class::Decimal => Value::Decimal("1".to_owned()),
        Class::Date => Value::Date(now.format("%Y-%m-%d").to_string()),
        Class::Timestamp { has_zone: false } => Value::Timestamp(now.format("%Y-%m-%dT%H:%M:%S%.3f").to_string()),
        Class::Timestamp { has_zone: true } => Value::Timestamp(now.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()),
        Class::Text | Class::Bytes | Class::Float => Value::Text(now.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
    }
}
