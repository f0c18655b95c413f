//! The Wasmtime engines of the process, one for each size of stack, and the thread that moves the epoch of each. Every
//! setting has its reason beside it.
//!
//! Invariant: the epoch moves as long as the engine lives, so guest code gives way to the host at least every [`TICK`],
//! and a kill takes effect within one tick.

use std::time::Duration;

use wasmtime::{Config, Engine, InstanceAllocationStrategy, OptLevel, WasmBacktraceDetails};

use crate::SandboxError;

/// How often running guest code gives way to the host.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// What the host's own functions get of the stack a guest runs on, beyond the guest's.
const HOST_STACK: usize = 3 * 512 * 1024;

/// Makes an engine whose guests have `stack_bytes` of stack, and starts its ticker.
pub(crate) fn start_engine(stack_bytes: usize) -> Result<Engine, SandboxError> {
    let mut config = Config::new();
    config
        .max_wasm_stack(stack_bytes)
        .async_stack_size(stack_bytes + HOST_STACK)
        // Deadlines and cancels. Fuel would do as well and costs twice as much (+52 % against +27 % on hashing).
        .epoch_interruption(true)
        .consume_fuel(false)
        .cranelift_opt_level(OptLevel::Speed)
        .parallel_compilation(true)
        // A pool saves 10 us per instance, and reserves terabytes of address space up front.
        .allocation_strategy(InstanceAllocationStrategy::OnDemand)
        // Function names are enough, and a variable of the environment must not change what a run records.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
    let engine = Engine::new(&config).map_err(|error| SandboxError::Engine { message: format!("{error:#}") })?;
    start_ticker(&engine)?;
    Ok(engine)
}

/// The thread ends with the last owner of the engine.
fn start_ticker(engine: &Engine) -> Result<(), SandboxError> {
    let weak = engine.weak();
    let tick = move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    };
    std::thread::Builder::new()
        .name("sandbox-epoch".to_owned())
        .spawn(tick)
        .map(drop)
        .map_err(|error| SandboxError::Engine { message: format!("the epoch thread does not start: {error}") })
}
