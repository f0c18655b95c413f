//! Slots of the ledger, and the answer to "why did it (not) run?", on the wire.

use serde::Serialize;
use utoipa::ToSchema;

use super::words::{RunStatusWord, SlotOutcomeWord};

/// A row of the ledger.
#[derive(Serialize, ToSchema)]
pub(crate) struct SlotView {
    pub(crate) schedule: String,
    #[schema(format = DateTime)]
    pub(crate) due_at: String,
    #[schema(value_type = SlotOutcomeWord)]
    pub(crate) outcome: &'static str,
    pub(crate) reason: Option<String>,
    pub(crate) run_id: Option<String>,
    #[schema(format = DateTime)]
    pub(crate) decided_at: String,
}

/// A page of the ledger.
#[derive(Serialize, ToSchema)]
pub(crate) struct SlotPage {
    pub(crate) job_id: String,
    pub(crate) slots: Vec<SlotView>,
    /// For `before` of the next page; null on the last.
    pub(crate) next: Option<String>,
}

/// Why a job did, or did not, run at an instant.
#[derive(Serialize, ToSchema)]
pub(crate) struct WhyAnswer {
    /// A word of the ledger, `not_due`, `not_yet` or `unknown`.
    #[schema(value_type = String)]
    pub(crate) verdict: &'static str,
    /// The answer in words.
    pub(crate) text: String,
    pub(crate) schedule: Option<String>,
    #[schema(format = DateTime)]
    pub(crate) due_at: Option<String>,
    /// By the clock of the schedule.
    #[schema(format = DateTime)]
    pub(crate) local: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) run_id: Option<String>,
    #[schema(value_type = Option<RunStatusWord>)]
    pub(crate) run_status: Option<&'static str>,
    /// Of what stands in the ledger only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = SlotOutcomeWord, required = false)]
    pub(crate) outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    pub(crate) decided_at: Option<String>,
}

impl WhyAnswer {
    pub(crate) fn new(verdict: &'static str, text: String) -> Self {
        Self {
            verdict,
            text,
            schedule: None,
            due_at: None,
            local: None,
            reason: None,
            run_id: None,
            run_status: None,
            outcome: None,
            decided_at: None,
        }
    }
}

/// An instant at which the job is due.
#[derive(Serialize, ToSchema)]
pub(crate) struct DueInstant {
    #[schema(format = DateTime)]
    pub(crate) at: String,
    #[schema(format = DateTime)]
    pub(crate) local: String,
    pub(crate) schedule: String,
    pub(crate) enabled: bool,
}

/// The due instants next to the one asked for.
#[derive(Serialize, ToSchema)]
pub(crate) struct Nearest {
    pub(crate) before: Option<DueInstant>,
    pub(crate) after: Option<DueInstant>,
}

/// The answer to "why did it (not) run?".
#[derive(Serialize, ToSchema)]
pub(crate) struct Why {
    pub(crate) job_id: String,
    #[schema(format = DateTime)]
    pub(crate) at: Option<String>,
    pub(crate) answers: Vec<WhyAnswer>,
    pub(crate) nearest: Nearest,
}
