//! What the process says of itself: its log on standard error, as text or as JSON lines, and traces (run → step → call of
//! the host) to an OpenTelemetry collector, if the standard variable `OTEL_EXPORTER_OTLP_ENDPOINT` names one.
//!
//! | Variable | Meaning |
//! |---|---|
//! | `NOMAFLOW_LOG` | what is logged, as `info,host_engine=debug` |
//! | `NOMAFLOW_LOG_FORMAT` | `text` (default) or `json` |
//! | `OTEL_EXPORTER_OTLP_ENDPOINT` | where traces go, as `http://127.0.0.1:4318`; others of `OTEL_…` count as usual |
//!
//! The last lines of a server's log are also kept in memory, for the diagnostic bundle ([`recent_log`]).
//!
//! Invariant: a collector that is away or slow costs traces, never time.

mod recent;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

use crate::exit::{Exit, Failure};
use crate::home::{env, style};

pub(crate) use recent::recent_log;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// Spans worth a trace: runs and steps are `info`, calls of plugins into the host `debug`.
const TRACED: &str = "off,host_engine=info,host_sandbox=debug,host_python=debug,host_steps=debug";

/// Sends what is left of the traces when dropped.
pub(crate) struct Telemetry(Option<SdkTracerProvider>);

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = &self.0 {
            // A collector that is away is nothing a command could mend.
            let _ = provider.shutdown_with_timeout(std::time::Duration::from_secs(2));
        }
    }
}

/// Starts the log, and traces if they are wanted.
///
/// # Errors
/// A log format that does not exist; a collector's address that is none.
pub(crate) fn start(is_server: bool) -> Result<Telemetry, Failure> {
    let default = if is_server { "info" } else { "warn" };
    let wanted = || EnvFilter::try_from_env("NOMAFLOW_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let filter = wanted();
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let log = match env("NOMAFLOW_LOG_FORMAT").as_deref() {
        None | Some("" | "text") => {
            layer.with_ansi(style() == host_catalogue::Style::Colored).with_filter(filter).boxed()
        }
        Some("json") => {
            layer.with_ansi(false).json().flatten_event(true).with_span_list(false).with_filter(filter).boxed()
        }
        Some(other) => {
            let text = format!("NOMAFLOW_LOG_FORMAT is `{other}`; allowed are `text` and `json`");
            return Err(Failure::new(Exit::Usage, text));
        }
    };
    let provider = if is_server && env(ENDPOINT).is_some_and(|url| !url.is_empty()) { Some(provider()?) } else { None };
    let traces = provider.as_ref().map(|provider| {
        let tracer = provider.tracer("nomaflow");
        tracing_opentelemetry::layer().with_tracer(tracer).with_filter(EnvFilter::new(TRACED))
    });
    let recent = is_server.then(|| recent::layer().with_filter(wanted()));
    tracing_subscriber::registry().with(log).with(recent).with(traces).init();
    Ok(Telemetry(provider))
}

fn provider() -> Result<SdkTracerProvider, Failure> {
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().build().map_err(|error| {
        Failure::new(Exit::Invalid, format!("traces cannot go to {ENDPOINT}: {error}"))
            .hint("it takes the address of a collector that speaks OTLP over HTTP, as `http://127.0.0.1:4318`")
    })?;
    let name = env("OTEL_SERVICE_NAME").unwrap_or_else(|| "nomaflow".to_owned());
    let resource = Resource::builder().with_service_name(name).build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}
