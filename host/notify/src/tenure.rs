//! Who judges and sends: of all processes of a store the one that has the notifier's lease, in the manner of
//! `engine::lease`. Signs of life are counted, never compared as times; whoever takes the lease over names the count it
//! saw. What a holder writes is refused once the lease is another's, so of two that both believe to have it one writes.

use std::time::Instant as Moment;

use host_model::port::StoreError;
use host_model::replica::Held;

use crate::notifier::Shared;

/// A holder and how long its count has stood still.
#[derive(Default)]
pub(crate) struct Rival {
    seen: Option<(String, u64, u64, Moment)>,
}

/// Tries to get the lease.
pub(crate) async fn try_take(shared: &Shared, rival: &mut Rival) -> Result<Option<Held>, StoreError> {
    let me = &shared.parts.owner;
    let found = shared.parts.store.find_notify_lease().await?;
    if let Some(lease) = found.as_ref().filter(|lease| !lease.holder.is_empty()) {
        let since = match &rival.seen {
            Some((holder, term, beat, since)) if (holder, *term, *beat) == (&lease.holder, lease.term, lease.beat) => {
                *since
            }
            _ => {
                let now = Moment::now();
                rival.seen = Some((lease.holder.clone(), lease.term, lease.beat, now));
                now
            }
        };
        let is_dead = lease.holder == *me
            || !(shared.parts.is_owner_alive)(&lease.holder)
            || since.elapsed() > shared.parts.pace.patience;
        if !is_dead {
            return Ok(None);
        }
    }
    let seen = found.as_ref().filter(|lease| !lease.holder.is_empty());
    let term = shared.parts.store.take_notify_lease(me, seen, shared.parts.clock.now()).await?;
    Ok(term.map(|term| Held { holder: me.clone(), term }))
}

/// Gives signs of life; returns when the lease is another's.
pub(crate) async fn keep(shared: &Shared, held: &Held) {
    loop {
        tokio::time::sleep(shared.parts.pace.beat).await;
        match shared.parts.store.keep_notify_lease(held, shared.parts.clock.now()).await {
            Ok(true) => {}
            Ok(false) => return,
            // Nobody else can take it from a store that is away.
            Err(error) => tracing::debug!(%error, "the notifier's lease cannot be kept up"),
        }
    }
}
