//! What a writing operation is: something that can be performed on a connection inside a transaction, possibly more than
//! once, and says itself whether its work is to be kept. Who begins and commits is the business of `writer` (SQLite,
//! many operations in one transaction) and `postgres` (one transaction each).

use async_trait::async_trait;

use crate::error::DbError;
use crate::fires::RecordFire;
use crate::sql::Conn;

/// The answer of an operation, and whether its work stays.
#[derive(Debug)]
pub(crate) enum Verdict<A> {
    Keep(A),
    Undo(A),
}

/// One all-or-nothing operation.
#[async_trait]
pub(crate) trait Write: Send + Sync + 'static {
    type Answer: Send + 'static;

    /// Does the work inside a transaction somebody else has begun.
    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Self::Answer>, DbError>;

    /// The same as one statement outside any transaction, which PostgreSQL commits by itself: one trip instead of four or
    /// more. `None` when it has changed nothing and [`Write::perform`] has to see why, or to do it the long way.
    async fn perform_at_once(&self, _conn: &mut Conn<'_>) -> Result<Option<Self::Answer>, DbError> {
        Ok(None)
    }

    /// The fire it records and the answer when it takes, if it may go into a bundle with others (`bundle`).
    fn as_fire(&self) -> Option<(&RecordFire, Self::Answer)> {
        None
    }
}
