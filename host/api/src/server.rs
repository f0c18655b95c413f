//! Serving the router: on a socket, or inside this process for `--local` commands, which so take the very same path as
//! a remote caller.

use std::io;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, header};
use futures_util::stream::{Stream, StreamExt};
use host_model::{CancelToken, Json};
use tokio::net::TcpListener;
use tower::ServiceExt;

/// Largest answer read whole by a local call: log pages are the biggest.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Serves until `stop` is cancelled and every connection has ended.
///
/// # Errors
/// When the socket fails.
pub async fn serve(listener: TcpListener, router: Router, stop: CancelToken) -> io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(async move { stop.canceled().await }).await
}

/// Calls the router without a socket.
#[derive(Clone)]
pub struct LocalClient {
    router: Router,
    headers: Vec<(&'static str, String)>,
}

impl LocalClient {
    /// A client that sends `headers` with every call.
    pub fn new(router: Router, headers: Vec<(&'static str, String)>) -> Self {
        Self { router, headers }
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Json>,
        more: &[(&str, &str)],
    ) -> io::Result<axum::response::Response> {
        let method = Method::from_bytes(method.as_bytes()).map_err(io::Error::other)?;
        let mut builder = Request::builder().method(method).uri(path);
        for (name, value) in &self.headers {
            builder = builder.header(*name, value);
        }
        for (name, value) in more {
            builder = builder.header(*name, *value);
        }
        let body = match body {
            Some(json) => {
                builder = builder.header(header::CONTENT_TYPE, "application/json");
                Body::from(json.to_string())
            }
            None => Body::empty(),
        };
        let request = builder.body(body).map_err(io::Error::other)?;
        match self.router.clone().oneshot(request).await {
            Ok(response) => Ok(response),
            Err(never) => match never {},
        }
    }

    /// Status and JSON body of one call.
    ///
    /// # Errors
    /// When the body is no JSON.
    pub async fn call(&self, method: &str, path: &str, body: Option<&Json>) -> io::Result<(u16, Json)> {
        self.call_with(method, path, body, &[]).await
    }

    /// [`LocalClient::call`] with more headers.
    ///
    /// # Errors
    /// When the body is no JSON.
    pub async fn call_with(
        &self,
        method: &str,
        path: &str,
        body: Option<&Json>,
        headers: &[(&str, &str)],
    ) -> io::Result<(u16, Json)> {
        let response = self.send(method, path, body, headers).await?;
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), MOST_BYTES).await.map_err(io::Error::other)?;
        Ok((status, serde_json::from_slice(&bytes).map_err(io::Error::other)?))
    }

    /// The bytes of a streaming answer.
    ///
    /// # Errors
    /// When the answer is not a success.
    pub async fn stream(&self, path: &str) -> io::Result<impl Stream<Item = io::Result<Bytes>> + use<>> {
        let response = self.send("GET", path, None, &[]).await?;
        if !response.status().is_success() {
            return Err(io::Error::other(format!("the event stream answered {}", response.status())));
        }
        Ok(response.into_body().into_data_stream().map(|chunk| chunk.map_err(io::Error::other)))
    }
}
