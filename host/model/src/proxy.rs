//! Proxies whose word about the address of a client is taken. The header they write is only as good as the one who wrote
//! its last entry, so it is read from the right, and only as far as trusted addresses go.

use core::net::{IpAddr, SocketAddr};
use std::fmt;

/// An address, or all that share its first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u8,
}

/// See the module's note. Empty: nobody is trusted, and the other end of the connection is the client.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedProxies(Vec<Network>);

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address = address.parse::<IpAddr>().ok()?.to_canonical();
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= most)?,
            None => most,
        };
        Some(Self { address, bits })
    }

    fn holds(&self, other: IpAddr) -> bool {
        fn same(a: u128, b: u128, width: u32, bits: u8) -> bool {
            // A shift by the whole width is not defined; no bits of it have to be the same then.
            let rest = width - u32::from(bits);
            a.checked_shr(rest).unwrap_or(0) == b.checked_shr(rest).unwrap_or(0)
        }
        match (self.address, other) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(a.to_bits().into(), b.to_bits().into(), 32, self.bits),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128, self.bits),
            _ => false,
        }
    }
}

impl TrustedProxies {
    /// Addresses (`10.0.0.7`, `::1`) and networks (`10.0.0.0/8`).
    ///
    /// # Errors
    /// The first text that is neither, in a sentence.
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, String> {
        let each = texts.into_iter().map(str::trim).filter(|text| !text.is_empty());
        let read = |text| {
            Network::parse(text).ok_or_else(|| format!("`{text}` is no address and no network such as 10.0.0.0/8"))
        };
        each.map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As they are written.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address))
    }

    /// The client behind `peer`: the rightmost address of `forwarded` (the values of X-Forwarded-For, in order) that is no
    /// trusted proxy. An entry that is no address ends the search at the proxy that wrote it.
    pub fn client_of<'h>(&self, peer: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'h str>) -> IpAddr {
        let mut client = peer.to_canonical();
        let mut entries = forwarded.rev().flat_map(|value| value.rsplit(','));
        while self.trusts(client) {
            match entries.next().and_then(read_entry) {
                Some(before) => client = before,
                None => break,
            }
        }
        client
    }
}

/// An address, with or without brackets and a port.
fn read_entry(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let parsed = text.parse::<IpAddr>().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    parsed.or_else(bare).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let proxies = TrustedProxies::parse(trusted.iter().copied()).unwrap();
        proxies.client_of(peer.parse().unwrap(), forwarded.iter().copied()).to_string()
    }

    #[test]
    fn the_rightmost_address_that_is_no_trusted_proxy_is_the_client() {
        let inner = ["10.0.0.0/8", "::1"];
        for (peer, forwarded, expected) in [
            ("10.0.0.1", &["203.0.113.9"][..], "203.0.113.9"),
            // What a client writes itself stands left of what the proxy saw.
            ("10.0.0.1", &["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["1.1.1.1, 203.0.113.9, 10.2.3.4"], "203.0.113.9"),
            ("10.0.0.1", &["1.1.1.1", "203.0.113.9:4711, 10.2.3.4"], "203.0.113.9"),
            ("::1", &["[2001:db8::7]:80"], "2001:db8::7"),
            ("::ffff:10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
            // Everybody is a proxy: the one that is furthest away.
            ("10.0.0.1", &["10.9.9.9"], "10.9.9.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, nonsense"], "10.0.0.1"),
            // Nobody has to believe a stranger.
            ("198.51.100.1", &["127.0.0.1"], "198.51.100.1"),
        ] {
            assert_eq!(client(&inner, peer, forwarded), expected, "{peer} {forwarded:?}");
        }
        assert_eq!(client(&[], "10.0.0.1", &["203.0.113.9"]), "10.0.0.1");
        assert_eq!(client(&["0.0.0.0/0"], "10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn what_is_neither_an_address_nor_a_network_is_named() {
        for bad in ["10.0.0.0/33", "example.org", "10.0.0", "::1/129", "10.0.0.0/-1"] {
            let error = TrustedProxies::parse(["127.0.0.1", bad]).unwrap_err();
            assert!(error.contains(bad), "{error}");
        }
        assert_eq!(TrustedProxies::parse(["10.0.0.0/8", " ::1 ", ""]).unwrap().texts(), ["10.0.0.0/8", "::1/128"]);
    }
}
