//! TLS to SQL Server at the edge of its protocol, with a certificate authority of the test's own: see `tds_tls`.

use host_model::connector::{Hidden, PoolAddress, PoolTls, TlsMode};
use host_model::port::{Access, Connectors as _};
use host_model::value::Value;
use tempfile::TempDir;

use crate::authority::Authority;
use crate::kit::{Bench, Set, all_rows};
use crate::tds::{Answer, Table, Tds, cell};
use crate::tds_tls::TlsFront;

async fn server() -> Tds {
    Tds::start(|_| Answer::Rows(Table { columns: vec![("n", vec![0x26, 4])], rows: vec![vec![cell::int(7)]] })).await
}

fn bench(port: u16, mode: Option<TlsMode>, authority: Option<&Authority>, folder: &TempDir) -> Bench {
    let ca_file = authority.map(|authority| {
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, &authority.pem).unwrap();
        path
    });
    let url = Hidden::new(format!("sqlserver://jde:s3cret@localhost:{port}/JDE"));
    let address = PoolAddress::SqlServer { url, password: None };
    Set::default().add("erp", address, |pool| pool.tls = PoolTls { mode, ca_file: ca_file.clone() }).build()
}

#[tokio::test]
async fn a_login_and_rows_travel_through_a_verified_connection() {
    let (inside, authority, folder) = (server().await, Authority::new(), TempDir::new().unwrap());
    let front = TlsFront::start(&authority, inside.port).await;
    for mode in [None, Some(TlsMode::VerifyFull), Some(TlsMode::VerifyCa)] {
        let bench = bench(front.port, mode, Some(&authority), &folder);
        let session = bench.session("erp", Access::Read).await;
        assert_eq!(all_rows(&*session, "select 7 as n", Vec::new()).await, [[Value::Int(7)]], "{mode:?}");
    }
    let logins = inside.journal().iter().filter(|line| line.starts_with("login jde")).count();
    assert!(logins >= 3, "{:?}", inside.journal());
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_never_hears_the_password() {
    let (inside, authority, folder) = (server().await, Authority::new(), TempDir::new().unwrap());
    let front = TlsFront::start(&authority, inside.port).await;
    let elsewhere = Authority::of(&["elsewhere.example"]);
    let other = TlsFront::start(&elsewhere, inside.port).await;
    for (front, trusted) in [(&front, None), (&front, Some(&elsewhere)), (&other, Some(&elsewhere))] {
        let bench = bench(front.port, Some(TlsMode::VerifyFull), trusted, &folder);
        let error = bench.pools.open("erp", Access::Read, &bench.cancel).await.err().unwrap();
        let text = format!("{error} {}", error.detail);
        assert!(text.to_lowercase().contains("certificate") && !text.contains("s3cret"), "{text}");
    }
    assert_eq!(inside.journal(), [] as [&str; 0], "nobody logged in");
    // Encrypted, whoever it is.
    for mode in [TlsMode::Require, TlsMode::Prefer] {
        let bench = bench(other.port, Some(mode), None, &folder);
        let session = bench.session("erp", Access::Read).await;
        assert_eq!(all_rows(&*session, "select 7 as n", Vec::new()).await, [[Value::Int(7)]], "{mode:?}");
    }
}
