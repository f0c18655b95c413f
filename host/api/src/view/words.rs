//! Words with a fixed list, as the OpenAPI document shows them: each list is taken from the model, so no spelling is
//! written twice. The types here stand in `#[schema(value_type = …)]` only; on the wire they are plain texts.

use std::borrow::Cow;

use host_engine::SchedulerState;
use host_model::account::AccountSource;
use host_model::audit::AuditOutcome;
use host_model::callable::CallableKind;
use host_model::connector::Dialect;
use host_model::diagnostic::Severity;
use host_model::fire::SlotOutcome;
use host_model::job::{OnRestart, Overlap};
use host_model::log::LogLevel;
use host_model::notify::delivery::DeliveryStatus;
use host_model::notify::mute::MuteKind;
use host_model::notify::quiet::Quiet;
use host_model::notify::transport::TransportKind;
use host_model::notify::{EventKind, Severity as AlertSeverity};
use host_model::run::{RunStatus, StepStatus};
use host_model::version::VersionChange;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::checks::{self, State};

macro_rules! words {
    ($($(#[$doc:meta])* $kind:ident as $name:literal = $words:expr;)+) => {$(
        $(#[$doc])*
        pub(crate) struct $kind;

        impl PartialSchema for $kind {
            fn schema() -> RefOr<Schema> {
                let words: Vec<&'static str> = $words;
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
            }
        }

        impl ToSchema for $kind {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }
    )+};
}

words! {
    /// State of a run.
    RunStatusWord as "RunStatus" = RunStatus::ALL.iter().map(|s| s.as_str()).collect();
    /// State of an attempt.
    StepStatusWord as "StepStatus" = StepStatus::ALL.iter().map(|s| s.as_str()).collect();
    /// Level of a log line.
    LogLevelWord as "LogLevel" = LogLevel::ALL.iter().map(|l| l.as_str()).collect();
    /// What a fire does that meets a run.
    OverlapWord as "Overlap" = Overlap::ALL.iter().map(|o| o.as_str()).collect();
    /// What becomes of a run whose process is lost.
    OnRestartWord as "OnRestart" = OnRestart::ALL.iter().map(|o| o.as_str()).collect();
    /// What became of a slot.
    SlotOutcomeWord as "SlotOutcome" = SlotOutcome::ALL.iter().map(|o| o.as_str()).collect();
    /// How bad a finding is.
    SeverityWord as "Severity" = [Severity::Warning, Severity::Error].map(Severity::as_str).into();
    /// A kind of database.
    DialectWord as "Dialect" = Dialect::ALL.iter().map(|d| d.as_str()).collect();
    /// What a callable is written in.
    CallableKindWord as "CallableKind" =
        [CallableKind::Component, CallableKind::Python].map(CallableKind::as_str).into();
    /// Where an account is kept.
    AccountSourceWord as "AccountSource" = AccountSource::ALL.iter().map(|s| s.as_str()).collect();
    /// How something that was asked for ended.
    AuditOutcomeWord as "AuditOutcome" = AuditOutcome::ALL.iter().map(|o| o.as_str()).collect();
    /// What made a version of a job.
    VersionChangeWord as "VersionChange" = VersionChange::ALL.iter().map(|c| c.as_str()).collect();
    /// A kind of transport.
    TransportKindWord as "TransportKind" = TransportKind::ALL.iter().map(|k| k.as_str()).collect();
    /// What can be told of a job.
    AlertEventWord as "AlertEvent" = EventKind::ALL.iter().map(|e| e.as_str()).collect();
    /// How much an event matters.
    AlertSeverityWord as "AlertSeverity" = AlertSeverity::ALL.iter().map(|s| s.as_str()).collect();
    /// Where a delivery stands.
    DeliveryOutcomeWord as "DeliveryOutcome" = DeliveryStatus::ALL.iter().map(|s| s.as_str()).collect();
    /// What becomes of a message in quiet hours.
    QuietWord as "Quiet" = Quiet::ALL.iter().map(|q| q.as_str()).collect();
    /// What is muted.
    MuteKindWord as "MuteKind" = MuteKind::ALL.iter().map(|k| k.as_str()).collect();
    /// What was looked at.
    CheckNameWord as "CheckName" = checks::names();
    /// How a thing is that was looked at.
    CheckWord as "CheckState" = State::ALL.map(State::as_str).into();
    /// State of the scheduler.
    SchedulerWord as "SchedulerState" =
        [SchedulerState::Active, SchedulerState::Standby, SchedulerState::Error].map(SchedulerState::as_str).into();
}
