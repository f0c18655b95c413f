//! Entries through a query, one call for each, all in one transaction: for what a table and its key cannot say.

use host_model::StepError;
use host_model::connector::{QueryRef, parse_query_ref};
use host_model::job::spec::LdapSyncSpec;
use host_model::port::SqlSession;

use super::convert::{Class, Mapping};
use super::{Source, Synced};
use crate::connector::Found;
use crate::sql_query;

pub(super) async fn sync(
    session: &dyn SqlSession,
    found: &Found,
    spec: &LdapSyncSpec,
    mapping: &Mapping,
    source: &mut Source<'_>,
) -> Result<Synced, StepError> {
    // It is run to write, however it is called.
    let query = match parse_query_ref(&spec.target_query) {
        QueryRef::Named { name, .. } => format!("{name}:write"),
        QueryRef::Sql(sql) => sql.to_owned(),
    };
    let (sql, _) = sql_query::resolve(&query, found)?;
    // What a parameter is compared with is not known, so it goes as text.
    let classes = vec![Class::Text; mapping.mapped.len()];
    let mut synced = Synced::default();
    session.begin().await?;
    loop {
        let page = source.next().await?;
        if page.is_empty() {
            break;
        }
        for entry in &page {
            let row = mapping.row(entry, &classes)?;
            let binds = mapping.mapped.iter().map(|m| m.column.clone()).zip(row).collect();
            let changed = session
                .execute(sql, binds)
                .await
                .map_err(|error| StepError { message: format!("entry `{}`: {}", entry.dn, error.message), ..error })?;
            synced.updated += changed;
        }
    }
    session.commit().await?;
    Ok(synced)
}
