//! Every answer that is not a success, as an RFC 9457 problem, also when the request could not even be read. The cause
//! of a 500 is logged, never sent.

use std::time::Duration;

use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use host_engine::{DispatchError, ReplayError};
use host_model::port::StoreError;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::request_id;

use crate::surface::TooSlow;

/// A problem for the caller.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    detail: String,
    extra: Map<String, Value>,
    retry_after: Option<Duration>,
}

/// The document of an error (RFC 9457). Some have more keys: `hint`, `needs`, `problems` …
#[derive(Serialize, ToSchema)]
pub(crate) struct Problem {
    /// `urn:nomaflow:problem:<code>`; the code is stable.
    #[serde(rename = "type")]
    #[schema(example = "urn:nomaflow:problem:not-found")]
    kind: String,
    /// The status in words.
    #[schema(value_type = String, example = "Not Found")]
    title: &'static str,
    #[schema(example = 404, minimum = 400, maximum = 599)]
    status: u16,
    /// What went wrong, for people.
    #[schema(example = "there is no job `nightly`")]
    detail: String,
    /// As in the header `X-Request-Id`, and in the server's log.
    request_id: String,
    #[serde(flatten)]
    #[schema(ignore)]
    extra: Map<String, Value>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), extra: Map::new(), retry_after: None }
    }

    /// What it will be answered with.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// When it makes sense to come back.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The last part of its type.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(key.to_owned(), value.into());
        self
    }

    /// Says when it makes sense to come back.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "sign-in-required", "sign in first").with(
            "hint",
            "send `Authorization: Bearer <token>`: an API token, or the one in `data/bootstrap.token` of the server's home",
        )
    }

    /// Something that cannot happen has happened; the log says what, the caller does not hear it.
    pub(crate) fn broken(why: &str) -> Self {
        tracing::error!(why, "a request cannot be answered");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the server cannot do this at the moment")
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ApiError {
    /// The text of its document.
    pub(crate) fn document(&self) -> String {
        let problem = Problem {
            kind: format!("urn:nomaflow:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            request_id: request_id::current().unwrap_or_default(),
            extra: self.extra.clone(),
        };
        // Strings, numbers and maps with string keys always render.
        serde_json::to_string(&problem).unwrap_or_default()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.document()).into_response();
        let kind = header::HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(wait.as_secs()));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed while answering a request");
        match error {
            StoreError::Unavailable { .. } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "store-unavailable",
                "the run history cannot be reached at the moment",
            ),
            StoreError::Corrupt { .. } => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "store-corrupt", "a stored row cannot be read")
            }
        }
    }
}

impl From<DispatchError> for ApiError {
    fn from(error: DispatchError) -> Self {
        let detail = error.to_string();
        match error {
            DispatchError::UnknownJob { near, .. } => {
                let problem = Self::not_found(detail);
                match near {
                    Some(near) => problem.with("hint", format!("did you mean `{near}`?")),
                    None => problem,
                }
            }
            DispatchError::UnknownSteps { known, .. } => {
                let known: Vec<&str> = known.iter().map(host_model::StepName::as_str).collect();
                Self::invalid(detail).with("hint", format!("its steps are: {}", known.join(", ")))
            }
            DispatchError::UnknownPreset { known, .. } => {
                let hint = match known.is_empty() {
                    true => "the job has none".to_owned(),
                    false => format!("its presets are: {}", known.join(", ")),
                };
                Self::invalid(detail).with("hint", hint)
            }
            DispatchError::AlreadyRunning { active, skipped, .. } => {
                Self::new(StatusCode::CONFLICT, "already-running", detail)
                    .with("active_run_id", active.to_string())
                    .with("run_id", skipped.to_string())
            }
            DispatchError::HeldBack { reason, skipped, .. } => Self::new(StatusCode::CONFLICT, "skipped", detail)
                .with("reason", reason)
                .with("run_id", skipped.to_string()),
            DispatchError::SlotTaken { .. } => Self::new(StatusCode::CONFLICT, "slot-taken", detail),
            DispatchError::LeaseLost => Self::new(StatusCode::CONFLICT, "lease-lost", detail),
            DispatchError::ShuttingDown => Self::new(StatusCode::SERVICE_UNAVAILABLE, "shutting-down", detail),
            DispatchError::Store(store) => store.into(),
        }
    }
}

impl From<ReplayError> for ApiError {
    fn from(error: ReplayError) -> Self {
        let detail = error.to_string();
        match error {
            ReplayError::UnknownRun { .. } => Self::not_found(detail),
            ReplayError::NotOver { status, .. } => {
                Self::new(StatusCode::CONFLICT, "not-over", detail).with("status_word", status.as_str())
            }
            ReplayError::UnknownStep { near, .. } => match near {
                Some(near) => Self::invalid(detail).with("hint", format!("did you mean `{near}`?")),
                None => Self::invalid(detail),
            },
            ReplayError::NoDefinition { .. } => Self::new(StatusCode::CONFLICT, "no-definition", detail)
                .with("hint", "replay it with the current definition: `--current`, or `\"definition\": \"current\"`"),
            ReplayError::ScheduleGone { .. } => Self::new(StatusCode::CONFLICT, "schedule-gone", detail)
                .with("hint", "run the job with `--param` instead"),
            ReplayError::Dispatch(error) => error.into(),
        }
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        let status = match rejection {
            JsonRejection::JsonSyntaxError(_) => StatusCode::UNPROCESSABLE_ENTITY,
            _ => rejection.status(),
        };
        Self::new(status, "invalid-body", rejection.body_text())
    }
}

/// Whether a body was not read because it came too slowly.
fn is_too_slow(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<TooSlow>() || error.source().is_some_and(is_too_slow)
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        if is_too_slow(&rejection) {
            return Self::new(StatusCode::REQUEST_TIMEOUT, "too-slow", TooSlow.to_string());
        }
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::new(rejection.status(), "too-large", "the body is larger than this address takes");
        }
        Self::new(rejection.status(), "invalid-body", "the body breaks off")
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), "invalid-address", rejection.body_text())
    }
}

/// The id in an address; one that is not UTF-8 is a problem like any other.
pub(crate) struct Id(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(id) = Path::from_request_parts(parts, state).await?;
        Ok(Self(id))
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        let text = rejection.body_text();
        // What follows the framework's own words names the key and what is wrong with it.
        let why = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
        Self::invalid(format!("the query cannot be read: {why}"))
    }
}

pub(crate) async fn method_not_allowed() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "this address does not take that method")
}
