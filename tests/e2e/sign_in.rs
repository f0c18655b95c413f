//! Sign-in by others: a real provider of OpenID Connect (`tests/oidc`, which `tests/run` installs) and a real directory.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use test_support::{Host, Slapd, TempHome, wait_until};

use crate::program::{home_with, nomaflow, root, serve, sql_job};
use crate::server::{bearer, http, json_body};

const SOON: Duration = Duration::from_secs(30);

/// A running provider; ends with its input.
struct Provider {
    process: Child,
    issuer: String,
}

impl Provider {
    /// On this port, or a free one.
    fn start(port: u16) -> Self {
        Self::start_with(port, &[])
    }

    fn start_with(port: u16, more: &[&str]) -> Self {
        let folder = root().join("tests/oidc");
        assert!(
            folder.join("node_modules/oidc-provider").is_dir(),
            "`npm --prefix tests/oidc ci` installs the provider"
        );
        let mut command = Command::new("node");
        command.arg(folder.join("provider.mjs")).arg(port.to_string()).args(more);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("issuer "))).unwrap().unwrap();
        Self { process, issuer: line["issuer ".len()..].to_owned() }
    }

    fn port(&self) -> u16 {
        self.issuer.rsplit(':').next().unwrap().parse().unwrap()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What of a browser a sign-in needs: cookies by host and port, and where it was sent.
#[derive(Default)]
struct Browser {
    cookies: BTreeMap<(String, String), String>,
}

impl Browser {
    /// Status, `Location` (empty without one) and body of one request.
    fn get(&mut self, url: &str) -> (u16, String, String) {
        self.send("GET", url, None)
    }

    /// Sends a form.
    fn post(&mut self, url: &str, form: &str) -> (u16, String, String) {
        self.send("POST", url, Some(("application/x-www-form-urlencoded", form)))
    }

    fn send(&mut self, method: &str, url: &str, body: Option<(&str, &str)>) -> (u16, String, String) {
        let start = url.strip_prefix("http://").unwrap();
        let (host, path) = start.split_once('/').unwrap();
        let sent: Vec<String> = self
            .cookies
            .iter()
            .filter(|((of, _), _)| of == host)
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        let sent = sent.join("; ");
        let (kind, text) = body.unwrap_or_default();
        let headers = [("Cookie", sent.as_str()), ("Content-Type", kind)];
        let (status, head, body) = raw(&format!("http://{host}"), (method, &format!("/{path}")), &headers, text);
        let field =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        let mut location = String::new();
        for (name, value) in head.lines().filter_map(field) {
            if name == "location" {
                location = if value.starts_with('/') { format!("http://{host}{value}") } else { value };
            } else if name == "set-cookie" {
                let pair = value.split(';').next().unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                self.cookies.insert((host.to_owned(), name.to_owned()), value.to_owned());
            }
        }
        (status, location, body)
    }

    /// Begins at our server, signs in as `user` there, and stops at the address the provider sends the browser back to.
    fn callback(&mut self, host: &Host, user: &str) -> String {
        let (status, mut to, body) = self.get(&format!("{}/auth/oidc/corp/start?return_to=/jobs/quick", host.url()));
        assert_eq!(status, 303, "{body}");
        for _ in 0..10 {
            if to.starts_with(host.url()) {
                return to;
            }
            if to.contains("/interaction/") {
                to = format!("{to}/finish?user={user}");
            }
            let (status, next, body) = self.get(&to);
            assert!((302..=303).contains(&status), "{to}: {status} {body}");
            to = next;
        }
        panic!("the provider goes round in circles")
    }

    /// Whether the provider lets it through without asking who it is.
    fn is_known_there(&mut self, host: &Host) -> bool {
        let (_, mut to, _) = self.get(&format!("{}/auth/oidc/corp/start", host.url()));
        for _ in 0..10 {
            if to.starts_with(host.url()) || to.contains("/interaction/") {
                return to.starts_with(host.url());
            }
            to = self.get(&to).1;
        }
        panic!("the provider goes round in circles")
    }

    /// Signs out here; where to go on to.
    fn sign_out(&mut self, host: &Host) -> Value {
        let (status, _, body) = self.send("POST", &format!("{}/auth/logout", host.url()), None);
        assert_eq!(status, 200, "{body}");
        assert_eq!(self.me(host).0, 401, "the session here is over, whatever the provider does");
        json_body(&body)["continue_at"].clone()
    }

    fn cookie(&mut self, host: &Host, name: &str) -> &mut String {
        let host = host.url().strip_prefix("http://").unwrap().to_owned();
        self.cookies.entry((host, name.to_owned())).or_default()
    }

    /// Who our server takes it for.
    fn me(&mut self, host: &Host) -> (u16, Value) {
        let (status, _, body) = self.get(&format!("{}/auth/me", host.url()));
        (status, json_body(&body))
    }

    /// Changes what our cookie keeps of the try to sign in.
    fn tamper(&mut self, host: &Host, key: &str, value: &str) {
        let cookie = self.cookie(host, "nomaflow_oidc");
        let bytes: Vec<u8> =
            (0..cookie.len()).step_by(2).map(|at| u8::from_str_radix(&cookie[at..at + 2], 16).unwrap()).collect();
        let mut kept: Value = serde_json::from_slice(&bytes).unwrap();
        assert!(kept[key].is_string(), "{kept}");
        kept[key] = json!(value);
        *cookie = kept.to_string().bytes().map(|byte| format!("{byte:02x}")).collect();
    }
}

/// Like `http`, with the case of the headers kept: cookies have one.
fn raw(url: &str, (method, path): (&str, &str), headers: &[(&str, &str)], body: &str) -> (u16, String, String) {
    use std::io::{Read, Write};
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let length = body.len();
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    request += &format!("Content-Length: {length}\r\n");
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        request += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_owned(), body.to_owned())
}

fn oidc_home(issuer: &str, more: &str) -> TempHome {
    let home = home_with(&sql_job("quick", "select 1 as x"));
    let app = format!(
        "[[auth.oidc]]\nname = \"corp\"\nlabel = \"The company\"\nissuer = \"{issuer}\"\nclient_id = \"nomaflow\"\n\
         client_secret = \"${{secret.idp}}\"\nscopes = [\"openid\", \"profile\", \"email\", \"groups\"]\n{more}\n\
         [auth.oidc.permissions]\nops = [\"job:*\"]\n"
    );
    home.write("app.toml", app).unwrap();
    home
}

/// A server whose client secret is the right one.
fn oidc_house(provider: &Provider, more: &str) -> (TempHome, Host) {
    let home = oidc_home(&provider.issuer, more);
    set_secret(&home, "pass word/1+%~");
    let host = serve(&home);
    (home, host)
}

fn set_secret(home: &TempHome, value: &str) {
    use std::io::Write as _;
    let mut start = crate::program::command(home.path());
    start.args(["--local", "secret", "set", "idp"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = start.spawn().unwrap();
    child.stdin.take().unwrap().write_all(value.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// The newest entry of the audit trail about the way back from the provider.
fn last_sign_in(home: &TempHome) -> Value {
    let said = nomaflow(home.path(), &["--json", "audit", "list", "--action", "auth.oidc.callback", "--limit", "1"]);
    said.expect(0).json()["entries"][0].clone()
}

#[test]
fn somebody_comes_back_from_the_provider_signed_in_with_what_their_groups_give() {
    let provider = Provider::start(0);
    let (home, host) = oidc_house(&provider, "allowed_domains = [\"nomaflow.test\"]");
    let (_, _, ways) = http(host.url(), "GET", "/auth/providers", &[], "");
    let corp = json!({ "name": "corp", "kind": "oidc", "label": "The company", "start": "/auth/oidc/corp/start" });
    assert_eq!(json_body(&ways)["providers"][1], corp);
    let mut browser = Browser::default();
    let back = browser.callback(&host, "ann");
    let (status, to, body) = browser.get(&back);
    assert_eq!((status, to), (303, format!("{}/jobs/quick", host.url())), "{body}");
    let (status, me) = browser.me(&host);
    assert_eq!((status, &me["user"], &me["source"]), (200, &json!("ann"), &json!("oidc")), "{me}");
    assert_eq!((&me["display_name"], &me["permissions"]), (&json!("ann of the tests"), &json!(["job:*"])));
    let entry = last_sign_in(&home);
    assert_eq!((&entry["user"], &entry["outcome"], &entry["object"]), (&json!("ann"), &json!("done"), &json!("corp")));
    // Somebody without such a group comes in and sees nothing.
    let mut other = Browser::default();
    let back = other.callback(&host, "bob");
    assert_eq!(other.get(&back).0, 303);
    assert_eq!(other.me(&host).1["permissions"], json!([]));
    assert_eq!(other.get(&format!("{}/admin/jobs", host.url())).0, 403);
}

#[test]
fn a_way_back_that_was_changed_copied_or_used_before_opens_nothing() {
    let provider = Provider::start(0);
    let (home, host) = oidc_house(&provider, "");
    let refused = |browser: &mut Browser, back: &str, problem: &str| {
        let (status, to, body) = browser.get(back);
        let login = format!("{}/login?provider=corp&problem={problem}", host.url());
        assert_eq!((status, to), (303, login), "{body}");
        assert_eq!(browser.me(&host).0, 401, "{problem}");
        let entry = last_sign_in(&home);
        assert_eq!((&entry["outcome"], &entry["detail"]["problem"]), (&json!("refused"), &json!(problem)), "{entry}");
    };
    // Another state; no state; a browser that has begun nothing; a no of the user.
    let mut browser = Browser::default();
    let back = browser.callback(&host, "ann");
    let state = back.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let forged = back.replace(&state, &state.chars().rev().collect::<String>());
    refused(&mut browser, &forged, "not-begun");
    let mut browser = Browser::default();
    let back = browser.callback(&host, "ann");
    refused(&mut browser, &back.replace("state=", "stat="), "not-begun");
    refused(&mut Browser::default(), &back, "not-begun");
    let mut browser = Browser::default();
    let back = browser.callback(&host, "");
    refused(&mut browser, &back, "provider-refused");
    // An id token made for another try, and a code whose verifier is not ours.
    for (key, value) in [("nonce", "other"), ("verifier", &*"0123456789abcdef".repeat(4))] {
        let mut browser = Browser::default();
        let back = browser.callback(&host, "ann");
        browser.tamper(&host, key, value);
        refused(&mut browser, &back, "not-proven");
    }
    // A browser that says it comes from another provider.
    let mut browser = Browser::default();
    let back = browser.callback(&host, "ann");
    let other = back.split('&').filter(|part| !part.starts_with("iss=")).collect::<Vec<_>>().join("&");
    refused(&mut browser, &format!("{other}&iss=http%3A%2F%2F127.0.0.1%3A1"), "not-proven");
    // The same code a second time, with the cookie of the first.
    let mut browser = Browser::default();
    let back = browser.callback(&host, "ann");
    let kept = browser.cookie(&host, "nomaflow_oidc").clone();
    assert!(browser.get(&back).1.ends_with("/jobs/quick"));
    let mut thief = Browser::default();
    *thief.cookie(&host, "nomaflow_oidc") = kept;
    refused(&mut thief, &back, "not-proven");
    let log = host.lines().join("\n");
    let code = back.split("code=").nth(1).unwrap().split('&').next().unwrap();
    assert!(!log.contains(code) && !log.contains("pass word/1"), "{log}");
}

#[test]
fn settings_keep_people_out_and_a_wrong_client_secret_is_a_fault_of_the_server() {
    let provider = Provider::start(0);
    let (home, host) = oidc_house(&provider, "allowed_domains = [\"elsewhere.test\"]");
    let mut browser = Browser::default();
    let back = browser.callback(&host, "ann");
    assert!(browser.get(&back).1.ends_with("problem=not-allowed"));
    drop(host);
    let app = home.read("app.toml").unwrap().replace("allowed_domains = [\"elsewhere.test\"]", "auto_create = false");
    home.write("app.toml", app).unwrap();
    let host = serve(&home);
    let mut browser = Browser::default();
    let back = browser.callback(&host, "ann");
    assert!(browser.get(&back).1.ends_with("problem=no-account"));
    drop(host);
    set_secret(&home, "wrong");
    let host = serve(&home);
    let mut browser = Browser::default();
    let back = browser.callback(&host, "ann");
    assert!(browser.get(&back).1.ends_with("problem=provider-unavailable"));
    host.wait_for_line("invalid_client", SOON).or_panic("the log says why");
}

#[test]
fn a_provider_that_is_down_keeps_nobody_else_out_and_one_that_comes_back_with_new_keys_is_believed() {
    let provider = Provider::start(0);
    let port = provider.port();
    let (home, host) = oidc_house(&provider, "");
    let mut browser = Browser::default();
    let back = browser.callback(&host, "ann");
    assert!(browser.get(&back).1.ends_with("/jobs/quick"));
    drop(provider);
    let mut browser = Browser::default();
    let (status, to, _) = browser.get(&format!("{}/auth/oidc/corp/start", host.url()));
    // What the provider said of itself is still known; a server that starts now knows nothing of it.
    assert_eq!(status, 303, "{to}");
    let second = serve(&home);
    let (status, to, _) = browser.get(&format!("{}/auth/oidc/corp/start", second.url()));
    assert_eq!((status, to), (303, format!("{}/login?provider=corp&problem=provider-unavailable", second.url())));
    let token = home.read("data/bootstrap.token").unwrap();
    let body = json!({ "token": token.trim() }).to_string();
    let kind = [("Content-Type", "application/json")];
    assert_eq!(http(second.url(), "POST", "/auth/login", &kind, &body).0, 200);
    let again = Provider::start(port);
    let came_back = wait_until(SOON, || {
        let mut browser = Browser::default();
        let back = browser.callback(&host, "ann");
        browser.get(&back).1.ends_with("/jobs/quick")
    });
    came_back.or_panic("the new keys are fetched");
    drop(again);
}

#[test]
fn signing_out_here_ends_the_session_at_the_provider_too() {
    let provider = Provider::start(0);
    let (home, host) = oidc_house(&provider, "");
    let sign_in = |browser: &mut Browser| {
        let back = browser.callback(&host, "ann");
        assert!(browser.get(&back).1.ends_with("/jobs/quick"));
        assert!(browser.is_known_there(&host), "the provider has a session of its own");
    };
    let mut browser = Browser::default();
    sign_in(&mut browser);
    let to = browser.sign_out(&host).as_str().unwrap().to_owned();
    assert!(to.starts_with(&format!("{}/session/end?", provider.issuer)), "{to}");
    for part in ["client_id=nomaflow", "id_token_hint=ey", "post_logout_redirect_uri=http", "state="] {
        assert!(to.contains(part), "{part} is missing in {to}");
    }
    assert!(browser.is_known_there(&host), "nothing ends there before the browser goes there");
    // The provider asks, the person says yes, and the provider sends the browser back.
    let (status, _, page) = browser.get(&to);
    assert_eq!(status, 200, "{page}");
    let xsrf = page.split("name=\"xsrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let confirm = format!("{}/session/end/confirm", provider.issuer);
    let (status, back, body) = browser.post(&confirm, &format!("xsrf={xsrf}&logout=yes"));
    assert!((302..=303).contains(&status) && back.starts_with(host.url()), "{status} {back} {body}");
    let (status, to, _) = browser.get(&back);
    assert_eq!((status, to), (303, format!("{}/login?provider=corp&signed_out=1", host.url())));
    assert!(!browser.is_known_there(&host), "the provider asks who it is");
    // The way back works once, and for the browser that was sent.
    for mut other in [browser, Browser::default()] {
        assert_eq!(other.get(&back).1, format!("{}/login", host.url()));
    }
    // Signed out everywhere, and by a form of HTML.
    let mut browser = Browser::default();
    sign_in(&mut browser);
    let (status, _, body) =
        browser.send("POST", &format!("{}/auth/logout-all", host.url()), Some(("application/json", "{}")));
    assert_eq!(status, 200, "{body}");
    assert!(json_body(&body)["continue_at"].as_str().unwrap().starts_with(&provider.issuer), "{body}");
    sign_in(&mut browser);
    let (status, _, page) = browser.post(&format!("{}/auth/logout", host.url()), "");
    assert!(status == 200 && page.contains(&format!("href=\"{}/session/end?", provider.issuer)), "{page}");
    // A session that somebody opens later in the same browser has nothing to do with the provider.
    sign_in(&mut browser);
    let token = home.read("data/bootstrap.token").unwrap();
    let body = json!({ "token": token.trim() }).to_string();
    assert_eq!(browser.send("POST", &format!("{}/auth/login", host.url()), Some(("application/json", &body))).0, 200);
    assert_eq!(browser.sign_out(&host), Value::Null);
    let log = host.lines().join("\n");
    assert!(!log.contains("id_token_hint") && !log.contains("eyJ"), "{log}");
}

#[test]
fn a_provider_that_signs_nobody_out_or_is_gone_keeps_nobody_signed_in_here() {
    let provider = Provider::start_with(0, &["no-sign-out"]);
    let (home, host) = oidc_house(&provider, "");
    let mut browser = Browser::default();
    let back = browser.callback(&host, "ann");
    assert!(browser.get(&back).1.ends_with("/jobs/quick"));
    assert_eq!(browser.sign_out(&host), Value::Null);
    // Another process, which knows nothing of a provider that is gone.
    let back = browser.callback(&host, "ann");
    assert!(browser.get(&back).1.ends_with("/jobs/quick"));
    let address = host.url().strip_prefix("http://").unwrap().to_owned();
    drop(host);
    drop(provider);
    let host = serve(&home);
    let other = host.url().strip_prefix("http://").unwrap().to_owned();
    let moved = browser.cookies.iter().filter(|((of, _), _)| *of == address);
    let moved: Vec<_> = moved.map(|((_, name), value)| ((other.clone(), name.clone()), value.clone())).collect();
    browser.cookies.extend(moved);
    assert_eq!(browser.me(&host).0, 200, "the session goes on in another process");
    assert_eq!(browser.sign_out(&host), Value::Null);
}

fn ldif() -> String {
    let suffix = Slapd::SUFFIX;
    format!(
        "dn: {suffix}\nobjectClass: domain\ndc: nomaflow\n\n\
         dn: uid=ann,{suffix}\nobjectClass: inetOrgPerson\nuid: ann\ncn: Ann of the tests\nsn: x\nuserPassword: right ann\n\
         employeeType: ops\n\n"
    )
}

#[test]
fn somebody_signs_in_with_the_password_of_a_directory_also_while_another_one_is_down() {
    let server = Slapd::start(&ldif(), 100).unwrap();
    let home = home_with(&sql_job("quick", "select 1 as x"));
    let suffix = Slapd::SUFFIX;
    let down = test_support::free_port().unwrap();
    let app = format!(
        "[[auth.ldap]]\nname = \"gone\"\nurl = \"ldap://127.0.0.1:{down}\"\nbase = \"{suffix}\"\n\
         [[auth.ldap]]\nname = \"corp\"\nurl = \"{}\"\nbase = \"{suffix}\"\nbind_dn = \"{}\"\npassword = \"${{env.BIND}}\"\n\
         groups_attribute = \"employeeType\"\n[auth.ldap.permissions]\nops = [\"job:quick\"]\n",
        server.url(),
        Slapd::ACCOUNT
    );
    home.write("app.toml", app).unwrap();
    let host = Host::start_with(crate::program::BINARY, home.path(), |command| {
        command.env("BIND", Slapd::PASSWORD).env_remove("NOMAFLOW_HOME").env_remove("NOMAFLOW_TOKEN");
    })
    .unwrap();
    let login = |user: &str, password: &str| {
        let body = json!({ "user": user, "password": password }).to_string();
        http(host.url(), "POST", "/auth/login", &[("Content-Type", "application/json")], &body)
    };
    let (status, _, body) = login("ann", "right ann");
    assert_eq!(status, 200, "{body}");
    let ann = json_body(&body);
    assert_eq!(
        (&ann["user"], &ann["source"], &ann["permissions"]),
        (&json!("ann"), &json!("ldap"), &json!(["job:quick"]))
    );
    for (user, password) in [("ann", "wrong"), ("ann", ""), ("*", "right ann"), ("nobody", "right ann")] {
        let (status, _, body) = login(user, password);
        assert_eq!((status, json_body(&body)["detail"].clone()), (401, json!("user or password is wrong")), "{user}");
    }
    // Of the directory that is down the log knows, and not the page.
    host.wait_for_line("a directory cannot be asked", SOON).or_panic("the log says so");
    assert!(!host.lines().join("\n").contains(Slapd::PASSWORD));
    let (_, _, page) =
        http(host.url(), "GET", "/admin/audit?action=auth.login", &[("Authorization", &bearer(&home))], "");
    let entries = json_body(&page);
    let outcomes: Vec<&Value> = entries["entries"].as_array().unwrap().iter().map(|entry| &entry["outcome"]).collect();
    assert_eq!(outcomes, ["refused", "refused", "refused", "refused", "done"], "{entries}");
    assert!(!page.contains("right ann"), "{page}");
}
