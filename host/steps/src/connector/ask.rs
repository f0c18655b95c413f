//! One question by hand, as `nomaflow connector query` asks it: a named query or one SQL statement, its rows read as they
//! are wanted. Nothing is written unless the question says so, and then the database has the last word.

use host_model::port::{Access, Connectors, SqlCursor, SqlSession};
use host_model::value::{Binds, Column, Row};
use host_model::{CancelToken, StepError};

use super::{ConnectorPools, vet};
use crate::sql_query;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The connector's name.
    pub connector: &'a str,
    /// The name of a query (`name`, `name:write`), or one SQL statement.
    pub text: &'a str,
    /// Values for its `:name` parameters.
    pub binds: &'a Binds,
    /// Whether it may write.
    pub may_write: bool,
}

/// What the database answers.
pub enum Answer {
    /// Rows, which may be none.
    Rows(Rows),
    /// How many rows a statement without a result has changed.
    Affected(u64),
}

/// Rows on their way.
pub struct Rows {
    // Dropped before the session it belongs to.
    cursor: Box<dyn SqlCursor>,
    _session: Box<dyn SqlSession>,
}

impl Rows {
    /// The columns, in order.
    pub fn columns(&self) -> &[Column] {
        self.cursor.columns()
    }

    /// The next rows, at most `max`; empty at the end.
    ///
    /// # Errors
    /// What the database says.
    pub async fn next_batch(&mut self, max: usize) -> Result<Vec<Row>, StepError> {
        self.cursor.next_batch(max).await
    }
}

impl ConnectorPools {
    /// Asks one question.
    ///
    /// # Errors
    /// `definition` for an unknown connector, query or parameter; `denied` for a statement that writes where it may not;
    /// otherwise what the database says.
    pub async fn ask(&self, question: Question<'_>, cancel: &CancelToken) -> Result<Answer, StepError> {
        let found = self.find(question.connector)?;
        let (sql, declared) = sql_query::resolve(question.text, &found)?;
        let access = match (declared, question.may_write) {
            (Some(Access::ReadWrite), false) => return Err(vet::refused_write(question.text, &found.place)),
            (Some(Access::Read), _) | (_, false) => Access::Read,
            (_, true) => Access::ReadWrite,
        };
        let statement = vet::single(sql, found.connector.dialect, access, &found.place)?;
        let binds = question.binds.clone();
        let session = self.open(question.connector, access, cancel).await?;
        if statement.is_reading() || statement.is_returning() {
            let cursor = session.query(sql, binds).await?;
            return Ok(Answer::Rows(Rows { cursor, _session: session }));
        }
        session.execute(sql, binds).await.map(Answer::Affected)
    }
}
