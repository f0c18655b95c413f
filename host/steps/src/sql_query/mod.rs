//! `sql_query`: a named query or SQL text on one connector. Several statements are one transaction; one statement alone
//! runs without, because some (VACUUM, CREATE INDEX CONCURRENTLY) refuse to run inside one.
//!
//! Rows are counted to the last and never collected: the first hundred are kept for the output. The full text goes to
//! the log at DEBUG only.

mod mysql;
mod postgres;
mod remote;
mod result;
mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use host_model::connector::{QueryRef, parse_query_ref};
use host_model::diagnostic::nearest;
use host_model::job::spec::SqlQuerySpec;
use host_model::port::{Access, StepContext, StepFailure, StepOutcome, StepRunner};
use host_model::value::Value;
use host_model::{StepError, StepErrorKind, StepSpec};

use crate::connector::scan::{self, Statement};
use crate::connector::{ConnectorPools, Database, Found, vet};
use crate::params;
use result::Outcome;

/// Runs `sql_query` steps.
pub struct SqlQueryRunner {
    pools: Arc<ConnectorPools>,
}

impl SqlQueryRunner {
    /// A runner on these connectors.
    pub fn new(pools: Arc<ConnectorPools>) -> Self {
        Self { pools }
    }
}

/// A statement with its values.
pub(crate) struct Bound {
    pub(crate) statement: Statement,
    pub(crate) values: Vec<Value>,
}

#[async_trait]
impl StepRunner for SqlQueryRunner {
    async fn run(&self, spec: &StepSpec, ctx: &StepContext) -> Result<StepOutcome, StepFailure> {
        let StepSpec::SqlQuery(spec) = spec else {
            return Err(crate::wrong_runner("sql_query", spec).into());
        };
        let found = self.pools.find(&spec.connector)?;
        let (sql, access) = resolve(&spec.query, &found)?;
        ctx.debug(format!("SQL on `{}`: {sql}", spec.connector)).await;
        let statements = bind(sql, spec, &found)?;
        let access = access.unwrap_or_else(|| access_of(&statements, &found));
        let mut outcome = Outcome::default();
        let begun = std::time::Instant::now();
        match &found.database {
            Database::Sqlite(file) => outcome = sqlite::run(file, &found.place, statements, access, ctx).await?,
            Database::Postgres(server) => {
                postgres::run(server, &found.place, &statements, access, ctx, &mut outcome).await?
            }
            Database::MySql(server) => mysql::run(server, &found.place, &statements, access, ctx, &mut outcome).await?,
            Database::Remote(server) => {
                remote::run(server, &found.place, &statements, access, ctx, &mut outcome).await?
            }
        }
        ctx.info(format!("{} in {} ms", outcome.summary(), begun.elapsed().as_millis())).await;
        Ok(outcome.into_step_outcome())
    }
}

/// The text of the query, and the access it is limited to where its declaration says so.
pub(crate) fn resolve<'a>(query: &'a str, found: &'a Found) -> Result<(&'a str, Option<Access>), StepError> {
    let QueryRef::Named { name, write } = parse_query_ref(query) else {
        return Ok((query, None));
    };
    let queries = &found.connector.queries;
    let Some(query) = queries.get(name) else {
        let hint = match nearest(name, queries.keys().map(String::as_str)) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => String::new(),
        };
        return Err(found.place.definition(format!("there is no query `{name}`{hint}")));
    };
    if write && !query.writable {
        let text = format!(
            "connector `{}`: the query `{name}` is not declared `writable`, so `{name}:write` is refused",
            found.place.connector
        );
        return Err(StepError::new(StepErrorKind::Denied, text));
    }
    let dialect = found.connector.dialect;
    let sql = query
        .sql
        .for_dialect(dialect)
        .ok_or_else(|| found.place.definition(format!("the query `{name}` has no text for `{}`", dialect.as_str())))?;
    Ok((sql, Some(if write { Access::ReadWrite } else { Access::Read })))
}

fn bind(sql: &str, spec: &SqlQuerySpec, found: &Found) -> Result<Vec<Bound>, StepError> {
    let statements = scan::split(sql, found.connector.dialect).map_err(|e| found.place.definition(e))?;
    if statements.is_empty() {
        return Err(found.place.definition("the query is empty"));
    }
    if statements.len() > 1
        && let Some(control) = statements.iter().find(|s| s.is_transaction_control())
    {
        let text = format!(
            "`{}` is not for a step of several statements: they are one transaction already",
            control.keyword()
        );
        return Err(found.place.definition(text));
    }
    let binds = params::binds(&spec.params);
    let bind = |statement: Statement| {
        let values = vet::values(&statement, &binds, &found.place)?;
        Ok(Bound { statement, values })
    };
    statements.into_iter().map(bind).collect()
}

/// What SQL text needs. A SELECT in PostgreSQL or MySQL may call functions that write; in SQLite it cannot, and opening the file
/// for reading never makes a new one.
fn access_of(statements: &[Bound], found: &Found) -> Access {
    let all = |reads: fn(&Statement) -> bool| statements.iter().all(|bound| reads(&bound.statement));
    let only_reads = match &found.database {
        Database::Sqlite(_) => all(Statement::is_reading),
        Database::Remote(_) => all(Statement::is_plain_select),
        Database::Postgres(_) | Database::MySql(_) => false,
    };
    if only_reads || found.database.terms().is_read_only { Access::Read } else { Access::ReadWrite }
}
