//! The one table of addresses: each route is declared once, with who needs what to call it. The declaration mounts the
//! handler, puts the gate before it, and describes it in the OpenAPI document; nothing is reachable that is not in it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::{RequestPartsExt, Router};
use futures_util::stream::{self, StreamExt};
use host_model::RunId;
use tokio::time::Instant;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::App;
use crate::audit;
use crate::auth::{self, Caller};
use crate::error::ApiError;
use crate::openapi;

/// What a caller needs for a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: open to everybody.
    Nothing,
    /// To be signed in, be it with a password that has to be changed first.
    OwnAccount,
    /// To be signed in.
    SignedIn,
    /// To see at least one job. The handler shows only those the caller may see.
    SomeJob,
    /// To see the definition of the job `{id}` of the address: `job:<id>`, or `settings:jobs`.
    Job,
    /// `job:<id>` for the job `{id}` of the address: to run it, and to see what became of its runs.
    RunJob,
    /// `job:<id>` for the job of the run `{id}` of the address.
    Run,
    /// `job:*`.
    AllJobs,
    /// `settings:jobs`.
    EditJobs,
    /// `settings:notifications`.
    Notifications,
    /// `superuser`.
    Superuser,
}

impl Need {
    /// The permission in the words of the seeds; empty where none is needed. `{id}` is the one of the address.
    pub fn permission(self) -> &'static str {
        match self {
            Self::Nothing | Self::OwnAccount | Self::SignedIn => "",
            Self::SomeJob => "job:*|job:<name>",
            Self::Job => "job:{id}|settings:jobs",
            Self::RunJob => "job:{id}",
            Self::Run => "job:<job of the run>",
            Self::AllJobs => "job:*",
            Self::EditJobs => "settings:jobs",
            Self::Notifications => "settings:notifications",
            Self::Superuser => "superuser",
        }
    }

    /// The same as a sentence.
    pub(crate) fn in_words(self) -> String {
        match self {
            Self::Nothing => "Open to everybody.".to_owned(),
            Self::SignedIn => "Needs to be signed in.".to_owned(),
            Self::OwnAccount => "Needs to be signed in, be it with a password that has to be changed first.".to_owned(),
            Self::SomeJob => "Needs the permission for some job; shows what those permissions cover.".to_owned(),
            _ => format!("Needs the permission `{}`.", self.permission()),
        }
    }
}

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `GET`, `POST` …
    pub method: String,
    /// The address, with `{name}` for what varies.
    pub path: String,
    /// What a caller needs.
    pub need: Need,
}

/// Routes while they are declared.
pub(crate) struct Surface {
    /// None: only the table and the document are wanted.
    app: Option<App>,
    router: OpenApiRouter<App>,
    table: Vec<Line>,
    strangers: Arc<audit::Strangers>,
}

impl Surface {
    pub(crate) fn new(app: Option<App>, version: &str) -> Self {
        let document = openapi::start(version);
        Self { app, router: OpenApiRouter::with_openapi(document), table: Vec::new(), strangers: Arc::default() }
    }

    /// Declares routes that need the same.
    pub(crate) fn add(mut self, need: Need, routes: UtoipaMethodRouter<App>) -> Self {
        let (schemas, mut paths, mut handlers) = routes;
        for (path, item) in &mut paths.paths {
            let operations = [
                ("GET", &mut item.get),
                ("POST", &mut item.post),
                ("PUT", &mut item.put),
                ("PATCH", &mut item.patch),
                ("DELETE", &mut item.delete),
            ];
            for (method, operation) in operations {
                let Some(operation) = operation else { continue };
                openapi::describe(operation, method, path, need);
                self.table.push(Line { method: method.to_owned(), path: path.clone(), need });
            }
        }
        if let Some(app) = &self.app {
            let path = paths.paths.keys().next().cloned().unwrap_or_default();
            let gate = Gate { app: app.clone(), need, path, strangers: self.strangers.clone() };
            if need == Need::Nothing {
                handlers = handlers.layer(DefaultBodyLimit::max(LONGEST_OF_STRANGER));
            }
            handlers = handlers.route_layer(middleware::from_fn_with_state(gate, pass));
        }
        self.router = self.router.routes((schemas, paths, handlers));
        self
    }

    /// What was declared: the routes, their table and their document.
    pub(crate) fn finish(self) -> (Router<App>, Vec<Line>, OpenApi) {
        let (router, mut document) = self.router.split_for_parts();
        openapi::complete_answers(&mut document);
        (router, self.table, document)
    }
}

/// What stands before the handlers of an address.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) app: App,
    pub(crate) need: Need,
    /// As declared, with `{name}` for what varies.
    pub(crate) path: String,
    pub(crate) strangers: Arc<audit::Strangers>,
}

/// Lets callers through who have what the route needs, and tells handlers who they are. What is for the audit trail goes
/// the same way, with an entry before and after.
async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Result<Response, ApiError> {
    if let Some(kept) = audit::kept(request.method(), &gate) {
        return audit::pass(gate, kept, request, next).await;
    }
    let (mut parts, body) = request.into_parts();
    if gate.need != Need::Nothing {
        let caller = auth::caller_of(&gate.app, &parts).await?;
        gate.check(&caller, &mut parts).await?;
        parts.extensions.insert(caller);
    }
    let body = bounded(&parts, body)?;
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// Longest body that may be announced, in bytes. How much is read is each handler's own limit, 2 MB unless it says more.
const LONGEST: u64 = 64 * 1024 * 1024;
/// Most bytes that are read of a stranger.
const LONGEST_OF_STRANGER: usize = 64 * 1024;
/// What a body may take.
const BODY: Duration = Duration::from_secs(30);

/// A body that has not arrived in time.
#[derive(Debug, thiserror::Error)]
#[error("the body did not arrive in time")]
pub(crate) struct TooSlow;

/// The same body, which ends with an error when it does not arrive in time; one that is announced too long is not read.
pub(crate) fn bounded(parts: &Parts, body: Body) -> Result<Body, ApiError> {
    if body.is_end_stream() {
        return Ok(body);
    }
    let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|text| text.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > LONGEST) {
        let detail = format!("the body is too large: at most {LONGEST} bytes are read");
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail));
    }
    let until = Instant::now() + BODY;
    let parts = stream::unfold(body.into_data_stream(), move |mut parts| async move {
        let part = match tokio::time::timeout_at(until, parts.next()).await {
            Ok(part) => part?.map_err(axum::BoxError::from),
            Err(_) => Err(TooSlow.into()),
        };
        Some((part, parts))
    });
    Ok(Body::from_stream(parts))
}

impl Gate {
    pub(crate) async fn check(&self, caller: &Caller, parts: &mut Parts) -> Result<(), ApiError> {
        let may = &caller.permissions;
        let (is_allowed, needs) = match self.need {
            Need::Nothing | Need::OwnAccount => return Ok(()),
            _ if caller.must_change_password => return Err(change_password()),
            Need::SignedIn => return Ok(()),
            Need::SomeJob => (may.has_some_job() || may.may_edit_jobs(), "job:*".to_owned()),
            Need::Job => {
                let id = id_of(parts).await?;
                (may.may_see_job(&id), format!("job:{id}"))
            }
            Need::RunJob => {
                let id = id_of(parts).await?;
                (may.has_job(&id), format!("job:{id}"))
            }
            Need::Run => return self.check_run(caller, parts).await,
            Need::AllJobs => (may.has_all_jobs(), "job:*".to_owned()),
            Need::EditJobs => (may.may_edit_jobs(), "settings:jobs".to_owned()),
            Need::Notifications => (may.may_edit_notifications(), "settings:notifications".to_owned()),
            Need::Superuser => (may.is_superuser(), "superuser".to_owned()),
        };
        if is_allowed { Ok(()) } else { Err(denied(&needs)) }
    }

    /// A run that does not exist and one of a job that may not be seen answer alike to those who do not see every job.
    async fn check_run(&self, caller: &Caller, parts: &mut Parts) -> Result<(), ApiError> {
        if caller.permissions.has_all_jobs() {
            return Ok(());
        }
        let text = id_of(parts).await?;
        let run = match RunId::parse(&text) {
            Ok(id) => self.app.engine.store().find_run(id).await?,
            Err(_) => None,
        };
        match run {
            Some(run) if caller.permissions.has_job(run.job_id.as_str()) => Ok(()),
            _ if caller.permissions.has_some_job() => Err(ApiError::not_found(format!("there is no run `{text}`"))),
            _ => Err(denied("job:*")),
        }
    }
}

async fn id_of(parts: &mut Parts) -> Result<String, ApiError> {
    let Path(mut names) = parts.extract::<Path<HashMap<String, String>>>().await?;
    Ok(names.remove("id").unwrap_or_default())
}

/// Signed in with a password somebody else chose.
fn change_password() -> ApiError {
    let detail = "the password has to be changed first";
    ApiError::new(StatusCode::FORBIDDEN, "password-change-required", detail)
        .with("hint", "send the old and a new one to `POST /auth/password`")
}

/// Signed in, but without the permission.
pub(crate) fn denied(needs: &str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "not-permitted", format!("this needs the permission `{needs}`"))
        .with("needs", needs)
}
