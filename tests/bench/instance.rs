//! A fresh instance of a component as the host makes one for every call (store, limits, deadline, links), against a bare
//! Wasmtime loop over the same file in the same run. Prints.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use host_sandbox::ComponentRunner;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

/// What the bare loop gives a guest: WASI with nothing in it.
struct Bare {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Bare {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

fn print(what: &str, times: &mut [Duration]) -> Duration {
    times.sort();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    println!("{what}: p50 {:?}, p99 {:?}, {} instances", at(50), at(99), times.len());
    at(50)
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let rounds: usize = std::env::var("NOMAFLOW_BENCH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(2000);
    let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/components/echo.wasm"));
    assert!(file.exists(), "build the guests first: cargo run -p plugin-builder -- --all");
    let folder = tempfile::tempdir().expect("a folder");
    let host = ComponentRunner::new(folder.path(), folder.path().join("cache")).expect("a sandbox");

    let mut config = Config::new();
    config.epoch_interruption(true);
    let engine = Engine::new(&config).expect("an engine");
    let component = Component::from_file(&engine, &file).expect("a component");
    let mut linker: Linker<Bare> = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("WASI");
    // The bare loop calls nothing, so the imports of ours need only be there.
    linker.define_unknown_imports_as_traps(&component).expect("imports");
    let prepared = linker.instantiate_pre(&component).expect("a linked component");

    let (mut ours, mut bare) = (Vec::with_capacity(rounds), Vec::with_capacity(rounds));
    for _ in 0..rounds {
        ours.push(host.time_instance(&file).await.expect("an instance"));
        let began = Instant::now();
        let mut store = Store::new(&engine, Bare { wasi: WasiCtxBuilder::new().build(), table: ResourceTable::new() });
        store.set_epoch_deadline(1);
        let instance = prepared.instantiate_async(&mut store).await.expect("an instance");
        bare.push(began.elapsed());
        std::hint::black_box(instance);
    }
    let host = print("fresh instance in the host", &mut ours);
    let loop_ = print("fresh instance, bare loop ", &mut bare);
    println!("ratio of the medians: {:.2}", host.as_secs_f64() / loop_.as_secs_f64());
}
