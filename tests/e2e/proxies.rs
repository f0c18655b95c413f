//! A server behind a proxy: whose address it takes for that of the client.

use serde_json::Value;

use crate::program::{home_with, nomaflow, serve, sql_job};
use crate::server::http;

/// Signs in with a wrong password and gives back the address that the audit trail names.
fn address(settings: &str, forwarded: &str) -> Value {
    let home = home_with(&sql_job("quick", "select 1 as x"));
    home.write("app.toml", settings).unwrap();
    let host = serve(&home);
    let headers = [("Content-Type", "application/json"), ("X-Forwarded-For", forwarded)];
    let (status, ..) = http(host.url(), "POST", "/auth/login", &headers, r#"{"user":"admin","password":"wrong"}"#);
    assert_eq!(status, 401);
    let list = nomaflow(home.path(), &["--json", "audit", "list", "--action", "auth.login"]).expect(0).json();
    list["entries"][0]["address"].clone()
}

#[test]
fn only_a_trusted_proxy_is_believed_and_only_as_far_as_it_saw_itself() {
    let trusting = "[server]\ntrusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]\n";
    assert_eq!(address(trusting, "1.1.1.1, 203.0.113.9, 10.1.2.3"), "203.0.113.9");
    assert_eq!(address("", "203.0.113.9"), "127.0.0.1");
    let home = home_with(&sql_job("quick", "select 1 as x"));
    home.write("app.toml", "[server]\ntrusted_proxies = [\"10.0.0.0/99\"]\n").unwrap();
    nomaflow(home.path(), &["check"]).expect(3).saying(&["`10.0.0.0/99` is no address and no network", "app.toml:2"]);
}
