//! Databases and directories: what is declared and who uses it, whether it works, what is in it. No credential is known
//! here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use host_model::desk::{ConnectorEntry, SAMPLE_SECONDS, TestReport};
use host_model::{CancelToken, Job, StepErrorKind, StepSpec};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::auth::Caller;
use crate::error::{ApiError, Id};
use crate::view::instant;
use crate::view::words::DialectWord;

/// Most tables of an answer.
const MOST_TABLES: usize = 1_000;

/// How far a pool is used.
#[derive(Serialize, ToSchema)]
pub(crate) struct PoolView {
    name: String,
    size: u32,
    /// Connections that steps have in the process that answers.
    in_use: u32,
    /// Steps that wait for one there.
    waiting: u32,
}

/// A test, as it was remembered by the process that answers.
#[derive(Serialize, ToSchema, Clone)]
pub(crate) struct LastTest {
    #[schema(format = DateTime)]
    at: String,
    ok: bool,
    /// Of the stage that failed, or the server's version.
    detail: String,
    ms: f64,
}

/// A connector.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectorView {
    name: String,
    /// `sql` or `ldap`.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: &'static str,
    #[schema(value_type = Option<DialectWord>)]
    dialect: Option<&'static str>,
    /// Where it leads, without credentials.
    target: Option<String>,
    read_only: bool,
    pool: Option<PoolView>,
    /// Ids of the jobs that name it, as far as the caller may see them.
    used_by: Vec<String>,
    last_test: Option<LastTest>,
}

/// Every connector.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectorList {
    /// By name.
    connectors: Vec<ConnectorView>,
}

/// The latest test of each connector, for as long as the process lives.
#[derive(Default)]
pub(crate) struct LastTests(Mutex<HashMap<String, LastTest>>);

/// Whether a step names a connector.
fn names(job: &Job, connector: &str) -> bool {
    job.steps.iter().any(|step| match &step.spec {
        StepSpec::SqlQuery(query) => query.connector == connector,
        StepSpec::SqlCopy(copy) => copy.source.connector == connector || copy.target.connector == connector,
        StepSpec::LdapSync(sync) => sync.target_connector == connector,
        _ => false,
    })
}

/// Every connector, with its pool and the jobs that name it.
#[utoipa::path(get, path = "/admin/connectors", tag = "connectors", responses((status = 200, body = ConnectorList)))]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Extension(tests): Extension<Arc<LastTests>>,
) -> Json<ConnectorList> {
    let jobs = app.engine.jobs();
    let last = tests.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let view = |entry: ConnectorEntry| ConnectorView {
        kind: if entry.dialect.is_some() { "sql" } else { "ldap" },
        dialect: entry.dialect.map(host_model::connector::Dialect::as_str),
        target: entry.target,
        read_only: entry.read_only,
        pool: entry.pool.map(|pool| PoolView {
            name: pool.name,
            size: pool.size,
            in_use: pool.in_use,
            waiting: pool.waiting,
        }),
        used_by: jobs
            .values()
            .filter(|job| caller.permissions.has_job(job.id.as_str()) && names(job, &entry.name))
            .map(|job| job.id.to_string())
            .collect(),
        last_test: last.get(&entry.name).cloned(),
        name: entry.name,
    };
    Json(ConnectorList { connectors: app.connectors.list_connectors().into_iter().map(view).collect() })
}

/// A stage of a test.
#[derive(Serialize, ToSchema)]
pub(crate) struct StageView {
    /// `declaration`, `resolve`, `connect`, `tls`, `sign-in`, `query`, `version`, `time`.
    #[schema(value_type = String)]
    name: &'static str,
    ok: bool,
    ms: f64,
    /// What was found, or what is wrong, in the words of the driver.
    detail: String,
}

/// What a test came to.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectorTestView {
    ok: bool,
    /// In their order, up to the first that failed.
    stages: Vec<StageView>,
    server_version: Option<String>,
    /// Whether the connection is encrypted, where that can be told.
    encrypted: Option<bool>,
    ms: f64,
}

impl From<TestReport> for ConnectorTestView {
    fn from(report: TestReport) -> Self {
        let ms = |took: std::time::Duration| (took.as_secs_f64() * 1e6).round() / 1e3;
        Self {
            ok: report.is_ok(),
            ms: ms(report.stages.iter().map(|stage| stage.took).sum()),
            stages: report
                .stages
                .into_iter()
                .map(|stage| StageView { name: stage.name, ok: stage.ok, ms: ms(stage.took), detail: stage.detail })
                .collect(),
            server_version: report.server_version,
            encrypted: report.is_encrypted,
        }
    }
}

/// Ends the work when nobody waits for it any more.
pub(crate) struct Giving(pub(crate) CancelToken);

impl Drop for Giving {
    fn drop(&mut self) {
        self.0.cancel("nobody waits for it");
    }
}

/// Goes to the server and asks for its version. A connector that does not work is an answer, not an error.
#[utoipa::path(post, path = "/admin/connectors/{name}/test", tag = "connectors",
    params(("name" = String, Path, description = "A connector")), responses((status = 200, body = ConnectorTestView)))]
pub(crate) async fn test(
    State(app): State<App>,
    Extension(tests): Extension<Arc<LastTests>>,
    Id(name): Id,
) -> Result<Json<ConnectorTestView>, ApiError> {
    let giving = Giving(CancelToken::new());
    let report = app.connectors.test_connector(&name, &giving.0).await.ok_or_else(|| no_such_connector(&name))?;
    let view = ConnectorTestView::from(report);
    let failed = view.stages.iter().find(|stage| !stage.ok).map(|stage| stage.detail.clone());
    let last = LastTest {
        at: instant(app.engine.now()),
        ok: view.ok,
        detail: failed.or_else(|| view.server_version.clone()).unwrap_or_default(),
        ms: view.ms,
    };
    tests.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, last);
    Ok(Json(view))
}

pub(crate) fn no_such_connector(name: &str) -> ApiError {
    ApiError::not_found(format!("there is no connector `{name}`"))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TablesQuery {
    /// Part of the name, in any case.
    #[serde(default)]
    like: String,
}

/// A table or view.
#[derive(Serialize, ToSchema)]
pub(crate) struct TableView {
    schema: Option<String>,
    name: String,
    view: bool,
}

/// Tables of a connector.
#[derive(Serialize, ToSchema)]
pub(crate) struct TableList {
    tables: Vec<TableView>,
    /// There are more; ask for a part of the name.
    truncated: bool,
}

/// Tables and views, at most 1000.
#[utoipa::path(get, path = "/admin/connectors/{name}/tables", tag = "connectors",
    params(("name" = String, Path, description = "A connector"), TablesQuery), responses((status = 200, body = TableList)))]
pub(crate) async fn tables(
    State(app): State<App>,
    Id(name): Id,
    query: Result<Query<TablesQuery>, QueryRejection>,
) -> Result<Json<TableList>, ApiError> {
    let Query(query) = query?;
    let known = app.connectors.list_connectors().into_iter().find(|entry| entry.name == name);
    if known.ok_or_else(|| no_such_connector(&name))?.dialect.is_none() {
        return Err(ApiError::invalid(format!("connector `{name}` is a directory and has no tables")));
    }
    let found = app.connectors.list_tables(&name, &query.like, MOST_TABLES + 1).await.map_err(|error| {
        let status = match error.kind {
            StepErrorKind::Definition => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::BAD_GATEWAY,
        };
        ApiError::new(status, "connector-failed", error.message)
    })?;
    let truncated = found.len() > MOST_TABLES;
    let tables = found.into_iter().take(MOST_TABLES).map(|table| TableView {
        schema: table.schema,
        name: table.name,
        view: table.is_view,
    });
    Ok(Json(TableList { tables: tables.collect(), truncated }))
}

/// A query declared on a connector.
#[derive(Serialize, ToSchema)]
pub(crate) struct QueryView {
    name: String,
    /// Its text for this database; null when it has none.
    sql: Option<String>,
    /// Whether `name:write` may be used.
    writable: bool,
}

/// Queries of a connector.
#[derive(Serialize, ToSchema)]
pub(crate) struct QueryList {
    queries: Vec<QueryView>,
}

/// How a pool was used over some seconds.
#[derive(Serialize, ToSchema)]
pub(crate) struct SampleView {
    /// When they ended.
    #[schema(format = DateTime)]
    at: String,
    /// Most connections that steps had at once.
    in_use: u32,
    /// Most steps that waited at once.
    waiting: u32,
    /// Steps that had to wait for a connection.
    queued: u64,
    /// Those that gave up waiting.
    gave_up: u64,
    /// The longest wait that ended, in milliseconds.
    longest_ms: u64,
}

/// How a pool was used of late, in the process that answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct PoolHistoryView {
    pool: String,
    size: u32,
    /// Of each sample.
    seconds: u32,
    /// The last 15 minutes at most, oldest first.
    samples: Vec<SampleView>,
}

/// How the pool of a connector was used in the last 15 minutes, in the process that answers.
#[utoipa::path(get, path = "/admin/connectors/{name}/history", tag = "connectors",
    params(("name" = String, Path, description = "A connector")), responses((status = 200, body = PoolHistoryView)))]
pub(crate) async fn history(State(app): State<App>, Id(name): Id) -> Result<Json<PoolHistoryView>, ApiError> {
    let known = app.connectors.list_connectors().into_iter().find(|entry| entry.name == name);
    let pool = known.ok_or_else(|| no_such_connector(&name))?.pool;
    let Some(pool) = pool else {
        return Err(ApiError::invalid(format!("connector `{name}` is a directory and has no pool")));
    };
    let samples = app.connectors.pool_history(&pool.name).into_iter().map(|sample| SampleView {
        at: instant(sample.at),
        in_use: sample.in_use,
        waiting: sample.waiting,
        queued: sample.queued,
        gave_up: sample.gave_up,
        longest_ms: sample.longest_ms,
    });
    Ok(Json(PoolHistoryView { pool: pool.name, size: pool.size, seconds: SAMPLE_SECONDS, samples: samples.collect() }))
}

/// Queries declared on a connector, by name.
#[utoipa::path(get, path = "/admin/connectors/{name}/queries", tag = "connectors",
    params(("name" = String, Path, description = "A connector")), responses((status = 200, body = QueryList)))]
pub(crate) async fn queries(State(app): State<App>, Id(name): Id) -> Result<Json<QueryList>, ApiError> {
    let known = app.connectors.list_connectors().into_iter().find(|entry| entry.name == name);
    let queries = known.ok_or_else(|| no_such_connector(&name))?.queries.into_iter();
    let view = queries.map(|query| QueryView { name: query.name, sql: query.sql, writable: query.writable });
    Ok(Json(QueryList { queries: view.collect() }))
}
