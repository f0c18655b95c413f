//! `endless:run` computes for ever, without a single call of the host: only an interruption from outside ends it.

use nomaflow_guest::Error;
use serde_json::Value;

fn run(_: Value) -> Result<Value, Error> {
    let mut state = 1u64;
    loop {
        // Kept opaque, else the optimizer may drop a loop that does nothing.
        state = std::hint::black_box(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

nomaflow_guest::plugin! { "run" => run }
