//! Secrets from the shell to the request: set, used, sealed anew, and found nowhere they should not be.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use test_support::{Host, TempHome, wait_until};

use crate::program::{BINARY, Said, command, home_with, latest_run, nomaflow, serve};
use crate::server::{bearer, http};

const SOON: Duration = Duration::from_secs(30);
const PLANTED: &str = "pl4nted-s3cret-0f-the-test";

/// A command with something on its standard input.
pub(crate) fn piped(home: &Path, arguments: &[&str], input: &str) -> Said {
    let mut start = command(home);
    start.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = start.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

/// Answers one request with 200 and gives back what it was.
fn one_request() -> (u16, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let (mut request, mut part) = (String::new(), [0; 1024]);
        while !request.contains("\r\n\r\n") {
            let count = stream.read(&mut part).unwrap();
            assert_ne!(count, 0, "the request breaks off: {request}");
            request.push_str(std::str::from_utf8(&part[..count]).unwrap());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").unwrap();
        request
    });
    (port, thread)
}

/// Every file below `folder` that holds `text`, sealed or not.
fn files_with(folder: &Path, text: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_with(&path, text, found);
        } else if std::fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
        {
            found.push(path.display().to_string());
        }
    }
}

#[test]
fn a_secret_reaches_the_request_and_no_record_of_it() {
    let (port, request) = one_request();
    let step = format!(
        "[[jobs]]\nid = \"call\"\n[[jobs.steps]]\nname = \"call\"\ntype = \"http\"\nurl = \"http://127.0.0.1:{port}/\"\n\
         auth = {{ type = \"bearer\", token = \"${{secret.TOKEN}}\" }}\n"
    );
    let home = home_with(&step);
    let verbose = |serve: &mut std::process::Command| {
        serve.env("NOMAFLOW_LOG", "debug");
    };
    let host = Host::start_with(BINARY, home.path(), verbose).unwrap();
    nomaflow(home.path(), &["job", "run", "call"]).expect(1).saying(&["there is no secret named `TOKEN`"]);
    piped(home.path(), &["secret", "set", "TOKEN"], &format!("{PLANTED}\n")).expect(0);
    nomaflow(home.path(), &["job", "run", "call"]).expect(0);
    let request = request.join().unwrap();
    assert!(request.to_lowercase().contains(&format!("authorization: bearer {PLANTED}")), "{request}");

    let run = latest_run(home.path(), false, "call");
    let id = run["id"].as_str().unwrap();
    let told = [
        nomaflow(home.path(), &["--json", "run", "show", id]).expect(0),
        nomaflow(home.path(), &["job", "logs", id]).expect(0),
        nomaflow(home.path(), &["--json", "secret", "list"]).expect(0).saying(&["TOKEN"]),
        nomaflow(home.path(), &["--json", "job", "show", "call"]).expect(0),
        nomaflow(home.path(), &["diagnostics"]).expect(0).saying(&["catalogue read"]),
        nomaflow(home.path(), &["export"]).expect(0).saying(&["${secret.TOKEN}"]),
        nomaflow(home.path(), &["audit", "export"]).expect(0).saying(&["secrets.put"]),
        nomaflow(home.path(), &["job", "versions", "call"]).expect(0),
    ];
    for said in &told {
        assert!(!said.all().contains(PLANTED), "{}", said.all());
    }
    assert!(!host.lines().iter().any(|line| line.contains(PLANTED)), "the log of the server has it");
    // Somebody uses it where everybody looks: the name of a request stands in the log. The bundle is looked through.
    let ask = || {
        let headers = [("Authorization", bearer(&home)), ("X-Request-Id", PLANTED.to_owned())];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        http(host.url(), "GET", "/admin/diagnostics", &headers, "").2
    };
    ask();
    host.wait_for_line(PLANTED, SOON).or_panic("the log has the name of the request");
    let bundle = ask();
    assert!(!bundle.contains(PLANTED) && bundle.contains("id=\\\"********\\\""), "{bundle}");
    // An archive is compressed: what is in it is looked for where it is put back.
    let (archive, copy) = (home.path().join("all.nomaflow"), TempHome::new().unwrap());
    nomaflow(home.path(), &["backup", archive.to_str().unwrap()]).expect(0);
    nomaflow(copy.path(), &["restore", "--force", archive.to_str().unwrap()]).expect(0);
    assert_eq!(host.stop(SOON).unwrap().code(), Some(0));
    for folder in [home.path(), copy.path()] {
        let mut found = Vec::new();
        files_with(folder, PLANTED, &mut found);
        assert_eq!(found, Vec::<String>::new());
    }
}

#[test]
fn a_crash_leaves_no_core_file_with_secrets_in_it() {
    let step =
        "[[jobs]]\nid = \"keep\"\n[[jobs.steps]]\nname = \"keep\"\ntype = \"python\"\ncallable = \"keeper:keep\"\n";
    let home = home_with(step);
    let module = "import resource, time\n\n\ndef keep(ctx):\n    secret = ctx.secret(\"TOKEN\")\n    \
                  ctx.log.info(\"core %d of %d\", resource.getrlimit(resource.RLIMIT_CORE)[0], len(secret))\n    time.sleep(600)\n";
    home.write("plugins/test/keeper.py", module).unwrap();
    piped(home.path(), &["--local", "secret", "set", "TOKEN"], PLANTED).expect(0);
    // Somebody who wants core files of everything, as many a machine is set up; a core goes to the folder of its process.
    let wish = home.path().join("wish");
    std::fs::write(&wish, format!("#!/bin/sh\nulimit -S -c \"$(ulimit -H -c)\"\nexec '{BINARY}' \"$@\"\n")).unwrap();
    std::fs::set_permissions(&wish, std::fs::Permissions::from_mode(0o700)).unwrap();
    let folder = home.path().to_owned();
    let mut host = Host::start_with(&wish, home.path(), |serve| {
        serve.current_dir(&folder);
    })
    .unwrap();
    nomaflow(home.path(), &["job", "run", "keep", "--detach"]).expect(0);
    let lines = || nomaflow(home.path(), &["job", "logs", "keep"]).out;
    let waited = wait_until(SOON, || lines().contains(&format!("core 0 of {}", PLANTED.len())));
    waited.or_panic("the worker has the secret and no room for a core");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", host.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    host.crash();
    wait_until(SOON, || !host.is_running()).or_panic("it crashes");
    drop(host);
    let mut found = Vec::new();
    files_with(home.path(), PLANTED, &mut found);
    assert_eq!(found, Vec::<String>::new());
}

/// A home whose connector is where the secret and the sealed value say.
fn home_of_two_files() -> TempHome {
    let step = |id: &str| {
        format!(
            "[[jobs]]\nid = \"{id}\"\n[[jobs.steps]]\nname = \"a\"\ntype = \"sql_query\"\nconnector = \"{id}\"\n\
             query = \"select name from me\"\n"
        )
    };
    let home = home_with(&(step("named") + &step("sealed")));
    for file in ["one", "two"] {
        let path = home.path().join(format!("data/{file}.db"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let script = format!(
            "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\n\
                              db.execute(\"create table me as select '{file}' as name\")\ndb.commit()"
        );
        assert!(std::process::Command::new("python3").args(["-c", &script]).arg(path).status().unwrap().success());
    }
    home
}

fn name_read_by(home: &TempHome, job: &str) -> String {
    nomaflow(home.path(), &["job", "run", job]).expect(0);
    let id = latest_run(home.path(), false, job)["id"].as_str().unwrap().to_owned();
    let shown = nomaflow(home.path(), &["--json", "run", "show", &id]).expect(0).json();
    shown["steps"][0]["output"]["rows"][0]["name"].as_str().unwrap_or_else(|| panic!("{shown:#}")).to_owned()
}

#[test]
fn connectors_follow_their_secrets_and_a_new_key_opens_them_all() {
    let home = home_of_two_files();
    let sealed = piped(home.path(), &["secret", "encrypt"], "sqlite:data/two.db").expect(0).out;
    let connectors = format!(
        "# A remark that stays.\n[pools.named]\nurl = \"sqlite:${{secret.place}}\"\n[connectors.named]\n\
         [pools.sealed]\nurl = \"{}\"\n[connectors.sealed]\n",
        sealed.trim()
    );
    home.write("connectors.toml", &connectors).unwrap();
    nomaflow(home.path(), &["check"]).expect(0);
    piped(home.path(), &["--local", "secret", "set", "place"], "data/one.db").expect(0);

    let host = serve(&home);
    assert_eq!(name_read_by(&home, "named"), "one");
    assert_eq!(name_read_by(&home, "sealed"), "two");
    piped(home.path(), &["secret", "set", "place"], "data/two.db").expect(0);
    assert_eq!(name_read_by(&home, "named"), "two");

    // Beside the running server, which finds the new key by itself.
    let before = home.read("data/secrets.key").unwrap();
    nomaflow(home.path(), &["secret", "rotate"]).expect(0).saying(&["1 stored secrets", "1 values of connectors.toml"]);
    assert_ne!(home.read("data/secrets.key").unwrap(), before);
    let rewritten = home.read("connectors.toml").unwrap();
    assert!(rewritten.contains("# A remark that stays.") && !rewritten.contains(sealed.trim()), "{rewritten}");
    nomaflow(home.path(), &["reload"]).expect(0);
    assert_eq!(name_read_by(&home, "sealed"), "two");
    // Set by a process beside the server, which the server learns of by asking.
    piped(home.path(), &["--local", "secret", "set", "place"], "data/one.db").expect(0);
    wait_until(SOON, || name_read_by(&home, "named") == "one").or_panic("the server learns of it");
    let old = piped(home.path(), &["secret", "decrypt"], sealed.trim());
    old.expect(3).saying(&["which is not among the keys of"]);
    assert_eq!(host.stop(SOON).unwrap().code(), Some(0));
}

#[test]
fn a_sealed_value_without_its_key_is_an_error_at_its_place() {
    let home = home_of_two_files();
    let sealed = piped(home.path(), &["secret", "encrypt"], "sqlite:data/two.db").expect(0).out;
    home.write("connectors.toml", format!("[pools.p]\nurl = \"{}\"\n[connectors.p]\n", sealed.trim())).unwrap();
    std::fs::remove_file(home.path().join("data/secrets.key")).unwrap();
    nomaflow(home.path(), &["check"]).expect(3).saying(&[
        "connectors.toml:2:",
        "the sealed value stays closed",
        "is not among the keys of",
    ]);
    nomaflow(home.path(), &["secret", "genkey"]).expect(0);
    nomaflow(home.path(), &["secret", "genkey"]).expect(3).saying(&["nomaflow secret rotate"]);
    piped(home.path(), &["secret", "encrypt"], "").expect(2).saying(&["standard input is empty"]);
    assert_eq!(
        nomaflow(home.path(), &["--json", "--local", "secret", "list"]).expect(0).json(),
        json!({ "secrets": [] })
    );
}
