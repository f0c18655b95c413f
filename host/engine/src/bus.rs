//! Events to subscribers, numbered, with a bounded memory so that a listener who reconnects gets exactly what it
//! missed. A slow subscriber is told so by the channel (`Lagged`); the engine never waits for anybody.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use host_model::event::Event;
use host_model::log::LogLine;
use tokio::sync::broadcast;

/// Events remembered for reconnecting listeners.
const RING: usize = 4096;
/// Bytes of log lines remembered within them; lines are the bulk and can always be read from the store.
const RING_BYTES: usize = 8 * 1024 * 1024;
/// Events a live subscriber may be behind.
const CHANNEL: usize = 1024;

/// An event with its place in the sequence, from 1.
pub type Numbered = (u64, Arc<Event>);

struct Ring {
    next: u64,
    events: VecDeque<Numbered>,
    bytes: usize,
}

/// The bus of one process.
pub struct Bus {
    boot: String,
    ring: Mutex<Ring>,
    live: broadcast::Sender<Numbered>,
}

/// What a new subscriber gets.
pub struct Subscription {
    /// Missed events, oldest first.
    pub missed: Vec<Numbered>,
    /// True when events were missed that are no longer remembered: read everything again.
    pub resync: bool,
    /// The number of the latest event before `live` begins; 0 when there was none.
    pub latest: u64,
    /// Events from now on.
    pub live: broadcast::Receiver<Numbered>,
}

fn weight(event: &Event) -> usize {
    let Event::Log { lines, .. } = event else { return 0 };
    lines.iter().map(|line| size_of::<LogLine>() + line.message.len()).sum()
}

impl Bus {
    /// A bus whose sequence belongs to `boot`, a text unique to this start of the process.
    pub fn new(boot: String) -> Self {
        let ring = Ring { next: 1, events: VecDeque::new(), bytes: 0 };
        Self { boot, ring: Mutex::new(ring), live: broadcast::channel(CHANNEL).0 }
    }

    /// The text that marks this start of the process.
    pub fn boot(&self) -> &str {
        &self.boot
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Publishes a fact that the store already has.
    pub fn publish(&self, event: Event) {
        let mut ring = self.ring();
        let numbered: Numbered = (ring.next, Arc::new(event));
        ring.next += 1;
        // Progress is worth nothing to a listener who comes back later.
        if !matches!(*numbered.1, Event::Progress { .. }) {
            ring.bytes += weight(&numbered.1);
            ring.events.push_back(numbered.clone());
            while ring.events.len() > RING || ring.bytes > RING_BYTES {
                let Some((_, old)) = ring.events.pop_front() else { break };
                ring.bytes -= weight(&old);
            }
        }
        // Sent under the lock, so that no subscriber can slip between memory and channel. Nobody listening is fine.
        let _ = self.live.send(numbered);
    }

    /// Subscribes. `after` is the boot text and number of the last event the listener saw.
    pub fn subscribe(&self, after: Option<(&str, u64)>) -> Subscription {
        let ring = self.ring();
        let (latest, live) = (ring.next - 1, self.live.subscribe());
        let Some((boot, seen)) = after else {
            return Subscription { missed: Vec::new(), resync: false, latest, live };
        };
        let forgotten = match ring.events.front() {
            Some((first, _)) => *first,
            None => ring.next,
        };
        // A gap below the oldest remembered event may have been progress only; then nothing worth having was lost,
        // but that cannot be told, so the listener reads again.
        if boot != self.boot || seen >= ring.next || seen + 1 < forgotten {
            return Subscription { missed: Vec::new(), resync: true, latest, live };
        }
        let missed = ring.events.iter().filter(|(n, _)| *n > seen).cloned().collect();
        Subscription { missed, resync: false, latest, live }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(jobs: usize) -> Event {
        Event::Catalogue { jobs, problems: 0, added: Vec::new(), changed: Vec::new(), removed: Vec::new() }
    }

    fn numbers(missed: &[Numbered]) -> Vec<u64> {
        missed.iter().map(|(n, _)| *n).collect()
    }

    #[test]
    fn a_listener_that_comes_back_gets_exactly_what_it_missed() {
        let bus = Bus::new("b1".into());
        (0..5).for_each(|n| bus.publish(event(n)));
        let back = bus.subscribe(Some(("b1", 3)));
        assert_eq!((numbers(&back.missed), back.resync), (vec![4, 5], false));
        let current = bus.subscribe(Some(("b1", 5)));
        assert_eq!((numbers(&current.missed), current.resync), (vec![], false));
    }

    #[test]
    fn another_boot_a_future_number_or_a_forgotten_past_means_resync() {
        let bus = Bus::new("b2".into());
        (0..RING + 10).for_each(|n| bus.publish(event(n)));
        assert!(bus.subscribe(Some(("b1", 3))).resync);
        assert!(bus.subscribe(Some(("b2", 1_000_000))).resync);
        assert!(bus.subscribe(Some(("b2", 3))).resync);
        assert!(!bus.subscribe(Some(("b2", 10))).resync);
        assert!(!bus.subscribe(None).resync);
    }

    #[test]
    fn remembered_log_lines_are_bounded_by_their_bytes() {
        let bus = Bus::new("b3".into());
        let run_id = host_model::RunId::from_parts(1, 1);
        let line = |seq| LogLine {
            run_id,
            seq,
            at: host_model::Instant::default(),
            level: host_model::log::LogLevel::Info,
            step: None,
            attempt: 0,
            message: "x".repeat(1024 * 1024),
        };
        for seq in 0..20 {
            let job_id = host_model::JobId::new("j").unwrap();
            bus.publish(Event::Log { job_id, run_id, lines: [line(seq)].into() });
        }
        let back = bus.subscribe(Some(("b3", 15)));
        assert_eq!((numbers(&back.missed), back.resync), (vec![16, 17, 18, 19, 20], false));
        assert!(bus.subscribe(Some(("b3", 5))).resync);
    }
}
