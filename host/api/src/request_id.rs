//! The id of a request: taken from `X-Request-Id` or made, sent back, and part of every log line and problem that comes of
//! the request.

use std::future::Future;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use crate::metrics::Counters;

const HEADER: &str = "x-request-id";
/// Longest id that is taken over.
const LONGEST: usize = 128;

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that is being answered.
pub(crate) fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Gives a request its id.
pub(crate) async fn assign(request: Request, next: Next) -> Response {
    let given = request.headers().get(HEADER).and_then(|value| value.to_str().ok()).filter(|text| is_fit(text));
    let id = given.map_or_else(make, str::to_owned);
    let span = tracing::info_span!("request", id, method = %request.method(), path = request.uri().path());
    let counters = request.extensions().get::<Arc<Counters>>().cloned();
    let mut response = scope(id.clone(), next.run(request).instrument(span)).await;
    if let Some(counters) = counters {
        counters.answered(response.status().as_u16());
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

async fn scope<F: Future>(id: String, answering: F) -> F::Output {
    CURRENT.scope(id, answering).await
}

/// The same work with the id of this request, for a task of its own: what a task is spawned with does not have it.
pub(crate) fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let id = current();
    async move {
        match id {
            Some(id) => scope(id, work).await,
            None => work.await,
        }
    }
}

/// What may stand in a log line as it is.
fn is_fit(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/' | b'+' | b'='))
}

fn make() -> String {
    let mut bytes = [0; 12];
    // Without randomness ids repeat; nothing depends on them.
    let _ = getrandom::fill(&mut bytes);
    hex::encode(bytes)
}
