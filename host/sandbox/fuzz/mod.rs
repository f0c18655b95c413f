//! The fuzzer of the sandbox, an ordinary test with a seed: `bytes` changes sound components and takes each through all that
//! a file in `plugins/` meets (inspect, compile, describe, call), `calls` calls every import with arguments of any kind.
//!
//! What must hold, whatever comes: no panic, no hang beyond the limits, no allocation beyond them. Every input that ever
//! broke one of these lies in `corpus` and is tried first. A failure prints the round, which is a seed of its own:
//!
//! ```sh
//! cargo nextest run -p host-sandbox -E 'test(/^fuzz/)'                              # a few thousand rounds
//! NOMAFLOW_FUZZ_ROUNDS=5000000 cargo test -p host-sandbox --lib fuzz -- --nocapture  # millions (optimised: --release)
//! NOMAFLOW_FUZZ_SEED=81 NOMAFLOW_FUZZ_ROUNDS=1 cargo test -p host-sandbox --lib fuzz # one again
//! ```

mod bytes;
mod calls;
mod mutate;
mod program;

use std::time::{Duration, Instant};

use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::capability::wasi::watch_denials;
use crate::contract;
use crate::inspect::{ComponentFile, Prepared, prepare};
use crate::state::CallState;

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`, which may be 0.
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// The rounds to go: `NOMAFLOW_FUZZ_ROUNDS` of them, else `usual`, which end after `most` on a slow machine.
fn rounds(usual: u64, most: Duration) -> impl Iterator<Item = u64> {
    let asked = number("NOMAFLOW_FUZZ_ROUNDS");
    let first = number("NOMAFLOW_FUZZ_SEED").unwrap_or(1);
    let begun = Instant::now();
    (first..first + asked.unwrap_or(usual)).take_while(move |_| asked.is_some() || begun.elapsed() < most)
}

/// An engine and linker as the cache makes them.
struct House {
    engine: Engine,
    linker: Linker<CallState>,
}

impl House {
    fn new() -> Self {
        let engine = crate::engine::start_engine(512 << 10).expect("an engine");
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("WASI");
        watch_denials(&mut linker).expect("WASI");
        contract::add_to_linker(&mut linker).expect("the contract");
        Self { engine, linker }
    }

    fn prepare(&self, bytes: &[u8]) -> Result<Prepared, String> {
        let component = Component::from_binary(&self.engine, bytes).map_err(|error| format!("{error:#}"))?;
        let file = ComponentFile { path: "fuzz.wasm".into(), digest: String::new(), bytes: bytes.len() };
        prepare(&self.engine, &self.linker, &component, file).map_err(|error| error.to_string())
    }
}

/// Resident bytes of this process.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("a number") * 4096
}
