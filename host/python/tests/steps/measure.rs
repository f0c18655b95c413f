//! Figures, not tests: `cargo test -p host-python --release measure -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{attempt, call, runner};

fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    format!("p50 {:?}, p95 {:?}, p99 {:?}", at(50), at(95), at(99))
}

#[tokio::test]
#[ignore = "a measurement"]
async fn measure_a_trivial_step_and_the_start_of_a_worker() {
    let warm = runner();
    for callable in ["basics:nothing", "basics:later"] {
        let attempt = attempt(json!({"n": 1}));
        let mut quiet = attempt.ctx.clone();
        quiet.own_keys.clear();
        let attempt = crate::support::Attempt { ctx: quiet, voice: attempt.voice };
        let mut times = Vec::new();
        for round in 0..2_200 {
            let begun = Instant::now();
            attempt.run(&warm, callable).await.unwrap();
            if round >= 200 {
                times.push(begun.elapsed());
            }
        }
        println!("warm `{callable}`: {}", percentiles(times));
    }
    let mut starts = Vec::new();
    for _ in 0..20 {
        let cold = runner();
        cold.find_interpreter("calls").await.unwrap();
        let begun = Instant::now();
        call(&cold, "basics:nothing", json!({})).await;
        starts.push(begun.elapsed());
    }
    println!("start of a worker and its first step: {}", percentiles(starts));
}
