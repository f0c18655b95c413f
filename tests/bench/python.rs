//! Python steps from the runner's call to the outcome: a callable that does nothing, the start and memory of a worker, and
//! steps that compute side by side against the same number one after another; a million rows of a connector that costs next
//! to nothing, as Arrow against rows of Python objects. Prints.

mod step;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use host_model::plugin_port::{PluginState, StateCondition, StateEntry, StateSet};
use host_model::port::{Access, Connectors, Secrets, SqlCursor, SqlSession, StepContext, StepRunner as _, StoreError};
use host_model::value::{Binds, Column, Row, Value as Cell};
use host_model::{CancelToken, JsonMap, StepError, StepSpec};
use host_python::{AppInterpreters, PythonConfig, PythonRunner, PythonServices};
use serde_json::{Value, json};

const CODE: &str = "
import os

def nothing():
    pass

async def nothing_later():
    pass

def computes():
    total = 0
    for n in range(6_000_000):
        total += n & 7
    return {'total': total}

def fetch(ctx):
    from time import perf_counter

    def took(work):
        began = perf_counter()
        rows = work()
        assert rows, rows
        return perf_counter() - began

    db = ctx.get_connector('made')
    best = {'arrow': [], 'rows': []}
    for _ in range(3):
        best['arrow'].append(took(lambda: len(db.arrow('select').ipc)))
        best['rows'].append(took(lambda: sum(len(batch) for batch in db.stream('select', batch_size=10_000)) == 1_000_000))
    return {name: min(times) for name, times in best.items()}

def memory():
    sizes = dict(line.split(':', 1) for line in open('/proc/self/smaps_rollup') if ':' in line and not line[0].isdigit())
    return {'rss': int(sizes['Rss'].split()[0]), 'pss': int(sizes['Pss'].split()[0])}
";

/// A house without anything but a connector that makes up rows.
struct Nothing;

const ROWS: usize = 1_000_000;

/// A session and a cursor at so many rows.
struct Made {
    columns: Vec<Column>,
    next: usize,
}

#[async_trait]
impl Connectors for Nothing {
    async fn open(&self, _: &str, _: Access, _: &CancelToken) -> Result<Box<dyn SqlSession>, StepError> {
        Ok(Box::new(Made::default()))
    }
}

impl Default for Made {
    fn default() -> Self {
        let column = |name: &str| Column { name: name.to_owned(), kind: "unknown".to_owned(), nullable: true };
        Self { columns: ["id", "station", "name", "value", "at"].map(column).to_vec(), next: 0 }
    }
}

fn refused<T>() -> Result<T, StepError> {
    Err(StepError::definition("only SELECTs here"))
}

#[async_trait]
impl SqlSession for Made {
    fn dialect(&self) -> &'static str {
        "made"
    }

    async fn query(&self, _: &str, _: Binds) -> Result<Box<dyn SqlCursor>, StepError> {
        Ok(Box::new(Self::default()))
    }

    async fn execute(&self, _: &str, _: Binds) -> Result<u64, StepError> {
        refused()
    }

    async fn insert_rows(&self, _: &str, _: &[String], _: Vec<Row>) -> Result<u64, StepError> {
        refused()
    }

    async fn begin(&self) -> Result<(), StepError> {
        refused()
    }

    async fn commit(&self) -> Result<(), StepError> {
        refused()
    }

    async fn rollback(&self) -> Result<(), StepError> {
        refused()
    }
}

#[async_trait]
impl SqlCursor for Made {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    async fn next_batch(&mut self, max: usize) -> Result<Vec<Row>, StepError> {
        let from = self.next;
        self.next = (from + max).min(ROWS);
        let row = |n: usize| {
            let (id, station) = (n as i64, (n % 977) as i64);
            vec![
                Cell::Int(id),
                Cell::Int(station),
                Cell::Text(format!("station {station}")),
                Cell::Float(n as f64 * 0.37),
                Cell::Timestamp(format!("2026-11-22T10:00:{:02}", n % 60)),
            ]
        };
        Ok((from..self.next).map(row).collect())
    }
}

impl Secrets for Nothing {
    fn find_secret(&self, _: &str) -> Option<String> {
        None
    }
}

#[async_trait]
impl PluginState for Nothing {
    async fn find_value(&self, _: &str, _: &str) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    async fn set_value(&self, _: &str, _: &StateEntry, _: &StateCondition, _: u32) -> Result<StateSet, StoreError> {
        Ok(StateSet::Full)
    }

    async fn delete_value(&self, _: &str, _: &str) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn list_values(&self, _: &str, _: &str, _: Option<&str>, _: u32) -> Result<Vec<StateEntry>, StoreError> {
        Ok(Vec::new())
    }
}

fn runner(plugins: &Path, program: &Path) -> PythonRunner {
    PythonRunner::new(PythonConfig {
        program: program.to_owned(),
        apps: AppInterpreters { plugins: plugins.to_owned(), default: "python3".into(), named: BTreeMap::new() },
        settings: JsonMap::new(),
        max_workers: 2,
        recycle_after: u32::MAX,
        recycle_memory: u64::MAX,
        step_memory: Some(2 << 30),
        services: PythonServices { secrets: Arc::new(Nothing), state: Arc::new(Nothing) },
    })
}

async fn call(runner: &PythonRunner, ctx: &StepContext, name: &str) -> Value {
    let spec = StepSpec::Python { callable: format!("bench:{name}") };
    json!(runner.run(&spec, ctx).await.expect("a step that succeeds").output)
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    println!("{what}: p50 {:?}, p99 {:?}, {} times", at(50), at(99), times.len());
}

fn cpu_of_others() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default()
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let rounds: usize = std::env::var("NOMAFLOW_BENCH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(2000);
    let program: PathBuf =
        std::env::var_os("NOMAFLOW_BENCH_PROGRAM").expect("NOMAFLOW_BENCH_PROGRAM names nomaflow").into();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("bench")).expect("an app");
    std::fs::write(folder.path().join("bench/bench.py"), CODE).expect("a module");
    let ctx = step::context(json!({}), Arc::new(Nothing));

    let warm = runner(folder.path(), &program);
    for name in ["nothing", "nothing_later"] {
        let mut times = Vec::with_capacity(rounds);
        for round in 0..rounds + 100 {
            let began = Instant::now();
            call(&warm, &ctx, name).await;
            if round >= 100 {
                times.push(began.elapsed());
            }
        }
        print(&format!("warm `{name}`"), times);
    }
    let memory = call(&warm, &ctx, "memory").await;
    println!("memory of a warm worker: {} kB resident, {} kB its own share", memory["rss"], memory["pss"]);

    let mut starts = Vec::new();
    for _ in 0..(rounds / 100).max(3) {
        let cold = runner(folder.path(), &program);
        cold.find_interpreter("bench").await.expect("an interpreter");
        let began = Instant::now();
        call(&cold, &ctx, "nothing").await;
        starts.push(began.elapsed());
    }
    print("start of a worker and its first step", starts);

    // In turn, and the best of each: what others do to the machine only ever makes it slower.
    let (mut alone, mut together) = (Duration::MAX, Duration::MAX);
    for _ in 0..5 {
        let began = Instant::now();
        call(&warm, &ctx, "computes").await;
        call(&warm, &ctx, "computes").await;
        alone = alone.min(began.elapsed());
        let began = Instant::now();
        tokio::join!(call(&warm, &ctx, "computes"), call(&warm, &ctx, "computes"));
        together = together.min(began.elapsed());
    }
    println!(
        "two steps that compute: one after another {alone:?}, side by side {together:?}, {:.2} times as fast (load of the machine {:.1})",
        alone.as_secs_f64() / together.as_secs_f64(),
        cpu_of_others()
    );

    let best = call(&warm, &ctx, "fetch").await;
    let (arrow, rows) = (best["arrow"].as_f64().unwrap_or_default(), best["rows"].as_f64().unwrap_or_default());
    println!(
        "a million rows of five columns, made by the host: as Arrow {arrow:.2} s, as dicts {rows:.2} s, {:.1} times as long",
        rows / arrow
    );
}
