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
use crate::server::{bearer, http};

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

#[test]
fn a_muted_job_fails_in_silence_that_is_recorded_and_its_next_failure_after_the_mute_is_told() {
    let server = MailServer::start(&["none"]);
    let app = format!(
        "[notifications]\ngroup_seconds = 0\n[notifications.transports.mail]\nkind = \"smtp\"\nhost = \"localhost\"\n\
         port = {}\ntls = \"none\"\nfrom = \"jobs@example.test\"\nto = \"ops@example.test\"\n",
        server.port
    );
    let home = home(&app, "recipients = [\"mail\"]");
    let host = serve(&home);
    let mutes = || nomaflow(home.path(), &["--json", "notify", "mutes"]).expect(0).json()["mutes"].clone();
    let run = || {
        nomaflow(home.path(), &["job", "run", "broken"]).expect(1);
        let history = nomaflow(home.path(), &["--json", "job", "history", "broken"]).expect(0).json();
        history["runs"][0]["id"].as_str().unwrap().to_owned()
    };
    nomaflow(home.path(), &["notify", "mute", "broken", "--minutes", "60", "--reason", "it is being mended"]).expect(0);
    run();
    // Judged, and held back: then nothing can be on its way any more.
    wait_until(SOON, || mutes()[0]["held"] == 1).or_panic("the silence is counted");
    assert_eq!(mutes()[0]["reason"], "it is being mended");
    assert_eq!(deliveries(&home), Vec::<Value>::new(), "nothing waits in the outbox");
    assert!(server.mails.lock().unwrap().is_empty(), "nobody was told");
    nomaflow(home.path(), &["notify", "unmute", "broken"]).expect(0);
    let told = run();
    let mail = server.wait(1).remove(0);
    assert!(mail["text"].as_str().unwrap().contains(&told), "of the run after the mute: {mail}");
    // A mute that is left to itself ends by itself.
    let until = (chrono::Utc::now() + chrono::TimeDelta::seconds(2)).to_rfc3339();
    let body = json!({ "kind": "job", "name": "broken", "until": until }).to_string();
    let token = bearer(&home);
    let headers = [("Authorization", token.as_str()), ("Content-Type", "application/json")];
    let (status, _, said) = http(host.url(), "POST", "/admin/notifications/mutes", &headers, &body);
    assert_eq!(status, 200, "{said}");
    wait_until(SOON, || mutes() == json!([])).or_panic("the mute ends");
    let told = run();
    let mails = server.wait(2);
    assert!(mails[1]["text"].as_str().unwrap().contains(&told), "{}", mails[1]);
    wait_until(SOON, || deliveries(&home).iter().filter(|one| one["outcome"] == "SENT").count() == 2)
        .or_panic("recorded");
    assert_eq!(server.mails.lock().unwrap().len(), 2, "what was held back is not sent later");
}

#[test]
fn a_mail_is_previewed_as_it_is_then_sent() {
    let server = MailServer::start(&["none"]);
    let app = format!(
        "[server]\npublic_url = \"https://jobs.example.test\"\n[notifications]\ngroup_seconds = 0\n\
         [notifications.transports.mail]\nkind = \"smtp\"\nhost = \"localhost\"\nport = {}\ntls = \"none\"\n\
         from = \"jobs@example.test\"\nto = \"ops@example.test\"\n",
        server.port
    );
    let home = home(&app, "recipients = [\"mail\"]");
    let _host = serve(&home);
    nomaflow(home.path(), &["job", "run", "broken"]).expect(1);
    let mail = server.wait(1).remove(0);
    let sent = mail["text"].as_str().unwrap();
    let drawn = nomaflow(home.path(), &["--json", "notify", "preview", "mail", "--event", "failed"]).expect(0).json();
    assert_eq!((&drawn["sample"], &drawn["links_missing"]), (&json!(false), &json!(false)), "{drawn}");
    assert!(sent.contains(&format!("Subject: {}", drawn["title"].as_str().unwrap())), "{sent}");
    // Line by line: a mail has other line ends.
    let text = drawn["parts"][0]["text"].as_str().unwrap();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        assert!(sent.contains(line), "`{line}` is missing in\n{sent}");
    }
    nomaflow(home.path(), &["notify", "preview", "mail"]).expect(0).saying(&["FAILED broken", "text/html"]);
    nomaflow(home.path(), &["notify", "preview", "nope"]).expect(4);
    assert_eq!(server.mails.lock().unwrap().len(), 1, "a preview sends nothing");
}
