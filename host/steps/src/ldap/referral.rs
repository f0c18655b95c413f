//! Where a search goes on: references to other servers (RFC 4511 4.5.3, addresses of RFC 4516), each with the same account
//! and the same care for encryption. What is only another address of a place that has been read is left out.

use std::collections::{BTreeMap, BTreeSet};

use host_model::plugin_port::{DirectoryQuery, DirectoryScope, ServiceError, ServiceErrorKind};
use percent_encoding::percent_decode_str;

use super::Server;

/// References behind references are followed so deep.
const DEEPEST: u32 = 8;

/// A place to be searched, with every server that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stop {
    base: String,
    scope: DirectoryScope,
    urls: Vec<String>,
    depth: u32,
}

/// The places that are still to be searched.
pub(crate) struct Route {
    first: Server,
    query: DirectoryQuery,
    ahead: Vec<Stop>,
    seen: BTreeSet<(String, String)>,
    /// How deep the search is that is under way.
    depth: u32,
}

impl Route {
    /// From a search of `query` on `server`.
    pub(crate) fn new(server: Server, query: DirectoryQuery) -> Self {
        let here = (server.url.clone(), query.base.clone().unwrap_or_default().to_ascii_lowercase());
        Self { first: server, query, ahead: Vec::new(), seen: [here].into(), depth: 0 }
    }

    /// Notes where the search under way refers to. `is_whole`: in place of an answer, with the same base and scope where the
    /// address does not say others.
    ///
    /// # Errors
    /// An address that cannot be followed.
    pub(crate) fn add(&mut self, urls: &[String], is_whole: bool) -> Result<(), ServiceError> {
        let refuse = |why: String| ServiceError::new(ServiceErrorKind::Invalid, format!("{}: {why}", self.first.who));
        if !urls.is_empty() && self.depth >= DEEPEST {
            return Err(refuse(format!("references lead from server to server, more than {DEEPEST} times")));
        }
        let mut stops: BTreeMap<(String, u8), Stop> = BTreeMap::new();
        for url in urls {
            let (server, base, scope) =
                taken_apart(url).ok_or_else(|| refuse(format!("the reference to `{url}` is no address")))?;
            if self.first.url.starts_with("ldaps:") && server.starts_with("ldap:") {
                return Err(refuse(format!(
                    "the reference to `{server}` leads from an encrypted server to a plain one"
                )));
            }
            let base = base.or_else(|| self.query.base.clone()).unwrap_or_default();
            let scope = scope.unwrap_or(match self.query.scope {
                // Below the base that was asked for, the entry itself is one level down.
                DirectoryScope::OneLevel if !is_whole => DirectoryScope::Base,
                scope => scope,
            });
            if !self.seen.insert((server.clone(), base.to_ascii_lowercase())) {
                continue;
            }
            let depth = self.depth + 1;
            let stop = || Stop { base: base.clone(), scope, urls: Vec::new(), depth };
            stops.entry((base.to_ascii_lowercase(), scope as u8)).or_insert_with(stop).urls.push(server);
        }
        self.ahead.extend(stops.into_values());
        Ok(())
    }

    /// The next place: its servers, the first that answers counts, and what to ask them.
    pub(crate) fn next(&mut self) -> Option<(Vec<Server>, DirectoryQuery)> {
        let stop = self.ahead.pop()?;
        self.depth = stop.depth;
        let server = |url: &String| Server {
            who: format!("{}, referred to {url}", self.first.who),
            url: url.clone(),
            start_tls: self.first.start_tls && url.starts_with("ldap:"),
            ..self.first.clone()
        };
        let query = DirectoryQuery { base: Some(stop.base.clone()), scope: stop.scope, ..self.query.clone() };
        Some((stop.urls.iter().map(server).collect(), query))
    }
}

/// Server, base and scope of `ldap://host:389/ou=far,dc=x??sub`.
fn taken_apart(url: &str) -> Option<(String, Option<String>, Option<DirectoryScope>)> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !matches!(scheme.as_str(), "ldap" | "ldaps") || host.is_empty() || host.contains(['@', ' ']) {
        return None;
    }
    let mut parts = path.split('?');
    let base = percent_decode_str(parts.next().unwrap_or_default()).decode_utf8().ok()?.into_owned();
    let scope = match parts.nth(1).unwrap_or_default() {
        "" => None,
        "base" => Some(DirectoryScope::Base),
        "one" => Some(DirectoryScope::OneLevel),
        "sub" => Some(DirectoryScope::Subtree),
        _ => return None,
    };
    Some((format!("{scheme}://{}", host.to_ascii_lowercase()), (!base.is_empty()).then_some(base), scope))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(url: &str) -> Route {
        let server = Server {
            who: "here".into(),
            url: url.into(),
            start_tls: false,
            ca_file: None,
            account: None,
            base: String::new(),
        };
        let query = DirectoryQuery {
            base: Some("dc=x".into()),
            scope: DirectoryScope::Subtree,
            filter: "(a=*)".into(),
            attributes: Vec::new(),
            page_size: 10,
        };
        Route::new(server, query)
    }

    fn texts(urls: &[&str]) -> Vec<String> {
        urls.iter().map(|url| (*url).to_owned()).collect()
    }

    #[test]
    fn addresses_of_one_place_are_alternatives_and_a_place_is_read_once() {
        let mut route = route("ldap://a");
        let urls =
            texts(&["ldap://B/ou=far,dc=x??sub", "ldap://c/ou=Far,dc=x??sub", "ldap://d/ou=one%20two,dc=x??base"]);
        route.add(&urls, false).unwrap();
        let (servers, query) = route.next().unwrap();
        assert_eq!((servers[0].url.as_str(), query.base.as_deref()), ("ldap://d", Some("ou=one two,dc=x")));
        assert_eq!(query.scope, DirectoryScope::Base);
        let (servers, _) = route.next().unwrap();
        assert_eq!(servers.iter().map(|s| s.url.as_str()).collect::<Vec<_>>(), ["ldap://b", "ldap://c"]);
        route.add(&texts(&["ldap://a/dc=x", "ldap://b/ou=far,dc=x"]), false).unwrap();
        assert!(route.next().is_none(), "both have been read");
    }

    #[test]
    fn a_reference_that_gives_encryption_up_or_is_none_is_refused() {
        assert!(route("ldaps://a").add(&texts(&["ldap://b/dc=y"]), true).is_err());
        assert!(route("ldap://a").add(&texts(&["http://b/dc=y"]), true).is_err());
        let mut deep = route("ldap://a");
        deep.depth = DEEPEST;
        assert!(deep.add(&texts(&["ldap://b/dc=y"]), false).is_err());
    }
}
