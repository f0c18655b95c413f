//! Files: every change of a sound component is refused with a reason or behaves within the limits.

use std::time::{Duration, Instant};

use host_model::CancelToken;

use super::mutate::mutate;
use super::{House, Random, resident, rounds};
use crate::instance::{Watch, new_store, supervise};
use crate::limits::{Limits, Meter};
use crate::state::CallState;

/// What a call may use: little, so that a round is short.
const LIMITS: Limits = Limits {
    memory_bytes: 4 << 20,
    wall: None,
    cpu: Some(Duration::from_millis(50)),
    output_bytes: 1 << 16,
    response_bytes: 1 << 16,
    log_lines: 100,
    log_lines_per_second: 1_000,
    table_elements: 1_000,
    stack_bytes: 512 << 10,
};
const ALLOWED: Duration = Duration::from_millis(100);
/// A round beyond this hangs: a second to list, its call, and time to end both.
const LONGEST: Duration = Duration::from_secs(4);
/// What the process may grow by, over all rounds.
const GROWTH: u64 = 300 << 20;

/// Sound components as text: with memory, tables, globals, data, imports of ours; one does something with each.
fn seeds() -> Vec<Vec<u8>> {
    let bodies = [
        "(func $run (result i32) (i32.const 96))",
        "(global $n (mut i32) (i32.const 3)) (table $t 2 funcref) (elem (i32.const 0) func $down $down)
         (func $down (param i32) (result i32) (if (result i32) (local.get 0)
            (then (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1))))) (else (i32.const 0))))
         (func $run (result i32) (drop (call $down (i32.const 100))) (drop (memory.grow $memory (i32.const 2)))
            (drop (table.grow $t (ref.null func) (i32.const 5))) (global.set $n (i32.const 7)) (i32.const 96))",
        "(func $start (i32.store (i32.const 200) (i32.const 1))) (start $start)
         (func $run (result i32) (local i32) (loop $more
            (local.set 0 (i32.add (local.get 0) (i32.const 1)))
            (br_if $more (i32.lt_u (local.get 0) (i32.const 1000))))
            (memory.fill (i32.const 300) (i32.const 65) (i32.const 64))
            (memory.copy (i32.const 400) (i32.const 300) (i32.const 64)) (i32.const 96))",
    ];
    let text = |body: &&str| wat::parse_str(plugin_text::plugin_text(body)).expect("sound text");
    bodies.iter().map(text).collect()
}

#[path = "../tests/sandbox/plugin_text.rs"]
#[allow(dead_code, reason = "shared with the tests of whole components, which use more of it")]
mod plugin_text;

/// Takes a file through all it meets, and tells how far it came: 0 refused, 1 linked, 2 listed, 3 called.
fn meet(house: &House, runtime: &tokio::runtime::Runtime, bytes: &[u8]) -> usize {
    let begun = Instant::now();
    if crate::file_kind::ensure_component(std::path::Path::new("fuzz.wasm"), bytes).is_err() {
        return 0;
    }
    let Ok(prepared) = house.prepare(bytes) else { return 0 };
    let came = match prepared.callables() {
        Err(_) => 1,
        Ok(callables) => {
            let name = callables.first().map_or("run", |callable| callable.name.as_str());
            let watch = Watch::new(CancelToken::new(), ALLOWED, Duration::ZERO);
            let mut state = CallState::without_capabilities(watch.cancel.clone());
            (state.meter, state.call.grants.limits) = (Meter::new(&LIMITS), LIMITS);
            runtime.block_on(async {
                let mut store = new_store(prepared.plugin.engine(), state, &watch);
                let ending = supervise(prepared.plugin.call(&mut store, name, "{}"), &watch).await;
                let meter = store.into_data().meter;
                assert!(meter.peak() as u64 <= LIMITS.memory_bytes, "{}", meter.peak());
                drop(ending.result);
            });
            3
        }
    };
    assert!(begun.elapsed() < LONGEST, "it took {:?}", begun.elapsed());
    came
}

#[test]
fn any_change_of_a_component_is_refused_or_contained() {
    let house = House::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let seeds = seeds();
    for seed in &seeds {
        assert_eq!(meet(&house, &runtime, seed), 3, "the seeds are sound");
    }
    for found in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus")).expect("the corpus").flatten() {
        // The README among them is one more file that is no component.
        meet(&house, &runtime, &std::fs::read(found.path()).expect("reads"));
    }
    let before = resident();
    let (mut came, mut n) = ([0_u64; 4], 0_u64);
    for round in rounds(6_000, Duration::from_secs(15)) {
        let mut random = Random(round);
        let mut bytes = mutate(random.one_of(&seeds).as_slice(), &mut random);
        // Far from home now and then.
        for _ in 0..random.below(3) / 2 * 3 {
            bytes = mutate(&bytes, &mut random);
        }
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| meet(&house, &runtime, &bytes)));
        match ended {
            Ok(far) => came[far] += 1,
            Err(_) => {
                let kept = std::env::temp_dir().join(format!("nomaflow-fuzz-{round}.wasm"));
                std::fs::write(&kept, &bytes).expect("writes");
                panic!("round {round} broke the host; its input is kept as `{}`", kept.display());
            }
        }
        n += 1;
    }
    println!("{n} rounds: {} refused, {} linked and no list, {} called", came[0], came[1], came[3]);
    assert!(n < 100 || came[1] > 0 && came[3] > 0, "the changes are too coarse: {came:?}");
    assert!(resident() < before + GROWTH, "{} MB before, {} MB after", before >> 20, resident() >> 20);
}
