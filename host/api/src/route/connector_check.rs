//! Has a database look at a query that nobody runs yet: the editor's question while SQL is written.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use host_model::desk::{StatementReport, Verdict};
use host_model::{CancelToken, StepErrorKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::connectors::{Giving, no_such_connector};
use super::jobs::Given;
use crate::App;
use crate::error::{ApiError, Id};

/// Longest that anybody waits for a database to look.
const LONGEST: Duration = Duration::from_secs(20);

/// The body of a check.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct QueryCheckBody {
    /// As a step writes it: SQL, or the name of a query of the connector (`name`, `name:write`).
    #[schema(example = "select * from flights where origin = :origin")]
    query: String,
}

/// What a database makes of a statement.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatementWord {
    /// It knows everything the statement names.
    Sound,
    /// It would refuse it.
    Wrong,
    /// Nobody can tell without running it.
    Unknown,
}

/// A column of a result.
#[derive(Serialize, ToSchema)]
pub(crate) struct ResultColumnView {
    name: String,
    /// Its type in the words of the database.
    #[serde(rename = "type")]
    kind: String,
}

/// A statement that was looked at.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatementView {
    /// Its first word, in lower case.
    keyword: String,
    /// Where it begins, or where its mistake is: the line, from 1.
    line: u32,
    /// The same in characters, from 1.
    column: u32,
    /// The names of its `:name` parameters.
    params: Vec<String>,
    verdict: StatementWord,
    /// What it would return, as far as that can be known.
    columns: Vec<ResultColumnView>,
    /// What is wrong with it, or why nobody can tell.
    message: Option<String>,
    hint: Option<String>,
}

impl From<StatementReport> for StatementView {
    fn from(report: StatementReport) -> Self {
        let (verdict, columns, message, hint) = match report.verdict {
            Verdict::Sound { columns } => (StatementWord::Sound, columns, None, None),
            Verdict::Wrong { message, hint } => (StatementWord::Wrong, Vec::new(), Some(message), hint),
            Verdict::Unknown { why } => (StatementWord::Unknown, Vec::new(), Some(why), None),
        };
        Self {
            keyword: report.keyword,
            line: report.line,
            column: report.column,
            params: report.params,
            verdict,
            columns: columns
                .into_iter()
                .map(|column| ResultColumnView { name: column.name, kind: column.kind })
                .collect(),
            message,
            hint,
        }
    }
}

/// What a database makes of a query.
#[derive(Serialize, ToSchema)]
pub(crate) struct QueryCheckView {
    /// Whether it would refuse none of it.
    ok: bool,
    /// In their order.
    statements: Vec<StatementView>,
}

/// Has the database prepare each statement of a query. None is run.
#[utoipa::path(post, path = "/admin/connectors/{name}/check", tag = "connectors",
    params(("name" = String, Path, description = "A connector")), request_body = QueryCheckBody,
    responses((status = 200, body = QueryCheckView)))]
pub(crate) async fn check(
    State(app): State<App>,
    Id(name): Id,
    Given(QueryCheckBody { query }): Given<QueryCheckBody>,
) -> Result<Json<QueryCheckView>, ApiError> {
    let known = app.connectors.list_connectors().into_iter().find(|entry| entry.name == name);
    if known.ok_or_else(|| no_such_connector(&name))?.dialect.is_none() {
        return Err(ApiError::invalid(format!("connector `{name}` is a directory and takes no SQL")));
    }
    let giving = Giving(CancelToken::new());
    let looked = tokio::time::timeout(LONGEST, app.connectors.check_query(&name, &query, &giving.0)).await;
    let reports = looked.map_err(|_| {
        let text = format!("connector `{name}` did not answer within {} s", LONGEST.as_secs());
        ApiError::new(StatusCode::GATEWAY_TIMEOUT, "connector-failed", text)
    })?;
    let reports = reports.map_err(|error| {
        let status = match error.kind {
            StepErrorKind::Definition | StepErrorKind::Denied => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::BAD_GATEWAY,
        };
        ApiError::new(status, "connector-failed", error.message)
    })?;
    let ok = !reports.iter().any(|report| matches!(report.verdict, Verdict::Wrong { .. }));
    Ok(Json(QueryCheckView { ok, statements: reports.into_iter().map(StatementView::from).collect() }))
}
