//! TLS in front of the server of `tds`, as [MS-TDS] has it: the handshake travels in packets of type 18 (PRELOGIN), and
//! what comes behind it is plain TLS with TDS inside.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use rustls::ServerConnection;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::authority::Authority;
use crate::tds::receive;

pub(crate) struct TlsFront {
    pub(crate) port: u16,
    task: JoinHandle<()>,
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl TlsFront {
    /// Listens on a free port, with the certificate of `authority`, and speaks to the server at `inside`.
    pub(crate) async fn start(authority: &Authority, inside: u16) -> Self {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(authority.key.serialize_der()));
        let chain = vec![CertificateDer::from(authority.certificate.der().to_vec())];
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
        // They would be in the way between the handshake and the login.
        config.send_tls13_tickets = 0;
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                open.spawn(serve(near, Arc::clone(&config), inside));
            }
        });
        Self { port, task }
    }
}

fn packet(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![kind, 1];
    packet.extend((payload.len() as u16 + 8).to_be_bytes());
    packet.extend([0, 0, 1, 0]);
    packet.extend(payload);
    packet
}

/// Version 16, and what there is of encryption.
fn prelogin(encryption: u8) -> Vec<u8> {
    vec![0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 16, 0, 0, 0, 0, 0, encryption]
}

/// Everything that waits to be sent.
fn outgoing(tls: &mut ServerConnection) -> Vec<u8> {
    let mut out = Vec::new();
    while tls.wants_write() && tls.write_tls(&mut out).is_ok() {}
    out
}

/// `None` when the other side does not go on.
fn incoming(tls: &mut ServerConnection, mut bytes: &[u8]) -> Option<()> {
    while !bytes.is_empty() {
        tls.read_tls(&mut bytes).ok()?;
        tls.process_new_packets().ok()?;
    }
    Some(())
}

async fn serve(mut near: TcpStream, config: Arc<rustls::ServerConfig>, inside: u16) -> Option<()> {
    receive(&mut near).await?;
    near.write_all(&packet(0x04, &prelogin(1))).await.ok()?;
    let mut tls = ServerConnection::new(config).ok()?;
    while tls.is_handshaking() {
        let (kind, payload) = receive(&mut near).await?;
        assert_eq!(kind, 0x12, "the handshake is in packets of PRELOGIN");
        incoming(&mut tls, &payload)?;
        let answer = outgoing(&mut tls);
        if !answer.is_empty() {
            near.write_all(&packet(0x12, &answer)).await.ok()?;
        }
    }
    let mut far = TcpStream::connect(("127.0.0.1", inside)).await.ok()?;
    far.write_all(&packet(0x12, &prelogin(2))).await.ok()?;
    receive(&mut far).await?;
    let (mut sealed, mut plain) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    loop {
        tokio::select! {
            read = near.read(&mut sealed) => {
                let count = read.ok().filter(|count| *count > 0)?;
                incoming(&mut tls, &sealed[..count])?;
                let mut opened = Vec::new();
                // It ends with "would block"; what was there is in the buffer.
                let _ = tls.reader().read_to_end(&mut opened);
                far.write_all(&opened).await.ok()?;
            }
            read = far.read(&mut plain) => {
                let count = read.ok().filter(|count| *count > 0)?;
                tls.writer().write_all(&plain[..count]).ok()?;
            }
        }
        let out = outgoing(&mut tls);
        near.write_all(&out).await.ok()?;
    }
}
