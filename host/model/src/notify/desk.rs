//! The port through which the API asks for notifications: what is set up, what goes where, what became of it. Secrets go
//! in and do not come out.

use async_trait::async_trait;

use super::delivery::{Attempt, Delivery, DeliveryFilter};
use super::mute::{Mute, MuteKind};
use super::route::Route;
use super::transport::TransportKind;
use super::{EventKind, Problem};
use crate::connector::Hidden;
use crate::port::StoreError;
use crate::{Instant, JobId, Json, JsonMap, Run, RunId};

/// What is to become of a secret field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretWish {
    /// It stays as it is.
    Keep,
    /// It becomes this.
    Set(Hidden),
    /// It goes.
    Clear,
}

/// A secret field as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretState {
    /// Its name.
    pub field: String,
    /// Whether there is one.
    pub is_set: bool,
    /// When it was written, and by whom, where the store knows.
    pub changed: Option<(Instant, String)>,
}

/// A transport as somebody wants it.
#[derive(Debug, Clone, PartialEq)]
pub struct TransportWish {
    /// What it is.
    pub kind: TransportKind,
    /// False = nothing goes over it.
    pub enabled: bool,
    /// What is not secret.
    pub settings: JsonMap,
    /// Secret fields; those not named are kept.
    pub secrets: Vec<(String, SecretWish)>,
}

/// A transport as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct TransportCard {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: TransportKind,
    /// False = nothing goes over it.
    pub enabled: bool,
    /// Declared in `app.toml`, where alone it can be changed.
    pub is_from_file: bool,
    /// What is not secret, as written.
    pub settings: JsonMap,
    /// Every secret field of its kind.
    pub secrets: Vec<SecretState>,
    /// The delivery that ended last.
    pub last: Option<Delivery>,
}

/// The routes as they are shown.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteList {
    /// Those of `app.toml`, which are looked at first.
    pub from_file: Vec<Route>,
    /// Those of the store, in order.
    pub stored: Vec<Route>,
    /// Version of the stored ones.
    pub version: i64,
    /// When they were written last, and by whom.
    pub changed: Option<(Instant, String)>,
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq)]
pub struct TestResult {
    /// Whether the other side took the message.
    pub is_sent: bool,
    /// What the other side said, or why it could not be asked.
    pub answer: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// What was done, line by line, without secrets.
    pub trace: Vec<String>,
    /// Its record among the deliveries; `None` for a transport that is not kept.
    pub delivery: Option<i64>,
}

/// A message as it would go out, with nothing secret filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// What it tells of.
    pub event: EventKind,
    /// The job.
    pub job_id: JobId,
    /// The run.
    pub run_id: Option<RunId>,
    /// Job and run are made up.
    pub is_sample: bool,
    /// Channel or address; `None` = whoever is behind the transport's address, or nobody.
    pub recipient: Option<String>,
    /// The subject, or the first line.
    pub title: String,
    /// What the other side gets.
    pub parts: Vec<PreviewPart>,
    /// Links lead somewhere: the page has an address.
    pub has_links: bool,
    /// What the message has that was hardly meant so.
    pub warnings: Vec<String>,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewPart {
    /// `text/plain`, `text/html`, `application/json`.
    pub media_type: &'static str,
    /// As it is sent; JSON with line breaks, for people.
    pub text: String,
}

/// Who would get what.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulated {
    /// The transport's name; empty when none was found.
    pub transport: String,
    /// Channel or address; empty = the transport's default.
    pub recipient: String,
    /// The route; `None` = the job's own alerts, or the defaults.
    pub route: Option<String>,
    /// Held back until then by quiet hours.
    pub hold_until: Option<Instant>,
    /// Gathered over so many seconds.
    pub group_seconds: u32,
    /// Why nobody would get it.
    pub failure: Option<String>,
    /// Nobody gets it before then: the job or the route is muted.
    pub muted_until: Option<Instant>,
}

/// Why a wish is not met.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is none of this name.
    #[error("{0}")]
    NotFound(String),
    /// It can be changed in `app.toml` only.
    #[error("the transport `{0}` is declared in `app.toml`; change it there")]
    FromFile(String),
    /// What was sent is wrong.
    #[error("what was sent is not valid")]
    Invalid(Vec<Problem>),
    /// Somebody else was faster.
    #[error("the routes have changed meanwhile; their version is {0} now")]
    Stale(i64),
    /// A secret cannot be sealed.
    #[error("the secret cannot be sealed: {0}")]
    Sealed(String),
}

/// See the module's note.
#[async_trait]
pub trait NotificationDesk: Send + Sync + 'static {
    /// The address under which people find the page, which links in messages begin with.
    fn public_url(&self) -> Option<String>;
    /// Every transport, those of `app.toml` first.
    async fn list_transports(&self) -> Result<Vec<TransportCard>, DeskError>;
    /// Writes one.
    async fn put_transport(&self, name: &str, wish: TransportWish, by: &str) -> Result<TransportCard, DeskError>;
    /// Deletes one.
    async fn delete_transport(&self, name: &str) -> Result<(), DeskError>;
    /// Sends a message over a transport, to `to` or its default recipient. With `wish`, as it would be then: secrets
    /// that are kept are those of the transport `name`, if there is one.
    async fn test(
        &self,
        name: &str,
        wish: Option<TransportWish>,
        to: Option<&str>,
        by: &str,
    ) -> Result<TestResult, DeskError>;
    /// How a message over a transport would look that tells of `run`, or of one that is made up; `event` is what the run came
    /// to unless it is said. `wish` is as for a test.
    async fn preview(
        &self,
        name: &str,
        wish: Option<TransportWish>,
        event: Option<EventKind>,
        run: Option<&Run>,
    ) -> Result<Preview, DeskError>;
    /// The routes.
    async fn list_routes(&self) -> Result<RouteList, DeskError>;
    /// Writes the stored routes, if their version is still `version`.
    async fn put_routes(&self, version: i64, routes: &[Json], by: &str) -> Result<RouteList, DeskError>;
    /// Who would get what, were this to happen to the job now.
    async fn simulate(
        &self,
        job: &str,
        tags: Option<Vec<String>>,
        event: EventKind,
    ) -> Result<Vec<Simulated>, DeskError>;
    /// Mutes that have not ended.
    async fn list_mutes(&self) -> Result<Vec<Mute>, DeskError>;
    /// Mutes a job or a route until an instant, in place of the mute there is.
    async fn mute(&self, kind: MuteKind, name: &str, until: Instant, reason: &str, by: &str)
    -> Result<Mute, DeskError>;
    /// Ends a mute.
    async fn unmute(&self, kind: MuteKind, name: &str) -> Result<(), DeskError>;
    /// Deliveries, newest first.
    async fn list_deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<Delivery>, DeskError>;
    /// One delivery with its attempts.
    async fn find_delivery(&self, id: i64) -> Result<(Delivery, Vec<Attempt>), DeskError>;
    /// Sends a delivery that is over once more, as a new one, whose id comes back.
    async fn resend(&self, id: i64, by: &str) -> Result<i64, DeskError>;
}
