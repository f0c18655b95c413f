//! What a guest may ask for besides SQL, with real services behind it: an HTTP server on loopback, OpenLDAP, the store,
//! folders. Without its grant each call is denied, and the log of the run names the line that is missing.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use host_model::connector::{Directory, Hidden};
use host_model::{ConnectorName, Json, StepErrorKind};
use serde_json::json;
use test_support::Slapd;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{Home, Step, json};

/// What `services:<callable>` returns, and what it said.
async fn ask(home: &Home, callable: &str, params: Json) -> (Json, Vec<String>) {
    let step = Step::new(params);
    let outcome = home.run_in(&format!("services:{callable}"), &step.ctx).await;
    let outcome = outcome.unwrap_or_else(|failure| panic!("{callable}: {:?}", failure.error));
    (json(outcome.output), step.voice.lines())
}

/// A server that gives every request `answer`, and remembers what it was asked.
async fn serve(answer: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&asked);
    // Ends with the runtime of the test.
    let _serving = tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = vec![0; 8192];
            let n = socket.read(&mut request).await.unwrap_or(0);
            seen.lock().expect("no panic").push(String::from_utf8_lossy(&request[..n]).into_owned());
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (address, asked)
}

const OK: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello";

#[tokio::test]
async fn without_its_grant_every_call_is_denied_and_the_log_names_the_line() {
    let home = Home::with_services("services", Vec::new()).await;
    let file = "in `plugins/app/services.toml`";
    for (callable, params, missing) in [
        (
            "http",
            json!({"url": "https://api.example.com/x?key=1"}),
            "`hosts = [\"api.example.com\"]` under `[grants.http]`",
        ),
        ("http", json!({"url": "http://a.test:8080/"}), "`hosts = [\"a.test:8080\"]` under `[grants.http]`"),
        ("ldap", json!({"connector": "people", "filter": "(uid=*)"}), "`ldap = [\"people\"]` under `[grants]`"),
        ("secret", json!({"name": "token"}), "`secrets = [\"token\"]` under `[grants]`"),
    ] {
        let (answer, lines) = ask(&home, callable, params).await;
        assert_eq!((&answer["code"], &answer["retryable"]), (&json!("denied"), &json!(false)), "{answer}");
        let message = answer["message"].as_str().expect("a text");
        assert!(message.ends_with(&format!("is not granted; missing is {missing} {file}")), "{message}");
        assert!(lines.contains(&format!("WARNING denied: {message}")), "{lines:?}");
    }
    let (answer, lines) =
        ask(&home, "state", json!({"operations": [["get", "a"], ["set", "a", "b"], ["scan", ""]]})).await;
    for answer in answer["result"].as_array().expect("a list") {
        let message = format!("durable state is not granted; missing is `state = true` under `[grants]` {file}");
        assert_eq!(*answer, json!({"code": "denied", "message": message, "retryable": false}));
    }
    assert_eq!(lines.len(), 3, "{lines:?}");
}

#[tokio::test]
async fn a_granted_host_answers_and_a_method_needs_a_grant_of_its_own() {
    let (address, asked) = serve(OK).await;
    let home = Home::with_services("services", Vec::new()).await;
    home.grant("services", &format!("[grants.http]\nhosts = [\"{address}\"]\n"));
    let url = format!("http://{address}/a");
    let (answer, _) = ask(&home, "http", json!({"url": url, "headers": [["x-key", "k"]]})).await;
    assert_eq!((&answer["ok"]["status"], &answer["ok"]["body"]), (&json!(200), &json!("hello")), "{answer}");
    assert!(asked.lock().expect("no panic")[0].contains("x-key: k"));
    let (answer, lines) = ask(&home, "http", json!({"url": url, "method": "post", "body": "x"})).await;
    assert_eq!(answer["code"], "denied");
    assert!(
        lines.iter().any(|line| line.contains("`methods = [\"GET\", \"HEAD\", \"POST\"]` under `[grants.http]`")),
        "{lines:?}"
    );
    assert_eq!(asked.lock().expect("no panic").len(), 1, "the second one never left");
    home.grant("services", &format!("[grants.http]\nhosts = [\"{address}\"]\nmethods = [\"POST\"]\n"));
    let (answer, _) = ask(&home, "http", json!({"url": url, "method": "post", "body": "x"})).await;
    assert_eq!(answer["ok"]["status"], 200, "grants are read for every call");
}

#[tokio::test]
async fn a_wildcard_does_not_lead_to_this_machine_and_a_redirect_asks_again() {
    let (address, asked) = serve(OK).await;
    let (start, _) =
        serve("HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n")
            .await;
    let home = Home::with_services("services", Vec::new()).await;
    let port = address.rsplit_once(':').expect("a port").1;
    home.grant("services", &format!("[grants.http]\nhosts = [\"*.0.0.1:{port}\", \"{start}\"]\n"));
    let (answer, lines) = ask(&home, "http", json!({"url": format!("http://{address}/")})).await;
    assert_eq!(answer["code"], "denied", "{answer}");
    assert!(lines.iter().any(|line| line.starts_with("WARNING denied: the address `127.0.0.1`")), "{lines:?}");
    assert!(asked.lock().expect("no panic").is_empty());
    let (answer, lines) = ask(&home, "http", json!({"url": format!("http://{start}/")})).await;
    assert_eq!(answer["code"], "denied", "{answer}");
    assert!(lines.iter().any(|line| line.contains("`hosts = [\"127.0.0.1:9\"]`")), "{lines:?}");
}

#[tokio::test]
async fn a_response_beyond_the_limit_is_refused() {
    let (address, _) = serve(OK).await;
    let home = Home::with_services("services", Vec::new()).await;
    let grants = format!("[grants.http]\nhosts = [\"{address}\"]\n[limits]\nresponse_bytes = 4\n");
    home.grant("services", &grants);
    let (answer, _) = ask(&home, "http", json!({"url": format!("http://{address}/")})).await;
    assert_eq!(answer["code"], "limit", "{answer}");
}

#[tokio::test]
async fn a_request_nobody_answers_ends_with_the_cancel() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = silent.local_addr().expect("an address");
    let home = Home::with_services("services", Vec::new()).await;
    home.grant("services", &format!("[grants.http]\nhosts = [\"{address}\"]\n"));
    let step = Step::new(json!({"url": format!("http://{address}/")}));
    let call = home.run_in("services:http", &step.ctx);
    let canceling = async {
        let accepted = silent.accept().await.expect("the request");
        let begun = Instant::now();
        step.ctx.cancel.cancel("canceled by user:alice");
        (accepted, begun)
    };
    let (ended, (_socket, begun)) = tokio::join!(call, canceling);
    assert_eq!(ended.expect_err("canceled").error.kind, StepErrorKind::Canceled);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_granted_directory_is_searched_and_its_password_stays_here() {
    let suffix = Slapd::SUFFIX;
    let mut ldif = format!("dn: {suffix}\nobjectClass: domain\ndc: nomaflow\n\n");
    for name in ["ann", "bob", "cid"] {
        ldif += &format!(
            "dn: uid={name},{suffix}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: x\njpegPhoto:: /w==\n\n"
        );
    }
    let server = Slapd::start(&ldif, 1000).expect("slapd");
    let directory = Directory {
        name: ConnectorName::new("people").expect("a name"),
        url: server.url().to_owned(),
        start_tls: false,
        ca_file: None,
        bind_dn: Some(Slapd::ACCOUNT.to_owned()),
        password: Some(Hidden::new(Slapd::PASSWORD)),
        base: suffix.to_owned(),
        source: Default::default(),
    };
    let home = Home::with_services("services", vec![directory]).await;
    home.grant("services", "[grants]\nldap = [\"people\", \"others\"]\n");
    let params = json!({"connector": "people", "filter": "(uid=*)", "attributes": ["cn", "jpegPhoto"], "page_size": 2});
    let step = Step::new(params);
    let outcome = home.run_in("services:ldap", &step.ctx).await.expect("found");
    let mut found = outcome.output["ok"].as_array().expect("entries").clone();
    found.sort_by_key(|entry| entry["dn"].to_string());
    assert_eq!(found.len(), 3);
    assert_eq!(
        found[1],
        json!({"dn": format!("uid=bob,{suffix}"), "texts": [["cn", ["bob"]]], "bytes": [["jpegPhoto", [[255]]]]})
    );
    assert_eq!(outcome.usage.expect("usage")["rows_in"], 3);
    let (answer, _) = ask(&home, "ldap", json!({"connector": "people", "filter": "(uid="})).await;
    assert_eq!(answer["code"], "invalid", "{answer}");
    let (answer, _) = ask(&home, "ldap", json!({"connector": "others", "filter": "(uid=*)"})).await;
    assert_eq!(answer["code"], "not-found", "{answer}");
}

#[tokio::test]
async fn state_lasts_from_call_to_call_and_each_plugin_has_its_own() {
    let home = Home::with_services("services", Vec::new()).await;
    home.grant("services", "[grants]\nstate = true\n");
    let ok = |value: Json| json!({"ok": value});
    let answers = async |plugin: &str, operations: Json| {
        let outcome = home.run(&format!("{plugin}:state"), json!({"operations": operations})).await.expect("runs");
        outcome.output["result"].as_array().expect("answers").clone()
    };
    let first = answers(
        "services",
        json!([
            ["get", "scn"],
            ["set", "scn", "41"],
            ["compare", "scn", "40", "x"],
            ["compare", "scn", "41", "42"],
            ["compare", "new", null, "1"],
            ["compare", "new", null, "2"]
        ]),
    );
    let expected = [json!(null), json!(null), json!(false), json!(true), json!(true), json!(false)];
    assert_eq!(first.await, expected.map(ok));
    let second = answers("services", json!([["get", "scn"], ["scan", ""], ["delete", "new"], ["delete", "new"]]));
    let entries = json!([["new", "1"], ["scn", "42"]]);
    assert_eq!(second.await, [json!("42"), entries, json!(true), json!(false)].map(ok));
    fs::copy(home.path("services"), home.path("other")).expect("a copy");
    home.grant("other", "[grants]\nstate = true\n");
    assert_eq!(answers("other", json!([["get", "scn"], ["scan", ""]])).await, [json!(null), json!([])].map(ok));
}

#[tokio::test]
async fn keys_and_values_that_are_too_much_are_refused() {
    let home = Home::with_services("services", Vec::new()).await;
    home.grant("services", "[grants]\nstate = true\n");
    let long = "k".repeat(201);
    let operations = json!([
        ["get", ""],
        ["set", long, "x"],
        ["set", "a\nb", "x"],
        ["set", "a", "x\u{0}y"],
        ["set-large", "a"],
        ["scan", "a\u{0}"],
        ["get", "a"]
    ]);
    let (answer, _) = ask(&home, "state", json!({"operations": operations})).await;
    let codes: Vec<&Json> = answer["result"].as_array().expect("answers").iter().map(|one| &one["code"]).collect();
    assert_eq!(codes[..6], [&json!("invalid"); 6], "{answer}");
    assert_eq!(answer["result"][6], json!({"ok": null}), "nothing was written");
}

#[tokio::test]
async fn a_secret_is_handed_out_by_name_and_its_lines_do_not_show_it() {
    let home = Home::with_services("services", Vec::new()).await;
    home.grant("services", "[grants]\nsecrets = [\"token\", \"missing\"]\n");
    let (answer, lines) = ask(&home, "secret", json!({"name": "token"})).await;
    assert_eq!(answer, json!({"ok": "s3cret-token".len()}));
    assert_eq!(lines, ["INFO the secret is •••!", "INFO printed: •••"]);
    let (answer, _) = ask(&home, "secret", json!({"name": "missing"})).await;
    assert_eq!(answer["code"], "not-found");
}

#[tokio::test]
async fn a_secret_shows_neither_in_what_a_plugin_returns_nor_in_why_it_failed() {
    let home = Home::with_services("services", Vec::new()).await;
    home.grant("services", "[grants]\nsecrets = [\"token\", \"key\"]\n");
    let (answer, _) = ask(&home, "secret", json!({"name": "token", "then": "return"})).await;
    assert_eq!(answer, json!({"given": {"list": ["•••"]}, "•••": 1}));
    let step = Step::new(json!({"name": "token", "then": "fail"}));
    let error = home.run_in("services:secret", &step.ctx).await.expect_err("fails").error;
    assert_eq!((error.message.as_str(), error.detail.as_str()), ("it was •••", "code: invalid\n•••"));
    // One of several lines is printed line by line.
    let (_, lines) = ask(&home, "secret", json!({"name": "key"})).await;
    assert_eq!(lines, ["INFO the secret is •••!", "INFO printed: •••", "INFO •••"]);
}

#[tokio::test]
async fn only_granted_variables_are_seen_and_params_are_found_by_name() {
    let home = Home::with_services("services", Vec::new()).await;
    home.grant("services", "[grants]\nenv = [\"GREETING\", \"UNSET\"]\n");
    let names = json!(["GREETING", "UNSET", "PATH", "HOME"]);
    let (answer, _) = ask(&home, "env", json!({"names": names})).await;
    assert_eq!(answer["all"], json!(["GREETING"]));
    assert_eq!(answer["values"], json!(["hello", null, null, null]));
    assert_eq!(answer["param"], names);
}

#[tokio::test]
async fn a_granted_folder_is_all_a_guest_sees_of_the_disk() {
    let home = Home::with_services("services", Vec::new()).await;
    let root = home.folder.path();
    fs::create_dir_all(root.join("data/in")).expect("a folder");
    fs::create_dir_all(root.join("data/out")).expect("a folder");
    fs::write(root.join("data/in/a.txt"), "input").expect("writes");
    fs::write(root.join("secret.txt"), "secret").expect("writes");
    std::os::unix::fs::symlink(root.join("secret.txt"), root.join("data/in/absolute")).expect("a link");
    std::os::unix::fs::symlink("../../secret.txt", root.join("data/in/relative")).expect("a link");
    std::os::unix::fs::symlink("../..", root.join("data/out/up")).expect("a link");
    home.grant(
        "services",
        "[grants.directories]\nin = { path = \"data/in\", mode = \"read\" }\nout = { path = \"data/out\", mode = \"read-write\" }\n",
    );
    let read = async |path: &str| ask(&home, "file", json!({"path": path})).await.0;
    let write = async |path: &str| ask(&home, "file", json!({"path": path, "text": "written"})).await.0;
    assert_eq!(read("/in/a.txt").await, json!({"ok": "input"}));
    assert_eq!(write("/out/b.txt").await, json!({"ok": null}));
    assert_eq!(fs::read_to_string(root.join("data/out/b.txt")).expect("a file"), "written");
    for path in [
        "/in/absolute",
        "/in/relative",
        "/in/../../secret.txt",
        "/out/up/secret.txt",
        "/out/../out/up/secret.txt",
        "/secret.txt",
        "/etc/passwd",
        "../secret.txt",
        "secret.txt",
        "/proc/self/environ",
    ] {
        assert_eq!(read(path).await["code"], "io", "{path}");
    }
    for path in ["/in/a.txt", "/in/new.txt", "/out/up/new.txt", "/out/../../new.txt", "/new.txt"] {
        assert_eq!(write(path).await["code"], "io", "{path}");
    }
    assert_eq!(fs::read_to_string(root.join("data/in/a.txt")).expect("a file"), "input");
    assert_eq!(fs::read_to_string(root.join("secret.txt")).expect("a file"), "secret");
}

#[tokio::test]
async fn a_granted_folder_that_is_not_there_is_an_error_of_the_definition() {
    let home = Home::with_services("services", Vec::new()).await;
    home.grant("services", "[grants.directories]\nin = { path = \"no/such\" }\n");
    let error = home.run("services:file", json!({"path": "/in/a"})).await.expect_err("no folder").error;
    assert_eq!(error.kind, StepErrorKind::Definition);
    let start = "directory `in`, granted in `plugins/app/services.toml` as `no/such`, cannot be opened: ";
    assert!(error.message.starts_with(start), "{}", error.message);
}

#[tokio::test]
async fn what_is_granted_and_not_in_the_house_is_unavailable() {
    let home = Home::with("services");
    home.grant("services", "[grants]\nstate = true\nldap = [\"people\"]\n[grants.http]\nhosts = [\"a.test\"]\n");
    let (answer, _) = ask(&home, "http", json!({"url": "http://a.test/"})).await;
    assert_eq!(answer["code"], "unavailable");
    let (answer, _) = ask(&home, "ldap", json!({"connector": "people", "filter": "(uid=*)"})).await;
    assert_eq!(answer["code"], "unavailable");
    let (answer, _) = ask(&home, "state", json!({"operations": [["get", "a"]]})).await;
    assert_eq!(answer["result"][0]["code"], "unavailable");
}
