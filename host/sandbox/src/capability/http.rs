//! `nomaflow:step/http`: requests to granted hosts. The client behind the port speaks HTTP and follows redirects; this
//! side is its gate, asked for every hop, and bounds time and size.

use std::time::Duration;

use host_model::plugin_port::{HttpGate, HttpRequest, Reach, ServiceErrorKind};

use crate::bindings::nomaflow::step::http::{Host, Request, Response};
use crate::capability::{Answer, host_error, service_error};
use crate::grants::{HttpGrants, denial, toml_text};
use crate::state::CallState;

const USUAL_TIMEOUT: Duration = Duration::from_secs(30);
const MOST_REDIRECTS: u32 = 10;

/// What the grants say about requests.
struct Gate<'a> {
    grants: &'a HttpGrants,
    grants_file: &'a str,
}

impl HttpGate for Gate<'_> {
    fn check(&self, method: &str, host: &str, port: u16) -> Result<Reach, String> {
        let missing = |what: String, line: String| Err(denial(&what, &line, "grants.http", self.grants_file));
        let Some(reach) = self.grants.reach(host, port) else {
            let address = if matches!(port, 80 | 443) { host.to_owned() } else { format!("{host}:{port}") };
            return missing(format!("host `{address}` is not granted"), format!("hosts = [\"{address}\"]"));
        };
        if !self.grants.allows_method(method) {
            // The whole line, because who writes only the new one takes the others away.
            let methods: Vec<String> = self.grants.granted_methods().chain([method]).map(toml_text).collect();
            return missing(format!("method `{method}` is not granted"), format!("methods = [{}]", methods.join(", ")));
        }
        Ok(reach)
    }
}

impl Host for CallState {
    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "http.send"))]
    async fn send(&mut self, request: Request) -> Answer<Response> {
        if let Err(error) = self.begin_call() {
            return Ok(Err(error));
        }
        let Some(client) = self.call.services.as_ref().map(|services| services.http.clone()) else {
            return Ok(Err(host_error("unavailable", "there is no HTTP here")));
        };
        let limits = &self.call.grants.limits;
        let request = HttpRequest {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body,
            timeout: request.timeout_ms.map_or(USUAL_TIMEOUT, |ms| Duration::from_millis(ms.into())),
            max_redirects: request.max_redirects.min(MOST_REDIRECTS),
            max_bytes: limits.response_bytes.min(limits.memory_bytes),
        };
        let gate = Gate { grants: &self.call.grants.http, grants_file: &self.call.grants_file };
        let response = match client.send(request, &gate, &self.call.cancel).await {
            Ok(response) => response,
            Err(error) => {
                if error.kind == ServiceErrorKind::Denied {
                    self.log_denial(&error.message);
                }
                return Ok(Err(service_error(error)));
            }
        };
        Ok(Ok(Response { status: response.status, url: response.url, headers: response.headers, body: response.body }))
    }
}
