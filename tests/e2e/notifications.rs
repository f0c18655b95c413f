//! Notifications as an operator meets them: a real mail server, a real HTTP server, a process killed at the worst moments.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use test_support::{Host, TempHome, wait_until};

use crate::packages::environment;
use crate::program::{BINARY, CONNECTOR, command, home_with, nomaflow, root, serve, sql_job};

const SOON: Duration = Duration::from_secs(60);
const PLANTED: &str = "pl4nted-h00k-s3cret";

/// A mail server of the test.
struct MailServer {
    child: Child,
    input: Option<ChildStdin>,
    port: u16,
    mails: Arc<Mutex<Vec<Value>>>,
}

impl MailServer {
    fn start(arguments: &[&str]) -> Self {
        let interpreter = environment("notify", &root().join("tests/notify/requirements.txt"), &[]);
        let mut start = Command::new(interpreter);
        start.arg("-I").arg(root().join("tests/notify/smtp_sink.py")).args(arguments);
        let mut child = start.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let input = child.stdin.take();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.next().expect("the mail server starts").unwrap().parse().unwrap();
        let mails: Arc<Mutex<Vec<Value>>> = Arc::default();
        let kept = mails.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Self { child, input, port, mails }
    }

    fn wait(&self, count: usize) -> Vec<Value> {
        let mails = || self.mails.lock().unwrap().clone();
        wait_until(SOON, || mails().len() >= count).or_panic("the mail comes");
        mails()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An HTTP server that notes bodies; the first `silent` requests get no answer.
struct Hook {
    port: u16,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Hook {
    fn open(silent: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let bodies: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = bodies.clone();
        std::thread::spawn(move || {
            let mut left_alone = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                stream.set_read_timeout(Some(SOON)).unwrap();
                let (mut request, mut part) = (Vec::new(), [0; 4096]);
                let body = loop {
                    let count = stream.read(&mut part).unwrap_or(0);
                    request.extend_from_slice(&part[..count]);
                    let text = String::from_utf8_lossy(&request).into_owned();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else {
                        if count == 0 {
                            break None;
                        }
                        continue;
                    };
                    let length = head.to_ascii_lowercase().lines().find_map(|line| {
                        line.strip_prefix("content-length: ").and_then(|length| length.parse::<usize>().ok())
                    });
                    if count == 0 || length.is_none_or(|length| body.len() >= length) {
                        break Some(body.to_owned());
                    }
                };
                let Some(body) = body else { continue };
                let number = {
                    let mut bodies = kept.lock().unwrap();
                    bodies.push(body);
                    bodies.len()
                };
                if number <= silent {
                    left_alone.push(stream);
                } else {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
                }
            }
        });
        Self { port, bodies }
    }

    fn wait(&self, count: usize) -> Vec<String> {
        let bodies = || self.bodies.lock().unwrap().clone();
        wait_until(SOON, || bodies().len() >= count).or_panic("the request comes");
        bodies()
    }
}

/// A job that fails, with these `alerts`.
fn failing_job(alerts: &str) -> String {
    let job = sql_job("broken", "select * from nowhere");
    job.replace("id = \"broken\"\n", &format!("id = \"broken\"\nalerts = {{ {alerts} }}\n"))
}

fn home(app: &str, alerts: &str) -> TempHome {
    let home = home_with(&failing_job(alerts));
    home.write("connectors.toml", CONNECTOR).unwrap();
    home.write("app.toml", app).unwrap();
    home
}

fn deliveries(home: &TempHome) -> Vec<Value> {
    let answer = nomaflow(home.path(), &["--json", "notify", "deliveries"]).expect(0).json();
    answer["deliveries"].as_array().unwrap().clone()
}

#[test]
fn mail_goes_out_encrypted_and_what_a_server_refuses_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("cert.pem"), certificate.pem()).unwrap();
    std::fs::write(at("key.pem"), key.serialize_pem()).unwrap();
    let secure = MailServer::start(&["starttls", &at("cert.pem"), &at("key.pem"), "--login", "ann", PLANTED]);
    let implicit = MailServer::start(&["implicit", &at("cert.pem"), &at("key.pem")]);
    let plain = MailServer::start(&["none"]);
    let strict = MailServer::start(&["none", "--refuse"]);
    let transport = |name: &str, port: u16, more: &str| {
        format!(
            "[notifications.transports.{name}]\nkind = \"smtp\"\nhost = \"localhost\"\nport = {port}\n\
             from = \"Nomaflow <jobs@example.test>\"\nto = \"ops@example.test\"\n{more}\n"
        )
    };
    let trusted = format!("ca_file = \"{}\"\n", at("cert.pem"));
    let login = |word: &str| format!("{trusted}user = \"ann\"\npassword = \"{word}\"");
    let app = "[server]\npublic_url = \"https://jobs.example.test\"\n[notifications]\ngroup_seconds = 0\n".to_owned()
        + &transport("mail", secure.port, &login("${MAIL_PASSWORD}"))
        + &transport("wrong-password", secure.port, &login("wrong"))
        + &transport("untrusted", secure.port, "")
        + &transport("no-tls-there", plain.port, "")
        + &transport("implicit", implicit.port, &format!("{trusted}tls = \"implicit\""))
        + &transport("plain", plain.port, "tls = \"none\"")
        + &transport("strict", strict.port, "tls = \"none\"");
    let home = home(&app, "recipients = [\"mail:ann@example.test\"]");
    let host = Host::start_with(BINARY, home.path(), |command| {
        command.env("MAIL_PASSWORD", PLANTED);
    })
    .unwrap();
    nomaflow(home.path(), &["job", "run", "broken"]).expect(1);
    let mail = secure.wait(1).remove(0);
    assert_eq!((mail["to"].clone(), mail["tls"].clone()), (json!(["ann@example.test"]), json!(true)));
    let text = mail["text"].as_str().unwrap();
    for part in ["Subject: [Nomaflow] FAILED broken", "multipart/alternative", "text/html", "no such table: nowhere"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(text.contains("https://jobs.example.test/runs/"), "{text}");
    for name in ["implicit", "plain"] {
        nomaflow(home.path(), &["notify", "test", name]).expect(0).saying(&["250"]);
    }
    assert_eq!(implicit.wait(1)[0]["to"], json!(["ops@example.test"]));
    for (name, why) in
        [("wrong-password", "535"), ("untrusted", "certificate"), ("no-tls-there", "STARTTLS"), ("strict", "550")]
    {
        let said = nomaflow(home.path(), &["notify", "test", name]).expect(1);
        assert!(said.all().contains(why), "{name}: {}", said.all());
    }
    nomaflow(home.path(), &["notify", "test", "plain", "--to", "a@b.test\r\nBcc: c@d.test"]).expect(2);
    assert_eq!(plain.mails.lock().unwrap().len(), 1, "nothing was sent to an address with a line break");
    let told = nomaflow(home.path(), &["notify", "list"]).expect(0).all()
        + &nomaflow(home.path(), &["--json", "notify", "deliveries"]).expect(0).all()
        + &host.lines().join("\n");
    assert!(!told.contains(PLANTED), "{told}");
}

#[test]
fn a_message_outlives_the_process_that_was_to_send_it() {
    // The first request is never answered: the process dies between sending and knowing.
    let hook = Hook::open(1);
    let app = format!(
        "[notifications]\ngroup_seconds = 0\n[notifications.transports.hook]\nkind = \"webhook\"\n\
         url = \"http://127.0.0.1:{}/\"\n",
        hook.port
    );
    let home = home(&app, "recipients = [\"hook\"]");
    let host = serve(&home);
    nomaflow(home.path(), &["job", "run", "broken"]).expect(1);
    hook.wait(1);
    host.kill();
    let _again = serve(&home);
    let bodies = hook.wait(2);
    assert_eq!(bodies[0], bodies[1], "the same message, told as one by its number");
    wait_until(SOON, || deliveries(&home)[0]["outcome"] == "SENT").or_panic("it is recorded");
    // Written down by a process that sends nothing, and found by the server.
    nomaflow(home.path(), &["--local", "job", "run", "broken"]).expect(1);
    hook.wait(3);
}

#[test]
fn an_event_outlives_the_process_that_was_to_judge_it() {
    let hook = Hook::open(0);
    let app = format!(
        "[notifications]\ngroup_seconds = 3600\n[notifications.transports.hook]\nkind = \"webhook\"\n\
         url = \"http://127.0.0.1:{}/\"\n",
        hook.port
    );
    let home = home(&app, "recipients = [\"hook\"]");
    // Nobody judges: no server is there. Then one is killed that gathers.
    nomaflow(home.path(), &["--local", "job", "run", "broken"]).expect(1);
    let host = serve(&home);
    wait_until(SOON, || !deliveries(&home).is_empty()).or_panic("it is judged");
    host.kill();
    assert!(hook.bodies.lock().unwrap().is_empty());
    home.write("app.toml", app.replace("3600", "0")).unwrap();
    let _again = serve(&home);
    nomaflow(home.path(), &["job", "run", "broken"]).expect(1);
    hook.wait(1);
    let all = deliveries(&home);
    assert!(all.iter().any(|one| one["outcome"] == "PENDING"), "the first still gathers: {all:?}");
}

#[test]
fn the_address_of_a_hook_is_in_no_record() {
    let app = "[notifications]\ngroup_seconds = 0\n[notifications.transports.chat]\nkind = \"slack\"\n\
               webhook_url = \"${secret.HOOK}\"\n";
    let home = home(app, "recipients = [\"#ops\"]");
    let host = Host::start_with(BINARY, home.path(), |command| {
        command.env("NOMAFLOW_LOG", "debug");
    })
    .unwrap();
    nomaflow(home.path(), &["job", "run", "broken"]).expect(1);
    let outcome = || deliveries(&home).first().map(|one| one["error"].as_str().unwrap_or_default().to_owned());
    wait_until(SOON, || outcome().is_some_and(|why| why.contains("no secret named `HOOK`"))).or_panic("it is told");
    let mut start = command(home.path());
    start.args(["secret", "set", "HOOK"]).stdin(Stdio::piped());
    let mut child = start.spawn().unwrap();
    let address = format!("http://127.0.0.1:1/{PLANTED}");
    child.stdin.take().unwrap().write_all(address.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    let said = nomaflow(home.path(), &["notify", "test", "chat"]).expect(1).all();
    assert!(said.contains("no answer") && !said.contains(PLANTED), "{said}");
    let told = nomaflow(home.path(), &["--json", "notify", "list"]).expect(0).all()
        + &nomaflow(home.path(), &["--json", "notify", "deliveries"]).expect(0).all()
        + &host.lines().join("\n");
    assert!(!told.contains(PLANTED), "{told}");
}
