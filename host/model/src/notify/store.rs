//! The port behind which notifications are kept.
//!
//! The way of an event: the database itself writes it, in the transaction of the change it tells of ([`StoredEvent`]).
//! Whoever has the notifier's lease judges it: its messages go into the outbox and the event goes away, in one transaction
//! under the lease. From there messages are sent, at least once. So nothing is lost wherever a process stops, and a message
//! is repeated only where it stops between sending and recording.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::EventKind;
use super::delivery::{Attempt, Delivery, DeliveryFilter, NewDelivery, Then};
use super::transport::TransportKind;
use crate::port::StoreError;
use crate::replica::{Held, Lease};
use crate::secret::SealedSecret;
use crate::{Instant, JobId, Json, JsonMap, RunId};

/// An event that nobody has judged yet.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Rises with every event.
    pub seq: i64,
    /// What happened.
    pub kind: EventKind,
    /// To which run.
    pub run_id: RunId,
    /// Of which job.
    pub job_id: JobId,
    /// When.
    pub at: Instant,
}

/// Something the notifier remembers: since when a job is silent, which long run was told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// `long-run:<run>`, `silent:<job>`, `seen:<job>`.
    pub name: String,
    /// What there is to remember.
    pub at: Instant,
}

/// What becomes of events, all of it or nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judgement {
    /// Events that are dealt with, by their number.
    pub events: Vec<i64>,
    /// Messages for the outbox.
    pub deliveries: Vec<NewDelivery>,
    /// Marks that are new or have another instant.
    pub marks: Vec<Mark>,
    /// Names of marks that are over.
    pub unmarked: Vec<String>,
}

impl Judgement {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

/// A transport as the store keeps it. Its secrets are among the sealed ones, under [`secret_name`].
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTransport {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: TransportKind,
    /// False = nothing goes over it.
    pub enabled: bool,
    /// What is not secret.
    pub settings: JsonMap,
    /// When it was written last.
    pub updated_at: Instant,
    /// By whom.
    pub updated_by: String,
}

/// The routes as the store keeps them.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRoutes {
    /// Rises with every change; 0 = there never were any.
    pub version: i64,
    /// In order, as [`super::route::read_routes`] reads them.
    pub routes: Vec<Json>,
    /// When they were written last.
    pub updated_at: Option<Instant>,
    /// By whom.
    pub updated_by: Option<String>,
}

/// What reserved names of sealed secrets begin with. No `${secret.…}` can say them: see
/// [`is_secret_name`](crate::secret::is_secret_name).
pub const RESERVED: &str = "notify/";

/// The name under which a secret field of a stored transport is sealed.
pub fn secret_name(transport: &str, field: &str) -> String {
    format!("{RESERVED}{transport}/{field}")
}

/// Where notifications are kept.
#[async_trait]
pub trait NotifyStore: Send + Sync + 'static {
    /// The notifier's lease, if anybody ever had it.
    async fn find_notify_lease(&self) -> Result<Option<Lease>, StoreError>;
    /// As [`Store::take_lease`](crate::port::Store::take_lease). What its last holder was about to send waits again.
    async fn take_notify_lease(
        &self,
        holder: &str,
        seen: Option<&Lease>,
        at: Instant,
    ) -> Result<Option<u64>, StoreError>;
    /// A sign of life of the holder. False when the lease is no longer its own.
    async fn keep_notify_lease(&self, held: &Held, at: Instant) -> Result<bool, StoreError>;
    /// Gives the lease back.
    async fn release_notify_lease(&self, held: &Held) -> Result<bool, StoreError>;

    /// Events nobody has judged, oldest first.
    async fn list_events(&self, limit: u32) -> Result<Vec<StoredEvent>, StoreError>;
    /// Which events the database is to write beside failures and recoveries, which it always does.
    async fn want_events(&self, kinds: &[EventKind]) -> Result<(), StoreError>;
    /// Every mark.
    async fn list_marks(&self) -> Result<Vec<Mark>, StoreError>;
    /// Writes a judgement. False, and nothing written, when the lease is lost or one of the events was judged already.
    async fn judge(&self, held: &Held, judgement: &Judgement, at: Instant) -> Result<bool, StoreError>;

    /// When the next delivery is due, if one waits.
    async fn next_due(&self) -> Result<Option<Instant>, StoreError>;
    /// Takes deliveries that are due, oldest first, none over the transports in `busy`; they are `SENDING` then.
    async fn take_due(
        &self,
        held: &Held,
        now: Instant,
        limit: u32,
        busy: &[String],
    ) -> Result<Vec<Delivery>, StoreError>;
    /// Records an attempt. False when the lease is lost: then it will be made again.
    async fn record_attempt(
        &self,
        held: &Held,
        delivery: i64,
        attempt: &Attempt,
        then: Then,
    ) -> Result<bool, StoreError>;
    /// Records a delivery that was made on the spot, with its only attempt. Gives back its id.
    async fn record_delivery(&self, new: &NewDelivery, attempt: &Attempt) -> Result<i64, StoreError>;

    /// Deliveries, newest first.
    async fn list_deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<Delivery>, StoreError>;
    /// The attempts of a delivery, in order.
    async fn list_attempts(&self, delivery: i64) -> Result<Vec<Attempt>, StoreError>;
    /// Puts a copy of a delivery that is over into the outbox. Its id; `None` when there is no such delivery or it is not
    /// over.
    async fn resend(&self, delivery: i64, by: &str, at: Instant) -> Result<Option<i64>, StoreError>;
    /// Of each transport the delivery that ended last.
    async fn list_last_deliveries(&self) -> Result<BTreeMap<String, Delivery>, StoreError>;

    /// The transports the store has, by name.
    async fn list_transports(&self) -> Result<Vec<StoredTransport>, StoreError>;
    /// The sealed secrets of all transports, by name.
    async fn list_transport_secrets(&self) -> Result<Vec<SealedSecret>, StoreError>;
    /// Writes a transport in place of the one of its name, with secrets that are new and names of those that are gone.
    async fn put_transport(
        &self,
        transport: &StoredTransport,
        secrets: &[SealedSecret],
        gone: &[String],
    ) -> Result<(), StoreError>;
    /// Deletes a transport with its secrets. False when there was none.
    async fn delete_transport(&self, name: &str) -> Result<bool, StoreError>;
    /// The routes.
    async fn find_routes(&self) -> Result<StoredRoutes, StoreError>;
    /// Writes the routes while their version is still `version`. The new version; `None` when somebody else was faster.
    async fn put_routes(&self, version: i64, routes: &[Json], at: Instant, by: &str)
    -> Result<Option<i64>, StoreError>;
}
