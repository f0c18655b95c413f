//! A connector tested stage by stage, so that it is clear which part of the way is blocked: the declaration, the name
//! server, the port, the encryption, the sign-in, a simple question, the server's version and its clock.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use host_engine::clock::SystemClock;
use host_model::CancelToken;
use host_model::desk::{TestReport, TestStage};
use host_model::port::Clock as _;
use host_steps::{ConnectorPools, ConnectorTest, Hurdle};

/// What a name server and a first connection get.
const REACH: Duration = Duration::from_secs(5);
/// Clocks that differ by less are taken for the same.
const SKEW_MS: i64 = 2_000;

/// Tests the connector `name` of `pools`; `None` when there is none.
pub(crate) async fn staged(pools: &ConnectorPools, name: &str, cancel: &CancelToken) -> Option<TestReport> {
    let set = pools.declared();
    let begun = Instant::now();
    let place = match set.directories.get(name) {
        Some(directory) => Ok(directory.url.clone()),
        None if set.connectors.contains_key(name) => pools.address(name),
        None => return None,
    };
    let mut report = TestReport { stages: Vec::new(), server_version: None, is_encrypted: None };
    let place = match place {
        Ok(place) => place,
        Err(error) => {
            report.fail("declaration", begun.elapsed(), error.message);
            return Some(report);
        }
    };
    report.pass("declaration", begun.elapsed(), place.clone());
    if !reach(&place, &mut report).await {
        return Some(report);
    }
    let begun = Instant::now();
    match pools.probe(name, cancel).await {
        Ok(found) => report.found(found),
        Err((Hurdle::Tls, error)) => drop(report.fail("tls", begun.elapsed(), error.message)),
        Err((Hurdle::SignIn, error)) => drop(report.fail("sign-in", begun.elapsed(), error.message)),
        Err((Hurdle::Query, error)) => {
            report.pass("sign-in", begun.elapsed(), "let in".to_owned());
            report.fail("query", Duration::ZERO, error.message);
        }
    }
    Some(report)
}

/// Up to the server's door, by means of the address alone.
async fn reach(place: &str, report: &mut TestReport) -> bool {
    let Some((host, port)) = host_of(place) else { return true };
    let begun = Instant::now();
    let found = tokio::time::timeout(REACH, tokio::net::lookup_host((host.as_str(), port))).await;
    let addresses = match found {
        Ok(Ok(found)) => found.collect::<Vec<_>>(),
        Ok(Err(error)) => return report.fail("resolve", begun.elapsed(), format!("`{host}` has no address: {error}")),
        Err(_) => return report.fail("resolve", begun.elapsed(), format!("no answer about `{host}` within {REACH:?}")),
    };
    let shown = addresses.iter().map(|at| at.ip().to_string()).collect::<Vec<_>>().join(", ");
    report.pass("resolve", begun.elapsed(), shown);
    let begun = Instant::now();
    match tokio::time::timeout(REACH, tokio::net::TcpStream::connect(addresses.as_slice())).await {
        Ok(Ok(stream)) => {
            let to = stream.peer_addr().map_or_else(|_| place.to_owned(), |at| at.to_string());
            report.pass("connect", begun.elapsed(), to);
            true
        }
        Ok(Err(error)) => report.fail("connect", begun.elapsed(), format!("port {port} cannot be reached: {error}")),
        Err(_) => report.fail("connect", begun.elapsed(), format!("port {port} does not answer within {REACH:?}")),
    }
}

/// Records stages.
trait Stages {
    fn pass(&mut self, name: &'static str, took: Duration, detail: String);
    /// Returns false, for the sake of whoever has to stop.
    fn fail(&mut self, name: &'static str, took: Duration, detail: String) -> bool;
    /// What came of asking the server.
    fn found(&mut self, found: ConnectorTest);
}

impl Stages for TestReport {
    fn pass(&mut self, name: &'static str, took: Duration, detail: String) {
        self.stages.push(TestStage { name, ok: true, took, detail });
    }

    fn fail(&mut self, name: &'static str, took: Duration, detail: String) -> bool {
        self.stages.push(TestStage { name, ok: false, took, detail });
        false
    }

    fn found(&mut self, found: ConnectorTest) {
        // The driver encrypts while it signs in, so the time is in the next stage.
        match found.tls {
            Some(true) => self.pass("tls", Duration::ZERO, "encrypted".to_owned()),
            Some(false) => self.pass("tls", Duration::ZERO, "not encrypted".to_owned()),
            None => {}
        }
        self.pass("sign-in", found.sign_in, "let in".to_owned());
        if let Some(query) = found.query {
            self.pass("query", query, "answered".to_owned());
        }
        let rest = found.elapsed.saturating_sub(found.sign_in).saturating_sub(found.query.unwrap_or_default());
        if !found.version.is_empty() {
            self.pass("version", rest, found.version.clone());
            self.server_version = Some(found.version);
        }
        if let Some(clock) = found.clock_ms {
            self.pass("time", Duration::ZERO, clock_text(clock, SystemClock.now()));
        }
        self.is_encrypted = found.tls;
    }
}

/// The server's clock, and how far it is from ours.
fn clock_text(clock_ms: i64, now: DateTime<Utc>) -> String {
    let shown = DateTime::from_timestamp_millis(clock_ms).map(|at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string());
    let ahead = clock_ms - now.timestamp_millis();
    let compared = match ahead.abs() < SKEW_MS {
        true => "like the clock here".to_owned(),
        false => format!(
            "{:.1} s {} the clock here",
            ahead.abs() as f64 / 1e3,
            if ahead > 0 { "ahead of" } else { "behind" }
        ),
    };
    format!("{}, {compared}", shown.unwrap_or_default())
}

/// Host and port of `scheme://user@host:port/…`; none of what is no server.
fn host_of(place: &str) -> Option<(String, u16)> {
    let (scheme, rest) = place.split_once("://")?;
    let authority = rest.split('/').next().unwrap_or_default();
    let address = authority.rsplit('@').next().unwrap_or_default();
    let usual = match scheme {
        "ldap" => 389,
        "ldaps" => 636,
        _ => return split_port(address).and_then(|(host, port)| Some((host, port?))),
    };
    split_port(address).map(|(host, port)| (host, port.unwrap_or(usual)))
}

/// `host`, `host:port`, `[::1]:port`.
fn split_port(address: &str) -> Option<(String, Option<u16>)> {
    if let Some(rest) = address.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        return Some((host.to_owned(), port.strip_prefix(':').and_then(|port| port.parse().ok())));
    }
    match address.rsplit_once(':') {
        Some((host, port)) => Some((host.to_owned(), Some(port.parse().ok()?))),
        None => Some((address.to_owned(), None)).filter(|(host, _)| !host.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_found_in_what_leads_to_a_server() {
        let found = |place| host_of(place).map(|(host, port)| format!("{host} {port}"));
        for (place, expected) in [
            ("postgres://bob@db.example:5432/ops", Some("db.example 5432")),
            ("postgres://bob@[::1]:5432/ops", Some("::1 5432")),
            ("ldaps://dir.example", Some("dir.example 636")),
            ("ldap://dir.example:1389", Some("dir.example 1389")),
            ("sqlite:/var/lib/x.db", None),
        ] {
            assert_eq!(found(place).as_deref(), expected, "{place}");
        }
    }

    #[test]
    fn a_clock_that_is_off_says_by_how_much() {
        let now = DateTime::from_timestamp_millis(1_795_000_000_000).unwrap();
        assert!(clock_text(1_795_000_001_000, now).ends_with("like the clock here"));
        assert!(clock_text(1_795_000_090_000, now).ends_with("90.0 s ahead of the clock here"));
    }
}
