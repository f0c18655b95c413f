//! Columns to model, for both dialects: the only place that knows how a value is kept. A row that does not fit the model
//! is an error that names the column and the value, never a panic (the driver would panic on an infinite date).

use std::str::FromStr;
use std::sync::Arc;

use chrono::TimeDelta;
use host_model::fire::{Slot, SlotOutcome, SlotRecord};
use host_model::log::{LogLevel, LogLine};
use host_model::replica::{Lease, Presence, Replica};
use host_model::{
    Instant, JobId, Json, JsonMap, Run, RunId, RunStatus, StepError, StepErrorKind, StepName, StepRun, StepStatus,
};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, ValueRef};

use crate::error::DbError;

/// The columns [`read_run`] wants.
pub(crate) const RUN_COLUMNS: &str = "id, job_id, status, reason, error, triggered_by, schedule, scheduled_at, queued_at, \
    started_at, finished_at, rows_affected, step_count, steps_done, log_level, params, overrides, owner, cancel_requested_by, \
    replay_of, term, placement, replay_from, cancel_requested_at";
/// The columns [`read_step`] wants.
pub(crate) const STEP_COLUMNS: &str = "run_id, step_index, attempt, step_name, step_type, status, reason, retry_at, \
    started_at, finished_at, rows_affected, input, output, error, usage";
/// The columns [`read_log`] wants.
pub(crate) const LOG_COLUMNS: &str = "run_id, seq, at, level, step, attempt, message";
/// The columns [`read_slot`] wants.
pub(crate) const SLOT_COLUMNS: &str = "job_id, schedule, due_at, outcome, reason, run_id, decided_at";

/// The columns [`read_replica`] wants.
pub(crate) const REPLICA_COLUMNS: &str =
    "owner, beat, seen_at, role, labels, url, version, scheduler_enabled, room, started_at";
/// The columns [`read_lease`] wants.
pub(crate) const LEASE_COLUMNS: &str = "holder, term, beat, heartbeat_at";

/// A row of either driver.
pub(crate) enum StoredRow {
    Sqlite(SqliteRow),
    Postgres(PgRow),
    /// Texts, numbers and NULLs of these columns, as SQLite told them in one JSON text with many other rows.
    Told(Arc<[&'static str]>, Vec<Json>),
}

fn corrupt(column: &str, why: impl std::fmt::Display) -> DbError {
    DbError::Corrupt(format!("column `{column}` {why}"))
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 60 {
        text.to_owned()
    } else {
        format!("{}…", text.chars().take(60).collect::<String>())
    }
}

fn required<T>(column: &str, value: Option<T>) -> Result<T, DbError> {
    value.ok_or_else(|| corrupt(column, "is empty"))
}

macro_rules! get {
    ($row:expr, $column:expr, $type:ty) => {
        match $row {
            StoredRow::Sqlite(row) => row.try_get_unchecked::<$type, _>($column),
            StoredRow::Postgres(row) => row.try_get_unchecked::<$type, _>($column),
            StoredRow::Told(..) => return Err(corrupt($column, "is told in another form")),
        }
        .map_err(|error| corrupt($column, format_args!("cannot be read: {error}")))
    };
}

impl StoredRow {
    /// The value of a row that was told.
    fn told(&self, column: &str) -> Option<&Json> {
        let Self::Told(columns, values) = self else { return None };
        columns.iter().position(|name| *name == column).and_then(|n| values.get(n))
    }

    pub(crate) fn opt_text(&self, column: &str) -> Result<Option<String>, DbError> {
        match self.told(column) {
            Some(Json::String(text)) => return Ok(Some(text.clone())),
            Some(Json::Null) => return Ok(None),
            _ => {}
        }
        get!(self, column, Option<String>)
    }

    pub(crate) fn text(&self, column: &str) -> Result<String, DbError> {
        required(column, self.opt_text(column)?)
    }

    pub(crate) fn opt_int(&self, column: &str) -> Result<Option<i64>, DbError> {
        match self.told(column) {
            Some(Json::Number(number)) if number.is_i64() => return Ok(number.as_i64()),
            Some(Json::Null) => return Ok(None),
            _ => {}
        }
        get!(self, column, Option<i64>)
    }

    pub(crate) fn int(&self, column: &str) -> Result<i64, DbError> {
        required(column, self.opt_int(column)?)
    }

    /// An integer of a smaller or unsigned type.
    pub(crate) fn count<T: TryFrom<i64>>(&self, column: &str) -> Result<T, DbError> {
        let value = self.int(column)?;
        T::try_from(value).map_err(|_| corrupt(column, format_args!("holds {value}, which is out of range")))
    }

    pub(crate) fn flag(&self, column: &str) -> Result<bool, DbError> {
        required(column, get!(self, column, Option<bool>)?)
    }

    /// A JSON list of texts.
    pub(crate) fn texts(&self, column: &str) -> Result<Vec<String>, DbError> {
        let text = self.text(column)?;
        serde_json::from_str(&text)
            .map_err(|_| corrupt(column, format_args!("holds `{}`, which is no list of texts", shorten(&text))))
    }

    pub(crate) fn opt_at(&self, column: &str) -> Result<Option<Instant>, DbError> {
        match self {
            Self::Sqlite(_) | Self::Told(..) => self.opt_text(column)?.map(|text| parse_at(column, &text)).transpose(),
            Self::Postgres(row) => {
                let raw = row.try_get_raw(column)?;
                if raw.is_null() {
                    return Ok(None);
                }
                let bytes = raw.as_bytes().map_err(|error| corrupt(column, error))?;
                timestamptz(column, bytes).map(Some)
            }
        }
    }

    pub(crate) fn at(&self, column: &str) -> Result<Instant, DbError> {
        required(column, self.opt_at(column)?)
    }

    fn opt_json(&self, column: &str) -> Result<Option<Json>, DbError> {
        let Some(text) = self.opt_text(column)? else { return Ok(None) };
        match Json::from_str(&text) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(corrupt(column, format_args!("holds `{}`, which is not JSON: {error}", shorten(&text)))),
        }
    }

    /// A JSON list.
    pub(crate) fn json_list(&self, column: &str) -> Result<Vec<Json>, DbError> {
        match required(column, self.opt_json(column)?)? {
            Json::Array(list) => Ok(list),
            other => Err(corrupt(column, format_args!("holds `{}`, which is no list", shorten(&other.to_string())))),
        }
    }

    pub(crate) fn opt_json_map(&self, column: &str) -> Result<Option<JsonMap>, DbError> {
        match self.opt_json(column)? {
            None => Ok(None),
            Some(Json::Object(map)) => Ok(Some(map)),
            Some(other) => Err(corrupt(
                column,
                format_args!("holds `{}`, which is not a JSON object", shorten(&other.to_string())),
            )),
        }
    }

    pub(crate) fn json_map(&self, column: &str) -> Result<JsonMap, DbError> {
        required(column, self.opt_json_map(column)?)
    }

    /// A word of ours: a status, a level.
    pub(crate) fn word<T>(&self, column: &str, what: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, DbError> {
        let text = self.text(column)?;
        parse(&text).ok_or_else(|| corrupt(column, format_args!("holds `{}`, which is no {what}", shorten(&text))))
    }

    pub(crate) fn run_status(&self) -> Result<RunStatus, DbError> {
        self.word("status", "run status", RunStatus::parse)
    }

    pub(crate) fn log_level(&self) -> Result<LogLevel, DbError> {
        self.word("level", "log level", LogLevel::parse)
    }

    pub(crate) fn run_id(&self, column: &str) -> Result<RunId, DbError> {
        required(column, self.opt_run_id(column)?)
    }

    pub(crate) fn opt_run_id(&self, column: &str) -> Result<Option<RunId>, DbError> {
        let parse =
            |text: String| RunId::parse(&text).map_err(|error| corrupt(column, format_args!("is wrong: {error}")));
        self.opt_text(column)?.map(parse).transpose()
    }

    pub(crate) fn job_id(&self) -> Result<JobId, DbError> {
        JobId::new(&self.text("job_id")?).map_err(|error| corrupt("job_id", format_args!("is wrong: {error}")))
    }

    pub(crate) fn opt_step_name(&self, column: &str) -> Result<Option<StepName>, DbError> {
        let parse =
            |text: String| StepName::new(&text).map_err(|error| corrupt(column, format_args!("is wrong: {error}")));
        self.opt_text(column)?.map(parse).transpose()
    }
}

fn parse_at(column: &str, text: &str) -> Result<Instant, DbError> {
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|at| at.to_utc())
        .map_err(|_| corrupt(column, format_args!("holds `{}`, which is not an RFC 3339 instant", shorten(text))))
}

/// Reads the wire form: microseconds since 2000, whose two extremes mean infinity.
fn timestamptz(column: &str, bytes: &[u8]) -> Result<Instant, DbError> {
    let bytes: [u8; 8] = bytes.try_into().map_err(|_| corrupt(column, "is not a timestamp"))?;
    let micros = i64::from_be_bytes(bytes);
    let epoch = Instant::from_timestamp(946_684_800, 0).unwrap_or_default();
    match micros {
        i64::MIN | i64::MAX => Err(corrupt(column, "holds an infinite instant")),
        _ => epoch
            .checked_add_signed(TimeDelta::microseconds(micros))
            .ok_or_else(|| corrupt(column, "holds an instant out of range")),
    }
}

pub(crate) fn read_run(row: &StoredRow) -> Result<Run, DbError> {
    Ok(Run {
        id: row.run_id("id")?,
        job_id: row.job_id()?,
        status: row.run_status()?,
        reason: row.opt_text("reason")?,
        error: row.opt_text("error")?,
        triggered_by: row.text("triggered_by")?,
        schedule: row.opt_text("schedule")?,
        scheduled_at: row.opt_at("scheduled_at")?,
        replay_of: row.opt_run_id("replay_of")?,
        replay_from: row.opt_step_name("replay_from")?,
        queued_at: row.at("queued_at")?,
        started_at: row.opt_at("started_at")?,
        finished_at: row.opt_at("finished_at")?,
        rows_affected: row.int("rows_affected")?,
        step_count: row.count("step_count")?,
        steps_done: row.count("steps_done")?,
        log_level: row.word("log_level", "log level", LogLevel::parse)?,
        params: row.json_map("params")?,
        overrides: row.json_map("overrides")?,
        owner: row.text("owner")?,
        term: row.count("term")?,
        placement: row.text("placement")?,
        cancel_requested_by: row.opt_text("cancel_requested_by")?,
        cancel_requested_at: row.opt_at("cancel_requested_at")?,
    })
}

pub(crate) fn read_step(row: &StoredRow) -> Result<StepRun, DbError> {
    Ok(StepRun {
        run_id: row.run_id("run_id")?,
        index: row.count("step_index")?,
        name: required("step_name", row.opt_step_name("step_name")?)?,
        step_type: row.text("step_type")?,
        attempt: row.count("attempt")?,
        status: row.word("status", "step status", StepStatus::parse)?,
        reason: row.opt_text("reason")?,
        retry_at: row.opt_at("retry_at")?,
        started_at: row.opt_at("started_at")?,
        finished_at: row.opt_at("finished_at")?,
        rows_affected: row.opt_int("rows_affected")?,
        input: row.opt_json("input")?,
        output: row.opt_json_map("output")?,
        error: row.opt_json_map("error")?.map(|map| read_step_error(&map)).transpose()?,
        usage: row.opt_json_map("usage")?,
    })
}

pub(crate) fn read_log(row: &StoredRow) -> Result<LogLine, DbError> {
    Ok(LogLine {
        run_id: row.run_id("run_id")?,
        seq: row.count("seq")?,
        at: row.at("at")?,
        level: row.log_level()?,
        step: row.opt_step_name("step")?,
        attempt: row.count("attempt")?,
        message: row.text("message")?,
    })
}

pub(crate) fn read_slot(row: &StoredRow) -> Result<SlotRecord, DbError> {
    Ok(SlotRecord {
        slot: Slot { job_id: row.job_id()?, schedule: row.text("schedule")?, due_at: row.at("due_at")? },
        outcome: row.word("outcome", "slot outcome", SlotOutcome::parse)?,
        reason: row.opt_text("reason")?,
        run_id: row.opt_run_id("run_id")?,
        decided_at: row.at("decided_at")?,
    })
}

pub(crate) fn read_replica(row: &StoredRow) -> Result<Replica, DbError> {
    let presence = Presence {
        owner: row.text("owner")?,
        role: row.text("role")?,
        labels: row.texts("labels")?,
        url: row.opt_text("url")?,
        version: row.text("version")?,
        scheduler_enabled: row.flag("scheduler_enabled")?,
        room: row.count("room")?,
        started_at: row.at("started_at")?,
    };
    Ok(Replica { presence, beat: row.count("beat")?, seen_at: row.at("seen_at")? })
}

pub(crate) fn read_lease(row: &StoredRow) -> Result<Lease, DbError> {
    Ok(Lease {
        holder: row.text("holder")?,
        term: row.count("term")?,
        beat: row.count("beat")?,
        seen_at: row.at("heartbeat_at")?,
    })
}

/// The JSON object of the `error` column.
pub(crate) fn write_step_error(error: &StepError) -> JsonMap {
    let mut map = JsonMap::new();
    map.insert("kind".to_owned(), error.kind.as_str().into());
    map.insert("message".to_owned(), error.message.as_str().into());
    map.insert("detail".to_owned(), error.detail.as_str().into());
    map.insert("may_retry".to_owned(), error.may_retry.into());
    map
}

fn read_step_error(map: &JsonMap) -> Result<StepError, DbError> {
    let text = |key: &str| map.get(key).and_then(Json::as_str).unwrap_or_default();
    let kind = StepErrorKind::parse(text("kind"))
        .ok_or_else(|| corrupt("error", format_args!("holds the kind `{}`, which is none", shorten(text("kind")))))?;
    let mut error = StepError::new(kind, text("message")).with_detail(text("detail"));
    error.may_retry = map.get("may_retry").and_then(Json::as_bool).unwrap_or(error.may_retry);
    Ok(error)
}
