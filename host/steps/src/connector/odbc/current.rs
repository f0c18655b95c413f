//! The statement that a connection's thread is in, for whoever has to stop it. `SQLCancel` is the one call of ODBC that is
//! made for another thread than the statement's own.
//!
//! Invariant: a statement is here only while its handle is valid. Its owner takes it out before he frees it, and waits for a
//! cancel that is under way.
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

/// While this lives its statement can be canceled. To be dropped before the statement.
pub(super) struct UnderWay<'c>(&'c Current);

impl Current {
    fn lock(&self) -> MutexGuard<'_, Option<Handle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls of `statement` begin.
    pub(super) fn begin(&self, statement: &mut impl AsStatementRef) -> UnderWay<'_> {
        *self.lock() = Some(Handle(statement.as_stmt_ref().as_sys()));
        UnderWay(self)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        *self.0.lock() = None;
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
