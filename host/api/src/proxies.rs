//! Puts the address of the client in the place of that of a proxy, once for everything behind: limits on sign-ins, the
//! audit trail and sessions.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::App;

const FORWARDED: &str = "x-forwarded-for";

/// See the module's note.
pub(crate) async fn see_through(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if !app.trusted_proxies.is_empty()
        && let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied()
    {
        // A value that is no text hides what stands left of it: it reads as no address.
        let values = request.headers().get_all(FORWARDED).iter().map(|value| value.to_str().unwrap_or("?"));
        let values: Vec<&str> = values.collect();
        let client = app.trusted_proxies.client_of(peer.ip(), values.into_iter());
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(client, peer.port())));
    }
    next.run(request).await
}
