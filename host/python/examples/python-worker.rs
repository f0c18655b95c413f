//! The smallest program that can be a Python worker, for the tests of this crate; the host binary starts the same way.

fn main() -> std::process::ExitCode {
    host_python::worker::main()
}
