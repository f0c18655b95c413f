//! The sandbox beyond a fresh instance: a call that does nothing from end to end, rows into and out of a guest against the
//! same work in the host, a thousand sleeping instances, compiling and loading. Prints.
//!
//! Needs the guests (`cargo run -p plugin-builder -- --all`); of components in Python and JavaScript it compiles what is in
//! `target/components` and leaves out what is not.

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use host_model::batch::{Batch, BatchLimit};
use host_model::connector::{Connector, ConnectorSet, Dialect, Pool, PoolAddress};
use host_model::port::{Access, Connectors, SqlCursor, SqlSession, StepContext, StepRunner};
use host_model::value::{Binds, CellRef, Column, Row, Value};
use host_model::{CancelToken, ConnectorName, Json, StepError, StepSpec};
use host_sandbox::ComponentRunner;
use host_steps::ConnectorPools;
use serde_json::json;

#[path = "step.rs"]
mod step;

const BATCH: usize = 10_000;
const SELECT: &str = "select * from source";

fn quantile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

/// A database of as many rows as it is told, made while they are read, which forgets what is inserted.
struct Endless(i64);

struct Reading {
    columns: Vec<Column>,
    at: i64,
    end: i64,
}

/// Adds a row, in as little time as a row can be made.
fn push(id: i64, batch: &mut Batch, scratch: &mut String) {
    batch.push(CellRef::Int(id));
    batch.push(CellRef::Text(print(scratch, format_args!("carrier {id}"))));
    batch.push(CellRef::Float(id as f64 * 0.5));
    batch.push(CellRef::Decimal(print(scratch, format_args!("{id}.25"))));
    batch.push(CellRef::Timestamp("2013-01-31T05:00:00Z"));
    batch.push(CellRef::Null);
}

fn print<'a>(scratch: &'a mut String, text: std::fmt::Arguments<'_>) -> &'a str {
    scratch.clear();
    scratch.write_fmt(text).expect("memory");
    scratch
}

fn batch(ids: Range<i64>) -> Batch {
    let (mut batch, mut scratch) = (Batch::new(6), String::new());
    ids.for_each(|id| push(id, &mut batch, &mut scratch));
    batch
}

#[async_trait]
impl Connectors for Endless {
    async fn open(&self, _: &str, _: Access, _: &CancelToken) -> Result<Box<dyn SqlSession>, StepError> {
        Ok(Box::new(Endless(self.0)))
    }
}

#[async_trait]
impl SqlSession for Endless {
    fn dialect(&self) -> &'static str {
        "memory"
    }

    async fn query(&self, _: &str, _: Binds) -> Result<Box<dyn SqlCursor>, StepError> {
        let kinds = ["int8", "text", "float8", "numeric", "timestamptz", "text"];
        let column = |kind: &&str| Column { name: "c".to_owned(), kind: (*kind).to_owned(), nullable: true };
        Ok(Box::new(Reading { columns: kinds.iter().map(column).collect(), at: 0, end: self.0 }))
    }

    async fn execute(&self, _: &str, _: Binds) -> Result<u64, StepError> {
        Ok(0)
    }

    async fn insert_columns(&self, _: &str, _: &[String], batch: Batch) -> Result<u64, StepError> {
        Ok(black_box(batch).rows() as u64)
    }

    async fn begin(&self) -> Result<(), StepError> {
        Ok(())
    }

    async fn commit(&self) -> Result<(), StepError> {
        Ok(())
    }

    async fn rollback(&self) -> Result<(), StepError> {
        Ok(())
    }
}

#[async_trait]
impl SqlCursor for Reading {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    async fn next_columns(&mut self, limit: BatchLimit) -> Result<Batch, StepError> {
        let first = self.at;
        self.at = (first + limit.rows as i64).min(self.end);
        Ok(batch(first..self.at))
    }
}

struct House {
    folder: tempfile::TempDir,
    runner: ComponentRunner,
}

impl House {
    fn new(guests: &Path, names: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let app = folder.path().join("plugins/app");
        fs::create_dir_all(&app).expect("a folder");
        for name in names {
            fs::copy(guests.join(name).with_extension("wasm"), app.join(name).with_extension("wasm"))
                .unwrap_or_else(|error| panic!("{name}: {error}; build the guests first"));
        }
        fs::write(app.join("rows.toml"), "[grants.connectors]\nc = \"read-write\"\n").expect("writes");
        let runner = ComponentRunner::new(folder.path().join("plugins"), folder.path().join("cache")).expect("works");
        Self { folder, runner }
    }

    async fn run(&self, callable: &str, ctx: &StepContext) -> Result<Json, String> {
        let spec = StepSpec::Wasm { callable: callable.to_owned(), pins: Default::default() };
        let outcome = self.runner.run(&spec, ctx).await;
        outcome.map(|outcome| Json::Object(outcome.output)).map_err(|failure| failure.error.message)
    }
}

/// A call that does nothing, the whole way of a step through the sandbox; the peer is the thread it runs on, alone.
async fn noop(house: &House, rounds: usize) {
    let ctx = step::context(json!({}), Arc::new(Endless(0)));
    let (mut calls, mut threads) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let began = Instant::now();
        house.run("noisy:run", &ctx).await.expect("it does nothing");
        calls.push(began.elapsed());
        let began = Instant::now();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let handle = tokio::runtime::Handle::current();
        let thread = std::thread::spawn(move || handle.block_on(async move { sender.send(()) }));
        receiver.await.expect("it answers");
        threads.push(began.elapsed());
        thread.join().expect("no panic").expect("somebody listens");
    }
    let (call, thread) = (quantile(&mut calls, 50), quantile(&mut threads, 50));
    println!("call that does nothing:  p50 {call:?}, p99 {:?}, {rounds} calls", quantile(&mut calls, 99));
    println!("thread that does nothing: p50 {thread:?}, p99 {:?}", quantile(&mut threads, 99));
    println!("ratio of the medians: {:.2}", call.as_secs_f64() / thread.as_secs_f64());
}

fn weigh(cell: CellRef<'_>) -> u64 {
    match cell {
        CellRef::Int(number) => number as u64,
        CellRef::Float(number) => number as u64,
        CellRef::Decimal(text) | CellRef::Text(text) | CellRef::Timestamp(text) => text.len() as u64,
        _ => 0,
    }
}

/// Reads every row and looks at every cell, by row or by column as the guest does.
async fn take_in_host(connectors: &dyn Connectors, by_column: bool) -> u64 {
    let session = connectors.open("c", Access::Read, &CancelToken::new()).await.expect("a session");
    let mut cursor = session.query(SELECT, Binds::new()).await.expect("rows");
    let (mut rows, mut sum) = (0, 0);
    loop {
        if by_column {
            let batch = cursor.next_columns(BatchLimit::rows(BATCH)).await.expect("rows");
            rows += batch.rows() as u64;
            let cells = batch.columns().iter().flat_map(|cells| (0..cells.len()).map(|row| cells.get(row)));
            sum += cells.map(weigh).sum::<u64>();
            if batch.is_empty() {
                break;
            }
        } else {
            let batch = cursor.next_batch(BATCH).await.expect("rows");
            rows += batch.len() as u64;
            sum += batch.iter().flatten().map(|cell| weigh(cell.into())).sum::<u64>();
            if batch.is_empty() {
                break;
            }
        }
    }
    assert!(black_box(sum) > 0);
    rows
}

/// Inserts `n` rows.
async fn emit_in_host(connectors: &dyn Connectors, n: i64, by_column: bool) -> u64 {
    let session = connectors.open("c", Access::ReadWrite, &CancelToken::new()).await.expect("a session");
    let columns: Vec<String> = ["id", "name", "amount", "price", "moment", "nothing"].map(str::to_owned).into();
    let mut done = 0;
    for first in (0..n).step_by(BATCH) {
        let ids = first..(first + BATCH as i64).min(n);
        done += if by_column {
            session.insert_columns("t", &columns, made_like_the_guest(ids)).await.expect("taken")
        } else {
            session.insert_rows("t", &columns, ids.map(row).collect()).await.expect("taken")
        };
    }
    done
}

/// Rows by column with a text of its own for every cell that is one, which is what the guest makes them from.
fn made_like_the_guest(ids: Range<i64>) -> Batch {
    let mut batch = Batch::new(6);
    for id in ids {
        batch.push(CellRef::Int(id));
        batch.push(CellRef::Text(&format!("carrier {id}")));
        batch.push(CellRef::Float(id as f64 * 0.5));
        batch.push(CellRef::Decimal(&format!("{id}.25")));
        batch.push(CellRef::Timestamp("2013-01-31T05:00:00Z"));
        batch.push(CellRef::Null);
    }
    batch
}

fn row(id: i64) -> Row {
    vec![
        Value::Int(id),
        Value::Text(format!("carrier {id}")),
        Value::Float(id as f64 * 0.5),
        Value::Decimal(format!("{id}.25")),
        Value::Timestamp("2013-01-31T05:00:00Z".to_owned()),
        Value::Null,
    ]
}

/// The best of five of each, in rows per second. In turns, so that whatever else the machine does meets both.
async fn rates(n: i64, mut host: impl AsyncFnMut(), mut guest: impl AsyncFnMut()) -> (f64, f64) {
    let (mut in_host, mut in_guest) = (0_f64, 0_f64);
    for _ in 0..5 {
        let began = Instant::now();
        host().await;
        in_host = in_host.max(n as f64 / began.elapsed().as_secs_f64());
        let began = Instant::now();
        guest().await;
        in_guest = in_guest.max(n as f64 / began.elapsed().as_secs_f64());
    }
    (in_host, in_guest)
}

/// Rows into and out of a guest, and the same work in the host.
async fn rows(house: &House, what: &str, connectors: &Arc<dyn Connectors>, n: i64) {
    for by_column in [false, true] {
        let params = json!({"n": n, "batch": BATCH, "by_column": by_column, "statement": SELECT});
        let ctx = step::context(params, Arc::clone(connectors));
        for callable in ["rows:take", "rows:emit"] {
            let host = async || {
                let rows = match callable {
                    "rows:take" => take_in_host(&**connectors, by_column).await,
                    _ => emit_in_host(&**connectors, n, by_column).await,
                };
                assert_eq!(rows, n as u64);
            };
            let guest = async || {
                let outcome = house.run(callable, &ctx).await.expect("rows");
                assert_eq!(outcome["rows"], n);
            };
            let (host, guest) = rates(n, host, guest).await;
            let form = if by_column { "by column" } else { "by row" };
            let way = if callable == "rows:take" { "into" } else { "out of" };
            println!(
                "rows {way} a guest {form}, {what}: {:.2} M/s, in the host {:.2}, ratio {:.2}",
                guest / 1e6,
                host / 1e6,
                guest / host
            );
        }
    }
}

/// A table of such rows in SQLite, and an empty one for those that come back.
async fn sqlite(folder: &Path, n: i64) -> Arc<dyn Connectors> {
    let name = ConnectorName::new("c").expect("a name");
    let pool = Pool::new("c", PoolAddress::Sqlite { path: folder.join("rows.db") }, Default::default());
    let connector = Connector {
        name: name.clone(),
        pool: "c".to_owned(),
        dialect: Dialect::Sqlite,
        queries: Default::default(),
        source: Default::default(),
    };
    let (pools, connectors) = ([("c".to_owned(), pool)].into(), [(name, connector)].into());
    let pools = ConnectorPools::new(ConnectorSet { pools, connectors, ..ConnectorSet::default() });
    let session = pools.open("c", Access::ReadWrite, &CancelToken::new()).await.expect("a session");
    let columns = "id integer, name text, amount real, price text, moment timestamp, \"nothing\" text";
    for table in ["source", "t"] {
        session.execute(&format!("create table {table} ({columns})"), Binds::new()).await.expect("a table");
    }
    let names: Vec<String> = ["id", "name", "amount", "price", "moment", "nothing"].map(str::to_owned).into();
    session.insert_columns("source", &names, batch(0..n)).await.expect("inserts");
    Arc::new(pools)
}

/// Resident bytes of this process.
fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").expect("Linux");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("a number") * 4096
}

async fn sleepers(house: &House, n: usize) {
    let before = resident();
    let voice = Arc::new(step::Counter::default());
    let cancel = CancelToken::new();
    let mut calls = tokio::task::JoinSet::new();
    let began = Instant::now();
    for _ in 0..n {
        let ctx = step::context(json!({}), Arc::new(Endless(0)));
        let ctx = StepContext { voice: voice.clone(), cancel: cancel.child(), ..ctx };
        let runner = house.runner.clone();
        calls.spawn(async move {
            runner.run(&StepSpec::Wasm { callable: "sleepy:run".to_owned(), pins: Default::default() }, &ctx).await
        });
    }
    while voice.lines() < n {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (awake, grown) = (began.elapsed(), resident().saturating_sub(before));
    cancel.cancel("the bench is over");
    let began = Instant::now();
    while calls.join_next().await.is_some() {}
    let (mb, kb) = (grown as f64 / 1e6, grown as f64 / 1e3 / n as f64);
    println!(
        "{n} sleeping instances: {mb:.0} MB resident, {kb:.0} KB each; started in {awake:?}, ended in {:?}",
        began.elapsed()
    );
}

fn compile(guests: &Path) {
    for name in ["sleepy", "zoo", "words", "words-js", "words-py"] {
        let file = guests.join(name).with_extension("wasm");
        let Ok(size) = fs::metadata(&file).map(|metadata| metadata.len() as f64 / 1e6) else { continue };
        let cache = tempfile::tempdir().expect("a folder");
        let mut times = Vec::new();
        for _ in 0..2 {
            let runner = ComponentRunner::new(cache.path(), cache.path()).expect("a sandbox");
            let began = Instant::now();
            runner.inspect(&file).expect("a component");
            times.push(began.elapsed());
        }
        let per_mb = |time: Duration| time.as_secs_f64() * 1e3 / size;
        println!(
            "{name} ({size:.2} MB): compiled in {:?} ({:.0} ms/MB), from the cache in {:?} ({:.1} ms/MB), digest and list included",
            times[0],
            per_mb(times[0]),
            times[1],
            per_mb(times[1])
        );
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let rounds: usize = std::env::var("NOMAFLOW_BENCH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(2000);
    let guests = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/components"));
    let house = House::new(&guests, &["noisy", "rows", "sleepy"]);
    for callable in ["noisy:run", "rows:take", "sleepy:run"] {
        house.runner.check(callable).expect("a guest");
    }
    noop(&house, rounds).await;
    let n = rounds as i64 * 100;
    let memory: Arc<dyn Connectors> = Arc::new(Endless(n));
    rows(&house, "memory", &memory, n).await;
    rows(&house, "SQLite", &sqlite(house.folder.path(), n).await, n).await;
    sleepers(&house, 1000.min(rounds)).await;
    compile(&guests);
    drop(house.folder);
}
