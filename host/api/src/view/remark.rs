//! What health and `scheduler status` tell in words: what somebody has to look at, and what is good to know. Each has a code
//! that stays and the things it is about, for whoever words it in another language; its English text may change.

use serde::Serialize;
use utoipa::ToSchema;

/// Something to tell, by its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub(crate) enum Remark {
    StoreSilent,
    SchedulerStopped,
    /// `what` is in the words of this process.
    PartBroke {
        what: String,
    },
    /// `process` is one of those that ask for the lease.
    LeaseUnheld {
        process: String,
        asking: usize,
    },
    LeaseHolderSilent {
        holder: String,
    },
    LabelMissing {
        label: String,
        waiting: usize,
    },
    SchedulerUnasked,
    SchedulerShared {
        holder: String,
        asking: usize,
    },
}

impl Remark {
    /// Whether somebody has to look at it.
    pub(crate) fn is_problem(&self) -> bool {
        !matches!(self, Self::SchedulerUnasked | Self::SchedulerShared { .. })
    }

    /// In English.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::StoreSilent => "the store does not answer".to_owned(),
            Self::SchedulerStopped => "the scheduler of this process has stopped; its log says why".to_owned(),
            Self::PartBroke { what } => what.clone(),
            Self::LeaseUnheld { process, asking: 1 } => {
                format!("nobody holds the scheduler's lease, although {process} asks for it")
            }
            Self::LeaseUnheld { process, asking } => {
                let more = asking.saturating_sub(1);
                format!("nobody holds the scheduler's lease, although {process} and {more} more ask for it")
            }
            Self::LeaseHolderSilent { holder } => {
                format!("the scheduler's lease is with {holder}, which gives no sign of life")
            }
            Self::LabelMissing { label, waiting } => {
                let runs = if *waiting == 1 { "1 run waits".to_owned() } else { format!("{waiting} runs wait") };
                format!("{runs} for a process with the label `{label}`, and there is none")
            }
            Self::SchedulerUnasked => "no process asks for the scheduler: schedules do not fire".to_owned(),
            Self::SchedulerShared { holder, asking } => {
                format!("{asking} processes ask for the scheduler; {holder} has it")
            }
        }
    }
}

/// A remark with its text, as it stands under `problems` or `notes`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HealthRemark)]
pub(crate) struct RemarkView {
    #[serde(flatten)]
    remark: Remark,
    text: String,
}

impl From<Remark> for RemarkView {
    fn from(remark: Remark) -> Self {
        Self { text: remark.text(), remark }
    }
}
