//! The worker's end of the socket: `u32` length, `u32` question number, body; little endian. Number 0 is a call from
//! the host or a message that wants no answer; an answer carries the number of its question. One whose length has
//! [`WITH_FILE`] set brings a file, which has crossed by then (`incoming`).
//!
//! A native thread reads all the time, so that answers reach any number of Python threads and event loops, and so that
//! the end of the host is seen whatever Python code is doing: then the whole process group dies. That is why a worker
//! never outlives its host, even one killed with SIGKILL.

use std::collections::HashMap;
use std::io::{self, BufReader, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use pyo3::exceptions::{PyConnectionError, PyOSError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::incoming::Incoming;

/// How often a waiting Python thread looks for signals: the most a cancel can be late.
const SIGNAL_CHECK: Duration = Duration::from_millis(20);

/// In the length of a frame that brings a file.
const WITH_FILE: u32 = 1 << 31;

enum Waiter {
    Thread(Sender<Answer>),
    Callback(Py<PyAny>),
}

/// What the host answered.
pub(crate) struct Answer {
    body: Vec<u8>,
    file: Option<OwnedFd>,
}

impl Answer {
    /// The body as `bytes`; with a file, a pair of the body and an `mmap` of the file. Whoever holds the `mmap`, or a
    /// buffer on it, keeps the memory.
    pub(crate) fn into_python(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let body = PyBytes::new(py, &self.body);
        let Some(file) = self.file else { return Ok(body.into_any()) };
        let module = py.import("mmap")?;
        let options = PyDict::new(py);
        options.set_item("access", module.getattr("ACCESS_READ")?)?;
        // It keeps a descriptor of its own.
        let memory = module.getattr("mmap")?.call((file.as_raw_fd(), 0), Some(&options))?;
        Ok(PyTuple::new(py, [body.into_any(), memory])?.into_any())
    }
}

struct Channel {
    stream: UnixStream,
    writing: Mutex<()>,
    calls: Mutex<Receiver<Vec<u8>>>,
    waiters: Mutex<HashMap<u32, Waiter>>,
    next_number: AtomicU32,
    detached: AtomicBool,
}

static CHANNEL: OnceLock<Channel> = OnceLock::new();

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The channel, unless this is a forked child.
fn attached() -> PyResult<&'static Channel> {
    match CHANNEL.get() {
        Some(channel) if !channel.detached.load(Ordering::Relaxed) => Ok(channel),
        _ => Err(PyOSError::new_err("a forked child process cannot speak to Nomaflow")),
    }
}

/// Takes the socket and starts the reading thread.
pub(crate) fn open(stream: UnixStream) -> io::Result<()> {
    let (calls_in, calls) = channel();
    let channel = Channel {
        stream,
        writing: Mutex::new(()),
        calls: Mutex::new(calls),
        waiters: Mutex::default(),
        next_number: AtomicU32::new(1),
        detached: AtomicBool::new(false),
    };
    CHANNEL.set(channel).map_err(|_| io::Error::other("the worker has been started twice"))?;
    std::thread::Builder::new().name("nomaflow-reader".into()).spawn(move || {
        // Whatever ended the reading, nobody can talk to the host any more.
        let _ = read_all(&calls_in);
        // SAFETY: sends a signal to this process's own group, which the worker leads; no memory is involved.
        unsafe { libc::kill(0, libc::SIGKILL) };
    })?;
    Ok(())
}

fn read_all(calls: &Sender<Vec<u8>>) -> io::Result<()> {
    block_signals();
    let channel = CHANNEL.get().ok_or(io::ErrorKind::NotConnected)?;
    let mut reader = BufReader::with_capacity(64 * 1024, Incoming::new(&channel.stream));
    loop {
        let mut head = [0; 8];
        reader.read_exact(&mut head)?;
        let [a, b, c, d, e, f, g, h] = head;
        let length = u32::from_le_bytes([a, b, c, d]);
        let number = u32::from_le_bytes([e, f, g, h]);
        let mut body = vec![0; (length & !WITH_FILE) as usize];
        reader.read_exact(&mut body)?;
        let file = if length & WITH_FILE == 0 { None } else { reader.get_mut().take_file() };
        if number == 0 {
            calls.send(body).map_err(io::Error::other)?;
            continue;
        }
        let waiter = lock(&channel.waiters).remove(&number);
        let came = Answer { body, file };
        match waiter {
            // A thread that a cancel has taken away no longer listens.
            Some(Waiter::Thread(sender)) => drop(sender.send(came)),
            Some(Waiter::Callback(callback)) => answer(callback, came),
            None => {}
        }
    }
}

/// Signals belong to the main thread: one that this thread took would not interrupt `time.sleep` there.
fn block_signals() {
    // SAFETY: fills and applies a signal set on this thread's own stack; both calls only touch that set.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
    }
}

fn answer(callback: Py<PyAny>, came: Answer) {
    Python::attach(|py| {
        if let Err(error) = came.into_python(py).and_then(|came| callback.call1(py, (came,))) {
            error.write_unraisable(py, Some(callback.bind(py)));
        }
        drop(callback);
    });
}

/// Writes one frame while other Python threads run.
pub(crate) fn send(py: Python<'_>, number: u32, body: &[u8]) -> PyResult<()> {
    let channel = attached()?;
    let length = u32::try_from(body.len()).map_err(|_| PyOSError::new_err("a message passes 4 GiB"))?;
    let mut frame = Vec::with_capacity(body.len() + 8);
    frame.extend(length.to_le_bytes());
    frame.extend(number.to_le_bytes());
    frame.extend(body);
    py.detach(|| {
        let _whole_frames = lock(&channel.writing);
        (&channel.stream).write_all(&frame)
    })
    .map_err(PyErr::from)
}

/// Waits for the next call.
pub(crate) fn receive(py: Python<'_>) -> PyResult<Vec<u8>> {
    let channel = attached()?;
    py.detach(|| lock(&channel.calls).recv()).map_err(|_| gone())
}

/// Asks and waits, looking for signals meanwhile.
pub(crate) fn ask(py: Python<'_>, body: &[u8]) -> PyResult<Answer> {
    let (sender, mut answers) = channel();
    let number = question(py, body, Waiter::Thread(sender))?;
    loop {
        // The receiver moves in and out of the closure because it may not be shared between threads.
        let came;
        (came, answers) = py.detach(move || (answers.recv_timeout(SIGNAL_CHECK), answers));
        match came {
            Ok(answer) => return Ok(answer),
            Err(RecvTimeoutError::Timeout) => {
                if let Err(raised) = py.check_signals() {
                    forget(number);
                    return Err(raised);
                }
            }
            Err(RecvTimeoutError::Disconnected) => return Err(gone()),
        }
    }
}

/// Asks; the answer goes to `on_answer`.
pub(crate) fn ask_later(py: Python<'_>, body: &[u8], on_answer: Py<PyAny>) -> PyResult<u32> {
    question(py, body, Waiter::Callback(on_answer))
}

fn question(py: Python<'_>, body: &[u8], waiter: Waiter) -> PyResult<u32> {
    let channel = attached()?;
    let number = channel.next_number.fetch_add(1, Ordering::Relaxed).max(1);
    lock(&channel.waiters).insert(number, waiter);
    send(py, number, body).inspect_err(|_| forget(number))?;
    Ok(number)
}

/// Drops the waiter of a question.
pub(crate) fn forget(number: u32) {
    if let Ok(channel) = attached() {
        let waiter = lock(&channel.waiters).remove(&number);
        drop(waiter);
    }
}

/// Closes the socket in a forked child, whose reading thread does not exist.
pub(crate) fn detach() {
    if let Some(channel) = CHANNEL.get() {
        channel.detached.store(true, Ordering::Relaxed);
        // SAFETY: nobody in the child uses the socket once `detached` is set, and Rust never closes it, because the
        // channel lives until the process ends.
        unsafe { libc::close(channel.stream.as_raw_fd()) };
    }
}

fn gone() -> PyErr {
    PyConnectionError::new_err("the Nomaflow host is gone")
}
