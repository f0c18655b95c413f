//! What the host keeps for one call: the WASI context, which has the granted folders and variables and denies everything
//! else, the meter, and what the capabilities of `nomaflow:step` need. Lives in the Wasmtime store and dies with it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use chrono::SecondsFormat;
use host_model::log::LogLevel;
use host_model::port::{Access, Connectors, StepContext, StepVoice};
use host_model::run::Trigger;
use host_model::{CancelToken, JsonMap, StepError};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::filesystem::FsPerms;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::grants::Grants;
use crate::limits::Meter;
use crate::lines::{GuestStream, Lines, StreamKind};
use crate::services::Services;
use crate::usage::Usage;

/// Handles a call may hold at once, those of WASI included. Above honest use, and bounds what one guest can take of the
/// files a process may have open.
pub(crate) const HANDLES: usize = 256;
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
    /// The component's name, which is the space of its state.
    pub(crate) plugin: String,
    /// Keys of `context.get`.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// What `context.parameter` answers from.
    pub(crate) params: JsonMap,
    pub(crate) cancel: CancelToken,
    pub(crate) voice: Option<Arc<dyn StepVoice>>,
    /// None while a component is inspected.
    pub(crate) connectors: Option<Arc<dyn Connectors>>,
    /// None there too, and where the house has none.
    pub(crate) services: Option<Services>,
    pub(crate) grants: Grants,
    /// The file of grants as messages name it.
    pub(crate) grants_file: String,
    pub(crate) lines: Arc<Lines>,
    pub(crate) usage: Usage,
    /// Sessions that are open now, by the pool they are of.
    pub(crate) sessions: HashMap<String, usize>,
    /// LDAP searches that are open now.
    pub(crate) n_searches: usize,
    /// Which granted folder an open handle of WASI belongs to.
    pub(crate) directories: HashMap<u32, String>,
    streams: [GuestStream; 2],
}

impl CallState {
    /// The state of a call of `plugin` on behalf of a step. `cancel` is the call's own token; granted folders are
    /// relative to `home`.
    ///
    /// # Errors
    /// When a granted folder cannot be opened.
    pub(crate) fn new(
        ctx: &StepContext,
        cancel: CancelToken,
        plugin: &str,
        (grants, grants_file): (Grants, String),
        services: Option<Services>,
        home: &Path,
    ) -> Result<Self, StepError> {
        let lines = Lines::new(Some(Arc::clone(&ctx.voice)), ctx.log_level, &grants.limits);
        let mut wasi = WasiCtxBuilder::new();
        for (name, directory) in &grants.directories {
            let perms = match directory.access {
                Access::Read => FsPerms::ReadOnly,
                Access::ReadWrite => FsPerms::ReadWrite,
            };
            wasi.preopened_dir(home.join(&directory.path), format!("/{name}"), perms).map_err(|error| {
                let path = directory.path.display();
                let why = error.root_cause();
                StepError::definition(format!(
                    "directory `{name}`, granted in `{grants_file}` as `{path}`, cannot be opened: {why}"
                ))
            })?;
        }
        if let Some(services) = &services {
            for name in &grants.env {
                if let Some(value) = (services.env)(name) {
                    wasi.env(name, value);
                }
            }
        }
        let mut state = Self::assemble(wasi, lines, cancel, grants, grants_file);
        state.call.plugin = plugin.to_owned();
        state.call.facts = list_facts(ctx);
        state.call.params = ctx.params.clone();
        state.call.voice = Some(Arc::clone(&ctx.voice));
        state.call.connectors = Some(Arc::clone(&ctx.connectors));
        state.call.services = services;
        Ok(state)
    }

    /// A state that knows nobody and grants nothing, for asking a component what it is.
    pub(crate) fn without_capabilities(cancel: CancelToken) -> Self {
        let grants = Grants::default();
        let lines = Lines::new(None, LogLevel::Error, &grants.limits);
        Self::assemble(WasiCtxBuilder::new(), lines, cancel, grants, String::new())
    }

    fn assemble(
        mut wasi: WasiCtxBuilder,
        lines: Arc<Lines>,
        cancel: CancelToken,
        grants: Grants,
        grants_file: String,
    ) -> Self {
        let streams = [StreamKind::Stdout, StreamKind::Stderr].map(|kind| GuestStream::new(&lines, kind));
        let wasi = wasi
            .stdout(streams[0].clone())
            .stderr(streams[1].clone())
            // Sockets are never granted: hosts and methods could not be checked behind them.
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
                plugin: String::new(),
                facts: Vec::new(),
                params: JsonMap::new(),
                cancel,
                voice: None,
                connectors: None,
                services: None,
                grants,
                grants_file,
                lines,
                usage: Usage::default(),
                sessions: HashMap::new(),
                n_searches: 0,
                directories: HashMap::new(),
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
        self.lines.finish().await;
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
