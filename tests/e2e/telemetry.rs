//! What the server says of itself: log lines as JSON, and traces at a collector.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{command, home_with, nomaflow, sql_job};

const BOUND: Duration = Duration::from_secs(60);

/// First lines and bodies of requests.
type Kept = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A collector that keeps what it is sent.
fn collector() -> (String, Kept) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = kept.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let keep = keep.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                loop {
                    let mut head = String::new();
                    while !head.ends_with("\r\n\r\n") {
                        if reader.read_line(&mut head).unwrap_or_default() == 0 {
                            return;
                        }
                    }
                    let lower = head.to_lowercase();
                    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
                    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
                    reader.read_exact(&mut body).unwrap();
                    keep.lock().unwrap().push((head.lines().next().unwrap().to_owned(), body));
                    if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, kept)
}

/// Starts a server with these variables and waits until it listens.
fn serve(home: &std::path::Path, variables: &[(&str, &str)]) -> std::process::Child {
    let mut serve = command(home);
    serve.envs(variables.iter().copied()).args(["serve", "--listen", "127.0.0.1:0"]);
    let mut child = serve.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("listening") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "it ended before it listened");
    }
    child
}

/// Asks the server to stop; everything it wrote to standard error.
fn stop(mut child: std::process::Child) -> String {
    let asked = std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(asked.success());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    said
}

#[test]
fn a_run_and_its_steps_are_traced_to_a_collector_with_what_was_called() {
    let (url, kept) = collector();
    let home = home_with(&sql_job("traced-job", "select 1"));
    home.write("connectors.toml", crate::program::CONNECTOR).unwrap();
    let server = serve(home.path(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &url), ("OTEL_SERVICE_NAME", "night-shift")]);
    nomaflow(home.path(), &["job", "run", "traced-job"]).expect(0);
    stop(server);
    let kept = kept.lock().unwrap();
    assert!(kept.iter().all(|(line, _)| line.starts_with("POST /v1/traces")), "{:?}", kept.first().map(|k| &k.0));
    let all: Vec<u8> = kept.iter().flat_map(|(_, body)| body.clone()).collect();
    // The names and values of a span stand in the message as they are.
    for part in ["night-shift", "run.id", "job.id", "traced-job", "step.name"] {
        assert!(all.windows(part.len()).any(|window| window == part.as_bytes()), "`{part}` was not sent");
    }
}

#[test]
fn calls_of_components_python_and_built_in_steps_are_traced_below_their_step() {
    let (url, kept) = collector();
    let step =
        |name: &str, kind: &str, rest: &str| format!("[[jobs.steps]]\nname = \"{name}\"\ntype = \"{kind}\"\n{rest}\n");
    let jobs = sql_job("fills", "create table if not exists t (x integer); insert into t values (1)")
        + &step("asks-sql", "python", "callable = \"calls:asks\"")
        + &step("asks-db", "wasm", "callable = \"zoo:rows\"\nop_kwargs = { statement = \"select 1 as one\", max = 1 }")
        + &step("asks-web", "http", &format!("url = \"{url}/told\""));
    let home = home_with(&jobs);
    let connectors = crate::program::CONNECTOR.replace(".db]", ".c]").replace("\"db\"", "\"c\"");
    home.write("connectors.toml", connectors + crate::program::CONNECTOR).unwrap();
    home.write(
        "plugins/test/calls.py",
        "def asks(ctx):\n    ctx.get_connector('db').query('select x from t')\n    ctx.state.get('k')\n",
    )
    .unwrap();
    home.write("plugins/test/zoo.wasm", crate::bad_input::guest("zoo")).unwrap();
    home.write("plugins/test/zoo.toml", "[grants.connectors]\nc = \"read\"\n").unwrap();
    let server = serve(home.path(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]);
    nomaflow(home.path(), &["job", "run", "fills"]).expect(0);
    stop(server);
    let kept = kept.lock().unwrap();
    let all: Vec<u8> = kept.iter().flat_map(|(_, body)| body.clone()).collect();
    let count = |part: &str| all.windows(part.len()).filter(|window| *window == part.as_bytes()).count();
    for call in ["sql.run", "http.send", "state", "sql.open"] {
        assert!(count(call) > 0, "`{call}` was not sent");
    }
    assert!(count("host_call") >= 5, "only {} calls were sent", count("host_call"));
}

#[test]
fn a_collector_that_is_away_costs_no_run_and_no_stop() {
    let home = home_with(&sql_job("calm", "select 1"));
    home.write("connectors.toml", crate::program::CONNECTOR).unwrap();
    let server = serve(home.path(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")]);
    nomaflow(home.path(), &["job", "run", "calm"]).expect(0);
    let asked = Instant::now();
    stop(server);
    assert!(asked.elapsed() < BOUND, "{:?}", asked.elapsed());
}

#[test]
fn log_lines_are_json_when_that_is_wanted() {
    let home = home_with("");
    let said = stop(serve(home.path(), &[("NOMAFLOW_LOG_FORMAT", "json"), ("NOMAFLOW_LOG", "info")]));
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(!lines.is_empty());
    for line in &lines {
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string(), "{line}");
    }
    let mut wrong = command(home.path());
    let refused = wrong.env("NOMAFLOW_LOG_FORMAT", "xml").arg("check").output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("allowed are `text` and `json`"));
}
