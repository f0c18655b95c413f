//! The `http` step against a server that says exactly what each test wants, well-mannered or not.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use host_model::job::spec::{HttpAuth, HttpSpec};
use host_model::port::{StepOutcome, StepRunner as _};
use host_model::{StepError, StepErrorKind, StepSpec};
use host_steps::HttpRunner;
use serde_json::json;
use test_support::free_port;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::kit::{Bench, Set};

/// Answers every request with what `answer` makes of it, then closes; `None` never answers.
pub(crate) struct Server {
    pub(crate) base: String,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) async fn serve(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let requests: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&requests);
    let task = tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !is_whole(&request) {
                match socket.read(&mut buffer).await {
                    Ok(n) if n > 0 => request.extend_from_slice(&buffer[..n]),
                    _ => break,
                }
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let reply = answer(&request);
            seen.lock().unwrap().push(request);
            match reply {
                Some(bytes) => drop(socket.write_all(&bytes).await),
                None => silent.push(socket),
            }
        }
    });
    Server { base, requests, task }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|l| l.to_lowercase().strip_prefix("content-length:").map(|v| v.trim().parse::<usize>().unwrap()));
    body.len() >= length.unwrap_or(0)
}

pub(crate) fn reply(status: &str, headers: &str, body: &str) -> Option<Vec<u8>> {
    Some(
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
            .into_bytes(),
    )
}

pub(crate) fn get(url: String) -> HttpSpec {
    HttpSpec::get(url)
}

pub(crate) async fn run(bench: &Bench, spec: HttpSpec) -> Result<StepOutcome, StepError> {
    run_in(std::path::Path::new("."), bench, spec).await
}

/// With `home` as the home directory.
pub(crate) async fn run_in(home: &std::path::Path, bench: &Bench, spec: HttpSpec) -> Result<StepOutcome, StepError> {
    let spec = StepSpec::Http(spec);
    HttpRunner::new(home).unwrap().run(&spec, &bench.context()).await.map_err(|f| f.error)
}

pub(crate) fn bench() -> Bench {
    Set::default().build()
}

#[tokio::test]
async fn a_json_answer_becomes_the_output() {
    let server = serve(|_| {
        reply(
            "200 OK",
            "Content-Type: application/json; charset=utf-8\r\nSet-Cookie: session=s3cret\r\n",
            "{\"ok\": [1, null]}",
        )
    })
    .await;
    let done = run(&bench(), get(format!("{}/x", server.base))).await.unwrap();
    assert_eq!((&done.output["status"], &done.output["body"]), (&json!(200), &json!({"ok": [1, null]})));
    assert_eq!(done.output["headers"]["content-type"], "application/json; charset=utf-8");
    assert!(done.output["headers"].get("set-cookie").is_none());
    assert!(done.output["elapsed_ms"].is_u64() && done.rows_affected.is_none());
}

#[tokio::test]
async fn method_headers_body_and_credentials_are_sent() {
    let server = serve(|_| reply("204 No Content", "", "")).await;
    let mut spec = get(server.base.clone());
    spec.method = "PUT".into();
    spec.headers = json!({"X-One": "a b", "x-two": 2}).as_object().cloned().unwrap();
    spec.body = json!({"k": "v"});
    spec.auth = Some(HttpAuth::Basic { user: "bob".into(), password: "pw".into() });
    run(&bench(), spec.clone()).await.unwrap();
    spec.body = json!("plain");
    spec.auth = Some(HttpAuth::Bearer { token: "t0ken".into() });
    run(&bench(), spec).await.unwrap();
    let seen: Vec<String> = server.requests.lock().unwrap().iter().map(|r| r.to_lowercase()).collect();
    assert!(seen[0].starts_with("put / http/1.1") && seen[0].ends_with("{\"k\":\"v\"}"));
    for line in ["x-one: a b", "x-two: 2", "content-type: application/json", "authorization: basic ym9ionb3"] {
        assert!(seen[0].contains(line), "{line} in {}", seen[0]);
    }
    assert!(
        seen[1].contains("authorization: bearer t0ken")
            && seen[1].ends_with("plain")
            && !seen[1].contains("content-type")
    );
}

#[tokio::test]
async fn statuses_decide_success_and_retry() {
    let server = serve(|request| {
        let status = request.split(['/', ' ', '?']).nth(2).unwrap_or_default().to_owned();
        reply(&format!("{status} Something"), "", "<p>the  reason\n why</p>")
    })
    .await;
    for (status, may_retry) in
        [("404", false), ("400", false), ("408", true), ("429", true), ("500", true), ("503", true), ("301", false)]
    {
        let error = run(&bench(), get(format!("{}/{status}?key=s3cret", server.base))).await.unwrap_err();
        assert_eq!((error.kind, error.may_retry), (StepErrorKind::Remote, may_retry), "{status}");
        assert!(error.message.contains(&format!("GET {}/{status}?… answered {status}", server.base)), "{error}");
        assert!(error.message.contains("<p>the reason why</p>") && !error.message.contains("s3cret"), "{error}");
    }
    let mut spec = get(format!("{}/404", server.base));
    spec.expected_statuses = vec![404, 410];
    assert_eq!(run(&bench(), spec.clone()).await.unwrap().output["status"], 404);
    spec.url = format!("{}/200", server.base);
    assert!(run(&bench(), spec).await.is_err());
}

#[tokio::test]
async fn bytes_that_are_neither_json_nor_text_do_no_harm() {
    let server = serve(|_| {
        Some(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\n\r\n{\xff\xfe".to_vec())
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let done = run_in(home.path(), &bench(), get(server.base.clone())).await.unwrap();
    assert_eq!(std::fs::read(done.output["body_file"].as_str().unwrap()).unwrap(), b"{\xff\xfe");
    assert!(done.output.get("body").is_none());
}

#[tokio::test]
async fn redirects_are_followed_but_not_for_ever() {
    let server = serve(|request| match request.starts_with("GET /start") {
        true => reply("302 Found", "location: /end\r\n", ""),
        false if request.starts_with("GET /end") => reply("200 OK", "", "there"),
        false => reply("302 Found", "location: /loop\r\n", ""),
    })
    .await;
    assert_eq!(run(&bench(), get(format!("{}/start", server.base))).await.unwrap().output["body"], "there");
    let error = run(&bench(), get(format!("{}/loop", server.base))).await.unwrap_err();
    assert!(error.message.contains("more than 10 redirects"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_away_or_hangs_up_is_worth_a_retry() {
    let nobody = format!("http://user:s3cret@127.0.0.1:{}/x?t=s3cret", free_port().unwrap());
    let error = run(&bench(), get(nobody)).await.unwrap_err();
    assert_eq!((error.kind, error.may_retry), (StepErrorKind::Remote, true));
    assert!(error.message.contains("onnection refused") && !error.message.contains("s3cret"), "{error}");
    for rude in [&b""[..], b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort"] {
        let server = serve(move |_| Some(rude.to_vec())).await;
        let error = run(&bench(), get(server.base.clone())).await.unwrap_err();
        assert_eq!((error.kind, error.may_retry), (StepErrorKind::Remote, true), "{error}");
    }
}

#[tokio::test]
async fn a_cancel_does_not_wait_for_the_server() {
    let server = serve(|_| None).await;
    let bench = bench();
    let work = run(&bench, get(server.base.clone()));
    tokio::pin!(work);
    loop {
        tokio::select! {
            _ = &mut work => panic!("nobody answered"),
            () = tokio::time::sleep(Duration::from_millis(10)) => {}
        }
        if !server.requests.lock().unwrap().is_empty() {
            break;
        }
    }
    let begun = Instant::now();
    bench.cancel.cancel("canceled by user:test");
    assert_eq!(work.await.unwrap_err().kind, StepErrorKind::Canceled);
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_step_that_makes_no_sense_is_refused_before_anything_is_sent() {
    for (change, words) in [
        ((|s: &mut HttpSpec| s.url = "not a url".into()) as fn(&mut HttpSpec), "absolute URL"),
        (|s| s.url = "ftp://host/x".into(), "`ftp`"),
        (|s| s.method = "GE T".into(), "not an HTTP method"),
        (|s| drop(s.headers.insert("bad name".into(), json!("x"))), "`bad name`"),
        (|s| drop(s.headers.insert("x-key".into(), json!("s3\ncret"))), "`x-key`"),
    ] {
        let mut spec = get("http://127.0.0.1:1/".into());
        change(&mut spec);
        let error = run(&bench(), spec).await.unwrap_err();
        assert_eq!(error.kind, StepErrorKind::Definition, "{error}");
        assert!(error.message.contains(words) && !error.message.contains("s3"), "{error}");
    }
}
