//! Search over the log lines of all runs. What may not be seen is left out by the search itself, so that a page is as full as
//! it can be and nobody learns from gaps. How words are looked for is `host_model::search`.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use host_model::JobId;
use host_model::log::LogLevel;
use host_model::search::{Found, Hit, LineSearch, Place, SearchError, Words};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::runs::words;
use crate::App;
use crate::auth::Caller;
use crate::error::{ApiError, Problem};
use crate::view::words::LogLevelWord;
use crate::view::{instant, read_instant};

const DEFAULT_HITS: u32 = 50;
const MOST_HITS: u32 = 500;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HitQuery {
    /// Words that have to be in a line, all of them, in any case and order. Between quotes, or joined by signs as in
    /// `schema.table`, words follow each other; `word*` is every word that begins so.
    #[param(example = "\"no such table\" f00*")]
    q: String,
    /// Job ids, separated by commas.
    job: Option<String>,
    /// This level and those above it.
    level: Option<String>,
    /// Said at or after.
    #[param(value_type = Option<String>, format = DateTime)]
    #[serde(default, deserialize_with = "read_instant")]
    from: Option<chrono::DateTime<chrono::Utc>>,
    /// Said before.
    #[param(value_type = Option<String>, format = DateTime)]
    #[serde(default, deserialize_with = "read_instant")]
    to: Option<chrono::DateTime<chrono::Utc>>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 500; 50 without one.
    limit: Option<u32>,
}

/// A line that fits.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogHit {
    run_id: String,
    job_id: String,
    /// Of the line in its run, from 0.
    number: u64,
    #[schema(format = DateTime)]
    at: String,
    #[schema(value_type = LogLevelWord)]
    level: &'static str,
    /// Null for a line of the run itself.
    step: Option<String>,
    text: String,
    /// Where the words are in `text`: begin and end in UTF-16 code units, as JavaScript counts.
    marks: Vec<[usize; 2]>,
}

/// A page of lines.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogHitPage {
    /// Those written last first.
    hits: Vec<LogHit>,
    /// For `cursor` of the next page; null on the last.
    next_cursor: Option<String>,
    /// The time of the search ran out before the page was full; `next_cursor` goes on from there.
    incomplete: bool,
    /// Lines said before this instant are not all in the index yet; null when everything is.
    #[schema(format = DateTime)]
    indexed_from: Option<String>,
}

/// Finds lines of all runs.
#[utoipa::path(get, path = "/admin/logs/search", tag = "logs", params(HitQuery),
    responses((status = 200, body = LogHitPage),
        (status = 503, body = Problem, content_type = "application/problem+json",
            description = "Too many wait for their turn; `Retry-After` says when to ask again")))]
pub(crate) async fn search(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<HitQuery>, QueryRejection>,
) -> Result<Json<LogHitPage>, ApiError> {
    let Query(query) = query?;
    let asked = words(query.job.as_ref()).map(JobId::new).collect::<Result<Vec<JobId>, _>>();
    let asked = asked.map_err(|error| ApiError::invalid(error.to_string()))?;
    let jobs = match caller.permissions.only_jobs() {
        // Jobs that may not be seen are as good as jobs that do not exist.
        Some(only) => Some(only.into_iter().filter(|job| asked.is_empty() || asked.contains(job)).collect()),
        None => (!asked.is_empty()).then(|| asked.into_iter().collect()),
    };
    let level = query.level.as_ref().filter(|text| !text.is_empty()).map(|text| {
        let known = LogLevel::ALL.map(LogLevel::as_str).join(", ");
        LogLevel::parse(text).ok_or_else(|| ApiError::invalid(format!("level is `{text}`; allowed are {known}")))
    });
    let before = query.cursor.as_ref().map(|text| {
        let why = || ApiError::invalid(format!("cursor is `{text}`; allowed is the `next_cursor` of a page"));
        Place::parse(text).ok_or_else(why)
    });
    let search = LineSearch {
        words: Words::parse(&query.q).map_err(|error| ApiError::invalid(format!("q: {error}")))?,
        jobs,
        level: level.transpose()?,
        from: query.from,
        to: query.to,
        before: before.transpose()?,
        limit: query.limit.unwrap_or(DEFAULT_HITS).clamp(1, MOST_HITS),
    };
    let Found { hits, next, is_cut, indexed_from } = app.search.search(&search).await.map_err(refusal)?;
    Ok(Json(LogHitPage {
        hits: hits.into_iter().map(LogHit::from).collect(),
        next_cursor: next.map(|place| place.to_string()),
        incomplete: is_cut,
        indexed_from: indexed_from.map(instant),
    }))
}

fn refusal(error: SearchError) -> ApiError {
    match error {
        SearchError::Store(error) => error.into(),
        SearchError::Busy { waiting, again } => {
            let detail = format!("too many searches at once: {waiting} wait for their turn already");
            let problem = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "search-busy", detail);
            problem.retry_after(again).with("hint", format!("ask again in {} s", again.as_secs()))
        }
    }
}

impl From<Hit> for LogHit {
    fn from(hit: Hit) -> Self {
        let text = hit.line.message;
        let (mut bytes, mut units) = (0, 0);
        // Marks come in order, so each part of the text is counted once.
        let mut unit_at = |byte: usize| {
            units += text[bytes..byte].encode_utf16().count();
            bytes = byte;
            units
        };
        let marks = hit.marks.into_iter().map(|mark| [unit_at(mark.start), unit_at(mark.end)]).collect();
        Self {
            run_id: hit.line.run_id.to_string(),
            job_id: hit.job_id.to_string(),
            number: hit.line.seq,
            at: instant(hit.line.at),
            level: hit.line.level.as_str(),
            step: hit.line.step.map(|step| step.to_string()),
            text,
            marks,
        }
    }
}
