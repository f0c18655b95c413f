//! Signs of life, and what becomes of processes that give none.
//!
//! Every process counts up its row in `ly2_replicas` and watches the counts of the others. One whose count stands still for
//! `owner_lost_after` of the watcher's own time is given up: its row goes, but only while the count is still the same, and
//! then its runs go through `recovery`. A process whose pid is gone from this machine is given up at once. Any process may
//! do that; every write is guarded, so one of them does.
//!
//! | What happens | What follows |
//! |---|---|
//! | a process dies | its count stands still; it is given up |
//! | a process hangs, then goes on | its next sign of life finds no row: it lets go of the runs that are not its own any more and introduces itself again; what it still writes about them has an old term and does not take |
//! | the store is away | nobody can count: every watcher begins anew when it answers |
//! | the watcher itself was stopped for a while | it begins anew |
//! | a clock is set | nothing: only counts and the watcher's own span of time matter |

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use host_model::port::StoreError;
use host_model::replica::Replica;
use tokio::time::Instant as Moment;

use crate::recovery;
use crate::shared::{GIVEN_AWAY, Shared};

/// How fast a process gives signs of life, and how long it waits for those of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two signs of life; also how often a standby asks for the lease.
    pub beat: Duration,
    /// After so long without one, the lease may be taken from its holder. That harms nobody who is only slow.
    pub lease_lost_after: Duration,
    /// After so long without one, a process has lost its runs.
    pub owner_lost_after: Duration,
}

impl Pace {
    /// The pace for a store of this dialect. Processes on one SQLite file share a machine, where a dead one is noticed
    /// by its pid, so fewer writes do.
    pub fn of(dialect: &str) -> Self {
        let (beat, lease, owner) = if dialect == "postgres" { (1, 3, 10) } else { (2, 6, 15) };
        Self {
            beat: Duration::from_secs(beat),
            lease_lost_after: Duration::from_secs(lease),
            owner_lost_after: Duration::from_secs(owner),
        }
    }
}

/// Since when counts stand still, as this process sees it.
pub(crate) struct Stillness<K> {
    seen: HashMap<K, (u64, Moment)>,
    looked: Moment,
    longest_gap: Duration,
}

impl<K: std::hash::Hash + Eq + Clone> Stillness<K> {
    /// Begins to watch; looks come every `beat`.
    pub(crate) fn new(beat: Duration) -> Self {
        Self { seen: HashMap::new(), looked: Moment::now(), longest_gap: beat * 3 }
    }

    /// Takes in a look at all counts and says how long each has stood still. A look long after the one before it says
    /// nothing about the time between.
    pub(crate) fn look(&mut self, counts: impl IntoIterator<Item = (K, u64)>) -> HashMap<K, Duration> {
        let now = Moment::now();
        let blind = now - self.looked > self.longest_gap;
        self.looked = now;
        let before = std::mem::take(&mut self.seen);
        for (key, count) in counts {
            let since = match before.get(&key) {
                Some((same, since)) if *same == count && !blind => *since,
                _ => now,
            };
            self.seen.insert(key, (count, since));
        }
        self.seen.iter().map(|(key, (_, since))| (key.clone(), now - *since)).collect()
    }

    /// The store did not answer.
    pub(crate) fn look_failed(&mut self) {
        self.seen.clear();
    }
}

/// The other processes, as this one has seen them.
pub(crate) struct Others {
    still: Stillness<String>,
    /// Those there were at the last look; `None` before the first.
    known: Option<Vec<String>>,
}

/// The first sign of life; deals with what is known to be lost already.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn introduce(shared: &Arc<Shared>) -> Result<Others, StoreError> {
    shared.store.beat(&shared.presence, shared.clock.now()).await?;
    let mut others = Others { still: Stillness::new(shared.pace.beat), known: None };
    watch(shared, &mut others).await?;
    Ok(others)
}

/// Goes on giving signs of life, until it is aborted; does nothing else, so that nothing delays the next one.
pub(crate) async fn keep(shared: Arc<Shared>) {
    let mut is_away = false;
    loop {
        tokio::time::sleep(shared.pace.beat).await;
        match beat(&shared).await {
            Ok(is_known) => {
                if !is_known {
                    tracing::warn!("this process was taken for dead by another; it lets go of the runs it has lost");
                }
                // The answer that said so may have been lost.
                if !is_known || is_away {
                    shared.is_in_doubt.store(true, Ordering::SeqCst);
                }
                is_away = false;
            }
            Err(error) => {
                if !is_away {
                    tracing::warn!(%error, "no sign of life could be given");
                }
                is_away = true;
            }
        }
    }
}

/// Goes on watching for the signs of life of the others, until it is aborted. What has to be done for those that are gone
/// may take its time.
pub(crate) async fn keep_watching(shared: Arc<Shared>, mut others: Others) {
    let mut is_away = false;
    loop {
        tokio::time::sleep(shared.pace.beat).await;
        let look = async {
            if shared.is_in_doubt.swap(false, Ordering::SeqCst) {
                let_go(&shared).await.inspect_err(|_| shared.is_in_doubt.store(true, Ordering::SeqCst))?;
            }
            watch(&shared, &mut others).await
        };
        match look.await {
            Ok(()) => is_away = false,
            Err(error) => {
                if !is_away {
                    tracing::warn!(%error, "the other processes could not be watched");
                }
                is_away = true;
                others.still.look_failed();
            }
        }
    }
}

/// One sign of life. A connection that has fallen silent must not cost the process its runs: it is not waited for, and the
/// next sign goes out on another.
async fn beat(shared: &Shared) -> Result<bool, StoreError> {
    let beat = shared.store.beat(&shared.presence, shared.clock.now());
    tokio::time::timeout(shared.pace.beat * 3, beat).await.unwrap_or_else(|_| {
        let message = "no answer for three times as long as there is between two".to_owned();
        Err(StoreError::Unavailable { operation: "give a sign of life", message })
    })
}

/// Gives up processes that are dead, and recovers runs of processes nobody knows.
async fn watch(shared: &Arc<Shared>, others: &mut Others) -> Result<(), StoreError> {
    let replicas = shared.store.list_replicas().await?;
    let still = others.still.look(replicas.iter().map(|replica| (replica.presence.owner.clone(), replica.beat)));
    let mut alive = Vec::with_capacity(replicas.len());
    for Replica { presence, beat, .. } in replicas {
        let owner = presence.owner;
        let silent = still.get(&owner).copied().unwrap_or_default();
        let is_dead = owner != shared.me()
            && (!(shared.is_owner_alive)(&owner) || silent > shared.pace.owner_lost_after)
            && shared.store.forget_replica(&owner, Some(beat)).await?;
        if is_dead {
            tracing::warn!(owner, silent_seconds = silent.as_secs(), "a process is gone");
        } else {
            alive.push(owner);
        }
    }
    // Also those that said farewell, or that another gave up: runs may be placed into them.
    let is_gone = |owner: &String| !alive.contains(owner);
    let is_one_gone = others.known.as_ref().is_none_or(|known| known.iter().any(is_gone));
    recovery::recover(shared, &alive, is_one_gone).await?;
    others.known = Some(alive);
    Ok(())
}

/// Cancels the runs of this process that another has by now.
async fn let_go(shared: &Shared) -> Result<(), StoreError> {
    let live: Vec<_> = shared.live().iter().map(|(run, live)| (*run, live.term)).collect();
    for (id, term) in live {
        let kept = shared.store.find_run(id).await?.is_some_and(|run| run.owner == shared.me() && run.term == term);
        if !kept {
            shared.cancel_live(id, GIVEN_AWAY);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEAT: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_count_that_stands_still_is_told_by_the_watchers_own_time() {
        let mut others = Stillness::new(BEAT);
        for second in 0..5_u64 {
            let still = others.look([("moving", second), ("still", 7)]);
            assert_eq!((still["moving"].as_secs(), still["still"].as_secs()), (0, second));
            tokio::time::sleep(BEAT).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_watcher_that_could_not_look_begins_anew() {
        let mut others = Stillness::new(BEAT);
        others.look([("a", 7)]);
        tokio::time::sleep(BEAT * 2).await;
        assert_eq!(others.look([("a", 7)])["a"], BEAT * 2);
        // The watcher was stopped itself: nobody can be blamed for that time.
        tokio::time::sleep(BEAT * 10).await;
        assert_eq!(others.look([("a", 7)])["a"], Duration::ZERO);
        tokio::time::sleep(BEAT).await;
        others.look_failed();
        assert_eq!(others.look([("a", 7)])["a"], Duration::ZERO);
    }
}
