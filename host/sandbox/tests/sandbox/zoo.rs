//! The zoo: every hostile guest is contained. Each test says with what kind of failure and in which words, within which
//! time; and after each of them another guest runs, and the memory it took is given back.
//!
//! What a guest may not open, read or send to is tested in `services`, files that are no plugin in `files`, ends in `ends`,
//! each limit by its shortest way in `limits`; `tests/e2e/zoo.rs` lets the whole zoo loose in one server.

mod asking;
mod computing;
mod describing;
mod saying;

use std::sync::Arc;
use std::time::{Duration, Instant};

use host_model::connector::Directory;
use host_model::port::{StepFailure, StepOutcome};
use host_model::{Json, StepError, StepErrorKind};
use host_steps::ConnectorPools;
use serde_json::json;

use crate::support::{Home, Step, guest};

/// What is promised: a call is over within two seconds of its limit.
const PROMISE: Duration = Duration::from_secs(2);
/// What a guest may leave behind of its memory: pages the allocator keeps for the next one.
const LEFT: u64 = 64 << 20;

/// A home with the zoo, and with `echo` to see whether the host is well.
struct Zoo {
    home: Home,
    connectors: Option<Arc<ConnectorPools>>,
    resident: u64,
}

/// What became of a call.
struct Fate {
    result: Result<StepOutcome, StepFailure>,
    took: Duration,
    lines: Vec<String>,
}

impl Zoo {
    /// With these grants, warm: the time of compiling is not the subject.
    async fn with(grants: &str) -> Self {
        Self::with_directories(grants, Vec::new()).await
    }

    async fn with_directories(grants: &str, directories: Vec<Directory>) -> Self {
        let home = Home::with_services("zoo", directories).await;
        home.put("echo", &std::fs::read(guest("echo")).expect("a component"));
        home.grant("zoo", grants);
        let runner = home.runner.clone();
        let warm = move || ["zoo:spin", "echo:run"].map(|callable| runner.check(callable).expect("a callable"));
        tokio::task::spawn_blocking(warm).await.expect("no panic");
        home.run("echo:run", json!({})).await.expect("well");
        Self { home, connectors: None, resident: resident() }
    }

    /// The same with the connector `c`, an SQLite database with a table `t`.
    async fn with_database(grants: &str) -> Self {
        let mut zoo = Self::with(grants).await;
        zoo.connectors = Some(crate::sqlite::database(zoo.home.folder.path()).await);
        zoo
    }

    fn step(&self, params: Json, timeout: Duration) -> Step {
        let step = Step::new(params).timeout(timeout);
        match &self.connectors {
            Some(connectors) => step.connectors(connectors.clone()),
            None => step,
        }
    }

    /// Calls `zoo:<callable>`, and sees afterwards that the host is well.
    async fn fate(&self, callable: &str, params: Json) -> Fate {
        self.fate_within(callable, params, Duration::from_secs(60)).await
    }

    async fn fate_within(&self, callable: &str, params: Json, timeout: Duration) -> Fate {
        let step = self.step(params, timeout);
        let begun = Instant::now();
        let result = self.home.run_in(&format!("zoo:{callable}"), &step.ctx).await;
        let took = begun.elapsed();
        self.expect_well().await;
        Fate { result, took, lines: step.voice.lines() }
    }

    /// Another guest runs, and the memory is there again.
    async fn expect_well(&self) {
        self.home.run("echo:run", json!({})).await.expect("another guest runs");
        let begun = Instant::now();
        while resident() > self.resident + LEFT {
            let (now, before) = (resident() >> 20, self.resident >> 20);
            assert!(begun.elapsed() < PROMISE, "{now} MB are resident, {before} MB were before");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Fate {
    /// The error, which came in time.
    #[track_caller]
    fn error(&self, kind: StepErrorKind, limit: Duration) -> &StepError {
        assert!(self.took < limit + PROMISE, "{:?}", self.took);
        let error = &self.result.as_ref().expect_err("it is contained").error;
        assert_eq!(error.kind, kind, "{error:?}");
        error
    }

    /// A crash in these words.
    #[track_caller]
    fn crash(&self, part: &str) {
        let error = self.error(StepErrorKind::Crashed, Duration::from_secs(3));
        assert!(error.message.contains(part), "{}", error.message);
    }

    /// What the guest returned.
    #[track_caller]
    fn output(&self) -> Json {
        match &self.result {
            Ok(outcome) => Json::Object(outcome.output.clone()),
            Err(failure) => panic!("{:?}", failure.error),
        }
    }

    fn peak(&self) -> u64 {
        let usage = match &self.result {
            Ok(outcome) => &outcome.usage,
            Err(failure) => &failure.usage,
        };
        usage.as_ref().expect("usage")["peak_memory_bytes"].as_u64().expect("bytes")
    }

    #[track_caller]
    fn said(&self, line: &str) {
        assert!(self.lines.iter().any(|said| said.contains(line)), "`{line}` is missing in {:#?}", self.lines);
    }
}

/// Resident bytes of this process; a test is a process of its own.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("a number") * 4096
}
