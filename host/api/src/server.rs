//! Serving the router: on a socket, or inside this process for `--local` commands, which so take the very same path as
//! a remote caller.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::{Method, Request};
use futures_util::stream::{Stream, StreamExt};
use host_model::{CancelToken, Json};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tower::ServiceExt;

/// Largest answer read whole by a local call: log pages are the biggest.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Connections at once; more wait to be accepted.
const MOST_CONNECTIONS: usize = 2048;
/// What a client may take for the head of its next request, the wait for it included.
const HEAD: Duration = Duration::from_secs(60);
/// After a connection could not be accepted, because the process has no more files to open.
const BREATH: Duration = Duration::from_millis(100);

/// Serves until `stop` is cancelled and every connection has ended.
///
/// # Errors
/// When the socket fails.
pub async fn serve(listener: TcpListener, router: Router, stop: CancelToken) -> io::Result<()> {
    serve_patiently(listener, router, stop, HEAD).await
}

async fn serve_patiently(listener: TcpListener, router: Router, stop: CancelToken, head: Duration) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.canceled() => break,
            accepted = accept(&listener, &room) => accepted,
            // What has ended is taken out, so that nothing piles up.
            Some(_) = connections.join_next() => continue,
        };
        let (place, stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        // Events are small and must not wait for each other.
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(address));
            router.clone().oneshot(request.map(Body::new))
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(head);
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
        connections.spawn(async move {
            // A client that goes away, or is too slow, is no news.
            if let Err(error) = connection.await {
                tracing::debug!(%error, %address, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
    Ok(())
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
    let place = room.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    Ok((place, stream, address))
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
        match body {
            Some(json) => {
                self.send_body(method, path, (Body::from(json.to_string()), Some("application/json")), more).await
            }
            None => self.send_body(method, path, (Body::empty(), None), more).await,
        }
    }

    async fn send_body(
        &self,
        method: &str,
        path: &str,
        (body, kind): (Body, Option<&str>),
        more: &[(&str, &str)],
    ) -> io::Result<axum::response::Response> {
        let method = Method::from_bytes(method.as_bytes()).map_err(io::Error::other)?;
        let mut builder = Request::builder().method(method).uri(path);
        for (name, value) in &self.headers {
            builder = builder.header(*name, value);
        }
        for (name, value) in kind.map(|kind| ("content-type", kind)).iter().chain(more) {
            builder = builder.header(*name, *value);
        }
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
        answer(self.send(method, path, body, headers).await?).await
    }

    /// Sends a file; status and JSON body of the answer.
    ///
    /// # Errors
    /// When the body of the answer is no JSON.
    pub async fn upload(&self, method: &str, path: &str, kind: &str, file: Vec<u8>) -> io::Result<(u16, Json)> {
        answer(self.send_body(method, path, (Body::from(file), Some(kind)), &[]).await?).await
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

async fn answer(response: axum::response::Response) -> io::Result<(u16, Json)> {
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), MOST_BYTES).await.map_err(io::Error::other)?;
    Ok((status, serde_json::from_slice(&bytes).map_err(io::Error::other)?))
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_client_that_never_ends_its_request_is_let_go_and_others_are_served() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/", get(|ConnectInfo(from): ConnectInfo<SocketAddr>| async move { from.ip().to_string() }));
        let stop = CancelToken::new();
        let server = tokio::spawn(serve_patiently(listener, router, stop.clone(), Duration::from_millis(300)));
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n").await.unwrap();
        let mut quick = TcpStream::connect(address).await.unwrap();
        quick.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        quick.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{answer}");
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(20), slow.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the slow one is still connected");
        assert!(!rest.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&rest));
        stop.cancel("test");
        tokio::time::timeout(Duration::from_secs(20), server).await.unwrap().unwrap().unwrap();
    }
}
