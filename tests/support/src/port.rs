//! A TCP port nobody listens on. Another process may take it before its user does: programs of ours should listen on
//! port 0 and say what they got; this is for the others.

use std::net::TcpListener;

/// A port of 127.0.0.1 that was free a moment ago.
///
/// # Errors
/// When the system has no port to give.
pub fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
