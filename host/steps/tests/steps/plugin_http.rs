//! HTTP on behalf of plugins: every hop is asked for, and sizes, times and addresses hold.

use std::net::TcpStream;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use host_model::CancelToken;
use host_model::plugin_port::{
    HttpClient as _, HttpGate, HttpRequest, HttpResponse, Reach, ServiceError, ServiceErrorKind as Kind,
};
use host_steps::PluginHttp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::http::{reply, serve};
use crate::http_reach::serve_tls;

/// Allows one port, and remembers what it was asked.
struct OnePort {
    port: u16,
    reach: Reach,
    asked: Mutex<Vec<String>>,
}

impl HttpGate for OnePort {
    fn check(&self, method: &str, host: &str, port: u16) -> Result<Reach, String> {
        self.asked.lock().unwrap().push(format!("{method} {host}:{port}"));
        if port == self.port { Ok(self.reach) } else { Err(format!("port {port} is closed")) }
    }
}

fn gate(base: &str) -> OnePort {
    let port = base.rsplit_once(':').unwrap().1.parse().unwrap();
    OnePort { port, reach: Reach::Anywhere, asked: Mutex::default() }
}

fn get(url: impl Into<String>) -> HttpRequest {
    HttpRequest {
        method: "get".into(),
        url: url.into(),
        headers: Vec::new(),
        body: None,
        timeout: Duration::from_secs(20),
        max_redirects: 10,
        max_bytes: 1_000_000,
    }
}

async fn send(request: HttpRequest, gate: &OnePort) -> Result<HttpResponse, ServiceError> {
    PluginHttp::new().unwrap().send(request, gate, &CancelToken::new()).await
}

async fn failure(request: HttpRequest, gate: &OnePort) -> ServiceError {
    send(request, gate).await.expect_err("a failure")
}

#[tokio::test]
async fn a_request_goes_out_as_it_was_made_and_any_status_is_a_response() {
    let server = serve(|_| reply("404 Not Found", "x-odd: a\r\nx-odd: b\r\n", "gone")).await;
    let gate = gate(&server.base);
    let headers = vec![("X-Key".to_owned(), "k".to_owned())];
    let body = Some(b"body".to_vec());
    let request = HttpRequest { method: "POST".into(), headers, body, ..get(format!("{}/a?q=1", server.base)) };
    let response = send(request, &gate).await.unwrap();
    assert_eq!((response.status, response.body.as_slice()), (404, b"gone".as_slice()));
    assert_eq!(response.url, format!("{}/a?q=1", server.base));
    let odd: Vec<&str> = response.headers.iter().filter(|(n, _)| n == "x-odd").map(|(_, v)| v.as_str()).collect();
    assert_eq!(odd, ["a", "b"]);
    let sent = server.requests.lock().unwrap()[0].clone();
    assert!(
        sent.starts_with("POST /a?q=1 HTTP/1.1\r\n") && sent.contains("x-key: k\r\n") && sent.ends_with("\r\n\r\nbody")
    );
    assert_eq!(*gate.asked.lock().unwrap(), [format!("POST 127.0.0.1:{}", gate.port)]);
}

#[tokio::test]
async fn a_redirect_is_followed_only_through_the_gate() {
    let secret = serve(|_| reply("200 OK", "", "the metadata")).await;
    let elsewhere = secret.base.clone();
    let server = serve(move |request| match request {
        r if r.starts_with("GET /near") => reply("302 Found", "location: /end\r\n", ""),
        r if r.starts_with("GET /far") => reply("302 Found", &format!("location: {elsewhere}/x\r\n"), ""),
        r if r.starts_with("GET /file") => reply("302 Found", "location: file:///etc/passwd\r\n", ""),
        r if r.starts_with("POST") => reply("303 See Other", "location: /end\r\n", ""),
        r if r.starts_with("GET /round") => reply("307 Temporary Redirect", "location: /round\r\n", ""),
        _ => reply("200 OK", "", "the end"),
    })
    .await;
    let gate = gate(&server.base);
    let at = |path: &str| get(format!("{}{path}", server.base));
    let near = send(at("/near"), &gate).await.unwrap();
    assert_eq!((near.body.as_slice(), near.url), (b"the end".as_slice(), format!("{}/end", server.base)));
    let shown = send(HttpRequest { max_redirects: 0, ..at("/near") }, &gate).await.unwrap();
    assert_eq!(shown.status, 302);
    let far = failure(at("/far"), &gate).await;
    assert_eq!((far.kind, far.message.starts_with("port ")), (Kind::Denied, true), "{far}");
    assert!(secret.requests.lock().unwrap().is_empty(), "nobody may ask there");
    assert_eq!(failure(at("/file"), &gate).await.kind, Kind::Invalid);
    let round = failure(HttpRequest { max_redirects: 3, ..at("/round") }, &gate).await;
    assert_eq!(round.kind, Kind::Limit);
    assert!(round.message.ends_with("more than 3 redirects"), "{round}");
    let post = HttpRequest { method: "POST".into(), body: Some(b"x".to_vec()), ..at("/form") };
    assert_eq!(send(post, &gate).await.unwrap().body, b"the end");
    assert!(server.requests.lock().unwrap().last().unwrap().starts_with("GET /end "));
}

#[tokio::test]
async fn credentials_do_not_follow_to_another_origin() {
    let other = serve(|_| reply("200 OK", "", "")).await;
    // The same machine and port under another name is another origin.
    let elsewhere = other.base.replace("127.0.0.1", "localhost");
    let server = serve(move |_| reply("302 Found", &format!("location: {elsewhere}/x\r\n"), "")).await;
    struct Open;
    impl HttpGate for Open {
        fn check(&self, _: &str, _: &str, _: u16) -> Result<Reach, String> {
            Ok(Reach::Anywhere)
        }
    }
    let headers = [("Authorization", "Bearer t"), ("Cookie", "c=1"), ("X-Kept", "yes")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let request = HttpRequest { headers, ..get(server.base.clone()) };
    PluginHttp::new().unwrap().send(request, &Open, &CancelToken::new()).await.unwrap();
    assert!(server.requests.lock().unwrap()[0].contains("authorization: Bearer t"));
    let arrived = other.requests.lock().unwrap()[0].to_lowercase();
    assert!(!arrived.contains("authorization") && !arrived.contains("cookie"), "{arrived}");
    assert!(arrived.contains("x-kept: yes"), "{arrived}");
}

#[tokio::test]
async fn a_name_or_address_leads_no_farther_than_its_reach() {
    let server = serve(|_| reply("200 OK", "", "")).await;
    for (reach, host, is_open) in [
        (Reach::Anywhere, "localhost", true),
        (Reach::Network, "localhost", false),
        (Reach::Public, "localhost", false),
        (Reach::Anywhere, "127.0.0.1", true),
        (Reach::Network, "127.0.0.1", false),
        // Other spellings of the same address.
        (Reach::Network, "2130706433", false),
        (Reach::Network, "0x7f.1", false),
        (Reach::Network, "[::ffff:127.0.0.1]", false),
    ] {
        let gate = OnePort { reach, ..gate(&server.base) };
        let answered = send(get(server.base.replace("127.0.0.1", host)), &gate).await;
        let kind = answered.err().map(|error| error.kind);
        assert_eq!(kind, if is_open { None } else { Some(Kind::Denied) }, "{reach:?} {host}");
    }
    assert_eq!(server.requests.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_response_beyond_the_limit_is_cut_off() {
    let server = serve(|_| reply("200 OK", "", &"x".repeat(300_000))).await;
    let error = failure(HttpRequest { max_bytes: 100_000, ..get(server.base.clone()) }, &gate(&server.base)).await;
    assert_eq!(error.kind, Kind::Limit);
    assert!(error.message.contains("more than 100000 bytes"), "{error}");
    let many = serve(|_| reply("200 OK", &format!("x-long: {}\r\n", "y".repeat(5_000)), "")).await;
    let error = failure(HttpRequest { max_bytes: 2_000, ..get(many.base.clone()) }, &gate(&many.base)).await;
    assert_eq!(error.kind, Kind::Limit, "headers count too");
}

#[tokio::test]
async fn what_cannot_be_sent_is_invalid() {
    let gate = gate("http://127.0.0.1:1");
    let header = |name: &str, value: &str| {
        let headers = vec![(name.to_owned(), value.to_owned())];
        HttpRequest { headers, ..get("http://127.0.0.1:1/") }
    };
    for request in [
        get("no url"),
        get("/relative"),
        get("ftp://127.0.0.1:1/"),
        get("data:text/plain,x"),
        HttpRequest { method: "A B".into(), ..get("http://127.0.0.1:1/") },
        header("host", "evil.example"),
        header("Content-Length", "5"),
        header("transfer-encoding", "chunked"),
        header("connection", "upgrade"),
        header("bad name", "x"),
        header("x", "a\r\nsmuggled: yes"),
    ] {
        assert_eq!(failure(request.clone(), &gate).await.kind, Kind::Invalid, "{request:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_silent_gone_or_odd_is_told_apart() {
    let silent = serve(|_| None).await;
    let late = HttpRequest { timeout: Duration::from_millis(200), ..get(silent.base.clone()) };
    let error = failure(late, &gate(&silent.base)).await;
    assert_eq!((error.kind, error.may_retry()), (Kind::Timeout, true));
    let nobody = format!("http://127.0.0.1:{}", test_support::free_port().unwrap());
    assert!(TcpStream::connect(nobody.trim_start_matches("http://")).is_err());
    assert_eq!(failure(get(nobody.clone()), &gate(&nobody)).await.kind, Kind::Unavailable);
    let odd = serve(|_| Some(b"220 mail.example ready\r\n".to_vec())).await;
    assert_eq!(failure(get(odd.base.clone()), &gate(&odd.base)).await.kind, Kind::Remote);
}

#[tokio::test]
async fn a_cancel_closes_the_connection_in_the_middle_of_a_response() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (gate, cancel) = (gate(&base), CancelToken::new());
    let client = PluginHttp::new().unwrap();
    let sending = client.send(get(base.clone()), &gate, &cancel);
    let begun = Instant::now();
    let canceling = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        assert!(socket.read(&mut request).await.unwrap() > 0);
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly a part").await.unwrap();
        cancel.cancel("canceled by user:alice");
        socket
    };
    let (answered, mut socket) = tokio::join!(sending, canceling);
    assert_eq!(answered.expect_err("canceled").kind, Kind::Canceled);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(socket.read(&mut [0; 16]).await.unwrap_or(0), 0, "the connection is closed");
}

#[tokio::test]
async fn a_server_whose_certificate_nobody_vouches_for_gets_no_request() {
    let (url, _, task) = serve_tls().await;
    let gate = gate(url.trim_end_matches('/'));
    let request = HttpRequest { headers: vec![("authorization".into(), "Bearer k3y".into())], ..get(url.clone()) };
    let error = failure(request, &gate).await;
    assert_eq!(error.kind, Kind::Unavailable, "{error}");
    assert!(error.message.to_lowercase().contains("certificate") && !error.message.contains("k3y"), "{error}");
    task.abort();
}
