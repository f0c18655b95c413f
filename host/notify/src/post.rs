//! The outbox being emptied: deliveries that are due are sent, several at once but few over one transport, so that one that
//! hangs holds up no other; what comes of each attempt is recorded, and says whether there is another.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use host_model::Instant;
use host_model::notify::delivery::{Attempt, Delivery, Then};
use host_model::port::StoreError;
use host_model::replica::Held;
use tokio::task::JoinSet;

use crate::notifier::Shared;
use crate::send::{Failure, Report};

/// Deliveries on their way at once.
const MOST: usize = 16;
/// Over one transport.
const MOST_OF_ONE: usize = 2;
/// Longest wait between two attempts that nobody asked for.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// Between two tries to record an attempt.
const STORE_AWAY: Duration = Duration::from_secs(1);

/// The sending of one holder of the lease. Dropped with it: what is on its way then is sent again by the next.
pub(crate) struct Post {
    shared: Arc<Shared>,
    held: Held,
    on_the_way: JoinSet<String>,
    by_transport: HashMap<String, usize>,
}

impl Post {
    pub(crate) fn new(shared: Arc<Shared>, held: Held) -> Self {
        Self { shared, held, on_the_way: JoinSet::new(), by_transport: HashMap::new() }
    }

    /// Begins to send what is due.
    pub(crate) async fn send_due(&mut self) -> Result<(), StoreError> {
        let parts = &self.shared.parts;
        while self.on_the_way.len() < MOST {
            let now = parts.clock.now();
            if parts.store.next_due().await?.is_none_or(|due_at| due_at > now) {
                return Ok(());
            }
            let busy: Vec<String> = self
                .by_transport
                .iter()
                .filter(|(_, count)| **count >= MOST_OF_ONE)
                .map(|(name, _)| name.clone())
                .collect();
            // One at a time: the next may be over the same transport.
            let Some(delivery) = parts.store.take_due(&self.held, now, 1, &busy).await?.pop() else { return Ok(()) };
            *self.by_transport.entry(delivery.transport.clone()).or_default() += 1;
            self.on_the_way.spawn(deliver(self.shared.clone(), self.held.clone(), delivery));
        }
        Ok(())
    }

    /// Returns once one is over; never while none is on its way.
    pub(crate) async fn some_end(&mut self) {
        match self.on_the_way.join_next().await {
            Some(Ok(transport)) => self.is_back(&transport),
            Some(Err(error)) => {
                tracing::error!(%error, "sending a notification broke off");
                self.by_transport.clear();
            }
            None => std::future::pending().await,
        }
    }

    fn is_back(&mut self, transport: &str) {
        if let Some(count) = self.by_transport.get_mut(transport) {
            *count = count.saturating_sub(1);
        }
    }

    /// Waits for what is on its way, for so long.
    pub(crate) async fn finish(&mut self, bound: Duration) {
        let all = async { while self.on_the_way.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(bound, all).await;
    }
}

/// One attempt, and its record.
async fn deliver(shared: Arc<Shared>, held: Held, delivery: Delivery) -> String {
    let parts = &shared.parts;
    let at = parts.clock.now();
    let book = shared.book();
    let name = &delivery.transport;
    let gone = |why: String| Report { result: Err(Failure::last(why)), duration_ms: 0, trace: Vec::new() };
    let report = match book.entry(name) {
        None => gone(format!("there is no transport `{name}` any more")),
        Some(entry) if !entry.transport.enabled => gone(format!("the transport `{name}` is off")),
        Some(entry) => shared.sender.send(entry, &delivery, &*parts.keeper, at).await,
    };
    let number = delivery.attempts + 1;
    let then =
        follow(&report.result, &delivery, number, at, parts.settings.retry_seconds, parts.settings.give_up_hours);
    let (is_sent, answer) = match &report.result {
        Ok(answer) => (true, answer.clone()),
        Err(failure) => (false, failure.why.clone()),
    };
    match (is_sent, then) {
        (true, _) => tracing::debug!(transport = name, delivery = delivery.id, "notification sent"),
        (_, Then::GiveUp) => {
            tracing::error!(transport = name, delivery = delivery.id, "notification given up: {answer}");
        }
        _ => tracing::warn!(transport = name, delivery = delivery.id, number, "notification failed for now: {answer}"),
    }
    let attempt = Attempt { number, at, duration_ms: report.duration_ms, is_sent, answer };
    // Sent and not recorded would be sent again: this waits for the store for as long as the lease lasts.
    while let Err(error) = parts.store.record_attempt(&held, delivery.id, &attempt, then).await {
        tracing::debug!(%error, delivery = delivery.id, "an attempt to deliver waits to be recorded");
        tokio::time::sleep(STORE_AWAY).await;
    }
    delivery.transport
}

/// What follows an attempt: twice the pause each time, or what the other side asks for if that is longer, until the
/// message is too old to be news.
fn follow(
    result: &Result<String, Failure>,
    delivery: &Delivery,
    number: u32,
    at: Instant,
    retry_seconds: u32,
    give_up_hours: u32,
) -> Then {
    let failure = match result {
        Ok(_) => return Then::Sent,
        Err(failure) if !failure.may_retry => return Then::GiveUp,
        Err(failure) => failure,
    };
    let doubled = u64::from(retry_seconds).saturating_mul(1_u64 << (number.saturating_sub(1)).min(20));
    let pause = Duration::from_secs(doubled).min(LONGEST_PAUSE).max(failure.retry_after.unwrap_or_default());
    let again = at + TimeDelta::from_std(pause).unwrap_or(TimeDelta::hours(1));
    if again > delivery.created_at + TimeDelta::hours(give_up_hours.into()) { Then::GiveUp } else { Then::Retry(again) }
}

#[cfg(test)]
mod tests {
    use host_model::notify::delivery::DeliveryStatus;

    use super::*;

    #[test]
    fn attempts_are_further_and_further_apart_until_the_message_is_old() {
        let created: Instant = "2026-11-23T10:00:00Z".parse().unwrap();
        let mut delivery = Delivery {
            id: 1,
            created_at: created,
            transport: "t".into(),
            recipient: String::new(),
            route: None,
            notices: Vec::new(),
            n_notices: 1,
            status: DeliveryStatus::Sending,
            due_at: created,
            attempts: 0,
            finished_at: None,
            error: None,
            resend_of: None,
            requested_by: None,
        };
        let fails = |failure: Failure| Err::<String, _>(failure);
        let pause =
            |delivery: &Delivery, number, failure| match follow(&fails(failure), delivery, number, created, 5, 24) {
                Then::Retry(again) => (again - created).num_seconds(),
                other => panic!("{other:?}"),
            };
        let again = || Failure::again("x".into());
        let pauses: Vec<i64> = [1, 2, 3, 8, 9, 40].into_iter().map(|n| pause(&delivery, n, again())).collect();
        assert_eq!(pauses, [5, 10, 20, 640, 900, 900]);
        let asked = Failure { retry_after: Some(Duration::from_secs(120)), ..again() };
        assert_eq!(pause(&delivery, 1, asked), 120);
        assert_eq!(follow(&fails(Failure::last("x".into())), &delivery, 1, created, 5, 24), Then::GiveUp);
        delivery.attempts = 90;
        let late = created + TimeDelta::hours(24);
        assert_eq!(follow(&fails(again()), &delivery, 91, late, 5, 24), Then::GiveUp);
        assert_eq!(follow(&Ok("250".into()), &delivery, 91, late, 5, 24), Then::Sent);
    }
}
