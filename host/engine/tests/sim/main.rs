//! Proof (a) of time you can trust: whole histories of several processes on one store, with crashes between any two calls,
//! stores that fail or lose answers, clocks that are set, reloads, pauses, and processes that stand still and go on. After
//! each the ledger and the runs are what an oracle says that knows nothing of the engine (`oracle`).
//!
//! A history is its seed (`plan`). `NOMAFLOW_SIM_SEED=7` lives through that one, `NOMAFLOW_SIM_REPEAT=100` so many times,
//! `NOMAFLOW_SIM_TRACE=1` prints every call when it fails. By the million:
//!
//! ```text
//! NOMAFLOW_SIM_HISTORIES=1000000 cargo test --release -p host-engine --test sim
//! ```
#![allow(clippy::unwrap_used, reason = "test code")]

mod changes;
mod dice;
mod differential;
mod files;
mod fires;
mod handle;
mod holds;
mod lot;
mod oracle;
mod plan;
mod runner;
mod tables;
mod tally;
mod world;

use plan::Plan;
use tally::Tally;

/// Test functions, which run beside one another.
const SLICES: u64 = 8;
const HISTORIES: u64 = 10_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

fn live_through_slice(slice: u64) {
    let count = number("NOMAFLOW_SIM_HISTORIES").unwrap_or(HISTORIES);
    let first = number("NOMAFLOW_SIM_FIRST").unwrap_or(0);
    let seeds = (first..first + count).filter(|seed| seed % SLICES == slice);
    let seeds: Box<dyn Iterator<Item = u64>> = match number("NOMAFLOW_SIM_SEED") {
        Some(seed) if seed % SLICES == slice => {
            Box::new(std::iter::repeat_n(seed, number("NOMAFLOW_SIM_REPEAT").unwrap_or(1) as usize))
        }
        Some(_) => Box::new(std::iter::empty()),
        None => Box::new(seeds),
    };
    let most = number("NOMAFLOW_SIM_FAILURES").unwrap_or(1);
    let (mut failures, mut tally) = (Vec::new(), Tally::default());
    for seed in seeds {
        match world::live_through(Plan::of(seed)) {
            Ok(one) => tally += one,
            Err(why) => {
                let lived = tally.histories;
                failures
                    .push(format!("{why}  NOMAFLOW_SIM_SEED={seed} lives through it again ({lived} passed before)"));
            }
        }
        if failures.len() as u64 >= most {
            break;
        }
    }
    println!("{tally:#?}");
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
    assert!(tally.histories < 500 || tally.has_everything(), "too little happens: {tally:#?}");
}

macro_rules! slices {
    ($($name:ident = $slice:literal)*) => {
        $(#[test]
        fn $name() {
            live_through_slice($slice);
        })*
    };
}

slices! {
    histories_0 = 0
    histories_1 = 1
    histories_2 = 2
    histories_3 = 3
    histories_4 = 4
    histories_5 = 5
    histories_6 = 6
    histories_7 = 7
}
