//! How far a name or an address may lead: looked at for each address before a connection is made to it, so that a name
//! that changes its mind between two look-ups gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use host_model::plugin_port::Reach;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Where clouds tell a machine its credentials, beside the addresses of its link.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
/// The same.
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

/// Looks names up, and keeps the addresses within reach.
pub(super) struct Resolver {
    pub(super) reach: Reach,
}

/// The name leads only where it may not.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` leads to {address}, which only a grant of that address (or of `localhost`) allows")]
pub(super) struct OutOfReach {
    pub(super) name: String,
    pub(super) address: IpAddr,
}

impl OutOfReach {
    /// The refusal behind a failed request, if that is why it failed.
    pub(super) fn behind(error: &reqwest::Error) -> Option<&Self> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(inner) = cause {
            if let Some(refused) = inner.downcast_ref::<Self>() {
                return Some(refused);
            }
            cause = inner.source();
        }
        None
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach;
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let may_lead = |address: &SocketAddr| {
                is_within(address.ip(), reach) && (reach == Reach::Anywhere || !is_of_this_machine(address.ip()))
            };
            let (within, beyond): (Vec<_>, Vec<_>) = found.into_iter().partition(may_lead);
            match beyond.first() {
                Some(address) if within.is_empty() => Err(OutOfReach { name, address: address.ip() }.into()),
                _ => Ok(Box::new(within.into_iter()) as Addrs),
            }
        })
    }
}

/// Whether `address` is one of this machine's own in its network: a packet to it would come from it. None is sent.
fn is_of_this_machine(address: IpAddr) -> bool {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let source = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    source.is_ok_and(|source| source.ip() == address)
}

/// Whether a name granted with `reach` may lead to `address`.
pub(super) fn is_within(address: IpAddr, reach: Reach) -> bool {
    let address = match address {
        IpAddr::V6(v6) => match v6.segments() {
            // An IPv4 address behind a translator (RFC 6052).
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                IpAddr::from((u32::from(high) << 16 | u32::from(low)).to_be_bytes())
            }
            _ => address.to_canonical(),
        },
        IpAddr::V4(_) => address,
    };
    let is_own = address.is_loopback() || address.is_unspecified() || address.is_multicast();
    let (is_own, is_private) = match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            let is_own = is_own || v4.is_link_local() || v4.is_broadcast() || first == 0 || METADATA_V4.contains(&v4);
            (is_own, v4.is_private() || is_shared)
        }
        IpAddr::V6(v6) => (is_own || v6.is_unicast_link_local() || METADATA_V6.contains(&v6), v6.is_unique_local()),
    };
    match reach {
        Reach::Anywhere => true,
        Reach::Network => !is_own,
        Reach::Public => !is_own && !is_private,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_as_far_as_its_grant_reaches() {
        let farthest = |text: &str| {
            let address: IpAddr = text.parse().unwrap();
            [Reach::Public, Reach::Network, Reach::Anywhere]
                .into_iter()
                .find(|reach| is_within(address, *reach))
                .unwrap()
        };
        for text in ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert_eq!(farthest(text), Reach::Public, "{text}");
        }
        for text in ["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "64:ff9b::a00:1"] {
            assert_eq!(farthest(text), Reach::Network, "{text}");
        }
        let own = ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "0.0.0.0", "0.1.2.3", "::"];
        let metadata = ["169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "64:ff9b::6464:64c8"];
        for text in own.into_iter().chain(metadata).chain(["fe80::1", "224.0.0.1", "255.255.255.255"]) {
            assert_eq!(farthest(text), Reach::Anywhere, "{text}");
        }
    }

    #[test]
    fn the_own_addresses_of_this_machine_are_told_from_those_of_others() {
        assert!(is_of_this_machine("127.0.0.1".parse().unwrap()));
        // One of those that are nobody's.
        assert!(!is_of_this_machine("203.0.113.77".parse().unwrap()));
    }
}
