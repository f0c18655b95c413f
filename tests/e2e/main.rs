//! The built program as a process, in a home of its own, on a free port.
