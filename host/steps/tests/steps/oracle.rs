//! The Oracle connector where it can be reached without an Oracle database: connections that are refused, cut, answered by
//! something else or by nothing. No real Oracle can be had by these tests.

use std::time::{Duration, Instant};

use host_model::connector::{Hidden, PoolAddress, PoolTls, TlsMode};
use host_model::port::{Access, Connectors as _};
use host_model::{StepError, StepErrorKind};
use test_support::free_port;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::kit::{Bench, Set};

fn bench(port: u16) -> Bench {
    let url = format!("oracle://jde:s3cret@127.0.0.1:{port}/JDEPD");
    let address = PoolAddress::Oracle { url: Hidden::new(url), password: None };
    Set::default().add("erp", address, |pool| pool.acquire_timeout_seconds = 2).build()
}

async fn refused(bench: &Bench) -> StepError {
    let error = bench.pools.open("erp", Access::Read, &bench.cancel).await.err().unwrap();
    let all = format!("{} {} {error:?}", error.message, error.detail);
    assert!(!all.contains("s3cret"), "{all}");
    assert_eq!(error.kind, StepErrorKind::Remote, "{error}");
    assert!(error.message.starts_with("connector `erp` cannot reach `oracle://jde@127.0.0.1:"), "{error}");
    assert!(!error.message.contains('\n'), "{error}");
    error
}

/// A server that reads what is said first and then says `reply`.
async fn answering(reply: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // Ends with the runtime of the test.
    drop(tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut first = [0; 1024];
            let _ = stream.read(&mut first).await;
            let _ = stream.write_all(reply).await;
        }
    }));
    port
}

#[tokio::test]
async fn a_closed_port_is_told() {
    let error = refused(&bench(free_port().unwrap())).await;
    assert!(error.may_retry, "{error}");
}

#[tokio::test]
async fn a_server_that_closes_is_told() {
    refused(&bench(answering(b"").await)).await;
}

#[tokio::test]
async fn a_server_of_another_kind_is_told() {
    // What an SSH server, a web server and a database of another kind say.
    refused(&bench(answering(b"SSH-2.0-OpenSSH_9.6\r\n").await)).await;
    refused(&bench(answering(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await)).await;
    refused(&bench(answering(b"\x4a\x00\x00\x00\x0a8.0.35\x00").await)).await;
}

#[tokio::test]
async fn a_listener_that_does_not_know_the_service_is_told_by_its_own_words() {
    // A REFUSE packet: length, checksum, type 4, flags, checksum, reasons, length of the text, text.
    const TEXT: &[u8] = b"(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=12514)(ERROR_STACK=(ERROR=(CODE=12514)(EMFI=4))))";
    let mut packet = vec![0, (12 + TEXT.len()) as u8, 0, 0, 4, 0, 0, 0, 34, 0, 0, TEXT.len() as u8];
    packet.extend(TEXT);
    let error = refused(&bench(answering(packet.leak()).await)).await;
    assert!(error.message.contains("JDEPD"), "{error}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_in_time_and_on_cancel() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bench = bench(listener.local_addr().unwrap().port());
    let begun = Instant::now();
    let error = refused(&bench).await;
    assert!(error.message.ends_with("no answer within 2 s"), "{error}");
    let opening = bench.pools.open("erp", Access::Read, &bench.cancel);
    bench.cancel.cancel("enough");
    let error = opening.await.err().unwrap();
    assert_eq!((error.kind, error.message.as_str()), (StepErrorKind::Canceled, "enough"));
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn an_address_that_oracle_cannot_use_is_refused_without_telling_it() {
    let open = async |url: &str, tls: PoolTls| {
        let address = PoolAddress::Oracle { url: Hidden::new(url), password: None };
        let bench = Set::default().add("erp", address, |pool| pool.tls = tls.clone()).build();
        let error = bench.pools.open("erp", Access::Read, &bench.cancel).await.err().unwrap();
        assert_eq!(error.kind, StepErrorKind::Definition);
        error.message
    };
    let plain = PoolTls::default();
    assert_eq!(open("oracle://jde:s3cret@h", plain.clone()).await, "pool `erp` has a `url` that names no service");
    assert_eq!(open("oracle://jde:s3cret@h/a)(b", plain).await, "pool `erp` has a `url` whose service is no name");
    let tls = PoolTls { mode: Some(TlsMode::VerifyFull), ca_file: Some("/etc/ca.pem".into()) };
    let why = "pool `erp` has a file of authorities that is not called `ewallet.pem`";
    assert_eq!(open("oracle://jde:s3cret@h/s", tls).await, why);
}
