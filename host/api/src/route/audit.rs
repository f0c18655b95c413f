//! The audit trail, for those who may do everything: list, verify, export. Nothing here writes.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use host_model::JsonMap;
use host_model::audit::{AuditEntry, AuditFilter, AuditOutcome};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::error::ApiError;
use crate::view::words::AuditOutcomeWord;
use crate::view::{instant, read_instant};

const DEFAULT_ENTRIES: u32 = 100;
const MOST_ENTRIES: u32 = 1000;
/// Entries that are read at once while the trail is exported.
const PAGE: u32 = 500;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    user: Option<String>,
    action: Option<String>,
    object: Option<String>,
    outcome: Option<String>,
    #[param(value_type = Option<String>, format = DateTime)]
    #[serde(default, deserialize_with = "read_instant")]
    from: Option<chrono::DateTime<chrono::Utc>>,
    #[param(value_type = Option<String>, format = DateTime)]
    #[serde(default, deserialize_with = "read_instant")]
    to: Option<chrono::DateTime<chrono::Utc>>,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// What somebody did, or tried to do.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct EntryView {
    seq: u64,
    #[schema(format = DateTime)]
    at: String,
    user: String,
    source: String,
    address: String,
    action: String,
    object: String,
    #[schema(value_type = AuditOutcomeWord)]
    outcome: &'static str,
    #[schema(value_type = Object)]
    detail: JsonMap,
}

/// A page of the trail.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditPage {
    entries: Vec<EntryView>,
    /// For `cursor` of the next page; null on the last.
    next_cursor: Option<String>,
}

/// Who signed in, changed or set off what, newest first. An entry that is `begun` has not ended, or its process has.
#[utoipa::path(get, path = "/admin/audit", tag = "audit", params(ListQuery), responses((status = 200, body = AuditPage)))]
pub(crate) async fn list(
    State(app): State<App>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<AuditPage>, ApiError> {
    let Query(query) = query?;
    let limit = query.limit.unwrap_or(DEFAULT_ENTRIES);
    if limit == 0 || limit > MOST_ENTRIES {
        return Err(ApiError::invalid(format!("`limit` is {limit}; allowed are 1 to {MOST_ENTRIES}")));
    }
    let before = query.cursor.map(|text| {
        let seq = text.parse::<u64>();
        seq.map_err(|_| ApiError::invalid(format!("`{text}` is no `cursor`; send `next_cursor` of the page before")))
    });
    let outcome = query.outcome.map(|word| {
        let allowed = AuditOutcome::ALL.map(|outcome| format!("`{}`", outcome.as_str())).join(", ");
        let unknown = || ApiError::invalid(format!("`outcome` is `{word}`; allowed are {allowed}"));
        AuditOutcome::parse(&word).ok_or_else(unknown)
    });
    let filter = AuditFilter {
        user: query.user,
        action: query.action,
        object: query.object,
        outcome: outcome.transpose()?,
        from: query.from,
        to: query.to,
        before: before.transpose()?,
        // One more says whether there is another page.
        limit: limit + 1,
    };
    let mut entries = app.audit.list(&filter).await?;
    let has_more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    let next = entries.last().filter(|_| has_more).map(|entry| entry.seq.to_string());
    Ok(Json(AuditPage { entries: entries.into_iter().map(view).collect(), next_cursor: next }))
}

/// An entry together with what closed it.
fn view(entry: AuditEntry) -> EntryView {
    let mut draft = entry.draft;
    if let Some(closing) = entry.closing {
        draft.outcome = closing.outcome;
        draft.detail.extend(closing.detail);
        if draft.object.is_empty() {
            draft.object = closing.object;
        }
    }
    EntryView {
        seq: entry.seq,
        at: instant(draft.at),
        user: draft.user,
        source: draft.source,
        address: draft.address,
        action: draft.action,
        object: draft.object,
        outcome: draft.outcome.as_str(),
        detail: draft.detail,
    }
}

/// What the chain of hashes says.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditVerdict {
    ok: bool,
    entries: u64,
    /// The first entry that is wrong.
    broken_at: Option<u64>,
    #[schema(value_type = Option<String>)]
    why: Option<&'static str>,
    last: AuditLast,
}

/// The newest entry.
#[derive(Serialize, ToSchema)]
struct AuditLast {
    seq: u64,
    hash: String,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct VerifyQuery {
    /// `SEQ:HASH` of an entry that must still be there.
    expect: Option<String>,
}

/// Goes along the whole chain of hashes.
#[utoipa::path(get, path = "/admin/audit/verify", tag = "audit", params(VerifyQuery), responses((status = 200, body = AuditVerdict)))]
pub(crate) async fn verify(
    State(app): State<App>,
    query: Result<Query<VerifyQuery>, QueryRejection>,
) -> Result<Json<AuditVerdict>, ApiError> {
    let Query(query) = query?;
    let verdict = app.audit.verify().await?;
    let mut broken_at = verdict.broken_at;
    let mut why = broken_at.map(|_| "it was changed, or one before it was taken out");
    if let Some(expected) = query.expect {
        let parts = expected.split_once(':').and_then(|(seq, hash)| Some((seq.parse::<u64>().ok()?, hash.to_owned())));
        let Some((seq, hash)) = parts.filter(|(seq, _)| *seq > 0) else {
            return Err(ApiError::invalid(format!("`expect` is `{expected}`; it must be `SEQ:HASH`")));
        };
        let found = app.audit.page(seq - 1, 1).await?.into_iter().next();
        let is_there = found.is_some_and(|entry| entry.seq == seq && entry.hash == hash);
        if broken_at.is_none() && !is_there {
            broken_at = Some(seq);
            why = Some("it is not there any more, or another one is in its place");
        }
    }
    let (seq, hash) = verdict.last;
    let last = AuditLast { seq, hash };
    Ok(Json(AuditVerdict { ok: broken_at.is_none(), entries: verdict.entries, broken_at, why, last }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportQuery {
    #[serde(default)]
    after: u64,
}

/// Every entry as it is kept, oldest first, one JSON object a line.
#[utoipa::path(get, path = "/admin/audit/export", tag = "audit", responses((status = 200, content_type = "application/x-ndjson")))]
pub(crate) async fn export(
    State(app): State<App>,
    query: Result<Query<ExportQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query?;
    // The first page before the answer begins, so that a store that does not answer is a problem like any other.
    let first = app.audit.page(query.after, PAGE).await?;
    let pages = stream::try_unfold((app, Some(first)), async |(app, page)| {
        let Some(page) = page else { return Ok(None) };
        let Some(last) = page.last().map(|entry| entry.seq) else { return Ok(None) };
        let text: String = page.iter().map(|entry| line(entry) + "\n").collect();
        let next = app.audit.page(last, PAGE).await.map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>(Some((Bytes::from(text), (app, Some(next)))))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"nomaflow-audit.ndjson\""),
    ];
    Ok((headers, Body::from_stream(pages)).into_response())
}

fn line(entry: &AuditEntry) -> String {
    let draft = &entry.draft;
    let object = json!({
        "seq": entry.seq,
        "at": instant(draft.at),
        "user": draft.user,
        "source": draft.source,
        "address": draft.address,
        "action": draft.action,
        "object": draft.object,
        "outcome": draft.outcome.as_str(),
        "detail": draft.detail,
        "closes": draft.closes,
        "previous": entry.previous,
        "hash": entry.hash,
    });
    object.to_string()
}
