//! Whether a database would take a query, found out without running it: what the editor asks while SQL is written.
//!
//! Each statement is prepared by the database it is for, which reads it and looks up what it names. Invariant: none is run,
//! and what only a run could tell is said to be unknown, never guessed.

mod place;

use std::sync::Arc;
use std::time::Duration;

use host_model::connector::Dialect;
use host_model::desk::{StatementReport, Verdict};
use host_model::port::Access;
use host_model::value::{Column, Value};
use host_model::{CancelToken, StepError, StepErrorKind};
use sqlx::postgres::{PgDatabaseError, PgErrorPosition};
use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _, Statement as _};

use super::fault::{Place, mysql_number, sqlite_text};
use super::mysql::{self, MySqlServer, Purpose};
use super::postgres::{self, PgServer};
use super::remote::Server;
use super::scan::{self, Statement};
use super::sqlite::{SqliteFile, Use, session};
use super::{ConnectorPools, Database, Found, vet};
use crate::sql_query;
use place::{byte_of_char, line_and_column, line_named_in, word_named_in};

/// What a server gets to look at all of it.
const LONGEST: Duration = Duration::from_secs(10);

/// What was found out about a statement; mistakes with the byte of the source where they are.
enum Said {
    Sound(Vec<Column>),
    Wrong { message: String, hint: Option<String>, at: Option<usize> },
    Unknown(String),
}

impl Said {
    fn wrong(message: impl Into<String>) -> Self {
        Self::Wrong { message: message.into(), hint: None, at: None }
    }
}

impl ConnectorPools {
    /// Has a database look at each statement of a query, given by its name or its text.
    ///
    /// # Errors
    /// `definition` for an unknown connector or query, and for a text that cannot be taken apart; otherwise those of
    /// [`host_model::port::Connectors::open`].
    pub async fn prove(
        &self,
        connector: &str,
        query: &str,
        cancel: &CancelToken,
    ) -> Result<Vec<StatementReport>, StepError> {
        let found = self.find(connector)?;
        let (source, declared) = sql_query::resolve(query, &found)?;
        let statements = scan::split(source, found.connector.dialect).map_err(|e| found.place.definition(e))?;
        let may_write = declared != Some(Access::Read) && !found.database.terms().is_read_only;
        let at_sight = at_sight(&statements, may_write, &found.place);
        let open: Vec<Statement> =
            statements.iter().zip(&at_sight).filter(|(_, said)| said.is_none()).map(|(it, _)| it.clone()).collect();
        let mut answers = ask(&found, open, may_write, cancel).await?.into_iter();
        let unasked = || Said::Unknown("the database did not look at it".to_owned());
        let report = |(statement, said): (&Statement, Option<Said>)| {
            let said = said.or_else(|| answers.next()).unwrap_or_else(unasked);
            reported(statement, said, source)
        };
        Ok(statements.iter().zip(at_sight).map(report).collect())
    }
}

fn reported(statement: &Statement, said: Said, source: &str) -> StatementReport {
    let at = match &said {
        Said::Wrong { at: Some(at), .. } => *at,
        _ => statement.start(),
    };
    let (line, column) = line_and_column(source, at);
    let verdict = match said {
        Said::Sound(columns) => Verdict::Sound { columns },
        Said::Wrong { message, hint, .. } => Verdict::Wrong { message, hint },
        Said::Unknown(why) => Verdict::Unknown { why },
    };
    StatementReport {
        keyword: statement.keyword().to_owned(),
        line,
        column,
        params: statement.names().to_vec(),
        verdict,
    }
}

/// What is known before a database is asked, for each statement.
fn at_sight(statements: &[Statement], may_write: bool, place: &Place) -> Vec<Option<Said>> {
    let mut before: Option<String> = None;
    let mut all = Vec::new();
    for statement in statements {
        let word = statement.keyword();
        let holds_template = statement.render(|_| String::new()).contains("${");
        let said = if statements.len() > 1 && statement.is_transaction_control() {
            let text = "is not for a step of several statements: they are one transaction already";
            Some(Said::wrong(format!("`{word}` {text}")))
        } else if !may_write && !statement.is_reading() {
            Some(Said::wrong(vet::refused_write(word, place).message))
        } else if holds_template {
            Some(Said::Unknown("it holds `${…}`, which is filled in when the step runs".to_owned()))
        } else if let Some(before) = &before {
            Some(Said::Unknown(format!("it follows `{before}`, which is not run for this")))
        } else if word == "pragma" {
            // SQLite carries some of them out while it prepares them.
            Some(Said::Unknown("a `pragma` takes effect when it is looked at".to_owned()))
        } else {
            None
        };
        all.push(said);
        if sets_the_stage(word) {
            before.get_or_insert_with(|| word.to_owned());
        }
    }
    all
}

/// Statements without which those behind them may mean something else, or nothing.
fn sets_the_stage(word: &str) -> bool {
    matches!(word, "create" | "alter" | "drop" | "rename" | "attach" | "detach" | "use" | "set" | "declare" | "pragma")
}

async fn ask(
    found: &Found,
    statements: Vec<Statement>,
    may_write: bool,
    cancel: &CancelToken,
) -> Result<Vec<Said>, StepError> {
    if statements.is_empty() {
        return Ok(Vec::new());
    }
    let place = &found.place;
    match &found.database {
        Database::Sqlite(file) => ask_sqlite(file, place, statements, may_write, cancel).await,
        Database::Postgres(server) => ask_postgres(server, place, &statements, cancel).await,
        Database::MySql(server) => ask_mysql(server, place, &statements, cancel).await,
        Database::Remote(server) => ask_remote(&**server, place, &statements, cancel).await,
    }
}

const MARKS: &str = "parameters are written `:name`; marks of the database's own have no value here";

async fn ask_sqlite(
    file: &Arc<SqliteFile>,
    place: &Place,
    statements: Vec<Statement>,
    may_write: bool,
    cancel: &CancelToken,
) -> Result<Vec<Said>, StepError> {
    let look = move |link: &super::sqlite::Link| {
        let say = |statement: &Statement| {
            let mark = |n: usize| format!("?{}", n + 1);
            let sql = statement.render(mark);
            match link.conn.prepare(&sql) {
                Err(error) => {
                    let message = sqlite_text(&error).into_owned();
                    let at = word_named_in(&message, &sql).map(|at| statement.source_of(at, mark));
                    Said::Wrong { message, hint: None, at }
                }
                Ok(prepared) if prepared.parameter_count() != statement.names().len() => Said::wrong(MARKS),
                Ok(prepared) if !may_write && !prepared.readonly() => {
                    Said::wrong(vet::refused_write(statement.keyword(), link.place()).message)
                }
                Ok(prepared) => Said::Sound(prepared.columns().iter().map(session::column).collect()),
            }
        };
        Ok(statements.iter().map(say).collect())
    };
    // For reading, whatever the statements are: nothing is written, and no file made.
    file.work(place, Use::Step(Access::Read), cancel, look).await
}

async fn ask_postgres(
    server: &Arc<PgServer>,
    place: &Place,
    statements: &[Statement],
    cancel: &CancelToken,
) -> Result<Vec<Said>, StepError> {
    let mut lease = server.lease(place, Access::Read, Some(LONGEST), cancel).await?;
    let mut all = Vec::new();
    for statement in statements {
        let said = postgres_one(&mut lease, statement).await;
        match said {
            Ok(said) => all.push(said),
            Err(error) => {
                lease.release().await;
                return Err(error);
            }
        }
    }
    lease.release().await;
    Ok(all)
}

async fn postgres_one(lease: &mut postgres::Lease, statement: &Statement) -> Result<Said, StepError> {
    let (stop, conn) = (lease.stop.clone(), &mut lease.conn);
    let mark = |n: usize| format!("${}", n + 1);
    let sql = statement.render(mark);
    let work = async {
        match conn.prepare(AssertSqlSafe(sql.clone()).into_sql_str()).await {
            Ok(described) => Ok(Ok(postgres::statement::Decoder::of(described.columns()).columns)),
            Err(error) if error.as_database_error().is_some() => Ok(Err(error)),
            Err(error) => Err(error.into()),
        }
    };
    let said = match stop.guard(&sql, work).await? {
        Err(error) => match error.as_database_error().map(|refusal| refusal.downcast_ref::<PgDatabaseError>()) {
            Some(refusal) => of_postgres(refusal, statement, &sql),
            None => Said::wrong(error.to_string()),
        },
        // The server takes such a statement apart and looks nothing up.
        Ok(columns) if columns.is_empty() && !is_looked_up(statement.keyword()) => {
            Said::Unknown("its grammar is right; what it names is looked up when it runs".to_owned())
        }
        Ok(columns) => Said::Sound(columns),
    };
    Ok(said)
}

fn is_looked_up(word: &str) -> bool {
    matches!(word, "select" | "insert" | "update" | "delete" | "merge" | "with" | "values" | "table" | "")
}

fn of_postgres(refusal: &PgDatabaseError, statement: &Statement, sql: &str) -> Said {
    let mut message = refusal.message().to_owned();
    if let Some(detail) = refusal.detail() {
        message.push_str(&format!(" ({detail})"));
    }
    let at = match refusal.position() {
        Some(PgErrorPosition::Original(position)) => {
            Some(statement.source_of(byte_of_char(sql, position), |n| format!("${}", n + 1)))
        }
        _ => None,
    };
    Said::Wrong { message, hint: refusal.hint().map(str::to_owned), at }
}

async fn ask_mysql(
    server: &Arc<MySqlServer>,
    place: &Place,
    statements: &[Statement],
    cancel: &CancelToken,
) -> Result<Vec<Said>, StepError> {
    // MariaDB does not prepare a change in a session that only reads. What is prepared is not run in any.
    let access = if server.terms.is_read_only { Access::Read } else { Access::ReadWrite };
    let mut lease = server.lease(place, access, Purpose::Query, Some(LONGEST), cancel).await?;
    let mut all = Vec::new();
    for statement in statements {
        match mysql_one(&mut lease, statement).await {
            Ok(said) => all.push(said),
            Err(error) => {
                lease.release().await;
                return Err(error);
            }
        }
    }
    lease.release().await;
    Ok(all)
}

async fn mysql_one(lease: &mut mysql::Lease, statement: &Statement) -> Result<Said, StepError> {
    let stop = lease.stop.clone();
    let (conn, traits) = (&mut lease.conn, &lease.traits);
    let mut marks = 0;
    let sql = statement.render(|_| {
        marks += 1;
        "?".to_owned()
    });
    let work = async {
        match conn.prepare(AssertSqlSafe(sql.clone()).into_sql_str()).await {
            Ok(described) => {
                let wire = mysql::kind::Wire::Binary;
                let columns = mysql::statement::Decoder::of(described.columns(), wire, traits).columns;
                Ok(Ok((columns, mysql::statement::parameters(&described))))
            }
            Err(error) if mysql_number(&error).is_some() => Ok(Err(error)),
            Err(error) => Err(error.into()),
        }
    };
    Ok(match stop.guard(&sql, work).await? {
        Ok((_, wanted)) if wanted != marks => Said::wrong(MARKS),
        Ok((columns, _)) => Said::Sound(columns),
        Err(error) => match mysql_number(&error) {
            // "This command is not supported in the prepared statement protocol yet", and a statement that a reader may
            // not run.
            Some(1295 | 1792) => Said::Unknown("the server looks at such a statement only when it runs".to_owned()),
            _ => {
                let message = error.as_database_error().map_or_else(|| error.to_string(), |it| it.message().to_owned());
                let at = line_named_in(&message, &sql).map(|at| statement.source_of(at, |_| "?".to_owned()));
                Said::Wrong { message, hint: None, at }
            }
        },
    })
}

/// These servers describe the rows of a SELECT, and nothing else, without reading any.
async fn ask_remote(
    server: &dyn Server,
    place: &Place,
    statements: &[Statement],
    cancel: &CancelToken,
) -> Result<Vec<Said>, StepError> {
    let dialect = server.dialect();
    let is_described = |it: &Statement| it.is_plain_select() && dialect != Dialect::Odbc;
    let unknown = || Said::Unknown(format!("`{}` looks at such a statement only when it runs", dialect.as_str()));
    if !statements.iter().any(is_described) {
        return Ok(statements.iter().map(|_| unknown()).collect());
    }
    let link = server.link(place, Access::Read, Some(LONGEST), cancel).await?;
    let mut all = Vec::new();
    for statement in statements {
        if !is_described(statement) {
            all.push(unknown());
            continue;
        }
        let nothing = vec![Value::Null; statement.names().len()];
        let said = match link.describe(statement, &nothing).await {
            Ok(columns) => Said::Sound(columns),
            Err(error) if !link.is_alive() || error.kind == StepErrorKind::Canceled => return Err(error),
            // What is asked is a SELECT around the statement, in which two columns of a name are one too many.
            Err(error) if error.message.contains("ORA-00918") => unknown(),
            // SQL Server described it; a copy would want a name for each column, a query does not.
            Err(error) if error.kind == StepErrorKind::Definition && error.detail.is_empty() => Said::Sound(Vec::new()),
            Err(error) => {
                let prefix = format!("connector `{}` ({}): ", place.connector, place.label);
                Said::wrong(error.message.strip_prefix(&prefix).unwrap_or(&error.message))
            }
        };
        all.push(said);
    }
    Ok(all)
}
