//! How the failures of databases become [`StepError`]s: which connector, which database (never the password), what it
//! said, and whether trying again can help. Nothing else in this crate writes such sentences.

use std::borrow::Cow;

use host_model::{CancelToken, Objection, StepError, StepErrorKind};
use sqlx::mysql::MySqlDatabaseError;
use sqlx::postgres::PgDatabaseError;

use super::sqlite::confine::refusal;

/// A connector as messages name it: its name and its database without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The connector's name.
    pub(crate) connector: String,
    /// `postgres://user@host:5432/db` or `sqlite:/path`.
    pub(crate) label: String,
}

/// Why a piece of work on a connection of the driver failed.
pub(crate) enum Trouble {
    /// The driver or the server.
    Sql(sqlx::Error),
    /// Ourselves, in the words of the step.
    Step(StepError),
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StepError> for Trouble {
    fn from(error: StepError) -> Self {
        Self::Step(error)
    }
}

impl Place {
    /// The database cannot be reached.
    pub(crate) fn unreachable(&self, why: impl std::fmt::Display) -> StepError {
        StepError::remote(format!("connector `{}` cannot reach `{}`: {why}", self.connector, self.label))
    }

    /// The connection broke while it was in use.
    pub(crate) fn lost(&self, why: impl std::fmt::Display, sql: &str) -> StepError {
        let text = format!("connector `{}` has lost its connection to `{}`: {why}", self.connector, self.label);
        StepError::remote(text).with_detail(statement_detail(sql))
    }

    /// The same, noticed by the statement after it.
    pub(crate) fn transaction_lost(&self) -> StepError {
        StepError::remote(format!(
            "connector `{}`: the connection is gone, and its transaction with it",
            self.connector
        ))
    }

    /// Every connection of the pool is taken.
    pub(crate) fn exhausted(&self, pool_size: u32, waited: std::time::Duration) -> StepError {
        StepError::remote(format!(
            "connector `{}` had none of its {pool_size} connections to `{}` free within {} s",
            self.connector,
            self.label,
            waited.as_secs()
        ))
    }

    /// The step asked for something this access does not allow.
    pub(crate) fn denied(&self, why: &str) -> StepError {
        StepError::new(StepErrorKind::Denied, format!("connector `{}` {why}", self.connector))
    }

    /// The step says something this database can never do.
    pub(crate) fn definition(&self, why: impl std::fmt::Display) -> StepError {
        StepError::definition(format!("connector `{}`: {why}", self.connector))
    }

    /// The database refused a statement or broke while running it.
    pub(crate) fn sqlite(&self, error: &rusqlite::Error, sql: &str) -> StepError {
        if let Some(why) = refusal(error) {
            return self.definition(why).with_detail(statement_detail(sql));
        }
        let mut fault =
            StepError::remote(format!("connector `{}` ({}): {}", self.connector, self.label, sqlite_text(error)));
        fault.may_retry = sqlite_may_retry(error);
        fault.objection = sqlite_objection(error);
        fault.with_detail(statement_detail(sql))
    }

    /// The same for PostgreSQL.
    pub(crate) fn postgres(&self, error: &sqlx::Error, sql: &str) -> StepError {
        let Some(refusal) = error.as_database_error() else {
            return match error {
                sqlx::Error::Io(io) => self.lost(io_text(io), sql),
                sqlx::Error::Encode(why) | sqlx::Error::Decode(why) => self.definition(why),
                // The driver looks up types it does not know, and fails at the sort that is younger than it.
                sqlx::Error::ColumnDecode { index, .. } if index.contains("typtype") => self.definition(
                    "a column or parameter is of a multirange type, which the driver cannot read; write `column::text` \
                     in a query",
                ),
                sqlx::Error::Protocol(text) if text.contains("CopyOutResponse") || text.contains("CopyInResponse") => {
                    self.definition("`copy` from or to the client has nobody to talk to here; `sql_copy` moves rows")
                }
                _ => StepError::remote(format!("connector `{}` ({}): {error}", self.connector, self.label)),
            };
        };
        let refusal = refusal.downcast_ref::<PgDatabaseError>();
        let mut text = format!("connector `{}` ({}): {}", self.connector, self.label, refusal.message());
        if let Some(detail) = refusal.detail() {
            text.push_str(&format!(" ({detail})"));
        }
        // For COPY the context is the line, the column and the value.
        if let Some(context) = refusal.r#where().filter(|c| c.starts_with("COPY ")) {
            text.push_str(&format!(" [{context}]"));
        }
        let mut fault = StepError::remote(text);
        fault.may_retry = postgres_may_retry(refusal.code());
        fault.objection = Objection::of_sqlstate(refusal.code());
        let mut detail = format!("SQLSTATE {}", refusal.code());
        if let Some(hint) = refusal.hint() {
            detail.push_str(&format!("\nhint: {hint}"));
        }
        if !sql.is_empty() {
            detail.push('\n');
            detail.push_str(&statement_detail(sql));
        }
        fault.with_detail(detail)
    }

    /// The same for MySQL and MariaDB.
    pub(crate) fn mysql(&self, error: &sqlx::Error, sql: &str) -> StepError {
        let Some(refusal) = mysql_refusal(error) else {
            return match error {
                sqlx::Error::Io(io) => self.lost(io_text(io), sql),
                sqlx::Error::Encode(why) | sqlx::Error::Decode(why) => self.definition(why),
                _ => StepError::remote(format!("connector `{}` ({}): {error}", self.connector, self.label)),
            };
        };
        let mut fault =
            StepError::remote(format!("connector `{}` ({}): {}", self.connector, self.label, refusal.message()));
        if refusal.number() == 1792 {
            fault = self.denied(&format!("is open for reading only: {}", refusal.message()));
        }
        fault.may_retry = mysql_may_retry(refusal.number(), refusal.code().unwrap_or_default());
        fault.objection = mysql_objection(refusal.number(), refusal.code().unwrap_or_default());
        let mut detail = format!("error {}", refusal.number());
        if let Some(state) = refusal.code() {
            detail.push_str(&format!(", SQLSTATE {state}"));
        }
        if !sql.is_empty() {
            detail.push('\n');
            detail.push_str(&statement_detail(sql));
        }
        fault.with_detail(detail)
    }

    /// The same for a server with a driver of its own kind; `origin` is its code and where it happened.
    pub(crate) fn foreign(&self, message: &str, origin: &str, may_retry: bool, sql: &str) -> StepError {
        let mut fault = StepError::remote(format!("connector `{}` ({}): {message}", self.connector, self.label));
        fault.may_retry = may_retry;
        let lines = [origin.to_owned(), statement_detail(sql)];
        fault.with_detail(lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n"))
    }

    /// A statement ran longer than it may, and was stopped on the server.
    pub(crate) fn too_long(&self, limit: std::time::Duration, sql: &str) -> StepError {
        let text = format!(
            "connector `{}` ({}): the statement took longer than {} s and was stopped",
            self.connector,
            self.label,
            limit.as_secs()
        );
        StepError::new(StepErrorKind::Timeout, text).with_detail(statement_detail(sql))
    }
}

/// The driver's word for a connection that ended is how many bytes it had hoped for.
fn io_text(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "the server has closed it".to_owned(),
        _ => error.to_string(),
    }
}

/// The error of a step that was told to stop.
pub(crate) fn canceled(cancel: &CancelToken) -> StepError {
    StepError::new(StepErrorKind::Canceled, cancel.reason().unwrap_or("canceled").to_owned())
}

/// SQL in an error's detail is an aid for its author, not a log of the data: long texts are cut.
fn statement_detail(sql: &str) -> String {
    const LONGEST: usize = 2_000;
    match sql.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &sql[..at]),
        None => sql.to_owned(),
    }
}

pub(crate) fn sqlite_text(error: &rusqlite::Error) -> Cow<'_, str> {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

fn sqlite_may_retry(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode as C;
    let Some(code) = error.sqlite_error_code() else { return false };
    matches!(
        code,
        C::DatabaseBusy
            | C::DatabaseLocked
            | C::SystemIoFailure
            | C::DiskFull
            | C::CannotOpen
            | C::OutOfMemory
            | C::SchemaChanged
            | C::FileLockingProtocolFailed
            | C::OperationInterrupted
    )
}

/// SQLite has one code for all that is wrong with a statement; only its words tell an unknown name.
fn sqlite_objection(error: &rusqlite::Error) -> Option<Objection> {
    use rusqlite::ErrorCode as C;
    let text = sqlite_text(error);
    let is_name = ["no such table", "no such column", "has no column named"].iter().any(|words| text.contains(words));
    match error.sqlite_error_code()? {
        C::ConstraintViolation => Some(Objection::Constraint),
        C::Unknown if is_name => Some(Objection::UnknownName),
        C::Unknown | C::TypeMismatch => Some(Objection::Statement),
        _ => None,
    }
}

/// MySQL has some missing privileges among its syntax errors, and some constraints among the general ones.
fn mysql_objection(number: u16, state: &str) -> Option<Objection> {
    match number {
        1044 | 1045 | 1142 | 1143 | 1227 | 1370 => None,
        3819 | 4025 => Some(Objection::Constraint),
        _ => Objection::of_sqlstate(state),
    }
}

fn mysql_refusal(error: &sqlx::Error) -> Option<&MySqlDatabaseError> {
    error.as_database_error().and_then(|e| e.try_downcast_ref::<MySqlDatabaseError>())
}

/// The number of a refusal of MySQL or MariaDB.
pub(crate) fn mysql_number(error: &sqlx::Error) -> Option<u16> {
    mysql_refusal(error).map(MySqlDatabaseError::number)
}

/// Whether MySQL or MariaDB has something against a row, and not against the statement or the moment: a value out of
/// range, too long or of another form, a NULL, a doubled key, a broken reference or check, a partition that is missing,
/// what a trigger raises.
pub(crate) fn mysql_blames_data(error: &sqlx::Error) -> bool {
    let Some(refusal) = mysql_refusal(error) else { return false };
    matches!(refusal.code().and_then(|state| state.get(..2)), Some("22" | "23" | "45"))
        || matches!(refusal.number(), 1264 | 1265 | 1292 | 1364 | 1366 | 1411 | 1526 | 1644 | 3140 | 3819 | 4025)
}

/// Locks, deadlocks, limits of connections and time, a server that stops, has no room or is read-only for a while.
fn mysql_may_retry(number: u16, state: &str) -> bool {
    matches!(state.get(..2), Some("08" | "40" | "53"))
        || matches!(
            number,
            1020 | 1021 | 1037 | 1038 | 1040 | 1041 | 1053 | 1114 | 1129 | 1158
                ..=1161 | 1180 | 1203 | 1205 | 1213 | 1226 | 1290 | 1317 | 1412 | 1615 | 1836 | 1927 | 1969 | 3024
        )
}

/// Connection, transaction, resource, operator and system classes may pass; what is wrong with the SQL or the data
/// stays wrong.
fn postgres_may_retry(code: &str) -> bool {
    matches!(code.get(..2), Some("08" | "25" | "40" | "53" | "55" | "57" | "58" | "XX"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_the_sql_is_not_retried_and_a_busy_server_is() {
        assert!(!postgres_may_retry("42P01"));
        assert!(!postgres_may_retry("23505"));
        assert!(postgres_may_retry("40001"));
        assert!(postgres_may_retry("57P01"));
    }

    #[test]
    fn what_a_database_has_against_a_statement_is_told_from_its_other_troubles() {
        assert_eq!(Objection::of_sqlstate("23505"), Some(Objection::Constraint));
        assert_eq!(Objection::of_sqlstate("42P01"), Some(Objection::UnknownName));
        assert_eq!(Objection::of_sqlstate("22003"), Some(Objection::Statement));
        for state in ["42501", "40001", "57014", "08006", "", "é"] {
            assert_eq!(Objection::of_sqlstate(state), None, "{state}");
        }
        assert_eq!(mysql_objection(1062, "23000"), Some(Objection::Constraint));
        assert_eq!(mysql_objection(1146, "42S02"), Some(Objection::UnknownName));
        assert_eq!(mysql_objection(1142, "42000"), None);
    }

    #[test]
    fn a_long_statement_is_cut_at_a_character() {
        let long = "ž".repeat(3_000);
        let cut = statement_detail(&long);
        assert_eq!(cut.chars().count(), 2_001);
    }
}
