//! Encrypted connections to PostgreSQL: a server of our own with a certificate of our own authority, and every mode
//! against it. And the time limit of a pool, which the server keeps.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use host_model::connector::{Hidden, Pool, PoolAddress, TlsMode};
use host_model::job::spec::CopyMode;
use host_model::port::{Access, Connectors as _};
use host_model::value::Value;
use host_model::{StepError, StepErrorKind};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use test_support::{Postgres, wait_until, wait_until_async};

use crate::kit::{Bench, Set, all_rows, copy, text};

/// An authority and the file it is known by.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    fn new(folder: &Path, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let file = folder.join(format!("{name}.pem"));
        std::fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), file }
    }

    /// Certificate and key of a server called `host`.
    fn certify(&self, host: &str, last_year: i32) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// Writes a file into the server's data folder, closed to others, as the server's own user.
fn write(server: &Postgres, name: &str, content: &str) {
    let to = format!("umask 077; cat > {name}");
    let sql = format!("copy (select unnest(string_to_array($pem${}$pem$, E'\\n'))) to program '{to}'", content.trim());
    server.admin(&sql).unwrap();
}

/// Gives the server a certificate; it is in use when this returns.
fn equip(server: &Postgres, (certificate, key): &(String, String)) {
    write(server, "server.crt", certificate);
    write(server, "server.key", key);
    // Not in one transaction, which `alter system` refuses.
    server.admin("alter system set ssl = on;").unwrap();
    let before = server.admin("select pg_conf_load_time()").unwrap();
    server.admin("select pg_reload_conf()").unwrap();
    let is_new = || server.admin("select pg_conf_load_time()").is_ok_and(|now| now != before);
    wait_until(Duration::from_secs(20), is_new).or_panic("the server to read its files again");
}

fn pool(url: &str, change: impl Fn(&mut Pool)) -> Bench {
    let address = PoolAddress::Postgres { url: Hidden::new(url), password: None };
    Set::default().add("erp", address, change).build()
}

async fn refusal(bench: &Bench) -> StepError {
    bench.pools.open("erp", Access::Read, &bench.cancel).await.err().expect("a refusal")
}

/// Whether the connection is encrypted, as the server sees it; the answer of the test must be the same.
async fn is_encrypted(bench: &Bench) -> bool {
    let rows = bench.rows("erp", "select ssl from pg_stat_ssl where pid = pg_backend_pid()").await;
    let found = bench.pools.test("erp", &bench.cancel).await.unwrap();
    assert_eq!(rows, [[Value::Bool(found.tls.unwrap())]]);
    found.tls.unwrap()
}

#[tokio::test]
async fn every_tls_mode_keeps_its_word() {
    let folder = TempDir::new().unwrap();
    let (known, stranger) = (Authority::new(folder.path(), "known"), Authority::new(folder.path(), "stranger"));
    let server = Postgres::start_private().unwrap();
    let by_address = server.url("postgres");
    let by_name = by_address.replace("127.0.0.1", "localhost");
    let with = |url: &str, mode: Option<TlsMode>, ca: Option<&Path>| {
        let ca = ca.map(Path::to_owned);
        pool(url, move |pool| {
            pool.tls.mode = mode;
            pool.tls.ca_file.clone_from(&ca);
        })
    };

    // A server without TLS.
    for mode in [TlsMode::Require, TlsMode::VerifyCa, TlsMode::VerifyFull] {
        let error = refusal(&with(&by_name, Some(mode), Some(&known.file))).await;
        assert!(error.message.contains("the server offers no TLS, and pool `erp` insists on it"), "{error}");
        assert!(error.message.contains("set `tls = \"prefer\"`"), "{error}");
    }
    for mode in [None, Some(TlsMode::Prefer), Some(TlsMode::Disable)] {
        assert!(!is_encrypted(&with(&by_name, mode, None)).await, "{mode:?}");
    }

    // One with a certificate for `localhost`.
    equip(&server, &known.certify("localhost", 2999));
    for mode in [None, Some(TlsMode::Prefer), Some(TlsMode::Require)] {
        assert!(is_encrypted(&with(&by_address, mode, None)).await, "{mode:?}: whoever the server is");
    }
    assert!(!is_encrypted(&with(&by_address, Some(TlsMode::Disable), None)).await);
    for (url, mode) in [
        (&by_name, TlsMode::VerifyFull),
        (&by_name, TlsMode::VerifyCa),
        // The name is not looked at.
        (&by_address, TlsMode::VerifyCa),
    ] {
        assert!(is_encrypted(&with(url, Some(mode), Some(&known.file))).await, "{mode:?}");
    }
    let error = refusal(&with(&by_address, Some(TlsMode::VerifyFull), Some(&known.file))).await;
    assert!(error.message.contains("the server's certificate is for another host name"), "{error}");
    assert!(error.message.contains("localhost") && error.message.contains("pool `erp`"), "{error}");
    for mode in [TlsMode::VerifyCa, TlsMode::VerifyFull] {
        let error = refusal(&with(&by_name, Some(mode), Some(&stranger.file))).await;
        assert!(error.message.contains("stranger.pem` of pool `erp` is not the authority that signed it"), "{error}");
        let error = refusal(&with(&by_name, Some(mode), None)).await;
        assert!(error.message.contains("name the file of its authority as `ca_file` of pool `erp`"), "{error}");
        let gone = folder.path().join("gone.pem");
        let error = refusal(&with(&by_name, Some(mode), Some(&gone))).await;
        assert!(error.message.contains("gone.pem`, cannot be read: No such file"), "{error}");
    }

    // The keys win over the URL, and the URL counts where they say nothing.
    let insists = format!("{by_name}?sslmode=verify-full&sslrootcert={}", stranger.file.display());
    assert!(is_encrypted(&with(&insists, Some(TlsMode::VerifyFull), Some(&known.file))).await);
    assert!(!is_encrypted(&with(&insists, Some(TlsMode::Disable), None)).await);
    assert!(refusal(&with(&insists, None, None)).await.message.contains("nobody who is trusted here signed"));

    // A server that takes encrypted connections only.
    write(&server, "pg_hba.conf", "hostssl all all 127.0.0.1/32 scram-sha-256");
    equip(&server, &known.certify("localhost", 2999));
    let error = refusal(&with(&by_name, Some(TlsMode::Disable), None)).await;
    assert!(error.message.contains("no encryption"), "{error}");
    assert!(error.message.contains("set `tls = \"require\"`") && error.message.contains("pool `erp`"), "{error}");
    assert!(is_encrypted(&with(&by_name, Some(TlsMode::Require), None)).await);
    // A wrong password is none of TLS.
    let wrong = by_name.replace("pass%20word", "other");
    let error = refusal(&with(&wrong, Some(TlsMode::Require), None)).await;
    assert!(error.message.ends_with("password authentication failed for user \"nomaflow\""), "{error}");

    // A certificate that has run out.
    equip(&server, &known.certify("localhost", 2002));
    let error = refusal(&with(&by_name, Some(TlsMode::VerifyFull), Some(&known.file))).await;
    assert!(error.message.contains("the server's certificate has expired"), "{error}");
    assert!(is_encrypted(&with(&by_name, Some(TlsMode::Require), None)).await, "nobody looks");
}

#[tokio::test]
async fn a_copy_and_a_cancel_work_over_an_encrypted_connection() {
    let folder = TempDir::new().unwrap();
    let known = Authority::new(folder.path(), "known");
    let server = Postgres::start_private().unwrap();
    let database = server.database().unwrap();
    equip(&server, &known.certify("localhost", 2999));
    database.execute("create table src as select i, repeat('x', 100) t from generate_series(1, 20000) i").unwrap();
    let bench = pool(&database.url().replace("127.0.0.1", "localhost"), |pool| {
        pool.tls.mode = Some(TlsMode::VerifyFull);
        pool.tls.ca_file = Some(known.file.clone());
    });
    let done = bench.run_copy(copy("erp", "src", "erp", "t", CopyMode::Overwrite)).await.unwrap();
    assert_eq!(done.rows_affected, Some(20_000));
    let cancel = bench.cancel.clone();
    let running = bench.run_query("erp", "select pg_sleep(60)", serde_json::json!({}));
    let stopping = async {
        let is_there = || std::future::ready(database.execute(SLEEPING).is_ok_and(|count| count == "1"));
        wait_until_async(Duration::from_secs(20), tokio::time::sleep, is_there).await.or_panic("the statement to run");
        cancel.cancel("stop");
    };
    let (ended, ()) = tokio::join!(running, stopping);
    assert_eq!(ended.unwrap_err().kind, StepErrorKind::Canceled);
    assert_eq!(database.execute(SLEEPING).unwrap(), "0", "the second connection is encrypted too");
}

const SLEEPING: &str = "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep(60)%' and pid <> pg_backend_pid()";

#[tokio::test]
async fn the_server_ends_a_statement_after_the_time_of_its_pool() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let bench = pool(database.url(), |pool| pool.statement_timeout_seconds = Some(1));
    let session = bench.session("erp", Access::ReadWrite).await;
    let setting = "select current_setting('statement_timeout')";
    assert_eq!(all_rows(&*session, setting, Vec::new()).await, [[text("1s")]]);
    let begun = Instant::now();
    let error = session.execute("select pg_sleep(60)", Vec::new()).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(10));
    let want = "a statement took longer than the 1 s of `statement_timeout_seconds` of pool `erp`";
    assert!(error.message.contains(want) && error.message.starts_with("connector `erp` ("), "{error}");
    assert!(error.detail.contains("pg_sleep") && error.may_retry, "{}", error.detail);
    assert_eq!(database.execute(SLEEPING).unwrap(), "0");
    // The session, and the next one on the same connection, go on with the same limit.
    assert_eq!(all_rows(&*session, setting, Vec::new()).await, [[text("1s")]]);
    session.execute("set statement_timeout = 0", Vec::new()).await.unwrap();
    drop(session);
    assert_eq!(bench.rows("erp", setting).await, [[text("1s")]]);

    // A step, whose own limit is longer; and one whose own limit is shorter than the pool's.
    let error = bench.run_query("erp", "select pg_sleep(60)", serde_json::json!({})).await.unwrap_err();
    assert!(error.message.contains(want), "{error}");
    let patient = pool(database.url(), |pool| pool.statement_timeout_seconds = Some(86_400));
    let done = patient.run_query("erp", setting, serde_json::json!({})).await.unwrap();
    assert_eq!(done.output["first_row"]["current_setting"], "70s", "ten seconds after the step's minute");
    // Rows that are long in coming.
    let mut spec = copy("erp", "-", "erp", "t", CopyMode::Overwrite);
    spec.source.table = host_model::job::spec::SourceTable::Query(
        "select i, case when i > 10 then pg_sleep(60)::text end as s from generate_series(1, 11) i".into(),
    );
    let error = bench.run_copy(spec).await.unwrap_err();
    assert!(error.message.contains(want), "{error}");
    // What an administrator ends is no time-out.
    let session = bench.session("erp", Access::ReadWrite).await;
    let error = session.execute("select pg_cancel_backend(pg_backend_pid()), pg_sleep(60)", Vec::new()).await;
    assert!(error.unwrap_err().message.ends_with("canceling statement due to user request"));
}
