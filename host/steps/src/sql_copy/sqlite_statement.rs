//! An INSERT that binds texts and bytes where they lie. SQLite's safe bindings copy each one into a piece of memory of its
//! own first, which was a quarter of the time that rows took here.
//!
//! Invariant: nothing is bound when [`BoundInsert::insert`] returns, so SQLite never has a pointer to memory it may not read.
#![allow(unsafe_code, reason = "the safe bindings copy what they bind")]

use std::ffi::{CStr, c_int};
use std::ptr::{self, NonNull};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, ffi};

/// A prepared INSERT.
pub(super) struct BoundInsert<'c> {
    conn: &'c Connection,
    raw: NonNull<ffi::sqlite3_stmt>,
}

impl<'c> BoundInsert<'c> {
    pub(super) fn prepare(conn: &'c Connection, sql: &str) -> rusqlite::Result<Self> {
        let length = c_int::try_from(sql.len()).map_err(|_| failure(ffi::SQLITE_TOOBIG, None))?;
        let mut raw = ptr::null_mut();
        // SAFETY: the connection is open for as long as it is borrowed, and `sql` has as many bytes as we say.
        let code = unsafe {
            ffi::sqlite3_prepare_v3(
                conn.handle(),
                sql.as_ptr().cast(),
                length,
                ffi::SQLITE_PREPARE_PERSISTENT,
                &raw mut raw,
                ptr::null_mut(),
            )
        };
        match NonNull::new(raw) {
            Some(raw) if code == ffi::SQLITE_OK => Ok(Self { conn, raw }),
            _ => Err(last_failure(conn, code)),
        }
    }

    /// Runs it with one value for each of its parameters, in order.
    pub(super) fn insert<'v>(&mut self, cells: impl Iterator<Item = ValueRef<'v>>) -> rusqlite::Result<()> {
        let raw = self.raw.as_ptr();
        let mut done = (1..).zip(cells).try_for_each(|(n, cell)| self.bind(n, cell));
        if done.is_ok() {
            // SAFETY: the statement is prepared; what is bound is borrowed for longer than this call.
            let code = unsafe { ffi::sqlite3_step(raw) };
            if code != ffi::SQLITE_DONE {
                done = Err(last_failure(self.conn, code));
            }
        }
        // SAFETY: the statement is prepared. What resetting it returns is the failure of the step once more.
        unsafe {
            ffi::sqlite3_reset(raw);
            ffi::sqlite3_clear_bindings(raw);
        }
        done
    }

    fn bind(&mut self, n: c_int, cell: ValueRef<'_>) -> rusqlite::Result<()> {
        let raw = self.raw.as_ptr();
        // SAFETY: the statement is prepared and is cleared before what `cell` borrows can go; a number that it has no
        // parameter for is refused by SQLite. Texts and bytes have as many bytes as we say; empty ones get a pointer to
        // something all the same, because none would be NULL.
        let code = unsafe {
            match cell {
                ValueRef::Null => ffi::sqlite3_bind_null(raw, n),
                ValueRef::Integer(value) => ffi::sqlite3_bind_int64(raw, n, value),
                ValueRef::Real(value) => ffi::sqlite3_bind_double(raw, n, value),
                ValueRef::Text(text) => {
                    let start = if text.is_empty() { c"".as_ptr() } else { text.as_ptr().cast() };
                    let (length, encoding) = (text.len() as u64, ffi::SQLITE_UTF8 as u8);
                    ffi::sqlite3_bind_text64(raw, n, start, length, ffi::SQLITE_STATIC(), encoding)
                }
                ValueRef::Blob([]) => ffi::sqlite3_bind_zeroblob(raw, n, 0),
                ValueRef::Blob(bytes) => {
                    ffi::sqlite3_bind_blob64(raw, n, bytes.as_ptr().cast(), bytes.len() as u64, ffi::SQLITE_STATIC())
                }
            }
        };
        if code == ffi::SQLITE_OK { Ok(()) } else { Err(last_failure(self.conn, code)) }
    }
}

impl Drop for BoundInsert<'_> {
    fn drop(&mut self) {
        // SAFETY: nobody else has this statement, and its connection is still open. Its latest failure has been told.
        unsafe { ffi::sqlite3_finalize(self.raw.as_ptr()) };
    }
}

fn failure(code: c_int, message: Option<String>) -> Error {
    Error::SqliteFailure(ffi::Error::new(code), message)
}

/// What the connection says about the call that has just returned `code`.
fn last_failure(conn: &Connection, code: c_int) -> Error {
    // SAFETY: the connection is open, and its message, which SQLite never leaves out, is copied before the next call.
    let (code, message) = unsafe {
        let db = conn.handle();
        let extended = ffi::sqlite3_extended_errcode(db);
        let message = CStr::from_ptr(ffi::sqlite3_errmsg(db)).to_string_lossy().into_owned();
        (if extended == ffi::SQLITE_OK { code } else { extended }, message)
    };
    failure(code, Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_class_are_stored_as_they_are() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("create table t (a, b, c)").unwrap();
        let long = "é\0x".repeat(50_000);
        let cells = [
            [ValueRef::Null, ValueRef::Integer(i64::MIN), ValueRef::Real(-0.5)],
            [ValueRef::Text(b""), ValueRef::Text(long.as_bytes()), ValueRef::Blob(&[])],
            [ValueRef::Blob(&[0, 255]), ValueRef::Blob(long.as_bytes()), ValueRef::Text(b"a")],
        ];
        let mut insert = BoundInsert::prepare(&conn, "insert into t values (?, ?, ?), (?, ?, ?), (?, ?, ?)").unwrap();
        insert.insert(cells.concat().into_iter()).unwrap();
        // What is not bound again is NULL: nothing stays behind.
        insert.insert([ValueRef::Text(b"again")].into_iter()).unwrap();
        let mut read = conn.prepare("select * from t").unwrap();
        let mut rows = read.raw_query();
        for want in cells {
            let row = rows.next().unwrap().unwrap();
            assert_eq!([0, 1, 2].map(|n| row.get_ref(n).unwrap()), want);
        }
        let row = rows.next().unwrap().unwrap();
        assert_eq!([0, 1].map(|n| row.get_ref(n).unwrap()), [ValueRef::Text(b"again"), ValueRef::Null]);
    }

    #[test]
    fn a_refused_statement_says_why_and_can_be_used_again() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("create table t (a integer primary key, b text not null)").unwrap();
        let mut insert = BoundInsert::prepare(&conn, "insert into t values (?, ?)").unwrap();
        let error = insert.insert([ValueRef::Integer(1), ValueRef::Null].into_iter()).unwrap_err();
        assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::ConstraintViolation));
        assert!(error.to_string().contains("t.b"), "{error}");
        let more = [ValueRef::Integer(1), ValueRef::Text(b"x"), ValueRef::Null];
        assert!(insert.insert(more.into_iter()).is_err(), "a third value for two parameters");
        insert.insert([ValueRef::Integer(1), ValueRef::Text(b"x")].into_iter()).unwrap();
        assert!(BoundInsert::prepare(&conn, "insert into nowhere values (?)").is_err());
        assert!(BoundInsert::prepare(&conn, "").is_err());
    }
}
