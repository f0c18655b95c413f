//! Accounts from the command line to the page: the first start, sign-in of a machine, tokens, what a narrow one may do,
//! and clients that are too slow or say too much.

use std::io::Write;
use std::process::Stdio;

use crate::program::{CONNECTOR, Said, command, home_with, latest_run, nomaflow, serve, sql_job};
use crate::server::{bearer, http, json_body};
use serde_json::json;
use test_support::{TempHome, wait_until};

const SOON: std::time::Duration = std::time::Duration::from_secs(30);
const NEW: &str = "a long enough password";

fn home() -> TempHome {
    let home = home_with(&(sql_job("quick", "select 1 as x") + &sql_job("other", "select 2 as x")));
    home.write("connectors.toml", CONNECTOR).unwrap();
    home
}

/// Runs a command with lines on its standard input.
fn typed(home: &TempHome, arguments: &[&str], lines: &str, token: Option<&str>) -> Said {
    let mut command = command(home.path());
    if let Some(token) = token {
        command.env("NOMAFLOW_TOKEN", token);
    }
    let command = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn the_first_start_prints_a_password_that_signs_a_machine_in_once_it_is_changed() {
    let home = home();
    let host = serve(&home);
    let printed = || host.lines().iter().find_map(|line| line.strip_prefix("one-time password: ").map(str::to_owned));
    wait_until(SOON, || printed().is_some()).or_panic("the first password");
    let password = printed().unwrap();
    let login = ["login", "--user", "admin", "--server", host.url()];
    typed(&home, &login, "wrong\n", None).expect(6).saying(&["user or password is wrong"]);
    // A pipe with the first password only is told what else it has to bring, and nobody stays signed in.
    typed(&home, &login, &format!("{password}\n"), None)
        .expect(2)
        .saying(&["standard input has no new one", "two lines: the password that was given, then a new one"]);
    let trail = nomaflow(home.path(), &["--json", "audit", "list", "--limit", "5"]).expect(0).out;
    assert!(trail.contains("logout"), "{trail}");
    typed(&home, &login, &format!("{password}\nshort\n"), None).expect(2).saying(&["at least 12 characters"]);
    typed(&home, &login, &format!("{password}\n{NEW}\n"), None).expect(0).saying(&["signed in to", "`admin`"]);
    let kept = home.read("config/nomaflow/tokens.json").unwrap();
    assert!(kept.contains("nmf_") && kept.contains(host.url()), "{kept}");
    // The machine is signed in without the token of the home.
    let token = home.path().join("data/bootstrap.token");
    let aside = home.path().join("data/aside");
    std::fs::rename(&token, &aside).unwrap();
    let server = ["--server", host.url()];
    nomaflow(home.path(), &[&server[..], &["job", "run", "quick"]].concat()).expect(0);
    assert_eq!(latest_run(home.path(), false, "quick")["triggered_by"], "cli:admin");
    nomaflow(home.path(), &[&server[..], &["logout"]].concat()).expect(0);
    nomaflow(home.path(), &[&server[..], &["job", "list"]].concat()).expect(6).saying(&["nomaflow login"]);
    std::fs::rename(&aside, &token).unwrap();
    drop(host);
    let again = serve(&home);
    assert!(!again.lines().iter().any(|line| line.contains("one-time password")), "{:?}", again.lines());
}

#[test]
fn the_first_start_prints_a_link_by_which_the_first_administrator_chooses_a_password_once() {
    let home = home();
    let host = serve(&home);
    let link =
        || host.lines().iter().find_map(|line| line.split_once("here: http").map(|(_, rest)| format!("http{rest}")));
    wait_until(SOON, || link().is_some()).or_panic("the setup link");
    let link = link().unwrap();
    let path = link.strip_prefix(host.url()).unwrap();
    let (status, head, page) = http(host.url(), "GET", path, &[], "");
    assert!(status == 200 && head.contains("text/html") && page.contains("value=\"admin\""), "{head}\n{page}");
    let code = path.split("code=").nth(1).unwrap();
    let form = format!("username=admin&code={code}&new={0}&again={0}", NEW.replace(' ', "+"));
    let kind = [("Content-Type", "application/x-www-form-urlencoded")];
    let (status, head, body) = http(host.url(), "POST", "/auth/setup", &kind, &form);
    assert!(status == 303 && head.contains("nomaflow_session="), "{status}\n{head}\n{body}");
    assert_eq!(http(host.url(), "POST", "/auth/setup", &kind, &form).0, 401, "it works once");
    let data = home.path().join("data");
    assert!(!std::fs::read_dir(data).unwrap().any(|entry| {
        std::fs::read(entry.unwrap().path())
            .is_ok_and(|bytes| bytes.windows(code.len()).any(|part| part == code.as_bytes()))
    }));
    let login = ["login", "--user", "admin", "--server", host.url()];
    typed(&home, &login, &format!("{NEW}\n"), None).expect(0).saying(&["signed in to"]);
    let trail =
        nomaflow(home.path(), &["--json", "audit", "list", "--action", "auth.setup", "--limit", "2"]).expect(0).json();
    let entries: Vec<_> = trail["entries"].as_array().unwrap().iter().map(|e| (&e["user"], &e["outcome"])).collect();
    assert_eq!(entries, [(&json!("admin"), &json!("refused")), (&json!("admin"), &json!("done"))], "{trail}");
    drop(host);
    let again = serve(&home);
    assert!(!again.lines().iter().any(|line| line.contains("/auth/setup")), "{:?}", again.lines());
}

#[test]
fn a_token_for_one_job_runs_that_job_and_sees_no_other() {
    let home = home();
    let host = serve(&home);
    nomaflow(home.path(), &["user", "add", "robot", "-p", "job:quick"]).expect(0).saying(&["one-time password"]);
    let token = nomaflow(home.path(), &["token", "create", "ci", "--user", "robot", "--days", "1"]).expect(0);
    let token = token.out.lines().last().unwrap().trim().to_owned();
    let list = typed(&home, &["job", "list"], "", Some(&token)).expect(0);
    assert!(list.out.contains("quick") && !list.out.contains("other"), "{}", list.out);
    typed(&home, &["job", "run", "quick"], "", Some(&token)).expect(0);
    typed(&home, &["job", "run", "other"], "", Some(&token)).expect(6).saying(&["job:other"]);
    typed(&home, &["user", "list"], "", Some(&token)).expect(6).saying(&["superuser"]);
    // For a job to come, or a slip of the hand: it is given, and told.
    let slip = nomaflow(home.path(), &["user", "grant", "robot", "job:quik"]).expect(0);
    slip.saying(&["warning: there is no job `quik`; did you mean `job:quick`?"]);
    let all = nomaflow(home.path(), &["user", "grant", "robot", "job:*"]).expect(0).saying(&["job:*"]);
    assert!(!all.err.contains("warning"), "{}", all.err);
    typed(&home, &["job", "run", "other"], "", Some(&token)).expect(6);
    let tokens = nomaflow(home.path(), &["--json", "token", "list", "--all"]).expect(0).json();
    assert_eq!(tokens["tokens"][0]["last_used_from"], "127.0.0.1");
    let id = tokens["tokens"][0]["id"].as_str().unwrap().to_owned();
    nomaflow(home.path(), &["token", "revoke", &id]).expect(0);
    typed(&home, &["job", "list"], "", Some(&token)).expect(6);
    nomaflow(home.path(), &["user", "delete", "admin"]).expect(1).saying(&["last superuser"]);
    drop(host);
    // Without a server too, on the store of the home.
    let offline = nomaflow(home.path(), &["--local", "--json", "user", "list"]).expect(0).json();
    assert_eq!(offline["users"][1]["name"], "robot");
    nomaflow(home.path(), &["--local", "user", "disable", "robot"]).expect(0);
    nomaflow(home.path(), &["--local", "user", "password", "nobody"]).expect(4);
}

#[test]
fn a_hundred_megabytes_are_refused_and_the_server_goes_on() {
    let home = home();
    let host = serve(&home);
    let token = bearer(&home);
    // Nothing is sent after the head: the answer does not wait for it.
    let address = host.url().strip_prefix("http://").unwrap().to_owned();
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let head = format!(
        "POST /admin/jobs/quick/run HTTP/1.1\r\nHost: {address}\r\nAuthorization: {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 104857600\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 64];
    let read = std::io::Read::read(&mut stream, &mut answer).unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer[..read]));
    let (status, _, body) = http(host.url(), "GET", "/admin/jobs/runs", &[("Authorization", &token)], "");
    assert_eq!((status, &json_body(&body)["runs"]), (200, &json!([])));
}
