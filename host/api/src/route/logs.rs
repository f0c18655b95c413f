//! The log of one run: by number, searched and counted; as a file in `log_file`. Searching happens here, in pieces of bounded size, so
//! that a page never needs the lines it does not show.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use futures_util::stream::{self, StreamExt};
use host_model::history::{LineFilter, LineOrigin};
use host_model::log::LogLevel;
use host_model::{Run, StepName};
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::runs::{no_such_run, run_id, words};
use crate::App;
use crate::error::{ApiError, Id};
use crate::view::run::LineView;
use crate::view::words::LogLevelWord;

const DEFAULT_LINES: u32 = 1000;
/// A page of the longest lines stays within some 40 MB; whoever wants more asks again from where it ended.
const MOST_LINES: u32 = 2_500;
/// Spans of lines in one request.
const MOST_SPANS: usize = 200;
/// Parts a log may be counted in.
const MOST_PARTS: u32 = 1_000;
/// Lines read at once while searching.
const PIECE: u32 = 5_000;
/// Pieces that are read while one is looked through.
const AHEAD: usize = 2;
/// Numbers in the answer of a search; the count goes on beyond.
const MOST_HITS: usize = 100_000;
/// Longest text or pattern to look for, in bytes.
const LONGEST_QUERY: usize = 1_000;
/// Memory a compiled pattern may take.
const PATTERN_BYTES: usize = 1 << 20;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogQuery {
    /// The first line, by number from 0.
    from: Option<u64>,
    /// 1 to 2500; 1000 without one.
    limit: Option<u32>,
    /// This level and those above it.
    level: Option<String>,
    /// Lines of these steps, separated by commas.
    step: Option<String>,
    /// Lines of this attempt.
    attempt: Option<u32>,
    /// `steps`: written by a step; `run`: by Nomaflow about the run.
    origin: Option<String>,
    /// These lines in place of all that, as numbers and spans: `10-16,40`. At most 200 spans and 2500 lines.
    lines: Option<String>,
}

/// Lines of a run.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogPage {
    run_id: String,
    from: u64,
    /// Lines of the whole log.
    total: u64,
    lines: Vec<LineView>,
}

/// Log lines by number.
#[utoipa::path(get, path = "/admin/jobs/runs/{id}/logs", tag = "logs",
    params(("id" = String, Path, description = "A run"), LogQuery), responses((status = 200, body = LogPage)))]
pub(crate) async fn page(
    State(app): State<App>,
    Id(id): Id,
    query: Result<Query<LogQuery>, QueryRejection>,
) -> Result<Json<LogPage>, ApiError> {
    let Query(query) = query?;
    let run = find(&app, &id).await?;
    let filter = read_filter(query.level.as_ref(), query.step.as_ref(), query.attempt, query.origin.as_ref())?;
    let from = query.from.unwrap_or(0);
    let limit = query.limit.unwrap_or(DEFAULT_LINES).clamp(1, MOST_LINES);
    let lines = match &query.lines {
        Some(text) => {
            let mut lines = Vec::new();
            for (from, count) in spans(text)? {
                lines.extend(app.engine.store().list_logs(run.id, from, count).await?);
            }
            lines
        }
        None if filter.is_open() => app.engine.store().list_logs(run.id, from, limit).await?,
        None => app.history.list_lines(run.id, from, limit, &filter).await?,
    };
    let total = app.engine.store().count_logs(run.id).await?;
    Ok(Json(LogPage { run_id: id, from, total, lines: lines.iter().map(LineView::from).collect() }))
}

pub(super) async fn find(app: &App, id: &str) -> Result<Run, ApiError> {
    let id = run_id(id)?;
    app.engine.store().find_run(id).await?.ok_or_else(|| no_such_run(id))
}

/// The first line and the length of each span.
fn spans(text: &str) -> Result<Vec<(u64, u32)>, ApiError> {
    let invalid = || ApiError::invalid(format!("lines is `{text}`; it must be like `10-16,40`"));
    let mut spans = Vec::new();
    let mut total = 0;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.parse::<u64>().map_err(|_| invalid())?, last.parse::<u64>().map_err(|_| invalid())?);
        let count =
            last.checked_sub(first).and_then(|more| u32::try_from(more).ok()?.checked_add(1)).ok_or_else(invalid)?;
        total += u64::from(count);
        spans.push((first, count));
    }
    if spans.len() > MOST_SPANS || total > u64::from(MOST_LINES) {
        let detail =
            format!("lines has {} spans of {total} lines; allowed are {MOST_SPANS} and {MOST_LINES}", spans.len());
        return Err(ApiError::invalid(detail));
    }
    Ok(spans)
}

pub(super) fn read_filter(
    level: Option<&String>,
    steps: Option<&String>,
    attempt: Option<u32>,
    origin: Option<&String>,
) -> Result<LineFilter, ApiError> {
    let level = level.filter(|text| !text.is_empty()).map(|text| {
        let known = LogLevel::ALL.map(LogLevel::as_str).join(", ");
        LogLevel::parse(text).ok_or_else(|| ApiError::invalid(format!("level is `{text}`; allowed are {known}")))
    });
    let steps = words(steps).map(StepName::new).collect::<Result<_, _>>();
    let origin = origin.filter(|text| !text.is_empty()).map(|text| {
        let unknown = || ApiError::invalid(format!("origin is `{text}`; allowed are `steps` and `run`"));
        LineOrigin::parse(text).ok_or_else(unknown)
    });
    let steps = steps.map_err(|error| ApiError::invalid(error.to_string()))?;
    Ok(LineFilter { level: level.transpose()?, steps, attempt, origin: origin.transpose()? })
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchQuery {
    /// What to look for; without it, every line the other filters let through.
    q: Option<String>,
    /// `q` is a regular expression.
    #[serde(default)]
    regex: bool,
    /// Upper and lower case differ.
    #[serde(default)]
    case: bool,
    /// This level and those above it.
    level: Option<String>,
    /// Lines of these steps, separated by commas.
    step: Option<String>,
    /// Lines of this attempt.
    attempt: Option<u32>,
    /// `steps`: written by a step; `run`: by Nomaflow about the run.
    origin: Option<String>,
    /// The first line to look at, by number from 0.
    #[serde(default)]
    from: u64,
}

/// The lines that fit.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogHits {
    /// How many fit.
    total: u64,
    /// More fit than there are numbers here.
    truncated: bool,
    /// Their numbers, in order.
    numbers: Vec<u64>,
    /// The lines looked at end before this one; a run in flight goes on.
    end: u64,
}

/// Finds lines of one run.
#[utoipa::path(get, path = "/admin/jobs/runs/{id}/logs/search", tag = "logs",
    params(("id" = String, Path, description = "A run"), SearchQuery), responses((status = 200, body = LogHits)))]
pub(crate) async fn search(
    State(app): State<App>,
    Id(id): Id,
    query: Result<Query<SearchQuery>, QueryRejection>,
) -> Result<Json<LogHits>, ApiError> {
    let Query(query) = query?;
    let run = find(&app, &id).await?;
    let filter = read_filter(query.level.as_ref(), query.step.as_ref(), query.attempt, query.origin.as_ref())?;
    let pattern = pattern(&query)?;
    let having = query.q.filter(|text| !query.regex && !text.is_empty());
    let total = app.engine.store().count_logs(run.id).await?;
    let mut hits = LogHits { total: 0, truncated: false, numbers: Vec::new(), end: total };
    let read = |from| {
        let (history, filter, having) = (app.history.clone(), filter.clone(), having.clone());
        async move { history.scan_lines(run.id, from, PIECE, &filter, having.as_deref()).await }
    };
    let mut pieces = stream::iter((query.from..total).step_by(PIECE as usize).map(read)).buffered(AHEAD);
    while let Some(piece) = pieces.next().await {
        for (number, line) in piece?.lines() {
            if pattern.as_ref().is_none_or(|pattern| pattern.is_match(line)) {
                hits.total += 1;
                if hits.numbers.len() < MOST_HITS {
                    hits.numbers.push(number);
                }
            }
        }
        // Matching a piece takes about a millisecond; others get their turn in between.
        tokio::task::yield_now().await;
    }
    hits.truncated = hits.total > hits.numbers.len() as u64;
    Ok(Json(hits))
}

/// Plain text is a pattern too: the engine has its fast ways for it, in any case.
fn pattern(query: &SearchQuery) -> Result<Option<Regex>, ApiError> {
    let text = query.q.as_deref().unwrap_or_default();
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > LONGEST_QUERY {
        return Err(ApiError::invalid(format!("q has {} bytes; allowed are {LONGEST_QUERY}", text.len())));
    }
    let source = if query.regex { text.to_owned() } else { regex::escape(text) };
    let built = RegexBuilder::new(&source).case_insensitive(!query.case).size_limit(PATTERN_BYTES).build();
    built.map(Some).map_err(|error| {
        // Its first lines draw the pattern; the last one says what is wrong.
        let text = error.to_string();
        let why = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        ApiError::invalid(format!("q is no regular expression: {why}"))
    })
}

/// Lines of one level.
#[derive(Serialize, ToSchema)]
pub(crate) struct LevelCount {
    #[schema(value_type = LogLevelWord)]
    level: &'static str,
    count: u64,
}

/// Lines of one attempt.
#[derive(Serialize, ToSchema)]
pub(crate) struct StepLines {
    /// Position of the step; null for lines of the run itself.
    index: Option<u32>,
    step: Option<String>,
    attempt: u32,
    /// Number of its first line.
    first: u64,
    count: u64,
}

/// How the log of a run is made up.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogCounts {
    total: u64,
    /// Every level, in rising order.
    by_level: Vec<LevelCount>,
    /// In the order of their first lines.
    by_step: Vec<StepLines>,
}

/// Counts lines by level and by attempt.
#[utoipa::path(get, path = "/admin/jobs/runs/{id}/logs/counts", tag = "logs",
    params(("id" = String, Path, description = "A run")), responses((status = 200, body = LogCounts)))]
pub(crate) async fn counts(State(app): State<App>, Id(id): Id) -> Result<Json<LogCounts>, ApiError> {
    let run = find(&app, &id).await?;
    let steps = app.engine.store().list_steps(run.id).await?;
    let groups = app.history.count_lines(run.id).await?;
    let by_level = LogLevel::ALL.map(|level| LevelCount {
        level: level.as_str(),
        count: groups.iter().filter(|group| group.level == level).map(|group| group.count).sum(),
    });
    let mut by_step: Vec<StepLines> = Vec::new();
    for group in &groups {
        let name = group.step.as_ref().map(|step| step.as_str());
        match by_step.iter_mut().find(|lines| lines.step.as_deref() == name && lines.attempt == group.attempt) {
            Some(lines) => {
                lines.count += group.count;
                lines.first = lines.first.min(group.first);
            }
            None => by_step.push(StepLines {
                index: steps.iter().find(|step| Some(step.name.as_str()) == name).map(|step| step.index),
                step: name.map(str::to_owned),
                attempt: group.attempt,
                first: group.first,
                count: group.count,
            }),
        }
    }
    by_step.sort_by_key(|lines| lines.first);
    let total = groups.iter().map(|group| group.count).sum();
    Ok(Json(LogCounts { total, by_level: by_level.into(), by_step }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DensityQuery {
    /// 1 to 1000; 200 without one.
    parts: Option<u32>,
}

/// Where a run warned and failed: its log in parts of the same length.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogDensity {
    /// Lines of the whole log.
    total: u64,
    /// Warnings of each part.
    warnings: Vec<u64>,
    /// Errors of each part.
    errors: Vec<u64>,
}

/// Counts warnings and errors along the log.
#[utoipa::path(get, path = "/admin/jobs/runs/{id}/logs/density", tag = "logs",
    params(("id" = String, Path, description = "A run"), DensityQuery), responses((status = 200, body = LogDensity)))]
pub(crate) async fn density(
    State(app): State<App>,
    Id(id): Id,
    query: Result<Query<DensityQuery>, QueryRejection>,
) -> Result<Json<LogDensity>, ApiError> {
    let Query(query) = query?;
    let run = find(&app, &id).await?;
    let total = app.engine.store().count_logs(run.id).await?;
    let parts = query.parts.unwrap_or(200).clamp(1, MOST_PARTS);
    let of_none = vec![0; parts as usize];
    let mut answer = LogDensity { total, warnings: of_none.clone(), errors: of_none };
    if total > 0 {
        for found in app.history.line_density(run.id, total, parts).await? {
            let list = if found.level == LogLevel::Error { &mut answer.errors } else { &mut answer.warnings };
            if let Some(count) = list.get_mut(found.part as usize) {
                *count = found.count;
            }
        }
    }
    Ok(Json(answer))
}
