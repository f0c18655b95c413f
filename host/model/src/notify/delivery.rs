//! Deliveries: messages on their way, each with its attempts. A delivery is one message to one recipient over one
//! transport; several notices may have become one.

use super::{EventKind, Notice};
use crate::Instant;
use crate::job::word_enum;

word_enum!(
    /// Where a delivery stands.
    DeliveryStatus {
        /// It waits: for its time, for others to join it, or for another attempt.
        Pending = "PENDING",
        /// An attempt is being made. One whose process is lost in the middle is made again.
        Sending = "SENDING",
        /// The other side has taken it.
        Sent = "SENT",
        /// It was given up.
        Failed = "FAILED",
    }
);

/// One message to one recipient.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Rises with every delivery.
    pub id: i64,
    /// When its first notice was judged.
    pub created_at: Instant,
    /// The transport's name; empty when no transport could be found for the recipient.
    pub transport: String,
    /// Channel or address; empty = the transport's default.
    pub recipient: String,
    /// The route that sent it this way; `None` = the job's own alerts, the defaults, or a person.
    pub route: Option<String>,
    /// What it tells; the first ones when there are too many.
    pub notices: Vec<Notice>,
    /// How many notices there are, those left out among them.
    pub n_notices: u32,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Not before; of a delivery that failed once, the next attempt.
    pub due_at: Instant,
    /// Attempts made.
    pub attempts: u32,
    /// Set if and only if it is sent or given up.
    pub finished_at: Option<Instant>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// The delivery it repeats.
    pub resend_of: Option<i64>,
    /// The person who asked for it, of a test or a repetition.
    pub requested_by: Option<String>,
}

impl Delivery {
    /// What it is mostly about: the worst of its notices.
    pub fn main_event(&self) -> EventKind {
        let worst = self.notices.iter().map(|notice| notice.kind);
        worst
            .reduce(|a, b| if b.severity() != a.severity() && b.severity().is_at_least(a.severity()) { b } else { a })
            .unwrap_or(EventKind::Test)
    }
}

/// One attempt to deliver.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// When it began.
    pub at: Instant,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// Whether the other side took the message.
    pub is_sent: bool,
    /// What the other side said, or why it could not be asked.
    pub answer: String,
}

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It was the last: the message is there.
    Sent,
    /// Again, then.
    Retry(Instant),
    /// It was the last: nobody will take it.
    GiveUp,
}

/// A message to be put into the outbox.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDelivery {
    /// See [`Delivery::transport`].
    pub transport: String,
    /// See [`Delivery::recipient`].
    pub recipient: String,
    /// See [`Delivery::route`].
    pub route: Option<String>,
    /// Joins a delivery with the same text that waits for its first attempt; `None` = on its own.
    pub group: Option<String>,
    /// When it goes out; a delivery that is joined keeps its own time.
    pub due_at: Instant,
    /// Why it can go nowhere: then it is recorded as given up.
    pub failure: Option<String>,
    /// What it tells.
    pub notice: Notice,
    /// The delivery it repeats.
    pub resend_of: Option<i64>,
    /// The person who asked for it.
    pub requested_by: Option<String>,
}

/// Which deliveries to list: newest first, all conditions together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeliveryFilter {
    /// Over this transport.
    pub transport: Option<String>,
    /// In one of these states; empty = in any.
    pub statuses: Vec<DeliveryStatus>,
    /// About this job.
    pub job: Option<String>,
    /// Older than this one.
    pub before: Option<i64>,
    /// At most so many; the caller bounds it.
    pub limit: u32,
}

/// Most notices kept in one delivery; those beyond are counted.
pub const MOST_NOTICES: usize = 50;
