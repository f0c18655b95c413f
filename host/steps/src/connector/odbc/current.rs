//! The statement that a connection's thread is in, for whoever has to stop it. `SQLCancel` is the one call of ODBC that is
//! made for another thread than the statement's own.
//!
//! Invariant: a handle is here only while its statement lives. The compiler sees to it: [`UnderWay`] owns the statement and
//! takes the handle out before it lets go of it, which waits for a cancel that is under way.
#![allow(unsafe_code, reason = "the safe bindings cannot cancel")]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use odbc_api::handles::{AsStatementRef, Statement as _};
use odbc_api::sys::{HStmt, SQLCancel};

use crate::connector::remote::thread::Brake;

/// A handle that another thread does nothing with but cancel.
struct Handle(HStmt);

// SAFETY: the standard allows `SQLCancel` from any thread while another one is in a call with the same statement, and
// nothing else is done with this handle; its lifetime is the invariant of the module.
unsafe impl Send for Handle {}

/// The running statement of one connection, if there is one.
#[derive(Default)]
pub(super) struct Current(Mutex<Option<Handle>>);

/// A statement that can be canceled for as long as it lives.
pub(super) struct UnderWay<'c, S> {
    current: &'c Current,
    // Fields go after `drop`.
    statement: S,
}

impl Current {
    fn lock(&self) -> MutexGuard<'_, Option<Handle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls of `statement` begin.
    pub(super) fn begin<S: AsStatementRef>(&self, mut statement: S) -> UnderWay<'_, S> {
        let handle = Handle(statement.as_stmt_ref().as_sys());
        *self.lock() = Some(handle);
        UnderWay { current: self, statement }
    }
}

impl<S> UnderWay<'_, S> {
    /// Works with the statement, which stays where it is.
    pub(super) fn get(&mut self) -> &mut S {
        &mut self.statement
    }
}

impl<S> Drop for UnderWay<'_, S> {
    fn drop(&mut self) {
        *self.current.lock() = None;
    }
}

impl Brake for Arc<Current> {
    fn pull(&self) -> bool {
        if let Some(Handle(statement)) = &*self.lock() {
            // SAFETY: the handle is valid for as long as the lock is held. Whether it worked shows by the statement's end.
            let _ = unsafe { SQLCancel(*statement) };
        }
        true
    }
}
