//! The worker side: what the host binary does when it is started as `nomaflow python-worker`. The process opens the
//! interpreter's libpython and our library and becomes that interpreter; it never returns to the host's own code.
//!
//! Contract of the command line: `python-worker <executable> <libpython>`, a socket to the host as standard input.
#![allow(unsafe_code, reason = "hands the process over to a C function of the library it opened")]

use std::ffi::{CString, OsString, c_char, c_int};
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

use crate::library;

/// The hidden sub-command that makes the host binary a worker.
pub const COMMAND: &str = "python-worker";

/// Status of a worker that could not become a Python interpreter; the reason is on its standard error.
const CANNOT_START: u8 = 71;

const BOOT: &str = include_str!("../rt/boot.py");
/// The package that steps are written against; the stand-in for tests stays outside.
macro_rules! package {
    ($file:literal) => {
        include_str!(concat!("../../../guest-sdk/nomaflow-python/nomaflow/", $file))
    };
}
const SOURCES: [(&str, &str); 16] = [
    ("nomaflow", package!("__init__.py")),
    ("nomaflow.arrow", package!("arrow.py")),
    ("nomaflow.context", package!("context.py")),
    ("nomaflow.errors", package!("errors.py")),
    ("nomaflow.etl", package!("etl.py")),
    ("nomaflow_rt", ""),
    ("nomaflow_rt.callables", include_str!("../rt/callables.py")),
    ("nomaflow_rt.connectors", include_str!("../rt/connectors.py")),
    ("nomaflow_rt.context", include_str!("../rt/context.py")),
    ("nomaflow_rt.database", include_str!("../rt/database.py")),
    ("nomaflow_rt.frames", include_str!("../rt/frames.py")),
    ("nomaflow_rt.logs", include_str!("../rt/logs.py")),
    ("nomaflow_rt.serve", include_str!("../rt/serve.py")),
    ("nomaflow_rt.state", include_str!("../rt/state.py")),
    ("nomaflow_rt.step", include_str!("../rt/step.py")),
    ("nomaflow_rt.values", include_str!("../rt/values.py")),
];

type PythonMain = unsafe extern "C" fn(socket: c_int, argc: c_int, argv: *mut *mut c_char) -> c_int;

/// Runs this process as a Python worker. To be called first thing in `main`, before any thread exists, when the
/// first argument is [`COMMAND`].
pub fn main() -> ExitCode {
    match become_interpreter() {
        Ok(status) => ExitCode::from(u8::try_from(status).unwrap_or(1)),
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::from(CANNOT_START)
        }
    }
}

fn become_interpreter() -> Result<c_int, String> {
    let mut arguments = std::env::args_os().skip(2);
    let (Some(executable), Some(libpython)) = (arguments.next(), arguments.next()) else {
        return Err(not_by_hand());
    };
    let socket = take_socket()?;
    // SAFETY: makes this process the leader of its own group; no memory is involved. It fails only where it is one.
    unsafe { libc::setpgid(0, 0) };
    // SAFETY: sets a flag of this process: descendants whose parents end become its children, and are seen and ended as
    // such. Kernels without it leave them to the first process, as ever.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
    let opened = library::open_libpython(Path::new(&libpython));
    let python = opened.map_err(|why| format!("`{}` cannot be opened: {why}", Path::new(&libpython).display()))?;
    let embed = library::open_embed().map_err(|why| format!("the Python bridge cannot be opened: {why}"))?;
    // SAFETY: the library was built beside this code, and declares the function with exactly this type.
    let python_main = unsafe { embed.get::<PythonMain>(b"nomaflow_python_main\0") };
    let python_main = *python_main.map_err(|error| format!("the Python bridge has no entry: {error}"))?;

    let arguments = [c_string(executable)?, c"-c".to_owned(), c_string(boot_code()?.into())?];
    let mut argv: Vec<*mut c_char> = arguments.iter().map(|a| a.as_ptr().cast_mut()).collect();
    argv.push(std::ptr::null_mut());
    // SAFETY: three NUL-terminated strings follow, which live until the call returns, and a final null; the socket is
    // open and given away; no interpreter runs in this process.
    let status = unsafe { python_main(socket, 3, argv.as_mut_ptr()) };
    // Threads of extension modules may still run code of both libraries while the process ends.
    std::mem::forget((python, embed));
    Ok(status)
}

fn not_by_hand() -> String {
    format!("`{COMMAND}` is started by nomaflow itself, not by hand")
}

/// Moves the socket away from standard input, where a callable would read from it, and closes it for child processes.
/// Nothing in this file closes it: its end tells the host that the worker's status is settled.
fn take_socket() -> Result<RawFd, String> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned().map_err(|error| error.to_string())?;
    let socket = UnixStream::from(socket);
    socket.peer_addr().map_err(|_| not_by_hand())?;
    let nothing = std::fs::File::open("/dev/null").map_err(|error| format!("`/dev/null`: {error}"))?;
    // SAFETY: both descriptors are open; the old standard input is closed, and `socket` holds the other copy.
    if unsafe { libc::dup2(nothing.as_raw_fd(), 0) } < 0 {
        return Err(std::io::Error::last_os_error().to_string());
    }
    Ok(socket.into_raw_fd())
}

fn c_string(text: OsString) -> Result<CString, String> {
    CString::new(text.as_bytes()).map_err(|_| format!("`{}` holds a zero byte", text.display()))
}

/// The first code of the interpreter. A JSON object of texts is also a Python expression.
fn boot_code() -> Result<String, String> {
    let sources: std::collections::BTreeMap<_, _> = SOURCES.into_iter().collect();
    let sources = serde_json::to_string(&sources).map_err(|error| error.to_string())?;
    Ok(format!("SOURCES = {sources}\n{BOOT}"))
}
