//! Where the `http` step goes, and with what: TLS, proxies, redirects, private networks.

use std::sync::Arc;

use host_model::StepErrorKind;
use host_model::job::spec::{HttpAuth, HttpSpec};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use crate::authority::Authority;
use crate::http::{bench, get, reply, run, run_in, serve};

/// An HTTPS server with a certificate for `localhost` of an authority nobody knows; its URL, and the authority in PEM.
pub(crate) async fn serve_tls() -> (String, String, tokio::task::JoinHandle<()>) {
    let authority = Authority::new();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivatePkcs8KeyDer::from(authority.key.serialize_der()).into();
    let config = config.with_no_client_auth().with_single_cert(vec![authority.certificate.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    let task = tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let Ok(mut socket) = acceptor.accept(socket).await else { continue };
            let mut request = [0; 4096];
            if socket.read(&mut request).await.is_ok() {
                drop(socket.write_all(&reply("200 OK", "", "over TLS").unwrap()).await);
                drop(socket.shutdown().await);
            }
        }
    });
    (url, authority.pem, task)
}

#[tokio::test]
async fn a_server_of_an_own_authority_is_trusted_only_with_its_bundle() {
    let (url, pem, task) = serve_tls().await;
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("tls")).unwrap();
    std::fs::write(home.path().join("tls/ca.pem"), pem).unwrap();
    let with = |file: Option<&str>| HttpSpec { ca_file: file.map(str::to_owned), ..get(url.clone()) };
    let done = run_in(home.path(), &bench(), with(Some("tls/ca.pem"))).await.unwrap();
    assert_eq!(done.output["body"], "over TLS");
    let error = run_in(home.path(), &bench(), with(None)).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::Remote);
    assert!(error.message.to_lowercase().contains("certificate"), "{error}");
    let error = run_in(home.path(), &bench(), with(Some("tls/none.pem"))).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::Definition);
    assert!(error.message.contains("the CA file `") && error.message.contains("tls/none.pem"), "{error}");
    task.abort();
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_whole_url() {
    let proxy = serve(|_| reply("200 OK", "", "from the proxy")).await;
    let account = proxy.base.replace("http://", "http://bob:s3cret@");
    let spec = HttpSpec { proxy: Some(account), ..get("http://nowhere.invalid/x?a=1".to_owned()) };
    let done = run(&bench(), spec).await.unwrap();
    assert_eq!(done.output["body"], "from the proxy");
    let seen = proxy.requests.lock().unwrap()[0].to_lowercase();
    assert!(seen.starts_with("get http://nowhere.invalid/x?a=1 http/1.1"), "{seen}");
    assert!(
        seen.contains("proxy-authorization: basic ym9iondmy3jlda==") || seen.contains("proxy-authorization: basic ")
    );
    let gone =
        HttpSpec { proxy: Some("http://bob:s3cret@127.0.0.1:1".into()), ..get("http://nowhere.invalid/".into()) };
    let error = run(&bench(), gone).await.unwrap_err();
    assert!(!error.message.contains("s3cret"), "{error}");
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_to_another_host() {
    let other = serve(|_| reply("200 OK", "", "there")).await;
    // The same machine and port under another name is another origin.
    let elsewhere = other.base.replace("127.0.0.1", "localhost");
    let server = serve(move |request| match request {
        r if r.starts_with("POST /keep") => {
            reply("307 Temporary Redirect", &format!("location: {elsewhere}/x\r\n"), "")
        }
        r if r.contains(" /near") => reply("302 Found", "location: /end\r\n", ""),
        r if r.contains(" /end") => reply("200 OK", "", "here"),
        _ => reply("302 Found", &format!("location: {elsewhere}/x\r\n"), ""),
    })
    .await;
    let mut spec = get(format!("{}/near", server.base));
    spec.auth = Some(HttpAuth::Header { name: "X-Api-Key".into(), value: "k3y".into() });
    spec.headers = json!({"Cookie": "c=1", "X-Tenant": "t", "Accept": "text/plain"}).as_object().cloned().unwrap();
    assert_eq!(run(&bench(), spec.clone()).await.unwrap().output["body"], "here");
    assert!(server.requests.lock().unwrap()[1].contains("x-api-key: k3y"), "the same origin gets it");
    spec.url = format!("{}/far", server.base);
    assert_eq!(run(&bench(), spec.clone()).await.unwrap().output["body"], "there");
    let arrived = other.requests.lock().unwrap()[0].to_lowercase();
    for header in ["x-api-key", "cookie", "x-tenant", "authorization"] {
        assert!(!arrived.contains(header), "{header} in {arrived}");
    }
    assert!(arrived.contains("accept: text/plain"), "{arrived}");
    (spec.method, spec.url, spec.body) = ("POST".into(), format!("{}/keep", server.base), json!({"secret": 1}));
    let error = run(&bench(), spec).await.unwrap_err();
    assert!(error.message.contains("a body is not sent there") && !error.may_retry, "{error}");
    assert_eq!(other.requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn redirects_may_be_limited_or_be_the_answer() {
    let server = serve(|_| reply("302 Found", "location: /again\r\n", "")).await;
    let limited = |max_redirects| HttpSpec { max_redirects, ..get(server.base.clone()) };
    let error = run(&bench(), limited(2)).await.unwrap_err();
    assert!(error.message.ends_with("more than 2 redirects"), "{error}");
    assert_eq!(server.requests.lock().unwrap().len(), 3);
    let shown = HttpSpec { expected_statuses: vec![302], ..limited(0) };
    let done = run(&bench(), shown).await.unwrap();
    assert_eq!((&done.output["status"], &done.output["headers"]["location"]), (&json!(302), &json!("/again")));
}

#[tokio::test]
async fn private_addresses_can_be_refused_whether_a_name_or_an_address_leads_there() {
    let server = serve(|_| reply("200 OK", "", "")).await;
    let guarded = |url: String| HttpSpec { deny_private_networks: true, ..get(url) };
    for host in ["127.0.0.1", "localhost", "[::1]", "2130706433", "[::ffff:127.0.0.1]"] {
        let error = run(&bench(), guarded(server.base.replace("127.0.0.1", host))).await.unwrap_err();
        assert_eq!((error.kind, error.may_retry), (StepErrorKind::Denied, false), "{host}: {error}");
        assert!(error.message.contains("`deny_private_networks`"), "{error}");
    }
    for host in ["10.0.0.1", "192.168.1.1", "169.254.169.254", "[fe80::1]", "[fd00::1]"] {
        let error = run(&bench(), guarded(format!("http://{host}/"))).await.unwrap_err();
        assert_eq!(error.kind, StepErrorKind::Denied, "{host}: {error}");
    }
    assert!(server.requests.lock().unwrap().is_empty());
}
