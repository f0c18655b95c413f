//! Many runs as a picture and as a file: one dot per run over time and length, or counts where that would be too many; and
//! everything a filter finds as CSV or NDJSON, read from the store piece by piece while it is sent.

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::stream;
use host_model::history::{DrawnRun, FoundRuns, LENGTHS, RunCell};
use host_model::run::RunFilter;
use host_model::{Instant, Run};
use serde::Serialize;
use utoipa::ToSchema;

use super::runs::{ListQuery, PATIENCE, read_filter, searched_to};
use crate::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::view::instant;
use crate::view::run::RunSummary;
use crate::view::words::RunStatusWord;

/// Above so many runs they are counted instead.
const MOST_DOTS: u32 = 2_000;
/// Stretches of time that runs are counted in.
const STRETCHES: u32 = 120;
/// Runs read at once for a file.
const PIECE: u32 = 500;

/// One run of the picture.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunDot {
    id: String,
    job_id: String,
    #[schema(value_type = RunStatusWord)]
    status: &'static str,
    #[schema(format = DateTime)]
    queued_at: String,
    /// How long it ran; null when it has not begun or not ended.
    seconds: Option<f64>,
}

impl From<&DrawnRun> for RunDot {
    fn from(run: &DrawnRun) -> Self {
        Self {
            id: run.id.to_string(),
            job_id: run.job_id.to_string(),
            status: run.status.as_str(),
            queued_at: instant(run.queued_at),
            seconds: run.seconds,
        }
    }
}

/// Runs of one state and about one length in one stretch of time.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunCount {
    #[schema(format = DateTime)]
    from: String,
    #[schema(format = DateTime)]
    to: String,
    #[schema(value_type = RunStatusWord)]
    status: &'static str,
    /// They took at least so long; null for runs that have not begun or not ended.
    seconds: Option<u32>,
    count: u64,
}

/// The runs of a filter over time and length.
#[derive(Serialize, ToSchema, Default)]
pub(crate) struct RunPlot {
    /// How many were found.
    total: u64,
    /// When the oldest was queued; null when there is none.
    #[schema(format = DateTime)]
    from: Option<String>,
    /// When the newest was queued.
    #[schema(format = DateTime)]
    to: Option<String>,
    /// Each of them, newest first; empty above 2,000.
    runs: Vec<RunDot>,
    /// Above 2,000 they are counted here; else empty.
    counts: Vec<RunCount>,
    /// Runs queued before about this instant were not looked at, because the time ran out; null when all were.
    #[schema(format = DateTime)]
    searched_to: Option<String>,
}

fn at(seconds: i64) -> String {
    Instant::from_timestamp(seconds, 0).map(instant).unwrap_or_default()
}

/// The runs a filter finds as points over time and length; above 2,000 as counts. The newest are looked at first, as far back as
/// a short time allows. `before` and `limit` do not count.
#[utoipa::path(get, path = "/admin/jobs/runs/plot", tag = "runs", params(ListQuery), responses((status = 200, body = RunPlot)))]
pub(crate) async fn show(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<RunPlot>, ApiError> {
    let Query(query) = query?;
    let Some(filter) = read_filter(&app, &caller, query)? else { return Ok(Json(RunPlot::default())) };
    let filter = RunFilter { before: None, ..filter };
    let picture = app.history.draw_runs(&filter, MOST_DOTS, STRETCHES, PATIENCE).await?;
    let width = i64::from(picture.width_seconds);
    let count = |cell: &RunCell| RunCount {
        from: at(cell.slot * width),
        to: at((cell.slot + 1) * width),
        status: cell.status.as_str(),
        seconds: cell.length.map(|index| match index.checked_sub(1) {
            Some(below) => LENGTHS.get(below as usize).copied().unwrap_or_default(),
            None => 0,
        }),
        count: cell.count,
    };
    Ok(Json(RunPlot {
        total: picture.total,
        from: picture.first.map(instant),
        to: picture.last.map(instant),
        runs: picture.runs.iter().map(RunDot::from).collect(),
        counts: picture.cells.iter().map(count).collect(),
        searched_to: picture.searched_to.and_then(searched_to),
    }))
}

#[derive(Clone, Copy)]
enum Format {
    Csv,
    Ndjson,
}

/// The runs a filter finds as a table, newest first. `limit` does not count.
#[utoipa::path(get, path = "/admin/jobs/runs/export.csv", tag = "runs", params(ListQuery),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn csv(
    app: State<App>,
    caller: Extension<Caller>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    export(app, caller, query, Format::Csv).await
}

/// The runs a filter finds, one JSON document a line, newest first. `limit` does not count.
#[utoipa::path(get, path = "/admin/jobs/runs/export.ndjson", tag = "runs", params(ListQuery),
    responses((status = 200, content_type = "application/x-ndjson", body = String)))]
pub(crate) async fn ndjson(
    app: State<App>,
    caller: Extension<Caller>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    export(app, caller, query, Format::Ndjson).await
}

async fn export(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<ListQuery>, QueryRejection>,
    format: Format,
) -> Result<Response, ApiError> {
    let Query(query) = query?;
    let filter = read_filter(&app, &caller, query)?.map(|filter| RunFilter { limit: PIECE, ..filter });
    // The first piece before the answer begins, so that a store that does not answer is a problem like any other.
    let first = match &filter {
        Some(filter) => app.history.find_runs(filter, PATIENCE).await?,
        None => FoundRuns::default(),
    };
    let pieces = stream::try_unfold((app, Some(first)), move |(app, found)| {
        let filter = filter.clone();
        async move {
            let Some(FoundRuns { runs, next, .. }) = found else { return Ok(None) };
            let text = Bytes::from(runs.iter().map(|run| line(run, format)).collect::<String>());
            let next = match filter.zip(next) {
                Some((filter, next)) => {
                    let older = RunFilter { before: Some(next), ..filter };
                    Some(app.history.find_runs(&older, PATIENCE).await.map_err(std::io::Error::other)?)
                }
                None => None,
            };
            Ok::<_, std::io::Error>(Some((text, (app, next))))
        }
    });
    let (kind, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"runs.csv\""),
        Format::Ndjson => ("application/x-ndjson", "attachment; filename=\"runs.ndjson\""),
    };
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)];
    let body = match format {
        Format::Csv => {
            use futures_util::StreamExt as _;
            Body::from_stream(stream::iter([Ok(Bytes::from(COLUMNS))]).chain(pieces))
        }
        Format::Ndjson => Body::from_stream(pieces),
    };
    Ok((headers, body).into_response())
}

const COLUMNS: &str = "id,job_id,status,triggered_by,schedule,scheduled_at,queued_at,started_at,finished_at,seconds,\
                       steps_done,step_count,rows_affected,log_level,reason,error\r\n";

fn line(run: &Run, format: Format) -> String {
    if matches!(format, Format::Ndjson) {
        // Strings and numbers always render.
        return serde_json::to_string(&RunSummary::from(run)).unwrap_or_default() + "\n";
    }
    let time = |at: Option<Instant>| at.map(instant).unwrap_or_default();
    let took = run.started_at.zip(run.finished_at).map(|(from, to)| (to - from).as_seconds_f64().max(0.0));
    let fields = [
        run.id.to_string(),
        run.job_id.to_string(),
        run.status.as_str().to_owned(),
        run.triggered_by.clone(),
        run.schedule.clone().unwrap_or_default(),
        time(run.scheduled_at),
        instant(run.queued_at),
        time(run.started_at),
        time(run.finished_at),
        took.map(|seconds| format!("{seconds:.3}")).unwrap_or_default(),
        run.steps_done.to_string(),
        run.step_count.to_string(),
        run.rows_affected.to_string(),
        run.log_level.as_str().to_owned(),
        run.reason.clone().unwrap_or_default(),
        run.error.clone().unwrap_or_default(),
    ];
    fields.map(|field| quoted(&field)).join(",") + "\r\n"
}

/// RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe in front.
fn quoted(text: &str) -> String {
    let shown = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err() {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if shown.contains([',', '"', '\n', '\r']) { format!("\"{}\"", shown.replace('"', "\"\"")) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_field_of_a_table_is_quoted_where_it_has_to_be_and_never_a_formula() {
        assert_eq!(quoted("plain text"), "plain text");
        assert_eq!(quoted("a, \"b\"\nc"), "\"a, \"\"b\"\"\nc\"");
        assert_eq!((quoted("=1+1"), quoted("-5")), ("'=1+1".to_owned(), "-5".to_owned()));
    }
}
