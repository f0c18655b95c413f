//! Which hosts and methods a component may use over HTTP, and which addresses the name of a host may lead to.
//!
//! A name is written by its owner, the address behind it by whoever runs the name server; so a granted name never leads
//! to this machine or its link (where metadata services are), and one that only a `*.` covers not into a private
//! network either. Who wants that grants `localhost` or the address itself.

use std::collections::BTreeSet;

use host_model::plugin_port::Reach;

/// What a component may use over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpGrants {
    /// Hosts.
    pub hosts: Vec<HostGrant>,
    /// Methods, upper case. Empty means the usual ones, `GET` and `HEAD`.
    pub methods: BTreeSet<String>,
}

const USUAL_METHODS: [&str; 2] = ["GET", "HEAD"];
const USUAL_PORTS: [u16; 2] = [80, 443];
const SHAPE: &str = "write `host`, `host:port` or `*.domain`, without scheme and path, letters in ASCII";

/// One host, or all below a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostGrant {
    /// As URLs are compared: lower case, IPv6 in brackets. With `is_wildcard` the part behind `*.`.
    name: String,
    is_wildcard: bool,
    /// None: 80 and 443.
    port: Option<u16>,
}

impl HttpGrants {
    /// Where requests to `host` and `port` may lead; `None` when they are not granted.
    pub fn reach(&self, host: &str, port: u16) -> Option<Reach> {
        self.hosts.iter().filter(|grant| grant.covers(host, port)).map(HostGrant::reach).max()
    }

    /// Takes away every method that may change something.
    pub(super) fn read_only(&mut self) {
        if !self.methods.is_empty() {
            self.methods.retain(|method| USUAL_METHODS.contains(&method.as_str()));
            if self.methods.is_empty() {
                self.hosts.clear();
            }
        }
    }

    /// Whether `method` is granted.
    pub fn allows_method(&self, method: &str) -> bool {
        self.granted_methods().any(|granted| granted == method)
    }

    /// The methods that are granted.
    pub(crate) fn granted_methods(&self) -> impl Iterator<Item = &str> {
        let usual = USUAL_METHODS.into_iter().filter(|_| self.methods.is_empty());
        usual.chain(self.methods.iter().map(String::as_str))
    }
}

impl HostGrant {
    /// Reads `api.example.com`, `api.example.com:8443`, `*.example.com`, `127.0.0.1:8080`, `[::1]`.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains('/') {
            return Err(SHAPE.to_owned());
        }
        let end_of_ip = if text.starts_with('[') { text.find(']').ok_or("it has no `]`")? } else { 0 };
        let (name, port) = match text[end_of_ip..].rfind(':') {
            None => (text, None),
            Some(at) => {
                let (name, port) = (&text[..end_of_ip + at], &text[end_of_ip + at + 1..]);
                let port = port.parse().ok().filter(|port| *port != 0);
                (name, Some(port.ok_or("what follows its `:` is not a port")?))
            }
        };
        let (name, is_wildcard) = name.strip_prefix("*.").map_or((name, false), |rest| (rest, true));
        let is_sound = if let Some(ip) = name.strip_prefix('[') {
            ip.strip_suffix(']').is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok()) && !is_wildcard
        } else {
            let is_label = |label: &str| {
                !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            };
            name.split('.').all(is_label)
        };
        if !is_sound {
            return Err(SHAPE.to_owned());
        }
        let name = match name.trim_matches(['[', ']']).parse::<std::net::Ipv6Addr>() {
            // The one spelling URLs are brought to.
            Ok(ip) => format!("[{ip}]"),
            Err(_) => name.to_ascii_lowercase(),
        };
        Ok(Self { name, is_wildcard, port })
    }

    fn covers(&self, host: &str, port: u16) -> bool {
        let fits_port = self.port.map_or_else(|| USUAL_PORTS.contains(&port), |own| own == port);
        let fits_name = if self.is_wildcard {
            host.strip_suffix(&self.name).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1)
        } else {
            host == self.name
        };
        fits_port && fits_name
    }

    fn reach(&self) -> Reach {
        let is_address = self.name.starts_with('[') || self.name.parse::<std::net::Ipv4Addr>().is_ok();
        if self.is_wildcard {
            Reach::Public
        } else if is_address || self.name == "localhost" || self.name.ends_with(".localhost") {
            Reach::Anywhere
        } else {
            Reach::Network
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(grants: &[&str], host: &str, port: u16) -> Option<Reach> {
        let hosts = grants.iter().map(|text| HostGrant::parse(text).expect("a sound grant")).collect();
        HttpGrants { hosts, methods: BTreeSet::new() }.reach(host, port)
    }

    #[test]
    fn a_host_is_granted_by_name_and_port_and_nothing_near_it() {
        let grants = ["api.example.com", "Files.Example.com:8443"];
        assert_eq!(reach(&grants, "api.example.com", 443), Some(Reach::Network));
        assert_eq!(reach(&grants, "api.example.com", 80), Some(Reach::Network));
        assert_eq!(reach(&grants, "files.example.com", 8443), Some(Reach::Network));
        for (host, port) in [
            ("api.example.com", 8443),
            ("files.example.com", 443),
            ("example.com", 443),
            ("x.api.example.com", 443),
            ("api.example.com.evil.test", 443),
            ("api.example.com.", 443),
        ] {
            assert_eq!(reach(&grants, host, port), None, "{host}:{port}");
        }
    }

    #[test]
    fn a_wildcard_covers_what_is_below_and_only_public_addresses() {
        assert_eq!(reach(&["*.example.com"], "a.b.example.com", 443), Some(Reach::Public));
        assert_eq!(reach(&["*.example.com"], "example.com", 443), None);
        assert_eq!(reach(&["*.example.com"], ".example.com", 443), None);
        assert_eq!(reach(&["*.example.com"], "evilexample.com", 443), None);
        assert_eq!(reach(&["*.example.com", "db.example.com"], "db.example.com", 443), Some(Reach::Network));
    }

    #[test]
    fn only_localhost_and_addresses_lead_to_this_machine() {
        assert_eq!(reach(&["localhost:80"], "localhost", 80), Some(Reach::Anywhere));
        assert_eq!(reach(&["127.0.0.1:8080"], "127.0.0.1", 8080), Some(Reach::Anywhere));
        assert_eq!(reach(&["[0:0::1]:8080"], "[::1]", 8080), Some(Reach::Anywhere));
        assert_eq!(reach(&["[::1]"], "[::1]", 443), Some(Reach::Anywhere));
    }

    #[test]
    fn what_is_not_a_host_is_refused() {
        for text in
            ["", "*", "*.", "https://a.example", "a/b", "a..b", "a:b", "a:0", "a:99999", "[::1", "[x]", "ä.example"]
        {
            assert!(HostGrant::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn without_a_list_of_methods_only_reading_is_granted() {
        let usual = HttpGrants::default();
        assert!(usual.allows_method("GET") && usual.allows_method("HEAD") && !usual.allows_method("POST"));
        let post = HttpGrants { hosts: Vec::new(), methods: BTreeSet::from(["POST".to_owned()]) };
        assert!(post.allows_method("POST") && !post.allows_method("GET"));
    }
}
