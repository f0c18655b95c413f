//! What no statement may do, whoever wrote it: change what SQLite keeps once for the whole process, the store of the house
//! included. And what a session may not: reach any file but its own.
//!
//! Invariant: SQLite itself asks here while it prepares a statement, so no spelling of one gets by.

use rusqlite::ffi::SQLITE_ATTACH;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, config::DbConfig};

/// Heap limits, which a statement can only lower, so that nobody has memory any more; and folders, which are not even
/// safe to change while others read them.
const OF_THE_PROCESS: [&str; 4] =
    ["hard_heap_limit", "soft_heap_limit", "temp_store_directory", "data_store_directory"];

/// Confines a connection; that of a session (`to_its_file`) to its own file.
pub(super) fn confine(conn: &Connection, to_its_file: bool) -> rusqlite::Result<()> {
    if to_its_file {
        // Once more, whatever the statement is.
        conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        // A schema that was written by hand can be one that SQLite does not survive.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    }
    conn.authorizer(Some(move |asked: AuthContext<'_>| match asked.action {
        AuthAction::Pragma { pragma_name, pragma_value: Some(_) }
            if OF_THE_PROCESS.iter().any(|own| own.eq_ignore_ascii_case(pragma_name)) =>
        {
            Authorization::Deny
        }
        // VACUUM asks here as well, for the file it copies to. A name that is not written out is `Unknown`.
        AuthAction::Attach { .. } | AuthAction::Unknown { code: SQLITE_ATTACH, .. } if to_its_file => {
            Authorization::Deny
        }
        _ => Authorization::Allow,
    }))
}

/// What to say of a statement that was refused because of [`confine`].
pub(crate) fn refusal(error: &rusqlite::Error) -> Option<&'static str> {
    (error.sqlite_error_code() == Some(ErrorCode::AuthorizationForStatementDenied)).then_some(
        "the statement is refused: no other database file is attached here (`vacuum` needs one too), and what SQLite keeps \
         for the whole process (`hard_heap_limit`, `temp_store_directory` and the like) stays as it is",
    )
}
