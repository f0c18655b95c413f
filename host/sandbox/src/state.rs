//! What the host keeps for one call: the WASI context that denies everything, the meter, and what the capabilities of
//! `nomaflow:step` need. Lives in the Wasmtime store and dies with it.

use std::sync::Arc;

use chrono::SecondsFormat;
use host_model::CancelToken;
use host_model::log::LogLevel;
use host_model::port::{Connectors, StepContext, StepVoice};
use host_model::run::Trigger;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::grants::Grants;
use crate::limits::Meter;
use crate::lines::{GuestStream, Lines, StreamKind};
use crate::usage::Usage;

/// Handles a call may hold at once, those of WASI included. Far above honest use, and bounds the host's memory.
const HANDLES: usize = 10_000;
/// Bytes WASI hands out per request for random data.
const RANDOM_BYTES: u64 = 1024 * 1024;

/// The data of a store.
pub(crate) struct CallState {
    wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    pub(crate) meter: Meter,
    pub(crate) call: Call,
}

/// What the capabilities work with.
pub(crate) struct Call {
    /// Keys of `context.get`.
    pub(crate) facts: Vec<(&'static str, String)>,
    pub(crate) cancel: CancelToken,
    pub(crate) voice: Option<Arc<dyn StepVoice>>,
    /// None while a component is inspected.
    pub(crate) connectors: Option<Arc<dyn Connectors>>,
    pub(crate) grants: Grants,
    /// The file of grants as messages name it.
    pub(crate) grants_file: String,
    pub(crate) lines: Arc<Lines>,
    pub(crate) usage: Usage,
    /// Sessions that are open now.
    pub(crate) n_sessions: usize,
    streams: [GuestStream; 2],
}

impl CallState {
    /// The state of a call on behalf of a step. `cancel` is the call's own token.
    pub(crate) fn new(ctx: &StepContext, cancel: CancelToken, grants: Grants, grants_file: String) -> Self {
        let lines = Lines::new(Some(Arc::clone(&ctx.voice)), ctx.log_level, grants.limits.log_lines);
        let mut state = Self::assemble(lines, cancel, grants, grants_file);
        state.call.facts = list_facts(ctx);
        state.call.voice = Some(Arc::clone(&ctx.voice));
        state.call.connectors = Some(Arc::clone(&ctx.connectors));
        state
    }

    /// A state that knows nobody and grants nothing, for asking a component what it is.
    pub(crate) fn without_capabilities(cancel: CancelToken) -> Self {
        Self::assemble(Lines::new(None, LogLevel::Error, 0), cancel, Grants::default(), String::new())
    }

    fn assemble(lines: Arc<Lines>, cancel: CancelToken, grants: Grants, grants_file: String) -> Self {
        let streams = [StreamKind::Stdout, StreamKind::Stderr].map(|kind| GuestStream::new(&lines, kind));
        let wasi = WasiCtxBuilder::new()
            .stdout(streams[0].clone())
            .stderr(streams[1].clone())
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(RANDOM_BYTES)
            .build();
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        Self {
            wasi,
            table,
            meter: Meter::new(&grants.limits),
            call: Call {
                facts: Vec::new(),
                cancel,
                voice: None,
                connectors: None,
                grants,
                grants_file,
                lines,
                usage: Usage::default(),
                n_sessions: 0,
                streams,
            },
        }
    }
}

impl Call {
    /// Gives the voice everything the guest has said, a last line without its end included.
    pub(crate) async fn finish_lines(&self) {
        for stream in &self.streams {
            stream.finish();
        }
        self.lines.drain().await;
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

fn list_facts(ctx: &StepContext) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("run.id", ctx.run_id.to_string()),
        ("job.id", ctx.job_id.to_string()),
        ("step.name", ctx.step.to_string()),
        ("attempt", ctx.attempt.to_string()),
        ("triggered_by", ctx.triggered_by.clone()),
        ("log_level", ctx.log_level.as_str().to_owned()),
    ];
    // The contract promises the instant of a slot, and a run that somebody began by hand has none.
    if ctx.triggered_by == Trigger::Cron.to_string() {
        facts.push(("scheduled_at", ctx.scheduled_at.to_rfc3339_opts(SecondsFormat::Millis, true)));
    }
    facts
}
