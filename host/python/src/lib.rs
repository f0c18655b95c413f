//! `python` steps in worker processes, so that nothing a callable does can hurt the host. Suggested reading order:
//! `runner` (the port of the engine), `pool`, `process`, `call` (one step on one worker, cancel included), `question`
//! (what a callable asks back), then the other side: `worker` and the Python sources in `rt/`.
//!
//! Invariants: the host process neither links nor opens libpython, only a worker does; a worker runs one step at a
//! time and never outlives the host; a worker that a step may have changed or that had to be stopped is not used again.

mod apps;
mod arrow;
mod call;
mod cell;
mod discover;
mod driver;
mod frame;
mod interpreter;
mod library;
mod limits;
mod output;
mod pool;
mod process;
mod question;
mod runner;
mod venv;
pub mod worker;

pub use apps::AppInterpreters;
pub use discover::{DiscoverError, PythonCallable, PythonModule, PythonParam, list_modules};
pub use driver::PythonDrivers;
pub use interpreter::{Interpreter, InterpreterError};
pub use question::PythonServices;
pub use runner::{PythonConfig, PythonRunner};
pub use venv::{VenvError, make_venv};
