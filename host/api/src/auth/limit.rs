//! How often a sign-in may be tried: per address, and per account. Kept in memory and forgotten after a minute, so
//! nobody is locked out for good; a browser that has signed in to an account before is counted apart, so that a
//! stranger who guesses cannot keep its owner out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// After so long a count begins anew.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// Counts that are kept; what comes on top shares one.
const MOST: usize = 10_000;

/// Who is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Counted {
    /// An address; of IPv6 the network, of which one household has all addresses.
    Address(String),
    /// An account, tried from anywhere.
    Account(String),
    /// An account, tried from a browser that was signed in to it.
    Device(String),
    /// Everybody there was no room for.
    Rest,
}

impl Counted {
    pub(super) fn address(text: &str) -> Self {
        Self::Address(match text.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
            _ => text.to_owned(),
        })
    }
}

/// Counts of the tries of the last minute that have not succeeded.
#[derive(Default)]
pub(super) struct Tries(Mutex<HashMap<Counted, (Instant, u32)>>);

impl Tries {
    /// Counts a try for everybody in `who`, each with its most per minute. The error is how long to wait.
    pub(super) fn begin(&self, who: &[(Counted, u32)]) -> Result<(), Duration> {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() >= MOST {
            tries.retain(|_, (since, _)| since.elapsed() < WINDOW);
        }
        let mut wait = None;
        for (counted, most) in who {
            let has_room = tries.len() < MOST || tries.contains_key(counted);
            let key = if has_room { counted.clone() } else { Counted::Rest };
            let (since, count) = tries.entry(key).or_insert_with(|| (Instant::now(), 0));
            if since.elapsed() >= WINDOW {
                (*since, *count) = (Instant::now(), 0);
            }
            if *count >= *most {
                wait = wait.max(Some(WINDOW.saturating_sub(since.elapsed())));
            } else {
                *count += 1;
            }
        }
        // Whoever retries a second early is only told again.
        wait.map_or(Ok(()), |wait| Err(wait.max(Duration::from_secs(1))))
    }

    /// A try that succeeded does not count.
    pub(super) fn forgive(&self, who: &[(Counted, u32)]) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (counted, _) in who {
            if let Some((_, count)) = tries.get_mut(counted) {
                *count = count.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str) -> [(Counted, u32); 1] {
        [(Counted::Account(name.into()), 3)]
    }

    #[tokio::test(start_paused = true)]
    async fn too_many_tries_wait_for_the_next_minute_and_successes_do_not_count() {
        let tries = Tries::default();
        for _ in 0..10 {
            tries.begin(&account("ann")).unwrap();
            tries.forgive(&account("ann"));
        }
        for _ in 0..3 {
            tries.begin(&account("ann")).unwrap();
        }
        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!(tries.begin(&account("ann")), Err(Duration::from_secs(40)));
        tries.begin(&account("bob")).unwrap();
        tries.begin(&[(Counted::Device("ann".into()), 3)]).unwrap();
        tokio::time::advance(Duration::from_secs(40)).await;
        tries.begin(&account("ann")).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_names_takes_no_more_room_than_there_is() {
        let tries = Tries::default();
        for n in 0..MOST + 1000 {
            let _ = tries.begin(&account(&n.to_string()));
        }
        assert!(tries.0.lock().unwrap().len() <= MOST + 1);
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        assert_eq!(Counted::address("2001:db8::1"), Counted::address("2001:db8::ffff:2"));
        assert_ne!(Counted::address("2001:db8::1"), Counted::address("2001:db8:0:1::1"));
        assert_ne!(Counted::address("10.0.0.1"), Counted::address("10.0.0.2"));
    }
}
