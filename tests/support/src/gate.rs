//! A TCP gate between a program and a server: lets everything through, or nothing, without closing a connection; as a
//! network does that is cut, or a firewall that forgets what it let through.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;

/// How often a waiting thread looks whether anything has changed.
const LOOK: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
struct State {
    is_shut: AtomicBool,
    is_over: AtomicBool,
    /// Connections with a lower number are silent for ever.
    oldest: AtomicU64,
}

/// A running gate; closed with everything that goes through it when dropped.
#[derive(Debug)]
pub struct Gate {
    port: u16,
    state: Arc<State>,
    next: Arc<AtomicU64>,
    listener: Option<JoinHandle<()>>,
}

impl Gate {
    /// Opens one on a free loopback port that leads to `port`.
    ///
    /// # Errors
    /// When the system has no port to give.
    pub fn to(port: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("opening a gate")?;
        listener.set_nonblocking(true)?;
        let own = listener.local_addr()?.port();
        let (state, next) = (Arc::new(State::default()), Arc::new(AtomicU64::new(1)));
        let (shared, numbers) = (state.clone(), next.clone());
        let target = SocketAddr::from(([127, 0, 0, 1], port));
        let work = std::thread::spawn(move || {
            let mut pumps = Vec::new();
            while !shared.is_over.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((client, _)) => {
                        let number = numbers.fetch_add(1, Ordering::SeqCst);
                        // A server that is away is told by a connection that ends at once.
                        if let Ok(server) = TcpStream::connect(target) {
                            pumps.extend(join(client, server, number, &shared));
                        }
                    }
                    Err(_) => std::thread::sleep(LOOK),
                }
            }
            for pump in pumps {
                // A pump that panicked has nothing to add.
                let _: Result<(), _> = pump.join();
            }
        });
        Ok(Self { port: own, state, next, listener: Some(work) })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets nothing through from now on, in either direction; connections stay.
    pub fn shut(&self) {
        self.state.is_shut.store(true, Ordering::SeqCst);
    }

    /// Lets everything through again, also what was held back.
    pub fn open(&self) {
        self.state.is_shut.store(false, Ordering::SeqCst);
    }

    /// The connections there are now stay silent for ever; new ones work.
    pub fn forget(&self) {
        self.state.oldest.store(self.next.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        if let Some(listener) = self.listener.take() {
            // A listener that panicked has nothing to add.
            let _: Result<(), _> = listener.join();
        }
    }
}

/// Two threads, one for each direction.
fn join(client: TcpStream, server: TcpStream, number: u64, state: &Arc<State>) -> Vec<JoinHandle<()>> {
    let (Ok(from_client), Ok(from_server)) = (client.try_clone(), server.try_clone()) else { return Vec::new() };
    [(from_client, server), (from_server, client)]
        .map(|(from, to)| {
            let state = state.clone();
            std::thread::spawn(move || {
                pump(&from, &to, number, &state);
                let _: Result<(), _> = from.shutdown(Shutdown::Both);
                let _: Result<(), _> = to.shutdown(Shutdown::Both);
            })
        })
        .into()
}

fn pump(mut from: &TcpStream, mut to: &TcpStream, number: u64, state: &State) {
    let is_over = || state.is_over.load(Ordering::SeqCst);
    let holds = || state.is_shut.load(Ordering::SeqCst) || number < state.oldest.load(Ordering::SeqCst);
    let mut buffer = [0; 16 * 1024];
    if from.set_nonblocking(false).and_then(|()| from.set_read_timeout(Some(LOOK))).is_err() {
        return;
    }
    while !is_over() {
        let count = match from.read(&mut buffer) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(_) => 0,
            Ok(count) => count,
        };
        while holds() && !is_over() {
            std::thread::sleep(LOOK);
        }
        if count == 0 || is_over() || to.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::{Waited, wait_until};

    /// A server that sends back what it gets.
    fn echo() -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming().take(2) {
                std::thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let mut copy = stream.try_clone().unwrap();
                    let _: Result<u64, _> = std::io::copy(&mut stream, &mut copy);
                });
            }
        });
        port
    }

    #[test]
    fn a_shut_gate_holds_back_and_an_open_one_lets_through_what_was_held() {
        let gate = Gate::to(echo()).unwrap();
        let connect = || {
            let stream = TcpStream::connect(("127.0.0.1", gate.port())).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
            stream
        };
        let hears = |stream: &mut TcpStream, bound: Duration| wait_until(bound, || stream.read(&mut [0]).is_ok());
        let (soon, a_moment) = (Duration::from_secs(5), Duration::from_millis(200));
        let mut stream = connect();
        stream.write_all(b"a").unwrap();
        hears(&mut stream, soon).or_panic("an open gate");
        gate.shut();
        stream.write_all(b"b").unwrap();
        assert_eq!(hears(&mut stream, a_moment), Waited::InVain);
        gate.open();
        hears(&mut stream, soon).or_panic("what was held back");
        gate.forget();
        stream.write_all(b"c").unwrap();
        assert_eq!(hears(&mut stream, a_moment), Waited::InVain);
        let mut other = connect();
        other.write_all(b"d").unwrap();
        hears(&mut other, soon).or_panic("a new connection");
    }
}
