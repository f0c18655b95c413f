//! The context of a step for the benches of the sandbox, and a voice that only counts.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use host_model::log::LogLevel;
use host_model::port::{Connectors, StepContext, StepVoice};
use host_model::{CancelToken, JobId, Json, RunId, StepName};

/// Counts lines.
#[derive(Default)]
pub(crate) struct Counter(AtomicUsize);

impl Counter {
    #[allow(dead_code, reason = "not every bench that shares this file counts")]
    pub(crate) fn lines(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl StepVoice for Counter {
    async fn log(&self, _: LogLevel, _: &str) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn progress(&self, _: u64, _: Option<u64>, _: &str) {}
}

/// A step with these params, which must be an object.
pub(crate) fn context(params: Json, connectors: Arc<dyn Connectors>) -> StepContext {
    let Json::Object(params) = params else { panic!("params are an object") };
    StepContext {
        run_id: RunId::from_parts(1, 0),
        job_id: JobId::new("bench").expect("an id"),
        app: "bench".to_owned(),
        step: StepName::new("call").expect("a name"),
        index: 0,
        attempt: 1,
        triggered_by: "api".to_owned(),
        scheduled_at: host_model::Instant::UNIX_EPOCH,
        log_level: LogLevel::Info,
        params,
        own_keys: Vec::new(),
        results: Arc::new(HashMap::new()),
        cancel: CancelToken::new(),
        timeout: Duration::from_secs(600),
        voice: Arc::new(Counter::default()),
        connectors,
    }
}
