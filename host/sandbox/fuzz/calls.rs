//! Calls: every import with arguments of any kind (`program`), by a guest that calls them as the machine does (`zoo:raw`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use host_model::CancelToken;
use host_model::connector::ConnectorSet;
use host_model::log::LogLevel;
use host_model::port::{Secrets, StepVoice};
use host_model::value::Value;

use super::program::program;
use super::{House, Random, resident, rounds};
use crate::Services;
use crate::capability::sql::tests::memory_sql::{Memory, MemoryConnectors, every_kind};
use crate::grants::Grants;
use crate::instance::{Watch, new_store, supervise};
use crate::limits::Meter;
use crate::lines::Lines;
use crate::state::CallState;

const ALLOWED: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(3);
const GROWTH: u64 = 300 << 20;

const GRANTS: &str = "[grants]\nldap = [\"people\"]\nsecrets = [\"token\"]\nstate = true\nenv = [\"A\"]\n\
    [grants.connectors]\nc = \"read-write\"\nr = \"read\"\naway = \"read\"\n[grants.http]\nhosts = [\"localhost:1\"]\n\
    [limits]\nmemory_mb = 16\nlog_lines = 200\nlog_lines_per_second = 100000\n";

struct Deaf;

#[async_trait]
impl StepVoice for Deaf {
    async fn log(&self, _: LogLevel, message: &str) {
        assert!(message.len() < 9_000, "a line of {} bytes", message.len());
    }

    fn progress(&self, _: u64, _: Option<u64>, note: &str) {
        assert!(note.chars().count() <= 200, "a note of {} bytes", note.len());
    }
}

impl Secrets for Deaf {
    fn find_secret(&self, name: &str) -> Option<String> {
        (name == "token").then(|| "s3cret".to_owned())
    }
}

fn component() -> Vec<u8> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("two folders deep");
    let guests = plugin_builder::find_guests(root).expect("the guests");
    let zoo: Vec<_> = guests.into_iter().filter(|guest| guest.name == "zoo").collect();
    std::fs::create_dir_all(root.join("target/components")).expect("a folder");
    let lock = std::fs::File::create(root.join("target/components/.lock")).expect("a lock file");
    lock.lock().expect("the lock");
    plugin_builder::build(root, &zoo).expect("the zoo compiles");
    std::fs::read(root.join("target/components/zoo.wasm")).expect("the zoo")
}

#[test]
fn any_argument_of_any_import_is_answered_or_ends_the_call() {
    let house = House::new();
    let prepared = house.prepare(&component()).expect("the zoo");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let state =
        runtime.block_on(host_store::open_roles("sqlite:state.db", folder.path())).expect("a store").plugin_state;
    let services = Services {
        http: Arc::new(host_steps::PluginHttp::new().expect("TLS works")),
        directories: Arc::new(host_steps::ConnectorPools::new(ConnectorSet::default())),
        secrets: Arc::new(Deaf),
        state,
        env: Arc::new(|_: &str| None),
    };
    let grants = Grants::parse(GRANTS, "zoo.toml").expect("sound grants");
    let results =
        [("select".to_owned(), every_kind(5)), ("break".to_owned(), (every_kind(3).0, vec![vec![Value::Null]; 3]))];
    let memory = Arc::new(Memory { results: results.into(), ..Memory::default() });
    let before = resident();
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    let (mut answered, mut trapped, mut stopped, mut calls) = (0_u64, 0_u64, 0_u64, 0_u64);
    for round in rounds(3_000, Duration::from_secs(15)) {
        let params = program(&mut Random(round)).to_string();
        let watch = Watch::new(CancelToken::new(), ALLOWED, Duration::from_millis(200));
        let mut state = CallState::without_capabilities(watch.cancel.clone());
        state.call.plugin = "zoo".to_owned();
        state.meter = Meter::new(&grants.limits);
        state.call.lines = Lines::new(Some(Arc::new(Deaf)), LogLevel::Debug, &grants.limits);
        state.call.voice = Some(Arc::new(Deaf));
        state.call.grants = grants.clone();
        state.call.connectors = Some(Arc::new(MemoryConnectors(Arc::clone(&memory))));
        state.call.services = Some(services.clone());
        let begun = Instant::now();
        let run = || {
            runtime.block_on(async {
                let mut store = new_store(prepared.plugin.engine(), state, &watch);
                let ending = supervise(prepared.plugin.call(&mut store, "raw", &params), &watch).await;
                let usage = store.into_data().call.usage;
                (ending.stop.is_some(), ending.result, usage.host_calls)
            })
        };
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        let Ok((was_stopped, result, host_calls)) = ended else { panic!("round {round} broke the host: {params}") };
        assert!(begun.elapsed() < LONGEST, "round {round} took {:?}: {params}", begun.elapsed());
        match result {
            _ if was_stopped => stopped += 1,
            Some(Ok(_)) => answered += 1,
            Some(Err(error)) => {
                let why: String =
                    error.root_cause().to_string().chars().filter(|c| !c.is_ascii_digit()).take(40).collect();
                *reasons.entry(why).or_default() += 1;
                trapped += 1;
            }
            None => panic!("round {round} ended without a stop: {params}"),
        }
        calls += host_calls;
        memory.tables.lock().expect("no panic").clear();
        memory.opened.lock().expect("no panic").clear();
        let n_open = memory.n_open.load(std::sync::atomic::Ordering::SeqCst);
        assert_eq!(n_open, 0, "round {round}: {n_open} sessions were left open");
    }
    println!("{calls} calls of imports: {answered} programs ended well, {trapped} trapped, {stopped} were stopped");
    println!("the traps: {reasons:#?}");
    assert!(calls < 100 || answered > trapped / 4 && trapped > 0, "the arguments are too wild or too tame");
    assert!(resident() < before + GROWTH, "{} MB before, {} MB after", before >> 20, resident() >> 20);
}
