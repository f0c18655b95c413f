//! The library a Python worker opens after libpython: it registers the built-in module `_nomaflow` and becomes the
//! configured interpreter through `Py_BytesMain`, so that virtual environments, `site` and `sys.prefix` behave exactly
//! as with that interpreter's own executable.
//!
//! It owns the socket to the host ([`channel`]) and nothing else: what the frames mean is written in Python
//! (`host/python/rt`). Only the stable interface of CPython is used, so one file serves every version from 3.10 on.
#![allow(unsafe_code, reason = "the entry point is a C function, and PyO3's macros expand to unsafe code")]

mod channel;
mod incoming;

use std::ffi::{c_char, c_int};
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;

/// Runs `argv` as the Python interpreter would, with the module `_nomaflow` speaking over `socket`.
/// Returns the exit status of the process, 70 when the socket cannot be used.
///
/// # Safety
/// `socket` is an open socket that the callee may own; `argv` points to `argc` strings that end with NUL and live
/// until the process ends. To be called once, before any interpreter runs in the process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nomaflow_python_main(socket: c_int, argc: c_int, argv: *mut *mut c_char) -> c_int {
    // SAFETY: the caller hands over an open socket that nobody else uses.
    let stream = unsafe { UnixStream::from_raw_fd(socket) };
    if channel::open(stream).is_err() {
        return 70;
    }
    pyo3::append_to_inittab!(_nomaflow);
    // SAFETY: the caller promises `argc` strings at `argv`; the module table is complete and no interpreter runs yet.
    unsafe { pyo3::ffi::Py_BytesMain(argc, argv) }
}

/// Frames to and from the host, as bytes.
#[pyo3::pymodule(gil_used = true)]
mod _nomaflow {
    use pyo3::prelude::*;
    use pyo3::types::PyBytes;

    use crate::channel;

    /// Sends one frame that expects no answer. Other threads run meanwhile; whole frames never mix.
    #[pyfunction]
    fn send(py: Python<'_>, body: &[u8]) -> PyResult<()> {
        channel::send(py, 0, body)
    }

    /// Waits for the next call of the host.
    #[pyfunction]
    fn receive(py: Python<'_>) -> PyResult<Bound<'_, PyBytes>> {
        channel::receive(py).map(|body| PyBytes::new(py, &body))
    }

    /// Sends a question and waits for its answer; a signal handler that raises ends the wait. An answer is `bytes`, or a
    /// pair of them and an `mmap`.
    #[pyfunction]
    fn ask<'py>(py: Python<'py>, body: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        channel::ask(py, body)?.into_python(py)
    }

    /// Sends a question and returns its number; `on_answer(answer)` is called later from a thread of its own.
    #[pyfunction]
    fn ask_later(py: Python<'_>, body: &[u8], on_answer: Py<PyAny>) -> PyResult<u32> {
        channel::ask_later(py, body, on_answer)
    }

    /// Nobody waits for the answer to this question any more.
    #[pyfunction]
    fn forget(number: u32) {
        channel::forget(number);
    }

    /// To be called in a forked child: the socket belongs to the parent, the child may no longer speak.
    #[pyfunction]
    fn detach() {
        channel::detach();
    }

    /// Writes out what C code has buffered for its standard output, so that it joins the log of its own step.
    #[pyfunction]
    fn flush_c_output() {
        // SAFETY: a null pointer means "every open output stream"; C's own locks guard them.
        unsafe { libc::fflush(std::ptr::null_mut()) };
    }
}
