//! The port's `NotifyStore`: `events` has what is not judged yet, with the notifier's marks and judgements, `outbox` the
//! deliveries and their attempts, `settings` transports and routes. Nothing is decided here.
//!
//! Invariant: what is judged or recorded in the notifier's name is written only while its lease is there, looked for in
//! the same statement or the same transaction.

mod events;
mod outbox;
mod settings;

use std::collections::BTreeMap;

use async_trait::async_trait;
use host_model::notify::EventKind;
use host_model::notify::delivery::{Attempt, Delivery, DeliveryFilter, NewDelivery, Then};
use host_model::notify::store::{Judgement, Mark, NotifyStore, RESERVED, StoredEvent, StoredRoutes, StoredTransport};
use host_model::port::StoreError;
use host_model::replica::{Held, Lease};
use host_model::secret::{SealedSecret, SecretStore as _};
use host_model::{Instant, Json};

use crate::lease::{self, KeepLease, NOTIFIER, ReleaseLease};
use crate::store::SqlStore;

/// Runs one reading function on a connection of the pool.
macro_rules! read {
    ($store:expr, $operation:literal, $function:path $(, $argument:expr)*) => {{
        let mut reader = $store.reader($operation).await?;
        $function(&mut reader.conn() $(, $argument)*).await.map_err(|error| error.during($operation))
    }};
}

#[async_trait]
impl NotifyStore for SqlStore {
    async fn find_notify_lease(&self) -> Result<Option<Lease>, StoreError> {
        read!(self, "find the notifier's lease", lease::find_lease, NOTIFIER)
    }

    async fn take_notify_lease(
        &self,
        holder: &str,
        seen: Option<&Lease>,
        at: Instant,
    ) -> Result<Option<u64>, StoreError> {
        let take = events::TakeOver { holder: holder.to_owned(), seen: seen.cloned(), at };
        self.write("take the notifier's lease", take).await
    }

    async fn keep_notify_lease(&self, held: &Held, at: Instant) -> Result<bool, StoreError> {
        self.write("keep the notifier's lease", KeepLease { table: NOTIFIER, held: held.clone(), at }).await
    }

    async fn release_notify_lease(&self, held: &Held) -> Result<bool, StoreError> {
        self.write("give the notifier's lease back", ReleaseLease { table: NOTIFIER, held: held.clone() }).await
    }

    async fn list_events(&self, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        read!(self, "list events", events::list_events, limit)
    }

    async fn want_events(&self, kinds: &[EventKind]) -> Result<(), StoreError> {
        self.write("say which events are wanted", events::WantEvents(kinds.to_vec())).await
    }

    async fn list_marks(&self) -> Result<Vec<Mark>, StoreError> {
        read!(self, "list the notifier's marks", events::list_marks)
    }

    async fn judge(&self, held: &Held, judgement: &Judgement, at: Instant) -> Result<bool, StoreError> {
        let judge = events::Judge { held: held.clone(), judgement: judgement.clone(), at };
        self.write("record what becomes of events", judge).await
    }

    async fn next_due(&self) -> Result<Option<Instant>, StoreError> {
        read!(self, "find the next delivery", outbox::next_due)
    }

    async fn take_due(
        &self,
        held: &Held,
        now: Instant,
        limit: u32,
        busy: &[String],
    ) -> Result<Vec<Delivery>, StoreError> {
        let take = outbox::TakeDue { held: held.clone(), now, limit, busy: busy.to_vec() };
        self.write("take deliveries that are due", take).await
    }

    async fn record_attempt(
        &self,
        held: &Held,
        delivery: i64,
        attempt: &Attempt,
        then: Then,
    ) -> Result<bool, StoreError> {
        let record = outbox::RecordAttempt { held: held.clone(), delivery, attempt: attempt.clone(), then };
        self.write("record an attempt to deliver", record).await
    }

    async fn record_delivery(&self, new: &NewDelivery, attempt: &Attempt) -> Result<i64, StoreError> {
        self.write("record a delivery", outbox::RecordDelivery(new.clone(), attempt.clone())).await
    }

    async fn list_deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<Delivery>, StoreError> {
        read!(self, "list deliveries", outbox::list_deliveries, filter)
    }

    async fn list_attempts(&self, delivery: i64) -> Result<Vec<Attempt>, StoreError> {
        read!(self, "list the attempts of a delivery", outbox::list_attempts, delivery)
    }

    async fn resend(&self, delivery: i64, by: &str, at: Instant) -> Result<Option<i64>, StoreError> {
        self.write("send a delivery again", outbox::Resend { delivery, by: by.to_owned(), at }).await
    }

    async fn list_last_deliveries(&self) -> Result<BTreeMap<String, Delivery>, StoreError> {
        read!(self, "list the last deliveries", outbox::list_last)
    }

    async fn list_transports(&self) -> Result<Vec<StoredTransport>, StoreError> {
        read!(self, "list transports", settings::list_transports)
    }

    async fn list_transport_secrets(&self) -> Result<Vec<SealedSecret>, StoreError> {
        let all = self.list_secrets().await?;
        Ok(all.into_iter().filter(|secret| secret.name.starts_with(RESERVED)).collect())
    }

    async fn put_transport(
        &self,
        transport: &StoredTransport,
        secrets: &[SealedSecret],
        gone: &[String],
    ) -> Result<(), StoreError> {
        let put =
            settings::PutTransport { transport: transport.clone(), secrets: secrets.to_vec(), gone: gone.to_vec() };
        self.write("write a transport", put).await
    }

    async fn delete_transport(&self, name: &str) -> Result<bool, StoreError> {
        self.write("delete a transport", settings::DeleteTransport(name.to_owned())).await
    }

    async fn find_routes(&self) -> Result<StoredRoutes, StoreError> {
        read!(self, "find the routes", settings::find_routes)
    }

    async fn put_routes(
        &self,
        version: i64,
        routes: &[Json],
        at: Instant,
        by: &str,
    ) -> Result<Option<i64>, StoreError> {
        let put = settings::PutRoutes { version, routes: routes.to_vec(), at, by: by.to_owned() };
        self.write("write the routes", put).await
    }
}
