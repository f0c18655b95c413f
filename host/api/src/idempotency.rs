//! `Idempotency-Key`: a request that is sent again gets the answer of the first one, and begins nothing. The store keeps the
//! key with the id of the run before the run is recorded, so a crash at any point leaves either no run or one that is found.

use std::future::Future;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use host_model::idempotency::{KeptAnswer, KeyState, KeyedRequest};
use host_model::run::RunStatus;
use host_model::{Run, RunId};
use sha2::{Digest, Sha256};

use crate::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::view::run::RunAccepted;

const HEADER: &str = "idempotency-key";
/// Tells an answer that was kept from one that was made.
const REPLAYED: &str = "idempotency-replayed";
/// Longest key, in characters.
const LONGEST: usize = 255;
/// How long a key stands for its request.
const KEPT: TimeDelta = TimeDelta::hours(24);
/// How long a request waits for another one with its key.
const LOOKS: u32 = 20;
const BETWEEN: Duration = Duration::from_millis(100);

/// Begins a run through `fire`, which gets the id the run has to have, if that was chosen already. `address` and `body` say
/// what is asked for.
pub(crate) async fn run_once<F, W>(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    (address, body): (&str, &[u8]),
    fire: F,
) -> Result<Response, ApiError>
where
    F: FnOnce(Option<RunId>) -> W,
    W: Future<Output = Result<RunAccepted, ApiError>>,
{
    let Some(key) = read_key(headers)? else {
        return Ok((StatusCode::ACCEPTED, axum::Json(fire(None).await?)).into_response());
    };
    let request = KeyedRequest {
        caller: caller.user.clone(),
        key,
        request: digest(address, body),
        run: app.engine.next_run_id(),
        owner: app.engine.presence().owner.clone(),
        at: app.engine.now(),
    };
    let expired = request.at.checked_sub_signed(KEPT).unwrap_or(request.at);
    for _ in 0..LOOKS {
        let (asked, run, owner, answer) = match app.keys.reserve_key(&request, expired).await? {
            KeyState::New => return perform(app, &request, fire).await,
            KeyState::Known { request, run, owner, answer } => (request, run, owner, answer),
        };
        if asked != request.request {
            let detail = format!("the key `{}` was used for another request", request.key);
            return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", detail));
        }
        if let Some(answer) = answer {
            return Ok(again(&answer));
        }
        let known = KeyedRequest { run, ..request.clone() };
        if let Some(run) = app.engine.store().find_run(run).await? {
            let answer = of_run(&run);
            app.keys.answer_key(&known, &answer).await?;
            return Ok(again(&answer));
        }
        if !is_alive(app, &owner).await? && app.keys.take_key_over(&known, &owner).await? {
            return perform(app, &known, fire).await;
        }
        tokio::time::sleep(BETWEEN).await;
    }
    let detail = "a request with this key is still being answered";
    Err(ApiError::new(StatusCode::CONFLICT, "request-in-progress", detail).retry_after(Duration::from_secs(1)))
}

fn read_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=LONGEST).contains(&key.len()));
    let wrong = || ApiError::invalid(format!("an idempotency key has 1 to {LONGEST} visible ASCII characters"));
    key.map(|key| Some(key.to_owned())).ok_or_else(wrong)
}

fn digest(address: &str, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(address.as_bytes());
    hash.update([0]);
    hash.update(body);
    hex::encode(hash.finalize())
}

/// A process that is still known may be about to record the run.
async fn is_alive(app: &App, owner: &str) -> Result<bool, ApiError> {
    let me = &app.engine.presence().owner;
    Ok(owner == me || app.engine.store().list_replicas().await?.iter().any(|replica| replica.presence.owner == owner))
}

async fn perform<F, W>(app: &App, request: &KeyedRequest, fire: F) -> Result<Response, ApiError>
where
    F: FnOnce(Option<RunId>) -> W,
    W: Future<Output = Result<RunAccepted, ApiError>>,
{
    let answer = match fire(Some(request.run)).await {
        Ok(accepted) => KeptAnswer { status: 202, body: serde_json::to_string(&accepted).unwrap_or_default() },
        // A fire that was recorded as skipped is an answer too; anything else began nothing and may be tried again.
        Err(problem) if app.engine.store().find_run(request.run).await?.is_some() => {
            KeptAnswer { status: problem.status().as_u16(), body: problem.document() }
        }
        Err(problem) => {
            app.keys.release_key(request).await?;
            return Err(problem);
        }
    };
    // Without this the next request finds the run itself.
    if let Err(error) = app.keys.answer_key(request, &answer).await {
        tracing::warn!(%error, run.id = %request.run, "the answer of a request could not be kept");
    }
    Ok(respond(&answer))
}

/// What a run that is there would have been answered with.
fn of_run(run: &Run) -> KeptAnswer {
    if run.status == RunStatus::Skipped {
        let reason = run.reason.clone().unwrap_or_default();
        let detail = format!("job `{}` was skipped: {reason}", run.job_id);
        let problem = ApiError::new(StatusCode::CONFLICT, "skipped", detail)
            .with("reason", reason)
            .with("run_id", run.id.to_string());
        return KeptAnswer { status: 409, body: problem.document() };
    }
    let accepted = RunAccepted::of_run(run);
    KeptAnswer { status: 202, body: serde_json::to_string(&accepted).unwrap_or_default() }
}

fn respond(answer: &KeptAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = if status.is_success() { "application/json" } else { "application/problem+json" };
    let mut response = (status, Body::from(answer.body.clone())).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn again(answer: &KeptAnswer) -> Response {
    let mut response = respond(answer);
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
